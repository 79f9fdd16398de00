module David.Grpo.Tests.SpendingTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private spender found reward isCorrect : Member =
    trajectory [ "a" ] found (Ending.Answered(if isCorrect then "right" else "x")) |> scored reward

/// Whether every right member has at least the value of every wrong one.
let private isOrdered (correct: bool[]) (values: float[]) =
    Array.allPairs (Array.zip correct values) (Array.zip correct values)
    |> Array.forall (fun ((left, value), (right, other)) -> not left || right || value >= other)

let private members =
    [|
        spender [ [ "a" ] ] 1.0 true
        spender [ [ "a" ]; [ "x" ]; [ "x" ] ] 1.0 true
        spender [] 0.0 false
        spender [ [ "x" ] ] 0.0 false
    |]

let private group = groupOf members

/// Which members are right, and a value of each, in sixteenths.
let private judged =
    gen {
        let! size = Gen.choose (1, 9)
        let! correct = Gen.elements [ true; false ] |> Gen.listOfLength size
        let! values = Gen.choose (-32, 32) |> Gen.listOfLength size
        return Array.ofList correct, values |> List.map (fun k -> float k / 16.0) |> Array.ofList
    }

[<Tests>]
let tests =
    testList "SpendingTests" [
        test "the rules bear the names that runs are described by" {
            [
                SpendingRules.free
                SpendingRules.perSearch
                SpendingRules.depthGap
                SpendingRules.gatedByCalls
                SpendingRules.above 1.0 SpendingRules.depthGap
                SpendingRules.keepOrder SpendingRules.perSearch
            ]
            |> List.map _.Name
            |> equals [ "free"; "searches"; "depth_gap"; "gated_by_calls"; "depth_gap"; "searches" ]

            SpendingRules.free.Shape 3.0 group |> equals group
            SpendingRules.free.Uses group |> equals [| 1.0; 3.0; 0.0; 1.0 |]

            (SpendingRules.perSearch.Shape 0.5 group).Members[0].Reward.Terms
            |> Array.last
            |> _.Name
            |> equals "spending"
        }

        test "OTC's factor takes at most all of a right answer's reward" {
            // One call was enough, three earn sin(3π/4) of it.
            let factor = sqrt 0.5

            for price, kept in [ 0.5, 0.5 + 0.5 * factor; 1.0, factor; 2.0, factor ] do
                (SpendingRules.gatedByCalls.Shape price group).Rewards
                |> GoldenCase.assertAllClose $"{price}" 1e-12 [| 1.0; kept; 0.0; 0.0 |]

            let lost = groupOf members[2..]
            SpendingRules.gatedByCalls.Shape 1.0 lost |> equals lost
        }

        test "at a price of nothing no rule changes a reward" {
            for rule in
                [
                    SpendingRules.free
                    SpendingRules.perSearch
                    SpendingRules.depthGap
                    SpendingRules.gatedByCalls
                ] do
                (rule.Shape 0.0 group).Rewards |> equals [| 1.0; 1.0; 0.0; 0.0 |]
        }

        test "a search costs its price" {
            (SpendingRules.perSearch.Shape 0.1 group).Rewards
            |> Array.map (fun r -> round (r * 1e9) / 1e9)
            |> equals [| 0.9; 0.7; 0.0; -0.1 |]

            SpendingRules.perSearch.Uses group |> equals [| 1.0; 3.0; 0.0; 1.0 |]
        }

        test "the depth gap is counted from the fewest searches that found all evidence" {
            SpendingRules.depthGap.Uses group |> equals [| 0.0; 2.0; 1.0; 0.0 |]
            SpendingRules.depthGap.Uses(groupOf members[2..]) |> equals [| 0.0; 0.0 |]
        }

        test "one-sided, only what lies above the target costs, in shares of it" {
            ((SpendingRules.above 2.0 SpendingRules.perSearch).Shape 0.2 group).Rewards
            |> equals [| 1.0; 0.9; 0.0; 0.0 |]
        }

        test "the one-sided price rises and falls with the relative excess" {
            let control =
                PriceControl.OneSided
                    {
                        Budget = 2.0
                        StepSize = 0.1
                        Initial = 0.0
                        Ceiling = 1.0
                    }

            let inTwo =
                match control with
                | PriceControl.OneSided options -> PriceControl.Ascent { options with Initial = 0.5 }
                | other -> other

            // Dual ascent's excess is absolute.
            (PriceControl.step inTwo (PriceControl.start inTwo) 3.0).Multiplier |> isNear 0.5e-12 0.6

            let risen = PriceControl.step control (PriceControl.start control) 3.0
            risen.Multiplier |> isNear 0.5e-12 0.05
            (PriceControl.step control risen 1.0).Multiplier |> isNear 0.5e-12 0.0
        }

        test "no right trajectory ends below a wrong one, at any price" {
            law (fun (members: (byte * byte * bool) list, price: byte) ->
                let group =
                    members
                    |> List.truncate 6
                    |> List.map (fun (searches, reward, isCorrect) ->
                        spender (List.replicate (int searches % 5) [ "a" ]) (float reward / 255.0) isCorrect)
                    |> Array.ofList
                    |> groupOf

                [
                    SpendingRules.perSearch
                    SpendingRules.depthGap
                    SpendingRules.gatedByCalls
                    SpendingRules.above 1.0 SpendingRules.perSearch
                ]
                |> List.forall (fun rule ->
                    let kept = (SpendingRules.keepOrder rule).Shape (float price / 100.0) group

                    isOrdered group.Correct kept.Rewards
                    && Array.forall2
                        (fun (before: Member) (after: Member) ->
                            let added = after.Reward.Terms.Length - before.Reward.Terms.Length
                            // A charge that is put in order is one term still.
                            added = System.Convert.ToInt32(after.Reward.Total <> before.Reward.Total))
                        group.Members
                        kept.Members))
        }

        test "a fixed price stays, a controlled one comes to hold its target" {
            let still = PriceControl.start (PriceControl.Fixed 0.3)

            still
            |> equals
                {
                    Integral = 0.0
                    Excess = 0.0
                    Cost = 0.0
                    Recent = [| 0.0 |]
                    Multiplier = 0.3
                }

            PriceControl.step (PriceControl.Fixed 0.3) still 7.0 |> equals still

            // Dual ascent moves the price, and nothing else of the state.
            let state =
                {
                    Integral = 1.0
                    Excess = 2.0
                    Cost = 3.0
                    Recent = [| 4.0 |]
                    Multiplier = 0.25
                }

            let ascent: DualAscentOptions =
                {
                    Budget = 2.0
                    StepSize = 0.25
                    Initial = 0.0
                    Ceiling = 1.0
                }

            PriceControl.step (PriceControl.Ascent ascent) state 3.0 |> equals { state with Multiplier = 0.5 }

            PriceControl.step (PriceControl.OneSided ascent) state 3.0
            |> equals { state with Multiplier = 0.375 }

            PriceControl.start (PriceControl.OneSided { ascent with Initial = 0.3 }) |> equals still

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

            List.average (List.truncate 20 uses) |> isBetween 1.45 1.55
        }

        test "lifted, no correct member is below an incorrect one, nor are its advantages" {
            lawFor judged (fun (correct, values) ->
                let lifted = SpendingRules.liftCorrect correct values

                isOrdered correct lifted
                && isOrdered correct (Advantage.groupRelative (Scale.SampleDeviation 1e-6) lifted))
        }

        test "a lift leaves the incorrect alone, never lowers the correct, and changes no group in order" {
            lawFor judged (fun (correct, values) ->
                let lifted = SpendingRules.liftCorrect correct values

                Array.forall2 (>=) lifted values
                && Array.forall2
                    (fun isRight (before, after) -> isRight || before = after)
                    correct
                    (Array.zip values lifted)
                && (not (isOrdered correct values) || lifted = values)
                && SpendingRules.liftCorrect correct lifted = lifted)
        }

        test "a lift keeps the differences among the correct, and rounding does not break the order" {
            GoldenCase.assertAllClose
                "lift"
                1e-15
                [| 1.7; 0.5; 0.5 |]
                (SpendingRules.liftCorrect [| true; true; false |] [| 0.2; -1.0; 0.5 |])

            // −1e16 lifted by 1e16 + 0.3 would be 0 and end below 0.3.
            isTrue (isOrdered [| true; false |] (SpendingRules.liftCorrect [| true; false |] [| -1e16; 0.3 |]))
        }

        test "OTC's factor peaks where the calls are the fewest, and stays in [0, 1]" {
            SpendingRules.optimalCallFactor 3.0 3.0 |> equals 1.0
            SpendingRules.optimalCallFactor 0.0 0.0 |> equals 1.0
            SpendingRules.optimalCallFactor 3.0 0.0 |> equals 0.0
            GoldenCase.assertClose "twice the calls" 1e-12 (sqrt 0.75) (SpendingRules.optimalCallFactor 1.0 2.0)
            GoldenCase.assertClose "none were needed" 1e-12 0.5 (SpendingRules.optimalCallFactor 0.0 1.0)

            GoldenCase.assertClose
                "two, none needed"
                1e-12
                (cos (0.4 * System.Math.PI))
                (SpendingRules.optimalCallFactor 0.0 2.0)

            lawFor (Gen.zip (Gen.choose (0, 20)) (Gen.choose (0, 20))) (fun (fewest, calls) ->
                let factor = SpendingRules.optimalCallFactor (float fewest) (float calls)
                factor >= 0.0 && factor <= 1.0)
        }
    ]
