namespace David.Grpo

/// What rules say of a round.
module internal Round =

    let everyRollout (view: AllocationView) =
        view.Sampled |> Array.map (fun group -> [| 0 .. group.Members.Length - 1 |])

    let everyRolloutOf (wanted: Group -> bool) (view: AllocationView) =
        Array.map2 (fun group places -> if wanted group then places else [||]) view.Sampled (everyRollout view)

    let hasSignal (group: Group) = not group.IsDead

    let rewards (view: AllocationView) = view.Sampled |> Array.map _.Rewards

    /// The upcoming questions, `rollouts` each.
    let openUpcoming rollouts questions (view: AllocationView) =
        {
            Requests = view.Open(rollouts, view.Upcoming questions)
            Taken = questions
        }

    let grow rollouts (view: AllocationView) =
        {
            Requests = view.Grow rollouts
            Taken = 0
        }

/// Allocations that choose questions, each sampled alike.
[<RequireQualifiedAccess>]
module QuestionRules =

    /// Questions as they come, G rollouts each, all trained on.
    [<CompiledName "Uniform">]
    let uniform: AllocationRule =
        {
            Name = "uniform"
            Next =
                fun view ->
                    if view.Rounds = 0 then
                        Round.openUpcoming view.GroupSize view.QuestionsPerStep view
                    else
                        Draw.None
            Keep = Round.everyRollout
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
        (Selection.informative (Round.rewards view)).Length

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
                    | Refill.Sample groups -> Round.openUpcoming view.GroupSize groups view
                    | Refill.Full
                    | Refill.Settle -> Draw.None
            Keep = Round.everyRolloutOf Round.hasSignal
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
                                (view.Sampled |> Array.map _.Index)
                                (view.Sampled |> Array.map Round.hasSignal)
                    }
        }
