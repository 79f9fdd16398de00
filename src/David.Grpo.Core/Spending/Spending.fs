namespace David.Grpo

/// What spending costs in the reward, once a whole group is known.
type SpendingRule =
    {
        /// In snake_case.
        Name: string
        /// What each member spent, in the rule's unit, [G], at least 0. Its mean is what a budget is held by.
        Uses: Group -> float[]
        /// The group with the cost taken off its rewards, as a term `SpendingRule.Term`, at a price of at least 0.
        Shape: float -> Group -> Group
    }

    /// `Uses`, for C#.
    member rule.UsesOf(group: Group) : float[] = rule.Uses group

    /// `Shape`, for C#.
    member rule.Charged(price: float, group: Group) : Group = rule.Shape price group

    /// The term that spending is in a reward.
    static member Term: string = "spending"

    /// A rule by what members use, [G], and by the total rewards [G] that a price leaves them.
    static member internal By(name: string, uses: Group -> float[], totals: float -> Group -> float[]) : SpendingRule =
        {
            Name = name
            Uses = uses
            Shape = fun price group -> group.Paying(SpendingRule.Term, totals price group)
        }

    /// r − price · use, from what members use, [G].
    static member internal Priced(name: string, uses: Group -> float[]) : SpendingRule =
        SpendingRule.By(
            name,
            uses,
            fun price group -> Multiplier.penalise Penalty.Plain price group.Rewards (uses group)
        )

    /// A rule of one's own: what a trajectory spends, price times which is taken off its reward.
    static member Create(name: string, uses: System.Func<Trajectory, float>) : SpendingRule =
        SpendingRule.Priced(name, fun group -> group.Trajectories |> Array.map uses.Invoke)

/// Rules of spending.
[<RequireQualifiedAccess>]
module SpendingRules =

    let private searches (group: Group) =
        group.Trajectories |> Array.map (fun trajectory -> float trajectory.Searches.Length)

    /// Searching is free.
    [<CompiledName "Free">]
    let free: SpendingRule =
        SpendingRule.By("free", searches, (fun _ group -> group.Rewards))

    /// r − price · searches.
    [<CompiledName "Searches">]
    let perSearch: SpendingRule = SpendingRule.Priced("searches", searches)

    /// r − price · |searches − depth*|, where some member of the group found all evidence; depth* is the fewest searches
    /// after which one had (`Depth.neededSearches`). Nothing is taken off in other groups: what is needed is unknown. It
    /// asks for neither few searches nor many, but for those that the question needs.
    [<CompiledName "DepthGap">]
    let depthGap: SpendingRule =
        SpendingRule.Priced(
            "depth_gap",
            fun group ->
                match Depth.neededSearches group.Trajectories with
                | NeededSearches.Unknown -> Array.zeroCreate group.Members.Length
                | NeededSearches.Known needed -> searches group |> Array.map (fun made -> abs (made - float needed))
        )

    /// OTC's factor of a trajectory of `calls` calls in a group whose cheapest correct one has `fewest`, both at least 0;
    /// in [0, 1]:
    ///     n > 0:      sin(π f / 2n),  f = 2mn / (m + n)     1 at m = n, 0 at m = 0
    ///     n = 0 < m:  cos(π m / (2m + 1))
    ///     n = m = 0:  1
    /// Source: OTC-PO (arXiv 2504.14870), group-relative form, with 1 for its smoothing constant.
    [<CompiledName "OptimalCallFactor">]
    let optimalCallFactor (fewest: float) (calls: float) : float =
        Check.notNegative (nameof fewest) [| fewest |]
        Check.notNegative (nameof calls) [| calls |]

        if fewest > 0.0 then
            // f / 2n = m / (m + n)
            sin (System.Math.PI * calls / (calls + fewest))
        elif calls > 0.0 then
            cos (System.Math.PI * calls / (2.0 * calls + 1.0))
        else
            1.0

    /// OTC's factor on the whole reward, with the price as the weight of the factor:
    ///     (1 − price) r + price · factor · r,   price at most 1.
    /// A group without a correct trajectory has nothing to compare with and keeps its rewards (the paper does not say). A
    /// correct trajectory can end below a wrong one that earned something: see `keepOrder`.
    [<CompiledName "GatedByCalls">]
    let gatedByCalls: SpendingRule =
        SpendingRule.By(
            "gated_by_calls",
            searches,
            fun price group ->
                let calls = searches group
                let weight = min 1.0 price

                match Array.zip group.Correct calls |> Array.filter fst |> Array.map snd with
                | [||] -> group.Rewards
                | ofCorrect ->
                    let factor = optimalCallFactor (Array.min ofCorrect)

                    Array.map2
                        (fun reward calls -> (1.0 - weight) * reward + weight * (reward * factor calls))
                        group.Rewards
                        calls
        )

    /// What a rule measures, charged only above a target, above 0, of each rollout:
    ///     r − price · max(0, (use − target) / target).
    /// Being under it is never paid. Source: LACONIC (arXiv 2602.14468); see `Multiplier.oneSidedCosts`.
    [<CompiledName "Above">]
    let above (target: float) (rule: SpendingRule) : SpendingRule =
        SpendingRule.By(
            rule.Name,
            rule.Uses,
            fun price group ->
                rule.Uses group
                |> Multiplier.oneSidedCosts target
                |> Multiplier.penalise Penalty.Plain price group.Rewards
        )

    /// Values (rewards or advantages), [G] → [G], in which no correct trajectory is below an incorrect one: correct ones rise
    /// by the same amount, as much as the lowest of them needs, so the cheapest stays the best by as much as before; incorrect
    /// ones keep theirs. A group in that order already, or of one kind only, is returned as it is.
    [<CompiledName "LiftCorrect">]
    let liftCorrect (correct: bool[]) (values: float[]) : float[] =
        Check.length (nameof values) correct.Length "one for each entry of correct" values
        Check.finite (nameof values) "" values
        let right, wrong = Array.zip correct values |> Array.partition fst

        if right.Length = 0 || wrong.Length = 0 then
            Array.copy values
        else
            let floor = snd (Array.maxBy snd wrong)
            let lift = max 0.0 (floor - snd (Array.minBy snd right))
            // max: floor − x + x may round below floor.
            Array.map2 (fun isRight value -> if isRight then max floor (value + lift) else value) correct values

    /// The rule with the invariant that no correct trajectory ends below an incorrect one, or the policy is taught that being
    /// wrong cheaply is better than being right; see `liftCorrect`.
    [<CompiledName "KeepOrder">]
    let keepOrder (rule: SpendingRule) : SpendingRule =
        SpendingRule.By(
            rule.Name,
            rule.Uses,
            fun price group -> (rule.Shape price group).Rewards |> liftCorrect group.Correct
        )

/// How the price of spending is set while a run goes on.
/// The price of spending as state in, state out. The state is the PID controller's, which holds the others' too.
[<RequireQualifiedAccess>]
type PriceControl =
    /// It stays.
    | Fixed of price: float
    /// It rises and falls so that the mean use comes to the controller's budget.
    | Pid of PidOptions
    /// Dual ascent.
    | Ascent of DualAscentOptions
    /// Dual ascent on the relative excess, for costs of `SpendingRules.above` the same target.
    | OneSided of DualAscentOptions

    /// Before the first step.
    [<CompiledName "Start">]
    static member start(control: PriceControl) : PidState =
        let still price =
            {
                Integral = 0.0
                Excess = 0.0
                Cost = 0.0
                Recent = [| 0.0 |]
                Multiplier = price
            }

        match control with
        | PriceControl.Fixed price ->
            Check.range
                (nameof price)
                "a finite number of at least 0"
                (System.Double.IsFinite price && price >= 0.0)
                price

            still price
        | PriceControl.Pid options -> Multiplier.startPid options
        | PriceControl.Ascent options
        | PriceControl.OneSided options -> still (Multiplier.startAscent options).Multiplier

    /// After a step whose rollouts used `meanUse` each.
    [<CompiledName "Step">]
    static member step (control: PriceControl) (state: PidState) (meanUse: float) : PidState =
        match control with
        | PriceControl.Fixed _ -> state
        | PriceControl.Pid options -> Multiplier.stepPid options state meanUse
        | PriceControl.Ascent options ->
            { state with
                Multiplier = (Multiplier.ascend options { Multiplier = state.Multiplier } meanUse).Multiplier
            }
        | PriceControl.OneSided options ->
            { state with
                Multiplier = (Multiplier.ascendOneSided options { Multiplier = state.Multiplier } meanUse).Multiplier
            }
