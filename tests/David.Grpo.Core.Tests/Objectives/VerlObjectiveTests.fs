module David.Grpo.Tests.VerlObjectiveTests

open Expecto
open David.Grpo

/// verl's clip_ratio_low and clip_ratio_high, clip_ratio where they are absent.
let private epsilons tokens =
    let epsilon name =
        if GoldenCase.has name (VerlLosses.parameters tokens) then
            VerlLosses.number name tokens
        else
            VerlLosses.number "clip_ratio" tokens

    epsilon "clip_ratio_low", epsilon "clip_ratio_high"

let private clip dual bound tokens =
    let low, high = epsilons tokens

    {
        EpsilonLow = low
        EpsilonHigh = high
        Dual = dual
        LogRatio = bound
    }

let private agrees file expected loss =
    for tokens in VerlLosses.cases file expected do
        loss tokens (VerlLosses.weightsBy (VerlLosses.modeOf tokens) tokens) tokens.Batch tokens.LogProbs
        |> GoldenTokens.assertLoss 1e-9 tokens

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
            Weight = ofTokens (RatioLimit.Truncate(0.0, VerlLosses.number "clip_ratio_c" tokens))
        }

[<Tests>]
let tests =
    testList "VerlObjectiveTests" [
        test "the clipped surrogate is verl's, value, slopes and diagnostics" {
            let clip tokens =
                clip (DualClip.At(VerlLosses.number "clip_ratio_c" tokens)) (LogRatioBound.Within 20.0) tokens

            agrees "vanilla" 110 (clip >> Objective.clippedSurrogate)

            for tokens in VerlLosses.cases "vanilla" 110 do
                let diagnostics =
                    Objective.diagnose (clip tokens) tokens.Batch tokens.LogProbs (Array.zeroCreate tokens.Batch.Tokens)

                VerlLosses.assertShare tokens "pg_clipfrac" (diagnostics.ClipFractionLow + diagnostics.ClipFractionHigh)
                VerlLosses.assertShare tokens "pg_clipfrac_lower" diagnostics.DualClipFraction
                VerlLosses.assertShare tokens "ppo_kl" diagnostics.ApproximateKl
        }

        test "GSPO is verl's, value, slopes and the share that is clipped" {
            let clip = clip DualClip.Off (LogRatioBound.AtMost 10.0)
            let level = RatioLevel.SequenceMeanByToken
            agrees "gspo" 70 (clip >> Objective.clippedSurrogateAt level)

            for tokens in VerlLosses.cases "gspo" 70 do
                let diagnostics =
                    Objective.diagnoseAt
                        level
                        (clip tokens)
                        tokens.Batch
                        tokens.LogProbs
                        (Array.zeroCreate tokens.Batch.Tokens)

                VerlLosses.assertShare tokens "pg_clipfrac" (diagnostics.ClipFractionLow + diagnostics.ClipFractionHigh)
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

        test "DRO is verl's" { agrees "dro" 29 (VerlLosses.number "dro_beta" >> ReinforceObjective.dro) }

        test "SAPO is verl's" {
            for tokens in VerlLosses.cases "sapo" 34 do
                RatioObjective.sapo
                    RatioLevel.Token
                    {
                        TemperaturePositive = VerlLosses.number "tau_pos" tokens
                        TemperatureNegative = VerlLosses.number "tau_neg" tokens
                        LogRatio = LogRatioBound.Within 20.0
                    }
                    (VerlLosses.weightsBy "seq-mean-token-mean" tokens)
                    tokens.Batch
                    tokens.LogProbs
                |> GoldenTokens.assertLoss 1e-9 tokens
        }

        test "GMPO is verl's" {
            for tokens in VerlLosses.cases "geo_mean" 22 do
                let low, high = epsilons tokens

                // verl adds 1e-8 to the counts n: the mean of log-ratios, up to 25 here, is off by 1e-8 of itself.
                RatioObjective.gmpo
                    { EpsilonLow = low; EpsilonHigh = high }
                    (VerlLosses.gmpoWeights tokens)
                    tokens.Batch
                    tokens.LogProbs
                |> GoldenTokens.assertLoss 5e-7 tokens
        }

        test "Clip-Cov is verl's under the permutation that it drew" {
            agrees "clip_cov" 36 (fun tokens ->
                CovarianceObjective.clipCov
                    {
                        Clip = clip DualClip.Off LogRatioBound.Unbounded tokens
                        Share = VerlLosses.number "clip_cov_ratio" tokens
                        Above = VerlLosses.number "clip_cov_lb" tokens
                        Below = VerlLosses.number "clip_cov_ub" tokens
                    }
                    (CandidateOrder.Given(VerlLosses.permutation tokens)))
        }

        test "KL-Cov is verl's" {
            agrees "kl_cov" 38 (fun tokens ->
                CovarianceObjective.klCov
                    {
                        Share = VerlLosses.number "kl_cov_ratio" tokens
                        Coefficient = VerlLosses.number "ppo_kl_coef" tokens
                    })
        }

        test "the sampler's correction inside the loss is verl's bypass mode" {
            for tokens in VerlLosses.cases "bypass_mode" 72 do
                let batch = tokens.Batch
                let rules, correction = VerlCorrection.read (VerlLosses.parameters tokens)

                let keep =
                    TokenMask.accepted rules (LogRatioBound.Within 20.0) batch tokens.LogProbs batch.OldLogProbs

                let kept = [| 0 .. batch.Tokens - 1 |] |> Array.filter (fun t -> keep[t])
                let part = batch.Pick kept
                let pick (values: float[]) = kept |> Array.map (fun t -> values[t])
                let mean = Aggregation.weights Aggregation.TokenMean part

                let ours =
                    match string ((VerlLosses.parameters tokens).GetProperty "loss_type") with
                    | "reinforce" ->
                        let factors =
                            VerlCorrection.weights correction batch tokens.LogProbs batch.OldLogProbs |> pick

                        ReinforceObjective.policyGradient (Aggregation.scaled factors mean) part (pick tokens.LogProbs)
                    | _ ->
                        let clip =
                            clip
                                (DualClip.At(VerlLosses.number "clip_ratio_c" tokens))
                                (LogRatioBound.Within 20.0)
                                tokens

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
