namespace David.Grpo

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
        /// Whether a critic is trained beside the policy, which gives `Member.Values`.
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
