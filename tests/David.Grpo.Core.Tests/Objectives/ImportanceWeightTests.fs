namespace David.Grpo.Tests

open System.Text.Json
open David.Grpo

/// verl's settings of rollout correction by ours.
[<RequireQualifiedAccess>]
module VerlCorrection =

    type Weights =
        | Off
        | On of ImportanceWeight * normalise: bool

    /// "0.5_2.0" or a number.
    let private bounds (value: JsonElement) =
        (string value).Split '_' |> Array.map float

    let private rule (name: string) (threshold: string) =
        let level, estimator =
            name.Substring(0, name.LastIndexOf '_'), name.Substring(name.LastIndexOf '_' + 1)

        let lowest, highest =
            match estimator, threshold.Split '_' |> Array.map float with
            | "k1", [| low; high |] -> log low, log high
            | "k1", single -> -(log single[0]), log single[0]
            | _, single -> -infinity, single[0]

        {
            Level =
                match level with
                | "token" -> RejectionLevel.Token
                | "seq_sum" -> RejectionLevel.SequenceSum
                | "seq_mean" -> RejectionLevel.SequenceMean
                | "seq_max" -> RejectionLevel.SequenceMaximum
                | other -> failwith $"unknown level {other}"
            Estimator =
                match estimator with
                | "k1" -> Estimator.K1
                | "k2" -> Estimator.K2
                | "k3" -> Estimator.K3
                | other -> failwith $"unknown estimator {other}"
            Lowest = lowest
            Highest = highest
        }

    let read (parameters: JsonElement) : Rejection[] * Weights =
        let rules =
            if GoldenCase.has "rollout_rs" parameters then
                Array.map2
                    rule
                    ((string (parameters.GetProperty "rollout_rs")).Split ',')
                    ((string (parameters.GetProperty "rollout_rs_threshold")).Split ',')
            else
                [||]

        let weights =
            if GoldenCase.has "rollout_is" parameters then
                On(
                    {
                        Level =
                            match string (parameters.GetProperty "rollout_is") with
                            | "token" -> RatioLevel.Token
                            | "sequence" -> RatioLevel.SequenceProduct
                            | other -> failwith $"unknown level {other}"
                        LogRatio = LogRatioBound.Within 20.0
                        Limit =
                            match bounds (parameters.GetProperty "rollout_is_threshold") with
                            | [| low; high |] -> RatioLimit.Mask(low, high)
                            | single -> RatioLimit.Truncate(0.0, single[0])
                    },
                    GoldenCase.has "rollout_is_batch_normalize" parameters
                    && (parameters.GetProperty "rollout_is_batch_normalize").GetBoolean()
                )
            else
                Off

        rules, weights

    let weights (settings: Weights) (batch: TokenBatch) (learner: float[]) (sampler: float[]) : float[] =
        match settings with
        | Off -> Array.replicate batch.Tokens 1.0
        | On(rule, false) -> ImportanceWeight.weights rule batch learner sampler
        | On(rule, true) ->
            ImportanceWeight.weights rule batch learner sampler |> ImportanceWeight.normalised rule.Level batch

module ImportanceWeightTests =

    open Expecto

    let private levels =
        [
            RatioLevel.Token
            RatioLevel.SequenceMean
            RatioLevel.SequenceMeanByToken
            RatioLevel.SequenceProduct
        ]

    let private full level =
        {
            Level = level
            LogRatio = LogRatioBound.Unbounded
            Limit = RatioLimit.Unlimited
        }

    let private weigh rule (sample: TokenBatches.Sample) =
        ImportanceWeight.weights rule sample.Batch sample.LogProbs sample.Batch.OldLogProbs

    /// The flat batch of a case of mismatch: no advantages.
    let private batchOf (mask: float[][]) =
        Masked.shape (Array.create mask.Length 0) mask

    [<Tests>]
    let tests =
        testList "ImportanceWeightTests" [
            test "equal distributions weigh one" {
                lawFor TokenBatches.sample (fun sample ->
                    let batch = sample.Batch

                    levels
                    |> List.forall (fun level ->
                        ImportanceWeight.weights (full level) batch batch.OldLogProbs batch.OldLogProbs
                        |> Array.forall ((=) 1.0)))
            }

            test "with one token a sequence all levels are the same" {
                lawFor TokenBatches.sample (fun sample ->
                    let single = TokenBatches.oneTokenEach sample

                    levels
                    |> List.forall (fun level ->
                        Array.forall2
                            (Golden.close 1e-15)
                            (weigh (full RatioLevel.Token) single)
                            (weigh (full level) single)))
            }

            test "the sequence's weight is the product of its tokens', its mean the root of that" {
                let batch =
                    TokenBatch.Create([| 0; 0; 2 |], [| 0; 0; 0 |], [| 1.0; 1.0; 1.0 |], [| 0.0; 0.0; 0.0 |], [||])

                let ratios = [| log 2.0; log 8.0; log 0.5 |]

                let weights level =
                    ImportanceWeight.weights (full level) batch ratios [| 0.0; 0.0; 0.0 |]

                GoldenCase.assertAllClose "product" 1e-14 [| 16.0; 16.0; 0.5 |] (weights RatioLevel.SequenceProduct)
                GoldenCase.assertAllClose "mean" 1e-14 [| 4.0; 4.0; 0.5 |] (weights RatioLevel.SequenceMean)
            }

            test "a limit that nothing reaches is none, and limits bound" {
                lawFor TokenBatches.sample (fun sample ->
                    levels
                    |> List.forall (fun level ->
                        let free = weigh (full level) sample

                        let limited limit =
                            weigh { full level with Limit = limit } sample

                        limited (RatioLimit.Truncate(0.0, infinity)) = free
                        && limited (RatioLimit.Mask(0.0, infinity)) = free
                        && limited (RatioLimit.Truncate(0.5, 2.0))
                           |> Array.forall (fun weight -> weight >= 0.5 && weight <= 2.0)
                        && Array.forall2
                            (fun weight masked -> masked = (if weight < 0.5 || weight > 2.0 then 0.0 else weight))
                            free
                            (limited (RatioLimit.Mask(0.5, 2.0)))))
            }

            test "normalised weights have mean one" {
                lawFor TokenBatches.sample (fun sample ->
                    let batch = sample.Batch

                    let ofTokens =
                        weigh (full RatioLevel.Token) sample |> ImportanceWeight.normalised RatioLevel.Token batch

                    let ofSequences =
                        weigh (full RatioLevel.SequenceProduct) sample
                        |> ImportanceWeight.normalised RatioLevel.SequenceProduct batch

                    let mean aggregation weights =
                        Array.map2 (*) (Aggregation.weights aggregation batch) weights |> Array.sum

                    Golden.close 1e-12 1.0 (mean Aggregation.TokenMean ofTokens)
                    && Golden.close 1e-12 1.0 (mean Aggregation.SequenceMeanTokenMean ofSequences))
            }

            test "all masked weights stay zero and count as none" {
                let batch =
                    TokenBatch.Create([| 0; 1 |], [| 0; 0 |], [| 1.0; 1.0 |], [| -1.0; -1.0 |], [||])

                let none = [| 0.0; 0.0 |]
                ImportanceWeight.normalised RatioLevel.Token batch none |> equals none
                ImportanceWeight.effectiveShare none |> equals 0.0
                ImportanceWeight.effectiveShare [||] |> equals 0.0
                ImportanceWeight.effectiveShare [| 0.0; 3.0 |] |> equals 0.5
                ImportanceWeight.effectiveShare [| 1e300; 1e300; 1e300 |] |> equals 1.0
            }

            test "wrong settings are refused by name" {
                let batch = TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])

                let refusal rule logProbs =
                    GoldenCase.refusal (fun () -> ImportanceWeight.weights rule batch logProbs [| -1.0 |] |> ignore)

                let token = full RatioLevel.Token

                refusal
                    { token with
                        Limit = RatioLimit.Mask(-1.0, 1.0)
                    }
                    [| -1.0 |]
                |> containsText "RatioLimit.low is -1"

                refusal
                    { token with
                        Limit = RatioLimit.Truncate(1.0, 0.5)
                    }
                    [| -1.0 |]
                |> containsText "RatioLimit.high is 0.5; expected at least low, 1"

                refusal
                    { token with
                        LogRatio = LogRatioBound.AtMost 0.0
                    }
                    [| -1.0 |]
                |> containsText "LogRatioBound.AtMost is 0"

                refusal token [| nan |] |> containsText "logProbs[0] is NaN"
            }

            test "weights, rejection and effective share are those of verl's rollout correction" {
                let cases = GoldenCase.all "golden/rl/verl_rollout_correction.json"
                isNotEmpty cases

                for case in cases do
                    let mask = GoldenCase.matrix "mask" case.Inputs

                    let flat name record =
                        GoldenCase.matrix name record |> Masked.flatten mask

                    let batch = batchOf mask

                    let learner, sampler =
                        flat "log_prob" case.Inputs, flat "rollout_log_prob" case.Inputs

                    let rules, settings = VerlCorrection.read (case.Inputs.GetProperty "parameters")
                    let weights = VerlCorrection.weights settings batch learner sampler

                    if GoldenCase.has "raises" case.Outputs then
                        // No weight is left inside the bounds, and verl divides by their sum.
                        ImportanceWeight.effectiveShare weights |> equals 0.0
                    else
                        if GoldenCase.has "weights" case.Outputs then
                            // Normalised weights bear verl's 1e-8 on the counts.
                            GoldenCase.assertAllClose case.Name 2e-8 (flat "weights" case.Outputs) weights

                        TokenMask.accepted rules (LogRatioBound.Within 20.0) batch learner sampler
                        |> Array.map (fun keep -> if keep then 1.0 else 0.0)
                        |> GoldenCase.assertAllClose $"{case.Name} mask" 0.0 (flat "mask" case.Outputs)
            }

            test "the sampler's ratios are TRL's in all modes" {
                let cases = GoldenCase.all "golden/rl/trl_vllm_importance_ratio.json"
                isNotEmpty cases

                for case in cases do
                    let mask = GoldenCase.matrix "mask" case.Inputs

                    let flat name =
                        GoldenCase.matrix name case.Inputs |> Masked.flatten mask

                    let mode = string (case.Inputs.GetProperty "mode")

                    let bound name none =
                        if GoldenCase.has name case.Inputs then
                            GoldenCase.number name case.Inputs
                        else
                            none

                    let low, high = bound "clip_min" 0.0, bound "clip_max" infinity
                    let learner = flat "old_log_prob"

                    // Unknown log-probabilities of the sampler count as equal.
                    let sampler =
                        Array.map2
                            (fun own other -> if System.Double.IsNaN other then own else other)
                            learner
                            (flat "sampling_log_prob")

                    let ours =
                        ImportanceWeight.weights
                            {
                                Level =
                                    if mode.StartsWith "sequence" then
                                        RatioLevel.SequenceProduct
                                    else
                                        RatioLevel.Token
                                LogRatio = LogRatioBound.Unbounded
                                Limit =
                                    if mode.EndsWith "mask" then
                                        RatioLimit.Mask(low, high)
                                    else
                                        RatioLimit.Truncate(low, high)
                            }
                            (batchOf mask)
                            learner
                            sampler

                    let theirs = GoldenCase.matrix "ratio" case.Outputs

                    // Sequence modes give one column.
                    let expected =
                        if theirs[0].Length = mask[0].Length then
                            Masked.flatten mask theirs
                        else
                            Masked.rows mask |> Array.map (fun row -> theirs[row][0])

                    GoldenCase.assertAllClose case.Name 1e-9 expected ours
            }
        ]
