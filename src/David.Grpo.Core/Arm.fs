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

/// How a policy term is computed and summed.
type ObjectiveRule =
    {
        /// In snake_case.
        Name: string
        /// How token losses become one number.
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
        /// What a trajectory is worth.
        Reward: RewardRule
        /// What is added to a group beside its own rollouts.
        Exploration: ExplorationRule
        /// How rewards become advantages.
        Advantage: AdvantageRule
        /// The loss by the log-probabilities.
        Objective: ObjectiveRule
        /// What spending costs; the price is the run's.
        Spending: SpendingRule
        /// Which questions main steps sample, and how often.
        Allocation: AllocationRule
        /// What comes before the main phase.
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

    // The arm with one part changed, for C#; F# writes { arm with … }.

    /// The same under another name and title.
    member arm.Named(name: string, title: string) : Arm =
        { arm with
            Name = name
            Title = title
            Source = $"{arm.Title} with changes"
        }

    /// The same with another reward.
    member arm.WithReward(reward: RewardRule) : Arm = { arm with Reward = reward }

    /// The same with another exploration.
    member arm.WithExploration(exploration: ExplorationRule) : Arm = { arm with Exploration = exploration }

    /// The same with another estimator of advantages.
    member arm.WithAdvantage(advantage: AdvantageRule) : Arm = { arm with Advantage = advantage }

    /// The same with another objective.
    member arm.WithObjective(objective: ObjectiveRule) : Arm = { arm with Objective = objective }

    /// The same with another cost of spending.
    member arm.WithSpending(spending: SpendingRule) : Arm = { arm with Spending = spending }

    /// The same with another allocation of rollouts to questions.
    member arm.WithAllocation(allocation: AllocationRule) : Arm = { arm with Allocation = allocation }

    /// The same with another warm-up.
    member arm.WithWarmUp(warmUp: WarmUp) : Arm = { arm with WarmUp = warmUp }
