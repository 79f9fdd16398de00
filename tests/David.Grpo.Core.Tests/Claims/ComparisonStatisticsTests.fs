module David.Grpo.Tests.ComparisonStatisticsTests

open FsCheck.FSharp
open Xunit
open David.Grpo

let private alternatives =
    [
        "two-sided", Alternative.TwoSided
        "greater", Alternative.Greater
        "less", Alternative.Less
    ]

let private known pValue =
    match pValue with
    | PValue.Known p -> p
    | PValue.Undefined -> nan

let private someDifferences =
    gen {
        let! count = Gen.choose (1, 9)
        let! values = Gen.choose (-20, 20) |> Gen.listOfLength count
        return values |> List.map (fun k -> float k / 8.0) |> Array.ofList
    }

[<Fact>]
let ``aggregates over runs and tasks are rliable's`` () =
    let cases = GoldenCase.all "golden/stats/aggregate_scores.json"
    Assert.Equal(6, cases.Length)

    for case in cases do
        let x, y = GoldenCase.matrix "x" case.Inputs, GoldenCase.matrix "y" case.Inputs

        for name, ours in
            [
                "iqm", ComparisonStatistics.interquartileMean x
                "median", ComparisonStatistics.medianOfMeans x
                "mean", Statistics.mean (Array.concat x)
                "optimality_gap", ComparisonStatistics.optimalityGap 1.0 x
                "improvement_x_over_y", ComparisonStatistics.probabilityOfImprovement x y
            ] do
            GoldenCase.assertClose $"{case.Name} {name}" 1e-9 (GoldenCase.number name case.Outputs) ours

[<Fact>]
let ``sign-flip p values are those of all flips, and scipy's`` () =
    let cases = GoldenCase.all "golden/stats/sign_flip.json"
    Assert.Equal(11, cases.Length)

    for case in cases do
        let differences = GoldenCase.numbers "difference" case.Inputs

        for name, alternative in alternatives do
            let ours = known (ComparisonStatistics.signFlip alternative differences)
            let what = $"{case.Name} {name}"
            GoldenCase.assertClose what 1e-9 (GoldenCase.number name (case.Outputs.GetProperty "p_value")) ours

            if GoldenCase.has "scipy_p_value" case.Outputs then
                GoldenCase.assertClose
                    what
                    1e-9
                    (GoldenCase.number name (case.Outputs.GetProperty "scipy_p_value"))
                    ours

[<Fact>]
let ``exact signed-rank p values are scipy's`` () =
    let cases =
        GoldenCase.all "golden/stats/wilcoxon.json"
        |> Array.filter (fun case -> GoldenCase.has "exact" case.Outputs)

    Assert.Equal(27, cases.Length)

    for case in cases do
        let alternative =
            alternatives
            |> List.find (fun (name, _) -> name = string (case.Inputs.GetProperty "alternative"))
            |> snd

        GoldenCase.numbers "difference" case.Inputs
        |> ComparisonStatistics.wilcoxon alternative
        |> known
        |> GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "p_value" (case.Outputs.GetProperty "exact"))

[<Fact>]
let ``the signed-rank test is the sign-flip test of the signed ranks`` () =
    lawFor someDifferences (fun differences ->
        let others = differences |> Array.filter ((<>) 0.0)

        let signedRanks =
            others
            |> Array.map (fun difference ->
                let below =
                    others |> Array.sumBy (fun other -> if abs other < abs difference then 2.0 else 0.0)

                let equal =
                    others |> Array.sumBy (fun other -> if abs other = abs difference then 1.0 else 0.0)

                float (sign difference) * (below + equal + 1.0))

        alternatives
        |> List.forall (fun (_, alternative) ->
            let ours = known (ComparisonStatistics.wilcoxon alternative differences)
            let flips = known (ComparisonStatistics.signFlip alternative signedRanks)
            Golden.close 1e-12 flips ours))

[<Fact>]
let ``differences turned round exchange the sides`` () =
    lawFor someDifferences (fun differences ->
        let mirrored = Array.map (~-) differences

        let both test =
            test Alternative.TwoSided differences = test Alternative.TwoSided mirrored

        let sides test =
            test Alternative.Greater differences = test Alternative.Less mirrored

        [ ComparisonStatistics.signFlip; ComparisonStatistics.wilcoxon ]
        |> List.forall (fun test -> both test && sides test))

[<Fact>]
let ``five seeds never reach 0.05 two-sided, six do`` () =
    let p count =
        known (ComparisonStatistics.signFlip Alternative.TwoSided (Array.init count (fun i -> 1.0 + float i)))

    Assert.Equal(0.0625, p 5)
    Assert.Equal(0.03125, p 6)
    Assert.Equal(PValue.Undefined, ComparisonStatistics.signFlip Alternative.TwoSided [||])
    Assert.Equal(PValue.Undefined, ComparisonStatistics.wilcoxon Alternative.TwoSided [| 0.0; 0.0 |])

[<Fact>]
let ``effect sizes are those of the published formulas`` () =
    let cases = GoldenCase.all "golden/stats/effect_size.json"
    Assert.Equal(9, cases.Length)

    for case in cases do
        let x, y = GoldenCase.numbers "x" case.Inputs, GoldenCase.numbers "y" case.Inputs

        for name, ours in
            [
                "cohen_d", ComparisonStatistics.cohenD x y
                "hedges_g", ComparisonStatistics.hedgesG x y
                "paired_d", ComparisonStatistics.pairedD x y
                "cliff_delta", ComparisonStatistics.cliffDelta x y
            ] do
            GoldenCase.assertClose $"{case.Name} {name}" 1e-9 (GoldenCase.number name case.Outputs) ours

[<Fact>]
let ``one arm or the other improves, and both alike come to a half`` () =
    let x, y = [| [| 0.5; 0.25 |]; [| 1.0; 0.0 |] |], [| [| 0.5; 0.5 |] |]
    let there = ComparisonStatistics.probabilityOfImprovement x y
    Assert.Equal(0.375, there)
    Assert.Equal(1.0 - there, ComparisonStatistics.probabilityOfImprovement y x)
    Assert.Equal(0.5, ComparisonStatistics.probabilityOfImprovement x x)

[<Fact>]
let ``a front holds the points that nothing dominates, and only these`` () =
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
            |> Array.filter (fun index -> not (Array.exists (fun other -> dominates other points[index]) points))
            |> Array.sortBy (fun index -> points[index].Cost, index)

        ComparisonStatistics.paretoFront points = expected)

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains(
        "2^23 flips",
        refusal (fun () -> ComparisonStatistics.signFlip Alternative.Less (Array.create 23 1.0))
    )

    Assert.Contains("scores has no scores", refusal (fun () -> ComparisonStatistics.interquartileMean [||]))
    Assert.Contains("have no spread", refusal (fun () -> ComparisonStatistics.cohenD [| 1.0; 1.0 |] [| 0.0; 0.0 |]))

    Assert.Contains(
        "y[0] has 2",
        refusal (fun () -> ComparisonStatistics.probabilityOfImprovement [| [| 1.0 |] |] [| [| 1.0; 2.0 |] |])
    )

    Assert.Contains(
        "points[0] is NaN",
        refusal (fun () -> ComparisonStatistics.paretoFront [| { Cost = nan; Score = 1.0 } |])
    )
