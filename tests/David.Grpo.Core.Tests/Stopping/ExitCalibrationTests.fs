module David.Grpo.Tests.ExitCalibrationTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo

let private trial answer (confidence: float) : Trial =
    {
        Answer = answer
        Tokens =
            [|
                {
                    TopLogProb = log confidence
                    SecondLogProb = log confidence - 1.0
                    Entropy = 1.0 - confidence
                }
            |]
        Votes = [||]
        LogProbsWith = [||]
        LogProbsWithout = [||]
        Retrieval = { Best = 0.0; Gap = 0.0; Fresh = 0.0 }
    }

let private cost generated observed searches =
    { Cost.Zero with
        Rollouts = 1
        GeneratedTokens = int64 generated
        ObservedTokens = int64 observed
        Searches = int64 searches
    }

/// A search writes 4 tokens and reads 30; a trial has 3; the run's own answer is its last trial's.
let private runOf (trials: (float * bool * string)[]) : RecordedRun =
    let checks =
        trials
        |> Array.mapi (fun t (confidence, isRight, query) ->
            {
                Trial = trial "word" confidence
                Score = if isRight then 1.0 else 0.0
                Coverage = if isRight then 1.0 else 0.5
                Before = cost (4 * t) (30 * t) t
                TrialTokens = 3
                Query = if t + 1 < trials.Length then query else ""
            })

    let last = Array.last checks

    {
        Hops = 2
        Checks = checks
        Score = last.Score
        Coverage = last.Coverage
        Spent =
            { last.Before with
                GeneratedTokens = last.Before.GeneratedTokens + 3L
            }
    }

let confidence =
    ExitCriterion.Confidence(ConfidenceMeasure.Tokens(TokenMeasure.Least, FirstToken.Counted), 1, 0)

let private weights =
    {
        Bias = 0.0
        ScoreGap = 0.0
        AnswerEntropy = 1.0
        HopsLeft = 0.0
        Redundancy = 0.0
    }

let gain = ExitCriterion.Gain(weights, 1.0)

/// Sure and right from check 1 on, of 4.
let private run =
    runOf [| 0.3, false, "one"; 0.9, true, "two"; 0.95, true, "one"; 0.97, true, "" |]

let at tau = Threshold.At(0, tau)

let private someRun =
    gen {
        let! checks =
            Gen.zip3 (Gen.choose (1, 99)) (Gen.elements [ true; false ]) (Gen.elements [ "a"; "b"; "c" ])
            |> Gen.nonEmptyListOf

        return
            checks
            |> List.truncate 5
            |> List.map (fun (percent, isRight, query) -> float percent / 100.0, isRight, query)
            |> Array.ofList
            |> runOf
    }

let private someRuns = someRun |> Gen.nonEmptyListOf |> Gen.map Array.ofList

/// Confidence is the chance to be right, in one of three checks; the end is right 9 times in 10.
let world count seed =
    Array.init count (fun question ->
        let uniform i =
            Seed.uniform (Seed.path [| int64 question; int64 i |] (Seed.ofInt64 seed))

        let isRightAtEnd = uniform 0 < 0.9

        Array.init 4 (fun t ->
            let sure = 0.02 + 0.97 * uniform (3 * t + 1)
            sure, (if t = 3 then isRightAtEnd else uniform (3 * t + 2) < sure), $"query {t}")
        |> runOf)

[<Tests>]
let tests =
    testList "ExitCalibrationTests" [
        test "the gap to the hops is the mean distance by hops, rising, of runs whose hops are known" {
            let searched hops searches =
                let own = runOf (Array.replicate (searches + 1) (0.5, true, "q"))
                { own with Hops = hops }

            [| searched 2 4; searched 1 0; searched 0 3; searched 2 1; searched 1 1 |]
            |> ExitCalibration.gapByHops
            |> equals [|
                {
                    Hops = 1
                    Trajectories = 2
                    MeanAbsoluteGap = 0.5
                }
                {
                    Hops = 2
                    Trajectories = 2
                    MeanAbsoluteGap = 1.5
                }
            |]
        }

        test "a record has at each check what was spent, found and asked by then" {
            let passage id : Passage =
                {
                    Id = { Value = id }
                    Title = ""
                    Text = ""
                }

            let trajectory: Trajectory =
                {
                    Question =
                        {
                            Id = "q"
                            Text = ""
                            Answers = [| "right" |]
                            Gold = [| { Value = "a" }; { Value = "b" } |]
                            GoldTitles = [||]
                            Kind = ""
                            Hops = 2
                        }
                    Segments =
                        [|
                            Segment.Prompt [| 1 |]
                            Segment.Action([| 2; 3 |], [| 0.0; 0.0 |], 0)
                            Segment.Observation [| 4; 5; 6 |]
                            Segment.Action([| 7 |], [| 0.0 |], 0)
                        |]
                    Searches =
                        [|
                            {
                                Query = "who"
                                Passages = [| passage "b"; passage "x" |]
                                SegmentsThrough = 3
                            }
                        |]
                    RefusedSearches = 0
                    Ending = Ending.Answered "right"
                    Response = ""
                    PromptText = ""
                }

            let forced answer segments : ForcedAnswer =
                {
                    Trial = trial answer 0.5
                    Segments = segments
                    Tokens = 3
                }

            let record =
                ExitCalibration.record trajectory [| forced "wrong" 1; forced "Right." 3 |]

            record.Checks |> Array.map _.Query |> equals [| "who"; "" |]
            record.Checks |> Array.map _.Score |> equals [| 0.0; 1.0 |]
            record.Checks |> Array.map _.Coverage |> equals [| 0.0; 0.5 |]
            record.Checks[0].Before |> equals (cost 0 0 0)
            record.Checks[1].Before |> equals (cost 2 3 1)
            record.Spent |> equals (cost 3 3 1)
            (record.Hops, record.Score, record.Coverage) |> equals (2, 1.0, 0.5)
        }

        test "grids ascend, from every confidence to none and from dear searches to free ones" {
            for criterion in [ confidence; gain ] do
                let grid = ExitCalibration.grid criterion
                Array.pairwise grid |> Seq.iter (fun (low, high) -> isTrue (low < high))

            (ExitCalibration.grid confidence)[0] |> equals 0.0
            (ExitCalibration.grid confidence).Length |> equals 82
            Array.last (ExitCalibration.grid confidence) |> isBetween (1.0 - 2e-7) 1.0
            (ExitCalibration.grid gain)[0] |> equals -1.0
            Array.last (ExitCalibration.grid gain) |> equals 0.0
        }

        test "an exit keeps its trial answer and throws the earlier ones away" {
            let exited = (ExitCalibration.replay confidence (at 0.8) [| run |])[0]
            isTrue exited.IsEarly
            exited.Thrown |> equals 3L
            exited.Run.Spent |> equals (cost (4 + 3) 30 1)
            exited.Run.Score |> equals 1.0
            exited.Run.Checks.Length |> equals 2
            exited.Run.Checks[1].Query |> equals ""
        }

        test "a gate throws away the turn that asked, and forces trials only where a search is asked" {
            // Idleness is minus the entropy: −0.7, −0.1, and +∞ for the repeated query.
            let tau (criterion: ExitCriterion) tau =
                (ExitCalibration.replay criterion (at tau) [| run |])[0]

            let dear = tau gain -0.2
            dear.Run.Spent |> equals (cost (4 + 3) 30 1)
            dear.Thrown |> equals (3L + 4L)
            // At price 0 only the repeated query is cut.
            let free = tau gain 0.0
            isTrue free.IsEarly
            free.Run.Spent.Searches |> equals 2L
            free.Thrown |> equals (3L + 3L + 4L)
            let uncut = tau (ExitCriterion.Gain(weights, infinity)) 0.0
            isFalse uncut.IsEarly
            uncut.Thrown |> equals 9L
        }

        test "without a threshold every run goes to its end, and trials are thrown away" {
            lawFor someRuns (fun runs ->
                ExitCalibration.replay confidence Threshold.NoneSafe runs
                |> Array.forall2
                    (fun run exited ->
                        not exited.IsEarly && exited.Run = run && exited.Thrown = 3L * int64 run.Checks.Length)
                    runs)
        }

        test "at threshold 0 every run answers at its first check" {
            lawFor someRuns (fun runs ->
                ExitCalibration.replay confidence (at 0.0) runs
                |> Array.forall (fun exited -> exited.IsEarly && exited.Run.Spent.Searches = 0L && exited.Thrown = 0L))
        }

        test "what is used and what is saved are the full runs" {
            lawFor (Gen.zip someRuns (Gen.choose (0, 100))) (fun (runs, percent) ->
                let summary =
                    ExitCalibration.replay confidence (at (float percent / 100.0)) runs
                    |> ExitCalibration.summarize runs

                let mean (measure: RecordedRun -> int64) =
                    runs |> Array.averageBy (measure >> float)

                let close x y = abs (x - y) < 1e-9

                close (summary.Searches + summary.SearchesSaved) (mean _.Spent.Searches)
                && close (summary.GeneratedTokens + summary.GeneratedTokensSaved) (mean _.Spent.GeneratedTokens)
                && close (summary.ObservedTokens + summary.ObservedTokensSaved) (mean _.Spent.ObservedTokens)
                && summary.ExcessRisk >= summary.FullScore - summary.Score - 1e-9
                && summary.SearchesSaved >= 0.0)
        }

        test "checks agree with the rule's own decisions" {
            let rule =
                { ExitCalibration.rule confidence (at 0.6) with
                    Patience = 2
                    Floor = 1
                }

            let criterion = ExitCriterion.Confidence(rule.Measure, rule.Patience, rule.Floor)

            lawFor someRun (fun run ->
                let trials = run.Checks |> Array.map _.Trial

                let first =
                    seq { 0 .. trials.Length - 1 }
                    |> Seq.tryFind (fun t -> EarlyExit.decideOnTrials rule trials[..t] = ExitDecision.Exit)

                let exited = (ExitCalibration.replay criterion (at 0.6) [| run |])[0]

                match first with
                | Some t -> exited.IsEarly && exited.Run.Spent.Searches = int64 t
                | None -> not exited.IsEarly)
        }

        test "replays agree with the gate's own decisions" {
            lawFor (Gen.zip someRun (Gen.choose (0, 100))) (fun (run, percent) ->
                let gate =
                    {
                        Weights = weights
                        Multiplier = 1.0
                        Price = float percent / 100.0
                        Redundancy = 1.0
                    }

                let queries = run.Checks |> Array.map _.Query |> Array.filter ((<>) "")

                let first =
                    queries
                    |> Seq.indexed
                    |> Seq.tryFind (fun (t, query) ->
                        Selectivity.judgeSearch gate run.Checks[t].Trial queries[.. t - 1] query = GateDecision.Answer)

                let exited = (ExitCalibration.replay gain (at -gate.Price) [| run |])[0]

                match first with
                | Some(t, _) -> exited.IsEarly && exited.Run.Spent.Searches = int64 t
                | None -> not exited.IsEarly)
        }

        test "needless and missing searches are told apart" {
            let steps = ExitCalibration.judgedSteps [| run; runOf [| 0.5, false, "" |] |]
            Selectivity.overSearch steps |> equals { Hits = 2; Total = 3 }
            Selectivity.underSearch steps |> equals { Hits = 1; Total = 1 }
            let exited = ExitCalibration.replay confidence (at 0.8) [| run |]

            exited
            |> Array.map _.Run
            |> ExitCalibration.judgedSteps
            |> Selectivity.overSearch
            |> equals { Hits = 0; Total = 1 }
        }

        testTheory
            "learn then test holds the risk in 1 - delta of the splits, conformal risk control in the mean"
            [ 0.05; 0.1 ]
            (fun (risk: float) ->
                let runs = world 1200 1L

                let resample method =
                    ExitCalibration.resample method confidence 0.5 200 (Seed.ofInt64 2L) runs

                let tested = resample (RiskMethod.LearnThenTest(risk, 0.1))

                let held =
                    tested |> Array.filter (fun one -> one.Test.ExcessRisk <= risk) |> Array.length

                held |> isBetween 180 200

                let conformal = resample (RiskMethod.Conformal risk)
                let mean = conformal |> Array.averageBy _.Test.ExcessRisk
                // 200 splits of 600 questions: standard error about 0.001.
                mean |> isBetween (0.5 * risk) (risk + 0.003)

                let saved (exits: ResampledExit[]) =
                    exits |> Array.averageBy _.Test.SearchesSaved

                isTrue (saved tested > 0.0)
                isTrue (saved conformal >= saved tested))

        test "a risk that nothing meets searches to the end" {
            // 10 questions cannot vouch for 1 in 1,000.
            let runs = world 10 3L
            ExitCalibration.pick (RiskMethod.Conformal 0.001) confidence runs |> equals Threshold.NoneSafe

            ExitCalibration.pick (RiskMethod.LearnThenTest(0.001, 0.1)) confidence runs
            |> equals Threshold.NoneSafe
        }

        test "the gate is fitted to gains" {
            // One search always brings the right answer, the next one nothing.
            let runs =
                Array.init 20 (fun i -> runOf [| 0.2 + 0.01 * float i, false, "a"; 0.9, true, "b"; 0.95, true, "" |])

            let fitted = ExitCalibration.fitGate runs

            let gainAt t =
                let check = runs[0].Checks[t]
                let earlier = runs[0].Checks[.. t - 1] |> Array.map _.Query
                Selectivity.expectedGain fitted (Selectivity.stateOf check.Trial earlier check.Query)

            gainAt 0 |> isNear 1e-3 1.0
            gainAt 1 |> isNear 1e-3 0.0
            fitted.ScoreGap |> equals 0.0
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let resample share count =
                refusal (fun () ->
                    ExitCalibration.resample (RiskMethod.Conformal 0.1) confidence share count (Seed.ofInt64 1L) [|
                        run
                        run
                    |])

            resample 1.0 1 |> containsText "share is 1"
            resample 0.1 1 |> containsText "share is 0.1"
            resample 0.5 0 |> containsText "resamplings is 0"

            refusal (fun () -> ExitCalibration.fitGate [| runOf [| 0.5, true, "" |] |])
            |> containsText "Nothing was searched"

            refusal (fun () -> ExitCalibration.summarize [| run |] [||]) |> containsText "exited has 0"
        }
    ]
