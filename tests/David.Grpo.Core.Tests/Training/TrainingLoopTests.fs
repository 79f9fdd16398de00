module David.Grpo.Tests.TrainingLoopTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private plan: LoopPlan =
    {
        Seed = Seed.ofInt64 1L
        Budget = { Limits.Unlimited with Rollouts = 500 }
        ImitationSteps = 0
        BootstrapSteps = 5
        ExpertQuestions = 4
        MainSteps = 1000
        TrainingQuestions = 50
        Shuffle = true
        QuestionsPerStep = 12
        BootstrapGroupSize = 5
        GroupSize = 5
        Forks = 1
        EvaluateEvery = 2
        Price = PriceControl.Fixed 0.0
        Allocation = QuestionRules.uniform
        Marks = [||]
        CheckpointEvery = 3
    }

/// Rollouts of a question that all answer nothing.
let private sampled (request: GroupRequest) : Group =
    let t = trajectory [] [] Ending.Unanswered

    (Group.Open(request.Question, false, t.Question))
        .Grown(Array.replicate request.Rollouts (scored 0.0 t), request.Rollouts)

let private rollouts (requests: GroupRequest[]) = requests |> Array.sumBy _.Rollouts

let private questionsOf (requests: GroupRequest[]) = requests |> Array.map _.Question

/// What a host would report: a third of the groups needs no fork.
let private report (state: LoopState) command =
    match command with
    | Command.Evaluate _ -> Event.Evaluated
    | Command.RollOut(_, requests) ->
        Event.RolledOut(
            { Cost.Zero with
                Rollouts = rollouts requests
            },
            Array.map sampled requests
        )
    | Command.Select kept -> Event.Selected(2.5, state.Sampled, (kept.Length - kept.Length / 3) * state.Plan.Forks)
    | Command.Explore forks -> Event.Explored({ Cost.Zero with Rollouts = forks }, state.Sampled)
    | Command.Update _ -> Event.Updated(4, 0, 0.5)
    | Command.SaveCheckpoint -> Event.Saved
    | Command.Finish -> failwith $"nothing follows the end of {state.Step} steps"

let rec private run state commands =
    match TrainingLoop.decide state with
    | Command.Finish -> state, List.rev commands
    | command -> run (TrainingLoop.evolve state (report state command)) (command :: commands)

[<Tests>]
let tests =
    testList "TrainingLoopTests" [
        test "a run begins with an evaluation and ends with a final one" {
            let _, commands = run (TrainingLoop.start plan) []
            List.head commands |> equals (Command.Evaluate true)
            List.last commands |> equals (Command.Evaluate true)
        }

        test "bootstrapping comes first and shows every expert question in each step" {
            let _, commands = run (TrainingLoop.start plan) []

            let phases =
                commands
                |> List.choose (function
                    | Command.RollOut(phase, requests) -> Some(phase, questionsOf requests)
                    | _ -> None)

            List.take 5 phases
            |> Seq.iter (fun (phase, questions) ->
                phase |> equals Phase.Bootstrapping
                questions |> equals [| 0..3 |])

            List.skip 5 phases |> Seq.iter (fun (phase, _) -> phase |> equals Phase.Main)
        }

        test "upcoming questions that a round cannot pay for come in the next one" {
            let greedy =
                { QuestionRules.uniform with
                    Next =
                        fun view ->
                            if view.Rounds > 0 then
                                Draw.None
                            else
                                {
                                    Requests = view.Open(view.GroupSize, view.Upcoming(3 * view.QuestionsPerStep))
                                    Taken = 3 * view.QuestionsPerStep
                                }
                }

            let plan =
                { plan with
                    BootstrapSteps = 0
                    Shuffle = false
                    Marks = [| 100; 350 |]
                    Allocation = greedy
                }

            let asked =
                run (TrainingLoop.start plan) []
                |> snd
                |> List.choose (function
                    | Command.RollOut(_, requests) -> Some(questionsOf requests)
                    | _ -> None)

            // 36 groups fit into neither what the first mark leaves nor the rest of the budget.
            asked |> List.map _.Length |> equals [ 16; 36; 34 ]
            Array.concat asked |> equals (Array.init 86 (fun i -> i % plan.TrainingQuestions))
        }

        test "rollouts for a question that is under way and cannot be paid for give no upcoming one back" {
            let rule =
                { QuestionRules.uniform with
                    Next =
                        fun view ->
                            match view.Rounds with
                            | 0 ->
                                {
                                    Requests = view.Open(2, view.Upcoming 2)
                                    Taken = 2
                                }
                            | 1 ->
                                {
                                    Requests =
                                        [|
                                            {
                                                Place = 2
                                                Question = (view.Upcoming 1)[0]
                                                Rollouts = 2
                                            }
                                            {
                                                Place = 0
                                                Question = view.Sampled[0].Index
                                                Rollouts = 1_000_000
                                            }
                                        |]
                                    Taken = 1
                                }
                            | _ -> Draw.None
                }

            run
                (TrainingLoop.start
                    { plan with
                        ExpertQuestions = 0
                        QuestionsPerStep = 2
                        MainSteps = 2
                        Shuffle = false
                        Allocation = rule
                    })
                []
            |> snd
            |> List.choose (function
                | Command.RollOut(_, requests) -> Some(questionsOf requests)
                | _ -> None)
            |> equals [ [| 0; 1 |]; [| 2 |]; [| 3; 4 |]; [| 5 |] ]
        }

        test "no plan spends more than its budget, and what is left does not buy half a step" {
            let plans =
                gen {
                    let! budget = Gen.choose (0, 1000)
                    let! boot = Gen.choose (0, 3)
                    let! experts = Gen.choose (0, 3)
                    let! perStep = Gen.choose (1, 20)
                    let! size = Gen.choose (1, 8)
                    let! forks = Gen.choose (0, 5)

                    return
                        { plan with
                            Budget = Limits.OfRollouts budget
                            BootstrapSteps = boot
                            ExpertQuestions = experts
                            QuestionsPerStep = perStep
                            GroupSize = size
                            Forks = forks
                        }
                }

            lawSeeing [ "main steps"; "bootstrapping"; "forks" ] plans (fun plan ->
                let state, commands = run (TrainingLoop.start plan) []
                let left = state.Ledger.RolloutsLeft
                let half groups = (groups + 1) / 2

                left >= 0
                && (left < half plan.QuestionsPerStep * (plan.GroupSize + plan.Forks)
                    // or the budget did not last through bootstrapping
                    || (state.Step < plan.BootstrapSteps && left < half plan.ExpertQuestions * plan.BootstrapGroupSize)),
                [
                    for command in commands do
                        match command with
                        | Command.RollOut(Phase.Main, _) -> "main steps"
                        | Command.RollOut _ -> "bootstrapping"
                        | Command.Explore _ -> "forks"
                        | _ -> ()
                ]
                |> List.distinct)
        }

        test "no step has less than half its questions" {
            lawSeeing [ "whole steps"; "shortened steps" ] (Gen.choose (0, 1000)) (fun budget ->
                let _, commands =
                    run
                        (TrainingLoop.start
                            { plan with
                                Budget = Limits.OfRollouts budget
                            })
                        []

                let sizes =
                    commands
                    |> List.choose (function
                        | Command.RollOut(Phase.Main, requests) -> Some requests.Length
                        | _ -> None)

                commands
                |> List.forall (function
                    | Command.RollOut(Phase.Main, requests) -> requests.Length >= 6
                    | Command.RollOut(_, requests) -> requests.Length >= 2
                    | _ -> true),
                [
                    if List.contains 12 sizes then
                        "whole steps"
                    if sizes |> List.exists (fun size -> size < 12) then
                        "shortened steps"
                ])
        }

        test "main questions are used once each before any comes again" {
            let _, commands = run (TrainingLoop.start plan) []

            let used =
                commands
                |> List.collect (function
                    | Command.RollOut(Phase.Main, requests) -> List.ofArray (questionsOf requests)
                    | _ -> [])

            used |> List.truncate 50 |> List.sort |> equals [ 0..49 ]
        }

        test "without shuffling questions come in their order" {
            let _, commands =
                run
                    (TrainingLoop.start
                        { plan with
                            Shuffle = false
                            ExpertQuestions = 0
                        })
                    []

            let first =
                commands
                |> List.pick (function
                    | Command.RollOut(_, requests) -> Some(questionsOf requests)
                    | _ -> None)

            first |> equals [| 0..11 |]
        }

        test "exploration is asked for only where it wants forks" {
            let state =
                TrainingLoop.evolve (TrainingLoop.start { plan with ExpertQuestions = 0 }) Event.Evaluated

            let selecting = TrainingLoop.evolve state (report state (TrainingLoop.decide state))
            TrainingLoop.decide selecting |> equals (Command.Select(Array.replicate 12 [| 0..4 |]))

            let solved =
                TrainingLoop.evolve selecting (Event.Selected(0.0, selecting.Sampled, 0))

            TrainingLoop.decide solved |> equals (Command.Update Phase.Main)

            let unsolved =
                TrainingLoop.evolve selecting (Event.Selected(0.0, selecting.Sampled, 7))

            TrainingLoop.decide unsolved |> equals (Command.Explore 7)
        }

        test "a run restored at any checkpoint goes on as if it had not stopped" {
            let rec compare state checkpoints =
                match TrainingLoop.decide state with
                | Command.Finish -> checkpoints
                | command ->
                    let next = TrainingLoop.evolve state (report state command)

                    if command = Command.SaveCheckpoint then
                        let restored = TrainingLoop.restore plan state.Progress

                        snd (run restored []) |> equals (snd (run next []))
                        compare next (checkpoints + 1)
                    else
                        compare next checkpoints

            isTrue (compare (TrainingLoop.start plan) 0 > 2)
        }

        test "a wish to stop ends the run at the step's checkpoint" {
            let state = TrainingLoop.evolve (TrainingLoop.start plan) Event.Evaluated
            TrainingLoop.decide (TrainingLoop.evolve state Event.StopWanted) |> equals Command.Finish

            let within = TrainingLoop.evolve state (report state (TrainingLoop.decide state))

            let _, commands = run (TrainingLoop.evolve within Event.StopWanted) []
            commands |> equals [ Command.Update Phase.Bootstrapping; Command.SaveCheckpoint ]
        }

        test "imitation comes before all else and costs no rollout" {
            let imitating =
                { plan with
                    ImitationSteps = 3
                    BootstrapSteps = 0
                }

            let final, commands = run (TrainingLoop.start imitating) []

            let updates =
                commands
                |> List.choose (function
                    | Command.Update phase -> Some phase
                    | _ -> None)

            List.take 3 updates |> equals (List.replicate 3 Phase.Imitation)
            List.skip 3 updates |> Seq.iter (fun phase -> phase |> equals Phase.Main)
            updates.Length |> equals final.Step
        }

        test "at each mark all questions are evaluated before the step that would pass it" {
            let marked = { plan with Marks = [| 150; 300 |] }

            let rec evaluations state found =
                match TrainingLoop.decide state with
                | Command.Finish -> List.rev found
                | command ->
                    let found =
                        match command with
                        | Command.Evaluate true -> state.Ledger.Spent.Rollouts :: found
                        | _ -> found

                    evaluations (TrainingLoop.evolve state (report state command)) found

            match evaluations (TrainingLoop.start marked) [] with
            | [ 0; first; second; last ] ->
                first |> isBetween (150 - 72) 150
                second |> isBetween (300 - 72) 300
                last |> isBetween (500 - 36) 500
            | others -> failtest $"whole evaluations at {others}"
        }

        test "tokens, searches and seconds end a run as rollouts do" {
            let costing =
                function
                | Event.RolledOut(cost, groups) ->
                    Event.RolledOut(
                        { cost with
                            GeneratedTokens = 7L * int64 cost.Rollouts
                            Searches = int64 cost.Rollouts
                        },
                        groups
                    )
                | event -> event

            let rec spend state =
                match TrainingLoop.decide state with
                | Command.Finish -> state.Ledger
                | command -> spend (TrainingLoop.evolve state (costing (report state command)))

            let ledger limits =
                spend (TrainingLoop.start { plan with Budget = limits })

            let tokens =
                ledger
                    { Limits.Unlimited with
                        GeneratedTokens = 2000L
                    }

            tokens.Spent.GeneratedTokens |> isBetween 1400L 2000L

            let searches =
                ledger
                    { Limits.Unlimited with
                        Searches = 300L
                    }

            searches.Spent.Searches |> isBetween 200L 300L
            let seconds = ledger { Limits.Unlimited with Seconds = 4.2 }
            seconds.Seconds |> isBetween 3.5 4.7
        }

        test "the commands of whole runs are those that were recorded" {
            let imitating =
                { plan with
                    ImitationSteps = 3
                    BootstrapSteps = 2
                    BootstrapGroupSize = 4
                    Marks = [| 150; 300 |]
                    EvaluateEvery = 3
                    CheckpointEvery = 2
                }

            let priced =
                { plan with
                    ExpertQuestions = 0
                    MainSteps = 7
                    Shuffle = false
                    EvaluateEvery = 0
                    Price =
                        PriceControl.Pid
                            {
                                Budget = 2.0
                                Proportional = 0.1
                                Integral = 0.1
                                Derivative = 0.0
                                ProportionalSmoothing = 0.0
                                DerivativeSmoothing = 0.0
                                Delay = 1
                                Initial = 0.25
                                Ceiling = 1.0
                            }
                }

            [
                for plan in [ plan; imitating; priced ] do
                    let state, commands = run (TrainingLoop.start plan) []
                    yield! commands |> List.map (fun command -> $"%A{command}")
                    $"%A{state.Ledger.Spent} {state.Ledger.Seconds} {state.Step} {state.Progress.Price.Multiplier}"
            ]
            |> areRecorded "cf5b510c6818bd82"
        }

        test "a run is between its steps before an evaluation, a first round and the end, and not within a step" {
            let refilled =
                { plan with
                    ExpertQuestions = 0
                    Allocation = QuestionRules.refill
                }

            let rec walk state seen =
                let command = TrainingLoop.decide state

                let kind =
                    match command with
                    | Command.Evaluate _
                    | Command.Finish -> "between"
                    | Command.RollOut _ when state.Rounds = 0 -> "first round"
                    | Command.RollOut _ -> "later round"
                    | _ -> "within"

                let seen = (kind, state.IsBetweenSteps) :: seen

                if command = Command.Finish then
                    List.distinct seen |> List.sort
                else
                    walk (TrainingLoop.evolve state (report state command)) seen

            walk (TrainingLoop.start refilled) []
            |> equals [ "between", true; "first round", true; "later round", false; "within", false ]
        }

        test "the main steps are counted from the end of the warm-up" {
            for imitation, boot in [ 0, 0; 2, 0; 0, 2; 1, 2 ] do
                let plan =
                    { plan with
                        ImitationSteps = imitation
                        BootstrapSteps = boot
                        MainSteps = 3
                        Budget = Limits.Unlimited
                    }

                let phases plan =
                    run (TrainingLoop.start plan) []
                    |> snd
                    |> List.choose (function
                        | Command.Update phase -> Some phase
                        | _ -> None)

                phases plan
                |> equals [
                    yield! List.replicate imitation Phase.Imitation
                    yield! List.replicate boot Phase.Bootstrapping
                    yield! List.replicate 3 Phase.Main
                ]

                // Without an expert there is no warm-up.
                phases { plan with ExpertQuestions = 0 } |> equals (List.replicate 3 Phase.Main)
        }

        test "the smallest plan is of one question, one group and one rollout; less is refused by number" {
            let least =
                { plan with
                    TrainingQuestions = 1
                    QuestionsPerStep = 1
                    GroupSize = 1
                }

            (TrainingLoop.start least).Stage |> equals Stage.Evaluation

            for lesser, part in
                [
                    { least with TrainingQuestions = 0 }, "at least 1"
                    { least with QuestionsPerStep = 0 }, "0 questions × 1 rollouts"
                    { least with GroupSize = 0 }, "1 questions × 0 rollouts"
                ] do
                let refused =
                    throws<System.ArgumentException>(fun () -> TrainingLoop.start lesser |> ignore)

                refused.Message |> containsText part
                refused.ParamName |> equals "plan"
        }

        test "a plan without questions is refused" {
            throws<System.ArgumentException>(fun () -> TrainingLoop.start { plan with TrainingQuestions = 0 } |> ignore)
            |> ignore
        }
    ]
