module David.Grpo.Tests.TrlAdvantageTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private trl = Scale.SampleDeviation 1e-4

/// TRL's groups: the rows that some function judged, by group, with their numbers.
let private judged (case: GoldenCase.Case) =
    GoldenCase.matrix "rewards_per_func" case.Inputs
    |> Array.indexed
    |> Array.chunkBySize (int (GoldenCase.number "group_size" case.Inputs))
    |> Array.map (Array.filter (snd >> Array.exists System.Double.IsFinite))

let private weightedSum (weights: float[]) (verdicts: float[]) =
    Array.map2
        (fun weight verdict ->
            if System.Double.IsNaN verdict then
                0.0
            else
                weight * verdict)
        weights
        verdicts
    |> Array.sum

/// The advantages of what a user names, of trajectories of one token.
let private byName name scale (rewards: float[][]) =
    rewards
    |> Array.map (Array.map (fun reward -> scored reward (trajectory [] [] Ending.Unanswered)) >> groupOf)
    |> (AdvantageRules.create name scale).Estimate
    |> Array.map (Array.map Array.exactlyOne)

/// Ours of the rows judged are theirs; theirs of the others are 0.
let private assertTrl (case: GoldenCase.Case) (groups: (int * 'row)[][]) (ours: float[][]) =
    let theirs = GoldenCase.numbers "advantages" case.Outputs
    let all = Array.zeroCreate theirs.Length

    for (row, _), advantage in Array.zip (Array.concat groups) (Array.concat ours) do
        all[row] <- advantage

    GoldenCase.assertAllClose case.Name 1e-9 theirs all

[<Tests>]
let tests =
    testList "TrlAdvantageTests" [
        test "advantages under every scale and aggregation are TRL's" {
            let cases = GoldenCase.all "golden/rl/trl_advantages.json"
            isNotEmpty cases

            for case in cases do
                let weights = GoldenCase.numbers "reward_weights" case.Inputs
                let groups = judged case

                let summed = groups |> Array.map (Array.map (snd >> weightedSum weights))

                let ours =
                    match
                        string (case.Inputs.GetProperty "multi_objective_aggregation"),
                        string (case.Inputs.GetProperty "scale_rewards")
                    with
                    | "sum_then_normalize", "group" -> byName "group_relative" trl summed
                    | "sum_then_normalize", "none" -> byName "dr_grpo" trl summed
                    | "sum_then_normalize", "batch" -> byName "batch_scaled" trl summed
                    | "normalize_then_sum", _ ->
                        weights
                        |> Array.mapi (fun column weight ->
                            {
                                Weight = weight
                                Verdicts =
                                    groups
                                    |> Array.map (
                                        Array.map (fun (_, verdicts) ->
                                            if System.Double.IsNaN verdicts[column] then
                                                Verdict.Missing
                                            else
                                                Verdict.Given verdicts[column])
                                    )
                            })
                        |> BatchAdvantage.decoupledRewards Lone.Zero trl (Whitening.Scaled trl) Population.Sequences
                    | other -> failwith $"unknown {other}"

                assertTrl case groups ours
        }

        test "leave-one-out advantages with clip, penalty and whitening are TRL's" {
            let cases = GoldenCase.all "golden/rl/trl_rloo_advantages.json"
            isNotEmpty cases

            for case in cases do
                let weights = GoldenCase.numbers "reward_weights" case.Inputs

                let clip =
                    if GoldenCase.has "reward_clip_range" case.Inputs then
                        let range = GoldenCase.numbers "reward_clip_range" case.Inputs
                        fun reward -> System.Math.Clamp(reward, range[0], range[1])
                    else
                        id

                let own = GoldenCase.matrix "old_log_prob" case.Inputs
                let reference = GoldenCase.matrix "ref_log_prob" case.Inputs
                let mask = GoldenCase.matrix "mask" case.Inputs
                let size = int (GoldenCase.number "group_size" case.Inputs)

                let reward (row, verdicts) =
                    let divergence =
                        (Divergence.estimate Estimator.K1 Estimator.K1 own[row] reference[row]).Values
                        |> Array.map2 (*) mask[row]

                    Returns.atEnd divergence.Length (clip (weightedSum weights verdicts))
                    |> Returns.penalised (GoldenCase.number "beta" case.Inputs) divergence
                    |> Numerics.sum

                // TRL leaves who lost all its siblings out of the whitening too.
                let groups = judged case |> Array.filter (fun group -> group.Length > 1 || size = 1)

                let advantages =
                    groups |> Array.map (Array.map reward) |> Advantage.ofGroups Lone.Zero GroupEstimator.LeaveOneOut

                if (case.Inputs.GetProperty "normalize_advantages").GetBoolean() then
                    Whitening.overBatch (Whitening.Scaled trl) Population.Sequences advantages
                else
                    advantages
                |> assertTrl case groups
        }
    ]
