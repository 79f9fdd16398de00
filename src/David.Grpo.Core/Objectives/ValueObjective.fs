namespace David.Grpo

open System

/// The loss of a critic.
[<RequireQualifiedAccess>]
module ValueObjective =

    /// PPO's clipped value loss, to be minimised:
    ///     L = 1/2 Σₜ wₜ max((vₜ − Rₜ)², (clamp(vₜ, oldₜ − ε, oldₜ + ε) − Rₜ)²).
    /// All arrays are [N] and finite: `weights` of an aggregation, at least 0, `oldValues` of the critic before the step,
    /// `returns` R, `values` v of the critic in training. The gradient is by `values`: wₜ (vₜ − Rₜ), or 0 where the clamped
    /// term is the larger one. `range` ε is at least 0; infinity clips nothing.
    /// Source: OpenAI Baselines' ppo2; verl 0.9.1 compute_value_loss.
    [<CompiledName "Clipped">]
    let clipped (range: float) (weights: float[]) (oldValues: float[]) (returns: float[]) (values: float[]) : Loss =
        Check.range (nameof range) "at least 0; infinity clips nothing" (range >= 0.0) range
        TokenCheck.weights (nameof weights) values.Length weights
        Check.length (nameof oldValues) values.Length "one for each value" oldValues
        Check.length (nameof returns) values.Length "one for each value" returns
        let advice = "Look for an overflow in the critic."
        Check.finite (nameof oldValues) advice oldValues
        Check.finite (nameof returns) "Look for a reward that is not finite." returns
        Check.finite (nameof values) advice values

        let terms =
            Array.init values.Length (fun t ->
                let error = values[t] - returns[t]

                let held =
                    Math.Clamp(values[t], oldValues[t] - range, oldValues[t] + range) - returns[t]

                if abs held > abs error then
                    struct (0.5 * weights[t] * held * held, 0.0)
                else
                    struct (0.5 * weights[t] * error * error, weights[t] * error))

        {
            Value = terms |> Array.map (fun struct (value, _) -> value) |> Numerics.sum
            Gradient = terms |> Array.map (fun struct (_, slope) -> slope)
        }
