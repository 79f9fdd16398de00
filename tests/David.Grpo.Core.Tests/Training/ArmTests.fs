module David.Grpo.Tests.ArmTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let settings: ArmSettings =
    {
        Task = TaskRewards.OfTags(fun _ -> "some text")
        Lambda = 0.5
        GroupSize = 5
        Continuations = 2
        Cut = CutPoint.EvidenceOfBest
        Replacement = ReplacementCriterion.BetterThanBest
        Scale = Scale.SampleDeviation 1e-6
        Clip = Clip.Symmetric 0.2
        Aggregation = Aggregation.QuestionMean
        Spending = SpendingRules.free
        Allocation = QuestionRules.uniform
    }

let lossOf (rule: ObjectiveRule) weights batch logProbs =
    let tokens: TokenBatches.Sample =
        {
            Batch = batch
            LogProbs = logProbs
            Entropies = Array.zeroCreate batch.Tokens
        }

    rule.Loss(TokenBatches.context weights tokens)

/// A member with so many searches, each finding "a".
let private rollout searches total tree : Member =
    { (trajectory [ "a" ] (List.replicate searches [ "a" ]) (Ending.Answered "x") |> scored total) with
        Tree = tree
    }

/// Gates over evidence and answer, by turn and at the end.
let private gates =
    [
        Reward.gated 0.5
        Reward.gated 0.5 |> Reward.creditTurns 0.5
        Reward.sum "own" [| Reward.coverage 0.7; Reward.f1 0.3 |] |> Reward.gatedBy _.Ending.IsAnswered
    ]

/// Members of a group that were asked the same: what each found, search by search, and whether it answered, rightly.
let private gatedGroup searches =
    gen {
        let! size = Gen.choose (2, 6)
        let! number = searches

        let answered =
            Gen.elements [
                Ending.Answered "right"
                Ending.Answered "wrong"
                Ending.Unanswered
                Ending.Truncated
            ]

        let found = Gen.listOf (Gen.elements [ "a"; "b"; "x" ])

        let! members =
            Gen.zip
                (match number with
                 | Some count -> Gen.listOfLength count (Gen.constant [ "a"; "x" ])
                 | None -> Gen.resize 4 (Gen.listOf found))
                answered
            |> Gen.listOfLength size

        return members |> List.map (fun (found, ending) -> trajectory [ "a"; "b" ] found ending)
    }

let private noOpenBelowClosed names gate (trajectories: Trajectory list) =
    let members =
        [|
            for t in trajectories do
                match Reward.scoreOf gate t with
                | RewardOutcome.Scored parts ->
                    { scored 0.0 t with
                        Reward = parts
                        Values = Array.zeroCreate (Trajectory.trainedTokens t)
                    }
                | RewardOutcome.Failed reason -> failwith reason
        |]

    names
    |> Seq.forall (fun name ->
        let advantages =
            (AdvantageRules.create name (Scale.SampleDeviation 1e-6)).Estimate [| groupOf members |]
            |> Array.head

        Seq.allPairs (Array.zip members advantages) (Array.zip members advantages)
        |> Seq.filter (fun ((closed, _), (opened, _)) ->
            not closed.Trajectory.Ending.IsAnswered && opened.Trajectory.Ending.IsAnswered)
        |> Seq.forall (fun ((closed, less), (opened, more)) ->
            // Turn by turn, of the turns that both have.
            Seq.allPairs
                (Array.zip (AdvantageRules.turnsOf closed.Trajectory) less)
                (Array.zip (AdvantageRules.turnsOf opened.Trajectory) more)
            |> Seq.filter (fun ((turn, _), (other, _)) -> turn = other)
            |> Seq.forall (fun ((_, less), (_, more)) -> less <= more + 1e-9)))

/// Estimators that compare members with their like alone: a closed gate is compared with an open one of its structure.
let private byStructure = set [ "stratified"; "tree_relative"; "gigpo" ]

[<Tests>]
let tests =
    testList "ArmTests" [
        test "every name makes the arm of that name" {
            for name in Arms.names do
                let arm = Arms.create name settings
                arm.Name |> equals name
                isNotEmpty arm.Title
                isNotEmpty arm.Source
                isTrue (arm.GroupSize >= 1)

            (Array.distinct Arms.names).Length |> equals Arms.names.Length
        }

        test "an unknown arm is refused with the names that there are" {
            let refused =
                throws<System.ArgumentException>(fun () -> Arms.create "davd" settings |> ignore)

            refused.Message |> containsText "davd"
            refused.Message |> containsText "search_r1"
        }

        test "each ablation changes one part of David" {
            let david = Arms.create "david" settings
            let without name = Arms.create name settings
            (without "david_no_bootstrap").WarmUp |> equals WarmUp.None
            (without "david_sft").WarmUp |> equals WarmUp.Imitation
            (without "david_no_continuation").Exploration.MaxForks |> equals 0
            david.Exploration.MaxForks |> equals 2
            isFalse (without "david_masked_prefix").TrainsKeptPrefix
            let half = trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "right")

            let total (arm: Arm) =
                match Reward.scoreOf arm.Reward half with
                | RewardOutcome.Scored parts -> parts.Total
                | RewardOutcome.Failed reason -> failwith reason

            total david |> equals 0.75
            total (without "david_no_coverage") |> equals 1.0
            total (without "david_turn_credit") |> equals 0.75
        }

        test "Tree-GRPO has two trees of three leaves, and a dual clip at 3" {
            let arm = Arms.create "tree_grpo" settings
            arm.GroupSize |> equals 2

            let group =
                [|
                    trajectory [ "a" ] [ [ "x" ]; [ "a" ] ] Ending.Unanswered
                    trajectory [ "a" ] [] Ending.Unanswered
                |]

            let forks =
                arm.Exploration.Forks(Seed.ofInt64 1L, groupOf (group |> Array.map (scored 0.0)))

            forks |> Array.map _.Member |> equals [| 0; 0; 1; 1 |]

            forks
            |> Seq.iter (fun fork -> fork.KeptSegments |> isBetween 1 (group[fork.Member].Segments.Length - 1))

            arm.Exploration.Select [| 0.0; 1.0 |] [| 0.0; 0.0; 1.0; 0.5 |] |> equals [| 0..5 |]

            let batch = TokenBatch.Create([| 0 |], [| 0 |], [| -1.0 |], [| -5.0 |], [||])
            (lossOf arm.Objective [| 1.0 |] batch [| -1.0 |]).Value |> equals 3.0
        }

        test "a tree's advantages are those of GroupStructure on each of its tokens" {
            let group = [| rollout 1 1.0 0; rollout 0 0.0 0; rollout 2 0.5 1; rollout 0 0.0 1 |]
            let scale = Scale.SampleDeviation 1e-6

            let expected =
                GroupStructure.treeRelative scale [| 0; 0; 1; 1 |] [| 1.0; 0.0; 0.5; 0.0 |]

            let actual = (AdvantageRules.treeRelative scale).Estimate [| groupOf group |]

            Array.iteri2
                (fun i (own: float[]) expected ->
                    own.Length |> equals (Trajectory.trainedTokens group[i].Trajectory)
                    own |> Seq.iter (fun advantage -> advantage |> equals expected))
                actual[0]
                expected
        }

        test "every estimator gives one finite number for each trained token" {
            law (fun (members: (byte * byte) list, others: (byte * byte) list) ->
                let group members =
                    members
                    |> List.truncate 6
                    |> List.mapi (fun i (searches, reward) ->
                        rollout (int searches % 4) (float reward / 255.0) (i / 2))
                    |> Array.ofList

                let groups =
                    [| group members; group others |] |> Array.filter (Array.isEmpty >> not) |> Array.map groupOf

                AdvantageRules.names
                |> Array.forall (fun name ->
                    let advantages =
                        (AdvantageRules.create name (Scale.SampleDeviation 1e-6)).Estimate groups

                    Array.forall2
                        (fun (group: Group) (own: float[][]) ->
                            Array.forall2
                                (fun (rollout: Member) (tokens: float[]) ->
                                    tokens.Length = Trajectory.trainedTokens rollout.Trajectory
                                    && Array.forall System.Double.IsFinite tokens)
                                group.Members
                                own)
                        groups
                        advantages))
        }

        test "a closed gate never has the larger advantage, whatever the estimator and the gate" {
            for gate in gates do
                lawFor
                    (gatedGroup (Gen.constant None))
                    (noOpenBelowClosed (AdvantageRules.names |> Seq.filter (byStructure.Contains >> not)) gate)

                lawFor (gatedGroup (Gen.choose (0, 3) |> Gen.map Some)) (noOpenBelowClosed AdvantageRules.names gate)
        }

        test "who found all and never answered learns less than who answered wrongly" {
            // With the terms behind the gate, GDPO would pay the first member for its evidence.
            let group =
                [
                    trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
                    trajectory [ "a"; "b" ] [] (Ending.Answered "wrong")
                    trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "right")
                ]

            isTrue (noOpenBelowClosed [ "gdpo" ] (Reward.gated 0.5) group)
        }

        test "no exploration makes more forks than it may, of a group of any size" {
            let greedy =
                ExplorationRule.Create(
                    "greedy",
                    1,
                    (fun _ group -> group.Members |> Array.mapi (fun i _ -> { Member = i; KeptSegments = 1 })),
                    fun rewards _ -> [| 0 .. rewards.Length - 1 |]
                )

            for rule in
                [
                    greedy
                    ExplorationRules.independent
                    ExplorationRules.tree 2 2
                    ExplorationRules.continuation 3 CutPoint.RandomOfAny ReplacementCriterion.BetterThanWorst
                ] do
                for size in 1..8 do
                    let group = groupOf (Array.init size (fun i -> rollout (i % 3) 0.0 i))
                    rule.Forks(Seed.ofInt64 (int64 size), group).Length |> isBetween 0 rule.MaxForks
        }

        test "a turn's tokens are those before its search" {
            // The helper writes two tokens a search, one an observation, one an answer.
            let t = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] (Ending.Answered "x")
            let turns = AdvantageRules.turnsOf t
            turns.Length |> equals (Trajectory.trainedTokens t)
            turns |> equals (Array.sort turns)
            Array.distinct turns |> equals [| 0; 1; 2 |]
        }

        test "rewards by token are paid at the end of their turns and add up to the total" {
            let t = trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] (Ending.Answered "right")

            match Reward.scoreOf (Reward.gated 0.5 |> Reward.creditTurns 0.5) t with
            | RewardOutcome.Failed reason -> failtest reason
            | RewardOutcome.Scored parts ->
                parts.Turns |> equals [| 0.25; 0.25; 0.5 |]

                let rewards = AdvantageRules.tokenRewards { scored 0.0 t with Reward = parts }

                Array.sum rewards |> equals parts.Total
                let turns = AdvantageRules.turnsOf t

                for turn in 0..2 do
                    rewards[Array.findIndexBack ((=) turn) turns] |> equals parts.Turns[turn]
        }

        test "paying by turn changes no trajectory's total" {
            law (fun (found: bool list, answered: bool) ->
                let searches =
                    found |> List.truncate 5 |> List.map (fun hit -> [ (if hit then "a" else "x") ])

                let ending =
                    if answered then
                        Ending.Answered "right"
                    else
                        Ending.Unanswered

                let t = trajectory [ "a"; "b" ] searches ending

                match
                    Reward.scoreOf (Reward.gated 0.5) t, Reward.scoreOf (Reward.creditTurns 0.5 (Reward.gated 0.5)) t
                with
                | RewardOutcome.Scored late, RewardOutcome.Scored early ->
                    late.Total = early.Total
                    && (early.Turns.Length = 0 && late.Total = 0.0 || abs (Array.sum early.Turns - late.Total) < 1e-12)
                | _ -> false)
        }

        test "with a critic that knows nothing the advantages are the whitened returns" {
            let group =
                [| rollout 1 1.0 0; rollout 0 0.0 1 |]
                |> Array.map (fun rollout ->
                    { rollout with
                        Values = Array.zeroCreate (Trajectory.trainedTokens rollout.Trajectory)
                    })

            let returns =
                group |> Array.map (fun rollout -> Returns.toGo 1.0 (AdvantageRules.tokenRewards rollout))

            (AdvantageRules.generalizedAdvantages 1.0 1.0).Estimate [| groupOf group |]
            |> Array.concat
            |> equals (Whitening.overTokens Whitening.VerlMasked returns)
        }

        test "every objective has a finite loss, and one slope for each token" {
            let batch =
                TokenBatch.Create(
                    [| 0; 0; 1; 1; 1 |],
                    [| 0; 0 |],
                    [| 1.0; 1.0; -0.5; -0.5; -0.5 |],
                    [| -1.0; -0.5; -2.0; -0.1; -0.7 |],
                    [| -1.0; -0.5; -2.0; -0.1; -0.7 |]
                )

            for name in ObjectiveRules.names do
                let rule = ObjectiveRules.create name (Clip.Symmetric 0.2) Aggregation.TokenMean
                let weights = Aggregation.weights rule.Aggregation batch
                let loss = lossOf rule weights batch [| -1.1; -0.4; -1.9; -0.1; -0.8 |]
                Expect.isTrue (System.Double.IsFinite loss.Value) name
                loss.Gradient.Length |> equals 5
                loss.Gradient |> Seq.iter (fun slope -> Expect.isTrue (System.Double.IsFinite slope) name)
                loss.Gradient |> containsAny (fun slope -> slope <> 0.0)
        }

        test "on the old policy the token-level objectives have the policy gradient's slopes" {
            let old = [| -1.0; -0.5; -2.0 |]

            let batch =
                TokenBatch.Create([| 0; 0; 1 |], [| 0; 1 |], [| 1.0; 1.0; -0.5 |], old, [||])

            for name in
                [
                    "clipped_surrogate"
                    "dapo"
                    "dual_clip"
                    "cispo"
                    "reinforce"
                    "dppo"
                    "vespo"
                    "dro"
                ] do
                let rule = ObjectiveRules.create name (Clip.Symmetric 0.2) Aggregation.TokenMean
                let weights = Aggregation.weights rule.Aggregation batch
                let slopes = (lossOf rule weights batch old).Gradient
                Array.iter2 (fun (a: float) b -> a |> isNear 0.5e-12 (-b / 3.0)) slopes batch.Advantages
        }
    ]
