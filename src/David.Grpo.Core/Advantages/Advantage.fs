namespace David.Grpo

/// What a centred reward is divided by. For groups of five, N or N − 1 alone moves the advantages by 10 %.
[<RequireQualifiedAccess>]
type Scale =
    /// Nothing (Dr. GRPO, arXiv 2503.20783).
    | One
    /// σ + epsilon, N under the root (numpy's `std`). `epsilon` is finite and at least 0.
    | PopulationDeviation of epsilon: float
    /// σ + epsilon, N − 1 under the root (torch's `std`): verl and David-GRPO with epsilon 1e-6, TRL with 1e-4.
    /// `epsilon` is finite and at least 0.
    | SampleDeviation of epsilon: float

/// What the only member of a group gets, where no other says what its question was worth.
[<RequireQualifiedAccess>]
type Lone =
    /// 0: nothing to compare with, nothing to learn (TRL; verl's `rloo_vectorized`; every function here that is not told).
    | Zero
    /// Its reward, as if the mean were 0 and the deviation 1 (verl's `grpo`, `rloo`, `opo`, `gpg` and
    /// `reinforce_plus_plus_baseline`), which pushes up whatever the only trajectory did.
    | Reward

/// An advantage that needs no more than the rewards of one group.
[<RequireQualifiedAccess>]
type GroupEstimator =
    /// `Advantage.groupRelative`: GRPO; with Scale.One Dr. GRPO.
    | GroupRelative of Scale
    /// `Advantage.leaveOneOut`: RLOO.
    | LeaveOneOut
    /// `Advantage.maximumLikelihood`: MaxRL.
    | MaximumLikelihood
    /// `Advantage.passAtK`: GRPO for the best of a group.
    | PassAtK of Scale

/// Advantages from the rewards of a group of trajectories of one question. Every reward must be finite: drop a trajectory
/// whose reward failed and count it, or its group's advantages are all NaN. Otherwise ArgumentException.
[<RequireQualifiedAccess>]
module Advantage =

    let private checkRewards name (rewards: float[]) =
        Check.finite name "Drop the trajectory whose reward failed, and count it." rewards

    let private epsilonOf scale =
        let epsilon =
            match scale with
            | Scale.One -> 0.0
            | Scale.PopulationDeviation epsilon
            | Scale.SampleDeviation epsilon -> epsilon

        Check.range
            (nameof epsilon)
            "a finite number of at least 0"
            (System.Double.IsFinite epsilon && epsilon >= 0.0)
            epsilon

        epsilon

    let private areEqual (values: float[]) = Array.forall ((=) values[0]) values

    /// What `scale` divides by, of at least one value; 1 where they are all equal.
    let internal divisor (scale: Scale) (values: float[]) : float =
        let epsilon = epsilonOf scale

        if areEqual values then
            1.0
        else
            match scale with
            | Scale.One -> 1.0
            | Scale.PopulationDeviation _ -> Numerics.deviation 0 values + epsilon
            | Scale.SampleDeviation _ -> Numerics.deviation 1 values + epsilon

    /// Group-relative advantage, [G] → [G]:  Âᵢ = (rᵢ − mean r) / scale(r).
    /// A group of one, or of equal rewards, gets exact zeros under every scale; no group gives no advantages.
    /// Raises ArgumentException for a reward that is not finite: drop that trajectory and count it, or its group's
    /// advantages are all NaN.
    /// Source: GRPO (arXiv 2402.03300), section 4.1.2. Departure: verl leaves a group of one its raw reward, as if its mean
    /// were 0 and its deviation 1, which rewards whatever the only trajectory did; TRL gives 0, and so do we. Verl's choice
    /// is `ofGroups Lone.Reward`. With Scale.One it is Dr. GRPO's.
    [<CompiledName "GroupRelative">]
    let groupRelative (scale: Scale) (rewards: float[]) : float[] =
        checkRewards (nameof rewards) rewards

        if rewards.Length = 0 then
            // Even nobody's scale is checked.
            epsilonOf scale |> ignore
            [||]
        else
            let mean = Numerics.mean rewards
            let divisor = divisor scale rewards
            rewards |> Array.map (fun reward -> (reward - mean) / divisor)

    /// The reward over the mean of the others, [G] → [G]:  Âᵢ = rᵢ − Σⱼ≠ᵢ rⱼ / (G − 1) = G/(G − 1) · (rᵢ − mean r).
    /// A group of one, or of equal rewards, gets exact zeros; no group gives none. The expected gradient is that of the
    /// plain reward, since no baseline depends on its own trajectory.
    /// Source: RLOO (Kool et al. 2019; Ahmadian et al., arXiv 2402.14740); verl 0.9.1
    /// compute_rloo_outcome_advantage, which keeps a group of one its reward (`Lone.Reward`), and its vectorized
    /// sister, which gives 0 as we do.
    [<CompiledName "LeaveOneOut">]
    let leaveOneOut (rewards: float[]) : float[] =
        let others = float (max 1 (rewards.Length - 1))

        groupRelative Scale.One rewards
        |> Array.map (fun centred -> float rewards.Length / others * centred)

    /// Distance from the mean in means, [G] → [G]:  Âᵢ = (rᵢ − mean r) / mean r,  for rewards of at least 0.
    /// For binary rewards of which K of G are 1: G/K − 1 for a success and −1 for a failure, so that a question weighs
    /// like 1/p, the gradient of log p. A group of one, or of equal rewards, all 0 too, gets exact zeros; no group none.
    /// Raises ArgumentException for a negative reward, under which the sign of the mean would turn the advantages.
    /// Source: MaxRL (arXiv 2602.02710).
    [<CompiledName "MaximumLikelihood">]
    let maximumLikelihood (rewards: float[]) : float[] =
        Check.notNegative (nameof rewards) rewards

        match groupRelative Scale.One rewards with
        | centred when Array.forall ((=) 0.0) centred -> centred
        | centred ->
            let mean = Numerics.mean rewards
            centred |> Array.map (fun distance -> distance / mean)

    /// All credit to the best member, [G] → [G]:  Â = (best − second best) / scale(r) for the best, 0 for all others.
    /// Two that share the best get 0, as do a group of one and equal rewards; no group gives none.
    /// Source: pass@k training (arXiv 2503.19595); verl 0.9.1 compute_grpo_passk_outcome_advantage, which refuses a group
    /// of one.
    [<CompiledName "PassAtK">]
    let passAtK (scale: Scale) (rewards: float[]) : float[] =
        checkRewards (nameof rewards) rewards
        let epsilon = epsilonOf scale

        if rewards.Length < 2 then
            Array.zeroCreate rewards.Length
        else
            let descending = Array.sortDescending rewards
            let gap = descending[0] - descending[1]
            let divisor = divisor scale rewards
            rewards |> Array.map (fun reward -> if reward = descending[0] then gap / divisor else 0.0)

    /// Distance from the mean weighted by length, [G] → [G]:  Âᵢ = rᵢ − Σⱼ nⱼ rⱼ / Σⱼ nⱼ.
    /// `lengths` [G] are the numbers nⱼ of trained tokens, at least 0 (verl: the mask's count, not the padded length). A
    /// group without tokens, of equal rewards or of nobody gets zeros; for a group of one see `lone`. The advantages sum
    /// to 0 over tokens, not over trajectories.
    /// Source: OPO (arXiv 2505.23585); verl 0.9.1 compute_opo_outcome_advantage (`Lone.Reward`).
    [<CompiledName "LengthWeighted">]
    let lengthWeighted (lone: Lone) (lengths: int[]) (rewards: float[]) : float[] =
        Check.length (nameof lengths) rewards.Length "the trained tokens of each member" lengths
        checkRewards (nameof rewards) rewards
        let weights = lengths |> Array.map float
        Check.notNegative (nameof lengths) weights

        match lone, rewards with
        | Lone.Reward, [| reward |] -> [| reward |]
        | _ when Array.sum weights = 0.0 || areEqual rewards -> Array.zeroCreate rewards.Length
        | _ ->
            let baseline = Numerics.sum (Array.map2 (*) weights rewards) / Numerics.sum weights
            rewards |> Array.map (fun reward -> reward - baseline)

    /// Distance from what the same policy earned when it took the likeliest tokens, [G] → [G]:  Âᵢ = rᵢ − greedyReward.
    /// A group of one has an advantage like any other. Equal rewards get zeros only where the greedy one equals them.
    /// Source: ReMax (arXiv 2310.10505); by token `Returns.aboveGreedy`.
    [<CompiledName "AboveGreedy">]
    let aboveGreedy (greedyReward: float) (rewards: float[]) : float[] =
        checkRewards (nameof greedyReward) [| greedyReward |]
        checkRewards (nameof rewards) rewards
        rewards |> Array.map (fun reward -> reward - greedyReward)

    /// The advantages of each group by itself, [Q][G] → [Q][G], groups of any sizes. `lone` says what a group of one gets:
    /// 0, or its reward over 1 + epsilon where the estimator has a scale with an epsilon (verl).
    [<CompiledName "OfGroups">]
    let ofGroups (lone: Lone) (estimator: GroupEstimator) (rewards: float[][]) : float[][] =
        let estimate =
            match estimator with
            | GroupEstimator.GroupRelative scale -> groupRelative scale
            | GroupEstimator.LeaveOneOut -> leaveOneOut
            | GroupEstimator.MaximumLikelihood -> maximumLikelihood
            | GroupEstimator.PassAtK scale -> passAtK scale

        let loneDivisor =
            match estimator with
            | GroupEstimator.GroupRelative scale
            | GroupEstimator.PassAtK scale -> 1.0 + epsilonOf scale
            | GroupEstimator.LeaveOneOut
            | GroupEstimator.MaximumLikelihood -> 1.0

        rewards
        |> Array.map (fun group ->
            let advantages = estimate group

            match lone, group with
            | Lone.Reward, [| reward |] -> [| reward / loneDivisor |]
            | _ -> advantages)
