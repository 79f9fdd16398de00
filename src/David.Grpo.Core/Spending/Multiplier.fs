namespace David.Grpo

/// Dual ascent on a budget.
type DualAscentOptions =
    {
        /// What the mean cost of a batch may be, B, in the costs' unit; finite, above 0.
        Budget: float
        /// η, at least 0.
        StepSize: float
        /// λ before the first step, from 0 to Ceiling.
        Initial: float
        /// The largest multiplier, Λ; at least 0, may be infinite.
        Ceiling: float
    }

/// What dual ascent remembers: it is the checkpoint's, as it is.
type DualAscentState =
    {
        /// λ, from 0 to Λ.
        Multiplier: float
    }

/// A PID controller of the multiplier.
type PidOptions =
    {
        /// What the mean cost of a batch may be, B, in the costs' unit; finite.
        Budget: float
        /// k_P, at least 0.
        Proportional: float
        /// k_I, at least 0.
        Integral: float
        /// k_D, at least 0.
        Derivative: float
        /// a_P: the share of the last smoothed excess that stays, in [0, 1).
        ProportionalSmoothing: float
        /// a_D: the share of the last smoothed cost that stays, in [0, 1).
        DerivativeSmoothing: float
        /// How many steps back the derivative looks; at least 1.
        Delay: int
        /// I, and with it λ, before the first step; from 0 to Ceiling.
        Initial: float
        /// The largest multiplier, λ_max; at least 0, may be infinite.
        Ceiling: float
    }

/// What the controller remembers: it is the checkpoint's, as it is. Two states are equal where their numbers are.
type PidState =
    {
        /// I, at least 0.
        Integral: float
        /// P, the smoothed excess over the budget.
        Excess: float
        /// J, the smoothed cost.
        Cost: float
        /// Smoothed costs of the last steps, oldest first, [1 … Delay].
        Recent: float[]
        /// λ.
        Multiplier: float
    }

/// How a multiplied cost is taken off a reward.
[<RequireQualifiedAccess>]
type Penalty =
    /// r − λc.
    | Plain
    /// (r − λc) / (1 + λ): rewards, and so the size of a step without std-normalisation, do not grow with λ (omnisafe's
    /// `sum_norm`; Stooke et al., section 4).
    | Normalised

/// Multipliers for: maximise E[r] subject to E[c] ≤ B. State in, state out; the mean cost of a batch drives them,
/// whatever its unit, so long as the budget has the same.
[<RequireQualifiedAccess>]
module Multiplier =

    let private atLeastZero name (value: float) =
        Check.range name "a finite number of at least 0" (System.Double.IsFinite value && value >= 0.0) value

    let private checkCost (meanCost: float) =
        Check.range
            (nameof meanCost)
            "a finite number; leave out failed trajectories"
            (System.Double.IsFinite meanCost)
            meanCost

    let private checkBounds (initial: float) (ceiling: float) =
        Check.range "Ceiling" "at least 0" (ceiling >= 0.0) ceiling

        Check.range
            "Initial"
            $"a finite number from 0 to Ceiling, {ceiling}"
            (System.Double.IsFinite initial && initial >= 0.0 && initial <= ceiling)
            initial

    let private checkAscent (options: DualAscentOptions) =
        Check.range
            (nameof options.Budget)
            "a finite number above 0"
            (System.Double.IsFinite options.Budget && options.Budget > 0.0)
            options.Budget

        atLeastZero (nameof options.StepSize) options.StepSize
        checkBounds options.Initial options.Ceiling

    let private checkPid (options: PidOptions) =
        Check.range (nameof options.Budget) "a finite number" (System.Double.IsFinite options.Budget) options.Budget
        atLeastZero (nameof options.Proportional) options.Proportional
        atLeastZero (nameof options.Integral) options.Integral
        atLeastZero (nameof options.Derivative) options.Derivative

        let smoothing name (value: float) =
            Check.range name "at least 0 and below 1" (value >= 0.0 && value < 1.0) value

        smoothing (nameof options.ProportionalSmoothing) options.ProportionalSmoothing
        smoothing (nameof options.DerivativeSmoothing) options.DerivativeSmoothing

        if options.Delay < 1 then
            invalidArg (nameof options.Delay) $"Delay is {options.Delay}; expected at least 1 step."

        checkBounds options.Initial options.Ceiling

    /// Rewards less their costs at multiplier λ, finite and at least 0, [G] and [G] → [G]. Costs are finite; 0 leaves a
    /// reward alone (but for the normalisation).
    [<CompiledName "Penalise">]
    let penalise (penalty: Penalty) (multiplier: float) (rewards: float[]) (costs: float[]) : float[] =
        atLeastZero (nameof multiplier) multiplier
        Check.length (nameof costs) rewards.Length "one for each entry of rewards" costs
        Check.finite (nameof rewards) "Drop the trajectory whose reward failed, and count it." rewards
        Check.finite (nameof costs) "" costs

        let divisor =
            match penalty with
            | Penalty.Plain -> 1.0
            | Penalty.Normalised -> 1.0 + multiplier

        Array.map2 (fun reward cost -> (reward - multiplier * cost) / divisor) rewards costs

    /// The relative excess of each use over the budget, max(0, (u − B) / B), [G] → [G], at least 0: the cost that is
    /// never paid for being under budget. `budget` is above 0. Source: LACONIC (arXiv 2602.14468).
    [<CompiledName "OneSidedCosts">]
    let oneSidedCosts (budget: float) (uses: float[]) : float[] =
        Check.range (nameof budget) "a finite number above 0" (System.Double.IsFinite budget && budget > 0.0) budget
        Check.notNegative (nameof uses) uses
        uses |> Array.map (fun used -> max 0.0 ((used - budget) / budget))

    /// Dual ascent before its first step.
    [<CompiledName "StartAscent">]
    let startAscent (options: DualAscentOptions) : DualAscentState =
        checkAscent options
        { Multiplier = options.Initial }

    let private moved (options: DualAscentOptions) (state: DualAscentState) excess =
        {
            Multiplier = max 0.0 (min options.Ceiling (state.Multiplier + options.StepSize * excess))
        }

    /// λ' = clip(λ + η (mean c − B), 0, Λ). Falls while the batch is under budget.
    /// Source: omnisafe's Lagrange, with plain gradient steps in place of Adam.
    [<CompiledName "Ascend">]
    let ascend (options: DualAscentOptions) (state: DualAscentState) (meanCost: float) : DualAscentState =
        checkAscent options
        checkCost meanCost
        moved options state (meanCost - options.Budget)

    /// λ' = clip(λ + η (mean u − B) / B, 0, Λ), from the mean use of a batch: λ rises if and only if it is above the
    /// budget. Its cost is `oneSidedCosts` of the same budget, so λ and cost have no unit; the paper has η 0.002 and
    /// starts at 0.
    /// Source: LACONIC (arXiv 2602.14468).
    [<CompiledName "AscendOneSided">]
    let ascendOneSided (options: DualAscentOptions) (state: DualAscentState) (meanUse: float) : DualAscentState =
        checkAscent options
        checkCost meanUse
        moved options state ((meanUse - options.Budget) / options.Budget)

    /// The controller before its first step. As in omnisafe the queue holds a cost of 0, so the first steps see the
    /// cost rise from nothing if k_D is above 0; its multiplier, which omnisafe gives as 0 until the first step, is
    /// `Initial` here.
    [<CompiledName "StartPid">]
    let startPid (options: PidOptions) : PidState =
        checkPid options

        {
            Integral = options.Initial
            Excess = 0.0
            Cost = 0.0
            Recent = [| 0.0 |]
            Multiplier = options.Initial
        }

    /// One step of the controller with the batch's mean cost J_c:
    ///     δ = J_c − B
    ///     I' = max(0, I + k_I δ)
    ///     P' = a_P P + (1 − a_P) δ
    ///     J' = a_D J + (1 − a_D) J_c
    ///     D = max(0, J' − J of `Delay` steps ago, or the oldest there is)
    ///     λ = clip(k_P P' + I' + k_D D, 0, λ_max)
    /// With k_P = k_D = 0 it is dual ascent with η = k_I, but for I, which no ceiling holds.
    /// Source: Stooke, Achiam and Abbeel (arXiv 2007.03964), algorithm 2, and omnisafe's PIDLagrangian.
    /// Raises ArgumentException for options out of range, a cost that is not finite, a state without a queue or with
    /// one longer than the delay.
    [<CompiledName "StepPid">]
    let stepPid (options: PidOptions) (state: PidState) (meanCost: float) : PidState =
        checkPid options
        checkCost meanCost

        if state.Recent.Length < 1 || state.Recent.Length > options.Delay then
            invalidArg
                (nameof state)
                $"state.Recent has {state.Recent.Length} costs; expected 1 to Delay, {options.Delay}. The state belongs to other options."

        let excess = meanCost - options.Budget
        let integral = max 0.0 (state.Integral + options.Integral * excess)

        let smoothedExcess =
            options.ProportionalSmoothing * state.Excess + (1.0 - options.ProportionalSmoothing) * excess

        let smoothedCost =
            options.DerivativeSmoothing * state.Cost + (1.0 - options.DerivativeSmoothing) * meanCost

        let rise = max 0.0 (smoothedCost - state.Recent[0])
        let queue = Array.append state.Recent [| smoothedCost |]

        {
            Integral = integral
            Excess = smoothedExcess
            Cost = smoothedCost
            Recent = Array.skip (max 0 (queue.Length - options.Delay)) queue
            Multiplier =
                max
                    0.0
                    (min options.Ceiling (options.Proportional * smoothedExcess + integral + options.Derivative * rise))
        }
