module David.Grpo.Tests.GroupStoppingTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private given (answers: string) =
    answers
    |> Seq.map (fun letter ->
        if letter = '-' then
            DrawnAnswer.Missing
        else
            DrawnAnswer.Given(string letter))
    |> Array.ofSeq

let private seed = Seed.ofInt64 17L

/// Rollouts of question `number`: gold "g" with a probability of its own, three wrong answers, one in ten without any.
let private sampled count (number: int64) (seed: Seed) =
    let own = Seed.child number seed
    let solveRate = 0.9 * Seed.uniform (Seed.named "rate" own)

    Array.init count (fun draw ->
        match Seed.uniform (Seed.path [| 1L; int64 draw |] own) with
        | u when u < solveRate -> DrawnAnswer.Given "g"
        | u when u < 0.9 -> DrawnAnswer.Given $"wrong {Seed.below 3 (Seed.path [| 2L; int64 draw |] own)}"
        | _ -> DrawnAnswer.Missing)

let private calibration =
    {
        Budgets = [| 2; 4; 8 |]
        Thresholds = [| infinity; 0.75; 0.5 |]
        Delta = 0.3
        Rollouts = 80
    }

[<Tests>]
let tests =
    testList "GroupStoppingTests" [
        test "answers are drawn in normal form, a right one as the first gold answer" {
            let answering ending =
                RewardTests.trajectory [ "a" ] [] ending |> RewardTests.scored 0.0

            [| Ending.Answered "Right!"; Ending.Answered "The Wrong."; Ending.Unanswered |]
            |> Array.map answering
            |> RewardTests.groupOf
            |> GroupStopping.drawn
            |> equals [| DrawnAnswer.Given "right"; DrawnAnswer.Given "wrong"; DrawnAnswer.Missing |]
        }

        test "budgets that do not rise from 1, and rollouts that do not reach the last, are refused" {
            let calibrated budgets draws =
                GroupStopping.calibrate 0.3 budgets seed draws (Array.map (fun _ -> "g") draws)

            let enough = [| given "gggg"; given "gabc" |]
            (calibrated [| 1; 4 |] enough).Rollouts |> equals 8

            for budgets in [ [||]; [| 0; 4 |]; [| 4; 4 |]; [| 4; 2 |] ] do
                GoldenCase.refusal (fun () -> calibrated budgets enough |> ignore) |> containsText "budgets are"

                GoldenCase.refusal (fun () ->
                    GroupStopping.decide { calibration with Budgets = budgets } seed (given "gg") |> ignore)
                |> containsText "budgets are"

            GoldenCase.refusal (fun () -> calibrated [| 2; 5 |] enough |> ignore)
            |> containsText "expected at least 5"

            GoldenCase.refusal (fun () -> GroupStopping.calibrate 0.3 [| 2 |] seed enough [| "g" |] |> ignore)
            |> containsText "gold has 1 entries"

            GoldenCase.refusal (fun () ->
                GroupStopping.decide
                    { calibration with
                        Thresholds = [| 0.5 |]
                    }
                    seed
                    (given "gg")
                |> ignore)
            |> containsText "Thresholds has 1 entries"
        }

        test "ranks and quantiles are the published formula's" {
            let cases = GoldenCase.all "golden/stats/conformal.json"
            isNotEmpty cases

            for case in cases do
                let scores, delta =
                    GoldenCase.numbers "scores" case.Inputs, GoldenCase.number "alpha" case.Inputs

                GroupStopping.quantileRank delta scores.Length
                |> equals (int (GoldenCase.number "rank" case.Outputs))

                GroupStopping.quantile delta scores |> equals (GoldenCase.number "threshold" case.Outputs)
        }

        test "the right answer is in the set as often as the level says" {
            // Each calibration of 39 questions covers a share that is Beta(28, 12) distributed, with deviation 0.072; over 300 of
            // them, each tried on 20 questions, the mean has a standard error of 0.0073. Four of these are allowed.
            let delta, budgets, gold = 0.3, [| 2; 4; 8 |], "g"
            let tolerance = 0.03

            let trial run =
                let seed = Seed.child (int64 run) seed
                let questions = Array.init 39 (fun i -> sampled 8 (int64 i) seed)

                let calibration =
                    GroupStopping.calibrate
                        delta
                        budgets
                        (Seed.named "calibrate" seed)
                        questions
                        (Array.replicate 39 gold)

                Array.init 20 (fun i ->
                    let draws = sampled 8 (int64 (100 + i)) seed
                    let own = Seed.path [| int64 i |] (Seed.named "test" seed)

                    Array.map2
                        (fun budget threshold ->
                            let draws = Array.truncate budget draws
                            let score = GroupStopping.score own draws gold

                            let covered =
                                match GroupStopping.answerSet threshold own draws with
                                | AnswerSet.Anything -> true
                                | AnswerSet.Of answers -> Array.contains gold answers

                            // With the same order of ties, the set holds what scores at most the threshold.
                            Expect.isTrue (covered || score > threshold) $"run {run}, question {i}, budget {budget}"
                            struct (covered, score <= threshold))
                        budgets
                        calibration.Thresholds)

            let trials = Array.init 300 trial |> Array.concat

            let share pick =
                float (trials |> Array.filter pick |> Array.length) / float trials.Length

            for place in 0..2 do
                let covered = share (fun trial -> let struct (covered, _) = trial[place] in covered)
                Expect.isTrue (covered >= 1.0 - delta - tolerance) $"budget {budgets[place]}: {covered}"

            // After 8 rollouts few gold answers are unseen, so scores do not tie, and coverage is no more than a rank above.
            let exact = share (fun trial -> let struct (_, atMost) = trial[2] in atMost)
            exact |> isBetween (1.0 - delta - tolerance) (1.0 - delta + 1.0 / 40.0 + tolerance)
        }

        test "a score lies between the mass before the gold answer and the mass with it" {
            let draws = given "aaabbbbg-c"

            for run in 0L .. 50L do
                let score = GroupStopping.score (Seed.child run seed) draws

                // b 0.4, a 0.3, then c and g with 0.1 each in either order; '-' has no mass.
                score "b" |> isBetween 0.0 0.4
                score "a" |> isBetween 0.4 0.7
                score "g" |> isBetween 0.7 0.9
                score "z" |> equals 1.0
                score "-" |> equals 1.0
        }

        test "ties stand in an order of chance" {
            let first =
                Array.init 400 (fun run ->
                    match GroupStopping.answerSet 0.3 (Seed.child (int64 run) seed) (given "ab") with
                    | AnswerSet.Of [| answer |] -> answer
                    | other -> failwith $"{other}")

            // Half, and four standard errors of 0.025.
            float (first |> Array.filter ((=) "a") |> Array.length) / 400.0 |> isBetween 0.4 0.6
        }

        test "an answer set grows with the threshold" {
            let draws = given "aaaabbc-"

            let set threshold =
                GroupStopping.answerSet threshold seed draws

            set 0.0 |> equals (AnswerSet.Of [| "a" |])
            set 0.5 |> equals (AnswerSet.Of [| "a" |])
            set 0.51 |> equals (AnswerSet.Of [| "a"; "b" |])
            set 0.8 |> equals (AnswerSet.Of [| "a"; "b"; "c" |])
            // The missing one's mass is nobody's.
            set 0.9 |> equals AnswerSet.Anything
            set 1.0 |> equals AnswerSet.Anything
            set infinity |> equals AnswerSet.Anything
            GroupStopping.answerSet 0.0 seed (given "--") |> equals AnswerSet.Anything
            GroupStopping.answerSet 0.0 seed [||] |> equals AnswerSet.Anything
        }

        test "a group stops at a budget, when one answer reaches the threshold" {
            let decide answers =
                GroupStopping.decide calibration seed (given answers)

            decide "" |> equals (StoppingDecision.Sample 2)
            decide "a" |> equals (StoppingDecision.Sample 1)
            decide "aa" |> equals (StoppingDecision.Sample 2)
            decide "aaba" |> equals (StoppingDecision.Stop "a")
            decide "abab" |> equals (StoppingDecision.Sample 4)
            decide "aa-b" |> equals (StoppingDecision.Sample 4)
            // Between budgets nothing is decided, however clear.
            decide "aaaaa" |> equals (StoppingDecision.Sample 3)
            decide "abacadaa" |> equals (StoppingDecision.Stop "a")
            decide "abacbdab" |> equals StoppingDecision.Exhausted
            decide "aaaaaaaaa" |> equals StoppingDecision.Exhausted
        }

        test "a fixed small delta with a weak policy never stops, delta by the solve rate does" {
            // Four in ten gold answers are never sampled.
            let questions =
                Array.init 100 (fun i -> if i % 10 < 4 then given "bbbbbbbb" else given "gggggggg")

            let stops delta =
                let calibration =
                    GroupStopping.calibrate delta [| 2; 4; 8 |] seed questions (Array.replicate 100 "g")

                match GroupStopping.decide calibration seed (given "gg") with
                | StoppingDecision.Stop _ -> true
                | _ -> false

            isFalse (stops 0.05)
            isTrue (stops (GroupStopping.deltaOf 0.6))
        }

        test "delta follows the solve rate within its range" {
            GroupStopping.deltaOf 1.0 |> equals 0.05
            GroupStopping.deltaOf 0.0 |> equals 0.95
            GoldenCase.assertClose "0.6" 1e-15 0.45 (GroupStopping.deltaOf 0.6)
        }

        test "a calibration depends on its seed and questions alone; without questions nothing stops" {
            let questions = Array.init 20 (fun i -> sampled 8 (int64 i) seed)
            let gold = Array.replicate 20 "g"

            GroupStopping.calibrate 0.3 [| 2; 8 |] seed questions gold
            |> equals (GroupStopping.calibrate 0.3 [| 2; 8 |] seed questions gold)

            let none = GroupStopping.calibrate 0.3 [| 2; 8 |] seed [||] [||]
            none.Thresholds |> equals [| infinity; infinity |]
            none.Rollouts |> equals 0
        }

        test "quantiles rise with the level" {
            let scores =
                Gen.choose (0, 16) |> Gen.map (fun k -> float k / 16.0) |> Gen.listOf |> Gen.map Array.ofList

            lawFor scores (fun scores ->
                let quantiles =
                    [| 0.05..0.05..0.95 |] |> Array.map (fun delta -> GroupStopping.quantile delta scores)

                Array.pairwise quantiles |> Array.forall (fun (strict, loose) -> strict >= loose))
        }

        test "wrong levels, budgets and groups are refused" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> GroupStopping.quantile 1.0 [| 0.5 |]) |> containsText "delta is 1"
            refusal (fun () -> GroupStopping.quantile 0.5 [| nan |]) |> containsText "scores[0] is NaN"

            refusal (fun () -> GroupStopping.calibrate 0.1 [| 4; 4 |] seed [||] [||])
            |> containsText "expected rising numbers"

            refusal (fun () -> GroupStopping.calibrate 0.1 [| 2; 4 |] seed [| given "ab" |] [| "a" |])
            |> containsText "draws[0] has 2 rollouts; expected at least 4"
        }
    ]
