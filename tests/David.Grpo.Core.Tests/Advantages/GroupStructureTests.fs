module David.Grpo.Tests.GroupStructureTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private scales =
    [ Scale.One; Scale.PopulationDeviation 0.0; Scale.SampleDeviation 1e-6 ]

let private sample = Scale.SampleDeviation 1e-6

/// Rewards with one of three keys each.
let private keyed =
    gen {
        let! rewards = RewardSamples.group
        let! keys = RewardSamples.keys 3 rewards.Length
        return rewards, keys
    }

/// Step rewards with an anchor and members with an outcome each.
let private episodes =
    gen {
        let! rewards = RewardSamples.steps
        let! outcomes = RewardSamples.ofSize rewards.Length

        let! anchors =
            rewards |> Array.map (fun own -> RewardSamples.keys 3 own.Length) |> Gen.sequenceToArray

        return rewards, outcomes, anchors |> Array.map (Array.map string)
    }

[<Tests>]
let tests =
    testList "GroupStructureTests" [
        test "one tree gives twice the group-relative advantage, trees of one leaf give it once" {
            lawFor RewardSamples.group (fun rewards ->
                scales
                |> List.forall (fun scale ->
                    let once = Advantage.groupRelative scale rewards

                    let oneTree =
                        GroupStructure.treeRelative scale (Array.create rewards.Length 5) rewards

                    let ownTrees =
                        GroupStructure.treeRelative scale [| 0 .. rewards.Length - 1 |] rewards

                    RewardSamples.same (once |> Array.map ((*) 2.0)) oneTree && RewardSamples.same once ownTrees))
        }

        test "the advantages of Tree-GRPO's two trees of three leaves" {
            // Over all six: mean 1/2, deviation √0.3. First tree: mean 1/3, √(1/3); second: 2/3, √(1/3).
            let advantages =
                GroupStructure.treeRelative (Scale.SampleDeviation 0.0) [| 0; 1; 0; 1; 0; 1 |] [|
                    1.0
                    1.0
                    0.0
                    1.0
                    0.0
                    0.0
                |]

            let all = 0.5 / sqrt 0.3
            let own = 1.0 / 3.0 / sqrt (1.0 / 3.0)

            GoldenCase.assertAllClose
                "advantages"
                1e-12
                [|
                    all + 2.0 * own
                    all + own
                    -all - own
                    all + own
                    -all - own
                    -all - 2.0 * own
                |]
                advantages
        }

        test "one stratum, or none of its weight, gives the group-relative advantage" {
            lawFor keyed (fun (rewards, strata) ->
                scales
                |> List.forall (fun scale ->
                    let expected = Advantage.groupRelative scale rewards

                    RewardSamples.same
                        expected
                        (GroupStructure.stratified scale 0.7 (Array.create rewards.Length 1) rewards)
                    && RewardSamples.same expected (GroupStructure.stratified scale 0.0 strata rewards)))
        }

        test "strata alone compare nobody across them" {
            lawFor keyed (fun (rewards, strata) ->
                // What all of a stratum share does not count.
                let lifted =
                    Array.map2 (fun stratum reward -> reward + 4.0 * float stratum) strata rewards

                RewardSamples.same
                    (GroupStructure.stratified sample 1.0 strata rewards)
                    (GroupStructure.stratified sample 1.0 strata lifted))
        }

        test "structures follow their members through a permutation, and no constant changes them" {
            lawFor keyed (fun (rewards, keys) ->
                let order = Seed.permutation rewards.Length (Seed.ofInt64 5L)

                let pick (values: 'value[]) =
                    order |> Array.map (fun index -> values[index])

                [ GroupStructure.treeRelative sample; GroupStructure.stratified sample 0.6 ]
                |> List.forall (fun estimate ->
                    let once = estimate keys rewards

                    RewardSamples.same (pick once) (estimate (pick keys) (pick rewards))
                    && RewardSamples.same once (estimate keys (RewardSamples.shifted 0.5 rewards))
                    && estimate keys (Array.create rewards.Length 0.7) = Array.zeroCreate rewards.Length))
        }

        test "states that nobody shares leave the episode's advantage" {
            lawFor episodes (fun (rewards, outcomes, _) ->
                let unique =
                    rewards |> Array.mapi (fun g own -> own |> Array.mapi (fun t _ -> $"{g} {t}"))

                let episode = Advantage.groupRelative sample outcomes

                GroupStructure.groupInGroup sample 0.5 0.95 unique outcomes rewards
                |> RewardSamples.sameRows (
                    Array.map2 (fun own a -> Array.replicate (Array.length own) a) rewards episode
                ))
        }

        test "one step from one state gives the group-relative advantage once, and omega times again" {
            lawFor RewardSamples.group (fun rewards ->
                let steps = rewards |> Array.map Array.singleton
                let anchors = rewards |> Array.map (fun _ -> [| "start" |])

                let expected =
                    Advantage.groupRelative sample rewards |> Array.map (fun a -> [| 1.5 * a |])

                GroupStructure.groupInGroup sample 0.5 0.95 anchors rewards steps |> RewardSamples.sameRows expected)
        }

        test "steps from a state have advantages that sum to zero, and follow their members" {
            lawFor episodes (fun (rewards, _, anchors) ->
                let advantages = GroupStructure.anchorRelative sample anchors rewards

                let sums =
                    Array.zip (Array.concat anchors) (Array.concat advantages)
                    |> Array.groupBy fst
                    |> Array.map (snd >> Array.sumBy snd)

                Array.forall (fun total -> abs total < 1e-9) sums
                && RewardSamples.sameRows
                    (Array.rev advantages)
                    (GroupStructure.anchorRelative sample (Array.rev anchors) (Array.rev rewards)))
        }

        test "keys that are not one for each reward, and a share above one, are refused" {
            GoldenCase.refusal (fun () -> GroupStructure.treeRelative sample [| 0 |] [| 0.0; 1.0 |] |> ignore)
            |> containsText "trees has 1 entries; expected 2"

            GoldenCase.refusal (fun () -> GroupStructure.stratified sample 1.5 [| 0 |] [| 1.0 |] |> ignore)
            |> containsText "alpha is 1.5"

            GoldenCase.refusal (fun () ->
                GroupStructure.anchorRelative sample [| [| "a"; "b" |] |] [| [| 1.0 |] |] |> ignore)
            |> containsText "anchors[0] has 2 entries; expected 1"
        }
    ]
