namespace David.Grpo

/// One sampled trajectory; a continuation counts as one.
[<Measure>]
type rollout

/// One token, sampled by the policy or written by the environment.
[<Measure>]
type token

/// One answered search.
[<Measure>]
type search

/// One second of wall-clock time.
[<Measure>]
type second

/// What the price list is written in: dollars, or one of the other units, so that a budget in rollouts is one in money
/// too.
[<Measure>]
type currency

/// What one of each thing costs. Prices are finite and at least 0; the unit is part of the type in F#, a `double` in
/// C#.
type PriceList =
    {
        /// Of an episode.
        PerRollout: float<currency / rollout>
        /// Of a token that the policy samples.
        PerGeneratedToken: float<currency / token>
        /// Of a token that the environment writes.
        PerObservedToken: float<currency / token>
        /// Of an answered search.
        PerSearch: float<currency / search>
        /// Of a second of sampling.
        PerSecond: float<currency / second>
    }

/// Costs in one currency, so that a multiplier or a reward sees one number a trajectory.
[<RequireQualifiedAccess>]
module Price =

    /// Nothing costs anything. The list to start from: `{ Price.free with PerSearch = 0.01<currency / search> }`.
    [<CompiledName "Free">]
    let free: PriceList =
        {
            PerRollout = 0.0<_>
            PerGeneratedToken = 0.0<_>
            PerObservedToken = 0.0<_>
            PerSearch = 0.0<_>
            PerSecond = 0.0<_>
        }

    /// One a rollout, all else free: the currency is rollouts.
    [<CompiledName "InRollouts">]
    let inRollouts: PriceList = { free with PerRollout = 1.0<_> }

    /// One a token that the policy sampled, all else free.
    [<CompiledName "InGeneratedTokens">]
    let inGeneratedTokens: PriceList = { free with PerGeneratedToken = 1.0<_> }

    /// One a token of either kind, all else free: what the context window and the forward passes hold.
    [<CompiledName "InTokens">]
    let inTokens: PriceList =
        { free with
            PerGeneratedToken = 1.0<_>
            PerObservedToken = 1.0<_>
        }

    /// One an answered search, all else free.
    [<CompiledName "InSearches">]
    let inSearches: PriceList = { free with PerSearch = 1.0<_> }

    /// One a second, all else free.
    [<CompiledName "InSeconds">]
    let inSeconds: PriceList = { free with PerSecond = 1.0<_> }

    let private check name (price: float) =
        Check.range name "a finite price of at least 0" (System.Double.IsFinite price && price >= 0.0) price

    let private checkList (prices: PriceList) =
        check (nameof prices.PerRollout) (float prices.PerRollout)
        check (nameof prices.PerGeneratedToken) (float prices.PerGeneratedToken)
        check (nameof prices.PerObservedToken) (float prices.PerObservedToken)
        check (nameof prices.PerSearch) (float prices.PerSearch)
        check (nameof prices.PerSecond) (float prices.PerSecond)

    /// The price of what was used, Σₖ priceₖ · useₖ over rollouts, tokens and searches; 0 for a cost of nothing. Time
    /// is not part of it, since a clock belongs to the host: add `ofTime`. Linear in the cost.
    /// Raises ArgumentException for a price that is negative or not finite.
    [<CompiledName "OfCost">]
    let ofCost (prices: PriceList) (cost: Cost) : float<currency> =
        checkList prices

        prices.PerRollout * (float cost.Rollouts * 1.0<rollout>)
        + prices.PerGeneratedToken * (float cost.GeneratedTokens * 1.0<token>)
        + prices.PerObservedToken * (float cost.ObservedTokens * 1.0<token>)
        + prices.PerSearch * (float cost.Searches * 1.0<search>)

    /// The price of time, a finite number of seconds of at least 0.
    /// Raises ArgumentException for a price or a time that is negative or not finite.
    [<CompiledName "OfTime">]
    let ofTime (prices: PriceList) (time: float<second>) : float<currency> =
        checkList prices

        Check.range
            (nameof time)
            "a finite number of seconds of at least 0"
            (System.Double.IsFinite(float time) && time >= 0.0<second>)
            (float time)

        prices.PerSecond * time

    /// The prices of the members of a group, [G] → [G]: the `uses` that `CostReward` and `Multiplier` take.
    [<CompiledName "OfCosts">]
    let ofCosts (prices: PriceList) (costs: Cost[]) : float[] =
        costs |> Array.map (ofCost prices >> float)
