module David.Grpo.Tests.AdvantageTests

open FsCheck.FSharp
open Xunit
open David.Grpo

let private scales =
    [
        Scale.One
        Scale.PopulationDeviation 0.0
        Scale.SampleDeviation 0.0
        Scale.SampleDeviation 1e-6
    ]

/// 2 to 9 rewards in sixteenths, often tied.
let private group =
    gen {
        let! size = Gen.choose (2, 9)
        let! rewards = Gen.choose (-32, 32) |> Gen.listOfLength size
        return rewards |> List.map (fun k -> float k / 16.0) |> Array.ofList
    }

[<Fact>]
let ``advantages of a group sum to zero`` () =
    lawFor group (fun rewards ->
        scales |> List.forall (fun scale -> abs (Array.sum (Advantage.groupRelative scale rewards)) < 1e-12))

[<Fact>]
let ``advantages over a deviation without epsilon do not change under a positive affine map`` () =
    lawFor group (fun rewards ->
        let mapped = rewards |> Array.map (fun reward -> 3.7 * reward - 11.0)

        [ Scale.PopulationDeviation 0.0; Scale.SampleDeviation 0.0 ]
        |> List.forall (fun scale ->
            Array.forall2
                (Golden.close 1e-12)
                (Advantage.groupRelative scale rewards)
                (Advantage.groupRelative scale mapped)))

[<Fact>]
let ``advantages without a scale follow the rewards' unit but not their zero`` () =
    lawFor group (fun rewards ->
        let mapped = rewards |> Array.map (fun reward -> 4.0 * reward - 8.0)

        Array.forall2
            (fun once mapped -> Golden.close 1e-12 (4.0 * once) mapped)
            (Advantage.groupRelative Scale.One rewards)
            (Advantage.groupRelative Scale.One mapped))

[<Fact>]
let ``advantages have unit deviation and follow their members through a permutation`` () =
    lawFor group (fun rewards ->
        let advantages = Advantage.groupRelative (Scale.SampleDeviation 0.0) rewards

        let reversed =
            Advantage.groupRelative (Scale.SampleDeviation 0.0) (Array.rev rewards)

        (Array.forall ((=) rewards[0]) rewards || Golden.close 1e-12 1.0 (Numerics.deviation 1 advantages))
        && Array.forall2 (Golden.close 1e-12) (Array.rev advantages) reversed)

[<Fact>]
let ``advantages rank as the rewards do`` () =
    lawFor group (fun rewards ->
        scales
        |> List.forall (fun scale ->
            let advantages = Advantage.groupRelative scale rewards

            Array.allPairs (Array.zip rewards advantages) (Array.zip rewards advantages)
            |> Array.forall (fun ((r, a), (s, b)) -> compare r s = compare a b)))

[<Fact>]
let ``a group of one, of equal rewards or of nobody has exact zeros`` () =
    for scale in scales do
        Assert.Equal<float[]>([| 0.0 |], Advantage.groupRelative scale [| 0.7 |])
        Assert.Equal<float[]>(Array.zeroCreate 5, Advantage.groupRelative scale (Array.replicate 5 0.7))
        Assert.Equal<float[]>([||], Advantage.groupRelative scale [||])

[<Fact>]
let ``rewards that differ in their last place only give finite advantages`` () =
    let advantages =
        Advantage.groupRelative (Scale.PopulationDeviation 0.0) [| 0.0; 1e-300 |]

    GoldenCase.assertAllClose "advantages" 1e-12 [| -1.0; 1.0 |] advantages

[<Fact>]
let ``one expert among four failures has the method's advantages`` () =
    // David-GRPO's warm-up: +1.789 and −0.447 for four.
    let advantages =
        Advantage.groupRelative (Scale.SampleDeviation 1e-6) [| 1.0; 0.0; 0.0; 0.0; 0.0 |]

    GoldenCase.assertAllClose "advantages" 5e-4 [| 1.789; -0.447; -0.447; -0.447; -0.447 |] advantages

[<Fact>]
let ``a reward that is not finite is refused by its index`` () =
    Assert.Contains(
        "rewards[1] is NaN",
        GoldenCase.refusal (fun () -> Advantage.groupRelative Scale.One [| 0.0; nan |] |> ignore)
    )

[<Fact>]
let ``a negative epsilon is refused`` () =
    Assert.Contains(
        "epsilon is -1",
        GoldenCase.refusal (fun () -> Advantage.groupRelative (Scale.SampleDeviation -1.0) [| 0.0; 1.0 |] |> ignore)
    )

[<Fact>]
let ``groups of two and more have verl's advantages, and a group of one zero where verl keeps the reward`` () =
    let mutable singles = 0

    for case in GoldenCase.all "golden/rl/verl_adv_grpo.json" do
        let epsilon = GoldenCase.number "epsilon" case.Inputs

        let scale, singleScale =
            if (case.Inputs.GetProperty "norm_adv_by_std").GetBoolean() then
                Scale.SampleDeviation epsilon, 1.0 + epsilon
            else
                Scale.One, 1.0

        let rewards = GoldenCase.matrix "rewards" case.Inputs |> Array.map Array.sum
        let mask = GoldenCase.matrix "mask" case.Inputs
        let theirs = GoldenCase.matrix "advantages" case.Outputs

        let groups =
            GoldenCase.numbers "group" case.Inputs
            |> Array.indexed
            |> Array.groupBy snd
            |> Array.map (snd >> Array.map fst)

        for members in groups do
            let ours =
                Advantage.groupRelative scale (members |> Array.map (fun row -> rewards[row]))

            match members with
            | [| row |] ->
                singles <- singles + 1
                Assert.Equal(0.0, ours[0])

                mask[row]
                |> Array.map (fun kept -> kept * rewards[row] / singleScale)
                |> GoldenCase.assertAllClose $"{case.Name} row {row}" 1e-9 theirs[row]
            | _ ->
                Array.iter2
                    (fun row advantage ->
                        mask[row]
                        |> Array.map (fun kept -> kept * advantage)
                        |> GoldenCase.assertAllClose $"{case.Name} row {row}" 1e-9 theirs[row])
                    members
                    ours

    Assert.True(singles > 0)

[<Fact>]
let ``advantages of one group at a time are TRL's`` () =
    // Covered: rewards are summed first and scaled by group or not at all. Not built: scaling over the batch,
    // normalising each reward first, missing verdicts.
    let covered =
        GoldenCase.all "golden/rl/trl_advantages.json"
        |> Array.filter (fun case ->
            string (case.Inputs.GetProperty "multi_objective_aggregation") = "sum_then_normalize"
            && string (case.Inputs.GetProperty "scale_rewards") <> "batch"
            && GoldenCase.matrix "rewards_per_func" case.Inputs
               |> Array.forall (Array.forall System.Double.IsFinite))

    Assert.Equal(20, covered.Length)

    for case in covered do
        let weights = GoldenCase.numbers "reward_weights" case.Inputs
        let size = int (GoldenCase.number "group_size" case.Inputs)

        let scale =
            if string (case.Inputs.GetProperty "scale_rewards") = "none" then
                Scale.One
            else
                Scale.SampleDeviation 1e-4

        GoldenCase.matrix "rewards_per_func" case.Inputs
        |> Array.map (Array.map2 (*) weights >> Array.sum)
        |> Array.chunkBySize size
        |> Array.collect (Advantage.groupRelative scale)
        |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "advantages" case.Outputs)
