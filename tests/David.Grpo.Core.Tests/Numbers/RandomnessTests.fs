module David.Grpo.Tests.RandomnessTests

open Xunit
open David.Grpo

[<Fact>]
let ``the same path gives the same number`` () =
    law (fun (number: int64, a: int64, b: int64) ->
        let seed = Seed.ofInt64 number
        Seed.uniform (Seed.path [| a; b |] seed) = Seed.uniform (Seed.child b (Seed.child a seed)))

[<Fact>]
let ``uniform numbers lie in [0, 1)`` () =
    law (fun (number: int64) ->
        let u = Seed.uniform (Seed.ofInt64 number)
        u >= 0.0 && u < 1.0)

[<Fact>]
let ``children of one seed are spread evenly`` () =
    let seed = Seed.ofInt64 1L
    let count = 20_000
    let draws = Array.init count (fun i -> Seed.uniform (Seed.child (int64 i) seed))
    // The mean of 20,000 uniform numbers has a standard error of 0.002.
    Assert.InRange(Array.average draws, 0.49, 0.51)

    for decile in 0..9 do
        let share = draws |> Array.filter (fun u -> int (u * 10.0) = decile) |> Array.length

        Assert.InRange(share, 1_800, 2_200)

[<Fact>]
let ``neighbouring children are uncorrelated`` () =
    let seed = Seed.ofInt64 2L

    let draws =
        Array.init 20_001 (fun i -> Seed.uniform (Seed.child (int64 i) seed) - 0.5)

    let correlation =
        (Array.pairwise draws |> Array.averageBy (fun (a, b) -> a * b)) / (1.0 / 12.0)

    Assert.InRange(correlation, -0.03, 0.03)

[<Fact>]
let ``branches of different names differ`` () =
    let seed = Seed.ofInt64 1L
    Assert.NotEqual(Seed.named "rollout" seed, Seed.named "evaluation" seed)

[<Fact>]
let ``a permutation holds each index once`` () =
    law (fun (number: int64, size: byte) ->
        let order = Seed.permutation (int size) (Seed.ofInt64 number)
        Array.sort order = Array.init (int size) id)

[<Fact>]
let ``below stays below its bound and reaches every value`` () =
    let draws = Array.init 1000 (fun i -> Seed.below 7 (Seed.ofInt64 (int64 i)))
    Assert.Equal<int[]>([| 0..6 |], draws |> Array.distinct |> Array.sort)
