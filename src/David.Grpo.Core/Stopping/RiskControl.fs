namespace David.Grpo

open MathNet.Numerics.Distributions

/// A threshold of an ordered grid, or that none is safe enough.
[<RequireQualifiedAccess>]
type Threshold =
    /// The grid's entry number `index`, which is `tau`.
    | At of index: int * tau: float
    /// The calibration questions vouch for no threshold of the grid. Then do without: always search to the end.
    | NoneSafe

/// Thresholds picked on a calibration split so that a risk is held on new questions. Calibration questions must be
/// exchangeable with those to come (the same source, no question in both), and must not have been used to train or to
/// choose anything. Losses are [questions][thresholds] over a grid of thresholds `taus` that ascends and grows more
/// cautious: with an exit threshold τ, a higher one exits later. Every function raises ArgumentException for other input.
[<RequireQualifiedAccess>]
module RiskControl =

    /// What a whole number may be missed by through rounding.
    let private guard = 1e-12

    let private checkShare (name: string) (value: float) =
        Check.range name "above 0 and below 1, such as 0.1" (value > 0.0 && value < 1.0) value

    let private checkLosses (bound: float) (taus: float[]) (losses: float[][]) =
        Check.range (nameof bound) "a finite number above 0" (bound > 0.0 && System.Double.IsFinite bound) bound

        if taus.Length = 0 || Array.pairwise taus |> Array.exists (fun (low, high) -> not (low < high)) then
            invalidArg
                (nameof taus)
                "taus is empty or does not ascend; expected at least 1 threshold, each above the last."

        if losses.Length = 0 then
            invalidArg (nameof losses) "No calibration question, so no threshold; at least 1 is needed."

        losses
        |> Array.iteri (fun question row ->
            Check.length $"{nameof losses}[{question}]" taus.Length "one for each threshold" row

            match row |> Array.tryFind (fun loss -> not (loss >= 0.0 && loss <= bound)) with
            | Some loss ->
                invalidArg (nameof losses) $"losses[{question}] has the loss {loss}; expected 0 to the bound, {bound}."
            | None -> ())

    let private meanLosses (losses: float[][]) =
        Array.transpose losses |> Array.map Numerics.mean

    /// The losses that conformal risk control may be given in place of ones that rise somewhere along the grid: each
    /// question's largest loss at this threshold or a more cautious one, max_{k ≥ j} losses[i][k]. Never below the losses, so
    /// a risk held for these is held for those. Source: Angelopoulos et al. (arXiv 2208.02814), section 2.3.
    [<CompiledName "Monotone">]
    let monotone (losses: float[][]) : float[][] =
        losses |> Array.map (fun row -> Array.scanBack max row 0.0 |> Array.take row.Length)

    /// n/(n + 1) · mean loss + bound/(n + 1) at each threshold: what conformal risk control compares with alpha.
    let private inflated bound (losses: float[][]) =
        let n = float losses.Length
        meanLosses losses |> Array.map (fun mean -> (n * mean + bound) / (n + 1.0))

    /// Conformal risk control: the least cautious threshold with
    ///     n/(n + 1) · mean loss + bound/(n + 1) ≤ alpha.
    /// At it the expected loss of a new question is at most alpha, in the mean over calibration splits. Losses in
    /// [0, bound] that never rise along the grid: see `monotone`. Compared with a guard of 1e-12.
    /// Source: Angelopoulos, Bates, Fisch, Lei and Schuster (arXiv 2208.02814), theorem 1.
    [<CompiledName "ConformalRiskControl">]
    let conformalRiskControl (alpha: float) (bound: float) (taus: float[]) (losses: float[][]) : Threshold =
        checkShare (nameof alpha) alpha
        checkLosses bound taus losses

        losses
        |> Array.iteri (fun question row ->
            match Array.pairwise row |> Array.tryFind (fun (before, after) -> after > before) with
            | Some(before, after) ->
                invalidArg
                    (nameof losses)
                    $"losses[{question}] rises from {before} to {after} with the threshold; expected losses that never do. Use RiskControl.Monotone, or LearnThenTest."
            | None -> ())

        match inflated bound losses |> Array.tryFindIndex (fun risk -> risk <= alpha + guard) with
        | Some index -> Threshold.At(index, taus[index])
        | None -> Threshold.NoneSafe

    /// x ln(x/y) + (1 − x) ln((1 − x)/(1 − y)), the divergence of two coins, x in [0, 1] and y in (0, 1).
    let private coinDivergence x y =
        let term x y =
            if x = 0.0 then 0.0 else x * log (x / y)

        term x y + term (1.0 - x) (1.0 - y)

    /// The Hoeffding–Bentkus p-value of "the risk is above alpha", given the mean `risk` of `count` losses in [0, 1]:
    ///     min(1, exp(−n h(min(risk, alpha), alpha)), e · P(Bin(n, alpha) ≤ ⌈n · risk⌉)),
    /// h the divergence of two coins. In (0, 1]. n · risk within 1e-9 above a whole number counts as that number.
    /// Source: Bates, Angelopoulos, Lei, Malik and Jordan (arXiv 2101.02703), theorem 1.
    [<CompiledName "HoeffdingBentkus">]
    let hoeffdingBentkus (alpha: float) (count: int) (risk: float) : float =
        checkShare (nameof alpha) alpha
        Check.range (nameof count) "at least 1" (count >= 1) (float count)
        Check.range (nameof risk) "from 0 to 1" (risk >= 0.0 && risk <= 1.0) risk
        let n = float count
        let hoeffding = exp (-n * coinDivergence (min risk alpha) alpha)
        let bentkus = exp 1.0 * Binomial.CDF(alpha, count, ceil (n * risk - 1e-9))
        min 1.0 (min hoeffding bentkus)

    /// Fixed-sequence testing from the most cautious threshold, the last, down: hypotheses are rejected while p ≤ delta,
    /// and the first that is not ends the walk. The least cautious threshold reached; with probability at least 1 − delta no
    /// hypothesis rejected was true. `pValues` [thresholds], in [0, 1].
    /// Source: Angelopoulos, Bates, Candès, Jordan and Lei (arXiv 2110.01052), section 2.3.
    [<CompiledName "FixedSequence">]
    let fixedSequence (delta: float) (taus: float[]) (pValues: float[]) : Threshold =
        checkShare (nameof delta) delta
        Check.length (nameof pValues) taus.Length "one for each threshold" pValues

        match Array.tryFindIndexBack (fun p -> not (p <= delta)) pValues with
        | Some last when last = taus.Length - 1 -> Threshold.NoneSafe
        | Some last -> Threshold.At(last + 1, taus[last + 1])
        | None when taus.Length = 0 -> Threshold.NoneSafe
        | None -> Threshold.At(0, taus[0])

    /// Learn then test: the least cautious threshold whose risk, and that of all more cautious ones, is shown to be at most
    /// `epsilon` by Hoeffding–Bentkus p-values and fixed-sequence testing. With probability at least 1 − delta over
    /// calibration splits the risk at it is at most epsilon. Losses in [0, 1], which need not fall along the grid.
    /// Source: arXiv 2110.01052, algorithm 1 with one start.
    [<CompiledName "LearnThenTest">]
    let learnThenTest (epsilon: float) (delta: float) (taus: float[]) (losses: float[][]) : Threshold =
        checkShare (nameof epsilon) epsilon
        checkLosses 1.0 taus losses

        meanLosses losses |> Array.map (hoeffdingBentkus epsilon losses.Length) |> fixedSequence delta taus
