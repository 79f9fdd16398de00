module David.Grpo.Tests.ArmPartsTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests
open David.Grpo.Tests.ArmTests

/// What an arm is made of, and what it makes of three trajectories and of a token that has become likelier.
let private described (arm: Arm) =
    let members =
        [|
            trajectory [ "a"; "b" ] [ [ "a" ]; [ "a"; "x" ] ] (Ending.Answered "right")
            trajectory [ "a"; "b" ] [ [ "a"; "right" ] ] (Ending.Answered "right wrong")
            trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
        |]
        |> Array.mapi (fun i own ->
            match Reward.scoreOf arm.Reward own with
            | RewardOutcome.Failed reason -> failtest reason
            | RewardOutcome.Scored parts ->
                { scored 0.0 own with
                    Reward = parts
                    Tree = i / 2
                    Values = Array.replicate (Trajectory.trainedTokens own) 0.125
                })

    let advantages = arm.Advantage.Estimate [| groupOf members |] |> Array.concat

    let loss advantage =
        let batch = TokenBatch.Create([| 0 |], [| 0 |], [| advantage |], [| -1.0 |], [||])
        (lossOf arm.Objective [| 1.0 |] batch [| 0.5 |]).Value

    let numbers (items: float seq) =
        items |> Seq.map (fun item -> $"%.3f{item}") |> String.concat " "

    String.concat " | " [
        $"{arm.Name}, {arm.Title}: {arm.Reward.Name}, {arm.Exploration.Name} {arm.Exploration.MaxForks}, {arm.Advantage.Name}, {arm.Objective.Name} by %A{arm.Objective.Aggregation}, {arm.Spending.Name}, {arm.Allocation.Name}"
        $"{arm.WarmUp}, critic {arm.HasCritic}, main {arm.HasMain}, prefix {arm.TrainsKeptPrefix}, {arm.GroupSize} members"
        numbers (members |> Array.map _.Reward.Total)
        numbers (advantages |> Array.map Array.head)
        numbers [ loss 1.0; loss -1.0 ]
    ]

[<Tests>]
let tests =
    testList "ArmPartsTests" [
        test "the arms are made of what their papers say" {
            Arms.names
            |> Array.map (fun name -> Arms.create name settings |> described)
            |> equals [|
                "grpo, GRPO: gated, answer alone, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | None, critic False, main True, prefix True, 5 members | 1.000 0.000 0.000 | 1.155 -0.577 -0.577 | -1.200 4.482"
                "grpo_coverage, GRPO + coverage: gated, λ 0.5, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | None, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "autocoa, AutoCoA's reward: auto_coa, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | None, critic False, main True, prefix True, 5 members | 1.000 0.000 0.000 | 1.155 -0.577 -0.577 | -1.200 4.482"
                "sft, SFT: gated, answer alone, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | Imitation, critic False, main False, prefix True, 5 members | 1.000 0.000 0.000 | 1.155 -0.577 -0.577 | -1.200 4.482"
                "sft_grpo, SFT, then GRPO: gated, answer alone, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | Imitation, critic False, main True, prefix True, 5 members | 1.000 0.000 0.000 | 1.155 -0.577 -0.577 | -1.200 4.482"
                "step_search, StepSearch: step_search, independent 0, gae, clipped_surrogate by TokenMean, free, uniform | None, critic True, main True, prefix True, 1 members | 0.200 0.667 -1.000 | 0.373 0.968 -1.157 | -1.200 4.482"
                "tree_grpo, Tree-GRPO: search_r1, tree 4, tree_relative, clipped_surrogate by TokenMean, free, uniform | None, critic False, main True, prefix True, 2 members | 1.000 0.200 0.000 | 1.841 -1.085 -0.756 | -1.200 3.000"
                "search_r1, Search-R1 v0.3: search_r1, independent 0, group_relative, clipped_surrogate by TokenMean, free, uniform | None, critic False, main True, prefix True, 5 members | 1.000 0.300 0.000 | 1.104 -0.260 -0.844 | -1.200 4.482"
                "david, David-GRPO: gated, λ 0.5, continuation 2, group_relative, clipped_surrogate by QuestionMean, free, uniform | Bootstrapping, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "david_no_bootstrap, David − bootstrapping: gated, λ 0.5, continuation 2, group_relative, clipped_surrogate by QuestionMean, free, uniform | None, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "david_sft, David, SFT for bootstrapping: gated, λ 0.5, continuation 2, group_relative, clipped_surrogate by QuestionMean, free, uniform | Imitation, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "david_no_coverage, David − coverage: gated, answer alone, continuation 2, group_relative, clipped_surrogate by QuestionMean, free, uniform | Bootstrapping, critic False, main True, prefix True, 5 members | 1.000 0.000 0.000 | 1.155 -0.577 -0.577 | -1.200 4.482"
                "david_turn_credit, David, coverage by turn: gated, λ 0.5, continuation 2, same_turn, clipped_surrogate by QuestionMean, free, uniform | Bootstrapping, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "david_no_continuation, David − continuation: gated, λ 0.5, independent 0, group_relative, clipped_surrogate by QuestionMean, free, uniform | Bootstrapping, critic False, main True, prefix True, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
                "david_masked_prefix, David, kept prefix masked: gated, λ 0.5, continuation 2, group_relative, clipped_surrogate by QuestionMean, free, uniform | Bootstrapping, critic False, main True, prefix False, 5 members | 0.750 0.250 0.000 | 1.091 -0.218 -0.873 | -1.200 4.482"
            |]
        }

        test "a task in words has the authors' reward and form" {
            let task = TaskRewards.OfText(fun _ -> null)
            let tags = TaskRewards.OfTags(fun _ -> null)
            (task.Protocol, (task.RewardOf 0.5).Name) |> equals (TranscriptProtocol.Text, "authors")
            (tags.Protocol, (tags.RewardOf 0.5).Name) |> equals (TranscriptProtocol.Tag, "gated")
        }

        test "an arm with one part changed is the same in all others" {
            let david, other = Arms.create "david" settings, Arms.create "step_search" settings

            for changed, expected in
                [
                    david.Named("mine", "Mine"),
                    { david with
                        Name = "mine"
                        Title = "Mine"
                        Source = "David-GRPO with changes"
                    }
                    david.WithReward other.Reward, { david with Reward = other.Reward }
                    david.WithExploration other.Exploration,
                    { david with
                        Exploration = other.Exploration
                    }
                    david.WithAdvantage(AdvantageRules.create "rloo" Scale.One),
                    { david with
                        Advantage = AdvantageRules.create "rloo" Scale.One
                    }
                    david.WithObjective other.Objective,
                    { david with
                        Objective = other.Objective
                    }
                    david.WithSpending SpendingRules.perSearch,
                    { david with
                        Spending = SpendingRules.perSearch
                    }
                    david.WithAllocation QuestionRules.refill,
                    { david with
                        Allocation = QuestionRules.refill
                    }
                    david.WithWarmUp WarmUp.None, { david with WarmUp = WarmUp.None }
                ] do
                described changed |> equals (described expected)
                (changed.Source, changed.Deviations) |> equals (expected.Source, expected.Deviations)
        }
    ]
