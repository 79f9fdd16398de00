namespace David.Grpo

/// The phases of a run. The last two are David-GRPO's (arXiv 2601.21699; phases as in the authors' scripts).
type Phase =
    /// Every step is supervised on the expert's trajectories; nothing is rolled out.
    | Imitation = 2
    /// Every step uses the expert's questions; the expert joins each unsolved group. No continuation.
    | Bootstrapping = 0
    /// Every step uses the next training questions; no expert.
    | Main = 1

/// What a run does, in numbers. All counts are at least 0.
type LoopPlan =
    {
        /// Decides the order of the questions.
        Seed: Seed
        /// What the run may spend.
        Budget: Limits
        /// Supervised steps on the expert's trajectories before all others; 0 leaves them out.
        ImitationSteps: int
        /// Steps of the bootstrapping phase; 0 leaves it out.
        BootstrapSteps: int
        /// Questions that an expert answered; each is rolled out in each bootstrapping step.
        ExpertQuestions: int
        /// Main steps at most; the budget may end the run before.
        MainSteps: int
        /// Training questions there are, at least 1.
        TrainingQuestions: int
        /// Whether the order of the questions is drawn anew for each pass, or is that of the file.
        Shuffle: bool
        /// Groups of a main step, at least 1.
        QuestionsPerStep: int
        /// Rollouts of a group in the bootstrapping phase, G.
        BootstrapGroupSize: int
        /// Rollouts of a group in the main phase, G.
        GroupSize: int
        /// Rollouts that exploration may add to a main group at most; 0 leaves it out.
        Forks: int
        /// How the price of spending is set in the main phase.
        Price: PriceControl
        /// Which questions main steps sample, and how often.
        Allocation: AllocationRule
        /// Steps between two evaluations; 0 evaluates only at the beginning and the end.
        EvaluateEvery: int
        /// Rollouts at which the run is compared, ascending: a whole evaluation is made after the last step that does not
        /// pass them.
        Marks: int[]
        /// Steps between two checkpoints, at least 1.
        CheckpointEvery: int
    }

/// What comes next within a step.
type Stage =
    | Evaluation = 0
    | RollOut = 1
    | Selection = 2
    | Exploration = 3
    | Update = 4
    | Checkpoint = 5
    | Finished = 6

/// What a checkpoint keeps of the loop.
type LoopProgress =
    {
        /// Steps that were completed.
        Step: int
        /// Main-phase questions that were used, over all passes.
        QuestionsUsed: int
        /// Updates that were left out because a loss or a gradient was not finite.
        SkippedUpdates: int
        /// Steps made at the last evaluation; −1 before the first.
        EvaluatedAt: int
        /// What was spent.
        Spent: Cost
        /// Seconds of sampling and learning.
        Seconds: float
        /// The price of spending and what sets it.
        Price: PidState
        /// What the allocation remembers.
        Memory: AllocationMemory
    }

/// All that the loop remembers. Folding a run's events over its first state gives its last.
type LoopState =
    {
        /// What the run is.
        Plan: LoopPlan
        /// What comes next within the step.
        Stage: Stage
        /// Steps that were completed.
        Step: int
        /// Main-phase questions that were used, over all passes.
        QuestionsUsed: int
        /// What was spent and may be spent.
        Ledger: Ledger
        /// Updates that were left out because a loss or a gradient was not finite.
        SkippedUpdates: int
        /// Groups of the step under way, by place: what its rounds sampled, then what was kept and continued of it.
        Sampled: Group[]
        /// The round that is being sampled.
        Draw: Draw
        /// Rounds of sampling in this step so far.
        Rounds: int
        /// Upcoming questions that the step under way took so far.
        Taken: int
        /// Groups of an even step that the budget paid for, and the rollouts spent, when the step under way began.
        StepQuestions: int
        /// What was spent before this step.
        SpentBefore: int
        /// Forks that exploration wants in this step.
        WantedForks: int
        /// Steps made at the last evaluation; −1 before the first.
        EvaluatedAt: int
        /// The price of spending and what sets it.
        Price: PidState
        /// What the allocation remembers.
        Memory: AllocationMemory
        /// Whether the user wants the run to end.
        StopRequested: bool
    }

    /// Whether no step is half done.
    member state.IsBetweenSteps: bool =
        state.Stage = Stage.Evaluation
        || state.Stage = Stage.Finished
        || (state.Stage = Stage.RollOut && state.Rounds = 0)

    /// What a checkpoint keeps.
    member state.Progress: LoopProgress =
        {
            Step = state.Step
            QuestionsUsed = state.QuestionsUsed
            SkippedUpdates = state.SkippedUpdates
            EvaluatedAt = state.EvaluatedAt
            Spent = state.Ledger.Spent
            Seconds = state.Ledger.Seconds
            Price = state.Price
            Memory = state.Memory
        }

/// What the host is asked to do.
[<RequireQualifiedAccess>]
type Command =
    /// Score the policy: on all evaluation questions, or on those that stand for them during training.
    | Evaluate of isWhole: bool
    /// Sample a round of the step's groups (of the expert's questions in bootstrapping, else of the training questions).
    | RollOut of phase: Phase * requests: GroupRequest[]
    /// Go on with these rollouts of each of the step's groups, [groups][]; a group without any is dropped.
    | Select of kept: int[][]
    /// Sample the forks that exploration planned, at most this many.
    | Explore of forks: int
    /// Turn the step's groups into optimizer steps.
    | Update of phase: Phase
    /// Write a checkpoint.
    | SaveCheckpoint
    /// The run is over.
    | Finish

/// What the host reports.
[<RequireQualifiedAccess>]
type Event =
    /// The policy was evaluated.
    | Evaluated
    /// A round was sampled at this cost; `groups` are all of the step so far, by place.
    | RolledOut of cost: Cost * groups: Group[]
    /// The step's trajectories used `meanUse` each of what has a price; exploration wants to add `forks` to the groups kept,
    /// `groups`, by place.
    | Selected of meanUse: float * groups: Group[] * forks: int
    /// The forks were sampled at this cost, and some took their places in `groups`, by place.
    | Explored of cost: Cost * groups: Group[]
    /// `optimizerSteps` were made and `skipped` left out; the whole step took `seconds`.
    | Updated of optimizerSteps: int * skipped: int * seconds: float
    /// A checkpoint was written.
    | Saved
    /// The user wants the run to end at the next safe point.
    | StopWanted
