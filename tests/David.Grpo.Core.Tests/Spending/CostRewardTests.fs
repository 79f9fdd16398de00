module David.Grpo.Tests.CostRewardTests

open FsCheck.FSharp
open Xunit
open David.Grpo

/// Correct, graded reward in [0, 1] and use in 0 … 12 of 1 to 9 trajectories.
let private group =
    gen {
        let! size = Gen.choose (1, 9)
        let! correct = Gen.elements [ true; false ] |> Gen.listOfLength size
        let! rewards = Gen.choose (0, 16) |> Gen.listOfLength size
        let! uses = Gen.choose (0, 12) |> Gen.listOfLength size

        return
            Array.ofList correct,
            rewards |> List.map (fun k -> float k / 16.0) |> Array.ofList,
            uses |> List.map float |> Array.ofList
    }

/// The same with 0-1 rewards: 1 where correct.
let private binaryGroup =
    group
    |> Gen.map (fun (correct, _, uses) -> correct, correct |> Array.map (fun ok -> if ok then 1.0 else 0.0), uses)

let private repairs = [ OrderRepair.Lift; OrderRepair.Floor ]

let private counts (uses: float[]) = Array.map int uses

/// All published forms of a group, with settings from their sources, by name.
let private shapings (correct: bool[], rewards: float[], uses: float[]) =
    let wellFormed = uses |> Array.map (fun used -> int used % 3 <> 0)
    let steps = uses |> Array.map (fun used -> int used + 1)

    [
        "linear", CostReward.linear 0.3 rewards uses
        "gatedByCalls", CostReward.gatedByCalls 1.0 1.0 correct rewards uses
        "stepTable", CostReward.stepTable wellFormed correct rewards (counts uses)
        "lcpoExact", CostReward.lcpoExact 0.2 3.0 correct uses
        "lcpoMaximum", CostReward.lcpoMaximum 0.2 3.0 correct uses
        "gatedByGroupMinimum", CostReward.gatedByGroupMinimum 1.0 0.5 correct rewards uses (Array.rev uses)
        "decayed", CostReward.decayed 0.9 rewards steps |> Array.map Array.head
        "scaledBySolveRate", CostReward.scaledBySolveRate 0.3 correct rewards uses
        "formatGated", CostReward.formatGated 0.6 0.4 wellFormed correct (counts uses) steps
        "gatedByDifficulty", Array.map2 (+) rewards (CostReward.gatedByDifficulty 0.5 10.0 0.3 correct uses)
        "clippedShaping",
        CostReward.clippedShaping
            1.0
            (Advantage.groupRelative Scale.One rewards)
            (Advantage.groupRelative Scale.One (uses |> Array.map (~-)))
    ]

[<Fact>]
let ``after keepOrder no correct trajectory is below an incorrect one, under any of the rewards`` () =
    lawFor (Gen.oneof [ group; binaryGroup ]) (fun (correct, rewards, uses) ->
        shapings (correct, rewards, uses)
        |> List.forall (fun (_, shaped) ->
            repairs
            |> List.forall (fun repair ->
                [ 0.0; 0.1 ]
                |> List.forall (fun margin ->
                    let kept = CostReward.keepOrder repair margin correct shaped

                    // The group-relative advantages of the repaired rewards keep it too.
                    CostReward.isOrdered correct kept
                    && CostReward.isOrdered correct (Advantage.groupRelative (Scale.SampleDeviation 1e-6) kept)))))

[<Fact>]
let ``keepOrder leaves the incorrect alone, never lowers the correct, and changes nothing when applied again`` () =
    lawFor group (fun (correct, rewards, uses) ->
        let shaped = CostReward.linear 0.3 rewards uses

        repairs
        |> List.forall (fun repair ->
            let kept = CostReward.keepOrder repair 0.25 correct shaped

            Array.forall2 (>=) kept shaped
            && Array.forall2 (fun ok (before, after) -> ok || before = after) correct (Array.zip shaped kept)
            && CostReward.keepOrder repair 0.25 correct kept = kept))

[<Fact>]
let ``keepOrder changes no group that is in order`` () =
    lawFor group (fun (correct, _, uses) ->
        let shaped = CostReward.lcpoMaximum 0.2 3.0 correct uses

        repairs |> List.forall (fun repair -> CostReward.keepOrder repair 0.0 correct shaped = shaped))

[<Fact>]
let ``a lift keeps the differences among the correct, a floor the largest reward`` () =
    let correct, shaped = [| true; true; false |], [| 0.2; -1.0; 0.5 |]

    let lifted = CostReward.keepOrder OrderRepair.Lift 0.0 correct shaped
    GoldenCase.assertAllClose "lift" 1e-15 [| 1.7; 0.5; 0.5 |] lifted

    Assert.Equal<float[]>([| 0.5; 0.5; 0.5 |], CostReward.keepOrder OrderRepair.Floor 0.0 correct shaped)

[<Fact>]
let ``rounding does not break the order`` () =
    // −1e16 lifted by 1e16 + 0.3 would be 0 and end below 0.3.
    let kept =
        CostReward.keepOrder OrderRepair.Lift 0.0 [| true; false |] [| -1e16; 0.3 |]

    Assert.True(CostReward.isOrdered [| true; false |] kept)

/// Each published form that can fail, with a group on which it does: a wrong trajectory above a correct one.
let private counterexamples =
    let pair = [| true; false |]

    [
        // Searching 5 times for the answer against giving up at once.
        "linear", pair, CostReward.linear 0.3 [| 1.0; 0.0 |] [| 5.0; 0.0 |]
        // Three correct members, so s = 3/4 and the price 0.225.
        "scaledBySolveRate",
        [| true; true; true; false |],
        CostReward.scaledBySolveRate 0.3 [| true; true; true; false |] [| 1.0; 1.0; 1.0; 0.0 |] [| 5.0; 1.0; 1.0; 0.0 |]
        // Correct but 600 tokens too long, against wrong at exactly the asked length.
        "lcpoExact", pair, CostReward.lcpoExact 2e-3 1000.0 pair [| 1600.0; 1000.0 |]
        // Graded rewards: the wrong one has half, as evidence coverage gives it.
        "gatedByCalls",
        [| true; true; false |],
        CostReward.gatedByCalls 1.0 1.0 [| true; true; false |] [| 1.0; 1.0; 0.5 |] [| 1.0; 10.0; 1.0 |]
        "decayed", pair, CostReward.decayed 0.9 [| 1.0; 0.5 |] [| 10; 1 |] |> Array.map Array.head
        // Correct, but not in the asked form.
        "stepTable", pair, CostReward.stepTable [| false; true |] pair [| 1.0; 0.0 |] [| 0; 1 |]
        "formatGated", pair, CostReward.formatGated 0.6 0.4 [| false; true |] pair [| 1; 1 |] [| 1; 1 |]
        // An easy question; right and wrong lie 0.4 apart, the penalty reaches 0.5.
        "gatedByDifficulty",
        [| true; true; false |],
        Array.map2
            (+)
            [| 1.0; 1.0; 0.6 |]
            (CostReward.gatedByDifficulty 0.5 10.0 0.5 [| true; true; false |] [| 10.0; 0.0; 0.0 |])
        // A correct trajectory whose graded reward lies below the mean has a negative advantage before any cost.
        "clippedShaping",
        pair,
        CostReward.clippedShaping 1.0 (Advantage.groupRelative Scale.One [| 0.4; 0.6 |]) [| -1.0; 0.0 |]
    ]

[<Fact>]
let ``as published most rewards can put a wrong trajectory above a correct one; keepOrder does not`` () =
    Assert.Equal(9, counterexamples.Length)

    for name, correct, shaped in counterexamples do
        Assert.False(CostReward.isOrdered correct shaped, $"{name} kept the order: %A{shaped}")

        for repair in repairs do
            Assert.True(CostReward.isOrdered correct (CostReward.keepOrder repair 0.0 correct shaped), name)

[<Fact>]
let ``under 0-1 rewards the gated forms keep the order by themselves`` () =
    lawFor binaryGroup (fun (correct, rewards, uses) ->
        let wellFormed = Array.replicate correct.Length true
        let steps = uses |> Array.map (fun used -> int used + 1)
        let cost = Advantage.groupRelative Scale.One (uses |> Array.map (~-))

        [
            CostReward.gatedByCalls 1.0 1.0 correct rewards uses
            CostReward.stepTable wellFormed correct rewards (counts uses)
            CostReward.lcpoMaximum 2e-3 3.0 correct uses
            CostReward.gatedByGroupMinimum 3.0 2.0 correct rewards uses (Array.rev uses)
            CostReward.decayed 0.5 rewards steps |> Array.map Array.head
            CostReward.formatGated 0.2 0.4 (Array.map (fun used -> used > 3.0) uses) correct (counts uses) steps
            Array.map2 (+) rewards (CostReward.gatedByDifficulty 1.0 10.0 0.2 correct uses)
            CostReward.clippedShaping 1.0 (Advantage.groupRelative Scale.One rewards) cost
        ]
        |> List.forall (CostReward.isOrdered correct))

[<Fact>]
let ``among correct trajectories more use never earns more`` () =
    lawFor binaryGroup (fun (_, _, uses) ->
        let correct = Array.replicate uses.Length true
        let rewards = Array.replicate uses.Length 1.0
        let none = Array.zeroCreate uses.Length

        [
            CostReward.linear 0.3 rewards uses
            CostReward.gatedByCalls 1.0 1.0 correct rewards uses
            CostReward.stepTable correct correct rewards (counts uses)
            CostReward.lcpoMaximum 0.1 3.0 correct uses
            CostReward.gatedByGroupMinimum 1.0 1.0 correct rewards uses none
            CostReward.gatedByDifficulty 1.0 10.0 0.5 correct uses
            CostReward.scaledBySolveRate 0.3 correct rewards uses
        ]
        |> List.forall (fun shaped ->
            Array.allPairs (Array.zip uses shaped) (Array.zip uses shaped)
            |> Array.forall (fun ((u, a), (v, b)) -> u > v || a >= b - 1e-12)))

[<Fact>]
let ``at price zero, at weight zero and at gamma one the reward is the outcome`` () =
    lawFor group (fun (correct, rewards, uses) ->
        let gated = Array.map2 (fun ok reward -> if ok then reward else 0.0) correct rewards

        CostReward.linear 0.0 rewards uses = rewards
        && CostReward.scaledBySolveRate 0.0 correct rewards uses = rewards
        && CostReward.gatedByGroupMinimum 0.0 0.0 correct rewards uses uses = gated
        && CostReward.gatedByDifficulty 0.0 4.0 0.0 correct uses |> Array.forall ((=) 0.0)
        && CostReward.clippedShaping 0.0 rewards uses = rewards
        && CostReward.decayed 1.0 rewards (counts uses) = Array.map2 Array.replicate (counts uses) rewards)

[<Fact>]
let ``a question that nobody solved pays nothing, one that all solved the full price`` () =
    let rewards, uses = [| 0.3; 0.2 |], [| 2.0; 4.0 |]
    Assert.Equal<float[]>(rewards, CostReward.scaledBySolveRate 0.1 [| false; false |] rewards uses)

    Assert.Equal<float[]>(
        CostReward.linear 0.1 rewards uses,
        CostReward.scaledBySolveRate 0.1 [| true; true |] rewards uses
    )

[<Fact>]
let ``OTC's factor peaks where the calls are the fewest`` () =
    // n = 2, m = 1 … 6.
    [| 1.0 .. 6.0 |]
    |> Array.map (CostReward.optimalCallFactor 1.0 2.0)
    |> GoldenCase.assertAllClose "n = 2" 5e-4 [| 0.866; 1.0; 0.951; 0.866; 0.782; 0.707 |]

    Assert.Equal(1.0, CostReward.optimalCallFactor 1.0 0.0 0.0)
    GoldenCase.assertClose "m = 1, c = 1" 1e-15 0.5 (CostReward.optimalCallFactor 1.0 0.0 1.0)
    Assert.Equal(0.0, CostReward.optimalCallFactor 1.0 2.0 0.0)

[<Fact>]
let ``OTC's factor stays in [0, 1]`` () =
    law (fun (fewest: byte, calls: uint16, smoothing: byte) ->
        let factor =
            CostReward.optimalCallFactor (float smoothing + 0.5) (float fewest) (float calls)

        factor >= -1e-15 && factor <= 1.0)

[<Fact>]
let ``the step table is IKEA's`` () =
    CostReward.stepTable
        [| true; true; true; true; true; true; true; false |]
        [| true; true; true; true; true; false; false; false |]
        [| 1.0; 1.0; 1.0; 1.0; 1.0; 0.0; 0.0; 0.0 |]
        [| 0; 1; 2; 3; 7; 0; 2; 1 |]
    |> GoldenCase.assertAllClose "table" 1e-15 [| 1.6; 1.4; 1.2; 1.0; 1.0; 0.0; 0.05; -1.0 |]

[<Fact>]
let ``LCPO pays a half at the asked length, and the paper's form is the released one with half the alpha`` () =
    Assert.Equal<float[]>([| 0.5; 0.0 |], CostReward.lcpoMaximum 2e-3 700.0 [| true; false |] [| 700.0; 700.0 |])
    Assert.Equal<float[]>([| 1.0; 0.0 |], CostReward.lcpoExact 2e-3 700.0 [| true; false |] [| 700.0; 700.0 |])

    for length in 0.0..50.0..2000.0 do
        let paper = max 0.0 (min 1.0 (1e-3 * (700.0 - length) + 0.5))

        CostReward.lcpoMaximum 2e-3 700.0 [| true |] [| length |]
        |> GoldenCase.assertAllClose $"{length}" 1e-12 [| paper |]

[<Fact>]
let ``the cheapest correct trajectory keeps its reward under the gates`` () =
    CostReward.gatedByGroupMinimum
        1.0
        0.0
        [| true; true; false |]
        [| 1.0; 1.0; 1.0 |]
        [| 1.0; 3.0; 0.0 |]
        [| 9.0; 9.0; 9.0 |]
    |> GoldenCase.assertAllClose "gates" 1e-15 [| 1.0; 0.5; 0.0 |]

[<Fact>]
let ``a decayed reward ends at the reward`` () =
    let decayed = CostReward.decayed 0.5 [| 1.0; 2.0; 1.0 |] [| 3; 1; 0 |]
    Assert.Equal<float[][]>([| [| 0.25; 0.5; 1.0 |]; [| 2.0 |]; [||] |], decayed)

[<Fact>]
let ``HiPRAG's base is gated by format, its bonus by both`` () =
    CostReward.formatGated
        0.2
        0.4
        [| true; false; true; false; true |]
        [| true; true; false; false; true |]
        [| 1; 1; 1; 1; 0 |]
        [| 2; 2; 2; 2; 0 |]
    |> GoldenCase.assertAllClose "HiPRAG" 1e-15 [| 1.2; 0.8; 0.2; 0.0; 1.0 |]

[<Fact>]
let ``AdaTIR penalises correct trajectories of easy questions only`` () =
    let correct = [| true; true; false |]

    CostReward.gatedByDifficulty 0.5 4.0 0.6 correct [| 4.0; 9.0; 4.0 |]
    |> GoldenCase.assertAllClose "easy" 1e-15 [| -0.5; -0.5; 0.0 |]

    Assert.Equal<float[]>([| 0.0; 0.0; 0.0 |], CostReward.gatedByDifficulty 0.5 4.0 0.7 correct [| 4.0; 9.0; 4.0 |])

[<Fact>]
let ``clipped shaping never turns a sign`` () =
    lawFor (Gen.zip group (Gen.choose (0, 10))) (fun ((_, rewards, uses), tenths) ->
        let outcome = Advantage.groupRelative Scale.One rewards

        let shaped =
            CostReward.clippedShaping (float tenths / 10.0) outcome (uses |> Array.map (fun used -> 3.0 - used))

        Array.forall2 (fun before after -> before * after >= 0.0 && (before <> 0.0 || after = 0.0)) outcome shaped)

[<Fact>]
let ``groups of nobody give nothing, wrong arguments are refused`` () =
    for _, shaped in shapings ([||], [||], [||]) do
        Assert.Empty shaped

    Assert.Empty(CostReward.keepOrder OrderRepair.Lift 0.0 [||] [||])
    Assert.True(CostReward.isOrdered [||] [||])

    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains("uses[0] is -1", refusal (fun () -> CostReward.linear 0.1 [| 1.0 |] [| -1.0 |]))
    Assert.Contains("price is NaN", refusal (fun () -> CostReward.linear nan [| 1.0 |] [| 1.0 |]))

    Assert.Contains(
        "uses has 2 entries; expected 1",
        refusal (fun () -> CostReward.lcpoExact 0.1 1.0 [| true |] [| 1.0; 2.0 |])
    )

    Assert.Contains("rewards[0] is NaN", refusal (fun () -> CostReward.linear 0.1 [| nan |] [| 1.0 |]))

    Assert.Contains(
        "necessary[0] is 3; expected 0 to the number of its steps, which is 2",
        refusal (fun () -> CostReward.formatGated 0.2 0.4 [| true |] [| true |] [| 3 |] [| 2 |])
    )

    Assert.Contains(
        "margin is -1",
        refusal (fun () -> CostReward.keepOrder OrderRepair.Floor -1.0 [| true |] [| 1.0 |])
    )
