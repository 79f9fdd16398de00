module David.Grpo.Tests.HistogramTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo

let private someValues =
    gen {
        let! count = Gen.choose (1, 40)
        let! values = Gen.choose (-64, 64) |> Gen.listOfLength count
        return values |> List.map (fun k -> float k / 16.0) |> Array.ofList
    }

/// Values counted by the definition of a bucket.
let private counted (histogram: Histogram) (values: float[]) =
    histogram.Limits
    |> Array.mapi (fun b limit ->
        let isLast = b = histogram.Limits.Length - 1
        let above = if b = 0 then histogram.Min else histogram.Limits[b - 1]

        values
        |> Array.filter (fun value -> value >= above && (value < limit || isLast && value = limit))
        |> Array.length)

[<Tests>]
let tests =
    testList "HistogramTests" [
        test "every value is in the bucket that its limits say" {
            lawFor someValues (fun values ->
                let histogram = Histogram.ofValues 7 values

                histogram.Counts = counted histogram values
                && Array.sum histogram.Counts = values.Length
                && histogram.Limits.Length <= 7
                && Array.last histogram.Limits = Array.max values
                && histogram.Limits = (histogram.Limits |> Array.distinct |> Array.sort))
        }

        test "every whole number is in the bucket that its limits say" {
            let wholes =
                gen {
                    let! count = Gen.choose (1, 40)
                    let! values = Gen.choose (-50, 50) |> Gen.listOfLength count
                    return Array.ofList values
                }

            lawFor wholes (fun values ->
                let histogram = Histogram.ofWholes 30 values

                histogram.Counts = counted histogram (Array.map float values)
                && Array.sum histogram.Counts = values.Length
                && histogram.Limits.Length <= 30)
        }

        test "few whole numbers have a bucket each" {
            let histogram = Histogram.ofWholes 30 [| 0; 2; 2; 3 |]
            histogram.Limits |> equals [| 0.5; 1.5; 2.5; 3.0 |]
            histogram.Counts |> equals [| 1; 0; 2; 1 |]
            histogram.Sum |> equals 7.0
            histogram.SumOfSquares |> equals 17.0
        }

        test "equal values are one bucket" {
            let histogram = Histogram.ofValues 30 [| 0.1; 0.1; 0.1 |]
            histogram.Limits |> equals [| 0.1 |]
            histogram.Counts |> equals [| 3 |]
            (Histogram.ofWholes 1 [| 4; 4 |]).Counts |> equals [| 2 |]
        }

        test "a range that overflows is divided all the same" {
            let histogram = Histogram.ofValues 2 [| -Double.MaxValue; Double.MaxValue; 1.0 |]
            histogram.Counts |> equals [| 1; 2 |]
        }

        test "no values and values that are not finite are refused" {
            throws<ArgumentException>(fun () -> Histogram.ofValues 3 [||] |> ignore) |> ignore

            throws<ArgumentException>(fun () -> Histogram.ofValues 3 [| 1.0; nan |] |> ignore) |> ignore

            for none in [ (fun () -> Histogram.ofWholes 3 [||]); (fun () -> Histogram.ofValues 3 [||]) ] do
                GoldenCase.refusal (none >> ignore) |> containsText "No values"

            throws<ArgumentException>(fun () -> Histogram.ofValues 0 [| 1.0 |] |> ignore) |> ignore
        }
    ]
