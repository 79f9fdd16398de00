/// The estimators that a user names, with their authors' constants.
module David.Grpo.Tests.AdvantageRulesTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private scale = Scale.SampleDeviation 1e-6

/// A member of so many trained tokens.
let private ofLength (tokens: int) (reward: float) : Member =
    let bare = trajectory [ "a" ] [] Ending.Unanswered

    { bare with
        Segments =
            [|
                Segment.Prompt [| 1 |]
                Segment.Action(Array.zeroCreate tokens, Array.zeroCreate tokens, 0)
            |]
    }
    |> scored reward

/// A case's rows as groups.
let private groups (batch: VerlBatch.Batch) : Group[] =
    Array.map2 (Array.map2 ofLength) (VerlBatch.lengths batch) (VerlBatch.byGroup batch batch.Outcomes)
    |> Array.map groupOf

let private rowsInOrder (batch: VerlBatch.Batch) (byGroup: float[][][]) : float[][] =
    let ofRow = Array.zip (Array.concat batch.Groups) (Array.concat byGroup) |> dict
    Array.init batch.Mask.Length (fun row -> ofRow[row])

let private is name value (batch: VerlBatch.Batch) =
    GoldenCase.has name batch.Case.Inputs && VerlBatch.number name batch = value

let private scaled isScaled (batch: VerlBatch.Batch) =
    VerlBatch.flag "norm_adv_by_std" batch = isScaled

/// A group of one gets 0 here and its reward in most of verl.
let private isOfTwo (batch: VerlBatch.Batch) =
    batch.Groups |> Array.forall (fun group -> group.Length > 1)

/// The reward is paid at the last token, as it is here.
let private isPaidAtEnd (batch: VerlBatch.Batch) =
    VerlBatch.input "rewards" batch
    |> Array.forall (fun row -> row.Length = 0 || row |> Array.take (row.Length - 1) |> Array.forall ((=) 0.0))

/// Members with 0 to 3 searches in 1 to 2 trees, each search paid for what it found.
let private searching =
    gen {
        let! size = Gen.choose (1, 6)

        let rollout =
            gen {
                let! found =
                    Gen.elements [ []; [ "a" ]; [ "b" ] ] |> Gen.listOf |> Gen.map (List.truncate 3)

                let! turns = RewardSamples.ofSize (found.Length + 1)
                let! tree = Gen.choose (0, 1)

                let rollout =
                    trajectory [ "a"; "b" ] found Ending.Unanswered |> scored (Array.sum turns)

                return
                    { rollout with
                        Tree = tree
                        Reward =
                            { rollout.Reward with
                                Turns = turns |> Array.map abs
                            }
                    }
            }

        let! members = Gen.listOfLength size rollout
        return groupOf (Array.ofList members)
    }

/// A group's numbers by turn on the turn's tokens.
let private onTokens (group: Group) (numbers: float[][]) =
    Array.map2
        (fun trajectory (own: float[]) -> AdvantageRules.turnsOf trajectory |> Array.map (fun turn -> own[turn]))
        group.Trajectories
        numbers

let private turns (group: Group) =
    group.Members |> Array.map AdvantageRules.turnRewards

[<Tests>]
let tests =
    testList "AdvantageRulesTests" [
        test "the estimators that a user names are verl's" {
            for name, file, cases, isMeant, expected in
                [
                    "group_relative", "grpo", 58, (fun batch -> isOfTwo batch && scaled true batch), 14
                    "dr_grpo", "grpo", 58, (fun batch -> isOfTwo batch && scaled false batch), 14
                    "rloo", "rloo_vectorized", 28, (fun _ -> true), 28
                    "pass_at_k", "grpo_passk", 56, (fun batch -> isOfTwo batch && scaled true batch), 14
                    "opo", "opo", 28, isOfTwo, 14
                    "gpg", "gpg", 29, (fun batch -> isOfTwo batch && is "f_norm" 1.0 batch), 14
                    "reinforce_plus_plus_baseline", "reinforce_plus_plus_baseline", 28, isOfTwo, 14
                    "reinforce_plus_plus",
                    "reinforce_plus_plus",
                    56,
                    (fun batch -> is "gamma" 1.0 batch && isPaidAtEnd batch),
                    22
                ] do
                let meant = VerlBatch.all cases file |> Array.filter isMeant
                Expect.equal meant.Length expected name

                for batch in meant do
                    let scale =
                        if GoldenCase.has "epsilon" batch.Case.Inputs then
                            Scale.SampleDeviation(VerlBatch.number "epsilon" batch)
                        else
                            scale

                    (AdvantageRules.create name scale).Estimate(groups batch)
                    |> rowsInOrder batch
                    |> VerlBatch.assertByToken 1e-9 "advantages" batch
        }

        test "the estimators of our own and of papers without a golden file have their constants" {
            for name, expected in
                [
                    "stratified",
                    fun (group: Group) ->
                        GroupStructure.stratified
                            scale
                            0.5
                            (group.Trajectories |> Array.map _.Searches.Length)
                            group.Rewards
                        |> Array.map2 (fun own advantage -> Array.replicate (Array.length own) advantage) (turns group)
                    "until_found",
                    fun group ->
                        let paid = turns group

                        TurnCredit.untilFound
                            scale
                            1.0
                            (paid |> Array.map Array.last)
                            (paid
                             |> Array.map (fun own ->
                                 Array.append (Array.take (own.Length - 1) own) [| 0.0 |] |> Array.scan (+) 0.0))
                    "same_turn", (fun group -> TurnCredit.sameTurn scale 1.0 (turns group))
                    "tree_relative",
                    fun group ->
                        GroupStructure.treeRelative scale (group.Members |> Array.map _.Tree) group.Rewards
                        |> Array.map2 (fun own advantage -> Array.replicate (Array.length own) advantage) (turns group)
                    "maxrl",
                    fun group ->
                        Advantage.maximumLikelihood group.Rewards
                        |> Array.map2 (fun own advantage -> Array.replicate (Array.length own) advantage) (turns group)
                ] do
                lawFor searching (fun group ->
                    let group =
                        if name = "maxrl" then
                            group.Members
                            |> Array.map (fun rollout ->
                                { rollout with
                                    Reward =
                                        { rollout.Reward with
                                            Total = abs rollout.Reward.Total
                                        }
                                })
                            |> groupOf
                        else
                            group

                    (AdvantageRules.create name scale).Estimate [| group |]
                    |> Array.exactlyOne
                    |> RewardSamples.sameRows (onTokens group (expected group)))
        }
    ]
