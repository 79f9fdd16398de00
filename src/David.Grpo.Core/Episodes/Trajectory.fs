namespace David.Grpo

/// A passage of a corpus, unique by its id.
[<Struct>]
type PassageId =
    {
        /// As the corpus has it.
        Value: string
    }

/// What a search returns.
type Passage =
    {
        /// Unique in the corpus.
        Id: PassageId
        /// What it is about.
        Title: string
        /// What it says, without the title.
        Text: string
    }

/// A question with what is known about it in training and evaluation.
type Question =
    {
        /// Unique in the data set.
        Id: string
        /// What is asked.
        Text: string
        /// Accepted answers; the first is the official one.
        Answers: string[]
        /// Ids of the gold passages, the evidence set E. Empty where the data set has none.
        Gold: PassageId[]
        /// Titles of the gold passages. Empty where the data set has none.
        GoldTitles: string[]
        /// The data set's own kind of question ("bridge", "comparison", …).
        Kind: string
        /// Reasoning steps, that is searches needed; 0 where unknown.
        Hops: int
    }

/// Tokens with one author. Only the policy's own tokens have log-probabilities, so nothing else can be trained as an
/// action by mistake.
[<RequireQualifiedAccess>]
type Segment =
    /// The prompt: instruction and question.
    | Prompt of tokens: int[]
    /// Sampled by the policy. `logProbs` [n] is each token's log-probability under the behaviour policy at the
    /// sampling temperature, `version` the number of optimizer steps that policy had seen.
    | Action of tokens: int[] * logProbs: float[] * version: int
    /// Written by the environment: search results and the text around them.
    | Observation of tokens: int[]
    /// Written by an expert; trained like an action, but no behaviour log-probability is known.
    | Expert of tokens: int[]

    /// The tokens, whoever wrote them.
    member segment.Tokens =
        match segment with
        | Prompt tokens
        | Action(tokens, _, _)
        | Observation tokens
        | Expert tokens -> tokens

    /// Whether it may be trained: the policy's and the expert's tokens.
    member segment.IsTrained =
        match segment with
        | Action _
        | Expert _ -> true
        | Prompt _
        | Observation _ -> false

/// One search of a trajectory.
type SearchTurn =
    {
        /// What the policy searched for.
        Query: string
        /// What came back, best first. Empty for a refused search.
        Passages: Passage[]
        /// The number of segments of the trajectory up to and including this search's observation: where a continuation
        /// from "just after this search" starts.
        SegmentsThrough: int
    }

/// How a trajectory ended.
[<RequireQualifiedAccess>]
type Ending =
    /// The policy gave a final answer.
    | Answered of answer: string
    /// The policy stopped, or went on past what the protocol allows, without an answer.
    | Unanswered
    /// The token limit was reached first.
    | Truncated

/// One episode: what was written, by whom, what was found and how it ended.
/// Measures of a trajectory that no reward decides.
type Trajectory =
    {
        /// What was asked.
        Question: Question
        /// In the order of writing; the first is the prompt.
        Segments: Segment[]
        /// Answered searches, in order.
        Searches: SearchTurn[]
        /// Searches that the environment refused because the limit was reached.
        RefusedSearches: int
        /// How it ended.
        Ending: Ending
        /// The response as text, observations included, the prompt not.
        Response: string
        /// The prompt as text.
        PromptText: string
    }

    /// The number of tokens by author: those that `pick` accepts.
    static member private count pick (trajectory: Trajectory) =
        trajectory.Segments
        |> Array.sumBy (fun segment -> if pick segment then segment.Tokens.Length else 0)

    /// Tokens that the policy sampled.
    [<CompiledName "GeneratedTokens">]
    static member generatedTokens trajectory =
        Trajectory.count
            (function
            | Segment.Action _ -> true
            | _ -> false)
            trajectory

    /// Tokens that may be trained: the policy's and the expert's.
    [<CompiledName "TrainedTokens">]
    static member trainedTokens trajectory =
        Trajectory.count (fun (segment: Segment) -> segment.IsTrained) trajectory

    /// Tokens that the environment wrote.
    [<CompiledName "ObservedTokens">]
    static member observedTokens trajectory =
        Trajectory.count
            (function
            | Segment.Observation _ -> true
            | _ -> false)
            trajectory

    /// All tokens in order, the prompt's included.
    [<CompiledName "Tokens">]
    static member tokens(trajectory: Trajectory) : int[] =
        trajectory.Segments |> Array.collect _.Tokens

    /// Positions of the tokens that may be trained, in `tokens`.
    [<CompiledName "TrainedPositions">]
    static member trainedPositions(trajectory: Trajectory) : int[] =
        trajectory.Segments
        |> Array.collect (fun segment -> Array.replicate segment.Tokens.Length segment.IsTrained)
        |> Array.indexed
        |> Array.choose (fun (position, isTrained) -> if isTrained then Some position else None)

    /// Log-probabilities of the tokens that may be trained under the behaviour policy; null where an expert wrote some.
    [<CompiledName "BehaviourLogProbsOrNull">]
    static member behaviourLogProbsOrNull(trajectory: Trajectory) : float[] | null =
        if trajectory.Segments |> Array.exists _.IsExpert then
            null
        else
            trajectory.Segments
            |> Array.collect (function
                | Segment.Action(_, logProbs, _) -> logProbs
                | _ -> [||])

    /// The number of all tokens, the prompt's included.
    [<CompiledName "Length">]
    static member length trajectory =
        Trajectory.count (fun _ -> true) trajectory

    /// The final answer, or null where there is none.
    [<CompiledName "AnswerOrNull">]
    static member answerOrNull(trajectory: Trajectory) : string | null =
        match trajectory.Ending with
        | Ending.Answered answer -> answer
        | _ -> null

    /// Distinct ids of the passages that the first `searches` searches returned.
    [<CompiledName "FoundAfter">]
    static member foundAfter (searches: int) (trajectory: Trajectory) : Set<PassageId> =
        trajectory.Searches
        |> Array.truncate searches
        |> Seq.collect (fun search -> search.Passages |> Seq.map _.Id)
        |> Set.ofSeq
