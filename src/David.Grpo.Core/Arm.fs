namespace David.Grpo

/// A member of a group as advantages see it.
type ScoredRollout =
    {
        Trajectory: Trajectory
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

/// From rewards to advantages by token.
[<RequireQualifiedAccess>]
module AdvantageRules =

    /// The turn of each trained token, [trained tokens]: the number of searches that were answered before it.
    [<CompiledName "TurnsOf">]
    let turnsOf (trajectory: Trajectory) : int[] =
        [|
            for index in 0 .. trajectory.Segments.Length - 1 do
                if trajectory.Segments[index].IsTrained then
                    let turn =
                        trajectory.Searches
                        |> Array.filter (fun search -> search.SegmentsThrough <= index)
                        |> Array.length

                    yield! Array.replicate trajectory.Segments[index].Tokens.Length turn
        |]

    /// One number a trajectory, on each of its tokens: from the group's total rewards [G] to its advantages [G].
    [<CompiledName "BySequence">]
    let bySequence (name: string) (advantages: float[] -> float[]) : AdvantageRule =
        AdvantageRule.BySequence(name, advantages)

    /// What a trajectory is paid at each turn, [searches + 1]: its reward's turns, or the total at the end.
    [<CompiledName "TurnRewards">]
    let turnRewards (rollout: ScoredRollout) : float[] =
        if rollout.Reward.Turns.Length > 0 then
            rollout.Reward.Turns
        else
            Array.append (Array.zeroCreate rollout.Trajectory.Searches.Length) [| rollout.Reward.Total |]

    /// One number a turn, on each of its tokens: from what a group's members are paid, [G][searches + 1], to advantages of
    /// the same shape.
    [<CompiledName "ByTurn">]
    let byTurn (name: string) (advantages: float[][] -> float[][]) : AdvantageRule =
        {
            Name = name
            Estimate =
                Array.map (fun group ->
                    group
                    |> Array.map turnRewards
                    |> advantages
                    |> Array.map2 (fun rollout own -> turnsOf rollout.Trajectory |> Array.map (Array.get own)) group)
        }

    /// GRPO's advantage, the reward's distance from the group's mean in deviations; see `Advantage.groupRelative`.
    [<CompiledName "GroupRelative">]
    let groupRelative (scale: Scale) : AdvantageRule =
        bySequence "group_relative" (Advantage.groupRelative scale)

    /// Tree-GRPO's: over all leaves of the question and over those of the same tree; see `GroupStructure.treeRelative`.
    [<CompiledName "TreeRelative">]
    let treeRelative (scale: Scale) : AdvantageRule =
        {
            Name = "tree_relative"
            Estimate =
                Array.map (fun group ->
                    group
                    |> Array.map _.Reward.Total
                    |> GroupStructure.treeRelative scale (group |> Array.map _.Tree)
                    |> ScoredRollout.OnTokens group)
        }

    /// What a turn's return is beside that of the other members' same turn; see `TurnCredit.sameTurn`.
    [<CompiledName "SameTurn">]
    let sameTurn (scale: Scale) : AdvantageRule =
        byTurn "same_turn" (TurnCredit.sameTurn scale 1.0)

    /// Rewards by token, [trained tokens]: a turn's is paid at its last token.
    [<CompiledName "TokenRewards">]
    let tokenRewards (rollout: ScoredRollout) : float[] =
        let turns = turnsOf rollout.Trajectory
        let rewards = turnRewards rollout

        turns
        |> Array.mapi (fun token turn ->
            if token = turns.Length - 1 then
                // What is paid after the last token, whatever turn it was for.
                rewards[turn..] |> Array.sum
            elif turns[token + 1] <> turn then
                rewards[turn]
            else
                0.0)

    /// The critic's: generalised advantages by token (Schulman et al., arXiv 1506.02438), whitened over the batch as verl
    /// does; see `Returns.generalizedAdvantages`.
    [<CompiledName "GeneralizedAdvantages">]
    let generalizedAdvantages (discount: float) (lambda: float) : AdvantageRule =
        {
            Name = "gae"
            Estimate =
                fun groups ->
                    let advantages =
                        groups
                        |> Array.collect (
                            Array.map (fun rollout ->
                                Returns.generalizedAdvantages discount lambda 0.0 rollout.Values (tokenRewards rollout))
                        )
                        |> Whitening.overTokens Whitening.VerlMasked

                    let starts = groups |> Array.scan (fun start group -> start + group.Length) 0
                    groups |> Array.mapi (fun index group -> Array.sub advantages starts[index] group.Length)
        }

/// How a policy term is computed and summed.
type ObjectiveRule =
    {
        /// In snake_case.
        Name: string
        Aggregation: Aggregation
        /// From the aggregation's weights [N], the batch and the log-probabilities [N] to the loss and its slopes.
        Loss: float[] -> TokenBatch -> float[] -> Loss
    }

    /// `Loss`, for C#.
    member rule.Of(weights: float[], batch: TokenBatch, logProbs: float[]) : Loss = rule.Loss weights batch logProbs

    /// A rule of one's own.
    static member Create
        (name: string, aggregation: Aggregation, loss: System.Func<float[], TokenBatch, float[], Loss>)
        : ObjectiveRule =
        {
            Name = name
            Aggregation = aggregation
            Loss = fun weights batch logProbs -> loss.Invoke(weights, batch, logProbs)
        }

/// What comes before the main phase.
type WarmUp =
    | None = 0
    /// Groups of the expert's questions, which the expert joins where none of its members solved one.
    | Bootstrapping = 1
    /// Supervised steps on the expert's trajectories.
    | Imitation = 2

/// A compared method, as a value: what is rewarded, how it explores, how rewards become advantages and these a loss. How
/// long it runs and how large its groups are stands in the run's options.
type Arm =
    {
        /// In snake_case, as users write it.
        Name: string
        /// As it stands in tables.
        Title: string
        /// Paper and code that it follows.
        Source: string
        /// Where it departs from them.
        Deviations: string[]
        Reward: RewardRule
        Exploration: ExplorationRule
        Advantage: AdvantageRule
        Objective: ObjectiveRule
        WarmUp: WarmUp
        /// Whether a critic is trained beside the policy, which gives `ScoredRollout.Values`.
        HasCritic: bool
        /// Whether anything follows the warm-up.
        HasMain: bool
        /// Whether the tokens that a fork took over from its parent are trained a second time in it.
        TrainsKeptPrefix: bool
        /// Independent members of a main group, at least 1.
        GroupSize: int
    }
