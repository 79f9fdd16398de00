namespace David.Grpo

/// A member of a group as advantages see it.
type ScoredRollout =
    {
        /// What was written.
        Trajectory: Trajectory
        /// Its total reward.
        Reward: RewardParts
        /// Which of the group's trees it is a leaf of; 0 where there are none.
        Tree: int
        /// The critic's value before each trained token, [trained tokens]; empty without a critic.
        Values: float[]
    }

    /// Numbers by trajectory, [G], on each of its trained tokens, [G][trained tokens].
    static member internal OnTokens (group: ScoredRollout[]) (numbers: float[]) : float[][] =
        Array.map2
            (fun rollout number -> Array.replicate (Trajectory.trainedTokens rollout.Trajectory) number)
            group
            numbers

/// How rewards become advantages.
type AdvantageRule =
    {
        /// In snake_case.
        Name: string
        /// From the groups of one step, [questions][members], to the advantage of each trained token,
        /// [questions][members][trained tokens]. Trained are the policy's tokens and the expert's, in order.
        Estimate: ScoredRollout[][] -> float[][][]
    }

    /// `Estimate`, for C#.
    member rule.Of(groups: ScoredRollout[][]) : float[][][] = rule.Estimate groups

    /// A rule of one's own: one number a trajectory, from the group's total rewards [G].
    static member Create(name: string, advantages: System.Func<float[], float[]>) : AdvantageRule =
        AdvantageRule.BySequence(name, advantages.Invoke)

    /// One number a trajectory, on each of its trained tokens.
    static member internal BySequence(name: string, advantages: float[] -> float[]) : AdvantageRule =
        {
            Name = name
            Estimate =
                Array.map (fun group -> group |> Array.map _.Reward.Total |> advantages |> ScoredRollout.OnTokens group)
        }
