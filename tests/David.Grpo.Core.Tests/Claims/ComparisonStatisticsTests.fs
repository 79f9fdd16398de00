module David.Grpo.Tests.ComparisonStatisticsTests

open FsCheck.FSharp
open Expecto
open David.Grpo

[<Tests>]
let tests =
    testList "ComparisonStatisticsTests" [
        test "one arm or the other improves, and both alike come to a half" {
            let x, y = [| [| 0.5; 0.25 |]; [| 1.0; 0.0 |] |], [| [| 0.5; 0.5 |] |]
            let there = ComparisonStatistics.probabilityOfImprovement x y
            there |> equals 0.375
            ComparisonStatistics.probabilityOfImprovement y x |> equals (1.0 - there)
            ComparisonStatistics.probabilityOfImprovement x x |> equals 0.5
        }

        test "a front holds the points that nothing dominates, and only these" {
            let somePoints =
                Gen.zip (Gen.choose (0, 6)) (Gen.choose (0, 6))
                |> Gen.map (fun (cost, score) ->
                    {
                        Cost = float cost
                        Score = float score
                    })
                |> Gen.listOf
                |> Gen.map Array.ofList

            lawFor somePoints (fun points ->
                let dominates (a: CostScore) (b: CostScore) =
                    a.Cost <= b.Cost && a.Score >= b.Score && a <> b

                let expected =
                    [| 0 .. points.Length - 1 |]
                    |> Array.filter (fun index ->
                        not (Array.exists (fun other -> dominates other points[index]) points))
                    |> Array.sortBy (fun index -> points[index].Cost, index)

                ComparisonStatistics.paretoFront points = expected)
        }

        test "aggregates over runs and tasks are rliable's" {
            let cases = GoldenCase.all "golden/stats/aggregate_scores.json"
            isNotEmpty cases

            for case in cases do
                let x, y = GoldenCase.matrix "x" case.Inputs, GoldenCase.matrix "y" case.Inputs

                for name, ours in
                    [
                        "iqm", ComparisonStatistics.interquartileMean x
                        "mean", Statistics.mean (Array.concat x)
                        "improvement_x_over_y", ComparisonStatistics.probabilityOfImprovement x y
                    ] do
                    GoldenCase.assertClose $"{case.Name} {name}" 1e-9 (GoldenCase.number name case.Outputs) ours
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> ComparisonStatistics.interquartileMean [||])
            |> containsText "scores has no scores"

            refusal (fun () -> ComparisonStatistics.probabilityOfImprovement [| [| 1.0 |] |] [| [| 1.0; 2.0 |] |])
            |> containsText "y[0] has 2"

            refusal (fun () -> ComparisonStatistics.paretoFront [| { Cost = nan; Score = 1.0 } |])
            |> containsText "points[0] is NaN"
        }
    ]
