namespace David.Grpo

/// How rewards become advantages.
type AdvantageRule =
    {
        /// In snake_case.
        Name: string
        /// From the groups of one step, [questions], to the advantage of each trained token,
        /// [questions][members][trained tokens]. Trained are the policy's tokens and the expert's, in order.
        Estimate: Group[] -> float[][][]
        /// Whether it looks at what single turns are paid (`RewardParts.Turns`), not at totals alone.
        ReadsTurns: bool
    }

    /// `Estimate`, for C#.
    member rule.Of(groups: Group[]) : float[][][] = rule.Estimate groups

    /// A rule of one's own: one number a trajectory, from the group's total rewards [G].
    static member Create(name: string, advantages: System.Func<float[], float[]>) : AdvantageRule =
        AdvantageRule.BySequence(name, advantages.Invoke)

    /// One number a trajectory, on each of its trained tokens.
    static member internal BySequence(name: string, advantages: float[] -> float[]) : AdvantageRule =
        {
            Name = name
            Estimate = Array.map (fun group -> group.OnTokens(advantages group.Rewards))
            ReadsTurns = false
        }
