namespace David.Grpo.Tests

open David.Grpo

/// A case of a golden file of losses: its tokens that the mask keeps, flat.
type GoldenTokens =
    {
        Case: GoldenCase.Case
        Mask: float[][]
        Batch: TokenBatch
        LogProbs: float[]
    }

[<RequireQualifiedAccess>]
module GoldenTokens =

    /// [N] a matrix of the inputs or outputs under the case's mask.
    let flat (name: string) (record: System.Text.Json.JsonElement) (tokens: GoldenTokens) : float[] =
        GoldenCase.matrix name record |> Masked.flatten tokens.Mask

    /// [N] per-row numbers or a matrix of the inputs, on the tokens.
    let private onTokens (mask: float[][]) (name: string) (record: System.Text.Json.JsonElement) =
        let given = record.GetProperty name

        if given[0].ValueKind = System.Text.Json.JsonValueKind.Array then
            GoldenCase.matrix name record |> Masked.flatten mask
        else
            let byRow = GoldenCase.numbers name record
            Masked.rows mask |> Array.map (fun row -> byRow[row])

    /// `old_log_prob` and `ref_log_prob` may be absent: the step is then the first one, and there is no reference.
    let read (case: GoldenCase.Case) : GoldenTokens =
        let mask = GoldenCase.matrix "mask" case.Inputs
        let logProbs = GoldenCase.matrix "log_prob" case.Inputs |> Masked.flatten mask

        let orElse fallback name =
            if GoldenCase.has name case.Inputs then
                GoldenCase.matrix name case.Inputs |> Masked.flatten mask
            else
                fallback

        {
            Case = case
            Mask = mask
            Batch =
                TokenBatch.Create(
                    Masked.rows mask,
                    Array.create mask.Length 0,
                    onTokens mask "advantages" case.Inputs,
                    orElse logProbs "old_log_prob",
                    orElse [||] "ref_log_prob"
                )
            LogProbs = logProbs
        }

    /// Value and gradient are the file's.
    let assertLoss (tolerance: float) (tokens: GoldenTokens) (ours: Loss) : unit =
        let name, outputs = tokens.Case.Name, tokens.Case.Outputs
        GoldenCase.assertClose name tolerance (GoldenCase.number "value" outputs) ours.Value
        GoldenCase.assertAllClose name tolerance (flat "grad_log_prob" outputs tokens) ours.Gradient

module VerlObjectiveTests =

    open Expecto

    let private cases (file: string) (expected: int) =
        let cases = GoldenCase.all $"golden/rl/verl_loss_{file}.json"
        cases.Length |> equals expected
        cases |> Array.map GoldenTokens.read

    let private parameters (tokens: GoldenTokens) =
        tokens.Case.Inputs.GetProperty "parameters"

    let private number name tokens =
        GoldenCase.number name (parameters tokens)

    /// verl's clip_ratio_low and clip_ratio_high, clip_ratio where they are absent.
    let private epsilons tokens =
        let epsilon name =
            if GoldenCase.has name (parameters tokens) then
                number name tokens
            else
                number "clip_ratio" tokens

        epsilon "clip_ratio_low", epsilon "clip_ratio_high"

    let private clip dual bound tokens =
        let low, high = epsilons tokens

        {
            EpsilonLow = low
            EpsilonHigh = high
            Dual = dual
            LogRatio = bound
        }

    let private modeOf (tokens: GoldenTokens) =
        string (tokens.Case.Inputs.GetProperty "loss_agg_mode")

    /// The weights of a mode, times the sampler's importance weights, which are constants on the tokens' losses.
    let private weightsBy mode (tokens: GoldenTokens) =
        let parameters = parameters tokens

        let globally =
            if GoldenCase.has "global_batch_info" parameters then
                parameters.GetProperty "global_batch_info"
            else
                parameters

        let aggregated = VerlAggregation.weights mode tokens.Mask globally

        if GoldenCase.has "rollout_is_weights" tokens.Case.Inputs then
            Aggregation.scaled (GoldenTokens.flat "rollout_is_weights" tokens.Case.Inputs tokens) aggregated
        else
            aggregated

    let private agrees file expected loss =
        for tokens in cases file expected do
            loss tokens (weightsBy (modeOf tokens) tokens) tokens.Batch tokens.LogProbs
            |> GoldenTokens.assertLoss 1e-9 tokens

    /// verl divides a count by n + 1e-8.
    let private assertShare (tokens: GoldenTokens) name value =
        let n = float tokens.Batch.Tokens
        let expected = GoldenCase.number name (tokens.Case.Outputs.GetProperty "metrics")
        GoldenCase.assertClose $"{tokens.Case.Name} {name}" 1e-9 expected (value * n / (n + 1e-8))

    let private ofTokens limit =
        {
            Level = RatioLevel.Token
            LogRatio = LogRatioBound.Within 20.0
            Limit = limit
        }

    let private dppo divergence tokens =
        let low, high = epsilons tokens

        ReinforceObjective.dppo
            {
                Divergence = divergence
                ThresholdLow = low
                ThresholdHigh = high
                Weight = ofTokens (RatioLimit.Truncate(0.0, number "clip_ratio_c" tokens))
            }

    [<Tests>]
    let tests =
        testList "VerlObjectiveTests" [
            test "the clipped surrogate is verl's, value, slopes and diagnostics" {
                let clip tokens =
                    clip (DualClip.At(number "clip_ratio_c" tokens)) (LogRatioBound.Within 20.0) tokens

                agrees "vanilla" 110 (clip >> Objective.clippedSurrogate)

                for tokens in cases "vanilla" 110 do
                    let diagnostics =
                        Objective.diagnose
                            (clip tokens)
                            tokens.Batch
                            tokens.LogProbs
                            (Array.zeroCreate tokens.Batch.Tokens)

                    assertShare tokens "pg_clipfrac" (diagnostics.ClipFractionLow + diagnostics.ClipFractionHigh)
                    assertShare tokens "pg_clipfrac_lower" diagnostics.DualClipFraction
                    assertShare tokens "ppo_kl" diagnostics.ApproximateKl
            }

            test "GSPO is verl's, value, slopes and the share that is clipped" {
                let clip = clip DualClip.Off (LogRatioBound.AtMost 10.0)
                let level = RatioLevel.SequenceMeanByToken
                agrees "gspo" 70 (clip >> Objective.clippedSurrogateAt level)

                for tokens in cases "gspo" 70 do
                    let diagnostics =
                        Objective.diagnoseAt
                            level
                            (clip tokens)
                            tokens.Batch
                            tokens.LogProbs
                            (Array.zeroCreate tokens.Batch.Tokens)

                    assertShare tokens "pg_clipfrac" (diagnostics.ClipFractionLow + diagnostics.ClipFractionHigh)
            }

            test "CISPO is verl's" {
                agrees "cispo" 39 (fun tokens ->
                    let low, high = epsilons tokens
                    ReinforceObjective.cispo (ofTokens (RatioLimit.Truncate(1.0 - low, 1.0 + high))))
            }

            test "GPG and REINFORCE are verl's" {
                agrees "gpg" 29 (fun _ -> ReinforceObjective.policyGradient)
                agrees "reinforce" 29 (fun _ -> ReinforceObjective.policyGradient)
            }

            test "DPPO is verl's by both divergences" {
                agrees "dppo_tv" 44 (dppo BinaryDivergence.TotalVariation)
                agrees "dppo_kl" 44 (dppo BinaryDivergence.KullbackLeibler)
            }

            test "DRO is verl's" { agrees "dro" 29 (number "dro_beta" >> ReinforceObjective.dro) }

            test "SAPO is verl's" {
                for tokens in cases "sapo" 34 do
                    RatioObjective.sapo
                        RatioLevel.Token
                        {
                            TemperaturePositive = number "tau_pos" tokens
                            TemperatureNegative = number "tau_neg" tokens
                            LogRatio = LogRatioBound.Within 20.0
                        }
                        (weightsBy "seq-mean-token-mean" tokens)
                        tokens.Batch
                        tokens.LogProbs
                    |> GoldenTokens.assertLoss 1e-9 tokens
            }

            test "GMPO is verl's" {
                for tokens in cases "geo_mean" 22 do
                    let batch = tokens.Batch
                    let low, high = epsilons tokens

                    // All rows count, and the sampler's weights as their geometric mean by row.
                    let weights =
                        Aggregation.weights (Aggregation.SequenceSumTokenMean(float tokens.Mask.Length)) batch

                    let corrected =
                        if GoldenCase.has "rollout_is_weights" tokens.Case.Inputs then
                            let logs =
                                GoldenTokens.flat "rollout_is_weights" tokens.Case.Inputs tokens
                                |> Array.map (fun weight -> log (weight + 1e-10))

                            let mean =
                                {
                                    Level = RatioLevel.SequenceMean
                                    LogRatio = LogRatioBound.Unbounded
                                    Limit = RatioLimit.Unlimited
                                }

                            Aggregation.scaled
                                (ImportanceWeight.weights mean batch logs (Array.zeroCreate batch.Tokens))
                                weights
                        else
                            weights

                    // verl adds 1e-8 to the counts n: the mean of log-ratios, up to 25 here, is off by 1e-8 of itself.
                    RatioObjective.gmpo { EpsilonLow = low; EpsilonHigh = high } corrected batch tokens.LogProbs
                    |> GoldenTokens.assertLoss 5e-7 tokens
            }

            test "Clip-Cov is verl's under the permutation that it drew" {
                agrees "clip_cov" 36 (fun tokens ->
                    let order =
                        if GoldenCase.has "permutation" tokens.Case.Outputs then
                            GoldenCase.numbers "permutation" tokens.Case.Outputs |> Array.map int
                        else
                            [||]

                    CovarianceObjective.clipCov
                        {
                            Clip = clip DualClip.Off LogRatioBound.Unbounded tokens
                            Share = number "clip_cov_ratio" tokens
                            Above = number "clip_cov_lb" tokens
                            Below = number "clip_cov_ub" tokens
                        }
                        (CandidateOrder.Given order))
            }

            test "KL-Cov is verl's" {
                agrees "kl_cov" 38 (fun tokens ->
                    CovarianceObjective.klCov
                        {
                            Share = number "kl_cov_ratio" tokens
                            Coefficient = number "ppo_kl_coef" tokens
                        })
            }

            test "the sampler's correction inside the loss is verl's bypass mode" {
                for tokens in cases "bypass_mode" 72 do
                    let batch = tokens.Batch
                    let rules, correction = VerlCorrection.read (parameters tokens)

                    let keep =
                        TokenMask.accepted rules (LogRatioBound.Within 20.0) batch tokens.LogProbs batch.OldLogProbs

                    let kept = [| 0 .. batch.Tokens - 1 |] |> Array.filter (fun t -> keep[t])
                    let part = batch.Pick kept
                    let pick (values: float[]) = kept |> Array.map (fun t -> values[t])
                    let mean = Aggregation.weights Aggregation.TokenMean part

                    let ours =
                        match string ((parameters tokens).GetProperty "loss_type") with
                        | "reinforce" ->
                            let factors =
                                VerlCorrection.weights correction batch tokens.LogProbs batch.OldLogProbs |> pick

                            ReinforceObjective.policyGradient
                                (Aggregation.scaled factors mean)
                                part
                                (pick tokens.LogProbs)
                        | _ ->
                            let clip =
                                clip (DualClip.At(number "clip_ratio_c" tokens)) (LogRatioBound.Within 20.0) tokens

                            Objective.clippedSurrogate clip mean part (pick tokens.LogProbs)

                    let gradient = Array.zeroCreate batch.Tokens
                    Array.iter2 (fun t slope -> gradient[t] <- slope) kept ours.Gradient

                    // verl's mean over no tokens is NaN with slopes of 0; ours is 0. The normalised weights bear verl's 1e-8.
                    let value =
                        if kept.Length = 0 then
                            ours.Value |> equals 0.0
                            nan
                        else
                            ours.Value

                    GoldenTokens.assertLoss 1e-8 tokens { Value = value; Gradient = gradient }
            }
        ]
