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

        test "an outcome has what is the question's and what the answer is worth, each in its place" {
            let own = trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "right wrong")

            Evaluation.outcome
                { own with
                    Question = { own.Question with Kind = "bridge" }
                }
            |> equals
                {
                    QuestionId = "q"
                    Kind = "bridge"
                    ExactMatch = 0.0
                    // Precision 1/2, recall 1.
                    F1 = 2.0 / 3.0
                    Coverage = 0.5
                    Searches = 1.0
                    GeneratedTokens = 3.0
                    Answered = 1.0
                }
        }

        test "a summary of the outcomes of a seed is what was recorded" {
            let outcomes =
                Array.init 20 (fun i ->
                    let drawn measure =
                        Seed.uniform (Seed.path [| int64 i; measure |] (Seed.ofInt64 2L))

                    {
                        QuestionId = string i
                        Kind = "bridge"
                        ExactMatch = drawn 0L
                        F1 = drawn 1L
                        Coverage = drawn 2L
                        Searches = drawn 3L
                        GeneratedTokens = drawn 4L
                        Answered = drawn 5L
                    })

            let summary = Evaluation.summarize 0.9 (Seed.ofInt64 4L) outcomes

            [
                for estimate in
                    [
                        summary.ExactMatch
                        summary.F1
                        summary.Coverage
                        summary.Searches
                        summary.GeneratedTokens
                        summary.Answered
                    ] do
                    match estimate.Interval with
                    | Interval.Between(low, high) -> $"{estimate.Count} %.6f{estimate.Mean} %.6f{low} %.6f{high}"
                    | Interval.Undefined -> "none"
            ]
            |> areRecorded "78206b3d4d36118e"
        }

        test "what an expert wrote was not sampled" {
            let own = trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered "right")

            let written =
                { own with
                    Segments =
                        own.Segments
                        |> Array.map (function
                            | Segment.Prompt tokens -> Segment.Prompt tokens
                            | Segment.Observation tokens -> Segment.Observation tokens
                            | other -> Segment.Expert other.Tokens)
                }

            (Evaluation.outcome written).GeneratedTokens |> equals 0.0
            isTrue ((Evaluation.outcome own).GeneratedTokens > 0.0)
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
