namespace David.Grpo

open System

/// A loss, to be minimised, and its gradient by the log-probabilities it was given, [N].
type Loss = { Value: float; Gradient: float[] }

/// A second bound on the loss where the advantage is negative.
[<RequireQualifiedAccess>]
type DualClip =
    | Off
    /// The loss of a token with Â < 0 is at most −c Â, and its slope 0 beyond. `c` is above 1; infinity is Off.
    | At of c: float

/// What happens to log ρ before the exponential.
[<RequireQualifiedAccess>]
type LogRatioBound =
    /// Nothing, as in TRL. ρ is infinite where log ρ is above about 709, and then so may be the loss.
    | Unbounded
    /// log ρ is clamped to [−bound, bound], with slope 0 outside. `bound` is above 0; verl takes 20.
    | Within of bound: float

/// How the ratio ρ = π / π_old is kept near 1.
type Clip =
    {
        /// ε₋: below 1 − ε₋ a token that should become rarer has slope 0. At least 0; infinity clips nothing.
        EpsilonLow: float
        /// ε₊: above 1 + ε₊ a token that should become more likely has slope 0. At least 0; infinity clips nothing.
        EpsilonHigh: float
        Dual: DualClip
        LogRatio: LogRatioBound
    }

    /// ε on both sides, no dual clip, log ρ within ±20. David-GRPO: ε = 0.2.
    static member Symmetric(epsilon: float) : Clip =
        {
            EpsilonLow = epsilon
            EpsilonHigh = epsilon
            Dual = DualClip.Off
            LogRatio = LogRatioBound.Within 20.0
        }

/// What is added to a policy term: β · KL(π‖π_ref) − c · entropy.
type Regularisation =
    {
        /// β, at least 0. With 0 no reference is needed.
        KlCoefficient: float
        /// The estimator that is reported.
        KlValue: Estimator
        /// The estimator whose slope is taken.
        KlGradient: Estimator
        /// c, at least 0.
        EntropyCoefficient: float
    }

/// A policy term with its regularisation: the loss, its three addends and its gradients.
type RegularisedLoss =
    {
        /// PolicyTerm + KlTerm + EntropyTerm.
        Value: float
        PolicyTerm: float
        /// β Σ w KL.
        KlTerm: float
        /// −c Σ w H.
        EntropyTerm: float
        /// [N] by the log-probabilities.
        Gradient: float[]
        /// [N] by the entropies.
        EntropyGradient: float[]
    }

/// How far an update has gone, as plain means over tokens, whatever the aggregation. All 0 for no tokens.
type Diagnostics =
    {
        /// N.
        Tokens: int
        /// The share of tokens clipped at 1 − ε₋: ρ below it and Â < 0.
        ClipFractionLow: float
        /// The share of tokens clipped at 1 + ε₊: ρ above it and Â > 0.
        ClipFractionHigh: float
        /// The share of tokens that the dual clip holds.
        DualClipFraction: float
        /// Mean of ρ; near 1 while the sampled tokens are typical of the old policy.
        MeanRatio: float
        /// Mean of −log ρ, the k1 estimate of KL(π_old‖π) in nats (verl's `ppo_kl`).
        ApproximateKl: float
        /// Mean entropy in nats.
        MeanEntropy: float
    }

/// Losses by log-probability. Each function of the family takes the weights of an aggregation, a batch and the
/// log-probabilities of its tokens under the policy in training and gives a Loss; `regularised` adds to any of them.
/// `weights` [N] are finite and at least 0; a token of weight 0 has slope 0. `logProbs` [N] are finite, in nats. Every
/// function raises ArgumentException where that is not so.
[<RequireQualifiedAccess>]
module Objective =

    let private perToken = "one for each trained token of the batch"

    let private checkLogProbs (tokens: int) (logProbs: float[]) =
        Check.length (nameof logProbs) tokens perToken logProbs

        Check.finite
            (nameof logProbs)
            "The model gave it: look for an overflow in its logits, and skip the step rather than train on it."
            logProbs

    let private checkWeights (tokens: int) (weights: float[]) =
        Check.length (nameof weights) tokens perToken weights
        Check.notNegative (nameof weights) weights

    let private checkCoefficient (name: string) (value: float) =
        Check.range name "a finite number of at least 0" (Double.IsFinite value && value >= 0.0) value

    let private checkClip (clip: Clip) =
        Check.range "EpsilonLow" "at least 0; infinity clips nothing" (clip.EpsilonLow >= 0.0) clip.EpsilonLow
        Check.range "EpsilonHigh" "at least 0; infinity clips nothing" (clip.EpsilonHigh >= 0.0) clip.EpsilonHigh

        match clip.Dual with
        | DualClip.At c -> Check.range "DualClip.At" "above 1; use DualClip.Off for none" (c > 1.0) c
        | DualClip.Off -> ()

        match clip.LogRatio with
        | LogRatioBound.Within bound ->
            Check.range "LogRatioBound.Within" "above 0; use LogRatioBound.Unbounded for none" (bound > 0.0) bound
        | LogRatioBound.Unbounded -> ()

    /// log ρ as the clip bounds it.
    let private bounded (clip: Clip) (logRatio: float) =
        match clip.LogRatio with
        | LogRatioBound.Unbounded -> logRatio
        | LogRatioBound.Within bound -> Math.Clamp(logRatio, -bound, bound)

    let private clampRatio (clip: Clip) (ratio: float) =
        Math.Clamp(ratio, 1.0 - clip.EpsilonLow, 1.0 + clip.EpsilonHigh)

    /// min(ρ a, clip(ρ) a) falls below the dual clip's c a.
    let private heldByDualClip (clip: Clip) (advantage: float) (pessimistic: float) =
        match clip.Dual with
        | DualClip.At c -> advantage < 0.0 && pessimistic < c * advantage
        | DualClip.Off -> false

    /// The loss of one token and its slope by log π; `advantage` bears the token's weight already.
    let private clippedTerm (clip: Clip) (advantage: float) (logRatio: float) =
        if advantage = 0.0 then
            struct (0.0, 0.0) // also where ρ is infinite
        else
            let kept = bounded clip logRatio
            let ratio = exp kept
            let plain, clipped = ratio * advantage, clampRatio clip ratio * advantage

            match clip.Dual with
            | DualClip.At c when heldByDualClip clip advantage (min plain clipped) -> struct (-c * advantage, 0.0)
            | _ when plain > clipped -> struct (-clipped, 0.0)
            | _ -> struct (-plain, (if kept = logRatio then -plain else 0.0))

    /// PPO's clipped surrogate, to be minimised:
    ///     L = −Σₜ wₜ min(ρₜ Âₜ, clip(ρₜ, 1 − ε₋, 1 + ε₊) Âₜ),   ρₜ = exp(logπₜ − logπ_oldₜ),
    /// and with a dual clip, where Âₜ < 0, at most −wₜ c Âₜ. The slope of a token is −wₜ ρₜ Âₜ where no clip holds, else 0.
    /// Upon a clip edge the unclipped slope is taken.
    /// Source: PPO (arXiv 1707.06347), equation 7; ε₋ ≠ ε₊ from DAPO (arXiv 2503.14476), equation 10; dual clip from Ye et
    /// al. (arXiv 1912.09729), equation 5; the bound on log ρ from verl.
    [<CompiledName "ClippedSurrogate">]
    let clippedSurrogate (clip: Clip) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        checkClip clip
        checkWeights batch.Tokens weights
        checkLogProbs batch.Tokens logProbs

        let terms =
            Array.init batch.Tokens (fun t ->
                clippedTerm clip (weights[t] * batch.Advantages[t]) (logProbs[t] - batch.OldLogProbs[t]))

        {
            Value = terms |> Array.map (fun struct (value, _) -> value) |> Numerics.sum
            Gradient = terms |> Array.map (fun struct (_, slope) -> slope)
        }

    /// The supervised loss: negative log-likelihood of demonstrated tokens, L = −Σₜ wₜ logπₜ. Slopes −wₜ.
    [<CompiledName "NegativeLogLikelihood">]
    let negativeLogLikelihood (weights: float[]) (logProbs: float[]) : Loss =
        checkWeights logProbs.Length weights
        checkLogProbs logProbs.Length logProbs

        {
            Value = -(Array.map2 (*) weights logProbs |> Numerics.sum)
            Gradient = weights |> Array.map (~-)
        }

    /// A policy term with a penalty on leaving the reference and a bonus on entropy:
    ///     L = L_policy + β Σₜ wₜ KLₜ − c Σₜ wₜ Hₜ.
    /// `policy` is a loss of this family for the same tokens, `entropies` [N] the entropies in nats of the distributions
    /// that the tokens were drawn from. The weights are those of the two added terms; the authors' code takes the policy
    /// term's.
    /// Raises ArgumentException for a coefficient that is negative or not finite, and where β is above 0 but the batch has
    /// no reference.
    /// Source: David-GRPO's authors' code of September 2026: β = 0.001 with K2 for value and gradient, c = 0.001.
    [<CompiledName "Regularised">]
    let regularised
        (regularisation: Regularisation)
        (policy: Loss)
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        (entropies: float[])
        : RegularisedLoss =
        let beta, bonus = regularisation.KlCoefficient, regularisation.EntropyCoefficient
        checkCoefficient "KlCoefficient" beta
        checkCoefficient "EntropyCoefficient" bonus
        Check.length "policy.Gradient" batch.Tokens perToken policy.Gradient
        checkWeights batch.Tokens weights
        checkLogProbs batch.Tokens logProbs
        Check.length (nameof entropies) batch.Tokens perToken entropies
        Check.finite (nameof entropies) "The model gave it: look for an overflow in its logits." entropies

        if beta > 0.0 && not batch.HasReference then
            invalidArg
                (nameof batch)
                $"KlCoefficient is {beta}, but the batch has no ReferenceLogProbs; give them to TokenBatch.Create, or set KlCoefficient to 0."

        /// Σ βw x, where a weight of 0 drops even an infinite x.
        let weigh (coefficient: float) (values: float[]) =
            Array.map2 (fun weight value -> if weight = 0.0 then 0.0 else coefficient * weight * value) weights values

        let kl =
            if beta > 0.0 then
                let kl =
                    Divergence.estimate
                        regularisation.KlValue
                        regularisation.KlGradient
                        logProbs
                        batch.ReferenceLogProbs

                {
                    Value = Numerics.sum (weigh beta kl.Values)
                    Gradient = weigh beta kl.Slopes
                }
            else
                {
                    Value = 0.0
                    Gradient = Array.zeroCreate batch.Tokens
                }

        let entropyTerm = Numerics.sum (weigh -bonus entropies)

        {
            Value = policy.Value + kl.Value + entropyTerm
            PolicyTerm = policy.Value
            KlTerm = kl.Value
            EntropyTerm = entropyTerm
            Gradient = Array.map2 (+) policy.Gradient kl.Gradient
            EntropyGradient = weights |> Array.map (fun weight -> -bonus * weight)
        }

    /// How far the policy has moved from the old one, and what the clip does about it. ρ and log ρ are as the clip bounds
    /// them. Definitions of the fractions: TRL's `clip_ratio/low_mean` and `clip_ratio/high_mean`, whose sum is verl's
    /// `pg_clipfrac`; the dual clip's is verl's `pg_clipfrac_lower`.
    [<CompiledName "Diagnose">]
    let diagnose (clip: Clip) (batch: TokenBatch) (logProbs: float[]) (entropies: float[]) : Diagnostics =
        checkClip clip
        checkLogProbs batch.Tokens logProbs
        Check.length (nameof entropies) batch.Tokens perToken entropies

        let logRatios =
            Array.map2 (fun now old -> bounded clip (now - old)) logProbs batch.OldLogProbs

        let ratios = Array.map exp logRatios

        let mean values =
            if Array.isEmpty values then 0.0 else Numerics.mean values

        let share holds =
            Array.map2 (fun ratio advantage -> if holds ratio advantage then 1.0 else 0.0) ratios batch.Advantages
            |> mean

        {
            Tokens = batch.Tokens
            ClipFractionLow = share (fun ratio advantage -> advantage < 0.0 && ratio < 1.0 - clip.EpsilonLow)
            ClipFractionHigh = share (fun ratio advantage -> advantage > 0.0 && ratio > 1.0 + clip.EpsilonHigh)
            DualClipFraction =
                share (fun ratio advantage ->
                    heldByDualClip clip advantage (min (ratio * advantage) (clampRatio clip ratio * advantage)))
            MeanRatio = mean ratios
            ApproximateKl = -(mean logRatios)
            MeanEntropy = mean entropies
        }

    /// The diagnostics of all tokens together from those of parts that share none, such as micro-batches.
    [<CompiledName "Pool">]
    let pool (parts: Diagnostics[]) : Diagnostics =
        let tokens = parts |> Array.sumBy _.Tokens

        let mean (measure: Diagnostics -> float) =
            if tokens = 0 then
                0.0
            else
                (parts |> Array.map (fun part -> float part.Tokens * measure part) |> Numerics.sum) / float tokens

        {
            Tokens = tokens
            ClipFractionLow = mean _.ClipFractionLow
            ClipFractionHigh = mean _.ClipFractionHigh
            DualClipFraction = mean _.DualClipFraction
            MeanRatio = mean _.MeanRatio
            ApproximateKl = mean _.ApproximateKl
            MeanEntropy = mean _.MeanEntropy
        }
