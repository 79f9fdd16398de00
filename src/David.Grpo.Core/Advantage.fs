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

/// Advantages from the rewards of a group of trajectories of one question.
[<RequireQualifiedAccess>]
module Advantage =

    /// Group-relative advantage, [G] → [G]:  Âᵢ = (rᵢ − mean r) / scale(r).
    /// A group of one, or of equal rewards, gets exact zeros under every scale; no group gives no advantages.
    /// Raises ArgumentException for a reward that is not finite: drop that trajectory and count it, or its group's
    /// advantages are all NaN.
    /// Source: GRPO (arXiv 2402.03300), section 4.1.2. Departure: verl leaves a group of one its raw reward, as if its mean
    /// were 0 and its deviation 1, which rewards whatever the only trajectory did; TRL gives 0, and so do we.
    [<CompiledName "GroupRelative">]
    let groupRelative (scale: Scale) (rewards: float[]) : float[] =
        Check.finite (nameof rewards) "Drop the trajectory whose reward failed, and count it." rewards

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

        if rewards.Length = 0 || Array.forall ((=) rewards[0]) rewards then
            Array.zeroCreate rewards.Length
        else
            let mean = Numerics.mean rewards

            let divisor =
                match scale with
                | Scale.One -> 1.0
                | Scale.PopulationDeviation epsilon -> Numerics.deviation 0 rewards + epsilon
                | Scale.SampleDeviation epsilon -> Numerics.deviation 1 rewards + epsilon

            rewards |> Array.map (fun reward -> (reward - mean) / divisor)
