module David.Grpo.Tests.ReturnsTests

open FsCheck.FSharp
open Expecto
open David.Grpo

/// Rewards and values of one sequence.
let private withValues =
    gen {
        let! size = Gen.choose (0, 7)
        let! rewards = RewardSamples.ofSize size
        let! values = RewardSamples.ofSize size
        return rewards, values
    }

[<Tests>]
let tests =
    testList "ReturnsTests" [
        test "undiscounted returns sum what follows, and without a future they are the rewards" {
            lawFor (Gen.map fst withValues) (fun rewards ->
                let sums =
                    Array.init rewards.Length (fun step -> Array.sum (Array.skip step rewards))

                RewardSamples.same sums (Returns.toGo 1.0 rewards) && Returns.toGo 0.0 rewards = rewards)
        }

        test "discounted returns of three steps" {
            Returns.toGo 0.5 [| 1.0; 2.0; 6.0 |] |> equals [| 1.0 + 0.5 * 5.0; 5.0; 6.0 |]
            Returns.toGo 0.5 (Returns.atEnd 3 1.0) |> equals [| 0.25; 0.5; 1.0 |]
            Returns.atEnd 0 1.0 |> equals [||]
        }

        test "advantages with gamma and lambda of one are returns less values, and the bootstrap adds to each" {
            lawFor withValues (fun (rewards, values) ->
                let less = Array.map2 (-) (Returns.toGo 1.0 rewards) values

                RewardSamples.same less (Returns.generalizedAdvantages 1.0 1.0 0.0 values rewards)
                && RewardSamples.same
                    (less |> Array.map ((+) 0.5))
                    (Returns.generalizedAdvantages 1.0 1.0 0.5 values rewards))
        }

        test "advantages with lambda of zero are the temporal differences" {
            lawFor withValues (fun (rewards, values) ->
                let differences =
                    Array.init rewards.Length (fun step ->
                        let next = if step + 1 < values.Length then values[step + 1] else 0.25

                        rewards[step] + 0.9 * next - values[step])

                RewardSamples.same differences (Returns.generalizedAdvantages 0.9 0.0 0.25 values rewards))
        }

        test "a critic that knows the returns leaves no advantage" {
            lawFor (Gen.map fst withValues) (fun rewards ->
                let values = Returns.toGo 0.9 rewards

                Returns.generalizedAdvantages 0.9 0.95 0.0 values rewards
                |> RewardSamples.same (Array.zeroCreate rewards.Length))
        }

        test "an outcome above the greedy rollout's stands on every token" {
            Returns.aboveGreedy 0.25 (Returns.atEnd 3 1.0)
            |> equals (Advantage.aboveGreedy 0.25 (Array.replicate 3 1.0))
        }

        test "equal outcomes without a penalty have no REINFORCE++ advantage" {
            let rewards = [| Returns.atEnd 3 0.7; Returns.atEnd 1 0.7; [||] |]

            let result =
                Returns.reinforcePlusPlus 1.0 (Whitening.Scaled(Scale.SampleDeviation 1e-6)) rewards

            result.Advantages |> equals [| [| 0.0; 0.0; 0.0 |]; [| 0.0 |]; [||] |]
            result.Returns |> equals [| [| 0.7; 0.7; 0.7 |]; [| 0.7 |]; [||] |]
        }

        test "a discount above one and values of another length are refused" {
            GoldenCase.refusal (fun () -> Returns.toGo 1.5 [||] |> ignore) |> containsText "discount is 1.5"

            GoldenCase.refusal (fun () -> Returns.generalizedAdvantages 1.0 1.0 0.0 [| 0.0 |] [| 0.0; 0.0 |] |> ignore)
            |> containsText "values has 1 entries; expected 2"
        }

        test "generalized advantages, whitened, are verl's" {
            for batch in VerlBatch.all "gae" do
                let values = VerlBatch.input "values" batch

                let advantages =
                    Array.map2
                        (Returns.generalizedAdvantages
                            (VerlBatch.number "gamma" batch)
                            (VerlBatch.number "lam" batch)
                            0.0)
                        values
                        (VerlBatch.input "rewards" batch)

                advantages |> Array.map2 (Array.map2 (+)) values |> VerlBatch.assertByToken 1e-9 "returns" batch

                advantages
                |> Whitening.overTokens Whitening.VerlMasked
                |> VerlBatch.assertByToken 1e-9 "advantages" batch
        }

        test "REINFORCE++ is verl's" {
            for batch in VerlBatch.all "reinforce_plus_plus" do
                let ours =
                    VerlBatch.input "rewards" batch
                    |> Returns.reinforcePlusPlus (VerlBatch.number "gamma" batch) Whitening.VerlMasked

                VerlBatch.assertByToken 1e-9 "returns" batch ours.Returns
                VerlBatch.assertByToken 1e-9 "advantages" batch ours.Advantages
        }

        test "ReMax is verl's" {
            for batch in VerlBatch.all "remax" do
                let rewards = VerlBatch.input "rewards" batch

                Array.map2 Returns.aboveGreedy (GoldenCase.numbers "reward_baselines" batch.Case.Inputs) rewards
                |> VerlBatch.assertByToken 1e-9 "advantages" batch

                rewards |> Array.map (Returns.toGo 1.0) |> VerlBatch.assertByToken 1e-9 "returns" batch
        }

        test "the penalty in the reward is verl's" {
            let cases = GoldenCase.all "golden/rl/verl_kl_in_reward.json"
            isNotEmpty cases

            for case in cases do
                let divergences =
                    Array.map2
                        (fun own reference -> (Divergence.estimate Estimator.K1 Estimator.K1 own reference).Values)
                        (GoldenCase.matrix "old_log_prob" case.Inputs)
                        (GoldenCase.matrix "ref_log_prob" case.Inputs)

                Array.map2
                    (Returns.penalised (GoldenCase.number "kl_ratio" case.Inputs))
                    divergences
                    (GoldenCase.matrix "token_level_scores" case.Inputs)
                |> Array.iter2
                    (GoldenCase.assertAllClose case.Name 1e-9)
                    (GoldenCase.matrix "token_level_rewards" case.Outputs)
        }
    ]
