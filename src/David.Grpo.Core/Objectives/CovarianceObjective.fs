namespace David.Grpo

open System

/// The order in which clip-cov takes its candidates.
[<RequireQualifiedAccess>]
type CandidateOrder =
    /// Seed.permutation of the candidates.
    | Drawn of Seed
    /// A permutation of 0 … candidates − 1, into `CovarianceObjective.candidates`.
    | Given of int[]

/// clip-cov's choice of tokens that lose their gradient.
type CovarianceClip =
    {
        /// PPO's clip, which tokens must have passed. verl's clip-cov bounds no log-ratio and clips no second time.
        Clip: Clip
        /// The share of all tokens that is dropped, in [0, 1] (verl: 2e-4): at least one token where it is above 0.
        Share: float
        /// Candidates have a covariance above this (verl: 1).
        Above: float
        /// Candidates have a covariance below this (verl: 5).
        Below: float
    }

/// kl-cov's choice of tokens that are held by a penalty.
type CovariancePenalty =
    {
        /// The share of all tokens, those of the largest covariance, in [0, 1] (verl: 2e-4): at least one where above 0.
        Share: float
        /// β of the penalty β |log ρ|, finite and at least 0 (verl: 1).
        Coefficient: float
    }

/// Losses that guard the entropy by holding the few tokens whose log-probability and advantage vary together the most: by
/// the policy gradient such tokens take the most entropy away. Covariances and shares are of the batch given, so give all tokens
/// of an optimizer step at once: losses of its parts, as verl takes them, do not add up to it. Arguments as in Objective.
/// Source: The Entropy Mechanism of Reinforcement Learning for Reasoning Language Models (arXiv 2505.22617).
[<RequireQualifiedAccess>]
module CovarianceObjective =

    let private checkShare (share: float) =
        Check.range "Share" "a share of the tokens, from 0 to 1" (share >= 0.0 && share <= 1.0) share

    /// How many tokens a share of all is.
    let private countOf (share: float) (tokens: int) =
        if share = 0.0 then
            0
        else
            max 1 (int (share * float tokens))

    /// The covariance of each token, [N]: (Âₜ − mean Â)(logπₜ − mean logπ), plain means over the batch's tokens.
    [<CompiledName "Covariances">]
    let covariances (batch: TokenBatch) (logProbs: float[]) : float[] =
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        if batch.Tokens = 0 then
            [||]
        else
            let centred values =
                let mean = Numerics.mean values
                values |> Array.map (fun value -> value - mean)

            Array.map2 (*) (centred batch.Advantages) (centred logProbs)

    /// The tokens that clip-cov may drop, ascending: those that PPO's clip does not hold, with a covariance strictly between
    /// Above and Below.
    [<CompiledName "Candidates">]
    let candidates (settings: CovarianceClip) (batch: TokenBatch) (logProbs: float[]) : int[] =
        let covariances = covariances batch logProbs

        [| 0 .. batch.Tokens - 1 |]
        |> Array.filter (fun t ->
            covariances[t] > settings.Above
            && covariances[t] < settings.Below
            && not (Objective.isClipped settings.Clip batch.Advantages[t] (logProbs[t] - batch.OldLogProbs[t])))

    /// Clip-Cov: PPO's clipped surrogate without the first candidates of `order`, as many as the share of all tokens is. These
    /// have loss and slope 0, and the denominators count them.
    /// With share 0 it is the clipped surrogate (verl drops one token even then).
    /// Raises ArgumentException for an order that is no permutation of the candidates.
    /// Source: arXiv 2505.22617; verl 0.9.1 compute_policy_loss_clip_cov.
    [<CompiledName "ClipCov">]
    let clipCov
        (settings: CovarianceClip)
        (order: CandidateOrder)
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        : Loss =
        checkShare settings.Share
        TokenCheck.weights (nameof weights) batch.Tokens weights
        let candidates = candidates settings batch logProbs

        let permutation =
            match order with
            | CandidateOrder.Drawn seed -> Seed.permutation candidates.Length seed
            | CandidateOrder.Given permutation ->
                if Array.sort permutation <> [| 0 .. candidates.Length - 1 |] then
                    invalidArg
                        (nameof order)
                        $"order has {permutation.Length} entries; expected a permutation of 0 to {candidates.Length - 1}, the indices of the candidates."

                permutation

        let keep = Array.replicate batch.Tokens true

        for candidate in Array.truncate (countOf settings.Share batch.Tokens) permutation do
            keep[candidates[candidate]] <- false

        Objective.clippedSurrogate settings.Clip (Aggregation.kept keep weights) batch logProbs

    /// KL-Cov: the plain policy gradient, with a penalty on the tokens of the largest covariance:
    ///     L = Σₜ wₜ (−ρₜ Âₜ + [t chosen] β |log ρₜ|).
    /// As many are chosen as the share of all tokens is; of equal covariances the first. log ρ is not bounded (so verl); the
    /// slope of |log ρ| at 0 is taken as 0. With share 0 it is the unclipped surrogate (verl chooses one token even then).
    /// Source: arXiv 2505.22617; verl 0.9.1 compute_policy_loss_kl_cov.
    [<CompiledName "KlCov">]
    let klCov (settings: CovariancePenalty) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        checkShare settings.Share
        TokenCheck.coefficient "Coefficient" settings.Coefficient

        let unclipped =
            { Clip.Symmetric infinity with
                LogRatio = LogRatioBound.Unbounded
            }

        let surrogate = Objective.clippedSurrogate unclipped weights batch logProbs
        let covariances = covariances batch logProbs

        let drift =
            Divergence.estimate Estimator.Absolute Estimator.Absolute logProbs batch.OldLogProbs

        let penalties = Array.zeroCreate<float> batch.Tokens
        let slopes = Array.zeroCreate<float> batch.Tokens

        let chosen =
            [| 0 .. batch.Tokens - 1 |]
            |> Array.sortBy (fun t -> struct (-covariances[t], t))
            |> Array.truncate (countOf settings.Share batch.Tokens)

        for t in chosen do
            penalties[t] <- settings.Coefficient * weights[t] * drift.Values[t]
            slopes[t] <- settings.Coefficient * weights[t] * drift.Slopes[t]

        Loss.Add(
            surrogate,
            {
                Value = Numerics.sum penalties
                Gradient = slopes
            }
        )
