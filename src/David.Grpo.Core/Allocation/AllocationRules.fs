namespace David.Grpo

/// Allocations as a run can choose them, with their authors' constants where rollouts are as many; sizes are shares of the run's
/// own group size G. The functions themselves are `Allocation`, `Selection` and `GroupStopping`.
[<RequireQualifiedAccess>]
module AllocationRules =

    let private everyRollout (view: AllocationView) =
        view.Sampled |> Array.map (fun group -> [| 0 .. group.Rewards.Length - 1 |])

    let private everyRolloutOf (wanted: SampledGroup -> bool) (view: AllocationView) =
        Array.map2 (fun group places -> if wanted group then places else [||]) view.Sampled (everyRollout view)

    let private hasSignal (group: SampledGroup) = Selection.hasSignal group.Rewards

    let private rewards (view: AllocationView) = view.Sampled |> Array.map _.Rewards

    /// Rollouts of a first look at a question: half a group, at least 2.
    let private pilotSize (view: AllocationView) = max 2 (view.GroupSize / 2)

    /// The upcoming questions, `rollouts` each.
    let private openUpcoming rollouts questions (view: AllocationView) =
        {
            Requests = view.Open(rollouts, view.Upcoming questions)
            Taken = questions
        }

    let private grow rollouts (view: AllocationView) =
        {
            Requests = view.Grow rollouts
            Taken = 0
        }

    /// Questions as they come, G rollouts each, all trained on.
    [<CompiledName "Uniform">]
    let uniform: AllocationRule =
        {
            Name = "uniform"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        openUpcoming view.GroupSize view.QuestionsPerStep view
                    else
                        Draw.None
            Keep = everyRollout
            Remember = _.Memory
        }

    /// Rounds of a refilled step; DAPO has no end.
    let private refillRounds = 3

    let private refillOptions (view: AllocationView) : RefillOptions =
        {
            Groups = view.QuestionsPerStep
            GroupSize = max 2 view.GroupSize
            MostAtOnce = view.QuestionsPerStep
            Rounds = refillRounds
            Surplus = 1.25
        }

    let private informativeGroups (view: AllocationView) =
        (Selection.informative (rewards view)).Length

    /// Dynamic sampling: more questions are sampled, in at most 3 rounds, until as many groups as a step has are informative;
    /// groups without signal are dropped. See `Selection.refill`.
    [<CompiledName "Refill">]
    let refill: AllocationRule =
        {
            Name = "refill"
            Next =
                fun view ->
                    let kept = informativeGroups view

                    match Selection.refill (refillOptions view) view.Rounds view.Sampled.Length kept view.Ledger with
                    | Refill.Sample groups -> openUpcoming view.GroupSize groups view
                    | Refill.Full
                    | Refill.Settle -> Draw.None
            Keep = everyRolloutOf hasSignal
            Remember = _.Memory
        }

    let private skipOptions: SkipOptions =
        {
            EasyFrom = 0.98
            HardUpTo = 0.11
            Target = 0.25
            Step = 0.01
            Lowest = 0.05
            Highest = 0.95
            LeastKept = 0.01
        }

    /// GRESO: questions that were too easy or too hard in earlier visits are skipped, the more likely the more often they were,
    /// and the step is refilled. At most four times the questions asked for are passed over. See `Selection.skips`.
    [<CompiledName "Skip">]
    let skip: AllocationRule =
        let shareOf holds (view: AllocationView) =
            let met =
                view.Sampled |> Array.filter (fun group -> holds group.SolveRate) |> Array.length

            float met / float (max 1 view.Sampled.Length)

        { refill with
            Name = "skip"
            Next =
                fun view ->
                    let kept = informativeGroups view

                    match Selection.refill (refillOptions view) view.Rounds view.Sampled.Length kept view.Ledger with
                    | Refill.Full
                    | Refill.Settle -> Draw.None
                    | Refill.Sample groups ->
                        let upcoming = view.Upcoming(4 * groups)

                        let sampled =
                            upcoming
                            |> Array.indexed
                            |> Array.filter (fun (i, question) ->
                                let seed = Seed.path [| int64 view.Rounds; int64 i |] view.Seed

                                not (Selection.skips skipOptions view.Memory.Skip seed (view.Memory.RatesOf question)))
                            |> Array.truncate groups

                        {
                            Requests = view.Open(view.GroupSize, sampled |> Array.map snd)
                            Taken =
                                match Array.tryLast sampled with
                                | Some(last, _) when sampled.Length = groups -> last + 1
                                | _ -> upcoming.Length
                        }
            Remember =
                fun view ->
                    let skip =
                        // From the second visit on, as the release.
                        if view.Memory.Visits.Length < view.Questions then
                            view.Memory.Skip
                        else
                            Selection.adapt
                                skipOptions
                                view.Memory.Skip
                                (shareOf (fun rate -> rate >= skipOptions.EasyFrom) view)
                                (shareOf (fun rate -> rate <= skipOptions.HardUpTo) view)

                    { view.Memory.Visiting view.Sampled with
                        Skip = skip
                    }
        }

    /// Knapsack-RL: the step's rollouts go where the last visits' solve rates promise most, 2 to 4 G each; a question that
    /// was not visited yet has the mean rate of those that were, or 1/3. See `Allocation.knapsack`.
    [<CompiledName "Knapsack">]
    let knapsack: AllocationRule =
        { uniform with
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
            if group.Answers.Length < options.Pilot then
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
                        grow
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
                        (everyRollout view)
            Remember =
                fun view ->
                    let sampled = view.Sampled |> Array.map _.Question |> set

                    let deferred =
                        Array.zip view.Sampled (decisions view)
                        |> Array.filter (fun (_, decision) -> decision = PilotDecision.Defer)
                        |> Array.map (fun (group, _) -> group.Question)

                    { view.Memory with
                        Deferred =
                            Array.append
                                (view.Memory.Deferred |> Array.filter (fun question -> not (sampled.Contains question)))
                                deferred
                            |> Array.distinct
                    }
        }

    /// VIGOR: half a group for each question, then the other half of the step's rollouts for the half of the groups whose
    /// rewards vary most. See `Allocation.byVariance`.
    [<CompiledName "ByVariance">]
    let byVariance: AllocationRule =
        { uniform with
            Name = "by_variance"
            Next =
                fun view ->
                    match view.Rounds with
                    | 0 -> openUpcoming (pilotSize view) view.QuestionsPerStep view
                    | 1 when view.Sampled |> Array.forall (fun group -> group.Rewards.Length > 0) ->
                        let left = view.Sampled.Length * max 0 (view.GroupSize - pilotSize view)
                        grow (Allocation.byVariance 0.5 left (rewards view)) view
                    | _ -> Draw.None
        }

    /// Reinforce-Ada: half a group for each question, then the step's other rollouts so that numbers are as 1/√(solve rate), 4 G
    /// at most. See `Allocation.inverseRoot`.
    [<CompiledName "InverseRoot">]
    let inverseRoot: AllocationRule =
        { uniform with
            Name = "inverse_root"
            Next =
                fun view ->
                    let pilot = pilotSize view

                    match view.Rounds with
                    | 0 -> openUpcoming pilot view.QuestionsPerStep view
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

                        grow (wanted |> Array.map (fun count -> count - pilot)) view
                    | _ -> Draw.None
        }

    /// Questions that gave no signal in this pass are drawn again, those that did are not. See `Selection.recycle`.
    [<CompiledName "Recycle">]
    let recycle: AllocationRule =
        let passOf (view: AllocationView) =
            if view.Memory.Recycling.Spent.Length = view.Questions then
                view.Memory.Recycling
            else
                Selection.startRecycling view.Questions

        { uniform with
            Name = "recycle"
            Next =
                fun view ->
                    if view.Rounds > 0 then
                        Draw.None
                    else
                        {
                            Requests =
                                view.Open(view.GroupSize, Selection.draw view.Seed view.QuestionsPerStep (passOf view))
                            Taken = 0
                        }
            Remember =
                fun view ->
                    { view.Memory with
                        Recycling =
                            Selection.recycle
                                (passOf view)
                                (view.Sampled |> Array.map _.Question)
                                (view.Sampled |> Array.map hasSignal)
                    }
        }

    /// PODS: half the questions, 2 G rollouts each, of which the G of the largest variance are trained on. See
    /// `Selection.maximalVariance`.
    [<CompiledName "MaximalVariance">]
    let maximalVariance: AllocationRule =
        { uniform with
            Name = "max_variance"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        openUpcoming (2 * view.GroupSize) ((view.QuestionsPerStep + 1) / 2) view
                    else
                        Draw.None
            Keep =
                fun view ->
                    view.Sampled
                    |> Array.map (fun group ->
                        Selection.maximalVariance (min view.GroupSize group.Rewards.Length) group.Rewards)
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

        { uniform with
            Name = "conformal"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        let first = if isCalibrating view then last else stoppingBudgets[0]
                        openUpcoming first view.QuestionsPerStep view
                    elif isCalibrating view || view.Rounds >= stoppingBudgets.Length then
                        Draw.None
                    else
                        grow
                            (view.Sampled
                             |> Array.mapi (fun place group ->
                                 let seed = Seed.child (int64 place) view.Seed

                                 match GroupStopping.decide view.Memory.Calibration seed group.Answers with
                                 | StoppingDecision.Sample additional -> additional
                                 | StoppingDecision.Stop _
                                 | StoppingDecision.Exhausted -> 0))
                            view
            Remember =
                fun view ->
                    let whole = view.Sampled |> Array.filter (fun group -> group.Answers.Length >= last)

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
                                (others |> Array.map _.Answers)
                                (others |> Array.map _.Gold)

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
            uniform
            refill
            skip
            knapsack
            pilot
            byVariance
            inverseRoot
            recycle
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
