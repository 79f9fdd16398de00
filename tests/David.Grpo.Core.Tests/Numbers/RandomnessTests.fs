module David.Grpo.Tests.RandomnessTests

open Expecto
open David.Grpo

[<Tests>]
let tests =
    testList "RandomnessTests" [
        test "the same path gives the same number" {
            law (fun (number: int64, a: int64, b: int64) ->
                let seed = Seed.ofInt64 number
                Seed.uniform (Seed.path [| a; b |] seed) = Seed.uniform (Seed.child b (Seed.child a seed)))
        }

        test "uniform numbers lie in [0, 1)" {
            law (fun (number: int64) ->
                let u = Seed.uniform (Seed.ofInt64 number)
                u >= 0.0 && u < 1.0)
        }

        test "children of one seed are spread evenly" {
            let seed = Seed.ofInt64 1L
            let count = 20_000
            let draws = Array.init count (fun i -> Seed.uniform (Seed.child (int64 i) seed))
            // The mean of 20,000 uniform numbers has a standard error of 0.002.
            Array.average draws |> isBetween 0.49 0.51

            for decile in 0..9 do
                let share = draws |> Array.filter (fun u -> int (u * 10.0) = decile) |> Array.length

                share |> isBetween 1_800 2_200
        }

        test "neighbouring children are uncorrelated" {
            let seed = Seed.ofInt64 2L

            let draws =
                Array.init 20_001 (fun i -> Seed.uniform (Seed.child (int64 i) seed) - 0.5)

            let correlation =
                (Array.pairwise draws |> Array.averageBy (fun (a, b) -> a * b)) / (1.0 / 12.0)

            correlation |> isBetween -0.03 0.03
        }

        test "branches of different names differ" {
            let seed = Seed.ofInt64 1L
            Seed.named "evaluation" seed |> differsFrom (Seed.named "rollout" seed)
        }

        test "a permutation holds each index once" {
            law (fun (number: int64, size: byte) ->
                let order = Seed.permutation (int size) (Seed.ofInt64 number)
                Array.sort order = Array.init (int size) id)
        }

        test "below stays below its bound and reaches every value" {
            let draws = Array.init 1000 (fun i -> Seed.below 7 (Seed.ofInt64 (int64 i)))
            draws |> Array.distinct |> Array.sort |> equals [| 0..6 |]
        }
    ]
