namespace David.Grpo

/// How the coefficient β of a KL penalty goes on from step to step. A value: `KlPenalty.next` gives the next one.
[<RequireQualifiedAccess>]
type KlController =
    /// β for all steps, finite and at least 0.
    | Fixed of coefficient: float
    /// β now; the KL in nats to steer to, above 0; and the samples over which a lasting error of 20 % moves β by a fifth of
    /// itself, above 0.
    | Adaptive of coefficient: float * target: float * horizon: float

/// KL(π‖π_ref) as a penalty outside the policy term: in the reward, or with the ratio's correction in the loss.
/// `Objective.regularised` has the plain one in the loss.
[<RequireQualifiedAccess>]
module KlPenalty =

    /// The β to use now.
    [<CompiledName "Coefficient">]
    let coefficient (controller: KlController) : float =
        match controller with
        | KlController.Fixed coefficient
        | KlController.Adaptive(coefficient, _, _) ->
            TokenCheck.coefficient (nameof coefficient) coefficient
            coefficient

    /// The controller after a step of `samples` samples, at least 0, whose mean KL was `measured`, finite and in nats:
    ///     β ← β (1 + clamp(measured / target − 1, ±0.2) · samples / horizon).
    /// Raises ArgumentException for a target or horizon that is not above 0, and where β would become negative: a horizon
    /// below a fifth of the samples.
    /// Source: Ziegler et al. (arXiv 1909.08593), section 2.2; verl 0.9.1 AdaptiveKLController.
    [<CompiledName "Next">]
    let next (measured: float) (samples: int) (controller: KlController) : KlController =
        match controller with
        | KlController.Fixed _ -> controller
        | KlController.Adaptive(_, target, horizon) ->
            let isPositive value =
                System.Double.IsFinite value && value > 0.0

            Check.range (nameof target) "a finite number above 0" (isPositive target) target
            Check.range (nameof horizon) "a finite number above 0" (isPositive horizon) horizon
            Check.range (nameof measured) "a finite number" (System.Double.IsFinite measured) measured
            Check.range (nameof samples) "at least 0" (samples >= 0) (float samples)
            let error = System.Math.Clamp(measured / target - 1.0, -0.2, 0.2)
            let factor = 1.0 + error * float samples / horizon

            Check.range (nameof horizon) $"at least a fifth of the samples, {samples}" (factor >= 0.0) horizon
            KlController.Adaptive(coefficient controller * factor, target, horizon)

    /// Rewards by token less the penalty, [N]: rₜ = scoreₜ − β KLₜ, KLₜ by the estimator from the log-probabilities of the
    /// policy that drew the tokens, OldLogProbs of the batch, and its reference. `scores` [N] are finite, mostly 0 but at a
    /// sequence's last token; `beta` is finite and at least 0.
    /// Raises ArgumentException where the batch has no reference.
    /// Source: InstructGPT (arXiv 2203.02155), equation 2; verl 0.9.1 compute_rewards (K1) and apply_kl_penalty, all kinds.
    [<CompiledName "InReward">]
    let inReward (estimator: Estimator) (beta: float) (batch: TokenBatch) (scores: float[]) : float[] =
        TokenCheck.coefficient (nameof beta) beta
        Check.length (nameof scores) batch.Tokens TokenCheck.perToken scores
        Check.finite (nameof scores) "Drop the trajectory whose reward failed, and count it." scores

        if not batch.HasReference then
            invalidArg (nameof batch) "The batch has no ReferenceLogProbs; give them to TokenBatch.Create."

        (Divergence.estimate estimator estimator batch.OldLogProbs batch.ReferenceLogProbs).Values
        |> Array.map2 (fun score divergence -> score - beta * divergence) scores

    /// The bias-corrected KL, whose tokens are weighed by the ratio they were drawn with:
    ///     L = β Σₜ wₜ ρₜ KLₜ,   ρₜ = π / π_old of the level,
    /// with the slope through both, ρ unclipped but for the bound on its logarithm. Unbiased also where the policy has left
    /// the one that drew the tokens. Add it to a policy term with `Loss.Add`.
    /// Source: DeepSeek-V3.2 (arXiv 2512.02556), unbiased KL estimate; TRL 1.13 `use_bias_correction_kl` (K3, Unbounded).
    [<CompiledName "BiasCorrected">]
    let biasCorrected
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
