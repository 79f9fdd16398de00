module David.Grpo.Tests.BudgetTests

open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Fact>]
let ``no sequence of affordable groups overspends`` () =
    law (fun (limit: uint16, wishes: (byte * byte) list) ->
        let ledger =
            wishes
            |> List.fold
                (fun ledger (groups, size) ->
                    let size = int size + 1
                    let affordable = Ledger.affordableGroups (int groups) size ledger

                    Ledger.spend
                        { Cost.zero with
                            Rollouts = affordable * size
                        }
                        ledger)
                (Ledger.openFor (Limits.OfRollouts(int limit)))

        ledger.RolloutsLeft >= 0 && ledger.Spent.Rollouts <= int limit)

[<Fact>]
let ``spending more than is left is refused`` () =
    Assert.Throws<System.InvalidOperationException>(fun () ->
        Ledger.openFor (Limits.OfRollouts 3) |> Ledger.spend { Cost.zero with Rollouts = 4 } |> ignore)

[<Fact>]
let ``a trajectory costs a rollout, its own tokens and its searches`` () =
    let t = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
    let cost = Cost.ofTrajectory 0 t
    Assert.Equal(1, cost.Rollouts)
    Assert.Equal(5L, cost.GeneratedTokens)
    Assert.Equal(2L, cost.ObservedTokens)
    Assert.Equal(2L, cost.Searches)

[<Fact>]
let ``what a continuation took over costs nothing again`` () =
    let t = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] Ending.Unanswered
    let cost = Cost.ofTrajectory 3 t
    Assert.Equal(1, cost.Rollouts)
    Assert.Equal(3L, cost.GeneratedTokens)
    Assert.Equal(1L, cost.ObservedTokens)
    Assert.Equal(1L, cost.Searches)

[<Fact>]
let ``a restored account is the one that was written down`` () =
    let spent =
        { Cost.zero with
            Rollouts = 7
            Searches = 3L
        }

    Assert.Equal(
        Ledger.openFor (Limits.OfRollouts 10) |> Ledger.spend spent |> Ledger.work 2.5,
        Ledger.restore (Limits.OfRollouts 10) spent 2.5
    )
