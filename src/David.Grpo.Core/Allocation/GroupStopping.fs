namespace David.Grpo

/// What a rollout answered.
[<RequireQualifiedAccess>]
type DrawnAnswer =
    /// Its answer, normalised so that equal answers are equal texts.
    | Given of answer: string
    /// None could be extracted: a rollout without mass.
    | Missing

/// Answers that hold the right one with the level's probability.
[<RequireQualifiedAccess>]
type AnswerSet =
    /// These, most frequent first; not empty.
    | Of of answers: string[]
    /// Any answer, sampled or not: the ones seen do not reach the threshold.
    | Anything

/// What to do with a question after some rollouts.
[<RequireQualifiedAccess>]
type StoppingDecision =
    /// One answer stands out; it need not be right.
    | Stop of answer: string
    /// Sample this many more.
    | Sample of additional: int
    /// The last budget is reached without one answer standing out.
    | Exhausted

/// Thresholds by the number of rollouts so far, with what finding them cost.
type GroupCalibration =
    {
        /// Numbers of rollouts after which a group may stop, rising: 2, 4, 8, ….
        Budgets: int[]
        /// q̂ₖ of each, at least 0, infinite where the calibration questions are too few for the level.
        Thresholds: float[]
        /// δ: the right answer may be missing from the set with this probability.
        Delta: float
        /// Rollouts that the calibration questions took, all of them.
        Rollouts: int
    }

/// Conformal stopping of a group: a question is sampled in increments, until the set that holds its right answer with
/// probability 1 − δ has one member. Source: C-GRPO (TRL branch trl-cgrpo 0.2); adaptive prediction sets of Romano,
/// Sesia and Candès (arXiv 2006.02544). The guarantee is for a question exchangeable with the calibration questions, so
/// of the same policy: calibrate again as the policy moves.
[<RequireQualifiedAccess>]
module GroupStopping =

    /// The question's first accepted answer, normalised.
    [<CompiledName "Gold">]
    let gold (group: Group) : string =
        Answer.normalize group.Question.Answers[0]

    /// What a group's members answered, [G], normalised. A right answer stands as `gold`, however it was written.
    [<CompiledName "Drawn">]
    let drawn (group: Group) : DrawnAnswer[] =
        group.Members
        |> Array.map (fun rollout ->
            match rollout.Trajectory.Ending with
            | Ending.Answered _ when rollout.IsRight -> DrawnAnswer.Given(gold group)
            | Ending.Answered answer -> DrawnAnswer.Given(Answer.normalize answer)
            | _ -> DrawnAnswer.Missing)

    /// The rank of the conformal quantile among n scores, ⌈(n + 1)(1 − δ)⌉, from 1; above n where they are too few.
    /// `delta` is above 0 and below 1. 1e-12 is taken off before rounding up, which else could lift a whole number.
    [<CompiledName "QuantileRank">]
    let quantileRank (delta: float) (count: int) : int =
        Check.range (nameof delta) "above 0 and below 1" (delta > 0.0 && delta < 1.0) delta
        int (ceil (float (count + 1) * (1.0 - delta) - 1e-12))

    /// The conformal quantile of n calibration scores: the quantileRank-th smallest, infinite where that rank is above
    /// n. A further exchangeable score is at most this with probability 1 − δ or more, and below 1 − δ + 1/(n + 1) if
    /// none tie.
    /// Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005).
    [<CompiledName "Quantile">]
    let quantile (delta: float) (scores: float[]) : float =
        Check.finite (nameof scores) "" scores

        match quantileRank delta scores.Length with
        | rank when rank > scores.Length -> infinity
        | rank -> (Array.sort scores)[max 0 (rank - 1)]

    /// δ by the policy's solve rate, clip(1 − rate + 0.05, 0.05, 0.95): asking for the right answer more often than the
    /// policy finds it puts every threshold at 1, and nothing ever stops. Take the rate from other questions than the
    /// calibration's.
    [<CompiledName "DeltaOf">]
    let deltaOf (solveRate: float) : float =
        Check.range (nameof solveRate) "from 0 to 1" (solveRate >= 0.0 && solveRate <= 1.0) solveRate
        max 0.05 (min 0.95 (1.0 - solveRate + 0.05))

    /// The answers with their masses, most frequent first: the share of all rollouts, the Missing ones included. Ties
    /// stand in an order of chance; a fixed one, say the first seen, would break exchangeability.
    let private ranked (seed: Seed) (draws: DrawnAnswer[]) =
        let masses =
            draws
            |> Array.choose (function
                | DrawnAnswer.Given answer -> Some answer
                | DrawnAnswer.Missing -> None)
            |> Array.countBy id

        Seed.permutation masses.Length seed
        |> Array.map (fun place -> masses[place])
        |> Array.sortWith (fun (_, a) (_, b) -> compare b a)
        |> Array.map (fun (answer, count) -> struct (answer, float count / float draws.Length))

    /// The score of a calibration question from its first rollouts, in [0, 1]: the mass that ranks before the gold
    /// answer, plus a uniform share of the gold's own; 1 if it was never sampled. `seed` is the question's own.
    [<CompiledName "Score">]
    let score (seed: Seed) (draws: DrawnAnswer[]) (gold: string) : float =
        let answers = ranked (Seed.named "ties" seed) draws

        match answers |> Array.tryFindIndex (fun (struct (answer, _)) -> answer = gold) with
        | None -> 1.0
        | Some place ->
            let before =
                answers |> Array.truncate place |> Array.sumBy (fun (struct (_, mass)) -> mass)

            let struct (_, own) = answers[place]
            before + Seed.uniform (Seed.named "share" seed) * own

    /// The answers by frequency until their mass reaches the threshold; Anything where it never does, and where the
    /// threshold is at 1 or above, which an answer that was never sampled scores too. It holds every answer whose score
    /// is at most the threshold.
    [<CompiledName "AnswerSet">]
    let answerSet (threshold: float) (seed: Seed) (draws: DrawnAnswer[]) : AnswerSet =
        if System.Double.IsNaN threshold then
            invalidArg (nameof threshold) "threshold is NaN; expected a quantile of scores."

        let answers = ranked (Seed.named "ties" seed) draws

        let reached =
            answers |> Array.scan (fun total (struct (_, mass)) -> total + mass) 0.0 |> Array.tail

        match Array.tryFindIndex (fun total -> total >= threshold) reached with
        | Some last when threshold < 1.0 ->
            AnswerSet.Of(answers |> Array.truncate (last + 1) |> Array.map (fun (struct (answer, _)) -> answer))
        | _ -> AnswerSet.Anything

    let private checkBudgets (budgets: int[]) =
        if
            budgets.Length = 0
            || budgets[0] < 1
            || Array.pairwise budgets |> Array.exists (fun (a, b) -> b <= a)
        then
            invalidArg
                (nameof budgets)
                $"budgets are %A{budgets}; expected rising numbers of rollouts from 1, such as 2, 4, 8."

    /// Calibrates on n questions that were all sampled to the last budget: `draws` [n][≥ last budget], of which the
    /// first ones count, and their gold answers `gold` [n]. Each budget has its own scores. What it cost is n · (last
    /// budget) rollouts. No questions give infinite thresholds, with which nothing stops.
    [<CompiledName "Calibrate">]
    let calibrate
        (delta: float)
        (budgets: int[])
        (seed: Seed)
        (draws: DrawnAnswer[][])
        (gold: string[])
        : GroupCalibration =
        checkBudgets budgets
        Check.length (nameof gold) draws.Length "one for each entry of draws" gold
        let last = Array.last budgets

        match draws |> Array.tryFindIndex (fun group -> group.Length < last) with
        | Some index ->
            invalidArg
                (nameof draws)
                $"draws[{index}] has {draws[index].Length} rollouts; expected at least {last}, the last budget: stopped groups cannot calibrate."
        | None -> ()

        let thresholdAt budget =
            let scores =
                Array.mapi2
                    (fun question group answer ->
                        score (Seed.path [| int64 budget; int64 question |] seed) (Array.truncate budget group) answer)
                    draws
                    gold

            quantile delta scores

        {
            Budgets = Array.copy budgets
            Thresholds = Array.map thresholdAt budgets
            Delta = delta
            Rollouts = last * draws.Length
        }

    /// What to do with a question after its rollouts so far, `draws` [k]: at a budget, stop if the set is a single
    /// answer; sample up to the next budget otherwise, and between budgets. `seed` is the question's own.
    [<CompiledName "Decide">]
    let decide (calibration: GroupCalibration) (seed: Seed) (draws: DrawnAnswer[]) : StoppingDecision =
        checkBudgets calibration.Budgets

        Check.length
            (nameof calibration.Thresholds)
            calibration.Budgets.Length
            "one for each of the calibration's budgets"
            calibration.Thresholds

        let sampleOn () =
            match calibration.Budgets |> Array.tryFind (fun budget -> budget > draws.Length) with
            | Some next -> StoppingDecision.Sample(next - draws.Length)
            | None -> StoppingDecision.Exhausted

        match Array.tryFindIndex ((=) draws.Length) calibration.Budgets with
        | None -> sampleOn ()
        | Some place ->
            match answerSet calibration.Thresholds[place] (Seed.child (int64 draws.Length) seed) draws with
            | AnswerSet.Of [| answer |] -> StoppingDecision.Stop answer
            | AnswerSet.Of _
            | AnswerSet.Anything -> sampleOn ()
