namespace David.Grpo

/// What of a batch whitening counts.
[<RequireQualifiedAccess>]
type Population =
    /// Each sequence once (TRL).
    | Sequences
    /// Each sequence once for each of its trained tokens, `lengths` [Q][G] of at least 0 (verl). A batch without a token is
    /// left as it is.
    | Tokens of lengths: int[][]

/// How a batch of numbers is brought to mean 0 and deviation 1.
[<RequireQualifiedAccess>]
type Whitening =
    /// (x − mean) / scale(x), as if the batch were one group; equal numbers become exact zeros. TRL divides by the sample's
    /// deviation + 1e-4.
    | Scaled of Scale
    /// verl 0.9.1 masked_whiten: (x − m) / √(v + 1e-8) with m = Σ x / (n + 1e-8) and v = Σ (x − m)² / (n + 1e-8) · n / (n − 1).
    /// Since m falls short of the mean, equal numbers become x · 1e-4 / n and not 0. Fewer than two, which verl refuses,
    /// become zeros.
    | VerlMasked

    /// m and d so that x whitens to (x − m) / d.
    static member private centreAndDivisor whitening (values: float[]) =
        match whitening with
        | Whitening.Scaled scale -> Numerics.mean values, Advantage.divisor scale values
        | Whitening.VerlMasked when values.Length < 2 -> values[0], 1.0
        | Whitening.VerlMasked ->
            let count = float values.Length
            let guarded = count + 1e-8
            let centre = Numerics.sum values / guarded

            let squares =
                values |> Array.map (fun value -> (value - centre) ** 2.0) |> Numerics.sum

            centre, sqrt (squares / guarded * (count / (count - 1.0)) + 1e-8)

    static member private checkValues name (values: float[][]) =
        values
        |> Array.iteri (fun row -> Check.finite $"{name}[{row}]" "Drop the trajectory it belongs to, and count it.")

    static member private by whitening (sample: float[]) (values: float[][]) =
        if sample.Length = 0 then
            Array.map Array.copy values
        else
            let centre, divisor = Whitening.centreAndDivisor whitening sample
            values |> Array.map (Array.map (fun value -> (value - centre) / divisor))

    /// Numbers by token, [B][n_b] → the same shape, whitened over all tokens of the batch. No tokens, nothing to do.
    [<CompiledName "OverTokens">]
    static member overTokens (whitening: Whitening) (values: float[][]) : float[][] =
        Whitening.checkValues (nameof values) values
        Whitening.by whitening (Array.concat values) values

    /// Numbers by sequence, [Q][G] → [Q][G], whitened over the batch, each sequence counted as `population` says.
    [<CompiledName "OverBatch">]
    static member overBatch (whitening: Whitening) (population: Population) (values: float[][]) : float[][] =
        Whitening.checkValues (nameof values) values

        match population with
        | Population.Sequences -> Whitening.by whitening (Array.concat values) values
        | Population.Tokens lengths ->
            Check.length (nameof lengths) values.Length "one for each group" lengths

            let sample =
                Array.map2
                    (fun (lengths: int[]) (values: float[]) ->
                        Check.length (nameof lengths) values.Length "the trained tokens of each member" lengths
                        Check.notNegative (nameof lengths) (Array.map float lengths)
                        Array.map2 Array.replicate lengths values |> Array.concat)
                    lengths
                    values
                |> Array.concat

            Whitening.by whitening sample values

/// What one term of the reward said of a trajectory.
[<RequireQualifiedAccess>]
type Verdict =
    /// A finite number.
    | Given of value: float
    /// It does not apply to this trajectory, or it failed while other terms did not.
    | Missing

/// One term of the reward over a batch.
type RewardColumn =
    {
        /// What the term's advantages are multiplied by, finite.
        Weight: float
        /// [Q][G]
        Verdicts: Verdict[][]
    }

    /// A term that judged every trajectory, [Q][G].
    static member Complete(weight: float, rewards: float[][]) : RewardColumn =
        {
            Weight = weight
            Verdicts = rewards |> Array.map (Array.map Verdict.Given)
        }

/// Advantages that need all groups of a batch at once, [Q][G] → [Q][G], groups of any sizes. Rewards must be finite;
/// ArgumentException otherwise.
[<RequireQualifiedAccess>]
module BatchAdvantage =

    /// Centred by group, scaled over the batch:  Âᵢ = (rᵢ − mean of i's group) / scale(all rewards).
    /// A group of one, or of equal rewards, gets exact zeros.
    /// Source: "Tricks or traps" (arXiv 2508.08221), where the batch's deviation is the steadier one; TRL 1.13
    /// `scale_rewards="batch"` with SampleDeviation 1e-4.
    [<CompiledName "BatchScaled">]
    let batchScaled (scale: Scale) (rewards: float[][]) : float[][] =
        let centred =
            Advantage.ofGroups Lone.Zero (GroupEstimator.GroupRelative Scale.One) rewards

        match Array.concat rewards with
        | [||] -> centred
        | all ->
            let divisor = Advantage.divisor scale all
            centred |> Array.map (Array.map (fun distance -> distance / divisor))

    /// Centred by group, then whitened over the batch's tokens; `lengths` [Q][G] are the numbers of trained tokens. Equal
    /// rewards in every group give zeros under Whitening.Scaled, and under Lone.Zero under VerlMasked too.
    /// Source: REINFORCE++-baseline (arXiv 2501.03262); verl 0.9.1
    /// compute_reinforce_plus_plus_baseline_outcome_advantage is Lone.Reward with VerlMasked.
    [<CompiledName "ReinforcePlusPlusBaseline">]
    let reinforcePlusPlusBaseline
        (lone: Lone)
        (whitening: Whitening)
        (lengths: int[][])
        (rewards: float[][])
        : float[][] =
        Advantage.ofGroups lone (GroupEstimator.GroupRelative Scale.One) rewards
        |> Whitening.overBatch whitening (Population.Tokens lengths)

    /// Centred by group, and raised by how few rewards are not 0:  Âᵢ = α (rᵢ − mean of i's group) / norm,
    ///     α = B / max(1, #{i : rᵢ ≠ 0}),   B the number of trajectories; `norm` is finite and above 0, commonly 1.
    /// A group of equal rewards gets zeros; for a group of one see `lone`.
    /// Source: GPG (arXiv 2504.02546); verl 0.9.1 compute_gpg_outcome_advantage (Lone.Reward). In the paper α counts the
    /// trajectories of groups whose rewards differ; verl counts nonzero rewards, and so do we.
    [<CompiledName "GroupPolicyGradient">]
    let groupPolicyGradient (lone: Lone) (norm: float) (rewards: float[][]) : float[][] =
        Check.range (nameof norm) "a finite number above 0" (System.Double.IsFinite norm && norm > 0.0) norm
        let all = Array.concat rewards
        let nonzero = all |> Array.filter ((<>) 0.0) |> Array.length
        let alpha = float all.Length / float (max 1 nonzero)

        Advantage.ofGroups lone (GroupEstimator.GroupRelative Scale.One) rewards
        |> Array.map (Array.map (fun distance -> alpha * distance / norm))

    /// The advantages of one term by itself, 0 where it gave no verdict.
    let private ofColumn lone scale (verdicts: Verdict[][]) =
        verdicts
        |> Array.map (fun group ->
            let given =
                group
                |> Array.indexed
                |> Array.choose (function
                    | index, Verdict.Given value -> Some(index, value)
                    | _, Verdict.Missing -> None)

            let advantages =
                [| Array.map snd given |]
                |> Advantage.ofGroups lone (GroupEstimator.GroupRelative scale)
                |> Array.head
                |> Array.zip (Array.map fst given)
                |> dict

            Array.init group.Length (fun index ->
                match advantages.TryGetValue index with
                | true, advantage -> advantage
                | false, _ -> 0.0))

    /// Each term of the reward normalised in its groups, the weighted sum of these whitened over the batch, so that a term
    /// of small spread still counts:
    ///     Â = whiten(Σₖ wₖ Âₖ),   Âₖ group-relative by `scale` among the trajectories that term k judged.
    /// At least one term; all have the same [Q][G], and each trajectory has at least one verdict (otherwise drop and count
    /// it). Terms equal in every group give zeros, save for what VerlMasked does to a mean that is not 0.
    /// Source: GDPO (arXiv 2601.05242). verl 0.9.1 compute_gdpo_outcome_advantage: Lone.Reward, SampleDeviation 1e-6 (or
    /// One), VerlMasked over Tokens. TRL 1.13 `normalize_then_sum`: Lone.Zero, SampleDeviation 1e-4 twice, over Sequences.
    [<CompiledName "DecoupledRewards">]
    let decoupledRewards
        (lone: Lone)
        (scale: Scale)
        (whitening: Whitening)
        (population: Population)
        (columns: RewardColumn[])
        : float[][] =
        if columns.Length = 0 then
            invalidArg (nameof columns) "No terms of the reward; at least 1 is needed."

        let sizes = columns[0].Verdicts |> Array.map _.Length

        for column in columns do
            if column.Verdicts |> Array.map _.Length <> sizes then
                invalidArg (nameof columns) "The terms judged groups of other sizes; expected the same [Q][G] of all."

        Check.finite (nameof columns) "It is a term's weight." (columns |> Array.map _.Weight)

        sizes
        |> Array.iteri (fun group size ->
            for index in 0 .. size - 1 do
                let verdicts = columns |> Array.map (fun column -> column.Verdicts[group][index])

                if verdicts |> Array.forall _.IsMissing then
                    invalidArg
                        (nameof columns)
                        $"Trajectory {index} of group {group} has no verdict; expected one of some term. Drop the trajectory, and count it.")

        columns
        |> Array.map (fun column ->
            ofColumn lone scale column.Verdicts
            |> Array.map (Array.map (fun advantage -> column.Weight * advantage)))
        |> Array.reduce (Array.map2 (Array.map2 (+)))
        |> Whitening.overBatch whitening population
