namespace David.Grpo

/// What a trajectory found of its question's evidence set E. Passages are compared by id; where a question names its
/// evidence by titles only, by the authors' normalised titles.
[<RequireQualifiedAccess>]
module Evidence =

    let private goldOf (question: Question) : Set<string> =
        if question.Gold.Length > 0 then
            question.Gold |> Seq.map _.Value |> Set.ofSeq
        else
            question.GoldTitles |> Seq.map AuthorsReward.normalizeTitle |> Set.ofSeq

    let private keyOf (question: Question) (passage: Passage) =
        if question.Gold.Length > 0 then
            passage.Id.Value
        else
            AuthorsReward.normalizeTitle passage.Title

    /// |E|.
    [<CompiledName "Size">]
    let size (question: Question) : int = (goldOf question).Count

    /// The number of distinct gold passages found after each search, [searches + 1]; the first is 0.
    [<CompiledName "FoundBySearch">]
    let foundBySearch (trajectory: Trajectory) : int[] =
        let gold = goldOf trajectory.Question

        trajectory.Searches
        |> Array.scan
            (fun (found: Set<string>) search ->
                search.Passages
                |> Seq.map (keyOf trajectory.Question)
                |> Seq.filter gold.Contains
                |> Set.ofSeq
                |> Set.union found)
            Set.empty
        |> Array.map _.Count

    /// Evidence coverage: the share of the gold passages that some search of the trajectory returned,
    ///     |E ∩ ⋃ₜ Dₜ| / |E|,   and 0 when E is empty.
    /// Dₜ is the observation of turn t. Source: David-GRPO (arXiv 2601.21699), figure 2 (b).
    [<CompiledName "Coverage">]
    let coverage (trajectory: Trajectory) : float =
        match size trajectory.Question with
        | 0 -> 0.0
        | total -> float (Array.last (foundBySearch trajectory)) / float total

/// How a run rewards a trajectory.
[<RequireQualifiedAccess>]
type RewardRule =
    /// r = λ · coverage + (1 − λ) · EM if the trajectory gave an answer, otherwise 0. λ = 0 is the outcome reward of
    /// plain GRPO. David-GRPO's reward (figure 2 (b)), gated on having answered: without the gate a policy learns to
    /// search to the limit and never answer.
    | Gated of lambda: float
    /// The authors' released reward on the transcript, gates included; λ = 0.5 is theirs exactly,
    /// r = λ · coverage + (1 − λ) · 2 · answer with their answer part in [0, 0.5].
    | Authors of lambda: float

/// A reward with what it is made of.
type RewardParts =
    {
        /// In [0, 1].
        Total: float
        /// The answer's part before weighing, in [0, 1].
        Answer: float
        /// Evidence coverage, in [0, 1], whatever the gates said.
        Coverage: float
    }

/// A reward, or why there is none; a trajectory without one is dropped and counted, never scored 0.
[<RequireQualifiedAccess>]
type RewardOutcome =
    | Scored of RewardParts
    | Failed of reason: string

/// Rewards of whole trajectories.
[<RequireQualifiedAccess>]
module Reward =

    let private score rule (trajectory: Trajectory) =
        let coverage = Evidence.coverage trajectory
        let question = trajectory.Question

        match rule with
        | RewardRule.Gated lambda ->
            match trajectory.Ending with
            | Ending.Answered answer ->
                let exact =
                    if Answer.exactMatch answer question.Answers then
                        1.0
                    else
                        0.0

                {
                    Total = lambda * coverage + (1.0 - lambda) * exact
                    Answer = exact
                    Coverage = coverage
                }
            | _ ->
                {
                    Total = 0.0
                    Answer = 0.0
                    Coverage = coverage
                }
        | RewardRule.Authors lambda ->
            let parts =
                AuthorsReward.training trajectory.PromptText trajectory.Response question.Answers question.GoldTitles

            {
                Total =
                    if parts.Total = 0.0 then
                        0.0
                    else
                        lambda * parts.Coverage + (1.0 - lambda) * 2.0 * parts.Answer
                Answer = 2.0 * parts.Answer
                Coverage = coverage
            }

    /// The reward of a trajectory under a rule. A question without accepted answers cannot be rewarded.
    [<CompiledName "Score">]
    let scoreOf (rule: RewardRule) (trajectory: Trajectory) : RewardOutcome =
        if trajectory.Question.Answers.Length = 0 then
            RewardOutcome.Failed $"question {trajectory.Question.Id} has no accepted answer"
        else
            let parts = score rule trajectory

            if System.Double.IsFinite parts.Total then
                RewardOutcome.Scored parts
            else
                RewardOutcome.Failed $"the reward of question {trajectory.Question.Id} is {parts.Total}"
