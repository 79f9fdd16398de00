module David.Grpo.Tests.BudgetTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Tests>]
let tests =
    testList "BudgetTests" [
        test "no sequence of affordable groups overspends" {
            law (fun (limit: uint16, wishes: (byte * byte) list) ->
                let ledger =
                    wishes
                    |> List.fold
                        (fun ledger (groups, size) ->
                            let size = int size + 1
                            let affordable = Ledger.affordableGroups (int groups) size ledger

                            Ledger.spend
                                { Cost.Zero with
                                    Rollouts = affordable * size
                                }
                                ledger)
                        (Ledger.openFor (Limits.OfRollouts(int limit)))

                ledger.RolloutsLeft >= 0 && ledger.Spent.Rollouts <= int limit)
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
