module David.Grpo.Tests.SpendingTests

open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

let private spender found reward isCorrect : SpendingMember =
    {
        Trajectory = trajectory [ "a" ] found (Ending.Answered "x")
        Reward = reward
        IsCorrect = isCorrect
    }

let private group =
    [|
        spender [ [ "a" ] ] 1.0 true
        spender [ [ "a" ]; [ "x" ]; [ "x" ] ] 1.0 true
        spender [] 0.0 false
        spender [ [ "x" ] ] 0.0 false
    |]

[<Fact>]
let ``at a price of nothing no rule changes a reward`` () =
    for rule in
        [
            SpendingRules.free
            SpendingRules.perSearch
            SpendingRules.depthGap
            SpendingRules.gatedByCalls
        ] do
        Assert.Equal<float[]>([| 1.0; 1.0; 0.0; 0.0 |], rule.Shape 0.0 group)

[<Fact>]
let ``a search costs its price`` () =
    Assert.Equal<float[]>(
        [| 0.9; 0.7; 0.0; -0.1 |],
        SpendingRules.perSearch.Shape 0.1 group |> Array.map (fun r -> round (r * 1e9) / 1e9)
    )

    Assert.Equal<float[]>([| 1.0; 3.0; 0.0; 1.0 |], SpendingRules.perSearch.Uses group)

[<Fact>]
let ``the depth gap is counted from the fewest searches that found all evidence`` () =
    Assert.Equal<float[]>([| 0.0; 2.0; 1.0; 0.0 |], SpendingRules.depthGap.Uses group)
    Assert.Equal<float[]>([| 0.0; 0.0 |], SpendingRules.depthGap.Uses group[2..])

[<Fact>]
let ``one-sided, only what lies above the target costs, in shares of it`` () =
    Assert.Equal<float[]>([| 1.0; 0.9; 0.0; 0.0 |], (SpendingRules.above 2.0 SpendingRules.perSearch).Shape 0.2 group)

[<Fact>]
let ``the one-sided price rises and falls with the relative excess`` () =
    let control =
        PriceControl.OneSided
            {
                Budget = 2.0
                StepSize = 0.1
                Initial = 0.0
                Ceiling = 1.0
            }

    let risen = PriceControl.step control (PriceControl.start control) 3.0
    Assert.Equal(0.05, risen.Multiplier, 12)
    Assert.Equal(0.0, (PriceControl.step control risen 1.0).Multiplier, 12)

[<Fact>]
let ``no right trajectory ends below a wrong one, at any price`` () =
    law (fun (members: (byte * byte * bool) list, price: byte) ->
        let group =
            members
            |> List.truncate 6
            |> List.map (fun (searches, reward, isCorrect) ->
                spender (List.replicate (int searches % 5) [ "a" ]) (float reward / 255.0) isCorrect)
            |> Array.ofList

        [
            SpendingRules.perSearch
            SpendingRules.depthGap
            SpendingRules.gatedByCalls
            SpendingRules.above 1.0 SpendingRules.perSearch
        ]
        |> List.forall (fun rule ->
            (SpendingRules.keepOrder rule).Shape (float price / 100.0) group
            |> CostReward.isOrdered (group |> Array.map _.IsCorrect)))

[<Fact>]
let ``a fixed price stays, a controlled one comes to hold its target`` () =
    let still = PriceControl.start (PriceControl.Fixed 0.3)
    Assert.Equal(still, PriceControl.step (PriceControl.Fixed 0.3) still 7.0)

    let control =
        PriceControl.Pid
            {
                Budget = 1.5
                Proportional = 0.1
                Integral = 0.05
                Derivative = 0.05
                ProportionalSmoothing = 0.5
                DerivativeSmoothing = 0.5
                Delay = 1
                Initial = 0.05
                Ceiling = 10.0
            }

    // A policy that searches less the more it costs, and needs some steps for it.
    let uses, _, _ =
        List.fold
            (fun (uses, state: PidState, habit) _ ->
                let habit = 0.7 * habit + 0.3 * (3.0 - 4.0 * state.Multiplier)
                habit :: uses, PriceControl.step control state habit, habit)
            ([], PriceControl.start control, 3.0)
            [ 1..80 ]

    Assert.InRange(List.average (List.truncate 20 uses), 1.45, 1.55)
