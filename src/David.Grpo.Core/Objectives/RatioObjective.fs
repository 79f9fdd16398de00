namespace David.Grpo

open System

/// SAPO's temperatures of the gate, above 0.
type SoftGate =
    {
        /// τ where Â > 0 (TRL and verl: 1).
        TemperaturePositive: float
        /// τ where Â ≤ 0 (TRL and verl: 1.05): a steeper gate forgets unlikely tokens sooner.
        TemperatureNegative: float
        /// verl: Within 20; TRL: Unbounded.
        LogRatio: LogRatioBound
    }

/// GMPO's clip of a token's log-ratio, in nats.
type LogClip =
    {
        /// ε₋, at least 0; infinity clips nothing.
        EpsilonLow: float
        /// ε₊, at least 0; infinity clips nothing. GMPO takes 0.4 for both.
        EpsilonHigh: float
    }

/// Losses of the ratio π / π_old that are not PPO's clip. Arguments as in Objective.
[<RequireQualifiedAccess>]
module RatioObjective =

    /// SAPO: L = −Σₜ wₜ Âₜ (4/τ) σ(τ(ρₜ − 1)), a sigmoid gate in the place of the clip: its slope by log ρ,
    /// −wₜ Âₜ 4 σ(1 − σ) ρₜ, is −wₜ Âₜ on policy and fades on both sides.
    /// verl: RatioLevel.Token, LogRatioBound.Within 20 and the weights of SequenceMeanTokenMean, whatever its mode says; TRL:
    /// either level, Unbounded, SequenceSumTokenMean of all sequences.
    /// Source: SAPO (arXiv 2511.20347); verl 0.9.1 compute_policy_loss_sapo; TRL 1.13 `sapo`.
    [<CompiledName "Sapo">]
    let sapo (level: RatioLevel) (gate: SoftGate) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        let checkTemperature name value =
            Check.range name "a finite number above 0" (Double.IsFinite value && value > 0.0) value

        checkTemperature "TemperaturePositive" gate.TemperaturePositive
        checkTemperature "TemperatureNegative" gate.TemperatureNegative

        let term (advantage: float) (ratio: float) =
            let temperature =
                if advantage > 0.0 then
                    gate.TemperaturePositive
                else
                    gate.TemperatureNegative

            let decay = exp (-temperature * (ratio - 1.0))
            let opened = 1.0 / (1.0 + decay)
            // σ(1 − σ)ρ without ∞ · 0: the closing gate outruns any ratio.
            let slope = if decay = 0.0 then 0.0 else opened * opened * decay * ratio
            struct (-advantage * 4.0 / temperature * opened, -advantage * 4.0 * slope)

        Objective.ofRatios level gate.LogRatio term weights batch logProbs

    /// GMPO: one ratio a sequence, the geometric mean of its tokens' ratios, each clipped in the pessimistic direction:
    ///     L = −Σₛ (Σₜ wₜ Âₜ) exp(1/nₛ Σₜ qₜ),   qₜ = sₜ min(sₜ dₜ, sₜ clamp(dₜ, −ε₋, ε₊)),   dₜ = logπₜ − logπ_oldₜ,   sₜ = sign Âₜ,
    /// t over the tokens of sequence s. Each token that no clip holds has 1/nₛ of its sequence's slope.
    /// With one advantage a sequence and the weights of SequenceMeanTokenMean it is the paper's. verl: weights of
    /// SequenceSumTokenMean of all sequences, and the sampler's weights as their geometric mean (RatioLevel.SequenceMean).
    /// Source: GMPO (arXiv 2507.20673); verl 0.9.1 compute_policy_loss_geo_mean, which adds 1e-8 to nₛ.
    [<CompiledName "Gmpo">]
    let gmpo (clip: LogClip) (weights: float[]) (batch: TokenBatch) (logProbs: float[]) : Loss =
        Check.range "EpsilonLow" "at least 0; infinity clips nothing" (clip.EpsilonLow >= 0.0) clip.EpsilonLow
        Check.range "EpsilonHigh" "at least 0; infinity clips nothing" (clip.EpsilonHigh >= 0.0) clip.EpsilonHigh
        TokenCheck.weights (nameof weights) batch.Tokens weights
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        let clipped =
            Array.init batch.Tokens (fun t ->
                let logRatio = logProbs[t] - batch.OldLogProbs[t]

                match sign batch.Advantages[t] with
                | 1 when logRatio > clip.EpsilonHigh -> struct (clip.EpsilonHigh, 0.0)
                | -1 when logRatio < -clip.EpsilonLow -> struct (-clip.EpsilonLow, 0.0)
                | 0 -> struct (0.0, 0.0)
                | _ -> struct (logRatio, 1.0))

        let losses =
            let means =
                clipped |> Array.map (fun struct (logRatio, _) -> logRatio) |> BySequence.means batch

            Array.map2 (*) weights batch.Advantages
            |> BySequence.sums batch
            |> Array.map2 (fun mean advantage -> if advantage = 0.0 then 0.0 else -advantage * exp mean) means

        let slopes =
            Array.map2 (fun loss count -> if count = 0.0 then 0.0 else loss / count) losses (BySequence.counts batch)
            |> BySequence.spread batch

        {
            Value = Numerics.sum losses
            Gradient = Array.map2 (fun struct (_, slope) whole -> slope * whole) clipped slopes
        }

    /// The diagnostics of `gmpo`: a token at ClipBound.Low or High is one whose own log-ratio is clipped.
    [<CompiledName "DiagnoseGmpo">]
    let diagnoseGmpo (clip: LogClip) (batch: TokenBatch) (logProbs: float[]) (entropies: float[]) : Diagnostics =
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        let bounds =
            Array.init batch.Tokens (fun t ->
                match sign batch.Advantages[t], logProbs[t] - batch.OldLogProbs[t] with
                | 1, logRatio when logRatio > clip.EpsilonHigh -> ClipBound.High
                | -1, logRatio when logRatio < -clip.EpsilonLow -> ClipBound.Low
                | _ -> ClipBound.None)

        Objective.diagnoseBounds RatioLevel.Token LogRatioBound.Unbounded bounds batch logProbs entropies

    /// The bias-corrected KL, whose tokens are weighed by the ratio they were drawn with:
    ///     L = β Σₜ wₜ ρₜ KLₜ,   ρₜ = π / π_old of the level,
    /// with the slope through both, ρ unclipped but for the bound on its logarithm. Unbiased also where the policy has left
    /// the one that drew the tokens. Add it to a policy term with `Loss.Add`.
    /// Source: DeepSeek-V3.2 (arXiv 2512.02556), unbiased KL estimate; TRL 1.13 `use_bias_correction_kl` (K3, Unbounded).
    [<CompiledName "BiasCorrectedKl">]
    let biasCorrectedKl
        (level: RatioLevel)
        (bound: LogRatioBound)
        (estimator: Estimator)
        (beta: float)
        (weights: float[])
        (batch: TokenBatch)
        (logProbs: float[])
        : Loss =
        ImportanceWeight.checkBound bound
        TokenCheck.coefficient (nameof beta) beta
        TokenCheck.weights (nameof weights) batch.Tokens weights
        TokenCheck.logProbs (nameof logProbs) batch.Tokens logProbs

        if not batch.HasReference then
            invalidArg (nameof batch) "The batch has no ReferenceLogProbs; give them to TokenBatch.Create."

        let divergence =
            Divergence.estimate estimator estimator logProbs batch.ReferenceLogProbs

        let logRatios = ImportanceWeight.logRatios level batch logProbs batch.OldLogProbs

        /// β w ρ x, where a weight of 0 drops even an infinite x.
        let weigh (values: float[]) =
            Array.init batch.Tokens (fun t ->
                match beta * weights[t] with
                | 0.0 -> 0.0
                | weight -> weight * exp (ImportanceWeight.bounded bound logRatios[t]) * values[t])

        let values = weigh divergence.Values

        let throughRatio =
            Array.map2
                (fun value logRatio ->
                    if ImportanceWeight.bounded bound logRatio = logRatio then
                        value
                    else
                        0.0)
                values
                logRatios
            |> ImportanceWeight.pullBack level batch

        {
            Value = Numerics.sum values
            Gradient = Array.map2 (+) (weigh divergence.Slopes) throughRatio
        }
