module David.Grpo.Tests.BatchAdvantageTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private sample = Scale.SampleDeviation 1e-6
let private trl = Scale.SampleDeviation 1e-4
let private groupRelative scale = GroupEstimator.GroupRelative scale

let private lengthsOf (rewards: float[][]) =
    rewards |> Array.mapi (fun q group -> group |> Array.mapi (fun g _ -> (3 * q + 2 * g) % 5))

[<Tests>]
let tests =
    testList "BatchAdvantageTests" [
        test "a whitened batch has mean zero and deviation one" {
            lawFor RewardSamples.batch (fun values ->
                let whitened =
                    Whitening.overTokens (Whitening.Scaled(Scale.SampleDeviation 0.0)) values |> Array.concat

                let all = Array.concat values

                if Array.forall ((=) all[0]) all then
                    Array.forall ((=) 0.0) whitened
                else
                    abs (Numerics.mean whitened) < 1e-12 && Golden.close 1e-12 1.0 (Numerics.deviation 1 whitened))
        }

        test "sequences counted once a token whiten as their tokens do" {
            lawFor RewardSamples.batch (fun values ->
                let lengths = lengthsOf values

                [ Whitening.Scaled sample; Whitening.VerlMasked ]
                |> List.forall (fun whitening ->
                    let tokens = Array.map2 (Array.map2 Array.replicate) lengths values |> Array.concat

                    let bySequence =
                        Whitening.overBatch whitening (Population.Tokens lengths) values |> Array.concat

                    let expected = Whitening.overTokens whitening tokens

                    RewardSamples.sameRows expected (Array.map2 Array.replicate (Array.concat lengths) bySequence)))
        }

        test "a batch without tokens is left as it is, one of nobody is nothing" {
            let values = [| [| 1.0; 3.0 |] |]
            let population = Population.Tokens [| [| 0; 0 |] |]
            Whitening.overBatch Whitening.VerlMasked population values |> equals values
            Whitening.overTokens Whitening.VerlMasked [| [||] |] |> equals [| [||] |]
            Whitening.overTokens Whitening.VerlMasked [| [| 3.0 |] |] |> equals [| [| 0.0 |] |]
        }

        test "sums, means, variances and whitened values are verl's" {
            let cases = GoldenCase.all "golden/rl/verl_masked.json"
            isNotEmpty cases

            for case in cases do
                let rows =
                    Array.map2
                        (fun mask row ->
                            Array.zip mask row |> Array.filter (fun (kept, _) -> kept > 0.0) |> Array.map snd)
                        (GoldenCase.matrix "mask" case.Inputs)
                        (GoldenCase.matrix "values" case.Inputs)

                let values = Array.concat rows
                // verl divides by n + 1e-8.
                let guarded (values: float[]) =
                    let n = float values.Length
                    n / (n + 1e-8)

                let theirs name = GoldenCase.number name case.Outputs
                let mean = guarded values * Numerics.mean values
                GoldenCase.assertClose case.Name 1e-9 (theirs "sum") (Numerics.sum values)
                GoldenCase.assertClose case.Name 1e-9 (theirs "mean") mean

                rows
                |> Array.map (fun row ->
                    if row.Length = 0 then
                        0.0
                    else
                        guarded row * Numerics.mean row)
                |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "row_mean" case.Outputs)

                GoldenCase.assertClose
                    case.Name
                    1e-9
                    (theirs "var")
                    (guarded values * Numerics.deviation 1 values ** 2.0)

                GoldenCase.assertClose
                    case.Name
                    1e-9
                    (theirs "var_biased")
                    (guarded values * Numerics.deviation 0 values ** 2.0)

                let whitened = Whitening.overTokens Whitening.VerlMasked rows

                let flatten name =
                    Array.map2
                        (fun mask row ->
                            Array.zip mask row |> Array.filter (fun (kept, _) -> kept > 0.0) |> Array.map snd)
                        (GoldenCase.matrix "mask" case.Inputs)
                        (GoldenCase.matrix name case.Outputs)
                    |> Array.concat

                GoldenCase.assertAllClose case.Name 1e-9 (flatten "whiten") (Array.concat whitened)

                whitened
                |> Array.concat
                |> Array.map ((+) mean)
                |> GoldenCase.assertAllClose case.Name 1e-9 (flatten "whiten_keep_mean")
        }

        test "means and deviations by group are verl's" {
            let cases = GoldenCase.all "golden/rl/verl_group_mean_std.json"
            isNotEmpty cases

            for case in cases do
                let means = GoldenCase.numbers "mean" case.Outputs
                let deviations = GoldenCase.numbers "std" case.Outputs
                let floor = sqrt (GoldenCase.number "eps" case.Inputs)
                let scores = GoldenCase.numbers "scores" case.Inputs

                for group, members in
                    GoldenCase.numbers "group" case.Inputs |> Array.map int |> Array.zip scores |> Array.groupBy snd do
                    match Array.map fst members with
                    | [| _ |] ->
                        means[group] |> equals 0.0
                        deviations[group] |> equals 1.0
                    | scores ->
                        // float32 there.
                        GoldenCase.assertClose case.Name 1e-6 means[group] (Numerics.mean scores)

                        GoldenCase.assertClose
                            case.Name
                            1e-6
                            deviations[group]
                            (max floor (Numerics.deviation 1 scores))
        }

        test "a group alone in its batch is scaled by itself" {
            lawFor RewardSamples.group (fun rewards ->
                RewardSamples.sameRows
                    [| Advantage.groupRelative sample rewards |]
                    (BatchAdvantage.batchScaled sample [| rewards |]))
        }

        test "a single reward decoupled is group-relative and whitened" {
            lawFor RewardSamples.batch (fun rewards ->
                [ Population.Sequences; Population.Tokens(lengthsOf rewards) ]
                |> List.forall (fun population ->
                    let expected =
                        Advantage.ofGroups Lone.Zero (groupRelative sample) rewards
                        |> Whitening.overBatch (Whitening.Scaled trl) population

                    BatchAdvantage.decoupledRewards Lone.Zero sample (Whitening.Scaled trl) population [|
                        RewardColumn.Complete(1.0, rewards)
                    |]
                    |> RewardSamples.sameRows expected))
        }

        test "decoupled rewards do not ask for the unit of a term" {
            let pair =
                gen {
                    let! first = RewardSamples.batch

                    let! second =
                        first |> Array.map (fun group -> RewardSamples.ofSize group.Length) |> Gen.sequenceToArray

                    return first, second
                }

            lawFor pair (fun (first, second) ->
                let decoupled unit' =
                    let scaled = second |> Array.map (Array.map (fun reward -> unit' * reward))

                    BatchAdvantage.decoupledRewards
                        Lone.Zero
                        (Scale.SampleDeviation 0.0)
                        (Whitening.Scaled trl)
                        Population.Sequences
                        [| RewardColumn.Complete(1.0, first); RewardColumn.Complete(0.5, scaled) |]

                RewardSamples.sameRows (decoupled 1.0) (decoupled 64.0))
        }

        test "equal rewards and constants give and change nothing in any batch estimator" {
            lawFor RewardSamples.batch (fun rewards ->
                let lengths = lengthsOf rewards
                let equal = rewards |> Array.map (Array.map (fun _ -> 0.7))
                let shifted = rewards |> Array.mapi (fun q -> RewardSamples.shifted (float q))

                let estimators =
                    [
                        BatchAdvantage.reinforcePlusPlusBaseline Lone.Zero (Whitening.Scaled trl) lengths
                        BatchAdvantage.reinforcePlusPlusBaseline Lone.Zero Whitening.VerlMasked lengths
                        fun rewards ->
                            BatchAdvantage.decoupledRewards
                                Lone.Zero
                                sample
                                (Whitening.Scaled trl)
                                (Population.Tokens lengths)
                                [| RewardColumn.Complete(2.0, rewards) |]
                    ]

                let isZero = Array.forall (Array.forall ((=) 0.0))

                isZero (BatchAdvantage.batchScaled sample equal)
                && isZero (BatchAdvantage.groupPolicyGradient Lone.Zero 1.0 equal)
                && estimators
                   |> List.forall (fun estimate ->
                       isZero (estimate equal) && RewardSamples.sameRows (estimate rewards) (estimate shifted)))
        }

        test "GPG without a zero reward is Dr. GRPO over its norm" {
            let rewards = [| [| 1.0; 2.0; 4.0 |]; [| 3.0; 5.0 |] |]

            let expected =
                Advantage.ofGroups Lone.Zero (groupRelative Scale.One) rewards
                |> Array.map (Array.map (fun advantage -> advantage / 2.0))

            isTrue (RewardSamples.sameRows expected (BatchAdvantage.groupPolicyGradient Lone.Zero 2.0 rewards))

            // Two of four rewards are 0: twice as much.
            BatchAdvantage.groupPolicyGradient Lone.Zero 1.0 [| [| 1.0; 0.0; 1.0; 0.0 |] |]
            |> equals [| [| 1.0; -1.0; 1.0; -1.0 |] |]
        }

        test "a trajectory without any verdict is refused" {
            let column =
                {
                    Weight = 1.0
                    Verdicts = [| [| Verdict.Given 1.0; Verdict.Missing |] |]
                }

            let refusal columns =
                GoldenCase.refusal (fun () ->
                    BatchAdvantage.decoupledRewards
                        Lone.Zero
                        sample
                        (Whitening.Scaled trl)
                        Population.Sequences
                        columns
                    |> ignore)

            refusal [| column |] |> containsText "Trajectory 1 of group 0 has no verdict"
            refusal [| column; RewardColumn.Complete(1.0, [| [| 1.0 |] |]) |] |> containsText "other sizes"
            refusal [||] |> containsText "at least 1"
        }

        test "GPG is verl's" {
            for batch in VerlBatch.all "gpg" do
                VerlBatch.byGroup batch batch.Outcomes
                |> BatchAdvantage.groupPolicyGradient Lone.Reward (VerlBatch.number "f_norm" batch)
                |> VerlBatch.assertBySequence 1e-9 batch
        }

        test "REINFORCE++ with a group baseline is verl's" {
            for batch in VerlBatch.all "reinforce_plus_plus_baseline" do
                VerlBatch.byGroup batch batch.Outcomes
                |> BatchAdvantage.reinforcePlusPlusBaseline Lone.Reward Whitening.VerlMasked (VerlBatch.lengths batch)
                |> VerlBatch.assertBySequence 1e-9 batch
        }

        test "GDPO is verl's" {
            for batch in VerlBatch.all "gdpo" do
                let scale =
                    if VerlBatch.flag "norm_adv_by_std" batch then
                        Scale.SampleDeviation(VerlBatch.number "epsilon" batch)
                    else
                        Scale.One

                let columns =
                    if GoldenCase.has "reward_parts" batch.Case.Inputs then
                        let parts = batch.Case.Inputs.GetProperty "reward_parts"

                        let weights =
                            if GoldenCase.has "reward_weights" batch.Case.Inputs then
                                GoldenCase.numbers "reward_weights" batch.Case.Inputs
                            else
                                [| 1.0; 1.0; 1.0 |]

                        Array.map2
                            (fun weight name ->
                                RewardColumn.Complete(weight, VerlBatch.byGroup batch (GoldenCase.numbers name parts)))
                            weights
                            [| "accuracy"; "format"; "length" |]
                    else
                        [| RewardColumn.Complete(1.0, VerlBatch.byGroup batch batch.Outcomes) |]

                columns
                |> BatchAdvantage.decoupledRewards
                    Lone.Reward
                    scale
                    Whitening.VerlMasked
                    (Population.Tokens(VerlBatch.lengths batch))
                |> VerlBatch.assertBySequence 1e-5 batch
        }
    ]
