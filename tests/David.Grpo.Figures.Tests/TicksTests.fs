module David.Grpo.Figures.Tests.TicksTests

open FsCheck.FSharp
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

let private values (ticks: Tick[]) = ticks |> Array.map _.Value
let private labels (ticks: Tick[]) = ticks |> Array.map _.Label

let private ranges =
    gen {
        let! low = Gen.choose (-1000, 1000)
        let! span = Gen.choose (1, 1000)
        let! exponent = Gen.choose (-250, 250)
        let! count = Gen.choose (1, 12)
        let scale = 10.0 ** float exponent
        return float low * scale, float (low + span) * scale, count
    }

[<Tests>]
let tests =
    testList "TicksTests" [
        test "linear ticks are round, as in the examples" {
            labels (Ticks.linear 5 0.0 500.0) |> equals [| "0"; "100"; "200"; "300"; "400"; "500" |]
            labels (Ticks.linear 4 0.0 0.61) |> equals [| "0.0"; "0.2"; "0.4"; "0.6" |]
            labels (Ticks.linear 2 -1.0 1.0) |> equals [| "\u22121"; "0"; "1" |]

            labels (Ticks.linear 3 0.0 1200000.0) |> equals [| "0"; "500\u202F000"; "1\u202F000\u202F000" |]

            labels (Ticks.linear 2 0.0 1e9) |> equals [| "0"; "0.5×10⁹"; "1.0×10⁹" |]
            labels (Ticks.linear 2 0.0 2e-9) |> equals [| "0"; "1×10⁻⁹"; "2×10⁻⁹" |]
        }

        test "logarithmic ticks are 1, 2 and 5 times powers of ten, then powers only" {
            labels (Ticks.logarithmic 6 1.0 100.0) |> equals [| "1"; "2"; "5"; "10"; "20"; "50"; "100" |]
            labels (Ticks.logarithmic 3 1.0 1000.0) |> equals [| "1"; "10"; "100"; "1\u202F000" |]
            labels (Ticks.logarithmic 4 0.01 10.0) |> equals [| "0.01"; "0.1"; "1"; "10" |]

            values (Ticks.logarithmic 4 1e-11 1e7) |> equals [| 1e-10; 1e-5; 1.0; 1e5 |]
            // Less than a decade: linear ticks.
            values (Ticks.logarithmic 4 40.0 60.0) |> equals [| 40.0; 45.0; 50.0; 55.0; 60.0 |]
        }

        test "linear ticks lie in the range, in order, few enough and all with labels of their own" {
            lawFor ranges (fun (low, high, count) ->
                let ticks = Ticks.linear count low high
                let edge = 1e-6 * (high - low)

                ticks.Length <= count + 1
                && values ticks |> Array.forall (fun value -> low - edge <= value && value <= high + edge)
                && values ticks |> Array.pairwise |> Array.forall (fun (a, b) -> a < b)
                && (labels ticks |> Array.distinct).Length = ticks.Length)
        }

        test "a range rounded out holds the range and has ticks at its ends" {
            lawFor ranges (fun (low, high, count) ->
                let ends = Ticks.roundedOut count low high
                let ticks = Ticks.linear (count + 2) ends[0] ends[1]
                ends[0] <= low && high <= ends[1] && ticks.Length >= 2)
        }

        test "logarithmic ticks lie in the range, in order and few enough" {
            let ranges =
                gen {
                    let! low = Gen.choose (-280, 270)
                    let! decades = Gen.choose (1, 250)
                    let! count = Gen.choose (2, 12)
                    return 10.0 ** float low, 10.0 ** (min 290.0 (float low + float decades / 10.0)), count
                }

            lawFor ranges (fun (low, high, count) ->
                let ticks = Ticks.logarithmic count low high |> values

                ticks.Length >= 1
                && ticks.Length <= count + 1
                && ticks |> Array.forall (fun value -> low * 0.999999 <= value && value <= high * 1.000001)
                && ticks |> Array.pairwise |> Array.forall (fun (a, b) -> a < b))
        }

        test "numbers are written with thin spaces, a true minus and no negative zero" {
            Number.fixedPoint 1 -12345.67 |> equals "\u221212\u202F345.7"
            Number.fixedPoint 1 -0.04 |> equals "0.0"
            Number.fixedPoint 1 nan |> equals "–"
            Number.fixedPoint 1 -infinity |> equals "\u2212∞"
            Number.fixedPoint 1 1.2e20 |> equals "1.20×10²⁰"
            Number.scientific 1 -1.2e-7 |> equals "\u22121.2×10⁻⁷"
            Number.scientific 0 1e7 |> equals "10⁷"
        }

        test "an interval is written with ± where it is symmetric and with its ends where it is not" {
            Number.estimate 1 (Estimate.PlusMinus(51.2, 3.1)) |> equals "51.2 ± 3.1"
            Number.estimate 1 (Estimate.Between(51.2, 47.0, 53.9)) |> equals "51.2 (47.0–53.9)"
            Number.estimate 1 (Estimate.Exact 51.2) |> equals "51.2"
            Number.estimate 1 (Estimate.Exact nan) |> equals "–"
            Number.estimate 1 (Estimate.Between(51.2, nan, infinity)) |> equals "51.2"
        }
    ]
