namespace David.Grpo

/// Which tokens of a group share a baseline.
[<RequireQualifiedAccess>]
type TokenAlignment =
    /// The k-th trained token of each member, whatever the environment wrote in between (verl's
    /// `tir_optimal_token_baseline`, for trajectories of several turns).
    | ByTrainedToken
    /// Those at the same position of the response, observations counted (verl's `optimal_token_baseline`); `positions`
    /// [G][n_g] rise strictly and are at least 0.
    | ByPosition of positions: int[][]

/// A baseline for each token which weighs the group's returns by how much each moves the gradient.
/// Source: Optimal token baseline (verl 0.9.1 compute_optimal_token_baseline_advantage and
/// compute_multi_turn_optimal_token_baseline_advantage; the classic result for one step is Weaver and Tao, UAI 2001).
[<RequireQualifiedAccess>]
module OptimalTokenBaseline =

    /// What keeps the baseline finite where no gradient has come yet.
    let private guard = 1e-8

    /// The squared length of ∂ log πₜ / ∂ logits for each token, [T] → [T]:  1 − 2 πₜ + Σᵥ πᵥ².
    /// `logProbs` are those of the taken tokens in nats, at most 0; `squaredProbabilities` Σᵥ πᵥ² over the vocabulary, in
    /// [0, 1].
    [<CompiledName "LogitEnergies">]
    let logitEnergies (logProbs: float[]) (squaredProbabilities: float[]) : float[] =
        Check.length
            (nameof squaredProbabilities)
            logProbs.Length
            "one for each trained token, as in logProbs"
            squaredProbabilities

        Array.map2 (fun logProb squares -> 1.0 - 2.0 * exp logProb + squares) logProbs squaredProbabilities

    /// Energies times the squared importance weights ρₜ² of the tokens, [T] → [T], where the rollout's policy was another.
    [<CompiledName "ImportanceWeighted">]
    let importanceWeighted (ratios: float[]) (energies: float[]) : float[] =
        Check.length (nameof ratios) energies.Length "one for each trained token, as in energies" ratios
        Array.map2 (fun ratio energy -> energy * ratio * ratio) ratios energies

    /// Returns above the baseline, [G][n_g] → the same shape:
    ///     Âᵢₜ = Gᵢₜ − Σⱼ Wⱼₜ Gⱼₜ / (Σⱼ Wⱼₜ + 1e-8),   Gᵢₜ = Σₛ≥ₜ rᵢₛ,   Wᵢₜ = Σₛ≤ₜ eᵢₛ,
    /// over the members that have a token t, as `alignment` says. `energies` [G][n_g] are at least 0; `rewards` [G][n_g] by
    /// trained token. `lone` says what a token gets whose sequence has gone on beyond all others (verl: one strictly
    /// longer than the second longest, from as many tokens on as that has; under ByPosition this compares a position with
    /// a count, as verl does), and what the only member with tokens gets: with Reward the plain return (verl always for
    /// the group of one, for the tail by `handle_zero_tail`), with Zero what the formula leaves, 0 but for the 1e-8.
    /// Equal returns at a position give 0 but for the 1e-8; no tokens, nothing.
    [<CompiledName "Advantages">]
    let advantages
        (alignment: TokenAlignment)
        (lone: Lone)
        (energies: float[][])
        (rewards: float[][])
        : TokenAdvantages =
        Check.length (nameof energies) rewards.Length "one for each member" energies

        for index in 0 .. rewards.Length - 1 do
            Check.length
                $"{nameof energies}[{index}]"
                rewards[index].Length
                "one for each trained token"
                energies[index]

            Check.notNegative $"{nameof energies}[{index}]" energies[index]

        let positions =
            match alignment with
            | TokenAlignment.ByTrainedToken -> rewards |> Array.map (fun own -> [| 0 .. own.Length - 1 |])
            | TokenAlignment.ByPosition positions ->
                Check.length (nameof positions) rewards.Length "one for each member" positions

                for index in 0 .. rewards.Length - 1 do
                    let own = positions[index]
                    Check.length $"{nameof positions}[{index}]" rewards[index].Length "one for each trained token" own
                    Check.notNegative $"{nameof positions}[{index}]" (Array.map float own)

                    if own |> Array.pairwise |> Array.exists (fun (before, after) -> after <= before) then
                        invalidArg
                            (nameof positions)
                            $"positions[{index}] does not rise; expected the order of writing."

                positions

        let returns = rewards |> Array.map (Returns.toGo 1.0)
        let weights = energies |> Array.map (Array.scan (+) 0.0 >> Array.tail)

        let baselineAt =
            [|
                for index in 0 .. rewards.Length - 1 do
                    yield! Array.zip3 positions[index] weights[index] returns[index]
            |]
            |> Array.groupBy (fun (position, _, _) -> position)
            |> Array.map (fun (position, tokens) ->
                let weighted = tokens |> Array.sumBy (fun (_, weight, value) -> weight * value)
                let total = tokens |> Array.sumBy (fun (_, weight, _) -> weight)
                position, weighted / (total + guard))
            |> dict

        let longest = rewards |> Array.map _.Length |> Array.sortDescending

        // From here on a sequence of the length `longest[0]` has no baseline.
        let tail =
            match lone with
            | Lone.Reward when longest.Length = 1 -> 0
            | Lone.Reward when longest.Length > 1 && longest[0] > longest[1] -> longest[1]
            | _ -> System.Int32.MaxValue

        {
            Advantages =
                returns
                |> Array.mapi (fun index own ->
                    Array.map2
                        (fun position value ->
                            if own.Length = longest[0] && position >= tail then
                                value
                            else
                                value - baselineAt[position])
                        positions[index]
                        own)
            Returns = returns
        }
