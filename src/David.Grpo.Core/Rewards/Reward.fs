namespace David.Grpo

/// A reward, or why there is none; a trajectory without one is dropped and counted, never scored 0.
[<RequireQualifiedAccess>]
type RewardOutcome =
    /// Its total and the parts of it.
    | Scored of RewardParts
    /// It cannot be scored, and why: the trajectory is dropped, not paid 0.
    | Failed of reason: string

/// How a run rewards a trajectory.
type RewardRule =
    {
        /// In snake_case.
        Name: string
        /// Of a finished trajectory.
        Score: Trajectory -> RewardOutcome
    }

    /// A rule of one's own: a number for each trajectory. Answer and coverage are measured beside it.
    static member Create(name: string, total: System.Func<Trajectory, float>) : RewardRule =
        {
            Name = name
            Score =
                fun trajectory ->
                    let total = total.Invoke trajectory

                    RewardOutcome.Scored
                        {
                            Total = total
                            Answer = Answer.exactMatchOf trajectory
                            Coverage = Evidence.coverage trajectory
                            Terms =
                                [|
                                    {
                                        Name = name
                                        Weight = 1.0
                                        Value = total
                                    }
                                |]
                            Turns = [||]
                        }
        }

/// A measure of a trajectory that a reward may be composed of.
type RewardMeasure =
    {
        /// As it is logged under.
        Name: string
        /// What the measure is multiplied by.
        Weight: float
        /// Finite for every trajectory.
        Measure: Trajectory -> float
    }

    /// A measure that C# gives.
    static member Create(name: string, weight: float, measure: System.Func<Trajectory, float>) : RewardMeasure =
        {
            Name = name
            Weight = weight
            Measure = measure.Invoke
        }

/// Rewards of whole trajectories.
[<RequireQualifiedAccess>]
module Reward =

    let private termOf trajectory (measure: RewardMeasure) : RewardTerm =
        {
            Name = measure.Name
            Weight = measure.Weight
            Value = measure.Measure trajectory
        }

    let private answered trajectory =
        match trajectory.Ending with
        | Ending.Answered _ -> true
        | _ -> false

    /// Exact match of the final answer, as a term.
    [<CompiledName "ExactMatch">]
    let exactMatch (weight: float) : RewardMeasure =
        {
            Name = "exact_match"
            Weight = weight
            Measure = Answer.exactMatchOf
        }

    /// Token F1 of the final answer, as a term; 0 without one.
    [<CompiledName "F1">]
    let f1 (weight: float) : RewardMeasure =
        {
            Name = "f1"
            Weight = weight
            Measure =
                fun trajectory ->
                    match trajectory.Ending with
                    | Ending.Answered answer -> Answer.f1 answer trajectory.Question.Answers
                    | _ -> 0.0
        }

    /// Evidence coverage, as a term.
    [<CompiledName "Coverage">]
    let coverage (weight: float) : RewardMeasure =
        {
            Name = "coverage"
            Weight = weight
            Measure = Evidence.coverage
        }

    /// Σ weight · value over the measures.
    [<CompiledName "Sum">]
    let sum (name: string) (measures: RewardMeasure[]) : RewardRule =
        {
            Name = name
            Score =
                fun trajectory ->
                    let terms = measures |> Array.map (termOf trajectory)

                    RewardOutcome.Scored
                        {
                            Total = terms |> Array.sumBy (fun term -> term.Weight * term.Value)
                            Answer = Answer.exactMatchOf trajectory
                            Coverage = Evidence.coverage trajectory
                            Terms = terms
                            Turns = [||]
                        }
        }

    /// What a rule makes of the parts that another one gave; what that one could not score stays unscored.
    [<CompiledName "Map">]
    let map (change: Trajectory -> RewardParts -> RewardParts) (rule: RewardRule) : RewardRule =
        { rule with
            Score =
                fun trajectory ->
                    match rule.Score trajectory with
                    | RewardOutcome.Scored parts -> RewardOutcome.Scored(change trajectory parts)
                    | failed -> failed
        }

    /// The rule's reward where the gate is open, nothing where it is closed; see `RewardParts.Closed`.
    [<CompiledName "GatedBy">]
    let gatedBy (isOpen: Trajectory -> bool) (rule: RewardRule) : RewardRule =
        rule |> map (fun trajectory parts -> if isOpen trajectory then parts else parts.Closed)

    /// r = λ · coverage + (1 − λ) · EM if the trajectory gave an answer, otherwise 0. λ = 0 is the outcome reward of plain
    /// GRPO. David-GRPO's reward (figure 2 (b)), gated on having answered: without the gate a policy learns to search to
    /// the limit and never answer.
    [<CompiledName "Gated">]
    let gated (lambda: float) : RewardRule =
        sum "gated" [| coverage lambda; exactMatch (1.0 - lambda) |] |> gatedBy answered

    /// The authors' released reward on the transcript, gates included; λ = 0.5 is theirs exactly,
    ///     r = λ · coverage + (1 − λ) · 2 · answer   with their answer part in [0, 0.5].
    [<CompiledName "Authors">]
    let authors (lambda: float) : RewardRule =
        {
            Name = "authors"
            Score =
                fun trajectory ->
                    let question = trajectory.Question

                    let parts =
                        AuthorsReward.training
                            trajectory.PromptText
                            trajectory.Response
                            question.Answers
                            question.GoldTitles

                    let terms: RewardTerm[] =
                        [|
                            {
                                Name = "coverage"
                                Weight = lambda
                                Value = parts.Coverage
                            }
                            {
                                Name = "answer"
                                Weight = 1.0 - lambda
                                Value = 2.0 * parts.Answer
                            }
                        |]

                    RewardOutcome.Scored
                        {
                            Total =
                                if parts.Total = 0.0 then
                                    0.0
                                else
                                    terms |> Array.sumBy (fun term -> term.Weight * term.Value)
                            Answer = 2.0 * parts.Answer
                            Coverage = Evidence.coverage trajectory
                            Terms = terms
                            Turns = [||]
                        }
        }

    /// The same reward with the part λ · coverage paid when the evidence is found:
    ///     turn t:  λ (Φₜ − Φₜ₋₁),   Φₜ the coverage after search t;   at the end: what is left of Total.
    /// No trajectory's total changes, only when it is paid; where no term is paid, as behind a closed gate, no turn is.
    /// Source: potential-based shaping (Ng, Harada and Russell, ICML 1999), with the coverage as potential.
    [<CompiledName "CreditTurns">]
    let creditTurns (lambda: float) (rule: RewardRule) : RewardRule =
        rule
        |> map (fun trajectory parts ->
            if parts.Terms |> Array.forall (fun term -> term.Value = 0.0) then
                parts
            else
                let potentials =
                    Evidence.foundBySearch trajectory
                    |> Array.map (fun found -> float found / float (max 1 (Evidence.size trajectory.Question)))

                let gains =
                    potentials |> Array.pairwise |> Array.map (fun (before, after) -> lambda * (after - before))

                { parts with
                    Turns = Array.append gains [| parts.Total - Array.sum gains |]
                })

    /// The reward of a trajectory under a rule. A question without accepted answers cannot be rewarded, nor can a reward
    /// count that is not finite.
    [<CompiledName "Score">]
    let scoreOf (rule: RewardRule) (trajectory: Trajectory) : RewardOutcome =
        if trajectory.Question.Answers.Length = 0 then
            RewardOutcome.Failed $"question {trajectory.Question.Id} has no accepted answer"
        else
            match rule.Score trajectory with
            | RewardOutcome.Scored parts when not (System.Double.IsFinite parts.Total) ->
                RewardOutcome.Failed $"the reward {rule.Name} of question {trajectory.Question.Id} is {parts.Total}"
            | outcome -> outcome
