namespace David.Grpo

/// A trial answer of a trajectory.
type ForcedAnswer =
    {
        /// The answer and what was measured beside it.
        Trial: Trial
        /// Segments of the trajectory before it.
        Segments: int
        /// Its tokens, the opening included.
        Tokens: int
    }

/// A moment of a run at which the policy was made to answer.
type RecordedCheck =
    {
        /// The answer and what was measured beside it.
        Trial: Trial
        /// What the trial answer scores, in [0, 1].
        Score: float
        /// Evidence coverage here, in [0, 1].
        Coverage: float
        /// What the run had spent before it, trial answers left out.
        Before: Cost
        /// Tokens of the trial answer, its opening included.
        TrialTokens: int
        /// The query that was searched next; empty where none was.
        Query: string
    }

/// A run to its end, with a trial answer at every check: what rules are calibrated on, and replayed on without a model.
type RecordedRun =
    {
        /// Searches that the question needs; 0 where unknown.
        Hops: int
        /// Oldest first.
        Checks: RecordedCheck[]
        /// Of the run's own answer, in [0, 1].
        Score: float
        /// Evidence coverage at the end, in [0, 1].
        Coverage: float
        /// What the run spent, trial answers that were thrown away left out.
        Spent: Cost
    }

/// A run as a rule leaves it.
type ExitedRun =
    {
        /// Up to where the rule ended it.
        Run: RecordedRun
        /// Whether the rule ended it before its own end.
        IsEarly: bool
        /// Tokens that the policy wrote and that are in no trajectory: trial answers, and a turn that was taken back.
        Thrown: int64
    }
