module David.Grpo.Tests.SubsetTests

open FsCheck.FSharp
open Xunit
open David.Grpo

/// 1 to 9 rewards in quarters, often tied, and how many to keep.
let private group =
    gen {
        let! size = Gen.choose (1, 9)
        let! rewards = Gen.choose (-8, 8) |> Gen.listOfLength size
        let! count = Gen.choose (1, size)
        return count, rewards |> List.map (fun k -> float k / 4.0) |> Array.ofList
    }

let private variance (rewards: float[]) (places: int[]) =
    Numerics.deviation 0 (places |> Array.map (fun i -> rewards[i])) ** 2.0

/// All sets of `count` places of `size`.
let private subsets count size =
    [ 0 .. (1 <<< size) - 1 ]
    |> List.filter (fun bits -> System.Numerics.BitOperations.PopCount(uint32 bits) = count)
    |> List.map (fun bits -> [| 0 .. size - 1 |] |> Array.filter (fun i -> (bits >>> i) &&& 1 = 1))

[<Fact>]
let ``no other subset has a larger variance`` () =
    lawFor group (fun (count, rewards) ->
        let chosen = variance rewards (Subset.maximalVariance count rewards)

        let best = subsets count rewards.Length |> List.map (variance rewards) |> List.max

        abs (best - chosen) < 1e-12)

[<Fact>]
let ``the subset has its size, in order and without repetition`` () =
    lawFor group (fun (count, rewards) ->
        let chosen = Subset.maximalVariance count rewards

        chosen.Length = count
        && Array.pairwise chosen |> Array.forall (fun (a, b) -> a < b)
        && chosen |> Array.forall (fun i -> i >= 0 && i < rewards.Length))

[<Fact>]
let ``the subset does not change when rewards are shifted, scaled or far from zero`` () =
    lawFor group (fun (count, rewards) ->
        let chosen = Subset.maximalVariance count rewards

        chosen = Subset.maximalVariance count (rewards |> Array.map (fun reward -> 4.0 * reward + 3.0))
        && chosen = Subset.maximalVariance count (rewards |> Array.map ((+) 1048576.0)))

[<Fact>]
let ``of right and wrong answers it keeps as many of each as there are`` () =
    Assert.Equal<int[]>([| 0; 1; 3; 5 |], Subset.maximalVariance 4 [| 0.0; 0.0; 0.0; 1.0; 0.0; 1.0; 0.0 |])
    Assert.Equal<int[]>([| 0; 3 |], Subset.maximalVariance 2 [| 0.0; 0.0; 0.0; 1.0; 0.0 |])
    Assert.Equal<int[]>([| 0; 1; 3; 4 |], Subset.maximalVariance 4 [| 0.0; 0.5; 0.5; 1.0; 1.0 |])

[<Fact>]
let ``none, all and equal rewards`` () =
    Assert.Empty(Subset.maximalVariance 0 [||])
    Assert.Empty(Subset.maximalVariance 0 [| 1.0 |])
    Assert.Equal<int[]>([| 0; 1; 2 |], Subset.maximalVariance 3 [| 2.0; 1.0; 3.0 |])
    Assert.Equal<int[]>([| 0; 3 |], Subset.maximalVariance 2 (Array.replicate 4 0.7))

[<Fact>]
let ``large groups are no slower than sorting`` () =
    // A quadratic search over 200,000 would take minutes.
    let rewards = Array.init 200_000 (fun i -> float (i * 7919 % 100_003))
    let chosen = Subset.maximalVariance 1000 rewards
    Assert.Equal(1000, chosen.Length)
    Assert.Equal(500, chosen |> Array.filter (fun i -> rewards[i] < 50_000.0) |> Array.length)

[<Fact>]
let ``wrong counts and rewards are refused`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains(
        "count is 3; expected 0 to the size of the group, 2",
        refusal (fun () -> Subset.maximalVariance 3 [| 1.0; 2.0 |])
    )

    Assert.Contains("rewards[0] is NaN", refusal (fun () -> Subset.maximalVariance 1 [| nan |]))
