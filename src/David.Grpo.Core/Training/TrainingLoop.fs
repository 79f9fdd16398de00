namespace David.Grpo

/// The training loop as a decision and a fold; the host carries the commands out.
[<RequireQualifiedAccess>]
module TrainingLoop =

    /// The state before the first command.
    [<CompiledName "Start">]
    let start (plan: LoopPlan) : LoopState =
        if plan.TrainingQuestions < 1 then
            invalidArg (nameof plan) "There are no training questions; at least 1 is needed."

        if plan.QuestionsPerStep < 1 || plan.GroupSize < 1 then
            invalidArg
                (nameof plan)
                $"A step has {plan.QuestionsPerStep} questions × {plan.GroupSize} rollouts; both must be at least 1."

        {
            Plan = plan
            Stage = Stage.Evaluation
            Step = 0
            QuestionsUsed = 0
            Ledger = Ledger.openFor plan.Budget
            SkippedUpdates = 0
            Sampled = [||]
            Draw = Draw.None
            Rounds = 0
            Taken = 0
            StepQuestions = 0
            SpentBefore = 0
            WantedForks = 0
            EvaluatedAt = -1
            Price = PriceControl.start plan.Price
            Memory = AllocationMemory.Empty
            StopRequested = false
        }

    /// Steps before the main phase.
    let private warmUpSteps (plan: LoopPlan) =
        if plan.ExpertQuestions > 0 then
            plan.ImitationSteps + plan.BootstrapSteps
        else
            0

    /// The phase of the step that is being made.
    [<CompiledName "PhaseOf">]
    let phase (state: LoopState) : Phase =
        if state.Step >= warmUpSteps state.Plan then
            Phase.Main
        elif state.Step < state.Plan.ImitationSteps then
            Phase.Imitation
        else
            Phase.Bootstrapping

    /// Rollouts that a main group may cost at most: what exploration could need is set aside beforehand, so the budget
    /// can never be exceeded.
    let private mainGroupCost plan = plan.GroupSize + plan.Forks

    /// The groups of the next step: as many as the plan wishes, or as the budget pays for. A step of less than half its
    /// groups is not made: it would get as many updates as a whole one, out of a handful of trajectories.
    let private affordable state =
        let groups wanted size =
            let paid = Ledger.affordableGroups wanted size state.Ledger
            if 2 * paid < wanted then 0 else paid

        match phase state with
        | Phase.Imitation ->
            if Ledger.isSpent state.Ledger then
                0
            else
                state.Plan.ExpertQuestions
        | Phase.Bootstrapping -> groups state.Plan.ExpertQuestions state.Plan.BootstrapGroupSize
        | _ when state.Step - warmUpSteps state.Plan >= state.Plan.MainSteps -> 0
        | _ -> groups state.Plan.QuestionsPerStep (mainGroupCost state.Plan)

    /// Training question number `used`, counted over all passes.
    let private questionAt (plan: LoopPlan) : int -> int =
        let count = plan.TrainingQuestions

        let order =
            if plan.Shuffle then
                let passes = System.Collections.Generic.Dictionary<int, int[]>()

                fun pass ->
                    match passes.TryGetValue pass with
                    | true, order -> order
                    | _ ->
                        let order = Seed.permutation count (Seed.child (int64 pass) plan.Seed)
                        passes[pass] <- order
                        order
            else
                let order = Array.init count id
                fun _ -> order

        fun used -> (order (used / count))[used % count]

    /// Whether no further step will be made.
    let private isOver state =
        state.StopRequested || affordable state = 0

    /// What the next step costs at most.
    let private stepCost state =
        match phase state with
        | Phase.Imitation -> 0
        | Phase.Bootstrapping -> state.Plan.ExpertQuestions * state.Plan.BootstrapGroupSize
        | _ -> state.Plan.QuestionsPerStep * mainGroupCost state.Plan

    /// What the allocation sees.
    let private view state : AllocationView =
        let question = questionAt state.Plan

        {
            Seed = Seed.child (int64 state.Step) (Seed.named "allocation" state.Plan.Seed)
            Step = state.Step
            Memory = state.Memory
            Rounds = state.Rounds
            Sampled = state.Sampled
            Upcoming = fun count -> Array.init count (fun i -> question (state.QuestionsUsed + state.Taken + i))
            Questions = state.Plan.TrainingQuestions
            QuestionsPerStep = state.StepQuestions
            GroupSize = state.Plan.GroupSize
            Ledger = state.Ledger
        }

    /// Rollouts that the step under way may still cost: what the budget has left, and none beyond the next mark that an even
    /// step would not pass; forks of the groups so far are set aside.
    let private stepLeft state =
        let spent = state.Ledger.Spent.Rollouts
        let even = state.SpentBefore + state.StepQuestions * mainGroupCost state.Plan
        let marks = state.Plan.Marks |> Array.filter (fun mark -> mark >= even)

        let toMark =
            if marks.Length = 0 then
                System.Int32.MaxValue
            else
                Array.min marks - spent

        min state.Ledger.RolloutsLeft toMark - state.Sampled.Length * state.Plan.Forks

    /// The requests of a round that can be paid for, in their order.
    let private paid state (requests: GroupRequest[]) =
        let cost (request: GroupRequest) =
            let isNew = request.Place >= state.Sampled.Length
            request.Rollouts + (if isNew then state.Plan.Forks else 0)

        let left = stepLeft state

        requests
        |> Array.scan (fun total request -> total + cost request) 0
        |> Array.tail
        |> Array.zip requests
        |> Array.takeWhile (fun (_, total) -> total <= left)
        |> Array.map fst

    /// The part of a round that can be paid for. Upcoming questions that it does not reach come next time.
    let private payable state (wanted: Draw) =
        let requests = paid state wanted.Requests
        let isNew (request: GroupRequest) = request.Place >= state.Sampled.Length
        let cut = wanted.Requests |> Array.skip requests.Length |> Array.filter isNew

        {
            Requests = requests
            Taken = max 0 (wanted.Taken - cut.Length)
        }

    /// The next round of the step. A first round that comes to nothing is an even one.
    let private draw state =
        match phase state with
        | Phase.Main ->
            let even () = QuestionRules.uniform.Next(view state)

            match payable state (state.Plan.Allocation.Next(view state)) with
            | { Requests = [||] } when state.Rounds = 0 -> even ()
            | paid -> paid
        | _ ->
            { Draw.None with
                Requests =
                    Array.init state.StepQuestions (fun question ->
                        {
                            Place = question
                            Question = question
                            Rollouts = state.Plan.BootstrapGroupSize
                        })
            }

    /// Whether the next step would pass a mark.
    let private isAtMark state =
        let spent = state.Ledger.Spent.Rollouts

        state.Plan.Marks |> Array.exists (fun mark -> spent <= mark && mark < spent + stepCost state)

    let private evaluationDue state =
        if state.EvaluatedAt = state.Step then
            false
        else
            state.EvaluatedAt < 0
            || (isOver state && not state.StopRequested)
            || isAtMark state
            || (state.Plan.EvaluateEvery > 0 && state.Step % state.Plan.EvaluateEvery = 0)

    /// The next command. Total; the same state always gives the same command.
    [<CompiledName "Decide">]
    let decide (state: LoopState) : Command =
        match state.Stage with
        | Stage.Evaluation -> Command.Evaluate(state.EvaluatedAt < 0 || isOver state || isAtMark state)
        | Stage.RollOut -> Command.RollOut(phase state, state.Draw.Requests)
        | Stage.Selection -> Command.Select(state.Plan.Allocation.Keep(view state))
        | Stage.Exploration -> Command.Explore state.WantedForks
        | Stage.Update -> Command.Update(phase state)
        | Stage.Checkpoint -> Command.SaveCheckpoint
        | _ -> Command.Finish

    /// The stage between steps: an evaluation if one is due, the next step if there is one, the end otherwise.
    let private between state =
        if evaluationDue state then
            { state with Stage = Stage.Evaluation }
        elif isOver state then
            { state with Stage = Stage.Finished }
        elif phase state = Phase.Imitation then
            { state with Stage = Stage.Update }
        else
            let step =
                { state with
                    Stage = Stage.RollOut
                    StepQuestions = affordable state
                    SpentBefore = state.Ledger.Spent.Rollouts
                }

            { step with Draw = draw step }

    /// The state after an event.
    [<CompiledName "Evolve">]
    let evolve (state: LoopState) (event: Event) : LoopState =
        match event with
        | Event.StopWanted ->
            let state = { state with StopRequested = true }
            // Between steps the run can end at once; within a step it goes on to the step's checkpoint.
            if state.IsBetweenSteps then
                { state with Stage = Stage.Finished }
            else
                state
        | Event.Evaluated -> between { state with EvaluatedAt = state.Step }
        | Event.RolledOut(cost, groups) ->
            let sampled =
                { state with
                    Ledger = Ledger.spend cost state.Ledger
                    Sampled = groups
                    Rounds = state.Rounds + 1
                    Taken = state.Taken + state.Draw.Taken
                }

            if phase state <> Phase.Main then
                { sampled with Stage = Stage.Update }
            else
                match draw sampled with
                | { Requests = [||] } -> { sampled with Stage = Stage.Selection }
                | next -> { sampled with Draw = next }
        | Event.Selected(meanUse, groups, forks) ->
            { state with
                Sampled = groups
                QuestionsUsed = state.QuestionsUsed + state.Taken
                Memory = state.Plan.Allocation.Remember(view state)
                WantedForks = forks
                Price = PriceControl.step state.Plan.Price state.Price meanUse
                Stage =
                    if state.Plan.Forks > 0 && forks > 0 then
                        Stage.Exploration
                    else
                        Stage.Update
            }
        | Event.Explored(cost, groups) ->
            { state with
                Sampled = groups
                Ledger = Ledger.spend cost state.Ledger
                Stage = Stage.Update
            }
        | Event.Updated(optimizerSteps, skipped, seconds) ->
            let state =
                { state with
                    Step = state.Step + 1
                    Sampled = [||]
                    Rounds = 0
                    Taken = 0
                    WantedForks = 0
                    SkippedUpdates = state.SkippedUpdates + skipped
                    Ledger =
                        Ledger.spend
                            { Cost.Zero with
                                OptimizerSteps = optimizerSteps
                            }
                            (Ledger.work seconds state.Ledger)
                }

            if isOver state || state.Step % state.Plan.CheckpointEvery = 0 then
                { state with Stage = Stage.Checkpoint }
            else
                between state
        | Event.Saved -> between state

    /// The state between two steps, from what a checkpoint keeps.
    [<CompiledName "Restore">]
    let restore (plan: LoopPlan) (progress: LoopProgress) : LoopState =
        between
            { start plan with
                Step = progress.Step
                QuestionsUsed = progress.QuestionsUsed
                SkippedUpdates = progress.SkippedUpdates
                EvaluatedAt = progress.EvaluatedAt
                Price = progress.Price
                Memory = progress.Memory
                Ledger = Ledger.restore plan.Budget progress.Spent progress.Seconds
            }
