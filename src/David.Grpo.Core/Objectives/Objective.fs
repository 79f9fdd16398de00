namespace David.Grpo

open System

/// A loss, to be minimised, and its gradient by the log-probabilities it was given, [N].
type Loss =
    {
        /// The loss, to be minimised.
        Value: float
        /// By the log-probabilities, [N].
        Gradient: float[]
    }

    /// The sum of two losses by the same log-probabilities.
    static member Add(left: Loss, right: Loss) : Loss =
        Check.length (nameof right) left.Gradient.Length "as the other loss" right.Gradient

        {
            Value = left.Value + right.Value
            Gradient = Array.map2 (+) left.Gradient right.Gradient
        }

/// A second bound, on ratios far above 1, which the clip lets through where the advantage is negative.
[<RequireQualifiedAccess>]
type DualClip =
    /// No second bound.
    | Off
    /// The loss of a token with Â < 0 is at most −c Â, and its slope 0 beyond. `c` is above 1; infinity is Off.
    | At of c: float
    /// The unclipped ratio is at most δ, for advantages of both signs: min(min(ρ, δ) Â, clip(ρ) Â). With δ of at least
    /// 1 + ε₊ it is the same as At; below that it takes the place of 1 + ε₊ for Â > 0, and where Â < 0 the clipped term
    /// goes on above it. `δ` is above 1; infinity is Off. Source: two-sided clipping of INTELLECT-2 (arXiv 2505.07291); TRL's
    /// `delta`.
    | Ratio of delta: float

/// How the ratio ρ = π / π_old is kept near 1.
type Clip =
    {
        /// ε₋: below 1 − ε₋ a token that should become rarer has slope 0. At least 0; infinity clips nothing.
        EpsilonLow: float
        /// ε₊: above 1 + ε₊ a token that should become more likely has slope 0. At least 0; infinity clips nothing.
        EpsilonHigh: float
        /// A second bound, for tokens of negative advantage.
        Dual: DualClip
        /// Where log ρ is cut before it is exponentiated.
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
        /// The objective itself, without divergence and entropy.
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

/// The bound of an objective's own clip that decides a token's loss.
type ClipBound =
    /// None does.
    | None = 0
    /// The lower: PPO's 1 − ε₋ where ρ is below it and Â < 0.
    | Low = 1
    /// The upper: PPO's 1 + ε₊ where ρ is above it and Â > 0.
    | High = 2
    /// The dual clip.
    | Dual = 3

/// How far an update has gone, as plain means over tokens, whatever the aggregation. All 0 for no tokens.
type Diagnostics =
    {
        /// N.
        Tokens: int
        /// The share of tokens at ClipBound.Low.
        ClipFractionLow: float
        /// The share of tokens at ClipBound.High.
        ClipFractionHigh: float
        /// The share of tokens at ClipBound.Dual.
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
/// `weights` [N] are finite and at least 0; a token of weight 0 adds nothing, and has slope 0 unless it shares its sequence's
/// ratio. `logProbs` [N] are finite, in nats. Every function raises ArgumentException where that is not so.
/// The losses of micro-batches add up to the batch's; where a ratio is a sequence's, its tokens must stay together.
[<RequireQualifiedAccess>]
module Objective =

    let private checkClip (clip: Clip) =
        Check.range "EpsilonLow" "at least 0; infinity clips nothing" (clip.EpsilonLow >= 0.0) clip.EpsilonLow
        Check.range "EpsilonHigh" "at least 0; infinity clips nothing" (clip.EpsilonHigh >= 0.0) clip.EpsilonHigh

        match clip.Dual with
        | DualClip.At c -> Check.range "DualClip.At" "above 1; use DualClip.Off for none" (c > 1.0) c
        | DualClip.Ratio delta -> Check.range "DualClip.Ratio" "above 1; use DualClip.Off for none" (delta > 1.0) delta
        | DualClip.Off -> ()

        ImportanceWeight.checkBound clip.LogRatio

    let private clampRatio (clip: Clip) (ratio: float) =
        Math.Clamp(ratio, 1.0 - clip.EpsilonLow, 1.0 + clip.EpsilonHigh)

    let private capRatio (clip: Clip) (ratio: float) =
        match clip.Dual with
        | DualClip.Ratio delta -> min ratio delta
        | DualClip.At _
        | DualClip.Off -> ratio

    /// The two sides of the min, ρ a and clip(ρ) a.
    let private sides (clip: Clip) (advantage: float) (ratio: float) =
        struct (capRatio clip ratio * advantage, clampRatio clip ratio * advantage)

    /// The dual clip decides the loss: min(ρ a, clip(ρ) a) falls below its c a, or is min(ρ, δ) a with ρ above δ.
    let private heldByDualClip (clip: Clip) (advantage: float) (ratio: float) =
        let struct (plain, clipped) = sides clip advantage ratio

        match clip.Dual with
        | DualClip.At c -> advantage < 0.0 && min plain clipped < c * advantage
        | DualClip.Ratio delta -> advantage <> 0.0 && ratio > delta && plain <= clipped
        | DualClip.Off -> false

    /// The loss of one token and its slope by log ρ; `advantage` bears the token's weight already.
    let private clippedTerm (clip: Clip) (advantage: float) (ratio: float) =
        let struct (plain, clipped) = sides clip advantage ratio

        match clip.Dual with
        | DualClip.At c when heldByDualClip clip advantage ratio -> struct (-c * advantage, 0.0)
        | _ when plain > clipped -> struct (-clipped, (if clampRatio clip ratio = ratio then -clipped else 0.0))
        | _ -> struct (-plain, (if capRatio clip ratio = ratio then -plain else 0.0))

    /// Whether PPO's clip decides a token's loss: clip(ρ) Â is strictly below ρ Â.
    let internal isClipped (clip: Clip) (advantage: float) (logRatio: float) =
        let struct (plain, clipped) =
            sides clip advantage (exp (ImportanceWeight.bounded clip.LogRatio logRatio))

        advantage <> 0.0 && plain > clipped

    /// The loss Σₜ f(wₜ Âₜ, ρₜ) of the ratios of a level, where `term` gives f and its slope by log ρ. A token of weight or
    /// advantage 0 adds nothing, not even where its ratio is infinite, and beyond the bound on log ρ there is no slope.
    let internal ofRatios
        (level: RatioLevel)
        (bound: LogRatioBound)
        (term: float -> float -> struct (float * float))
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        : Loss =
        ImportanceWeight.checkBound bound
        TokenCheck.weights (nameof weights) batch.Tokens weights
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs
        let logRatios = ImportanceWeight.logRatios level batch logProbs batch.OldLogProbs

        let terms =
            Array.init batch.Tokens (fun t ->
                let advantage = weights[t] * batch.Advantages[t]

                if advantage = 0.0 then
                    struct (0.0, 0.0)
                else
                    let kept = ImportanceWeight.bounded bound logRatios[t]
                    let struct (value, slope) = term advantage (exp kept)
                    struct (value, (if kept = logRatios[t] then slope else 0.0)))

        {
            Value = terms |> Array.map (fun struct (value, _) -> value) |> Numerics.sum
            Gradient = terms |> Array.map (fun struct (_, slope) -> slope) |> ImportanceWeight.pullBack level batch
        }

    /// PPO's clipped surrogate with the ratios of a level, to be minimised:
    ///     L = −Σₜ wₜ min(ρₜ Âₜ, clip(ρₜ, 1 − ε₋, 1 + ε₊) Âₜ),
    /// ρₜ of the level, and with a dual clip as it says. Through log ρₜ the slope is −wₜ ρₜ Âₜ where no clip holds, else 0;
    /// the level says which tokens it reaches. Upon a clip edge the unclipped slope is taken.
    /// RatioLevel.Token is PPO; SequenceMean and SequenceMeanByToken are GSPO (arXiv 2507.18071; ε₋ = 3e-4, ε₊ = 4e-4 there,
    /// and verl bounds log ρ by AtMost 10); SequenceMean with Aggregation.TokenSum B, B all sequences, is LUSPO (arXiv
    /// 2602.05261; TRL's `luspo`: GSPO's term times n_s); SequenceProduct with SequenceSumTokenMean B TRL's RLOO loss.
    [<CompiledName "ClippedSurrogateAt">]
    let clippedSurrogateAt
        (level: RatioLevel)
        (clip: Clip)
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        : Loss =
        checkClip clip
        ofRatios level clip.LogRatio (clippedTerm clip) weights batch logProbs

    /// PPO's clipped surrogate, to be minimised:
    ///     L = −Σₜ wₜ min(ρₜ Âₜ, clip(ρₜ, 1 − ε₋, 1 + ε₊) Âₜ),   ρₜ = exp(logπₜ − logπ_oldₜ),
    /// and with a dual clip, where Âₜ < 0, at most −wₜ c Âₜ. The slope of a token is −wₜ ρₜ Âₜ where no clip holds, else 0.
    /// Upon a clip edge the unclipped slope is taken.
    /// Source: PPO (arXiv 1707.06347), equation 7; ε₋ ≠ ε₊ from DAPO (arXiv 2503.14476), equation 10; dual clip from Ye et
    /// al. (arXiv 1912.09729), equation 5; the bound on log ρ from verl.
    [<CompiledName "ClippedSurrogate">]
    let clippedSurrogate (clip: Clip) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        clippedSurrogateAt RatioLevel.Token clip weights batch logProbs

    /// The supervised loss: negative log-likelihood of demonstrated tokens, L = −Σₜ wₜ logπₜ. Slopes −wₜ.
    [<CompiledName "NegativeLogLikelihood">]
    let negativeLogLikelihood (weights: float[]) (logProbs: float[]) : Loss =
        TokenCheck.weights (nameof weights) logProbs.Length weights
        TokenCheck.logProbs (nameof logProbs) logProbs.Length logProbs

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
        TokenCheck.coefficient "KlCoefficient" beta
        TokenCheck.coefficient "EntropyCoefficient" bonus
        Check.length "policy.Gradient" batch.Tokens TokenCheck.perToken policy.Gradient
        TokenCheck.weights (nameof weights) batch.Tokens weights
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs
        Check.length (nameof entropies) batch.Tokens TokenCheck.perToken entropies
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

    /// How far the policy has moved from the old one by the ratios of a level, log ρ within `bound`, where the clip's `bounds`
    /// [N] are known.
    let internal diagnoseBounds
        (level: RatioLevel)
        (bound: LogRatioBound)
        (bounds: ClipBound[])
        (batch: TokenBatch)
        (logProbs: float[])
        (entropies: float[])
        : Diagnostics =
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs
        Check.length (nameof entropies) batch.Tokens TokenCheck.perToken entropies

        let logRatios =
            ImportanceWeight.logRatios level batch logProbs batch.OldLogProbs
            |> Array.map (ImportanceWeight.bounded bound)

        let mean values =
            if Array.isEmpty values then 0.0 else Numerics.mean values

        let share bound =
            bounds |> Array.map (fun own -> if own = bound then 1.0 else 0.0) |> mean

        {
            Tokens = batch.Tokens
            ClipFractionLow = share ClipBound.Low
            ClipFractionHigh = share ClipBound.High
            DualClipFraction = share ClipBound.Dual
            MeanRatio = mean (Array.map exp logRatios)
            ApproximateKl = -(mean logRatios)
            MeanEntropy = mean entropies
        }

    /// How far the policy has moved from the old one by the ratios of a level, and what the clip does about it. ρ and log ρ
    /// are as the clip bounds them, and a token counts its sequence's ratio where the level is a sequence's.
    /// Definitions of the fractions: TRL's `clip_ratio/low_mean` and `clip_ratio/high_mean`, whose sum is verl's
    /// `pg_clipfrac`; the dual clip's is verl's `pg_clipfrac_lower`.
    [<CompiledName "DiagnoseAt">]
    let diagnoseAt
        (level: RatioLevel)
        (clip: Clip)
        (batch: TokenBatch)
        (logProbs: float[])
        (entropies: float[])
        : Diagnostics =
        checkClip clip
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        let bounds =
            ImportanceWeight.logRatios level batch logProbs batch.OldLogProbs
            |> Array.map2
                (fun advantage logRatio ->
                    let ratio = exp (ImportanceWeight.bounded clip.LogRatio logRatio)

                    if heldByDualClip clip advantage ratio then
                        ClipBound.Dual
                    elif advantage < 0.0 && ratio < 1.0 - clip.EpsilonLow then
                        ClipBound.Low
                    elif advantage > 0.0 && ratio > 1.0 + clip.EpsilonHigh then
                        ClipBound.High
                    else
                        ClipBound.None)
                batch.Advantages

        diagnoseBounds level clip.LogRatio bounds batch logProbs entropies

    /// `diagnoseAt` of token-level ratios.
    [<CompiledName "Diagnose">]
    let diagnose (clip: Clip) (batch: TokenBatch) (logProbs: float[]) (entropies: float[]) : Diagnostics =
        diagnoseAt RatioLevel.Token clip batch logProbs entropies

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
