namespace David.Grpo

/// Advantages by token with the returns they come from, in the shape of the rewards.
type TokenAdvantages =
    {
        /// [B][n_b]
        Advantages: float[][]
        /// [B][n_b]; what a critic's values are fitted to.
        Returns: float[][]
    }

/// Returns by step: a step is a trained token or a turn, whichever the rewards are by. A token that is not trained does not
/// exist here: discounting steps over it and no reward stands on it, so that no observation can move an advantage.
/// Rewards must be finite; ArgumentException otherwise.
[<RequireQualifiedAccess>]
module Returns =

    let private checkRewards name (rewards: float[]) =
        Check.finite name "Drop the trajectory whose reward failed, and count it." rewards

    let private checkShare name (value: float) =
        Check.range name "from 0 to 1" (value >= 0.0 && value <= 1.0) value

    /// An outcome as rewards by step, [steps]: 0, and the outcome on the last. No steps, no rewards.
    [<CompiledName "AtEnd">]
    let atEnd (steps: int) (outcome: float) : float[] =
        if steps < 0 then
            invalidArg (nameof steps) $"steps is {steps}; expected at least 0."

        Array.init steps (fun step -> if step = steps - 1 then outcome else 0.0)

    /// Rewards less what straying from the reference costs, [T] → [T]:  rₜ − β kₜ.
    /// `coefficient` β is finite and at least 0; `divergences` [T] are those of the trained tokens, such as the Values of
    /// `Divergence.estimate Estimator.K1`. Summed over a sequence it is TRL's KL in RLOO's reward.
    /// Source: verl 0.9.1 compute_rewards; PPO for language models (arXiv 1909.08593).
    [<CompiledName "Penalised">]
    let penalised (coefficient: float) (divergences: float[]) (rewards: float[]) : float[] =
        Check.length (nameof divergences) rewards.Length "one for each reward" divergences

        Check.range
            (nameof coefficient)
            "a finite number of at least 0"
            (System.Double.IsFinite coefficient && coefficient >= 0.0)
            coefficient

        Check.finite (nameof divergences) "A divergence of a token that was sampled is finite." divergences
        checkRewards (nameof rewards) rewards
        Array.map2 (fun divergence reward -> reward - coefficient * divergence) divergences rewards

    /// Discounted return-to-go, [T] → [T]:  Gₜ = rₜ + γ Gₜ₊₁, and 0 after the last. `discount` γ is in [0, 1].
    [<CompiledName "ToGo">]
    let toGo (discount: float) (rewards: float[]) : float[] =
        checkShare (nameof discount) discount
        checkRewards (nameof rewards) rewards

        Array.scanBack (fun reward next -> reward + discount * next) rewards 0.0
        |> Array.truncate rewards.Length

    /// Generalized advantage estimates of one sequence, [T] → [T]:
    ///     Âₜ = δₜ + γ λ Âₜ₊₁,   δₜ = rₜ + γ Vₜ₊₁ − Vₜ.
    /// `values` [T] are a critic's before each step; `bootstrap` is its value after the last one, 0 where the sequence came
    /// to its end and not just to a limit. γ and λ are in [0, 1]. With γ = λ = 1: Σ of what follows + bootstrap − Vₜ;
    /// with λ = 0: δₜ. Âₜ + Vₜ are the returns. Equal rewards give what the critic missed, not zeros. Whiten over the
    /// batch by `Whitening.overTokens`, as verl does.
    /// Source: Schulman et al. (arXiv 1506.02438), equation 16; verl 0.9.1 compute_gae_advantage_return, whose bootstrap
    /// is 0.
    [<CompiledName "GeneralizedAdvantages">]
    let generalizedAdvantages
        (discount: float)
        (lambda: float)
        (bootstrap: float)
        (values: float[])
        (rewards: float[])
        : float[] =
        checkShare (nameof discount) discount
        checkShare (nameof lambda) lambda
        Check.length (nameof values) rewards.Length "the value before each step" values
        let advice = "The critic diverged, or never saw this state."
        Check.finite (nameof bootstrap) advice [| bootstrap |]
        Check.finite (nameof values) advice values
        checkRewards (nameof rewards) rewards

        Array.scanBack
            (fun (reward, value) (advantage, next) ->
                reward + discount * next - value + discount * lambda * advantage, value)
            (Array.zip rewards values)
            (0.0, bootstrap)
        |> Array.truncate rewards.Length
        |> Array.map fst

    /// Return-to-go above the greedy rollout's reward, [T] → [T]:  Âₜ = Σₛ≥ₜ rₛ − greedyReward.
    /// With the outcome on the last token it is `Advantage.aboveGreedy` on every token.
    /// Source: ReMax (arXiv 2310.10505); verl 0.9.1 compute_remax_outcome_advantage.
    [<CompiledName "AboveGreedy">]
    let aboveGreedy (greedyReward: float) (rewards: float[]) : float[] =
        Advantage.aboveGreedy greedyReward (toGo 1.0 rewards)

    /// Returns-to-go of all sequences, whitened over the batch's tokens, [B][n_b] → the same shape. The rewards commonly
    /// hold the outcome on the last token and β k1 off every token (`atEnd`, `penalised`). Equal rewards give zeros only
    /// where all returns are equal: outcomes without a penalty, γ = 1, under Whitening.Scaled.
    /// Source: REINFORCE++ (arXiv 2501.03262); verl 0.9.1 compute_reinforce_plus_plus_outcome_advantage (VerlMasked).
    [<CompiledName "ReinforcePlusPlus">]
    let reinforcePlusPlus (discount: float) (whitening: Whitening) (rewards: float[][]) : TokenAdvantages =
        let returns = rewards |> Array.map (toGo discount)

        {
            Advantages = Whitening.overTokens whitening returns
            Returns = returns
        }
