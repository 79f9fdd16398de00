namespace David.Grpo

/// What the visits of a question came to.
type QuestionVisits =
    {
        /// Its position among the training questions.
        Question: int
        /// Solve rates, oldest first.
        Rates: float[]
    }

/// What an allocation remembers from step to step. It is the checkpoint's; a rule fills what it needs.
type AllocationMemory =
    {
        /// By ascending question.
        Visits: QuestionVisits[]
        /// Questions left out for some steps.
        Skip: SkipState
        /// Questions that were put off, first come first.
        Deferred: int[]
        /// What is known of questions to come back to.
        Recycling: RecyclingState
        /// Thresholds of conformal stopping; without budgets before the first calibration.
        Calibration: GroupCalibration
        /// The step of the calibration.
        CalibratedAt: int
    }

    /// Nothing yet.
    static member Empty: AllocationMemory =
        {
            Visits = [||]
            Skip = { Easy = 0.5; Hard = 0.5 }
            Deferred = [||]
            Recycling = { Spent = [||] }
            Calibration =
                {
                    Budgets = [||]
                    Thresholds = [||]
                    Delta = 0.5
                    Rollouts = 0
                }
            CalibratedAt = 0
        }

    /// A question's solve rates so far, oldest first.
    member memory.RatesOf(question: int) : float[] =
        let place =
            System.Array.BinarySearch(memory.Visits |> Array.map _.Question, question)

        if place < 0 then [||] else memory.Visits[place].Rates

    /// The memory after a step's groups were seen.
    member memory.Visiting(groups: Group[]) : AllocationMemory =
        let seen = System.Collections.Generic.SortedDictionary<int, float[]>()

        for visits in memory.Visits do
            seen[visits.Question] <- visits.Rates

        for group in groups |> Array.filter (fun group -> group.Members.Length > 0) do
            seen[group.Index] <- Array.append (memory.RatesOf group.Index) [| group.SolveRate |]

        { memory with
            Visits =
                [|
                    for KeyValue(question, rates) in seen -> { Question = question; Rates = rates }
                |]
        }

/// Rollouts to sample of one question.
type GroupRequest =
    {
        /// Which of the step's groups they join; one past the last begins a new one.
        Place: int
        /// Index among the training questions, or the expert's.
        Question: int
        /// At least 1.
        Rollouts: int
    }

/// A round of sampling.
type Draw =
    {
        /// Empty ends the step's sampling.
        Requests: GroupRequest[]
        /// How many upcoming questions were used or passed over.
        Taken: int
    }

    /// Sampling is over.
    static member None: Draw = { Requests = [||]; Taken = 0 }

/// What an allocation sees of the step under way.
type AllocationView =
    {
        /// The step's own.
        Seed: Seed
        /// The step that is being sampled, from 0.
        Step: int
        /// What the rule remembers of the steps before.
        Memory: AllocationMemory
        /// Rounds of this step so far; 0 before the first.
        Rounds: int
        /// Groups of this step so far, in the order of their places.
        Sampled: Group[]
        /// The next n training questions, in the run's order, that no step and no round has taken.
        Upcoming: int -> int[]
        /// Training questions there are.
        Questions: int
        /// Groups of a step that samples evenly, at least 1, and rollouts of each.
        QuestionsPerStep: int
        /// Rollouts of a group where sampling is even, at least 1.
        GroupSize: int
        /// What the run has spent and may spend.
        Ledger: Ledger
    }

    /// New groups for questions, `rollouts` each.
    member view.Open(rollouts: int, questions: int[]) : GroupRequest[] =
        questions
        |> Array.mapi (fun i question ->
            {
                Place = view.Sampled.Length + i
                Question = question
                Rollouts = rollouts
            })

    /// More rollouts for the groups that there are, [groups]; none where the number is not above 0.
    member view.Grow(rollouts: int[]) : GroupRequest[] =
        Array.mapi2
            (fun place (group: Group) more ->
                {
                    Place = place
                    Question = group.Index
                    Rollouts = more
                })
            view.Sampled
            rollouts
        |> Array.filter (fun request -> request.Rollouts > 0)

/// Which questions a main step samples, how often, and which rollouts it trains on. What it asks for beyond the budget, or
/// beyond the next mark, is not sampled.
[<ReferenceEquality>]
type AllocationRule =
    {
        /// In snake_case.
        Name: string
        /// The next round; none ends the step's sampling.
        Next: AllocationView -> Draw
        /// Places of the rollouts that are trained on, [groups][]; a group without any is dropped.
        Keep: AllocationView -> int[][]
        /// The memory after the step's sampling.
        Remember: AllocationView -> AllocationMemory
    }

    /// A rule of one's own in one round: from the upcoming questions' last solve rates, [Q], NaN where there is none, and the
    /// step's rollouts to the number for each, [Q].
    static member Create(name: string, counts: System.Func<float[], int, int[]>) : AllocationRule =
        {
            Name = name
            Next =
                fun view ->
                    if view.Rounds > 0 then
                        Draw.None
                    else
                        let questions = view.Upcoming view.QuestionsPerStep

                        let rates =
                            questions
                            |> Array.map (fun question -> Array.tryLast (view.Memory.RatesOf question))
                            |> Array.map (Option.defaultValue nan)

                        let wanted = counts.Invoke(rates, view.QuestionsPerStep * view.GroupSize)
                        Check.length (nameof counts) questions.Length "one for each question" wanted

                        {
                            Requests =
                                Array.zip questions wanted
                                |> Array.filter (fun (_, rollouts) -> rollouts > 0)
                                |> Array.mapi (fun place (question, rollouts) ->
                                    {
                                        Place = place
                                        Question = question
                                        Rollouts = rollouts
                                    })
                            Taken = questions.Length
                        }
            Keep = fun view -> view.Sampled |> Array.map (fun group -> [| 0 .. group.Members.Length - 1 |])
            Remember = fun view -> view.Memory.Visiting view.Sampled
        }
