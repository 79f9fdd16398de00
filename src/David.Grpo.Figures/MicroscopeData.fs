namespace David.Grpo.Figures

/// What became of a trajectory in its group.
[<RequireQualifiedAccess>]
type ScopeRole =
    /// It was learned from.
    | Member
    /// An expert or a fork took its place.
    | Displaced
    /// A fork that got no place.
    | Candidate
    /// The run's selection left it out.
    | Unselected

/// A passage that a search returned.
type ScopePassage =
    {
        /// In its corpus.
        Id: string
        /// As it was shown.
        Title: string
        /// Whether it is evidence for the question.
        IsGold: bool
    }

/// Where a passage stands in an observation: its first token and the one behind its last, and which of the observation's
/// passages it is.
[<Struct>]
type ScopeMark =
    {
        /// The first token.
        From: int
        /// The token behind the last.
        Until: int
        /// Counted from 0.
        Passage: int
    }

/// A stretch of a trajectory with one author.
type ScopeSegment =
    {
        /// Who wrote it.
        Author: Author
        /// What each token adds to the text, [n]. Empty for a token that only begins a character.
        Words: string[]
        /// The sampler's log-probability of each token, [n]; empty where nobody sampled.
        LogProbs: float[]
        /// Optimizer steps that the sampling policy had seen; -1 where nobody sampled.
        Version: int
        /// Whether it is the observation of an answered search.
        IsSearch: bool
        /// Empty where nothing was asked.
        Query: string
        /// Best first.
        Passages: ScopePassage[]
        /// Where the passages stand, in order.
        Marks: ScopeMark[]
    }

/// A term of a reward: value times weight, where the reward is their plain sum.
type ScopeTerm =
    {
        /// In snake_case.
        Name: string
        /// NaN where unknown.
        Weight: float
        /// Before weighing.
        Value: float
    }

/// A trajectory to look at.
type ScopeTrajectory =
    {
        /// Its place in the group, from 0.
        Member: int
        /// What became of it.
        Role: ScopeRole
        /// Whether an expert wrote it.
        IsExpert: bool
        /// Segments taken over from another member, the prompt counted; 0 for none.
        KeptSegments: int
        /// The total.
        Reward: float
        /// The share of the evidence that was found, in [0, 1].
        Coverage: float
        /// What the reward is made of.
        Terms: ScopeTerm[]
        /// Whether its answer is an accepted one.
        IsRight: bool
        /// "answered", "unanswered", "truncated".
        Ending: string
        /// Empty for none.
        Answer: string
        /// Of each trained token (the policy's and the expert's), in order; one number where all are equal; empty for none.
        Advantages: float[]
        /// As the advantages: weight times advantage.
        Slopes: float[]
        /// Without the prompt.
        Segments: ScopeSegment[]
    }

/// The trajectories that answer one question in one step.
type ScopeGroup =
    {
        /// From 1.
        Step: int
        /// "bootstrapping" or "main".
        Phase: string
        /// Names the group within its step.
        Key: int64
        /// As text.
        Question: string
        /// Accepted ones.
        Answers: string[]
        /// The data set's own; may be empty.
        Kind: string
        /// 0 where unknown.
        Hops: int
        /// Titles of the evidence.
        Gold: string[]
        /// The tokens of the prompt as text.
        Prompt: string[]
        /// All rewards of its members are equal.
        IsDead: bool
        /// Members first.
        Trajectories: ScopeTrajectory[]
    }
