namespace David.Grpo

open System

/// What happens to log ρ before the exponential.
[<RequireQualifiedAccess>]
type LogRatioBound =
    /// Nothing, as in TRL. ρ is infinite where log ρ is above about 709, and then so may be the loss.
    | Unbounded
    /// log ρ is clamped to [−bound, bound], with slope 0 outside. `bound` is above 0; verl takes 20.
    | Within of bound: float
    /// log ρ is at most `bound`, with slope 0 above. `bound` is above 0; verl's GSPO takes 10.
    | AtMost of bound: float

/// What one ratio of probabilities π / π_old stands for, and where its slope goes. n_s is the number of trained tokens of
/// sequence s; a sequence's ratio stands on each of its tokens.
[<RequireQualifiedAccess>]
type RatioLevel =
    /// ρₜ = π(t) / π_old(t): each token its own (PPO).
    | Token
    /// (Πₜ ρₜ)^(1/n_s), the geometric mean of a sequence's tokens, with the mean's gradient: each of the n_s tokens takes
    /// 1/n_s of the slopes of all (GSPO, arXiv 2507.18071, equation 7; TRL's `importance_sampling_level="sequence"`).
    | SequenceMean
    /// That value, but as a constant times ρₜ / ρₜ: a token's slope is through its own log-probability alone (GSPO-token,
    /// arXiv 2507.18071, equation 13; verl's `gspo`). The same gradient as SequenceMean where a sequence's tokens share one
    /// advantage and one weight.
    | SequenceMeanByToken
    /// Πₜ ρₜ, the probability of the whole sequence: the unbiased one, of the largest variance (TRL's RLOO).
    | SequenceProduct

/// What happens to a ratio that is too far from 1. 0 ≤ low ≤ high; 0 and infinity bound nothing.
[<RequireQualifiedAccess>]
type RatioLimit =
    /// No bound.
    | Unlimited
    /// clamp(ρ, low, high): truncated importance sampling.
    | Truncate of low: float * high: float
    /// ρ within [low, high], else 0: IcePop (verl), `token_mask` and `sequence_mask` (TRL).
    | Mask of low: float * high: float

/// How an importance weight is made of log-probabilities: level, bound, exponential, limit, in this order.
/// Importance weights: ratios as constants, through which no gradient goes. They correct for tokens that were drawn from
/// another distribution than the one that learns, be it the policy before the step or a sampler whose numbers differ
/// (another kernel, precision or engine).
type ImportanceWeight =
    {
        /// Of a token, or of its whole sequence.
        Level: RatioLevel
        /// Bounds the log-ratio of the level: of a token, of a sequence's mean, of its sum.
        LogRatio: LogRatioBound
        /// What bounds it.
        Limit: RatioLimit
    }

    static member internal checkBound(bound: LogRatioBound) =
        match bound with
        | LogRatioBound.Within bound ->
            Check.range "LogRatioBound.Within" "above 0; use LogRatioBound.Unbounded for none" (bound > 0.0) bound
        | LogRatioBound.AtMost bound ->
            Check.range "LogRatioBound.AtMost" "above 0; use LogRatioBound.Unbounded for none" (bound > 0.0) bound
        | LogRatioBound.Unbounded -> ()

    static member private checkLimit(limit: RatioLimit) =
        match limit with
        | RatioLimit.Unlimited -> ()
        | RatioLimit.Truncate(low, high)
        | RatioLimit.Mask(low, high) ->
            Check.range "RatioLimit.low" "at least 0; 0 bounds nothing" (low >= 0.0) low
            Check.range "RatioLimit.high" $"at least low, {low}; infinity bounds nothing" (high >= low) high

    static member internal bounded (bound: LogRatioBound) (logRatio: float) =
        match bound with
        | LogRatioBound.Unbounded -> logRatio
        | LogRatioBound.Within bound -> Math.Clamp(logRatio, -bound, bound)
        | LogRatioBound.AtMost bound -> min logRatio bound

    /// [N] log-ratios of the level, unbounded.
    static member internal logRatios (level: RatioLevel) (batch: TokenBatch) (logProbs: float[]) (others: float[]) =
        let perToken = Array.map2 (-) logProbs others

        match level with
        | RatioLevel.Token -> perToken
        | RatioLevel.SequenceMean
        | RatioLevel.SequenceMeanByToken -> BySequence.means batch perToken |> BySequence.spread batch
        | RatioLevel.SequenceProduct -> BySequence.sums batch perToken |> BySequence.spread batch

    /// [N] slopes by the tokens' log-probabilities from the slopes by the level's log-ratio on each token.
    static member internal pullBack (level: RatioLevel) (batch: TokenBatch) (slopes: float[]) =
        match level with
        | RatioLevel.Token
        | RatioLevel.SequenceMeanByToken -> slopes
        | RatioLevel.SequenceMean -> BySequence.means batch slopes |> BySequence.spread batch
        | RatioLevel.SequenceProduct -> BySequence.sums batch slopes |> BySequence.spread batch

    /// ρ as the limit leaves it.
    static member private limited (limit: RatioLimit) (ratio: float) =
        match limit with
        | RatioLimit.Unlimited -> ratio
        | RatioLimit.Truncate(low, high) -> Math.Clamp(ratio, low, high)
        | RatioLimit.Mask(low, high) -> if ratio < low || ratio > high then 0.0 else ratio

    /// The importance weight of each token, [N], at least 0:
    ///     limit(exp(bound(log ρ))),   log ρ of the level from logProbs − samplerLogProbs.
    /// Both are [N] log-probabilities in nats of the batch's tokens, under the policy that learns and under the one that
    /// drew them: the batch's OldLogProbs and the sampler's correct for the sampler's mismatch, the log-probabilities in
    /// training and the batch's OldLogProbs give the ratio of a step. A policy term takes such a weight as a factor of the
    /// tokens' weights (`Aggregation.scaled`). SequenceMean and SequenceMeanByToken give the same here. A token whose
    /// sampler's log-probability is unknown gets ratio 1 by its own log-probability in both (so TRL).
    /// verl: LogRatioBound.Within 20 with Truncate (0, t), or Mask for IcePop; TRL: Unbounded with either.
    /// Raises ArgumentException for lengths, numbers or bounds out of range.
    /// Source: verl 0.9.1 compute_rollout_correction_weights; TRL 1.13 `vllm_importance_sampling_mode`; truncation from
    /// Ionides (Journal of Computational and Graphical Statistics 17, 2008).
    [<CompiledName "Weights">]
    static member weights
        (rule: ImportanceWeight)
        (batch: TokenBatch)
        (logProbs: float[])
        (samplerLogProbs: float[])
        : float[] =
        ImportanceWeight.checkBound rule.LogRatio
        ImportanceWeight.checkLimit rule.Limit
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs
        TokenCheck.logProbs (nameof samplerLogProbs) batch.Tokens samplerLogProbs

        ImportanceWeight.logRatios rule.Level batch logProbs samplerLogProbs
        |> Array.map (ImportanceWeight.bounded rule.LogRatio >> exp >> ImportanceWeight.limited rule.Limit)

    /// Importance weights [N] divided by their mean, so that they move no loss's size: the mean over tokens for
    /// RatioLevel.Token, the mean over sequences of their tokens' means for the other levels. Means of at most 1e-8 (all
    /// tokens masked) leave them as they are, and no tokens give no weights.
    /// Source: verl 0.9.1 `rollout_is_batch_normalize`, which adds 1e-8 to the counts.
    [<CompiledName "Normalised">]
    static member normalised (level: RatioLevel) (batch: TokenBatch) (weights: float[]) : float[] =
        TokenCheck.weights (nameof weights) batch.Tokens weights

        let mean =
            match level with
            | _ when batch.Tokens = 0 -> 0.0
            | RatioLevel.Token -> Numerics.mean weights
            | RatioLevel.SequenceMean
            | RatioLevel.SequenceMeanByToken
            | RatioLevel.SequenceProduct ->
                let present =
                    BySequence.counts batch |> Array.filter (fun count -> count > 0.0) |> Array.length

                Numerics.sum (BySequence.means batch weights) / float present

        if mean > 1e-8 then
            weights |> Array.map (fun weight -> weight / mean)
        else
            weights

    /// How many weights count as much as these [N] do, as a share of N, in [0, 1]: (Σ w)² / (N Σ w²). 1 for equal weights,
    /// 0 for no tokens or none above 0. Source: Kish, Survey Sampling (1965), section 11.7; verl's
    /// `rollout_is_eff_sample_size`.
    [<CompiledName "EffectiveShare">]
    static member effectiveShare(weights: float[]) : float =
        Check.notNegative (nameof weights) weights
        let largest = Array.fold max 0.0 weights

        if largest = 0.0 then
            0.0
        else
            let relative = weights |> Array.map (fun weight -> weight / largest)
            let squares = relative |> Array.map (fun weight -> weight * weight)
            (Numerics.sum relative) ** 2.0 / (float weights.Length * Numerics.sum squares)

/// How far the sampler's probabilities of the tokens that it drew are from the learner's. All 0 for no tokens. Sequences
/// without tokens are not counted.
/// Measures the mismatch between sampler and learner.
type Mismatch =
    {
        /// N.
        Tokens: int
        /// Mean of log π_sampler − log π_learner in nats: KL(sampler‖learner) by k1.
        Kl: float
        /// The same KL by k3, at least 0.
        KlK3: float
        /// Mean of ρ² − 1 over tokens, ρ = π_learner / π_sampler, log ρ within ±20: the χ² divergence by token.
        TokenChiSquare: float
        /// Mean over sequences of (Πρ)² − 1, the logarithm of the product within ±20: the χ² divergence of sequences. The
        /// variance of sequence weights, and 1 / (1 + it) the share of samples that they leave.
        SequenceChiSquare: float
        /// Mean over sequences of exp(−mean log π_learner).
        LearnerPerplexity: float
        /// Mean over sequences of exp(−mean log π_sampler).
        SamplerPerplexity: float
        /// Mean over sequences of the absolute difference of the two mean log-probabilities, in nats.
        LogPerplexityGap: float
    }

    /// The mismatch on a batch's tokens; both arrays are [N] log-probabilities in nats. With one model and one precision all
    /// but the perplexities are near 0; in an importance correction look at SequenceChiSquare first.
    /// Source: verl 0.9.1 compute_offpolicy_metrics, whose means over sequences count those without tokens too.
    [<CompiledName "Measure">]
    static member measure (batch: TokenBatch) (learnerLogProbs: float[]) (samplerLogProbs: float[]) : Mismatch =
        TokenCheck.logProbs (nameof learnerLogProbs) batch.Tokens learnerLogProbs
        TokenCheck.logProbs (nameof samplerLogProbs) batch.Tokens samplerLogProbs

        let mean values =
            if Array.isEmpty values then 0.0 else Numerics.mean values

        let counts = BySequence.counts batch

        /// The mean of what is by sequence.
        let meanOfSequences (values: float[]) =
            Array.zip counts values |> Array.filter (fun (count, _) -> count > 0.0) |> Array.map snd |> mean

        let divergence estimator =
            (Divergence.estimate estimator estimator samplerLogProbs learnerLogProbs).Values |> mean

        let drift = Array.map2 (-) learnerLogProbs samplerLogProbs

        let squared logRatio =
            exp (2.0 * System.Math.Clamp(logRatio, -20.0, 20.0)) - 1.0

        let learner = BySequence.means batch learnerLogProbs
        let sampler = BySequence.means batch samplerLogProbs

        {
            Tokens = batch.Tokens
            Kl = divergence Estimator.K1
            KlK3 = divergence Estimator.K3
            TokenChiSquare = drift |> Array.map squared |> mean
            SequenceChiSquare = BySequence.sums batch drift |> Array.map squared |> meanOfSequences
            LearnerPerplexity = learner |> Array.map (fun mean -> exp -mean) |> meanOfSequences
            SamplerPerplexity = sampler |> Array.map (fun mean -> exp -mean) |> meanOfSequences
            LogPerplexityGap = Array.map2 (fun left right -> abs (left - right)) learner sampler |> meanOfSequences
        }

/// Whose divergence a rejection rule looks at.
[<RequireQualifiedAccess>]
type RejectionLevel =
    /// Each token's own: that token is rejected.
    | Token
    /// The sum over a sequence's tokens: the whole sequence is rejected.
    | SequenceSum
    /// The mean over a sequence's tokens: the whole sequence is rejected.
    | SequenceMean
    /// The largest of a sequence's tokens: the whole sequence is rejected.
    | SequenceMaximum

/// A range that the divergence of sampler and learner must keep: [Lowest, Highest] in nats, with infinities for none.
type Rejection =
    {
        /// What is rejected: a token or a sequence.
        Level: RejectionLevel
        /// Of KL(sampler‖learner) by the sampled token, d = log π_sampler − log π_learner.
        Estimator: Estimator
        /// The smallest divergence that is kept, in nats.
        Lowest: float
        /// The largest divergence that is kept, in nats.
        Highest: float
    }

/// Which tokens take part in a loss, [N] by token: true where it does. `Aggregation.kept` gives the others weight 0, `batch.Pick`
/// leaves them out of the denominators too.
[<RequireQualifiedAccess>]
module TokenMask =

    /// The most uncertain tokens: those whose entropy is at least the (1 − share) quantile of the batch's, linear between
    /// neighbours. `share` is in [0, 1]; 1 keeps all, 0 the largest alone. `entropies` [N] are in nats.
    /// Source: Beyond the 80/20 Rule (arXiv 2506.01939), which keeps 0.2; TRL 1.13 `top_entropy_quantile`, which takes the
    /// quantile in float32, so a token exactly at it may fall out there.
    [<CompiledName "HighEntropy">]
    let highEntropy (share: float) (entropies: float[]) : bool[] =
        Check.range (nameof share) "from 0 to 1" (share >= 0.0 && share <= 1.0) share
        Check.finite (nameof entropies) "The model gave it: look for an overflow in its logits." entropies

        if entropies.Length = 0 then
            [||]
        else
            let threshold = Statistics.quantile (1.0 - share) entropies
            entropies |> Array.map (fun entropy -> entropy >= threshold)

    /// All but the tokens of negative advantage in sequences that the policy has left: kept are Âₜ ≥ 0, and where the mean over
    /// the sequence of log π_sampler − log π is at most `threshold`, in nats.
    /// `samplerLogProbs` and `logProbs` are [N]; for the first, the batch's OldLogProbs where the sampler's own are unknown.
    /// Source: DeepSeek-V3.2 (arXiv 2512.02556); TRL 1.13 get_off_policy_mask.
    [<CompiledName "OffPolicy">]
    let offPolicy (threshold: float) (batch: TokenBatch) (samplerLogProbs: float[]) (logProbs: float[]) : bool[] =
        Check.range
            (nameof threshold)
            "a number; infinity masks nothing"
            (not (System.Double.IsNaN threshold))
            threshold

        TokenCheck.logProbs (nameof samplerLogProbs) batch.Tokens samplerLogProbs
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        Array.map2 (-) samplerLogProbs logProbs
        |> BySequence.means batch
        |> BySequence.spread batch
        |> Array.map2 (fun advantage divergence -> advantage >= 0.0 || divergence <= threshold) batch.Advantages

    /// The tokens that every rule accepts, by the divergence of the sampler from the learner. `bound` holds d before the
    /// estimators. No rules keep all.
    /// verl's rules bound d by Within 20: `token_`, `seq_sum_`, `seq_mean_` and `seq_max_` with `k1`, `k2`, `k3` are the levels
    /// and estimators; its thresholds t of k2 and k3 are Highest, those of k1, `low_high`, are on π_sampler / π_learner, so
    /// Lowest and Highest are their logarithms, and one number t means 1/t and t. Rejected tokens leave its denominators.
    /// Source: verl 0.9.1 compute_rollout_rejection_mask.
    [<CompiledName "Accepted">]
    let accepted
        (rules: Rejection[])
        (bound: LogRatioBound)
        (batch: TokenBatch)
        (learnerLogProbs: float[])
        (samplerLogProbs: float[])
        : bool[] =
        ImportanceWeight.checkBound bound
        TokenCheck.logProbs (nameof learnerLogProbs) batch.Tokens learnerLogProbs
        TokenCheck.logProbs (nameof samplerLogProbs) batch.Tokens samplerLogProbs

        let drift =
            Array.map2 (-) learnerLogProbs samplerLogProbs |> Array.map (ImportanceWeight.bounded bound >> (~-))

        let accepts (rule: Rejection) =
            Check.range "Lowest" $"at most Highest, {rule.Highest}" (rule.Lowest <= rule.Highest) rule.Lowest
            let zeros = Array.zeroCreate<float> batch.Tokens

            let divergences =
                (Divergence.estimate rule.Estimator rule.Estimator drift zeros).Values

            let judged =
                match rule.Level with
                | RejectionLevel.Token -> divergences
                | RejectionLevel.SequenceSum -> BySequence.sums batch divergences |> BySequence.spread batch
                | RejectionLevel.SequenceMean -> BySequence.means batch divergences |> BySequence.spread batch
                | RejectionLevel.SequenceMaximum -> BySequence.maxima batch divergences |> BySequence.spread batch

            judged |> Array.map (fun divergence -> divergence >= rule.Lowest && divergence <= rule.Highest)

        rules |> Array.map accepts |> Array.fold (Array.map2 (&&)) (Array.replicate batch.Tokens true)
