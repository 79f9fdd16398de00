namespace David.Grpo

open System

/// What ends a run early once it reaches a threshold.
[<RequireQualifiedAccess>]
type ExitCriterion =
    /// Confidence in a trial answer, before the first search and after each; patience and floor as of an `ExitThreshold`.
    | Confidence of measure: ConfidenceMeasure * patience: int * floor: int
    /// The gain that a search promises, whenever the policy asks one: the threshold is minus its price
    /// (`Selectivity.idleness`).
    | Gain of weights: GateWeights * redundancy: float

/// How a threshold is chosen, so that few questions are lost by exiting. `risk` bounds the mean of `ExitLoss.Excess`.
[<RequireQualifiedAccess>]
type RiskMethod =
    /// With probability at least 1 − delta over calibration questions the risk is at most this.
    | LearnThenTest of risk: float * delta: float
    /// In the mean over calibration questions the risk is at most this. Losses are made monotone first.
    | Conformal of risk: float

/// Means over questions: a rule's runs beside the same runs to their end.
type ExitSummary =
    {
        /// Questions, at least 1.
        Questions: int
        /// The share of runs that the rule ended.
        EarlyExits: float
        /// Mean score at the exits.
        Score: float
        /// Mean score of the same questions answered to the end.
        FullScore: float
        /// Of `ExitLoss.Excess`.
        ExcessRisk: float
        /// Mean searches until the exits.
        Searches: float
        /// A question: searches of the full runs less that.
        SearchesSaved: float
        /// Tokens that the policy wrote, those thrown away included.
        GeneratedTokens: float
        /// A question: tokens of the full runs, for which no trial answer is needed, less that; below 0 where trials cost more than they save.
        GeneratedTokensSaved: float
        /// Tokens that the environment wrote.
        ObservedTokens: float
        /// A question: observed tokens of the full runs less that.
        ObservedTokensSaved: float
    }

/// A threshold picked on some of the questions, and what it does to the others.
type ResampledExit =
    {
        /// What was picked on the others.
        Threshold: Threshold
        /// What it is worth on the questions that it was not picked on.
        Test: ExitSummary
    }

/// Thresholds of early exits, picked on recorded runs, and what they are worth on others.
[<RequireQualifiedAccess>]
module ExitCalibration =

    /// What a trajectory and its trial answers, oldest first, come to. Scores are exact match.
    [<CompiledName "Record">]
    let record (trajectory: Trajectory) (forced: ForcedAnswer[]) : RecordedRun =
        let until segments =
            { trajectory with
                Segments = Array.truncate segments trajectory.Segments
                Searches = trajectory.Searches |> Array.filter (fun search -> search.SegmentsThrough <= segments)
            }

        let score answer =
            if Answer.exactMatch answer trajectory.Question.Answers then
                1.0
            else
                0.0

        let check (forced: ForcedAnswer) =
            let before = until forced.Segments

            {
                Trial = forced.Trial
                Score = score forced.Trial.Answer
                Coverage = Evidence.coverage before
                Before = Cost.ofTrajectory 0 before
                TrialTokens = forced.Tokens
                // The turn after the check is one action, and its search's observation comes next.
                Query =
                    trajectory.Searches
                    |> Array.tryFind (fun search -> search.SegmentsThrough = forced.Segments + 2)
                    |> Option.map _.Query
                    |> Option.defaultValue ""
            }

        {
            Hops = trajectory.Question.Hops
            Checks = forced |> Array.map check
            Score = (Evaluation.outcome trajectory).ExactMatch
            Coverage = Evidence.coverage trajectory
            Spent = Cost.ofTrajectory 0 trajectory
        }

    /// Thresholds that are tried, ascending: 0, and 1 / (1 + e⁻ˣ) for x from −4 to 16 by quarters, for confidences in
    /// [0, 1], which crowd near 1; for gains minus the prices 1, 0.99, … 0. Fixed beforehand, as both methods demand.
    [<CompiledName "Grid">]
    let grid (criterion: ExitCriterion) : float[] =
        match criterion with
        | ExitCriterion.Confidence _ ->
            [|
                0.0
                for quarter in -16 .. 64 do
                    1.0 / (1.0 + exp (-0.25 * float quarter))
            |]
        | ExitCriterion.Gain _ -> [| for price in 100..-1..0 -> -(float price / 100.0) |]

    let private isAsked (check: RecordedCheck) = check.Query <> ""

    /// Positions of the checks at which the criterion is looked at.
    let private positions criterion (run: RecordedRun) =
        let all = [| 0 .. run.Checks.Length - 1 |]

        match criterion with
        | ExitCriterion.Confidence _ -> all
        | ExitCriterion.Gain _ -> all |> Array.filter (fun check -> isAsked run.Checks[check])

    let private confidenceAt criterion (run: RecordedRun) position =
        let upTo = run.Checks[..position]

        match criterion with
        | ExitCriterion.Confidence(measure, _, _) -> Confidence.afterTrials measure (upTo |> Array.map _.Trial)
        | ExitCriterion.Gain(weights, cut) ->
            let check = run.Checks[position]
            let earlier = upTo[.. position - 1] |> Array.filter isAsked |> Array.map _.Query
            Selectivity.idleness weights cut check.Trial earlier check.Query

    /// The run as `EarlyExit` and `RiskControl` take it: a check wherever the criterion is looked at, and the run's own end
    /// last, with which no confidence comes (0). The cost is the searches made.
    [<CompiledName "Checks">]
    let checks (criterion: ExitCriterion) (run: RecordedRun) : ExitCheck[] =
        [|
            for position in positions criterion run do
                let check = run.Checks[position]

                {
                    Confidence = confidenceAt criterion run position
                    Score = check.Score
                    Cost = float check.Before.Searches
                }
            {
                Confidence = 0.0
                Score = run.Score
                Cost = float run.Spent.Searches
            }
        |]

    /// The exit rule of a criterion at a threshold, for replays, which do not read its measure.
    [<CompiledName "Rule">]
    let rule (criterion: ExitCriterion) (threshold: Threshold) : ExitThreshold =
        let tau =
            match threshold with
            | Threshold.At(_, tau) -> tau
            | Threshold.NoneSafe -> infinity

        match criterion with
        | ExitCriterion.Confidence(measure, patience, floor) ->
            {
                Measure = measure
                Threshold = tau
                Patience = patience
                Floor = floor
            }
        | ExitCriterion.Gain _ ->
            {
                Measure = ConfidenceMeasure.Stability 1
                Threshold = tau
                Patience = 1
                Floor = 0
            }

    /// The gate's weights by least squares on recorded runs: what of a searched query's gain, the score of the run's own end
    /// less that of the trial answer, can be read from its state. Raises ArgumentException where nothing was searched.
    [<CompiledName "FitGate">]
    let fitGate (runs: RecordedRun[]) : GateWeights =
        let asked =
            runs
            |> Array.collect (fun run ->
                let asked = run.Checks |> Array.filter isAsked
                let queries = asked |> Array.map _.Query

                asked
                |> Array.mapi (fun i check ->
                    Selectivity.stateOf check.Trial queries[.. i - 1] check.Query, run.Score - check.Score))

        if asked.Length = 0 then
            invalidArg (nameof runs) "Nothing was searched in these runs, so there is no gain to fit."

        Array.unzip asked ||> Selectivity.fitGate

    let private losses criterion (runs: RecordedRun[]) =
        runs
        |> Array.map (checks criterion)
        |> EarlyExit.losses ExitLoss.Excess (rule criterion Threshold.NoneSafe) (grid criterion)

    let private choose method thresholds (losses: float[][]) =
        match method with
        | RiskMethod.LearnThenTest(risk, delta) -> RiskControl.learnThenTest risk delta thresholds losses
        | RiskMethod.Conformal risk ->
            RiskControl.conformalRiskControl risk 1.0 thresholds (RiskControl.monotone losses)

    /// The least cautious threshold of the grid that the method vouches for on these runs, at least 1. Weights of a gain must
    /// have been fitted to other runs.
    [<CompiledName "Pick">]
    let pick (method: RiskMethod) (criterion: ExitCriterion) (runs: RecordedRun[]) : Threshold =
        losses criterion runs |> choose method (grid criterion)

    /// The run as it would have gone with the threshold, [runs] → [runs].
    [<CompiledName "Replay">]
    let replay (criterion: ExitCriterion) (threshold: Threshold) (runs: RecordedRun[]) : ExitedRun[] =
        let steps =
            runs |> Array.map (checks criterion) |> EarlyExit.exitSteps (rule criterion threshold)

        Array.map2
            (fun (run: RecordedRun) step ->
                let looked = positions criterion run

                let trials =
                    looked |> Array.truncate step |> Array.sumBy (fun at -> int64 run.Checks[at].TrialTokens)

                if step = looked.Length then
                    {
                        Run = run
                        IsEarly = false
                        Thrown = trials
                    }
                else
                    let position = looked[step]
                    let check = run.Checks[position]

                    // A gate comes after the turn that asked, which is then thrown away.
                    let turn =
                        match criterion with
                        | ExitCriterion.Confidence _ -> 0L
                        | ExitCriterion.Gain _ when position + 1 < run.Checks.Length ->
                            run.Checks[position + 1].Before.GeneratedTokens - check.Before.GeneratedTokens
                        | ExitCriterion.Gain _ -> run.Spent.GeneratedTokens - check.Before.GeneratedTokens

                    {
                        Run =
                            { run with
                                Checks = Array.append run.Checks[.. position - 1] [| { check with Query = "" } |]
                                Score = check.Score
                                Coverage = check.Coverage
                                Spent =
                                    { check.Before with
                                        GeneratedTokens = check.Before.GeneratedTokens + int64 check.TrialTokens
                                    }
                            }
                        IsEarly = true
                        Thrown = trials + turn
                    })
            runs
            steps

    /// What exits did to the runs, at least 1: the same questions to their end (`full`) and with exits.
    [<CompiledName "Summarize">]
    let summarize (full: RecordedRun[]) (exited: ExitedRun[]) : ExitSummary =
        Check.length (nameof exited) full.Length "the same run with exits" exited

        if full.Length = 0 then
            invalidArg (nameof full) "No run, so nothing to summarise; at least 1 is needed."

        let mean measure =
            exited |> Array.map measure |> Numerics.mean

        let fullMean (measure: RecordedRun -> float) =
            full |> Array.map measure |> Numerics.mean

        let generated (exit: ExitedRun) =
            float (exit.Run.Spent.GeneratedTokens + exit.Thrown)

        let searches (run: RecordedRun) = float run.Spent.Searches
        let observed (run: RecordedRun) = float run.Spent.ObservedTokens

        {
            Questions = full.Length
            EarlyExits = mean (fun exit -> if exit.IsEarly then 1.0 else 0.0)
            Score = mean _.Run.Score
            FullScore = fullMean _.Score
            ExcessRisk =
                Array.map2 (fun (run: RecordedRun) exit -> max 0.0 (run.Score - exit.Run.Score)) full exited
                |> Numerics.mean
            Searches = mean (fun exit -> searches exit.Run)
            SearchesSaved = fullMean searches - mean (fun exit -> searches exit.Run)
            GeneratedTokens = mean generated
            GeneratedTokensSaved = fullMean (fun run -> float run.Spent.GeneratedTokens) - mean generated
            ObservedTokens = mean (fun exit -> observed exit.Run)
            ObservedTokensSaved = fullMean observed - mean (fun exit -> observed exit.Run)
        }

    /// The steps of runs for `Selectivity.overSearch` and `underSearch`: a search was needless if the trial answer before it
    /// was right already (score 1), and an answer was given without searching enough if evidence was missing.
    [<CompiledName "JudgedSteps">]
    let judgedSteps (runs: RecordedRun[]) : JudgedStep[] =
        [|
            for run in runs do
                for check in run.Checks do
                    if isAsked check then
                        JudgedStep.Searched(check.Score = 1.0)

                if run.Coverage < 1.0 then
                    JudgedStep.Recalled(run.Score = 1.0)
        |]

    /// `Depth.gapByHops` of recorded runs: mean |searches − hops| by hops, rising; runs of unknown hops (0) are left out.
    [<CompiledName "GapByHops">]
    let gapByHops (runs: RecordedRun[]) : DepthGap[] =
        runs |> Array.map (fun run -> struct (run.Hops, int run.Spent.Searches)) |> Depth.gaps

    /// Whether the method keeps its word: `resamplings` times the runs are split at random, a threshold is picked on the
    /// first `share` of them, in (0, 1), and measured on the rest.
    [<CompiledName "Resample">]
    let resample
        (method: RiskMethod)
        (criterion: ExitCriterion)
        (share: float)
        (resamplings: int)
        (seed: Seed)
        (runs: RecordedRun[])
        : ResampledExit[] =
        Check.range (nameof resamplings) "at least 1" (resamplings >= 1) (float resamplings)
        let count = int (share * float runs.Length)

        Check.range
            (nameof share)
            $"above 0 and below 1, with a run on both sides, of {runs.Length}"
            (count >= 1 && count < runs.Length)
            share

        let thresholds = grid criterion
        let all = losses criterion runs
        let replays = System.Collections.Generic.Dictionary<Threshold, ExitedRun[]>()

        Array.init resamplings (fun resampling ->
            let order = Seed.permutation runs.Length (Seed.child (int64 resampling) seed)

            let threshold =
                order[.. count - 1] |> Array.map (Array.get all) |> choose method thresholds

            if not (replays.ContainsKey threshold) then
                replays[threshold] <- replay criterion threshold runs

            let rest = order[count..]

            {
                Threshold = threshold
                Test =
                    summarize (rest |> Array.map (Array.get runs)) (rest |> Array.map (Array.get replays[threshold]))
            })
