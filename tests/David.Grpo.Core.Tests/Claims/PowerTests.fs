module David.Grpo.Tests.PowerTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private someTest =
    gen {
        let! design = Gen.elements [ TTestDesign.Paired; TTestDesign.Independent ]

        let! alternative =
            Gen.elements [ Alternative.TwoSided; Alternative.Greater; Alternative.Less ]

        let! count = Gen.choose (2, 24)
        let! alpha = Gen.elements [ 0.01; 0.05; 0.1 ]
        return design, alternative, alpha, count
    }

[<Tests>]
let tests =
    testList "PowerTests" [
        test "without an effect the power is alpha" {
            lawFor someTest (fun (design, alternative, alpha, count) ->
                Golden.close 1e-10 alpha (Power.ofTTest design alternative alpha count 0.0))
        }

        testCase "power and minimum effects are statsmodels'" (fun () ->
            let cases = GoldenCase.all "golden/stats/power.json"
            isNotEmpty cases
            let mutable compared = 0

            for case in cases do
                let alpha = GoldenCase.number "alpha" case.Inputs

                let alternative =
                    match string (case.Inputs.GetProperty "alternative") with
                    | "two-sided" -> Alternative.TwoSided
                    | "larger" -> Alternative.Greater
                    | other -> failwith other

                let count () = int (GoldenCase.number "n" case.Inputs)

                for output in
                    case.Outputs.EnumerateObject() |> Seq.filter (fun output -> not (output.Name.StartsWith "n_power")) do
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
                        | other -> failwith other

                    // statsmodels' own noncentral t is good to some 1e-10; the minimum effects are polished.
                    GoldenCase.assertClose $"{case.Name} {output.Name}" 1e-8 (output.Value.GetDouble()) ours
                    compared <- compared + 1

            isTrue (compared > 0))

        test "the smallest effect found with some power has that power, and more seeds find a smaller one" {
            for design in [ TTestDesign.Paired; TTestDesign.Independent ] do
                for alternative in [ Alternative.TwoSided; Alternative.Greater; Alternative.Less ] do
                    for count in [ 2; 12 ] do
                        let power = 0.8

                        let effect = Power.minimumDetectableEffect design alternative 0.05 power count

                        let signed = if alternative = Alternative.Less then -effect else effect
                        GoldenCase.assertClose "power" 1e-10 power (Power.ofTTest design alternative 0.05 count signed)

                        isTrue (Power.minimumDetectableEffect design alternative 0.05 power (count + 1) < effect)
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let paired, twoSided = TTestDesign.Paired, Alternative.TwoSided
            refusal (fun () -> Power.ofTTest paired twoSided 5.0 10 0.5) |> containsText "alpha is 5"
            refusal (fun () -> Power.ofTTest paired twoSided 0.05 1 0.5) |> containsText "count is 1"

            refusal (fun () -> Power.minimumDetectableEffect paired twoSided 0.05 0.01 10)
            |> containsText "power is 0.01"
        }
    ]
