namespace David.Grpo

/// How `CostReward.keepOrder` repairs a group in which an incorrect trajectory is above a correct one.
[<RequireQualifiedAccess>]
type OrderRepair =
    /// All correct trajectories rise by the same amount: differences among them stay, so the cheapest stays the best by
    /// as much as before.
    | Lift
    /// Each correct trajectory that is too low rises just enough: rewards stay in their range, but correct trajectories
    /// that were too low become equal.
    | Floor

/// Rewards that see what a trajectory used, over a group of G trajectories of one question: `correct` [G], `rewards`
/// [G] the outcome rewards r, `uses` [G] what each used (searches, tokens, or a price), finite and at least 0. Members
/// keep their order; a group of nobody gives nothing. Every function raises ArgumentException where lengths differ,
/// where a number is not finite and where a use is negative.
///
/// The invariant that all of them ought to have: **no correct trajectory of a group ends below an incorrect one**, or
/// the policy is taught that being wrong cheaply is better than being right. As published, it
///
///     always holds    lcpoMaximum
///     holds where     gatedByCalls, gatedByGroupMinimum, decayed: wrong trajectories have reward 0 or less, correct ones
///                     at least 0;   stepTable: correct trajectories are well-formed and have r ≥ 0.05;
///                     formatGated: formatWeight ≤ 1/2;   clippedShaping: outcome advantages are ≥ 0 for correct and ≤ 0
///                     for incorrect trajectories, as those of 0-1 rewards are;   gatedByDifficulty: r differs by λ or more
///     may fail        linear, scaledBySolveRate, lcpoExact: whenever the penalties differ by more than the rewards
///
/// and `keepOrder` after any of them restores it. Advantages that rise with the reward, as all group-relative ones do,
/// keep it.
[<RequireQualifiedAccess>]
module CostReward =

    let private check (correct: bool[]) (uses: float[]) =
        Check.length (nameof uses) correct.Length "one for each entry of correct" uses
        Check.notNegative (nameof uses) uses

    let private checkRewards (count: int) (rewards: float[]) =
        Check.length (nameof rewards) count "one for each trajectory of the group" rewards
        Check.finite (nameof rewards) "Drop the trajectory whose reward failed, and count it." rewards

    let private checkWeight name (value: float) =
        Check.range name "a finite number of at least 0" (System.Double.IsFinite value && value >= 0.0) value

    /// The share of the group that is correct, in [0, 1]; 0 for nobody.
    [<CompiledName "SolveRate">]
    let solveRate (correct: bool[]) : float =
        if correct.Length = 0 then
            0.0
        else
            float (correct |> Array.filter id |> Array.length) / float correct.Length

    /// Whether every correct trajectory has at least the value (reward or advantage) of every incorrect one, [G] and
    /// [G]. True where one of the two kinds is absent.
    [<CompiledName "IsOrdered">]
    let isOrdered (correct: bool[]) (values: float[]) : bool =
        Check.length (nameof values) correct.Length "one for each entry of correct" values
        Check.finite (nameof values) "" values

        let right, wrong = Array.zip correct values |> Array.partition fst

        right.Length = 0 || wrong.Length = 0 || snd (Array.minBy snd right) >= snd (Array.maxBy snd wrong)

    /// Values (shaped rewards or advantages), [G] → [G], in which every correct trajectory is at least `margin` above
    /// every incorrect one. Incorrect ones keep their values, correct ones never fall, ranks within each kind stay
    /// (Floor may tie some), and a group that has the margin already is returned as it is; so is one with one kind
    /// only. `margin` is finite and at least 0.
    [<CompiledName "KeepOrder">]
    let keepOrder (repair: OrderRepair) (margin: float) (correct: bool[]) (values: float[]) : float[] =
        checkWeight (nameof margin) margin
        Check.length (nameof values) correct.Length "one for each entry of correct" values
        Check.finite (nameof values) "" values

        let right, wrong = Array.zip correct values |> Array.partition fst

        if right.Length = 0 || wrong.Length = 0 then
            Array.copy values
        else
            let floor = snd (Array.maxBy snd wrong) + margin

            let lift =
                match repair with
                | OrderRepair.Lift -> max 0.0 (floor - snd (Array.minBy snd right))
                | OrderRepair.Floor -> 0.0

            // max: floor − x + x may round below floor.
            Array.map2 (fun isRight value -> if isRight then max floor (value + lift) else value) correct values

    /// rᵢ − price · useᵢ, with `price` at least 0 (a multiplier, or 1 where the uses are priced already).
    /// Fails the invariant: with price 0.3, a correct trajectory of 5 searches has −0.5, a wrong one without search 0
    /// (OTC, arXiv 2504.14870, saw policies drop the tool).
    [<CompiledName "Linear">]
    let linear (price: float) (rewards: float[]) (uses: float[]) : float[] =
        checkWeight (nameof price) price
        checkRewards uses.Length rewards
        Check.notNegative (nameof uses) uses
        Array.map2 (fun reward used -> reward - price * used) rewards uses

    /// OTC's factor of a trajectory of `calls` calls in a group whose cheapest correct one has `fewest`; in [0, 1]:
    ///     n > 0:      sin(π f / 2n),  f = 2mn / (m + n)     1 at m = n, 0 at m = 0
    ///     n = 0 < m:  cos(π m / (2m + c))
    ///     n = m = 0:  1
    /// `smoothing` c is above 0. Source: OTC-PO (arXiv 2504.14870), group-relative form.
    [<CompiledName "OptimalCallFactor">]
    let optimalCallFactor (smoothing: float) (fewest: float) (calls: float) : float =
        Check.range
            (nameof smoothing)
            "a finite number above 0"
            (System.Double.IsFinite smoothing && smoothing > 0.0)
            smoothing

        Check.notNegative (nameof fewest) [| fewest |]
        Check.notNegative (nameof calls) [| calls |]

        if fewest > 0.0 then
            // f / 2n = m / (m + n)
            sin (System.Math.PI * calls / (calls + fewest))
        elif calls > 0.0 then
            cos (System.Math.PI * calls / (2.0 * calls + smoothing))
        else
            1.0

    /// OTC, gated by the outcome: αrᵢ · (the factor of its calls, against the group's cheapest correct trajectory).
    /// `scale` α is at least 0. A group without a correct trajectory has nothing to compare with, and gets αrᵢ (the
    /// paper, whose wrong trajectories have r = 0, does not say).
    /// Source: OTC-PO (arXiv 2504.14870). Fails the invariant where wrong trajectories earn something: n = 1, a correct
    /// trajectory of 10 calls has 0.28 r, below a wrong one of 1 call with r = 0.5.
    [<CompiledName "GatedByCalls">]
    let gatedByCalls (scale: float) (smoothing: float) (correct: bool[]) (rewards: float[]) (calls: float[]) : float[] =
        checkWeight (nameof scale) scale
        checkRewards correct.Length rewards
        check correct calls

        match Array.zip correct calls |> Array.filter fst |> Array.map snd with
        | [||] -> rewards |> Array.map (fun reward -> scale * reward)
        | ofCorrect ->
            let factor = optimalCallFactor smoothing (Array.min ofCorrect)
            Array.map2 (fun reward m -> scale * reward * factor m) rewards calls

    /// IKEA's table:
    ///     correct      r + 0.6, 0.4, 0.2, 0 for 0, 1, 2, 3 and more searches
    ///     wrong        0.05 with a search, 0 without
    ///     malformed    −1
    /// `wellFormed` [G], `searches` [G] whole numbers. Source: IKEA's released reward.
    /// Fails the invariant where a malformed trajectory counts as correct, or a correct one has r below 0.05.
    [<CompiledName "StepTable">]
    let stepTable (wellFormed: bool[]) (correct: bool[]) (rewards: float[]) (searches: int[]) : float[] =
        Check.length (nameof wellFormed) correct.Length "one for each entry of correct" wellFormed
        Check.length (nameof searches) correct.Length "one for each entry of correct" searches
        checkRewards correct.Length rewards
        Check.notNegative (nameof searches) (Array.map float searches)

        Array.init correct.Length (fun i ->
            match wellFormed[i], correct[i], searches[i] with
            | false, _, _ -> -1.0
            | true, true, used -> rewards[i] + 0.2 * float (max 0 (3 - used))
            | true, false, 0 -> 0.0
            | true, false, _ -> 0.05)

    /// L1's exact form: 1[correct] − α |Lᵢ − L*|, with the asked length L* (`target`) and α at least 0 (the paper's is
    /// 3e-4).
    /// Source: L1 / LCPO (arXiv 2503.04697), section 3. Fails the invariant: α = 2e-3, a correct trajectory 600 tokens
    /// off has −0.2, a wrong one of the asked length 0.
    [<CompiledName "LcpoExact">]
    let lcpoExact (alpha: float) (target: float) (correct: bool[]) (lengths: float[]) : float[] =
        checkWeight (nameof alpha) alpha
        checkWeight (nameof target) target
        check correct lengths

        Array.map2
            (fun isRight length -> (if isRight then 1.0 else 0.0) - alpha * abs (length - target))
            correct
            lengths

    /// L1's form for a longest length: 1[correct] · (clip(α (L* − Lᵢ), −1, 1) + 1) / 2, in [0, 1]; 1/2 at L*.
    /// Source: the released code of L1 (arXiv 2503.04697), α = 2e-3; the paper writes clip(α (L* − L) + 1/2, 0, 1), the
    /// same with half the α.
    [<CompiledName "LcpoMaximum">]
    let lcpoMaximum (alpha: float) (target: float) (correct: bool[]) (lengths: float[]) : float[] =
        checkWeight (nameof alpha) alpha
        checkWeight (nameof target) target
        check correct lengths

        Array.map2
            (fun isRight length ->
                if isRight then
                    0.5 * (1.0 + max -1.0 (min 1.0 (alpha * (target - length))))
                else
                    0.0)
            correct
            lengths

    /// A product of gates, each anchored at the least that a correct trajectory of the group used:
    ///     1[correct] · rᵢ · g(callsᵢ) · g(tokensᵢ),   g(u) = 1 / (1 + w (u − u_min) / (1 + u_min)),   u ≥ u_min,
    /// so that the cheapest correct trajectory keeps its reward, and a wrong one has 0. `callWeight` and `tokenWeight`
    /// are at least 0. Source: SlimSearcher (arXiv 2606.07074) for product and anchor; the form of g is ours, its own
    /// could not be checked. Keeps the invariant for rewards of at least 0.
    [<CompiledName "GatedByGroupMinimum">]
    let gatedByGroupMinimum
        (callWeight: float)
        (tokenWeight: float)
        (correct: bool[])
        (rewards: float[])
        (calls: float[])
        (tokens: float[])
        : float[] =
        checkWeight (nameof callWeight) callWeight
        checkWeight (nameof tokenWeight) tokenWeight
        checkRewards correct.Length rewards
        check correct calls
        Check.length (nameof tokens) correct.Length "one for each entry of correct" tokens
        Check.notNegative (nameof tokens) tokens

        let gate weight (uses: float[]) =
            match Array.zip correct uses |> Array.filter fst |> Array.map snd with
            | [||] -> fun _ -> 0.0
            | ofCorrect ->
                let least = Array.min ofCorrect
                fun used -> 1.0 / (1.0 + weight * (used - least) / (1.0 + least))

        let callGate, tokenGate = gate callWeight calls, gate tokenWeight tokens

        Array.init correct.Length (fun i ->
            if correct[i] then
                rewards[i] * callGate calls[i] * tokenGate tokens[i]
            else
                0.0)

    /// The reward of each step of each trajectory, [G] → [G][Tᵢ]:  rᵢ γ^(Tᵢ − t) for t = 1 … Tᵢ, so that of two correct
    /// trajectories the shorter earns more at its first steps, and both r at the last. `gamma` is in (0, 1]; a
    /// trajectory of no steps has none.
    /// Source: Kimi-Researcher's report. At the first step it fails the invariant where wrong trajectories earn
    /// something: γ = 0.9, r = 1 after 10 steps is 0.39, r = 0.5 after 1 step 0.5.
    [<CompiledName "Decayed">]
    let decayed (gamma: float) (rewards: float[]) (steps: int[]) : float[][] =
        Check.range (nameof gamma) "above 0 and at most 1" (gamma > 0.0 && gamma <= 1.0) gamma
        Check.length (nameof steps) rewards.Length "one for each trajectory of the group" steps
        checkRewards rewards.Length rewards
        Check.notNegative (nameof steps) (Array.map float steps)

        Array.map2
            (fun reward count -> Array.init count (fun t -> reward * System.Math.Pow(gamma, float (count - 1 - t))))
            rewards
            steps

    /// rᵢ − price · s · useᵢ, s the share of the group that is correct: easy questions pay for their tools, hard ones
    /// do not, and a question nobody solved pays nothing. `linear` with the price s · price.
    /// Source: EAPO (arXiv 2606.02132), difficulty-aware reward shaping. Fails the invariant as `linear` does.
    [<CompiledName "ScaledBySolveRate">]
    let scaledBySolveRate (price: float) (correct: bool[]) (rewards: float[]) (uses: float[]) : float[] =
        checkWeight (nameof price) price
        check correct uses
        linear (price * solveRate correct) rewards uses

    /// HiPRAG's reward. Base: 1 correct and well-formed, 1 − λ correct only, λ well-formed only, 0 neither, with λ
    /// (`formatWeight`) in [0, 1]; a correct and well-formed trajectory of at least one step also has
    /// bonus · (steps that were not redundant / steps). `bonus`, at least 0, is 0.4 in the release, λ is 0.2.
    /// `necessary` [G] counts the steps that were neither needless searches nor missing ones, at most `steps` [G].
    /// Source: HiPRAG (arXiv 2510.07794) and its code. Fails the invariant with λ above 1/2.
    [<CompiledName "FormatGated">]
    let formatGated
        (formatWeight: float)
        (bonus: float)
        (wellFormed: bool[])
        (correct: bool[])
        (necessary: int[])
        (steps: int[])
        : float[] =
        Check.range (nameof formatWeight) "from 0 to 1" (formatWeight >= 0.0 && formatWeight <= 1.0) formatWeight
        checkWeight (nameof bonus) bonus
        Check.length (nameof wellFormed) correct.Length "one for each entry of correct" wellFormed
        Check.length (nameof necessary) correct.Length "one for each entry of correct" necessary
        Check.length (nameof steps) correct.Length "one for each entry of correct" steps

        Array.init correct.Length (fun i ->
            if necessary[i] < 0 || necessary[i] > steps[i] then
                invalidArg
                    (nameof necessary)
                    $"necessary[{i}] is {necessary[i]}; expected 0 to the number of its steps, which is {steps[i]}."

            match correct[i], wellFormed[i] with
            | true, true when steps[i] > 0 -> 1.0 + bonus * float necessary[i] / float steps[i]
            | true, true -> 1.0
            | true, false -> 1.0 - formatWeight
            | false, true -> formatWeight
            | false, false -> 0.0)

    /// AdaTIR's efficiency term, to be added to rewards or given to `clippedShaping`, [G], in [−λ, 0]:
    ///     −λ sin(π/2 · min(1, callsᵢ / limit))   for a correct trajectory of a question whose solve rate is above `easyAbove`,
    ///     0                                      otherwise.
    /// `weight` λ is at least 0, `limit` above 0, `easyAbove` in [0, 1] (1 − φ_low in the paper).
    /// Source: AdaTIR (arXiv 2601.14696), difficulty-aware efficiency reward. Where r of right and wrong differ by less
    /// than λ, adding it fails the invariant.
    [<CompiledName "GatedByDifficulty">]
    let gatedByDifficulty
        (weight: float)
        (limit: float)
        (easyAbove: float)
        (correct: bool[])
        (calls: float[])
        : float[] =
        checkWeight (nameof weight) weight
        Check.range (nameof limit) "a finite number above 0" (System.Double.IsFinite limit && limit > 0.0) limit
        Check.range (nameof easyAbove) "from 0 to 1" (easyAbove >= 0.0 && easyAbove <= 1.0) easyAbove
        check correct calls
        let easy = solveRate correct > easyAbove

        Array.map2
            (fun isRight m ->
                if easy && isRight then
                    -weight * sin (0.5 * System.Math.PI * min 1.0 (m / limit))
                else
                    0.0)
            correct
            calls

    /// Advantages, [G]: that of the outcome plus that of the cost, the latter clipped so that it never turns a sign:
    ///     Aᵢ + clip(Cᵢ, −κ |Aᵢ|, κ |Aᵢ|),   `bound` κ in [0, 1].
    /// With κ = 0 cost counts nothing; with κ = 1 it may take an advantage to 0. Where the outcome says nothing (A =
    /// 0), neither does the cost. Keeps the invariant where A is at least 0 for correct and at most 0 for incorrect
    /// trajectories.
    /// Source: clipped advantage shaping of AdaTIR (arXiv 2601.14696), against "sign reversal"; its exact bound could
    /// not be checked.
    [<CompiledName "ClippedShaping">]
    let clippedShaping (bound: float) (outcomeAdvantages: float[]) (costAdvantages: float[]) : float[] =
        Check.range (nameof bound) "from 0 to 1" (bound >= 0.0 && bound <= 1.0) bound

        Check.length
            (nameof costAdvantages)
            outcomeAdvantages.Length
            "one for each entry of outcomeAdvantages"
            costAdvantages

        Check.finite (nameof outcomeAdvantages) "" outcomeAdvantages
        Check.finite (nameof costAdvantages) "" costAdvantages

        Array.map2
            (fun outcome cost ->
                let most = bound * abs outcome
                outcome + max -most (min most cost))
            outcomeAdvantages
            costAdvantages
