module David.Grpo.Tests.ObjectiveFamilyTests

open Expecto
open David.Grpo

let private clip =
    {
        EpsilonLow = 0.1
        EpsilonHigh = 0.28
        Dual = DualClip.Off
        LogRatio = LogRatioBound.Unbounded
    }

let private free =
    { clip with
        EpsilonLow = infinity
        EpsilonHigh = infinity
    }

let private gate =
    {
        TemperaturePositive = 1.0
        TemperatureNegative = 1.05
        LogRatio = LogRatioBound.Within 20.0
    }

let private logClip = { EpsilonLow = 0.4; EpsilonHigh = 0.2 }: LogClip

let private ratio level limit =
    {
        Level = level
        LogRatio = LogRatioBound.Within 20.0
        Limit = limit
    }

let private fullRatio = ratio RatioLevel.Token RatioLimit.Unlimited

let private region divergence threshold =
    {
        Divergence = divergence
        ThresholdLow = threshold
        ThresholdHigh = threshold
        Weight = ratio RatioLevel.Token (RatioLimit.Truncate(0.0, 20.0))
    }

let private vespo =
    {
        PowerPositive = 2.0
        DecayPositive = 3.0
        PowerNegative = 3.0
        DecayNegative = 2.0
    }

/// Losses whose gradient goes through all that the log-probabilities are in.
let private throughRatios =
    [
        for level in [ RatioLevel.Token; RatioLevel.SequenceMean; RatioLevel.SequenceProduct ] do
            $"clip {level}", Objective.clippedSurrogateAt level clip
            $"dual clip {level}", Objective.clippedSurrogateAt level { clip with Dual = DualClip.At 3.0 }
            $"two-sided clip {level}", Objective.clippedSurrogateAt level { clip with Dual = DualClip.Ratio 2.0 }
            $"narrow two-sided clip {level}", Objective.clippedSurrogateAt level { clip with Dual = DualClip.Ratio 1.1 }
            $"SAPO {level}", RatioObjective.sapo level gate

            for estimator in [ Estimator.K1; Estimator.K2; Estimator.K3 ] do
                $"bias-corrected {estimator} {level}",
                RatioObjective.biasCorrectedKl level (LogRatioBound.Within 2.003) estimator 0.1

        "GMPO", RatioObjective.gmpo logClip
        "DRO", ReinforceObjective.dro 0.3
        "REINFORCE", ReinforceObjective.policyGradient
    ]

/// Losses that weigh log-probabilities by constants made of them.
let private scores =
    [
        "REINFORCE", ReinforceObjective.policyGradient
        "CISPO", ReinforceObjective.cispo (ratio RatioLevel.Token (RatioLimit.Truncate(0.8, 1.2)))
        "CISPO of sequences", ReinforceObjective.cispo (ratio RatioLevel.SequenceMean (RatioLimit.Truncate(0.0, 5.0)))
        "DPPO of total variation", ReinforceObjective.dppo (region BinaryDivergence.TotalVariation 0.15)
        "DPPO of KL", ReinforceObjective.dppo (region BinaryDivergence.KullbackLeibler 0.05)
        "VESPO", ReinforceObjective.vespo vespo SamplerWeights.None
    ]

let private bySequence =
    throughRatios
    @ scores
    @ [
        "GSPO by token", Objective.clippedSurrogateAt RatioLevel.SequenceMeanByToken clip
    ]

let private weightsOf (sample: TokenBatches.Sample) =
    Aggregation.weights Aggregation.SequenceMeanTokenMean sample.Batch

let private apply loss (sample: TokenBatches.Sample) : Loss =
    loss (weightsOf sample) sample.Batch sample.LogProbs

/// Two losses agree to rounding.
let private same (left: Loss) (right: Loss) =
    Golden.close 1e-11 left.Value right.Value
    && Array.forall2 (Golden.close 1e-11) left.Gradient right.Gradient

/// `law` holds of every generated batch for each loss.
let private forEach losses (holds: (float[] -> TokenBatch -> float[] -> Loss) -> TokenBatches.Sample -> bool) =
    for name, loss in losses do
        try
            lawFor TokenBatches.sample (holds loss)
        with error ->
            failwith $"{name}: {error.Message}"

/// The sample with all log-probabilities below 0, those of the old policy too.
let private probable (sample: TokenBatches.Sample) =
    let batch = sample.Batch
    let lower = Array.map (fun logProb -> logProb - 4.0)

    { sample with
        Batch =
            TokenBatch.Create(
                batch.Sequence,
                batch.Question,
                batch.Advantages,
                lower batch.OldLogProbs,
                batch.ReferenceLogProbs
            )
        LogProbs = lower sample.LogProbs
    }

[<Tests>]
let tests =
    testList "ObjectiveFamilyTests" [
        test "slopes are the derivatives of the values" {
            forEach throughRatios (fun loss sample ->
                ObjectiveTests.slopesAgree
                    (fun logProbs -> (apply loss { sample with LogProbs = logProbs }).Value)
                    (apply loss sample).Gradient
                    sample.LogProbs)
        }

        test "where weights are constants the value is slopes times log-probabilities" {
            forEach scores (fun loss sample ->
                let ours = apply loss sample
                Golden.close 1e-11 (Array.map2 (*) ours.Gradient sample.LogProbs |> Array.sum) ours.Value)
        }

        test "the order of the tokens moves no loss, and their slopes move with them" {
            forEach bySequence (fun loss sample ->
                let order, other = TokenBatches.reorder sample
                let ours = apply loss sample

                same
                    { ours with
                        Gradient = order |> Array.map (fun token -> ours.Gradient[token])
                    }
                    (apply loss other))
        }

        test "micro-batches of whole sequences add up to the batch" {
            forEach bySequence (fun loss sample ->
                let batch, weights = sample.Batch, weightsOf sample

                let odd, even =
                    [| 0 .. batch.Sequences - 1 |] |> Array.partition (fun s -> s % 2 = 1)

                let parts =
                    [| odd; even |]
                    |> Array.map (fun sequences ->
                        let tokens = batch.TokensOf sequences

                        let pick (values: float[]) =
                            tokens |> Array.map (fun token -> values[token])

                        tokens, loss (pick weights) (batch.Pick tokens) (pick sample.LogProbs))

                let gradient = Array.zeroCreate batch.Tokens

                for tokens, part in parts do
                    Array.iter2 (fun token slope -> gradient[token] <- slope) tokens part.Gradient

                same
                    (apply loss sample)
                    {
                        Value = parts |> Array.sumBy (fun (_, part) -> part.Value)
                        Gradient = gradient
                    })
        }

        test "twice the weights are twice the loss" {
            forEach bySequence (fun loss sample ->
                let once = apply loss sample
                let double = weightsOf sample |> Array.map ((*) 2.0)

                same
                    {
                        Value = 2.0 * once.Value
                        Gradient = once.Gradient |> Array.map ((*) 2.0)
                    }
                    (loss double sample.Batch sample.LogProbs))
        }

        test "on policy every loss of the ratio has the policy gradient's slopes" {
            for loss in
                [
                    Objective.clippedSurrogate clip
                    Objective.clippedSurrogateAt RatioLevel.SequenceMeanByToken clip
                    RatioObjective.sapo RatioLevel.Token gate
                    ReinforceObjective.cispo (ratio RatioLevel.Token (RatioLimit.Truncate(0.8, 1.2)))
                    ReinforceObjective.dppo (region BinaryDivergence.TotalVariation 0.0)
                    ReinforceObjective.vespo vespo SamplerWeights.None
                    ReinforceObjective.dro 0.3
                ] do
                lawFor TokenBatches.sample (fun sample ->
                    let onPolicy =
                        { sample with
                            LogProbs = sample.Batch.OldLogProbs
                        }

                    Array.forall2
                        (Golden.close 1e-14)
                        (apply ReinforceObjective.policyGradient onPolicy).Gradient
                        (apply loss onPolicy).Gradient)
        }

        test "with one token a sequence GSPO is the clipped surrogate and SAPO's levels are the same" {
            lawFor TokenBatches.sample (fun sample ->
                let single = TokenBatches.oneTokenEach sample

                [
                    RatioLevel.SequenceMean
                    RatioLevel.SequenceMeanByToken
                    RatioLevel.SequenceProduct
                ]
                |> List.forall (fun level ->
                    same
                        (apply (Objective.clippedSurrogate clip) single)
                        (apply (Objective.clippedSurrogateAt level clip) single)
                    && same
                        (apply (RatioObjective.sapo RatioLevel.Token gate) single)
                        (apply (RatioObjective.sapo level gate) single)))
        }

        test "with one token a sequence GMPO is the surrogate clipped at the exponentials" {
            let exponential =
                { free with
                    EpsilonLow = 1.0 - exp -logClip.EpsilonLow
                    EpsilonHigh = exp logClip.EpsilonHigh - 1.0
                }

            lawFor TokenBatches.sample (fun sample ->
                let single = TokenBatches.oneTokenEach sample

                same
                    (apply (Objective.clippedSurrogate exponential) single)
                    (apply (RatioObjective.gmpo logClip) single))
        }

        test "without clips GMPO is GSPO for one advantage a sequence" {
            lawFor TokenBatches.sample (fun sample ->
                let sample = TokenBatches.oneAdvantageEach sample

                same
                    (apply (Objective.clippedSurrogateAt RatioLevel.SequenceMean free) sample)
                    (apply
                        (RatioObjective.gmpo
                            {
                                EpsilonLow = infinity
                                EpsilonHigh = infinity
                            })
                        sample))
        }

        test "GSPO's two gradients agree for one advantage and one weight a sequence" {
            lawFor TokenBatches.sample (fun sample ->
                let sample = TokenBatches.oneAdvantageEach sample

                same
                    (apply (Objective.clippedSurrogateAt RatioLevel.SequenceMean clip) sample)
                    (apply (Objective.clippedSurrogateAt RatioLevel.SequenceMeanByToken clip) sample))
        }

        test "CISPO without a limit has the slopes of the unclipped surrogate" {
            lawFor TokenBatches.sample (fun sample ->
                Array.forall2
                    (Golden.close 1e-12)
                    (apply (Objective.clippedSurrogate free) sample).Gradient
                    (apply (ReinforceObjective.cispo fullRatio) sample).Gradient)
        }

        test "CISPO that truncates at one is REINFORCE" {
            lawFor TokenBatches.sample (fun sample ->
                apply (ReinforceObjective.cispo (ratio RatioLevel.Token (RatioLimit.Truncate(1.0, 1.0)))) sample =
                    apply ReinforceObjective.policyGradient sample)
        }

        test "DPPO's region of any size is CISPO, of no size it keeps what leads back" {
            lawFor TokenBatches.sample (fun sample ->
                let sample = probable sample
                let wide = region BinaryDivergence.KullbackLeibler infinity

                apply (ReinforceObjective.dppo wide) sample = apply (ReinforceObjective.cispo wide.Weight) sample
                && [ BinaryDivergence.TotalVariation; BinaryDivergence.KullbackLeibler ]
                   |> List.forall (fun divergence ->
                       ReinforceObjective.withinRegion (region divergence 0.0) sample.Batch sample.LogProbs =
                           Array.init sample.Batch.Tokens (fun t ->
                               let drift = sample.LogProbs[t] - sample.Batch.OldLogProbs[t]

                               if sample.Batch.Advantages[t] > 0.0 then
                                   drift <= 0.0
                               else
                                   drift >= 0.0)))
        }

        test "VESPO without powers, DRO without a penalty are REINFORCE" {
            let flat =
                {
                    PowerPositive = 0.0
                    DecayPositive = 0.0
                    PowerNegative = 0.0
                    DecayNegative = 0.0
                }

            lawFor TokenBatches.sample (fun sample ->
                let plain = apply ReinforceObjective.policyGradient sample

                plain = apply (ReinforceObjective.vespo flat SamplerWeights.None) sample
                && same plain (apply (ReinforceObjective.dro 0.0) sample))
        }

        testCase
            "VESPO's weight is largest where the ratio is k over lambda, and takes the sampler's by sequence or by token"
            (fun () ->
                let batch logRatio =
                    TokenBatch.Create([| 0; 0 |], [| 0 |], [| 1.0; -1.0 |], [| 0.0; -logRatio |], [||])

                let weights sampler logRatio =
                    ReinforceObjective.vespoWeights vespo sampler (batch logRatio) [| 0.0; 0.0 |]

                let best = weights SamplerWeights.None (log (2.0 / 3.0))

                for logRatio in [ -1.0; -0.5; -0.3; 0.0; 1.0 ] do
                    isTrue (best[0] > (weights SamplerWeights.None logRatio)[0])

                weights SamplerWeights.None 0.0 |> equals [| 1.0; 1.0 |]

                GoldenCase.assertAllClose
                    "by sequence and by token"
                    1e-14
                    (weights (SamplerWeights.PerSequence [| 0.5 |]) 0.3)
                    (weights (SamplerWeights.PerToken [| 0.25; 2.0 |]) 0.3)

                GoldenCase.assertAllClose
                    "sampler and drift"
                    1e-14
                    (weights SamplerWeights.None 0.3)
                    (weights (SamplerWeights.PerSequence [| exp 0.3 |]) 0.0))

        test "the two-sided clip above the upper clip is the dual clip, at infinity none" {
            lawFor TokenBatches.sample (fun sample ->
                let dual dual =
                    apply (Objective.clippedSurrogate { clip with Dual = dual }) sample

                let diagnose dual =
                    Objective.diagnose { clip with Dual = dual } sample.Batch sample.LogProbs sample.Entropies

                same (dual (DualClip.At 2.0)) (dual (DualClip.Ratio 2.0))
                && diagnose (DualClip.At 2.0) = diagnose (DualClip.Ratio 2.0)
                && dual (DualClip.Ratio infinity) = dual DualClip.Off
                && dual (DualClip.At infinity) = dual DualClip.Off)
        }

        test "SAPO's loss is bounded by its temperature, however far the ratio" {
            let batch =
                TokenBatch.Create([| 0; 1 |], [| 0; 0 |], [| 1.0; -1.0 |], [| -2000.0; -2000.0 |], [||])

            let ours =
                RatioObjective.sapo
                    RatioLevel.Token
                    { gate with
                        LogRatio = LogRatioBound.Unbounded
                    }
                    [| 1.0; 1.0 |]
                    batch
                    [| 0.0; 0.0 |]

            GoldenCase.assertClose "value" 1e-15 (-4.0 + 4.0 / 1.05) ours.Value
            ours.Gradient |> equals [| 0.0; 0.0 |]
        }

        test "batches without tokens have losses of zero" {
            let batch = TokenBatch.Create([||], [| 0 |], [||], [||], [||])

            for _, loss in bySequence do
                loss [||] batch [||] |> equals { Value = 0.0; Gradient = [||] }
        }

        test "wrong settings are refused by name" {
            let batch = TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])

            let refuses (expected: string) (loss: float[] -> TokenBatch -> float[] -> Loss) =
                GoldenCase.refusal (fun () -> loss [| 1.0 |] batch [| -1.0 |] |> ignore) |> containsText expected

            refuses "DualClip.Ratio is 1" (Objective.clippedSurrogate { clip with Dual = DualClip.Ratio 1.0 })

            refuses
                "LogRatioBound.AtMost is -1"
                (Objective.clippedSurrogate
                    { clip with
                        LogRatio = LogRatioBound.AtMost -1.0
                    })

            refuses
                "TemperaturePositive is 0"
                (RatioObjective.sapo RatioLevel.Token { gate with TemperaturePositive = 0.0 })

            refuses "EpsilonHigh is NaN" (RatioObjective.gmpo { logClip with EpsilonHigh = nan })
            refuses "beta is -1" (ReinforceObjective.dro -1.0)
            refuses "ThresholdLow is -1" (ReinforceObjective.dppo (region BinaryDivergence.TotalVariation -1.0))

            refuses
                "DecayNegative is NaN"
                (ReinforceObjective.vespo { vespo with DecayNegative = nan } SamplerWeights.None)

            refuses "sampler has 2 entries" (ReinforceObjective.vespo vespo (SamplerWeights.PerSequence [| 1.0; 1.0 |]))

            refuses
                "has no ReferenceLogProbs"
                (RatioObjective.biasCorrectedKl RatioLevel.Token LogRatioBound.Unbounded Estimator.K3 0.1)

            for name, loss in bySequence do
                if not (name.StartsWith "bias") then
                    GoldenCase.refusal (fun () -> loss [| 1.0; 1.0 |] batch [| -1.0 |] |> ignore)
                    |> containsText "weights has 2 entries; expected 1"

                    GoldenCase.refusal (fun () -> loss [| 1.0 |] batch [| nan |] |> ignore)
                    |> containsText "logProbs[0] is NaN"
        }
    ]
