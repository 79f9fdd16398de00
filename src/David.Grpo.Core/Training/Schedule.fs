namespace David.Grpo

/// A learning rate by optimizer step, as a share of its peak. Steps are counted from 0; a warm-up of W steps rises in a
/// straight line from 0 at step 0 to the peak at step W, so with W above 0 the first step does not move the model.
/// Learning rates.
[<RequireQualifiedAccess>]
type Schedule =
    /// The peak at every step.
    | Constant
    /// The warm-up, then the peak.
    | ConstantWithWarmup of warmupSteps: int
    /// The warm-up, then a straight line down to 0 at step `totalSteps`, and 0 after it.
    | LinearWithWarmup of warmupSteps: int * totalSteps: int
    /// The warm-up, then half a cosine down to `floor` (a share of the peak in [0, 1]) at step `totalSteps`, and `floor`
    /// after it.
    | CosineWithWarmup of warmupSteps: int * totalSteps: int * floor: float

    static member private check (warmupSteps: int) (totalSteps: int) =
        if warmupSteps < 0 then
            invalidArg (nameof warmupSteps) $"warmupSteps is {warmupSteps}; expected at least 0."

        if totalSteps < warmupSteps then
            invalidArg
                (nameof totalSteps)
                $"totalSteps is {totalSteps}; expected at least warmupSteps, {warmupSteps}, which it includes."

    /// The learning rate of optimizer step `step`, in the unit of `peak`; both are at least 0.
    /// Source of the formulas: transformers' get_scheduler. Departure: its cosine rises again after the last step, ours
    /// stays at the floor.
    /// Raises ArgumentException for a negative step, peak or warm-up, a total below the warm-up, a floor outside [0, 1].
    [<CompiledName "Rate">]
    static member rate (peak: float) (schedule: Schedule) (step: int) : float =
        Check.range (nameof peak) "a finite number of at least 0" (System.Double.IsFinite peak && peak >= 0.0) peak

        if step < 0 then
            invalidArg (nameof step) $"step is {step}; steps are counted from 0."

        /// The warm-up, then `decay` of the share of the remaining steps that is over, in [0, 1].
        let warmedUp warmupSteps totalSteps decay =
            Schedule.check warmupSteps totalSteps

            if step < warmupSteps then
                float step / float warmupSteps
            else
                decay (min 1.0 (float (step - warmupSteps) / float (max 1 (totalSteps - warmupSteps))))

        let share =
            match schedule with
            | Schedule.Constant -> 1.0
            | Schedule.ConstantWithWarmup warmupSteps -> warmedUp warmupSteps warmupSteps (fun _ -> 1.0)
            | Schedule.LinearWithWarmup(warmupSteps, totalSteps) ->
                warmedUp warmupSteps totalSteps (fun progress -> 1.0 - progress)
            | Schedule.CosineWithWarmup(warmupSteps, totalSteps, floor) ->
                Check.range (nameof floor) "a share of the peak, from 0 to 1" (floor >= 0.0 && floor <= 1.0) floor

                warmedUp warmupSteps totalSteps (fun progress ->
                    floor + (1.0 - floor) * 0.5 * (1.0 + cos (System.Math.PI * progress)))

        peak * share
