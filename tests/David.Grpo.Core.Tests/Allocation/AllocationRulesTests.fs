module David.Grpo.Tests.AllocationRulesTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private plan (rule: AllocationRule) : LoopPlan =
    {
        Seed = Seed.ofInt64 3L
        Budget = Limits.OfRollouts 1500
        ImitationSteps = 0
        BootstrapSteps = 0
        ExpertQuestions = 0
        MainSteps = 1000
        TrainingQuestions = 30
        Shuffle = true
        QuestionsPerStep = 8
        BootstrapGroupSize = 4
        GroupSize = 4
        Forks = 0
        EvaluateEvery = 0
        Price = PriceControl.Fixed 0.0
        Allocation = rule
        Marks = [||]
        CheckpointEvery = 3
    }

/// A third of the questions is never solved, a third always, the others half the time; wrong answers are all alike.
let private rateOf question = [| 0.0; 0.5; 1.0 |][question % 3]

/// The groups of the step after a round, with rollouts drawn anew.
let private grown (rateOf: int -> float) (state: LoopState) (requests: GroupRequest[]) : Group[] =
    (state.Sampled, requests)
    ||> Array.fold (fun groups request ->
        let seed =
            Seed.path [| int64 state.Step; int64 state.Rounds; int64 request.Place |] (Seed.ofInt64 9L)

        let members =
            Array.init request.Rollouts (fun i ->
                let isRight = Seed.uniform (Seed.child (int64 i) seed) < rateOf request.Question

                trajectory [] [] (Ending.Answered(if isRight then "right" else "wrong"))
                |> scored (if isRight then 1.0 else 0.0))

        if request.Place = groups.Length then
            let group =
                Group.Open(request.Question, false, (trajectory [] [] Ending.Unanswered).Question)

            Array.append groups [| group.Grown(members, members.Length) |]
        else
            Array.updateAt request.Place (groups[request.Place].Grown(members, members.Length)) groups)

let private report rateOf (state: LoopState) command =
    match command with
    | Command.Evaluate _ -> Event.Evaluated
    | Command.RollOut(_, requests) ->
        Event.RolledOut(
            { Cost.Zero with
                Rollouts = requests |> Array.sumBy _.Rollouts
            },
            grown rateOf state requests
        )
    | Command.Select kept ->
        Event.Selected(
            0.0,
            Array.map2 (fun (group: Group) places -> group.At places) state.Sampled kept,
            kept.Length * state.Plan.Forks
        )
    | Command.Explore forks -> Event.Explored({ Cost.Zero with Rollouts = forks }, state.Sampled)
    | Command.Update _ -> Event.Updated(1, 0, 0.1)
    | Command.SaveCheckpoint -> Event.Saved
    | Command.Finish -> failwith "nothing follows the end"

/// The states in which commands were given, with the commands.
let private runAt rateOf state =
    state
    |> List.unfold (fun state ->
        match TrainingLoop.decide state with
        | Command.Finish -> None
        | command -> Some((state, command), TrainingLoop.evolve state (report rateOf state command)))

let private run = runAt rateOf

let private runOf rule = run (TrainingLoop.start (plan rule))

/// The groups of each step and which of their rollouts were kept.
let private steps commands =
    commands
    |> List.choose (function
        | (state: LoopState), Command.Select kept -> Some(state.Sampled, kept)
        | _ -> None)

let private rules = AllocationRules.names

[<Tests>]
let tests =
    testList "AllocationRulesTests" [
        testTheory
            "no allocation spends more than the budget, passes a mark before it was evaluated at, or stands still"
            rules
            (fun name ->
                let plans =
                    gen {
                        let! budget = Gen.choose (0, 900)
                        let! mark = Gen.choose (0, 900)
                        let! perStep = Gen.choose (1, 12)
                        let! size = Gen.choose (1, 8)
                        let! forks = Gen.choose (0, 2)

                        return
                            { plan (AllocationRules.create name) with
                                Budget = Limits.OfRollouts budget
                                Marks = [| mark |]
                                QuestionsPerStep = perStep
                                GroupSize = size
                                Forks = forks
                            }
                    }

                lawSeeing [ "several steps"; "a mark that was passed" ] plans (fun plan ->
                    let commands = run (TrainingLoop.start plan)

                    let evaluatedAt =
                        commands
                        |> List.choose (function
                            | state, Command.Evaluate true -> Some state.Ledger.Spent.Rollouts
                            | _ -> None)

                    let final = commands |> List.last |> fst

                    // A ledger throws where too much is spent.
                    final.Ledger.RolloutsLeft >= 0
                    // Where the mark was passed, an evaluation lies less than an even step before it.
                    && (final.Ledger.Spent.Rollouts <= plan.Marks[0]
                        || evaluatedAt
                           |> List.exists (fun spent ->
                               spent <= plan.Marks[0]
                               && spent > plan.Marks[0] - plan.QuestionsPerStep * (plan.GroupSize + plan.Forks)))
                    && commands
                       |> List.forall (function
                           | _, Command.RollOut(_, requests) -> requests.Length > 0
                           | _ -> true),
                    [
                        if final.Step > 2 then
                            "several steps"
                        if final.Ledger.Spent.Rollouts > plan.Marks[0] then
                            "a mark that was passed"
                    ]))

        testTheory "a run restored at any checkpoint goes on as if it had not stopped" rules (fun name ->
            let plan = plan (AllocationRules.create name)

            let checkpoints =
                run (TrainingLoop.start plan) |> List.filter (fun (_, command) -> command = Command.SaveCheckpoint)

            isTrue (checkpoints.Length > 2)

            for state, _ in checkpoints do
                let after = run (TrainingLoop.evolve state Event.Saved) |> List.map snd
                let restored = run (TrainingLoop.restore plan state.Progress) |> List.map snd
                restored |> equals after)

        test "refilled steps are full of groups with a signal" {
            for groups, kept in steps (runOf QuestionRules.refill) |> List.truncate 10 do
                let trained = kept |> Array.filter (fun places -> places.Length > 0)

                Array.zip groups kept
                |> Seq.iter (fun (group, places) -> (places.Length > 0) |> equals (Selection.hasSignal group.Rewards))
                // A third of the questions has one: three rounds of at most 8 find more than an even step's 2 or 3.
                trained.Length |> isBetween 4 24
        }

        test "questions that are always or never solved are skipped more and more" {
            let shareOf commands =
                commands
                |> List.collect (fun (groups: Group[], _) -> List.ofArray groups)
                |> List.averageBy (fun group -> if Selection.hasSignal group.Rewards then 1.0 else 0.0)

            let plan =
                { plan QuestionRules.skip with
                    Budget = Limits.OfRollouts 6000
                }

            let all = steps (run (TrainingLoop.start plan))
            let first, last = List.truncate 8 all, List.skip (all.Length - 8) all
            Expect.isTrue (shareOf last > 1.5 * shareOf first) $"{shareOf first} to {shareOf last}"
        }

        test "the knapsack gives most to questions that are solved now and then" {
            // Every question has been visited after four steps.
            let later = steps (runOf AllocationRules.knapsack) |> List.skip 5

            let mean third =
                later
                |> List.collect (fun (groups, _) -> List.ofArray groups)
                |> List.filter (fun group -> group.Index % 3 = third)
                |> List.averageBy (fun group -> float group.Rewards.Length)

            Expect.isTrue (mean 1 > 1.5 * mean 0 && mean 1 > 1.5 * mean 2) $"{mean 0}, {mean 1}, {mean 2}"

            later
            |> List.rev
            |> List.skip 1
            |> Seq.iter (fun (groups, _) -> groups |> Array.sumBy _.Rewards.Length |> equals 32)
        }

        test "a pilot commits to what is solved now and then, and what is hard comes again" {
            let all = steps (runOf AllocationRules.pilot)

            for groups, kept in List.rev all |> List.skip 1 do
                for group, places in Array.zip groups kept do
                    if places.Length > 0 then
                        group.Rewards.Length |> equals (2 + 4)
                    else
                        group.Rewards.Length |> equals 2

            // Five visits of a pass of thirty are even; questions that nobody solves are drawn oftener.
            let visits third =
                all
                |> List.collect (fun (groups, _) -> List.ofArray groups)
                |> List.filter (fun group -> group.Index % 3 = third)
                |> List.length

            isTrue (visits 0 > visits 2)
        }

        test "variance and hardness draw the second half of a step's rollouts" {
            let mean rule third =
                steps (runOf rule)
                |> List.collect (fun (groups, _) -> List.ofArray groups)
                |> List.filter (fun group -> group.Index % 3 = third)
                |> List.averageBy (fun group -> float group.Rewards.Length)

            isTrue (mean AllocationRules.byVariance 1 > mean AllocationRules.byVariance 2 + 1.0)
            isTrue (mean AllocationRules.inverseRoot 0 > mean AllocationRules.inverseRoot 2 + 1.0)
        }

        testCase "a question that gave a signal does not come again in its pass" (fun () ->
            let mutable spent = Set.empty

            for groups, _ in steps (runOf QuestionRules.recycle) do
                groups |> Seq.iter (fun group -> spent |> lacks group.Index)

                spent <-
                    (spent, groups)
                    ||> Array.fold (fun spent group ->
                        if Selection.hasSignal group.Rewards then
                            spent.Add group.Index
                        else
                            spent)

                // A pass ends when all are spent; here only a third ever is.
                spent |> Seq.iter (fun question -> question % 3 |> equals 1))

        test "of twice the rollouts those of the largest variance are kept" {
            for groups, kept in steps (runOf AllocationRules.maximalVariance) |> List.truncate 5 do
                groups.Length |> equals 4

                for group, places in Array.zip groups kept do
                    group.Rewards.Length |> equals 8
                    places.Length |> equals 4

                    let right =
                        places |> Array.filter (fun place -> group.Rewards[place] = 1.0) |> Array.length

                    let all = group.Rewards |> Array.filter ((=) 1.0) |> Array.length
                    right |> equals (max (4 - (8 - all)) (min 2 all))
        }

        test "conformal groups stop early, and the steps that calibrate are sampled to the end" {
            let sizesOf seed =
                let plan =
                    { plan AllocationRules.conformal with
                        Seed = Seed.ofInt64 seed
                        Budget = Limits.OfRollouts 3000
                        QuestionsPerStep = 24
                    }

                steps (run (TrainingLoop.start plan))
                |> List.map (fun (groups, _) -> groups |> Array.map _.Rewards.Length)

            // Where chance puts too many hopeless questions into a calibration, its thresholds are 1 and nothing stops.
            let all = List.init 5 (fun seed -> sizesOf (int64 seed))

            for sizes in all do
                Array.append sizes[0] sizes[8] |> Seq.iter (fun size -> size |> equals 8)
                Array.concat sizes |> Seq.iter (fun size -> [ 2; 4; 8 ] |> contains size)

            let stopping = all |> List.filter (fun sizes -> Array.contains 2 sizes[1])
            stopping.Length |> isBetween 2 5
        }

        test "a rule of one's own says how often each upcoming question is sampled" {
            let asked = ResizeArray()

            let twice =
                AllocationRule.Create(
                    "first_twice",
                    fun rates total ->
                        asked.Add((Array.filter System.Double.IsNaN rates).Length, total)
                        Array.init rates.Length (fun i -> if i = 0 then 2 else 1)
                )

            let groups, _ = steps (runOf twice) |> List.head
            groups |> Array.map _.Rewards.Length |> equals [| 2; 1; 1; 1; 1; 1; 1; 1 |]
            // It is told what a step has, and that no question was visited yet.
            asked[0] |> equals (8, 32)
            Draw.None |> equals { Requests = [||]; Taken = 0 }
        }

        testTheory
            "what an allocation samples and keeps of a run is what was recorded"
            [
                "uniform", "441ead3aed74a1cc"
                "refill", "acdda64439d825be"
                "skip", "1fbf020d7852e3f0"
                "knapsack", "5adeb18ac5347e8e"
                "pilot", "dd75e4f0aef6790a"
                "by_variance", "667753119bba0430"
                "inverse_root", "7cbc223039c75709"
                "recycle", "8e25d96d5c932116"
                "max_variance", "d77809857376d225"
                "conformal", "8926d6881037484c"
            ]
            (fun (name: string, digest: string) ->
                let plan budget questions size =
                    { plan (AllocationRules.create name) with
                        Budget = Limits.OfRollouts budget
                        QuestionsPerStep = questions
                        GroupSize = size
                    }

                // Seven rates, so that every threshold parts some.
                let graded question = float (question % 7) / 6.0

                [
                    for state, command in
                        List.concat [
                            run (TrainingLoop.start (plan 3000 9 5))
                            runAt graded (TrainingLoop.start (plan 4000 9 20))
                            runAt graded (TrainingLoop.start (plan 800 5 3))
                            runAt graded (TrainingLoop.start (plan 200 4 1))
                        ] do
                        match command with
                        | Command.RollOut(_, requests) ->
                            for request in requests do
                                $"{state.Step}.{state.Rounds}: {request.Place} {request.Question} × {request.Rollouts}"
                        | Command.Select kept -> $"%A{kept}"
                        | _ -> ()
                ]
                |> areRecorded digest)

        test "an unknown allocation is refused with the names there are" {
            let error =
                throws<System.ArgumentException>(fun () -> AllocationRules.create "greedy" |> ignore)

            error.Message |> containsText "uniform, refill, skip"
        }
    ]
