module David.Grpo.Tests.BudgetTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Tests>]
let tests =
    testList "BudgetTests" [
        test "no sequence of affordable groups overspends" {
            let wishes = Gen.zip (Gen.choose (0, 20)) (Gen.choose (1, 9)) |> Gen.listOf

            lawSeeing
                [ "nothing left"; "something left" ]
                (Gen.zip (Gen.choose (0, 500)) wishes)
                (fun (limit, wishes) ->
                    let ledger =
                        wishes
                        |> List.fold
                            (fun ledger (groups, size) ->
                                let affordable = Ledger.affordableGroups groups size ledger

                                Ledger.spend
                                    { Cost.Zero with
                                        Rollouts = affordable * size
                                    }
                                    ledger)
                            (Ledger.openFor (Limits.OfRollouts limit))

                    ledger.RolloutsLeft >= 0
                    && ledger.Spent.Rollouts = limit - ledger.RolloutsLeft
                    && Ledger.isSpent ledger = (ledger.RolloutsLeft = 0),
                    [
                        (if ledger.RolloutsLeft < 9 then
                             "nothing left"
                         else
                             "something left")
                    ])
        }

        test "whichever limit is reached first ends the budget, and forecasts the groups that it buys" {
            let limits =
                {
                    Rollouts = 100
                    GeneratedTokens = 1000L
                    Searches = 300L
                    Seconds = 50.0
                }

            let spent =
                { Cost.Zero with
                    Rollouts = 10
                    GeneratedTokens = 20L
                    Searches = 10L
                }

            let after tokens searches seconds =
                Ledger.restore
                    limits
                    { spent with
                        GeneratedTokens = tokens
                        Searches = searches
                    }
                    seconds

            // 90 rollouts are left; at so many tokens, searches or seconds a rollout fewer can be paid.
            for ledger, groups in
                [
                    after 20L 10L 1.0, 18
                    after 200L 10L 1.0, 8
                    after 20L 100L 1.0, 4
                    after 20L 10L 10.0, 8
                    after 0L 0L 0.0, 18
                    after 1000L 10L 1.0, 0
                    after 20L 300L 1.0, 0
                    after 20L 10L 50.0, 0
                ] do
                Ledger.affordableGroups 20 5 ledger |> equals groups
                Ledger.affordableGroups 3 5 ledger |> equals (min 3 groups)
                Ledger.isSpent ledger |> equals (groups = 0)

            let ledger = after 20L 10L 1.0
            (ledger.RolloutsLeft, ledger.GeneratedTokensLeft, ledger.SearchesLeft) |> equals (90, 980L, 290L)
            (ledger.Limits, ledger.Seconds) |> equals (limits, 1.0)
            Ledger.affordableGroups 5 0 (Ledger.openFor (Limits.OfRollouts 3)) |> equals 3

            for more in
                [
                    { Cost.Zero with Rollouts = 91 }
                    { Cost.Zero with
                        GeneratedTokens = 981L
                    }
                    { Cost.Zero with Searches = 291L }
                ] do
                throws<System.InvalidOperationException>(fun () -> Ledger.spend more ledger |> ignore) |> ignore

            for name, wrong in
                [
                    "Rollouts", { limits with Rollouts = -1 }
                    "GeneratedTokens", { limits with GeneratedTokens = -1L }
                    "Searches", { limits with Searches = -1L }
                    "Seconds", { limits with Seconds = nan }
                ] do
                GoldenCase.refusal (fun () -> Ledger.openFor wrong |> ignore) |> startsWith $"{name} is "
        }

        test "costs add up, each to its own" {
            let one =
                {
                    Rollouts = 1
                    GeneratedTokens = 2L
                    ObservedTokens = 3L
                    Searches = 4L
                    OptimizerSteps = 5
                }

            one + { one with Searches = 10L }
            |> equals
                {
                    Rollouts = 2
                    GeneratedTokens = 4L
                    ObservedTokens = 6L
                    Searches = 14L
                    OptimizerSteps = 10
                }
        }

        test "spending more than is left is refused" {
            throws<System.InvalidOperationException>(fun () ->
                Ledger.openFor (Limits.OfRollouts 3) |> Ledger.spend { Cost.Zero with Rollouts = 4 } |> ignore)
            |> ignore
        }

        test "a trajectory costs a rollout, its own tokens and its searches" {
            let t = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
            let cost = Cost.ofTrajectory 0 t
            cost.Rollouts |> equals 1
            cost.GeneratedTokens |> equals 5L
            cost.ObservedTokens |> equals 2L
            cost.Searches |> equals 2L
        }

        test "what a continuation took over costs nothing again" {
            let t = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
            let cost = Cost.ofTrajectory 3 t
            cost.Rollouts |> equals 1
            cost.GeneratedTokens |> equals 3L
            cost.ObservedTokens |> equals 1L
            cost.Searches |> equals 1L
        }

        test "a restored account is the one that was written down" {
            let spent =
                { Cost.Zero with
                    Rollouts = 7
                    Searches = 3L
                }

            Ledger.restore (Limits.OfRollouts 10) spent 2.5
            |> equals (Ledger.openFor (Limits.OfRollouts 10) |> Ledger.spend spent |> Ledger.work 2.5)
        }
    ]
