namespace David.Grpo

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
type RejectionRule =
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
        (rules: RejectionRule[])
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

        let accepts (rule: RejectionRule) =
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
