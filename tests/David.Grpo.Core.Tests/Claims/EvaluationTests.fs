module David.Grpo.Tests.EvaluationTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Tests>]
let tests =
    testList "EvaluationTests" [
        test "an outcome holds what the trajectory did" {
            let outcome =
                Evaluation.outcome (trajectory [ "a"; "b" ] [ [ "a" ]; [ "x" ] ] (Ending.Answered "Right!"))

            outcome.ExactMatch |> equals 1.0
            outcome.F1 |> equals 1.0
            outcome.Coverage |> equals 0.5
            outcome.Searches |> equals 2.0
            outcome.GeneratedTokens |> equals 5.0
            outcome.Answered |> equals 1.0
        }

        test "who does not answer scores nothing" {
            let outcome = Evaluation.outcome (trajectory [ "a" ] [ [ "a" ] ] Ending.Truncated)
            (outcome.ExactMatch, outcome.F1, outcome.Answered, outcome.Coverage) |> equals (0.0, 0.0, 0.0, 1.0)
        }

        test "a summary's intervals hold its means" {
            let outcomes =
                [|
                    for i in 0..39 ->
                        Evaluation.outcome (
                            trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered(if i % 4 = 0 then "right" else "wrong"))
                        )
                |]

            let summary = Evaluation.summarize 0.95 (Seed.ofInt64 1L) outcomes
            summary.ExactMatch.Mean |> equals 0.25

            match summary.ExactMatch.Interval with
            // ± 1.96 √(.25 · .75 / 40) = ± 0.134
            | Interval.Between(low, high) ->
                low |> isBetween 0.05 0.2
                high |> isBetween 0.3 0.45
            | Interval.Undefined -> failtest "no interval"
        }

        test "a curve is linear between its points and level outside them" {
            let at = Evaluation.interpolate [| 10.0; 20.0; 40.0 |] [| 1.0; 2.0; 0.0 |]

            List.map at [ 0.0; 10.0; 15.0; 20.0; 30.0; 40.0; 90.0 ]
            |> equals [ 1.0; 1.0; 1.5; 2.0; 1.0; 0.0; 0.0 ]
        }
    ]
