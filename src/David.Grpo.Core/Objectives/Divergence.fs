namespace David.Grpo

/// Estimators of KL(π‖π_ref) from one sampled token, by d = log π − log π_ref. Source: J. Schulman, "Approximating KL
/// divergence" (2020), where k1, k2 and k3 have their names.
[<RequireQualifiedAccess>]
type Estimator =
    /// d. Unbiased as a value; as a loss its expected gradient on policy is zero.
    | K1
    /// d² / 2. Biased as a value; as a loss the one with the right gradient on policy.
    | K2
    /// e⁻ᵈ + d − 1, at least 0. Unbiased as a value. Infinite where d is below about −709.
    | K3
    /// K3 as verl computes it: −d is clamped to [−20, 20], then the estimate to at most 10; its slope is 0 where either
    /// clamp holds (d above 11 or below about −2.6).
    | ClampedK3
    /// |d|; its slope at d = 0 is taken as 0.
    | Absolute

/// A divergence by token: its value and its slope by the token's log π.
type TokenDivergence =
    {
        /// [N]
        Values: float[]
        /// [N]
        Slopes: float[]
    }

/// How far the policy is from the reference, token by token.
[<RequireQualifiedAccess>]
module Divergence =

    let private logRatioClamp = 20.0
    let private estimateClamp = 10.0

    let private valueBy estimator (d: float) =
        match estimator with
        | Estimator.K1 -> d
        | Estimator.K2 -> 0.5 * d * d
        | Estimator.K3 -> Numerics.exponentialRemainder -d
        | Estimator.ClampedK3 ->
            System.Math.Clamp(-d, -logRatioClamp, logRatioClamp)
            |> Numerics.exponentialRemainder
            |> min estimateClamp
        | Estimator.Absolute -> abs d

    let private slopeBy estimator (d: float) =
        match estimator with
        | Estimator.K1 -> 1.0
        | Estimator.K2 -> d
        | Estimator.K3 -> -(Numerics.exponentialMinusOne -d)
        | Estimator.ClampedK3 ->
            if abs d > logRatioClamp || Numerics.exponentialRemainder -d > estimateClamp then
                0.0
            else
                -(Numerics.exponentialMinusOne -d)
        | Estimator.Absolute -> float (sign d)

    /// The estimate by `value` and the slope by log π of `gradient`, [N] each. The two are arguments of their own because
    /// the best value (K3: unbiased, small variance) has not the right gradient, and the best gradient (K2) not the right
    /// value. verl's names: `kl`, `abs`, `mse`, `low_var_kl` are K1, Absolute, K2, ClampedK3 twice; a `+` behind a name
    /// means that value with K2's gradient.
    /// Both arrays are [N] log-probabilities in nats. Raises ArgumentException where their lengths differ.
    [<CompiledName "Estimate">]
    let estimate
        (value: Estimator)
        (gradient: Estimator)
        (logProbs: float[])
        (referenceLogProbs: float[])
        : TokenDivergence =
        Check.length
            (nameof referenceLogProbs)
            logProbs.Length
            "one for each trained token, as in logProbs"
            referenceLogProbs

        let logRatios = Array.map2 (-) logProbs referenceLogProbs

        {
            Values = logRatios |> Array.map (valueBy value)
            Slopes = logRatios |> Array.map (slopeBy gradient)
        }
