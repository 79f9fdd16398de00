namespace David.Grpo

open System

/// When to stop searching and answer. Check t is made after t searches, t = 0, 1, …
type ExitThreshold =
    {
        /// What the threshold is compared with.
        Measure: ConfidenceMeasure
        /// τ, in the measure's unit; +∞ never exits early, −∞ at the first check that floor and patience allow.
        Threshold: float
        /// m: so many checks in a row must reach τ; at least 1.
        Patience: int
        /// No exit after fewer searches than this; at least 0. Checks before it count towards the patience.
        Floor: int
    }

/// What an exit rule says.
[<RequireQualifiedAccess>]
type ExitDecision =
    /// Answer now.
    | Exit
    /// Search on, if the policy wants to.
    | Continue

/// One check of a question's full run, recorded so that rules can be replayed without a model.
[<Struct>]
type ExitCheck =
    {
        /// By the measure that is replayed.
        Confidence: float
        /// What answering here would have scored, in [0, 1]: EM or F1 of the trial answer.
        Score: float
        /// What was spent up to here, in any one unit, at least 0 and never falling along the run.
        Cost: float
    }

/// What is lost by exiting early, in [0, 1].
[<RequireQualifiedAccess>]
type ExitLoss =
    /// 1 − score at the exit.
    | Wrong
    /// max(0, score at the end of the run − score at the exit). A question that exiting early gets right instead counts as
    /// no loss, never as a gain that pays for others.
    | Excess

/// What the continuation's value is regressed on.
[<RequireQualifiedAccess>]
type StoppingState =
    /// The number of searches alone.
    | SearchCount
    /// The number of searches and the score that answering now would get: right and wrong rollouts apart.
    | SearchCountAndScore

/// The value of stopping well, and how good stopping can be.
type StoppingOracle =
    {
        /// The mean over rollouts of the envelope at the start, V₀.
        Value: float
        /// The mean utility of the best moment of each rollout, chosen in hindsight: no rule, not even a clairvoyant one, does
        /// better on these rollouts.
        HindsightValue: float
        /// Where the oracle's policy stops each rollout, [rollouts], as the number of a check.
        Stops: int[]
    }

/// Early exit by confidence: the rule, its replay over recorded runs, rewards for training it and the best that could be had.
[<RequireQualifiedAccess>]
module EarlyExit =

    let private checkRule (rule: ExitThreshold) =
        Check.range "Threshold" "a number" (not (Double.IsNaN rule.Threshold)) rule.Threshold
        Check.range "Patience" "at least 1" (rule.Patience >= 1) (float rule.Patience)
        Check.range "Floor" "at least 0" (rule.Floor >= 0) (float rule.Floor)

    /// Whether to exit at check t, given the confidences of checks 0 … t.
    let private exits (rule: ExitThreshold) (confidences: float[]) t =
        t >= rule.Floor
        && t + 1 >= rule.Patience
        && not (Double.IsPositiveInfinity rule.Threshold)
        && Seq.forall (fun s -> confidences[s] >= rule.Threshold) (seq { t + 1 - rule.Patience .. t })

    /// What the rule says after the checks so far, `confidences` [t + 1], oldest first: exit if t ≥ floor and the last m
    /// confidences are at least τ. No check yet: continue.
    [<CompiledName "Decide">]
    let decide (rule: ExitThreshold) (confidences: float[]) : ExitDecision =
        checkRule rule

        match confidences |> Array.tryFindIndex Double.IsNaN with
        | Some index -> invalidArg (nameof confidences) $"confidences[{index}] is NaN; expected a number."
        | None -> ()

        if confidences.Length > 0 && exits rule confidences (confidences.Length - 1) then
            ExitDecision.Exit
        else
            ExitDecision.Continue

    /// `decide` with the confidences that the rule's measure gives for the trial answers so far, oldest first.
    [<CompiledName "DecideOnTrials">]
    let decideOnTrials (rule: ExitThreshold) (trials: Trial[]) : ExitDecision =
        Array.init trials.Length (fun t -> Confidence.afterTrials rule.Measure trials[..t]) |> decide rule

    let private checkRun question (checks: ExitCheck[]) =
        let name = $"runs[{question}]"

        if checks.Length = 0 then
            invalidArg name $"{name} has no check; expected at least the one before any search."

        let refuse t expected =
            invalidArg name $"{name}[{t}] is {checks[t]}; expected {expected}."

        checks
        |> Array.iteri (fun t check ->
            if Double.IsNaN check.Confidence then
                refuse t "a confidence that is a number"

            if not (check.Score >= 0.0 && check.Score <= 1.0) then
                refuse t "a score from 0 to 1"

            if not (Double.IsFinite check.Cost && check.Cost >= (if t = 0 then 0.0 else checks[t - 1].Cost)) then
                refuse t "a finite cost of at least 0 that never falls")

    let private stepOf rule (checks: ExitCheck[]) =
        let confidences = checks |> Array.map _.Confidence

        seq { 0 .. checks.Length - 2 }
        |> Seq.tryFind (exits rule confidences)
        |> Option.defaultValue (checks.Length - 1)

    /// The number of searches after which the rule ends each run, [questions]: the first check at which it exits, else the
    /// last one of the run, where the policy answered by itself or had to. `runs` [questions][checks 0 … n].
    [<CompiledName "ExitSteps">]
    let exitSteps (rule: ExitThreshold) (runs: ExitCheck[][]) : int[] =
        checkRule rule
        runs |> Array.iteri checkRun
        runs |> Array.map (stepOf rule)

    let private lossOf loss (checks: ExitCheck[]) step =
        match loss with
        | ExitLoss.Wrong -> 1.0 - checks[step].Score
        | ExitLoss.Excess -> max 0.0 ((Array.last checks).Score - checks[step].Score)

    /// Losses of the rule with each of the `thresholds` in place of its own, [questions][thresholds], for
    /// `RiskControl.learnThenTest` or, made monotone, `RiskControl.conformalRiskControl`.
    [<CompiledName "Losses">]
    let losses (loss: ExitLoss) (rule: ExitThreshold) (thresholds: float[]) (runs: ExitCheck[][]) : float[][] =
        thresholds
        |> Array.map (fun threshold ->
            exitSteps { rule with Threshold = threshold } runs |> Array.map2 (lossOf loss) runs)
        |> fun byThreshold -> Array.init runs.Length (fun question -> byThreshold |> Array.map (Array.item question))

    /// Uₜ = score − price · cost of each check.
    let private utilities (price: float) (runs: ExitCheck[][]) =
        Check.range (nameof price) "a finite number of at least 0" (Double.IsFinite price && price >= 0.0) price
        runs |> Array.iteri checkRun
        runs |> Array.map (Array.map (fun check -> check.Score - price * check.Cost))

    /// Optimal stopping over rollouts of one question, or of questions held alike, [rollouts][checks], at least 1. With
    /// Uₜ = score − price · cost, backwards in t,
    ///     V_T = U_T,   Vₜ = max(Uₜ, E[Vₜ₊₁ | state]):
    /// the Snell envelope, E the mean over the rollouts of the same state that went on. One that has ended keeps its last check.
    /// The oracle stops a rollout at the first t with Uₜ ≥ E[Vₜ₊₁ | state]. `Value` is at least the mean utility of
    /// stopping all rollouts after any one number of searches. It knows scores that a policy cannot, so it is a bound to
    /// measure regret against, not a rule; and by `SearchCount` alone it believes the future independent of the present,
    /// which flatters it where right rollouts stay right.
    /// Source: Snell, Transactions of the AMS 73 (1952); regression over paths, Longstaff and Schwartz, Review of Financial
    /// Studies 14 (2001). Taking each rollout's own maximum instead is the prophet's bias: `HindsightValue`.
    [<CompiledName "Oracle">]
    let oracle (state: StoppingState) (price: float) (rollouts: ExitCheck[][]) : StoppingOracle =
        if rollouts.Length = 0 then
            invalidArg (nameof rollouts) "No rollout, so no oracle; at least 1 is needed."

        let utility = utilities price rollouts
        let final = (rollouts |> Array.map _.Length |> Array.max) - 1
        let at t (row: 'value[]) = row[min t (row.Length - 1)]

        let cell (check: ExitCheck) =
            match state with
            | StoppingState.SearchCount -> 0.0
            | StoppingState.SearchCountAndScore -> check.Score

        /// E[V_{t+1} | state] of each rollout that goes on after t, from their V_{t+1}; what an ended one has.
        let expected t (next: float[]) =
            let goesOn =
                [| 0 .. rollouts.Length - 1 |] |> Array.filter (fun i -> rollouts[i].Length > t + 1)

            let means =
                goesOn
                |> Array.groupBy (fun i -> cell (rollouts[i][t]))
                |> Array.map (fun (key, members) -> key, members |> Array.map (Array.get next) |> Numerics.mean)
                |> dict

            let ahead = Array.copy next

            for i in goesOn do
                ahead[i] <- means[cell (rollouts[i][t])]

            ahead

        let last = utility |> Array.map Array.last

        // For t = final − 1 … 0: V and the rollouts that stop at once.
        let values, stops =
            Seq.foldBack
                (fun t (next, stops) ->
                    let ahead = expected t next
                    let now = utility |> Array.map (at t)

                    Array.map2 max now ahead,
                    Array.init rollouts.Length (fun i -> if now[i] >= ahead[i] then t else stops[i]))
                (seq { 0 .. final - 1 })
                (last, Array.create rollouts.Length final)

        {
            Value = Numerics.mean values
            HindsightValue = utility |> Array.map Array.max |> Numerics.mean
            Stops = Array.map2 (fun stop (rollout: ExitCheck[]) -> min stop (rollout.Length - 1)) stops rollouts
        }

    /// The mean of score − price · cost where `steps` [rollouts] end the runs.
    [<CompiledName "Utility">]
    let utility (price: float) (rollouts: ExitCheck[][]) (steps: int[]) : float =
        Check.length (nameof steps) rollouts.Length "the exit of each rollout" steps

        Array.map2
            (fun (row: float[]) step ->
                if step < 0 || step >= row.Length then
                    invalidArg
                        (nameof steps)
                        $"steps has {step}; expected 0 to {row.Length - 1}, the checks of its run."

                row[step])
            (utilities price rollouts)
            steps
        |> Numerics.mean
