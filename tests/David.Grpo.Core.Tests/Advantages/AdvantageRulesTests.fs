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

let private withTerms (terms: RewardTerm[]) (rollout: Member) : Member =
    { rollout with
        Reward = { rollout.Reward with Terms = terms }
    }

let private rowsInOrder (batch: VerlBatch.Batch) (byGroup: float[][][]) : float[][] =
    let ofRow = Array.zip (Array.concat batch.Groups) (Array.concat byGroup) |> dict
    Array.init batch.Mask.Length (fun row -> ofRow[row])

let private is name value (batch: VerlBatch.Batch) =
    GoldenCase.has name batch.Case.Inputs && VerlBatch.number name batch = value

let private scaled isScaled (batch: VerlBatch.Batch) =
    VerlBatch.flag "norm_adv_by_std" batch = isScaled

/// The scale of a case, where it has one.
let private scaleOf (batch: VerlBatch.Batch) =
    if not (GoldenCase.has "epsilon" batch.Case.Inputs) then
        scale
    elif GoldenCase.has "norm_adv_by_std" batch.Case.Inputs && scaled false batch then
        Scale.One
    else
        Scale.SampleDeviation(VerlBatch.number "epsilon" batch)

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
            for name, file, isMeant in
                [
                    "group_relative", "grpo", (fun batch -> isOfTwo batch && scaled true batch)
                    "dr_grpo", "grpo", (fun batch -> isOfTwo batch && scaled false batch)
                    "rloo", "rloo_vectorized", (fun _ -> true)
                    "pass_at_k", "grpo_passk", (fun batch -> isOfTwo batch && scaled true batch)
                    "opo", "opo", isOfTwo
                    "gpg", "gpg", (fun batch -> isOfTwo batch && is "f_norm" 1.0 batch)
                    "reinforce_plus_plus_baseline", "reinforce_plus_plus_baseline", isOfTwo
                    "reinforce_plus_plus",
                    "reinforce_plus_plus",
                    (fun batch -> is "gamma" 1.0 batch && isPaidAtEnd batch)
                ] do
                let meant = VerlBatch.all file |> Array.filter isMeant
                Expect.isNonEmpty meant name

                for batch in meant do
                    (AdvantageRules.create name (scaleOf batch)).Estimate(groups batch)
                    |> rowsInOrder batch
                    |> VerlBatch.assertByToken 1e-9 "advantages" batch
        }

        test "the critic's estimator is verl's" {
            for batch in VerlBatch.all "gae" |> Array.filter isPaidAtEnd do
                let values = VerlBatch.input "values" batch |> VerlBatch.byGroup batch

                let rule =
                    AdvantageRules.generalizedAdvantages (VerlBatch.number "gamma" batch) (VerlBatch.number "lam" batch)

                rule.Name |> equals "gae"

                Array.map2 (fun (group: Group) own -> group.WithValues own) (groups batch) values
                |> rule.Estimate
                |> rowsInOrder batch
                |> VerlBatch.assertByToken 1e-9 "advantages" batch
        }

        test "GDPO by name is verl's over the reward's terms" {
            let meant =
                VerlBatch.all "gdpo"
                |> Array.filter (fun batch -> isOfTwo batch && GoldenCase.has "reward_parts" batch.Case.Inputs)

            isNotEmpty meant

            for batch in meant do
                let parts = batch.Case.Inputs.GetProperty "reward_parts"

                let weights =
                    if GoldenCase.has "reward_weights" batch.Case.Inputs then
                        GoldenCase.numbers "reward_weights" batch.Case.Inputs
                    else
                        [| 1.0; 1.0; 1.0 |]

                let terms =
                    Array.map2
                        (fun weight name ->
                            GoldenCase.numbers name parts
                            |> Array.map (fun value ->
                                {
                                    Name = name
                                    Weight = weight
                                    Value = value
                                }))
                        weights
                        [| "accuracy"; "format"; "length" |]
                    |> Array.transpose
                    |> VerlBatch.byGroup batch

                Array.map2
                    (fun (group: Group) own -> group.With(Array.map2 withTerms own group.Members))
                    (groups batch)
                    terms
                |> (AdvantageRules.create "gdpo" (scaleOf batch)).Estimate
                |> rowsInOrder batch
                |> VerlBatch.assertByToken 1e-5 "advantages" batch
        }

        test "a term that a trajectory lacks is 0 to GDPO" {
            let term name value =
                {
                    Name = name
                    Weight = 2.0
                    Value = value
                }

            let group =
                [|
                    [| term "answer" 1.0; term "format" 0.5 |]
                    [| term "answer" 0.25 |]
                    [| term "format" 1.0 |]
                |]
                |> Array.map (fun terms -> ofLength 1 0.0 |> withTerms terms)
                |> groupOf

            let column values =
                RewardColumn.Complete(2.0, [| values |])

            (AdvantageRules.create "gdpo" scale).Estimate [| group |]
            |> Array.map (Array.map Array.exactlyOne)
            |> equals (
                BatchAdvantage.decoupledRewards Lone.Zero scale Whitening.VerlMasked Population.Sequences [|
                    column [| 1.0; 0.25; 0.0 |]
                    column [| 0.5; 0.0; 1.0 |]
                |]
            )

            // Nothing was paid for: nothing to learn.
            (AdvantageRules.create "gdpo" scale).Estimate [| groupOf [| ofLength 2 0.0 |> withTerms [||] |] |]
            |> equals [| [| [| 0.0; 0.0 |] |] |]
        }

        test "every estimator bears the name that it was asked for by, and gives a group of one zeros" {
            for name in AdvantageRules.names do
                let rule = AdvantageRules.create name scale
                rule.Name |> equals name

                // Its return is whitened as it is, by verl's mean that falls short of the true one.
                if name <> "reinforce_plus_plus" then
                    let advantages = rule.Estimate [| groupOf [| ofLength 2 0.75 |] |]
                    Expect.equal advantages [| [| [| 0.0; 0.0 |] |] |] name
        }

        test "a turn is paid at its last token, and what has no token of its own at the last" {
            let rollout = trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered

            let paid =
                { scored 7.0 rollout with
                    Reward =
                        { (scored 7.0 rollout).Reward with
                            Turns = [| 1.0; 2.0; 4.0 |]
                        }
                }

            AdvantageRules.turnsOf rollout |> equals [| 0; 0; 1; 1; 2 |]
            AdvantageRules.tokenRewards paid |> equals [| 0.0; 1.0; 0.0; 2.0; 4.0 |]

            let cut (segments: Segment[]) =
                { paid with
                    Trajectory = { rollout with Segments = segments }
                }

            // The answer was not begun.
            cut (Array.updateAt 5 (Segment.Action([||], [||], 0)) rollout.Segments)
            |> AdvantageRules.tokenRewards
            |> equals [| 0.0; 1.0; 0.0; 6.0 |]

            // A trajectory that begins with what is trained.
            (cut rollout.Segments[1..]).Trajectory |> AdvantageRules.turnsOf |> hasLength 5

            let penalised = (scored 1.0 rollout).Paying("searches", 0.25)
            AdvantageRules.turnRewards penalised |> equals [| 0.0; 0.0; 0.25 |]
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
                    "gigpo",
                    fun group ->
                        let stateAt (trajectory: Trajectory) searches =
                            trajectory.Searches[.. searches - 1]
                            |> Array.collect (fun search -> search.Passages |> Array.map _.Id.Value)
                            |> Array.distinct
                            |> Array.sort
                            |> String.concat " "

                        GroupStructure.groupInGroup
                            scale
                            1.0
                            1.0
                            (group.Trajectories
                             |> Array.map (fun own -> Array.init (own.Searches.Length + 1) (stateAt own)))
                            group.Rewards
                            (turns group)
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
