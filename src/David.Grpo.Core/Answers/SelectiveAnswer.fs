namespace David.Grpo

open MathNet.Numerics.Distributions

/// An answer to a labelled question.
[<Struct>]
type JudgedAnswer =
    {
        /// In [0, 1]; 0 where there was no answer.
        Confidence: float
        /// Whether it is one of the accepted answers.
        IsRight: bool
    }

/// When an answer is given, and when it is said that none was found.
[<RequireQualifiedAccess>]
type AnswerThreshold =
    /// Not calibrated: nothing is vouched for. Given where what was found holds at least so much of the answer's words, and
    /// the confidence is at least that; both in [0, 1].
    | Uncalibrated of support: float * confidence: float
    /// Given where the confidence reaches τ, which calibration picked.
    | AtLeast of tau: float
    /// Calibration vouches for no threshold: nothing is given.
    | Never

/// What a rule does to labelled questions.
type SelectiveSummary =
    {
        /// All that were asked.
        Questions: int
        /// Those of them that were answered.
        Given: int
        /// Given answers that are wrong.
        Wrong: int
        /// Given/questions.
        Coverage: float
        /// Wrong/given; 0 where none is given.
        Error: float
        /// The error of given answers on new questions is below this with 95 % confidence (Clopper and Pearson, one-sided);
        /// 1 where none is given. Honest only for questions that did not pick the threshold.
        ErrorBound: float
    }

/// Answering only where it is safe: the error *among given answers*, P(wrong | given), is held below a risk.
[<RequireQualifiedAccess>]
module SelectiveAnswer =

    /// Thresholds that are tried, ascending: 0, .01, … 1. Fixed beforehand.
    [<CompiledName "Grid">]
    let grid: float[] = Array.init 101 (fun i -> float i / 100.0)

    /// Where the tests begin, each with its part of delta: a walk from one place alone would end at once where
    /// hardly any answer is as sure as that.
    let private starts = [| 95; 80; 60; 40; 20; 0 |]

    let private check (answers: JudgedAnswer[]) =
        answers
        |> Array.iteri (fun i answer ->
            Check.range
                $"answers[{i}].Confidence"
                "from 0 to 1"
                (answer.Confidence >= 0.0 && answer.Confidence <= 1.0)
                answer.Confidence)

    /// The p-value of "more than `risk` of the answers that a threshold gives are wrong", `wrong` of `given` being so:
    /// P(Bin(given, risk) ≤ wrong), exact since given answers are right or wrong independently. 1 where none is given.
    [<CompiledName "PValue">]
    let pValue (risk: float) (given: int) (wrong: int) : float =
        Check.range (nameof risk) "above 0 and below 1, such as 0.1" (risk > 0.0 && risk < 1.0) risk
        Check.range (nameof wrong) "from 0 to the number given" (wrong >= 0 && wrong <= given) (float wrong)

        if given = 0 then
            1.0
        else
            Binomial.CDF(risk, given, float wrong)

    /// The least cautious threshold that is vouched for: with probability at least 1 − delta over the labelled questions,
    /// at most `risk` of the answers given at it are wrong. Fixed-sequence tests from several fixed starts, each at its
    /// share of delta, walk down the grid while p ≤ delta / starts; a threshold below all that were rejected is not looked at.
    /// Questions must come from the same source as those to come. NoneSafe where they vouch for no threshold: too few, or
    /// too many wrong. Source: Angelopoulos et al. (arXiv 2110.01052), section 2.3 and the selective-classification example;
    /// Geifman and El-Yaniv (arXiv 1705.08500) for the guarantee sought.
    [<CompiledName "Pick">]
    let pick (risk: float) (delta: float) (answers: JudgedAnswer[]) : Threshold =
        Check.range (nameof delta) "above 0 and below 1, such as 0.1" (delta > 0.0 && delta < 1.0) delta
        check answers
        let level = delta / float starts.Length

        let isSafe index =
            let given = answers |> Array.filter (fun answer -> answer.Confidence >= grid[index])
            let wrong = given |> Array.filter (fun answer -> not answer.IsRight)
            pValue risk given.Length wrong.Length <= level

        let safe = Array.init grid.Length isSafe

        let rec down index =
            if index > 0 && safe[index - 1] then
                down (index - 1)
            else
                index

        match starts |> Array.filter (fun start -> safe[start]) with
        | [||] -> Threshold.NoneSafe
        | begun ->
            let least = begun |> Array.map down |> Array.min
            Threshold.At(least, grid[least])

    /// The rule of a threshold.
    [<CompiledName "Rule">]
    let rule (threshold: Threshold) : AnswerThreshold =
        match threshold with
        | Threshold.At(_, tau) -> AnswerThreshold.AtLeast tau
        | Threshold.NoneSafe -> AnswerThreshold.Never

    /// Whether an answer is given: `support` is the largest share of its words that one passage found holds
    /// (`Grounding.shares`).
    [<CompiledName "IsGiven">]
    let isGiven (rule: AnswerThreshold) (support: float) (confidence: float) : bool =
        match rule with
        | AnswerThreshold.Uncalibrated(leastSupport, leastConfidence) ->
            support >= leastSupport && confidence >= leastConfidence
        | AnswerThreshold.AtLeast tau -> confidence >= tau
        | AnswerThreshold.Never -> false

    /// What answering at a threshold and above does to labelled questions.
    [<CompiledName "Summarize">]
    let summarize (tau: float) (answers: JudgedAnswer[]) : SelectiveSummary =
        check answers
        let given = answers |> Array.filter (fun answer -> answer.Confidence >= tau)
        let wrong = given |> Array.filter (fun answer -> not answer.IsRight) |> Array.length

        {
            Questions = answers.Length
            Given = given.Length
            Wrong = wrong
            Coverage = float given.Length / float (max 1 answers.Length)
            Error = float wrong / float (max 1 given.Length)
            ErrorBound =
                if wrong = given.Length then
                    1.0
                else
                    Beta.InvCDF(float (wrong + 1), float (given.Length - wrong), 0.95)
        }

    /// Whether an answer counts as right: it holds an accepted answer, both in normal form, as whole words (cover exact match).
    /// A quoted sentence is right that way too; so is a guess that lists everything, which is why answers are kept short.
    [<CompiledName "IsRight">]
    let isRight (answer: string) (accepted: string[]) : bool =
        let given = " " + Answer.normalize answer + " "

        accepted
        |> Array.exists (fun gold ->
            match Answer.normalize gold with
            | "" -> given.Trim() = ""
            | wanted -> given.Contains(" " + wanted + " ", System.StringComparison.Ordinal))
