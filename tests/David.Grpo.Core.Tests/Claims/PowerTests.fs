module David.Grpo.Tests.PowerTests

open FsCheck.FSharp
open Xunit
open David.Grpo

[<Fact>]
let ``power, minimum effects and sample sizes are statsmodels'`` () =
    let cases = GoldenCase.all "golden/stats/power.json"
    Assert.Equal(27, cases.Length)
    let mutable compared = 0

    for case in cases do
        let alpha = GoldenCase.number "alpha" case.Inputs

        let alternative =
            match string (case.Inputs.GetProperty "alternative") with
            | "two-sided" -> Alternative.TwoSided
            | "larger" -> Alternative.Greater
            | other -> failwith other

        let count () = int (GoldenCase.number "n" case.Inputs)

        for output in case.Outputs.EnumerateObject() do
            let after (prefix: string) =
                float (output.Name.Substring prefix.Length)

            let ours =
                match output.Name with
                | name when name.StartsWith "min_effect_power" ->
                    Power.minimumDetectableEffect
                        TTestDesign.Paired
                        alternative
                        alpha
                        (after "min_effect_power")
                        (count ())
                | name when name.StartsWith "power_effect" ->
                    Power.ofTTest TTestDesign.Paired alternative alpha (count ()) (after "power_effect")
                | name when name.StartsWith "independent_power_effect" ->
                    Power.ofTTest
                        TTestDesign.Independent
                        alternative
                        alpha
                        (count ())
                        (after "independent_power_effect")
                | name when name.StartsWith "n_power" ->
                    Power.countNeeded
                        TTestDesign.Paired
                        alternative
                        alpha
                        (after "n_power")
                        (GoldenCase.number "effect" case.Inputs)
                | other -> failwith other

            // statsmodels' own noncentral t is good to some 1e-10; the minimum effects are polished.
            GoldenCase.assertClose $"{case.Name} {output.Name}" 1e-8 (output.Value.GetDouble()) ours
            compared <- compared + 1

    Assert.Equal(217, compared)

[<Fact>]
let ``the noncentral t is scipy's`` () =
    let cases =
        GoldenCase.all "golden/stats/quantiles.json"
        |> Array.filter (fun case -> GoldenCase.has "noncentrality" case.Inputs)

    Assert.Equal(4, cases.Length)

    for case in cases do
        let degrees = GoldenCase.number "df" case.Inputs
        let noncentrality = GoldenCase.number "noncentrality" case.Inputs

        GoldenCase.numbers "x" case.Inputs
        |> Array.map (Power.noncentralT degrees noncentrality)
        |> GoldenCase.assertAllClose case.Name 1e-12 (GoldenCase.numbers "cdf" case.Outputs)

[<Fact>]
let ``without noncentrality it is Student's t`` () =
    let cases =
        GoldenCase.all "golden/stats/quantiles.json"
        |> Array.filter (fun case -> case.Name.StartsWith "t_" && GoldenCase.number "df" case.Inputs <= 100.0)

    Assert.Equal(10, cases.Length)

    for case in cases do
        GoldenCase.numbers "x" case.Inputs
        |> Array.map (Power.noncentralT (GoldenCase.number "df" case.Inputs) 0.0)
        |> GoldenCase.assertAllClose case.Name 1e-12 (GoldenCase.numbers "cdf" case.Outputs)

[<Fact>]
let ``at 0 the noncentral t is the normal at minus the noncentrality, and it mirrors`` () =
    let places =
        Gen.zip3 (Gen.choose (1, 400)) (Gen.choose (-60, 60)) (Gen.choose (-60, 60))
        |> Gen.map (fun (degrees, noncentrality, t) -> float degrees / 2.0, float noncentrality / 10.0, float t / 10.0)

    lawFor places (fun (degrees, noncentrality, t) ->
        let normal = MathNet.Numerics.Distributions.Normal.CDF(0.0, 1.0, -noncentrality)

        Golden.close 1e-12 normal (Power.noncentralT degrees noncentrality 0.0)
        && Golden.close
            1e-12
            (1.0 - Power.noncentralT degrees -noncentrality -t)
            (Power.noncentralT degrees noncentrality t))

let private someTest =
    gen {
        let! design = Gen.elements [ TTestDesign.Paired; TTestDesign.Independent ]

        let! alternative =
            Gen.elements [ Alternative.TwoSided; Alternative.Greater; Alternative.Less ]

        let! count = Gen.choose (2, 24)
        let! alpha = Gen.elements [ 0.01; 0.05; 0.1 ]
        return design, alternative, alpha, count
    }

[<Fact>]
let ``without an effect the power is alpha`` () =
    lawFor someTest (fun (design, alternative, alpha, count) ->
        Golden.close 1e-10 alpha (Power.ofTTest design alternative alpha count 0.0))

[<Fact>]
let ``the smallest effect found with some power has that power, and less needs fewer`` () =
    for design in [ TTestDesign.Paired; TTestDesign.Independent ] do
        for alternative in [ Alternative.TwoSided; Alternative.Greater; Alternative.Less ] do
            for count in [ 2; 12 ] do
                let power = 0.8

                let effect = Power.minimumDetectableEffect design alternative 0.05 power count

                let signed = if alternative = Alternative.Less then -effect else effect
                GoldenCase.assertClose "power" 1e-10 power (Power.ofTTest design alternative 0.05 count signed)

                GoldenCase.assertClose
                    "count"
                    1e-6
                    (float count)
                    (Power.countNeeded design alternative 0.05 power signed)

                Assert.True(Power.minimumDetectableEffect design alternative 0.05 power (count + 1) < effect)

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    let paired, twoSided = TTestDesign.Paired, Alternative.TwoSided
    Assert.Contains("alpha is 5", refusal (fun () -> Power.ofTTest paired twoSided 5.0 10 0.5))
    Assert.Contains("count is 1", refusal (fun () -> Power.ofTTest paired twoSided 0.05 1 0.5))
    Assert.Contains("power is 0.01", refusal (fun () -> Power.minimumDetectableEffect paired twoSided 0.05 0.01 10))
    Assert.Contains("effect is 0", refusal (fun () -> Power.countNeeded paired twoSided 0.05 0.8 0.0))
    Assert.Contains("degrees is 0", refusal (fun () -> Power.noncentralT 0.0 1.0 1.0))
