module David.Grpo.Tests.PriceTests

open FsCheck.FSharp
open Xunit
open David.Grpo

let private someCost =
    gen {
        let! rollouts = Gen.choose (0, 100)
        let! generated = Gen.choose (0, 100000)
        let! observed = Gen.choose (0, 100000)
        let! searches = Gen.choose (0, 500)

        return
            { Cost.zero with
                Rollouts = rollouts
                GeneratedTokens = int64 generated
                ObservedTokens = int64 observed
                Searches = int64 searches
            }
    }

/// Prices in sixteenths, whose sums of products are exact.
let private somePrices =
    let price = Gen.choose (0, 64) |> Gen.map (fun k -> float k / 16.0)

    gen {
        let! perRollout = price
        let! perGenerated = price
        let! perObserved = price
        let! perSearch = price
        let! perSecond = price

        return
            {
                PerRollout = perRollout * 1.0<currency / rollout>
                PerGeneratedToken = perGenerated * 1.0<currency / token>
                PerObservedToken = perObserved * 1.0<currency / token>
                PerSearch = perSearch * 1.0<currency / search>
                PerSecond = perSecond * 1.0<currency / second>
            }
    }

[<Fact>]
let ``a price is linear in the cost`` () =
    lawFor (Gen.zip somePrices (Gen.zip someCost someCost)) (fun (prices, (a, b)) ->
        Price.ofCost prices (a + b) = Price.ofCost prices a + Price.ofCost prices b
        && Price.ofCost prices (a + a + a) = 3.0 * Price.ofCost prices a
        && Price.ofCost prices Cost.zero = 0.0<currency>)

[<Fact>]
let ``a price is linear in the prices`` () =
    lawFor (Gen.zip somePrices someCost) (fun (prices, cost) ->
        let only (list: PriceList) = Price.ofCost list cost

        let parts =
            only
                { Price.free with
                    PerRollout = prices.PerRollout
                }
            + only
                { Price.free with
                    PerGeneratedToken = prices.PerGeneratedToken
                }
            + only
                { Price.free with
                    PerObservedToken = prices.PerObservedToken
                }
            + only
                { Price.free with
                    PerSearch = prices.PerSearch
                }

        Price.ofCost prices cost = parts)

[<Fact>]
let ``a list of one unit counts that unit`` () =
    lawFor someCost (fun cost ->
        Price.ofCost Price.free cost = 0.0<currency>
        && Price.ofCost Price.inRollouts cost = float cost.Rollouts * 1.0<currency>
        && Price.ofCost Price.inGeneratedTokens cost = float cost.GeneratedTokens * 1.0<currency>
        && Price.ofCost Price.inTokens cost = float (cost.GeneratedTokens + cost.ObservedTokens) * 1.0<currency>
        && Price.ofCost Price.inSearches cost = float cost.Searches * 1.0<currency>
        && Price.ofCost Price.inSeconds cost = 0.0<currency>)

[<Fact>]
let ``a bill`` () =
    let prices =
        {
            PerRollout = 0.5<currency / rollout>
            PerGeneratedToken = 2e-6<currency / token>
            PerObservedToken = 1e-6<currency / token>
            PerSearch = 0.01<currency / search>
            PerSecond = 1e-4<currency / second>
        }

    let cost =
        { Cost.zero with
            Rollouts = 2
            GeneratedTokens = 500_000L
            ObservedTokens = 1_000_000L
            Searches = 7L
            OptimizerSteps = 3
        }

    GoldenCase.assertClose "cost" 1e-12 3.07 (float (Price.ofCost prices cost))
    GoldenCase.assertClose "time" 1e-12 0.36 (float (Price.ofTime prices 3600.0<second>))
    Assert.Equal<float[]>([| float (Price.ofCost prices cost); 0.0 |], Price.ofCosts prices [| cost; Cost.zero |])
    Assert.Empty(Price.ofCosts prices [||])

[<Fact>]
let ``wrong prices and times are refused`` () =
    let wrong =
        { Price.free with
            PerSearch = -1.0<currency / search>
        }

    Assert.Contains("PerSearch is -1", GoldenCase.refusal (fun () -> Price.ofCost wrong Cost.zero |> ignore))
    Assert.Contains("time is NaN", GoldenCase.refusal (fun () -> Price.ofTime Price.free (nan * 1.0<_>) |> ignore))
