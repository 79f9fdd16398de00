module David.Grpo.Tests.BootstrapTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private ends (interval: Interval) =
    match interval with
    | Interval.Between(low, high) -> [| low; high |]
    | Interval.Undefined -> [| nan; nan |]

let private whole (matrix: float[][]) = Array.map (Array.map int) matrix

let private someMatrix =
    gen {
        let! seeds = Gen.choose (1, 4)
        let! questions = Gen.choose (2, 9)
        let! cells = Gen.choose (-32, 32) |> Gen.listOfLength (seeds * questions)

        return
            cells
            |> List.map (fun k -> float k / 8.0)
            |> List.chunkBySize questions
            |> List.map Array.ofList
            |> Array.ofList
    }

[<Tests>]
let tests =
    testList "BootstrapTests" [
        test "estimates and differences of the scores of a seed are what was recorded" {
            let scores branch seeds =
                Array.init seeds (fun i ->
                    Array.init 7 (fun j -> Seed.uniform (Seed.path [| int64 i; int64 j |] (Seed.ofInt64 branch))))

            let told (estimate: ClusteredEstimate) =
                let range = ends estimate.Interval |> Array.map (fun value -> $"%.6f{value}")

                $"{estimate.Seeds} {estimate.Questions} %.6f{estimate.Mean} %.6f{estimate.StandardError} {range[0]} {range[1]}"

            [
                for clustering in [ Clustering.Crossed; Clustering.Nested ] do
                    for seeds in [ 1; 2; 5 ] do
                        Bootstrap.clusteredMean clustering 0.9 200 (Seed.ofInt64 3L) (scores 1L seeds) |> told

                for pairing in [ SeedPairing.Paired; SeedPairing.Independent ] do
                    for seeds in [ 1; 2; 5 ] do
                        Bootstrap.clusteredDifference
                            pairing
                            0.9
                            200
                            (Seed.ofInt64 3L)
                            (scores 1L seeds)
                            (scores 2L seeds)
                        |> told

                Bootstrap.clusteredMean Clustering.Crossed 0.9 1 (Seed.ofInt64 3L) [| [| 0.5 |] |] |> told
            ]
            |> areRecorded "5ce8b13b6750785c"
        }

        test "draws of seeds or questions that there are not are refused" {
            let scores = [| [| 0.0; 1.0 |]; [| 1.0; 0.0 |] |]

            let refusal draw =
                GoldenCase.refusal (fun () -> Bootstrap.clusteredDistribution [| draw |] scores |> ignore)

            for wrong in [ -1; 2 ] do
                refusal (ClusteredDraw.Crossed([| 0; wrong |], [| 0; 1 |])) |> containsText $"the position {wrong}"
                refusal (ClusteredDraw.Crossed([| 0; 1 |], [| wrong; 1 |])) |> containsText $"the position {wrong}"

                refusal (ClusteredDraw.Nested([| 0; 1 |], [| [| 0; 1 |]; [| 0; wrong |] |]))
                |> containsText $"the position {wrong}"

            refusal (ClusteredDraw.Nested([| 0; 1 |], [| [| 0; 1 |] |])) |> containsText "draws has 1 entries"
        }

        test "two-level distributions at given draws are numpy's" {
            let cases = GoldenCase.all "golden/stats/bootstrap_clustered.json"
            isNotEmpty cases

            for case in cases do
                let scores = GoldenCase.matrix "scores" case.Inputs
                let rows = whole (GoldenCase.matrix "seed_indices" case.Inputs)
                let columns = whole (GoldenCase.matrix "question_indices" case.Inputs)

                let nested =
                    (case.Inputs.GetProperty "nested_question_indices").EnumerateArray()
                    |> Seq.map (fun draw ->
                        draw.EnumerateArray()
                        |> Seq.map (fun row -> row.EnumerateArray() |> Seq.map _.GetInt32() |> Array.ofSeq)
                        |> Array.ofSeq)
                    |> Array.ofSeq

                let designs =
                    [
                        "crossed", Array.map2 (fun r c -> ClusteredDraw.Crossed(r, c)) rows columns
                        "nested", Array.map2 (fun r c -> ClusteredDraw.Nested(r, c)) rows nested
                    ]

                for name, draws in designs do
                    let expected = case.Outputs.GetProperty(name: string)
                    let values = Bootstrap.clusteredDistribution draws scores
                    GoldenCase.assertAllClose $"{case.Name} {name}" 1e-9 (GoldenCase.numbers "values" expected) values

                    GoldenCase.assertClose
                        case.Name
                        1e-9
                        (GoldenCase.number "standard_error" expected)
                        (Statistics.sampleDeviation values)

                    for level in [ "0.9"; "0.95" ] do
                        Statistics.percentileInterval (float level) values
                        |> ends
                        |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers $"interval_{level}" expected)
        }

        test "an arm against itself differs by nothing, and turned round the interval is mirrored" {
            lawFor someMatrix (fun scores ->
                let other = scores |> Array.map (Array.map (fun score -> 1.0 - score * score))

                let difference x y =
                    Bootstrap.clusteredDifference SeedPairing.Paired 0.9 25 (Seed.ofInt64 2L) x y

                ends (difference scores scores).Interval = [| 0.0; 0.0 |]
                && Array.forall2
                    (Golden.close 1e-12)
                    (ends (difference scores other).Interval)
                    (ends (difference other scores).Interval |> Array.rev |> Array.map (~-)))
        }

        test "a paired difference is the mean of the differences" {
            lawFor someMatrix (fun scores ->
                let zeros = scores |> Array.map (Array.map (fun _ -> 0.0))
                let seed = Seed.ofInt64 3L

                Bootstrap.clusteredDifference SeedPairing.Paired 0.9 25 seed scores zeros =
                    Bootstrap.clusteredMean Clustering.Crossed 0.9 25 seed scores)
        }

        test "seeds that differ widen the interval that questions alone would give" {
            // Seeds differ by 0.4 and questions by nothing: all error is between seeds, √(Σ (x − mean)² / n) / √n of 5 seeds.
            let scores = Array.init 5 (fun seed -> Array.create 20 (0.1 * float seed))

            let estimate =
                Bootstrap.clusteredMean Clustering.Crossed 0.95 4000 (Seed.ofInt64 1L) scores

            GoldenCase.assertClose "mean" 1e-12 0.2 estimate.Mean
            GoldenCase.assertClose "standard error" 3e-3 (sqrt (0.02 / 5.0)) estimate.StandardError

            let alone =
                Bootstrap.clusteredMean Clustering.Crossed 0.95 4000 (Seed.ofInt64 1L) [| scores[2] |]

            alone.Interval |> equals (Interval.Between(scores[2][0], scores[2][0]))
        }

        test "seeds drawn for each arm take away the error that they would share" {
            // Seed effects of both arms are the same, so that paired they cancel and drawn apart they do not.
            let arm = Array.init 6 (fun seed -> Array.create 10 (float (seed % 3)))

            let error pairing =
                (Bootstrap.clusteredDifference pairing 0.95 500 (Seed.ofInt64 1L) arm arm).StandardError

            error SeedPairing.Paired |> equals 0.0
            // √(2 · var / 6), var = 2/3.
            GoldenCase.assertClose "independent" 0.05 (sqrt (2.0 * 2.0 / 3.0 / 6.0)) (error SeedPairing.Independent)
        }

        test "draws stay in range and are functions of their seed" {
            let draw seed =
                Bootstrap.drawClustered Clustering.Nested 20 3 7 (Seed.ofInt64 seed)

            draw 1L |> equals (draw 1L)
            draw 2L |> differsFrom (draw 1L)

            for resample in draw 1L do
                match resample with
                | ClusteredDraw.Nested(rows, columns) ->
                    rows.Length |> equals 3
                    rows |> Seq.iter (fun row -> row |> isBetween 0 2)
                    Array.concat columns |> Seq.iter (fun column -> column |> isBetween 0 6)
                | ClusteredDraw.Crossed _ -> failtest "nested was asked for"
        }

        test "one cell has no interval" {
            (Bootstrap.clusteredMean Clustering.Crossed 0.95 10 (Seed.ofInt64 1L) [| [| 1.0 |] |]).Interval
            |> equals Interval.Undefined
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)


            refusal (fun () -> Bootstrap.clusteredDistribution [||] [| [| 1.0; 2.0 |]; [| 1.0 |] |])
            |> containsText "scores[1] has 1 entries; expected 2"

            refusal (fun () ->
                Bootstrap.clusteredDifference SeedPairing.Paired 0.9 5 (Seed.ofInt64 1L) [| [| 1.0 |]; [| 2.0 |] |] [|
                    [| 1.0 |]
                |])
            |> containsText "y has 1 entries; expected 2"
        }
    ]
