module David.Grpo.Tests.AdvantageTests

open Expecto
open David.Grpo

let private scales =
    [
        Scale.One
        Scale.PopulationDeviation 0.0
        Scale.SampleDeviation 0.0
        Scale.SampleDeviation 1e-6
    ]

let private group = RewardSamples.group

let private estimators =
    GroupEstimator.LeaveOneOut
    :: (scales
        |> List.collect (fun scale -> [ GroupEstimator.GroupRelative scale; GroupEstimator.PassAtK scale ]))

let private ofGroup estimator rewards =
    Advantage.ofGroups Lone.Zero estimator [| rewards |] |> Array.exactlyOne

[<Tests>]
let tests =
    testList "AdvantageTests" [
        test "advantages of a group sum to zero" {
            lawFor group (fun rewards ->
                scales |> List.forall (fun scale -> abs (Array.sum (Advantage.groupRelative scale rewards)) < 1e-12))
        }

        test "advantages over a deviation without epsilon do not change under a positive affine map" {
            lawFor group (fun rewards ->
                let mapped = rewards |> Array.map (fun reward -> 3.7 * reward - 11.0)

                [ Scale.PopulationDeviation 0.0; Scale.SampleDeviation 0.0 ]
                |> List.forall (fun scale ->
                    Array.forall2
                        (Golden.close 1e-12)
                        (Advantage.groupRelative scale rewards)
                        (Advantage.groupRelative scale mapped)))
        }

        test "advantages without a scale follow the rewards' unit but not their zero" {
            lawFor group (fun rewards ->
                let mapped = rewards |> Array.map (fun reward -> 4.0 * reward - 8.0)

                Array.forall2
                    (fun once mapped -> Golden.close 1e-12 (4.0 * once) mapped)
                    (Advantage.groupRelative Scale.One rewards)
                    (Advantage.groupRelative Scale.One mapped))
        }

        test "advantages have unit deviation and follow their members through a permutation" {
            lawFor group (fun rewards ->
                let advantages = Advantage.groupRelative (Scale.SampleDeviation 0.0) rewards

                let reversed =
                    Advantage.groupRelative (Scale.SampleDeviation 0.0) (Array.rev rewards)

                (Array.forall ((=) rewards[0]) rewards || Golden.close 1e-12 1.0 (Numerics.deviation 1 advantages))
                && Array.forall2 (Golden.close 1e-12) (Array.rev advantages) reversed)
        }

        test "advantages rank as the rewards do" {
            lawFor group (fun rewards ->
                scales
                |> List.forall (fun scale ->
                    let advantages = Advantage.groupRelative scale rewards

                    Array.allPairs (Array.zip rewards advantages) (Array.zip rewards advantages)
                    |> Array.forall (fun ((r, a), (s, b)) -> compare r s = compare a b)))
        }

        test "a group of one, of equal rewards or of nobody has exact zeros" {
            for scale in scales do
                Advantage.groupRelative scale [| 0.7 |] |> equals [| 0.0 |]
                Advantage.groupRelative scale (Array.replicate 5 0.7) |> equals (Array.zeroCreate 5)
                Advantage.groupRelative scale [||] |> equals [||]
        }

        test "rewards that differ in their last place only give finite advantages" {
            let advantages =
                Advantage.groupRelative (Scale.PopulationDeviation 0.0) [| 0.0; 1e-300 |]

            GoldenCase.assertAllClose "advantages" 1e-12 [| -1.0; 1.0 |] advantages
        }

        test "one expert among four failures has the method's advantages" {
            // David-GRPO's warm-up: +1.789 and −0.447 for four.
            let advantages =
                Advantage.groupRelative (Scale.SampleDeviation 1e-6) [| 1.0; 0.0; 0.0; 0.0; 0.0 |]

            GoldenCase.assertAllClose "advantages" 5e-4 [| 1.789; -0.447; -0.447; -0.447; -0.447 |] advantages
        }

        test "a reward that is not finite is refused by its index" {
            GoldenCase.refusal (fun () -> Advantage.groupRelative Scale.One [| 0.0; nan |] |> ignore)
            |> containsText "rewards[1] is NaN"
        }

        test "a negative epsilon is refused" {
            GoldenCase.refusal (fun () -> Advantage.groupRelative (Scale.SampleDeviation -1.0) [| 0.0; 1.0 |] |> ignore)
            |> containsText "epsilon is -1"
        }

        test "verl's GRPO, the vectorized one in float32, is ours with groups of one that keep their reward" {
            for name, tolerance in [ "grpo", 1e-9; "grpo_vectorized", 1e-5 ] do
                for batch in VerlBatch.all name do
                    let scale =
                        if VerlBatch.flag "norm_adv_by_std" batch then
                            Scale.SampleDeviation(VerlBatch.number "epsilon" batch)
                        else
                            Scale.One

                    VerlBatch.byGroup batch batch.Outcomes
                    |> Advantage.ofGroups Lone.Reward (GroupEstimator.GroupRelative scale)
                    |> VerlBatch.assertBySequence tolerance batch
        }

        test "both of verl's leave-one-out advantages are ours, by what a group of one gets" {
            for name, lone in [ "rloo", Lone.Reward; "rloo_vectorized", Lone.Zero ] do
                for batch in VerlBatch.all name do
                    VerlBatch.byGroup batch batch.Outcomes
                    |> Advantage.ofGroups lone GroupEstimator.LeaveOneOut
                    |> VerlBatch.assertBySequence 1e-9 batch
        }

        test "length-weighted advantages are verl's OPO" {
            for batch in VerlBatch.all "opo" do
                Array.map2
                    (Advantage.lengthWeighted Lone.Reward)
                    (VerlBatch.lengths batch)
                    (VerlBatch.byGroup batch batch.Outcomes)
                |> VerlBatch.assertBySequence 1e-9 batch
        }

        test "pass at k advantages are verl's, which refuses a group of one" {
            let refused, given =
                VerlBatch.all "grpo_passk"
                |> Array.partition (fun batch -> GoldenCase.has "raises" batch.Case.Outputs)

            isNotEmpty given

            refused
            |> Seq.iter (fun batch -> batch.Groups |> containsAny (fun (group: int[]) -> group.Length = 1))

            for batch in given do
                let scale =
                    if VerlBatch.flag "norm_adv_by_std" batch then
                        Scale.SampleDeviation(VerlBatch.number "epsilon" batch)
                    else
                        Scale.One

                VerlBatch.byGroup batch batch.Outcomes
                |> Advantage.ofGroups Lone.Zero (GroupEstimator.PassAtK scale)
                |> VerlBatch.assertBySequence 1e-9 batch
        }

        test "a constant added to all rewards of a group changes no advantage but MaxRL's" {
            lawFor group (fun rewards ->
                let lengths = Array.init rewards.Length (fun index -> 1 + 3 * index)
                let shifted = RewardSamples.shifted 0.5 rewards

                RewardSamples.same
                    (Advantage.lengthWeighted Lone.Zero lengths rewards)
                    (Advantage.lengthWeighted Lone.Zero lengths shifted)
                && RewardSamples.same (Advantage.aboveGreedy 0.25 rewards) (Advantage.aboveGreedy 0.75 shifted)
                && estimators
                   |> List.forall (fun estimator ->
                       RewardSamples.same (ofGroup estimator rewards) (ofGroup estimator shifted)))
        }

        test "every estimator follows the members through a permutation" {
            lawFor group (fun rewards ->
                let order = Seed.permutation rewards.Length (Seed.ofInt64 3L)

                let pick (values: 'value[]) =
                    order |> Array.map (fun index -> values[index])

                let lengths = Array.init rewards.Length (fun index -> 1 + 3 * index)
                let positive = rewards |> Array.map abs

                RewardSamples.same
                    (pick (Advantage.lengthWeighted Lone.Zero lengths rewards))
                    (Advantage.lengthWeighted Lone.Zero (pick lengths) (pick rewards))
                && RewardSamples.same
                    (pick (Advantage.maximumLikelihood positive))
                    (Advantage.maximumLikelihood (pick positive))
                && estimators
                   |> List.forall (fun estimator ->
                       RewardSamples.same (pick (ofGroup estimator rewards)) (ofGroup estimator (pick rewards))))
        }

        test "every estimator gives exact zeros for equal rewards and for a group of one, and nothing for nobody" {
            for size in [ 0; 1; 2; 7 ] do
                let rewards = Array.replicate size 0.7
                let zeros = Array.zeroCreate<float> size
                Advantage.lengthWeighted Lone.Zero (Array.init size ((+) 1)) rewards |> equals zeros
                Advantage.aboveGreedy 0.7 rewards |> equals zeros

                for estimator in GroupEstimator.MaximumLikelihood :: estimators do
                    ofGroup estimator rewards |> equals zeros
        }

        test "a group of one keeps its reward where that is asked for" {
            let lone estimator =
                Advantage.ofGroups Lone.Reward estimator [| [| 0.5 |] |] |> Array.exactlyOne |> Array.exactlyOne

            lone (GroupEstimator.GroupRelative Scale.One) |> equals 0.5
            lone (GroupEstimator.GroupRelative(Scale.SampleDeviation 0.25)) |> equals (0.5 / 1.25)
            lone GroupEstimator.LeaveOneOut |> equals 0.5
            lone GroupEstimator.MaximumLikelihood |> equals 0.5
            Advantage.lengthWeighted Lone.Reward [| 4 |] [| 0.5 |] |> equals [| 0.5 |]
        }

        test "leaving one out is what the others' mean says, and G over G - 1 times Dr. GRPO" {
            lawFor group (fun rewards ->
                let total = Array.sum rewards
                let others = float (rewards.Length - 1)

                let byOthers =
                    rewards |> Array.map (fun reward -> reward - (total - reward) / others)

                let factor = float rewards.Length / others

                let scaled =
                    Advantage.groupRelative Scale.One rewards |> Array.map (fun a -> factor * a)

                RewardSamples.same byOthers (Advantage.leaveOneOut rewards)
                && RewardSamples.same scaled (Advantage.leaveOneOut rewards))
        }

        test "MaxRL gives a success one over the solve rate less one, and a failure minus one" {
            for size in 2..8 do
                for solved in 1 .. size - 1 do
                    let rewards = Array.init size (fun index -> if index < solved then 1.0 else 0.0)

                    let expected =
                        rewards
                        |> Array.map (fun reward ->
                            if reward = 1.0 then
                                float size / float solved - 1.0
                            else
                                -1.0)

                    GoldenCase.assertAllClose "advantages" 1e-12 expected (Advantage.maximumLikelihood rewards)
        }

        test "a negative reward is refused by MaxRL" {
            GoldenCase.refusal (fun () -> Advantage.maximumLikelihood [| 1.0; -0.5 |] |> ignore)
            |> containsText "rewards[1] is -0.5"
        }

        test "length-weighted advantages sum to zero over tokens, and are Dr. GRPO's for equal lengths" {
            lawFor group (fun rewards ->
                let lengths = Array.init rewards.Length (fun index -> 5 * index % 7)
                let advantages = Advantage.lengthWeighted Lone.Zero lengths rewards
                let equal = Array.replicate rewards.Length 6

                abs (Array.sum (Array.map2 (fun length a -> float length * a) lengths advantages)) < 1e-10
                && RewardSamples.same
                    (Advantage.groupRelative Scale.One rewards)
                    (Advantage.lengthWeighted Lone.Zero equal rewards))
        }

        test "a group without tokens has no length-weighted advantage, and a negative length is refused" {
            Advantage.lengthWeighted Lone.Zero [| 0; 0 |] [| 1.0; 0.0 |] |> equals [| 0.0; 0.0 |]

            GoldenCase.refusal (fun () -> Advantage.lengthWeighted Lone.Zero [| -1; 2 |] [| 1.0; 0.0 |] |> ignore)
            |> containsText "lengths[0] is -1"
        }

        test "only the best of a group has a pass at k advantage, by how far it is ahead" {
            Advantage.passAtK Scale.One [| 0.25; 1.0; 0.0 |] |> equals [| 0.0; 0.75; 0.0 |]
            Advantage.passAtK Scale.One [| 1.0; 1.0; 0.0 |] |> equals [| 0.0; 0.0; 0.0 |]
        }
    ]
