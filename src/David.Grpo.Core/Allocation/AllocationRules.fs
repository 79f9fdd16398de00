namespace David.Grpo

/// Allocations as a run can choose them, with their authors' constants where rollouts are as many; sizes are shares of the run's
/// own group size G. The functions themselves are `Allocation`, `Selection` and `GroupStopping`.
[<RequireQualifiedAccess>]
module AllocationRules =

    /// Rollouts of a first look at a question: half a group, at least 2.
    let private pilotSize (view: AllocationView) = max 2 (view.GroupSize / 2)

    /// Knapsack-RL: the step's rollouts go where the last visits' solve rates promise most, 2 to 4 G each; a question that
    /// was not visited yet has the mean rate of those that were, or 1/3. See `Allocation.knapsack`.
    [<CompiledName "Knapsack">]
    let knapsack: AllocationRule =
        { QuestionRules.uniform with
            Name = "knapsack"
            Next =
                fun view ->
                    if view.Rounds > 0 then
                        Draw.None
                    else
                        let questions = view.Upcoming view.QuestionsPerStep
                        let known = view.Memory.Visits |> Array.map (fun visits -> Array.last visits.Rates)
                        let prior = if known.Length = 0 then 1.0 / 3.0 else Numerics.mean known

                        let rates =
                            questions
                            |> Array.map (fun question ->
                                view.Memory.RatesOf question |> Array.tryLast |> Option.defaultValue prior)

                        let counts =
                            Allocation.knapsack
                                {
                                    Least = min 2 view.GroupSize
                                    Most = 4 * view.GroupSize
                                }
                                (questions.Length * view.GroupSize)
                                rates

                        {
                            Requests =
                                Array.map2
                                    (fun (request: GroupRequest) count -> { request with Rollouts = count })
                                    (view.Open(1, questions))
                                    counts
                            Taken = questions.Length
                        }
            Remember = fun view -> view.Memory.Visiting view.Sampled
        }

    let private pilotOptions (view: AllocationView) : PilotOptions =
        {
            Pilot = pilotSize view
            Additional = view.GroupSize
            SkipAbove = 0.75
            DeferBelow = 0.125
        }

    let private decisions (view: AllocationView) =
        let options = pilotOptions view

        view.Sampled
        |> Array.map (fun group ->
            // A pilot of which a rollout was lost is not judged.
            if group.Members.Length < options.Pilot then
                PilotDecision.Skip
            else
                Allocation.afterPilot options (Array.truncate options.Pilot group.Correct))

    /// Pilot, then commit: half a group for each question; G more, trained on with the pilot, where the solve rate is within
    /// 0.125 and 0.75. Easy questions are dropped; hard ones are put off and come again four steps later. See
    /// `Allocation.afterPilot`.
    [<CompiledName "Pilot">]
    let pilot: AllocationRule =
        let isCommitted =
            function
            | PilotDecision.Commit _ -> true
            | _ -> false

        {
            Name = "pilot"
            Next =
                fun view ->
                    match view.Rounds with
                    | 0 ->
                        // Put-off questions are half of a step at most.
                        let again =
                            if view.Step % 4 = 0 then
                                view.Memory.Deferred |> Array.truncate (view.QuestionsPerStep / 2)
                            else
                                [||]

                        let fresh = view.QuestionsPerStep - again.Length

                        {
                            Requests = view.Open(pilotSize view, Array.append again (view.Upcoming fresh))
                            Taken = fresh
                        }
                    | 1 ->
                        Round.grow
                            (decisions view
                             |> Array.map (function
                                 | PilotDecision.Commit additional -> additional
                                 | _ -> 0))
                            view
                    | _ -> Draw.None
            Keep =
                fun view ->
                    Array.map2
                        (fun decision places -> if isCommitted decision then places else [||])
                        (decisions view)
                        (Round.everyRollout view)
            Remember =
                fun view ->
                    let sampled = view.Sampled |> Array.map _.Index |> set

                    let deferred =
                        Array.zip view.Sampled (decisions view)
                        |> Array.filter (fun (_, decision) -> decision = PilotDecision.Defer)
                        |> Array.map (fun (group, _) -> group.Index)

                    { view.Memory with
                        Deferred =
                            Array.append
                                (view.Memory.Deferred |> Array.filter (fun question -> not (sampled.Contains question)))
                                deferred
                            |> Array.distinct
                    }
        }

    /// VIGOR: half a group for each question, then the other half of the step's rollouts for the half of the groups whose
    /// Round.rewards vary most. See `Allocation.byVariance`.
    [<CompiledName "ByVariance">]
    let byVariance: AllocationRule =
        { QuestionRules.uniform with
            Name = "by_variance"
            Next =
                fun view ->
                    match view.Rounds with
                    | 0 -> Round.openUpcoming (pilotSize view) view.QuestionsPerStep view
                    | 1 when view.Sampled |> Array.forall (fun group -> group.Members.Length > 0) ->
                        let left = view.Sampled.Length * max 0 (view.GroupSize - pilotSize view)
                        Round.grow (Allocation.byVariance 0.5 left (Round.rewards view)) view
                    | _ -> Draw.None
        }

    /// Reinforce-Ada: half a group for each question, then the step's other rollouts so that numbers are as 1/√(solve rate), 4 G
    /// at most. See `Allocation.inverseRoot`.
    [<CompiledName "InverseRoot">]
    let inverseRoot: AllocationRule =
        { QuestionRules.uniform with
            Name = "inverse_root"
            Next =
                fun view ->
                    let pilot = pilotSize view

                    match view.Rounds with
                    | 0 -> Round.openUpcoming pilot view.QuestionsPerStep view
                    | 1 ->
                        let wanted =
                            Allocation.inverseRoot
                                {
                                    Least = pilot
                                    Most = 4 * max pilot view.GroupSize
                                }
                                (1.0 / float (2 * pilot))
                                (view.Sampled.Length * max pilot view.GroupSize)
                                (view.Sampled |> Array.map _.SolveRate)

                        Round.grow (wanted |> Array.map (fun count -> count - pilot)) view
                    | _ -> Draw.None
        }

    /// PODS: half the questions, 2 G rollouts each, of which the G of the largest variance are trained on. See
    /// `Selection.maximalVariance`.
    [<CompiledName "MaximalVariance">]
    let maximalVariance: AllocationRule =
        { QuestionRules.uniform with
            Name = "max_variance"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        Round.openUpcoming (2 * view.GroupSize) ((view.QuestionsPerStep + 1) / 2) view
                    else
                        Draw.None
            Keep =
                fun view ->
                    view.Sampled
                    |> Array.map (fun group ->
                        Selection.maximalVariance (min view.GroupSize group.Members.Length) group.Rewards)
        }

    /// Rollouts after which a group may stop.
    let private stoppingBudgets = [| 2; 4; 8 |]

    /// Steps after which thresholds are found anew: the policy has moved.
    let private calibrateEvery = 8

    /// Conformal stopping: a question gets 2, 4, then 8 rollouts, until one answer stands out at thresholds that hold the right
    /// answer with probability 1 − δ. The first step, and every eighth after it, samples all its questions to the end, finds δ
    /// from half of them and the thresholds from the others, and trains on them: what calibrating costs is in the budget. See
    /// `GroupStopping`.
    [<CompiledName "Conformal">]
    let conformal: AllocationRule =
        let last = Array.last stoppingBudgets

        let isCalibrating (view: AllocationView) =
            view.Memory.Calibration.Budgets.Length = 0 || view.Step - view.Memory.CalibratedAt >= calibrateEvery

        { QuestionRules.uniform with
            Name = "conformal"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        let first = if isCalibrating view then last else stoppingBudgets[0]
                        Round.openUpcoming first view.QuestionsPerStep view
                    elif isCalibrating view || view.Rounds >= stoppingBudgets.Length then
                        Draw.None
                    else
                        Round.grow
                            (view.Sampled
                             |> Array.mapi (fun place group ->
                                 let seed = Seed.child (int64 place) view.Seed

                                 match
                                     GroupStopping.decide view.Memory.Calibration seed (GroupStopping.drawn group)
                                 with
                                 | StoppingDecision.Sample additional -> additional
                                 | StoppingDecision.Stop _
                                 | StoppingDecision.Exhausted -> 0))
                            view
            Remember =
                fun view ->
                    let whole = view.Sampled |> Array.filter (fun group -> group.Members.Length >= last)

                    if not (isCalibrating view) || whole.Length < 2 then
                        view.Memory
                    else
                        let half = whole.Length / 2
                        let rate = whole |> Array.truncate half |> Array.averageBy _.SolveRate
                        let others = Array.skip half whole

                        let found =
                            GroupStopping.calibrate
                                (GroupStopping.deltaOf rate)
                                stoppingBudgets
                                view.Seed
                                (others |> Array.map GroupStopping.drawn)
                                (others |> Array.map GroupStopping.gold)

                        { view.Memory with
                            CalibratedAt = view.Step
                            Calibration =
                                { found with
                                    // From 1 on any answer is in the set, so infinity says no more, and JSON cannot.
                                    Thresholds = found.Thresholds |> Array.map (min 1.0)
                                }
                        }
        }

    let private all =
        [|
            QuestionRules.uniform
            QuestionRules.refill
            QuestionRules.skip
            knapsack
            pilot
            byVariance
            inverseRoot
            QuestionRules.recycle
            maximalVariance
            conformal
        |]

    /// Names of the allocations that a run can choose.
    [<CompiledName "Names">]
    let names: string[] = all |> Array.map _.Name

    /// An allocation by its name. Raises ArgumentException, which lists the names, where there is none.
    [<CompiledName "Create">]
    let create (name: string) : AllocationRule =
        match all |> Array.tryFind (fun rule -> rule.Name = name) with
        | Some rule -> rule
        | None ->
            let known = System.String.Join(", ", names)
            invalidArg (nameof name) $"There is no allocation \"{name}\"; there are {known}."
