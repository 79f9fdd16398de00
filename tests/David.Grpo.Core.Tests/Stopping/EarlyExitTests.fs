module David.Grpo.Tests.EarlyExitTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private rule threshold patience floor =
    {
        Measure = ConfidenceMeasure.VoteShare
        Threshold = threshold
        Patience = patience
        Floor = floor
    }

let private check confidence score cost =
    {
        Confidence = confidence
        Score = score
        Cost = cost
    }

let private someRun =
    gen {
        let! searches = Gen.choose (0, 5)

        let! checks =
            Gen.zip3 (Gen.choose (0, 10)) (Gen.choose (0, 1)) (Gen.choose (0, 3))
            |> Gen.listOfLength (searches + 1)

        let costs =
            checks |> List.scan (fun total (_, _, cost) -> total + cost) 0 |> List.tail

        return
            List.map2
                (fun (confidence, score, _) cost -> check (float confidence / 10.0) (float score) (float cost))
                checks
                costs
            |> Array.ofList
    }

let private someRuns = someRun |> Gen.nonEmptyListOf |> Gen.map Array.ofList

let private someRule =
    gen {
        let! threshold = Gen.choose (0, 10)
        let! patience = Gen.choose (1, 3)
        let! floor = Gen.choose (0, 3)
        return rule (float threshold / 10.0) patience floor
    }

/// Confidence rises, the answer comes right at check 2.
let private run =
    [|
        check 0.1 0.0 1.0
        check 0.8 0.0 2.0
        check 0.9 1.0 3.0
        check 0.95 1.0 5.0
    |]

let private states =
    [ StoppingState.SearchCount; StoppingState.SearchCountAndScore ]

[<Tests>]
let tests =
    testList "EarlyExitTests" [
        test "an exit needs the threshold, so many times in a row, after the floor" {
            let decide patience floor confidences =
                EarlyExit.decide (rule 0.8 patience floor) (Array.ofList confidences)

            decide 1 0 [] |> equals ExitDecision.Continue
            decide 1 0 [ 0.8 ] |> equals ExitDecision.Exit
            decide 1 0 [ 0.9; 0.7 ] |> equals ExitDecision.Continue
            decide 2 0 [ 0.7; 0.9 ] |> equals ExitDecision.Continue
            decide 2 0 [ 0.7; 0.9; 0.8 ] |> equals ExitDecision.Exit
            decide 1 2 [ 0.9; 0.9 ] |> equals ExitDecision.Continue
            decide 3 2 [ 0.9; 0.9; 0.9 ] |> equals ExitDecision.Exit
        }

        test "trial answers decide as their confidences do" {
            let trial votes : Trial =
                {
                    Answer = ""
                    Tokens = [||]
                    Votes = votes
                    LogProbsWith = [||]
                    LogProbsWithout = [||]
                    Retrieval = { Best = 0.0; Gap = 0.0; Fresh = 0.0 }
                }

            let trials = [| trial [| "a b"; "c" |]; trial [| "Rome"; "Rome" |] |]
            EarlyExit.decideOnTrials (rule 0.9 1 0) trials |> equals ExitDecision.Exit
            EarlyExit.decideOnTrials (rule 0.9 2 0) trials |> equals ExitDecision.Continue
        }

        test "more patience, a higher threshold or a later floor never exits sooner" {
            lawFor (Gen.zip someRuns someRule) (fun (runs, rule) ->
                let later other =
                    Array.forall2 (<=) (EarlyExit.exitSteps rule runs) (EarlyExit.exitSteps other runs)

                later
                    { rule with
                        Patience = rule.Patience + 1
                    }
                && later
                    { rule with
                        Threshold = rule.Threshold + 0.1
                    }
                && later { rule with Floor = rule.Floor + 1 })
        }

        test "the exit step is the first check at which the rule decides to exit" {
            lawFor (Gen.zip someRun someRule) (fun (run, rule) ->
                let step = EarlyExit.exitSteps rule [| run |] |> Array.head

                let decision t =
                    EarlyExit.decide rule (run |> Array.truncate (t + 1) |> Array.map _.Confidence)

                seq { 0 .. step - 1 } |> Seq.forall (fun t -> decision t = ExitDecision.Continue)
                && (step = run.Length - 1 || decision step = ExitDecision.Exit))
        }

        test "the envelope is at least what any fixed number of searches gets" {
            lawFor (Gen.zip someRuns (Gen.choose (0, 4))) (fun (runs, tenths) ->
                let price = float tenths / 10.0

                states
                |> List.forall (fun state ->
                    let oracle = EarlyExit.oracle state price runs

                    seq { 0..5 }
                    |> Seq.forall (fun searches ->
                        let steps = runs |> Array.map (fun run -> min searches (run.Length - 1))
                        EarlyExit.utility price runs steps <= oracle.Value + 1e-12)))
        }

        test "of one rollout the envelope is its best moment" {
            lawFor someRun (fun run ->
                states
                |> List.forall (fun state ->
                    let oracle = EarlyExit.oracle state 0.1 [| run |]

                    Golden.close 1e-12 oracle.HindsightValue oracle.Value
                    && Golden.close 1e-12 oracle.Value (EarlyExit.utility 0.1 [| run |] oracle.Stops)))
        }

        test "the envelope of a hand-made pair" {
            // Free searches: one rollout is right now and wrong next, the other the other way round. Expected to be right next: 1/2.
            let falls = [| check 0.0 1.0 0.0; check 0.0 0.0 0.0 |]
            let rises = [| check 0.0 0.0 0.0; check 0.0 1.0 0.0 |]
            let byCount = EarlyExit.oracle StoppingState.SearchCount 0.0 [| falls; rises |]
            byCount.Value |> equals 0.75
            byCount.HindsightValue |> equals 1.0
            byCount.Stops |> equals [| 0; 1 |]
            // With the score in the state, who is right stays where it is and who is wrong goes on.
            (EarlyExit.oracle StoppingState.SearchCountAndScore 0.0 [| falls; rises |]).Value |> equals 1.0
        }

        test "searches dearer than an answer are worth none" {
            lawFor someRuns (fun runs ->
                let dear =
                    runs |> Array.map (Array.mapi (fun t check -> { check with Cost = float t }))

                states |> List.forall (fun state -> (EarlyExit.oracle state 2.0 dear).Stops |> Array.forall ((=) 0)))
        }

        test "an infinite threshold never exits early, whatever the confidence" {
            lawFor someRuns (fun runs ->
                let certain =
                    runs |> Array.map (Array.map (fun check -> { check with Confidence = infinity }))

                let never = rule infinity 1 0

                EarlyExit.exitSteps never certain = (runs |> Array.map (fun run -> run.Length - 1))
                && EarlyExit.decide never [| infinity |] = ExitDecision.Continue)
        }

        test "a threshold learnt on replayed losses keeps the risk on new questions" {
            // Right from a random check on; confidence is a noisy sign of it.
            let question seed =
                let draw i = Seed.uniform (Seed.child i seed)
                let rightFrom = int (5.0 * draw 0L)

                Array.init 5 (fun t ->
                    let right = t >= rightFrom
                    let noise = draw (int64 (t + 1))
                    check (if right then 0.4 + 0.6 * noise else 0.7 * noise) (if right then 1.0 else 0.0) (float t))

            let questions name count =
                let seed = Seed.named name (Seed.ofInt64 4L)
                Array.init count (fun i -> question (Seed.child (int64 i) seed))

            let grid = Array.init 20 (fun i -> 0.05 * float (i + 1))
            let start = rule 0.0 1 0

            match
                EarlyExit.losses ExitLoss.Excess start grid (questions "calibration" 400)
                |> RiskControl.learnThenTest 0.1 0.05 grid
            with
            | Threshold.At(_, tau) ->
                let test = questions "test" 4000
                let learnt = { start with Threshold = tau }

                let risk =
                    EarlyExit.losses ExitLoss.Excess learnt [| tau |] test |> Array.map Array.head |> Array.average

                risk |> isBetween 0.0 0.1

                let saved =
                    EarlyExit.exitSteps learnt test |> Array.averageBy (fun step -> float (4 - step))

                Expect.isTrue (saved > 0.5) $"saves {saved} searches"
            | Threshold.NoneSafe -> failtest "a safe threshold exists"
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> EarlyExit.decide (rule nan 1 0) [||]) |> containsText "Threshold is NaN"
            refusal (fun () -> EarlyExit.decide (rule 0.5 0 0) [||]) |> containsText "Patience is 0"

            refusal (fun () -> EarlyExit.decide (rule 0.5 1 0) [| nan |])
            |> containsText "confidences[0] is NaN"

            refusal (fun () -> EarlyExit.exitSteps (rule 0.5 1 0) [| [||] |])
            |> containsText "runs[0] has no check"

            refusal (fun () -> EarlyExit.exitSteps (rule 0.5 1 0) [| [| check 0.0 0.0 2.0; check 0.0 0.0 1.0 |] |])
            |> containsText "never falls"

            refusal (fun () -> EarlyExit.oracle StoppingState.SearchCount 0.1 [||]) |> containsText "No rollout"
            refusal (fun () -> EarlyExit.utility 0.1 [| run |] [| 4 |]) |> containsText "steps has 4"
        }
    ]
