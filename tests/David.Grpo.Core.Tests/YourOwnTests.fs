/// A reward, an arm and a budget policy of one's own in F#; docs/own.md points here.
module David.Grpo.Tests.YourOwnTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

/// F1 with half of the weight, and nothing at all for who searched more than three times.
let private modest: RewardRule =
    Reward.sum "modest" [| Reward.f1 0.5; Reward.coverage 0.5 |]
    |> Reward.gatedBy (fun trajectory -> trajectory.Searches.Length <= 3)

/// Leave-one-out advantages, REINFORCE without a clip, each sequence the same.
let private plain (arm: Arm) : Arm =
    { arm with
        Name = "modest_reinforce"
        Title = "Modest REINFORCE"
        Reward = modest
        Advantage = AdvantageRules.bySequence "rloo" Advantage.leaveOneOut
        Objective = ObjectiveRules.create "reinforce" (Clip.Symmetric 0.2) Aggregation.SequenceMeanTokenMean
    }

/// Every search after the second costs the price.
let private beyondTwo: SpendingRule =
    SpendingRule.Create("beyond_two", fun trajectory -> float (max 0 (trajectory.Searches.Length - 2)))

let private total rule trajectory =
    match Reward.scoreOf rule trajectory with
    | RewardOutcome.Scored parts -> parts.Total
    | RewardOutcome.Failed reason -> failwith reason

[<Tests>]
let tests =
    testList "YourOwnTests" [
        test "an own reward composes terms and gates" {
            let found searches =
                trajectory [ "a"; "b" ] (List.replicate searches [ "a" ]) (Ending.Answered "right")

            total modest (found 2) |> equals 0.75
            total modest (found 4) |> equals 0.0
        }

        test "an own arm is another one with parts changed" {
            let settings: ArmSettings =
                {
                    Task = TaskRewards.OfTags(fun _ -> null)
                    Lambda = 0.5
                    GroupSize = 4
                    Continuations = 1
                    Cut = CutPoint.EvidenceOfBest
                    Replacement = ReplacementCriterion.BetterThanBest
                    Scale = Scale.One
                    Clip = Clip.Symmetric 0.2
                    Aggregation = Aggregation.TokenMean
                    Spending = beyondTwo
                    Allocation = QuestionRules.uniform
                }

            let arm = plain (Arms.create "grpo" settings)
            arm.Advantage.Name |> equals "rloo"
            arm.Objective.Name |> equals "reinforce"
        }

        test "an own budget policy takes its price off the reward" {
            let spender searches =
                trajectory [ "a" ] (List.replicate searches [ "a" ]) (Ending.Answered "right") |> scored 1.0

            let group = groupOf [| spender 0; spender 2; spender 4 |]
            (beyondTwo.Shape 0.25 group).Rewards |> equals [| 1.0; 1.0; 0.5 |]
        }
    ]
