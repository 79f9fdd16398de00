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

        test "95 % intervals over three and five seeds cover 95 %, where the normal quantile does not" {
            // Seeds and questions that vary as those of the demo: deviations 0.06 and 0.2 about a true mean of 0.
            let normal deviation seed =
                let u = Seed.uniform (Seed.child 0L seed)
                let v = Seed.uniform (Seed.child 1L seed)
                deviation * sqrt (-2.0 * log (1.0 - u)) * cos (2.0 * System.Math.PI * v)

            let experiment seeds seed =
                Array.init seeds (fun s ->
                    let own = Seed.child (int64 s) seed
                    let shift = normal 0.06 own
                    Array.init 40 (fun q -> shift + normal 0.2 (Seed.child (int64 (q + 2)) own)))

            let share seeds (holds: float[][] -> float[][] -> bool) =
                let trials = 2000

                Array.init trials (fun trial ->
                    let at side =
                        Seed.path [| int64 seeds; int64 trial; side |] (Seed.ofInt64 7L)

                    if holds (experiment seeds (at 0L)) (experiment seeds (at 1L)) then
                        1.0
                    else
                        0.0)
                |> Statistics.mean

            let covers (estimate: MeanEstimate) =
                match estimate.Interval with
                | Interval.Between(low, high) -> low <= 0.0 && 0.0 <= high
                | Interval.Undefined -> false

            let byNormalQuantile (scores: float[][]) _ =
                let means = scores |> Array.map Statistics.mean
                abs (Statistics.mean means) <= 1.96 * Statistics.sampleDeviation means / sqrt (float means.Length)

            for seeds, uncorrected in [ 3, 0.85; 5, 0.90 ] do
                for name, corrected in
                    [
                        "mean", (fun x _ -> ComparisonStatistics.meanScore 0.95 x)
                        "paired", ComparisonStatistics.scoreDifference 0.95 true
                        "independent", ComparisonStatistics.scoreDifference 0.95 false
                    ] do
                    let covered = share seeds (fun x y -> corrected x y |> covers)
                    Expect.isTrue (covered >= 0.935 && covered <= 0.985) $"{name}, {seeds} seeds: {covered}"

                Expect.isLessThan (share seeds byNormalQuantile) uncorrected $"{seeds} seeds, 1.96 standard errors"
        }

        test "seeds that pair narrow a difference; a single seed is judged by its questions" {
            let x = [| [| 0.0; 1.0; 1.0 |]; [| 0.0; 0.0; 1.0 |]; [| 1.0; 1.0; 1.0 |] |]
            let y = x |> Array.map (Array.map (fun score -> score - 0.125))

            let width (estimate: MeanEstimate) =
                match estimate.Interval with
                | Interval.Between(low, high) -> high - low
                | Interval.Undefined -> nan

            let paired = ComparisonStatistics.scoreDifference 0.95 true x y
            paired.Mean |> equals 0.125
            Expect.isLessThan (width paired) 1e-12 "equal differences"
            let independent = ComparisonStatistics.scoreDifference 0.95 false x y
            independent.Mean |> equals 0.125
            Expect.isGreaterThan (width independent) 0.5 "seeds' own spread"
            let lone = ComparisonStatistics.scoreDifference 0.95 false [| x[0] |] y
            lone.Count |> equals 3
            lone.Mean |> equals (Statistics.mean x[0] - Statistics.mean (Array.concat y))

            ComparisonStatistics.meanScore 0.95 [| x[0] |]
            |> equals (Statistics.bootstrapMean 0.95 2000 (Seed.ofInt64 0L) x[0])

            (ComparisonStatistics.meanScore 0.95 x).Count |> equals 3
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

            for arePaired in [ true; false ] do
                let difference y () =
                    ComparisonStatistics.scoreDifference 0.95 arePaired [| [| 1.0; 0.0 |]; [| 0.5; 0.5 |] |] y

                refusal (difference [| [| 1.0; nan |]; [| 0.5; 0.5 |] |]) |> startsWith "y["
                refusal (difference [||]) |> startsWith "y has no"
                refusal (difference [| [| 1.0 |]; [| 0.5 |] |]) |> startsWith "y[0] has 1"

            refusal (fun () -> ComparisonStatistics.paretoFront [| { Cost = nan; Score = 1.0 } |])
            |> containsText "points[0] is NaN"
        }
    ]
