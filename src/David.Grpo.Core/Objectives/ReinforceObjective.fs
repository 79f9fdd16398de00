namespace David.Grpo

open System

/// What DPPO compares of the policy and the old one at a token: both as coins that show this token or another.
[<RequireQualifiedAccess>]
type BinaryDivergence =
    /// |π − π_old|.
    | TotalVariation
    /// π_old log (π_old / π) + (1 − π_old) log ((1 − π_old) / (1 − π)), with 1e-8 added to the complements as in verl.
    | KullbackLeibler

/// DPPO's trust region: a token that would leave it further is masked.
type DivergenceRegion =
    {
        /// What is bounded.
        Divergence: BinaryDivergence
        /// δ₋, at least 0, for tokens that should become rarer (Â ≤ 0) and are below π_old already.
        ThresholdLow: float
        /// δ₊, at least 0, for tokens that should become more likely (Â > 0) and are above π_old already.
        ThresholdHigh: float
        /// How the ratio weighs the tokens that stay. verl: of tokens, within ±20, truncated at 20 (`clip_ratio_c`).
        Weight: ImportanceWeight
    }

/// Importance weights of the sampler's mismatch, for a loss that weighs whole sequences by their logarithms.
[<RequireQualifiedAccess>]
type SamplerWeights =
    /// Tokens are not weighted.
    | None
    /// [N], at least 0, a factor a token.
    | PerToken of float[]
    /// [B], at least 0, a factor a sequence.
    | PerSequence of float[]

/// The shape of VESPO's weight φ(W) = e^λ W^k e^(−λW) of a sequence's ratio W: 1 at W = 1, largest at W = k/λ. k and λ are
/// at least 0; with both 0 it is 1.
type VespoShape =
    {
        /// k where Â ≥ 0 (TRL: 2).
        PowerPositive: float
        /// λ where Â ≥ 0 (TRL: 3).
        DecayPositive: float
        /// k where Â < 0 (TRL: 3).
        PowerNegative: float
        /// λ where Â < 0 (TRL: 2).
        DecayNegative: float
    }

/// Losses whose gradient is the score function's: L = −Σₜ wₜ cₜ Âₜ logπₜ, where cₜ is a constant of the token. No slope goes
/// through a ratio, so no token loses its gradient to a clip unless cₜ is 0. Arguments as in Objective.
[<RequireQualifiedAccess>]
module ReinforceObjective =

    /// REINFORCE: L = −Σₜ wₜ Âₜ logπₜ. Slopes −wₜ Âₜ. The old log-probabilities take no part.
    /// Source: Williams, Machine Learning 8 (1992); verl 0.9.1 compute_policy_loss_reinforce, and its
    /// compute_policy_loss_gpg (GPG, arXiv 2504.02546), which differ in their advantages alone.
    [<CompiledName "PolicyGradient">]
    let policyGradient (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        TokenCheck.weights (nameof weights) batch.Tokens weights
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        let slopes =
            Array.map2 (fun weight advantage -> -weight * advantage) weights batch.Advantages

        {
            Value = Array.map2 (*) slopes logProbs |> Numerics.sum
            Gradient = slopes
        }

    /// CISPO: L = −Σₜ wₜ c(ρₜ) Âₜ logπₜ, where c(ρ) is the importance weight of logπₜ − logπ_oldₜ as a constant. All tokens keep
    /// a gradient. RatioLimit.Truncate (1 − ε₋, 1 + ε₊) of RatioLevel.Token within ±20 is verl's, Truncate (0, ε_max) unbounded
    /// is TRL's, whose `epsilon_high` is that ε_max itself and not 1 + it. RatioLimit.Unlimited is REINFORCE with full
    /// importance weights; RatioLimit.Mask drops tokens as IcePop does.
    /// Source: MiniMax-M1 (arXiv 2506.13585), equations 4 and 5; verl 0.9.1 compute_policy_loss_cispo; TRL 1.13 `cispo`.
    [<CompiledName "Cispo">]
    let cispo (weight: ImportanceWeight) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        TokenCheck.weights (nameof weights) batch.Tokens weights
        let ratios = ImportanceWeight.weights weight batch logProbs batch.OldLogProbs
        policyGradient (Aggregation.scaled ratios weights) batch logProbs

    /// The diagnostics of `cispo`: a token is at ClipBound.Low or High where its ratio is below or above the limit, whatever
    /// its advantage (so verl's `pg_clipfrac`).
    [<CompiledName "DiagnoseCispo">]
    let diagnoseCispo
        (weight: ImportanceWeight)
        (batch: TokenBatch)
        (logProbs: float[])
        (entropies: float[])
        : Diagnostics =
        let low, high =
            match weight.Limit with
            | RatioLimit.Unlimited -> 0.0, infinity
            | RatioLimit.Truncate(low, high)
            | RatioLimit.Mask(low, high) -> low, high

        let bounds =
            ImportanceWeight.weights
                { weight with
                    Limit = RatioLimit.Unlimited
                }
                batch
                logProbs
                batch.OldLogProbs
            |> Array.map (fun ratio ->
                if ratio < low then ClipBound.Low
                elif ratio > high then ClipBound.High
                else ClipBound.None)

        Objective.diagnoseBounds weight.Level weight.LogRatio bounds batch logProbs entropies

    /// Whether a token may be trained on: it is within the region, or its advantage leads back into it. [N]
    [<CompiledName "WithinRegion">]
    let withinRegion (region: DivergenceRegion) (batch: TokenBatch) (logProbs: float[]) : bool[] =
        let checkThreshold name value =
            Check.range name "at least 0; infinity masks nothing" (value >= 0.0) value

        checkThreshold "ThresholdLow" region.ThresholdLow
        checkThreshold "ThresholdHigh" region.ThresholdHigh
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        Array.init batch.Tokens (fun t ->
            let logNow, logOld = logProbs[t], batch.OldLogProbs[t]
            let now, old = exp logNow, exp logOld

            // Rounding may put a probability above 1.
            let complement probability = max 0.0 (1.0 - probability)

            let divergence =
                match region.Divergence with
                | BinaryDivergence.TotalVariation -> abs (now - old)
                | BinaryDivergence.KullbackLeibler ->
                    old * (logOld - logNow) + complement old * log ((complement old + 1e-8) / (complement now + 1e-8))

            if batch.Advantages[t] > 0.0 then
                now <= old || divergence <= region.ThresholdHigh
            else
                now >= old || divergence <= region.ThresholdLow)

    /// DPPO: L = −Σₜ wₜ Mₜ c(ρₜ) Âₜ logπₜ, where Mₜ is 0 for tokens that are not `withinRegion` and c the region's weight.
    /// Source: DPPO (arXiv 2602.04879), equations 11 to 14; verl 0.9.1 compute_policy_loss_dppo_tv and _dppo_kl.
    [<CompiledName "Dppo">]
    let dppo (region: DivergenceRegion) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        TokenCheck.weights (nameof weights) batch.Tokens weights
        let kept = weights |> Aggregation.kept (withinRegion region batch logProbs)
        cispo region.Weight kept batch logProbs

    /// The diagnostics of `dppo`: a token that is not `withinRegion` is at ClipBound.High where Â > 0, else at Low.
    [<CompiledName "DiagnoseDppo">]
    let diagnoseDppo
        (region: DivergenceRegion)
        (batch: TokenBatch)
        (logProbs: float[])
        (entropies: float[])
        : Diagnostics =
        let bounds =
            withinRegion region batch logProbs
            |> Array.map2
                (fun advantage within ->
                    if within || advantage = 0.0 then ClipBound.None
                    elif advantage > 0.0 then ClipBound.High
                    else ClipBound.Low)
                batch.Advantages

        Objective.diagnoseBounds region.Weight.Level region.Weight.LogRatio bounds batch logProbs entropies

    /// VESPO's weight of each token, [N]: φ(Wₛ) by its advantage's sign, with
    ///     log Wₛ = Σₜ clamp(logπₜ − logπ_oldₜ, ±20) + Σ clamp(log sampler weight, log 1e-8, 20),
    /// itself clamped to [log 1e-8, 20]. The sums are of the sequence's trained tokens.
    /// Source: TRL 1.13 get_gamma_weights (VESPO, arXiv 2602.10693). TRL sums the sampler's log-weights over columns outside
    /// the mask too, which are 0 there unless the bounds of the weights exclude 1.
    [<CompiledName "VespoWeights">]
    let vespoWeights (shape: VespoShape) (sampler: SamplerWeights) (batch: TokenBatch) (logProbs: float[]) : float[] =
        TokenCheck.coefficient "PowerPositive" shape.PowerPositive
        TokenCheck.coefficient "DecayPositive" shape.DecayPositive
        TokenCheck.coefficient "PowerNegative" shape.PowerNegative
        TokenCheck.coefficient "DecayNegative" shape.DecayNegative
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs
        let clampSum logWeight = Math.Clamp(logWeight, log 1e-8, 20.0)
        let logs = Array.map (log >> clampSum)

        let drift =
            Array.map2 (fun now old -> Math.Clamp(now - old, -20.0, 20.0)) logProbs batch.OldLogProbs
            |> BySequence.sums batch

        let mismatch =
            match sampler with
            | SamplerWeights.None -> Array.zeroCreate batch.Sequences
            | SamplerWeights.PerToken weights ->
                TokenCheck.weights (nameof sampler) batch.Tokens weights
                BySequence.sums batch (logs weights)
            | SamplerWeights.PerSequence weights ->
                Check.length (nameof sampler) batch.Sequences "one for each sequence of the batch" weights
                Check.notNegative (nameof sampler) weights
                logs weights

        let logRatios =
            Array.map2 (fun drift mismatch -> clampSum (drift + mismatch)) drift mismatch
            |> BySequence.spread batch

        Array.map2
            (fun logRatio advantage ->
                let power, decay =
                    if advantage >= 0.0 then
                        shape.PowerPositive, shape.DecayPositive
                    else
                        shape.PowerNegative, shape.DecayNegative

                exp (decay + power * logRatio - decay * exp logRatio))
            logRatios
            batch.Advantages

    /// VESPO: L = −Σₜ wₜ φₜ Âₜ logπₜ with `vespoWeights` φ as constants. The sampler's weights are in φ, so they are no
    /// factor of `weights` here.
    /// Source: TRL 1.13 `vespo` (arXiv 2602.10693).
    [<CompiledName "Vespo">]
    let vespo
        (shape: VespoShape)
        (sampler: SamplerWeights)
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        : Loss =
        TokenCheck.weights (nameof weights) batch.Tokens weights
        let phi = vespoWeights shape sampler batch logProbs
        policyGradient (Aggregation.scaled phi weights) batch logProbs

    /// Direct reward optimisation: L = −Σₜ wₜ (Âₜ logπₜ − β/2 (logπₜ − logπ_oldₜ)²). Slopes −wₜ (Âₜ − β (logπₜ − logπ_oldₜ)). `beta` is
    /// finite and at least 0; with 0 it is REINFORCE.
    /// Source: DRO (arXiv 2405.19107), its policy term token by token; verl 0.9.1 compute_policy_loss_dro.
    [<CompiledName "Dro">]
    let dro (beta: float) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        TokenCheck.coefficient (nameof beta) beta
        let reward = policyGradient weights batch logProbs
        let drift = Divergence.estimate Estimator.K2 Estimator.K2 logProbs batch.OldLogProbs

        Loss.Add(
            reward,
            {
                Value = Array.map2 (fun weight value -> beta * weight * value) weights drift.Values |> Numerics.sum
                Gradient = Array.map2 (fun weight slope -> beta * weight * slope) weights drift.Slopes
            }
        )
