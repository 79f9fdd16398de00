namespace David.Grpo

/// What one answered question amounts to.
type Outcome =
    {
        /// The question's id.
        QuestionId: string
        /// The data set's own kind of question.
        Kind: string
        /// 1 or 0.
        ExactMatch: float
        /// In [0, 1].
        F1: float
        /// Evidence coverage, in [0, 1].
        Coverage: float
        /// Answered searches.
        Searches: float
        /// Tokens that the policy sampled.
        GeneratedTokens: float
        /// 1 if there was a final answer, else 0.
        Answered: float
    }

/// Means over questions, each with an interval.
type Summary =
    {
        /// Questions, at least 1.
        Questions: int
        /// The share of accepted answers.
        ExactMatch: MeanEstimate
        /// Word overlap, in [0, 1].
        F1: MeanEstimate
        /// Evidence coverage, in [0, 1].
        Coverage: MeanEstimate
        /// Answered searches a question.
        Searches: MeanEstimate
        /// Sampled tokens a question.
        GeneratedTokens: MeanEstimate
        /// The share of questions with a final answer.
        Answered: MeanEstimate
    }

/// Scores of trajectories on questions.
[<RequireQualifiedAccess>]
module Evaluation =

    /// The outcome of a trajectory; no answer has EM and F1 0.
    [<CompiledName "Outcome">]
    let outcome (trajectory: Trajectory) : Outcome =
        let golds = trajectory.Question.Answers

        let exact, f1, answered =
            match trajectory.Ending with
            | Ending.Answered answer ->
                (if Answer.exactMatch answer golds then 1.0 else 0.0), Answer.f1 answer golds, 1.0
            | _ -> 0.0, 0.0, 0.0

        {
            QuestionId = trajectory.Question.Id
            Kind = trajectory.Question.Kind
            ExactMatch = exact
            F1 = f1
            Coverage = Evidence.coverage trajectory
            Searches = float trajectory.Searches.Length
            GeneratedTokens = float (Trajectory.generatedTokens trajectory)
            Answered = answered
        }

    /// Means over at least one outcome, with percentile-bootstrap intervals at `level` over questions.
    [<CompiledName "Summarize">]
    let summarize (level: float) (seed: Seed) (outcomes: Outcome[]) : Summary =
        let estimate (name: string) (pick: Outcome -> float) =
            Statistics.bootstrapMean level 1000 (Seed.named name seed) (Array.map pick outcomes)

        {
            Questions = outcomes.Length
            ExactMatch = estimate "exact match" _.ExactMatch
            F1 = estimate "f1" _.F1
            Coverage = estimate "coverage" _.Coverage
            Searches = estimate "searches" _.Searches
            GeneratedTokens = estimate "generated tokens" _.GeneratedTokens
            Answered = estimate "answered" _.Answered
        }

    /// The value of a learning curve at cost `at`, linearly between its points and level outside them. `costs` [n] are
    /// ascending, `values` [n], n at least 1.
    [<CompiledName "Interpolate">]
    let interpolate (costs: float[]) (values: float[]) (at: float) : float =
        match Array.tryFindIndex (fun cost -> cost >= at) costs with
        | None -> Array.last values
        | Some 0 -> values[0]
        | Some i when costs[i] = costs[i - 1] -> values[i]
        | Some i ->
            let share = (at - costs[i - 1]) / (costs[i] - costs[i - 1])
            values[i - 1] + share * (values[i] - values[i - 1])
