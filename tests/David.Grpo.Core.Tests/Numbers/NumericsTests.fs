namespace David.Grpo.Tests

open System.Text.Json
open Expecto

/// Reads the cases of a golden file: `{ "source": …, "cases": [ { "name", "inputs", "outputs" } ] }`.
[<RequireQualifiedAccess>]
module GoldenCase =

    type Case =
        {
            Name: string
            Inputs: JsonElement
            Outputs: JsonElement
        }

    let all (file: string) : Case[] =
        (Golden.json file).GetProperty("cases").EnumerateArray()
        |> Seq.map (fun case ->
            {
                Name = string (case.GetProperty "name")
                Inputs = case.GetProperty "inputs"
                Outputs = case.GetProperty "outputs"
            })
        |> Array.ofSeq

    let has (name: string) (record: JsonElement) : bool =
        match record.TryGetProperty name with
        | true, value -> value.ValueKind <> JsonValueKind.Null
        | false, _ -> false

    let number (name: string) (record: JsonElement) : float =
        let value = record.GetProperty name

        if value.ValueKind = JsonValueKind.String then
            float (string value)
        else
            value.GetDouble()

    let private values (array: JsonElement) =
        array.EnumerateArray()
        |> Seq.map (fun value ->
            if value.ValueKind = JsonValueKind.String then
                float (string value)
            else
                value.GetDouble())
        |> Array.ofSeq

    let numbers (name: string) (record: JsonElement) : float[] = values (record.GetProperty name)

    let matrix (name: string) (record: JsonElement) : float[][] =
        (record.GetProperty name).EnumerateArray() |> Seq.map values |> Array.ofSeq

    /// |actual − expected| ≤ tolerance · max(1, |expected|).
    let assertClose (what: string) (tolerance: float) (expected: float) (actual: float) : unit =
        Expect.isTrue (Golden.close tolerance expected actual) $"{what}: expected {expected}, got {actual}"

    let assertAllClose (what: string) (tolerance: float) (expected: float[]) (actual: float[]) : unit =
        actual.Length |> equals expected.Length
        Array.iteri2 (fun i e a -> assertClose $"{what} [{i}]" tolerance e a) expected actual

    /// The message of the ArgumentException that `action` raises.
    let refusal (action: unit -> unit) : string =
        (throws<System.ArgumentException> action).Message

module NumericsTests =

    open FsCheck.FSharp
    open David.Grpo

    let private someFloats =
        Gen.choose (-1000000, 1000000)
        |> Gen.map (fun k -> float k / 997.0)
        |> Gen.nonEmptyListOf
        |> Gen.map Array.ofList

    [<Tests>]
    let tests =
        testList "NumericsTests" [
            test "a sum keeps what huge terms that cancel would swallow" {
                Numerics.sum [| 1.0; 1e100; 1.0; -1e100 |] |> equals 2.0
            }

            test "a sum that overflows is infinite and not NaN" {
                Numerics.sum [| 1e308; 1e308; 1.0 |] |> equals infinity
                Numerics.sum [| infinity; 1.0 |] |> equals infinity
            }

            test "a sum does not depend on the order" {
                // Compensated sums of these sizes are right to the last place, so their reversals may differ by two.
                lawFor someFloats (fun values ->
                    let scale = values |> Array.sumBy abs
                    abs (Numerics.sum values - Numerics.sum (Array.rev values)) <= 5e-16 * scale)
            }

            test "the mean and deviation of equal values are exact" {
                let values = Array.replicate 7 0.1
                Numerics.mean values |> equals 0.1
                Numerics.deviation 1 values |> equals 0.0
            }

            test "a deviation is exact where its squares would overflow or vanish" {
                Numerics.deviation 0 [| 1e200; -1e200 |] |> equals 1e200
                Numerics.deviation 0 [| 1e-200; -1e-200 |] |> equals 1e-200
            }

            test "a mean of nothing and a sample deviation of one value are refused" {
                GoldenCase.refusal (fun () -> Numerics.mean [||] |> ignore) |> containsText "at least 1"
                GoldenCase.refusal (fun () -> Numerics.deviation 1 [| 1.0 |] |> ignore) |> containsText "at least 2"
            }

            test "exponentials near zero have all their digits" {
                // By the series in exact arithmetic; relative, a few units in the last place.
                let near expected actual =
                    Expect.isTrue (abs (actual / expected - 1.0) < 4e-16) $"expected {expected}, got {actual}"

                near 1.00000000005e-10 (Numerics.exponentialMinusOne 1e-10)
                near -9.9999999995e-11 (Numerics.exponentialMinusOne -1e-10)
                near 5.0000000166666667e-17 (Numerics.exponentialRemainder 1e-8)
                near 4.9999999833333334e-17 (Numerics.exponentialRemainder -1e-8)
                Numerics.exponentialRemainder 0.0 |> equals 0.0
                Numerics.exponentialMinusOne -800.0 |> equals -1.0
                Numerics.exponentialMinusOne 800.0 |> equals infinity
            }

            test "exponentials obey their laws on both sides of their branches" {
                lawFor (Gen.choose (-3000, 3000) |> Gen.map (fun k -> float k / 1000.0)) (fun x ->
                    let once = Numerics.exponentialMinusOne x

                    Golden.close 1e-15 (exp x - 1.0) once
                    && abs (Numerics.exponentialMinusOne (2.0 * x) - once * (once + 2.0)) <= 4e-15 * exp (2.0 * abs x)
                    && Numerics.exponentialRemainder x >= 0.0
                    && Golden.close 4e-15 (once - x) (Numerics.exponentialRemainder x))
            }
        ]
