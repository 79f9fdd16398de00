module David.Grpo.Tests.StatisticsTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private ends (interval: Interval) =
    match interval with
    | Interval.Between(low, high) -> [| low; high |]
    | Interval.Undefined -> [||]

let private someValues =
    gen {
        let! count = Gen.choose (2, 12)
        let! values = Gen.choose (-64, 64) |> Gen.listOfLength count
        return values |> List.map (fun k -> float k / 16.0) |> Array.ofList
    }

[<Tests>]
let tests =
    testList "StatisticsTests" [
        test "differences without spread have an interval without width and no p value" {
            let same = Statistics.pairedDifference 0.95 [| 0.5; 0.75 |] [| 0.25; 0.5 |]
            same.Interval |> equals (Interval.Between(0.25, 0.25))
            same.PValue |> equals PValue.Undefined
        }

        test "an interval holds its mean, widens with the level and moves with the data" {
            lawFor someValues (fun values ->
                match
                    ends (Statistics.meanOverSeeds 0.9 values).Interval,
                    ends (Statistics.meanOverSeeds 0.99 values).Interval
                with
                | [| low; high |], [| lower; higher |] ->
                    let moved = Statistics.meanOverSeeds 0.9 (values |> Array.map ((+) 3.0))
                    let mean = Statistics.mean values

                    lower <= low
                    && low <= mean
                    && mean <= high
                    && high <= higher
                    && Array.forall2 (Golden.close 1e-12) [| low + 3.0; high + 3.0 |] (ends moved.Interval)
                | _ -> false)
        }

        test "a difference turned round has the same p value and the mirrored interval" {
            lawFor (Gen.zip someValues someValues) (fun (x, y) ->
                let count = min x.Length y.Length
                let x, y = Array.truncate count x, Array.truncate count y
                let there = Statistics.pairedDifference 0.95 x y
                let back = Statistics.pairedDifference 0.95 y x

                there.Difference = -back.Difference
                && there.PValue = back.PValue
                && ends there.Interval = (ends back.Interval |> Array.rev |> Array.map (~-)))
        }

        test "the p value is below 1 − level where the interval leaves out zero, and only there" {
            lawFor (Gen.zip someValues someValues) (fun (x, y) ->
                let count = min x.Length y.Length

                let test =
                    Statistics.pairedDifference 0.95 (Array.truncate count x) (Array.truncate count y)

                match test.PValue, ends test.Interval with
                | PValue.Known p, [| low; high |] -> (p < 0.05) = (low > 0.0 || high < 0.0)
                | PValue.Undefined, [| low; high |] -> low = high
                | _ -> false)
        }

        test "Student's t at one degree of freedom is Cauchy's, far out too" {
            // sd of (−1, 1) is √2 and its standard error 1, so the half width is the quantile: tan(π level / 2).
            for level in [ 0.5; 0.95; 0.9999; 0.999999 ] do
                match (Statistics.meanOverSeeds level [| -1.0; 1.0 |]).Interval with
                | Interval.Between(_, high) ->
                    Expect.isTrue
                        (abs (high / tan (0.5 * System.Math.PI * level) - 1.0) < 1e-9)
                        $"level {level}: {high}"
                | Interval.Undefined -> failtest "no interval"
        }

        test "with many values Student's interval is the normal one" {
            // The t quantile is z + (z³ + z) / 4ν + O(ν⁻²).
            let count = 200000
            let values = Array.init count (fun i -> if i % 2 = 0 then -1.0 else 1.0)
            let z = 1.959963984540054
            let nu = float (count - 1)

            let expected =
                (z + (z ** 3.0 + z) / (4.0 * nu)) * sqrt (float count / nu) / sqrt (float count)

            match (Statistics.meanOverSeeds 0.95 values).Interval with
            | Interval.Between(_, high) ->
                Expect.isTrue (abs (high / expected - 1.0) < 1e-8) $"{high}, expected {expected}"
            | Interval.Undefined -> failtest "no interval"
        }

        test "a bootstrap is a function of its seed" {
            let values = [| 0.0; 1.0; 1.0; 0.0; 1.0; 0.0; 0.0; 1.0; 1.0; 1.0 |]

            let interval seed =
                (Statistics.bootstrapMean 0.95 50 (Seed.ofInt64 seed) values).Interval

            interval 3L |> equals (interval 3L)
            isTrue ([ 0L .. 9L ] |> List.map interval |> List.distinct |> List.length > 1)
        }

        test "a bootstrap interval is near the one of large samples" {
            // 400 values with mean 0.3: the normal interval is 0.3 ± 0.0449; 2,000 resamples place an end to about 0.003.
            let values = Array.init 400 (fun i -> if i % 10 < 3 then 1.0 else 0.0)
            let estimate = Statistics.bootstrapMean 0.95 2000 (Seed.ofInt64 11L) values
            GoldenCase.assertClose "mean" 1e-12 0.3 estimate.Mean
            GoldenCase.assertAllClose "interval" 0.008 [| 0.2551; 0.3449 |] (ends estimate.Interval)
        }

        test "Holm's p values are at least the raw ones, keep their order and their places" {
            let pValues =
                Gen.choose (0, 200) |> Gen.map (fun k -> float k / 200.0) |> Gen.listOf |> Gen.map Array.ofList

            lawFor pValues (fun p ->
                let adjusted = Statistics.holm p

                Array.forall2 (<=) p adjusted
                && adjusted |> Array.forall (fun a -> a <= 1.0)
                && Statistics.holm (Array.rev p) = Array.rev adjusted
                && Array.allPairs (Array.zip p adjusted) (Array.zip p adjusted)
                   |> Array.forall (fun ((p, a), (q, b)) -> p > q || a <= b))
        }

        test "means, deviations, t intervals and quantiles are scipy's and numpy's" {
            for case in GoldenCase.all "golden/stats/summary.json" do
                let x = GoldenCase.numbers "x" case.Inputs
                GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "mean" case.Outputs) (Statistics.mean x)

                GoldenCase.assertClose
                    case.Name
                    1e-9
                    (GoldenCase.number "sd" case.Outputs)
                    (Statistics.sampleDeviation x)

                for level in [ "0.9"; "0.95"; "0.99" ] do
                    (Statistics.meanOverSeeds (float level) x).Interval
                    |> ends
                    |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers $"t_interval_{level}" case.Outputs)

                for share in [ "0.0"; "0.05"; "0.25"; "0.5"; "0.75"; "0.95"; "1.0" ] do
                    let expected =
                        GoldenCase.number "linear" (case.Outputs.GetProperty $"quantile_{share}")

                    GoldenCase.assertClose case.Name 1e-9 expected (Statistics.quantile (float share) x)
        }

        test "paired, one-sample and Welch's t tests are scipy's" {
            let covered =
                GoldenCase.all "golden/stats/t_test.json"
                |> Array.filter (fun case -> string (case.Inputs.GetProperty "alternative") = "two-sided")

            isNotEmpty covered

            for case in covered do
                let x, y = GoldenCase.numbers "x" case.Inputs, GoldenCase.numbers "y" case.Inputs

                let assertP name pValue =
                    let expected = GoldenCase.number "p_value" (case.Outputs.GetProperty(name: string))

                    match pValue with
                    | PValue.Known p -> GoldenCase.assertClose $"{case.Name} {name}" 1e-9 expected p
                    | PValue.Undefined -> Expect.isTrue (System.Double.IsNaN expected) $"{case.Name} {name}"

                let paired = Statistics.pairedDifference 0.95 x y
                assertP "paired" paired.PValue

                ends paired.Interval
                |> GoldenCase.assertAllClose
                    case.Name
                    1e-9
                    (GoldenCase.numbers "interval_0.95" (case.Outputs.GetProperty "paired"))

                let welch = Statistics.independentDifference 0.95 x y
                assertP "welch" welch.PValue

                // scipy gives no interval here; by its degrees of freedom, the one that excludes 0 from p < 0.05 on.
                match welch.PValue, welch.Interval with
                | PValue.Known p, Interval.Between(low, high) -> (low * high > 0.0) |> equals (p < 0.05)
                | PValue.Known _, Interval.Undefined -> failtest $"{case.Name} has a p value and no interval"
                | PValue.Undefined, _ -> ()

                let reference = GoldenCase.number "popmean" case.Inputs
                assertP "one_sample" (Statistics.differenceFrom 0.95 reference x).PValue
        }

        test "percentile intervals of resampled means are scipy's" {
            let covered =
                GoldenCase.all "golden/stats/bootstrap.json"
                |> Array.filter (fun case -> string (case.Inputs.GetProperty "statistic") = "mean")

            isNotEmpty covered

            for case in covered do
                let x = GoldenCase.numbers "x" case.Inputs

                let distribution =
                    GoldenCase.matrix "indices" case.Inputs
                    |> Array.map (Array.map (fun index -> x[int index]) >> Statistics.mean)

                for level in [ "0.9"; "0.95" ] do
                    Statistics.percentileInterval (float level) distribution
                    |> ends
                    |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers $"percentile_{level}" case.Outputs)
        }

        test "Holm's p values are statsmodels'" {
            let cases = GoldenCase.all "golden/stats/multiple_tests.json"
            isNotEmpty cases

            for case in cases do
                let theirs = GoldenCase.numbers "p_adjusted" (case.Outputs.GetProperty "holm")
                GoldenCase.assertAllClose case.Name 1e-9 theirs (Statistics.holm (GoldenCase.numbers "p" case.Inputs))
        }

        test "one value has a mean but no interval and no p value" {
            let one = Statistics.meanOverSeeds 0.95 [| 0.4 |]

            one
            |> equals
                {
                    Count = 1
                    Mean = 0.4
                    Interval = Interval.Undefined
                }

            let pair = Statistics.pairedDifference 0.95 [| 0.5 |] [| 0.25 |]
            pair.Difference |> equals 0.25
            pair.Interval |> equals Interval.Undefined
            pair.PValue |> equals PValue.Undefined

            (Statistics.bootstrapMean 0.95 100 (Seed.ofInt64 1L) [| 0.4 |]).Interval
            |> equals Interval.Undefined

            Statistics.percentileInterval 0.95 [||] |> equals Interval.Undefined
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> Statistics.meanOverSeeds 95.0 [| 1.0; 2.0 |]) |> containsText "level is 95"
            refusal (fun () -> Statistics.mean [| 1.0; nan |]) |> containsText "values[1] is NaN"
            refusal (fun () -> Statistics.mean [||]) |> containsText "No values"

            refusal (fun () -> Statistics.pairedDifference 0.95 [| 1.0; 2.0 |] [| 1.0 |])
            |> containsText "y has 1 entries; expected 2"

            refusal (fun () -> Statistics.bootstrapMean 0.95 0 (Seed.ofInt64 1L) [| 1.0 |])
            |> containsText "resamples is 0"

            refusal (fun () -> Statistics.holm [| 1.5 |]) |> containsText "pValues[0] is 1.5"
            refusal (fun () -> Statistics.quantile 2.0 [| 1.0 |]) |> containsText "share is 2"
        }
    ]
