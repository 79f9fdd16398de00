namespace David.Grpo

open MathNet.Numerics

/// What an answer cost and what it was worth, say means of an arm or of an exit threshold.
[<Struct>]
type CostScore =
    {
        /// In any unit.
        Cost: float
        /// More is better.
        Score: float
    }

/// Scores of several seeds and data sets, and comparisons that assume no distribution. Scores are [runs][tasks], each row
/// with the same tasks, at least 1 of each, and finite. Every function raises ArgumentException otherwise.
[<RequireQualifiedAccess>]
module ComparisonStatistics =

    let private checkScores name (scores: float[][]) =
        if scores.Length = 0 || scores[0].Length = 0 then
            invalidArg name $"{name} has no scores; expected at least 1 run of at least 1 task."

        scores
        |> Array.iteri (fun run row ->
            Check.length $"{name}[{run}]" scores[0].Length "the tasks of the first run, in the same order" row
            Statistics.checkValues $"{name}[{run}]" row)

    /// The interquartile mean: the mean of all runs × tasks scores without the ⌊n/4⌋ smallest and as many largest. Less
    /// moved by one lucky seed than the mean, less wasteful than the median.
    /// Source: Agarwal et al., NeurIPS 2021 (arXiv 2108.13264), section 4.3; rliable 1.2.0 `aggregate_iqm`. No fractional
    /// weights, as there.
    [<CompiledName "InterquartileMean">]
    let interquartileMean (scores: float[][]) : float =
        checkScores (nameof scores) scores
        Bootstrap.evaluate (Statistic.TrimmedMean 0.25) (Array.concat scores)

    /// The median over tasks of the mean over runs. Source: rliable 1.2.0 `aggregate_median`.
    [<CompiledName "MedianOfMeans">]
    let medianOfMeans (scores: float[][]) : float =
        checkScores (nameof scores) scores
        Array.transpose scores |> Array.map Numerics.mean |> Statistics.quantile 0.5

    /// How far the scores stay below `target`, on the average: target − mean min(score, target); at least 0.
    /// Source: Agarwal et al. (2021), section 4.3; rliable 1.2.0 `aggregate_optimality_gap`.
    [<CompiledName "OptimalityGap">]
    let optimalityGap (target: float) (scores: float[][]) : float =
        checkScores (nameof scores) scores
        Statistics.checkValues (nameof target) [| target |]
        target - (Array.concat scores |> Array.map (min target) |> Numerics.mean)

    /// The chance that a run of x beats a run of y on a task: ties count half, all pairs of runs within a task, mean over
    /// tasks. In [0, 1]; 1/2 where they are alike. x and y have the same tasks, not necessarily as many runs.
    /// Source: Agarwal et al. (2021), section 4.3; rliable 1.2.0 `probability_of_improvement`.
    [<CompiledName "ProbabilityOfImprovement">]
    let probabilityOfImprovement (x: float[][]) (y: float[][]) : float =
        checkScores (nameof x) x
        checkScores (nameof y) y
        Check.length "y[0]" x[0].Length "the tasks of x, in the same order" y[0]

        Array.map2 Statistics.superiority (Array.transpose x) (Array.transpose y) |> Numerics.mean

    /// The positions of the points that no other point dominates, by rising cost and then by position. A point dominates
    /// another that costs no less and scores no more, if one of the two is strict; so of equal points all are kept.
    [<CompiledName "ParetoFront">]
    let paretoFront (points: CostScore[]) : int[] =
        Statistics.checkValues (nameof points) (points |> Array.map _.Cost)
        Statistics.checkValues (nameof points) (points |> Array.map _.Score)

        let byCost =
            [| 0 .. points.Length - 1 |]
            |> Array.sortBy (fun index -> struct (points[index].Cost, -points[index].Score, index))

        let front = ResizeArray()

        for index in byCost do
            let isKept =
                front.Count = 0
                || points[index].Score > points[front[front.Count - 1]].Score
                || points[index] = points[front[front.Count - 1]]

            if isKept then
                front.Add index

        front.ToArray()

    /// The largest number of differences of which all flips are tried.
    [<Literal>]
    let private MostFlips = 22

    /// The exact sign-flip test of "the differences are symmetric about 0": the share of all 2ⁿ flips of their signs, the
    /// identity among them, whose mean is at least as extreme as the one seen. `differences` [n], n at most 22, say of two
    /// arms seed by seed. Undefined for none. With n seeds no p is below 2⁻ⁿ (two-sided 2¹⁻ⁿ): 5 seeds never reach 0.05
    /// two-sided, 6 do. Means within 1e-12 · max(1, |mean|) count as equal.
    /// Source: Fisher, The Design of Experiments (1935), section 21.
    [<CompiledName "SignFlip">]
    let signFlip (alternative: Alternative) (differences: float[]) : PValue =
        Statistics.checkValues (nameof differences) differences
        let count = differences.Length

        if count > MostFlips then
            invalidArg
                (nameof differences)
                $"{count} differences have 2^{count} flips; expected at most {MostFlips}. Take `Wilcoxon`, or the bootstrap."

        if count = 0 then
            PValue.Undefined
        else
            let observed = Numerics.mean differences
            let tolerance = 1e-12 * max 1.0 (abs observed)

            let isExtreme =
                match alternative with
                | Alternative.TwoSided -> fun mean -> abs mean >= abs observed - tolerance
                | Alternative.Greater -> fun mean -> mean >= observed - tolerance
                | Alternative.Less -> fun mean -> mean <= observed + tolerance

            let rec extremes index total =
                if index = count then
                    (if isExtreme (total / float count) then 1.0 else 0.0)
                else
                    extremes (index + 1) (total + differences[index])
                    + extremes (index + 1) (total - differences[index])

            PValue.Known(extremes 0 0.0 / 2.0 ** float count)

    /// Twice the rank of each value from below, equal values sharing the mean of their ranks.
    let private doubledRanks (values: float[]) =
        values
        |> Array.map (fun value ->
            let below = values |> Array.sumBy (fun other -> if other < value then 1 else 0)
            let equal = values |> Array.sumBy (fun other -> if other = value then 1 else 0)
            2 * below + equal + 1)

    /// Wilcoxon's signed-rank test of "the differences are symmetric about 0", exact: the distribution of the positive
    /// rank sum over all 2ⁿ signs, counted by dynamic programming. `differences` [n], n at most 1,000. Zeros are dropped
    /// first, equal sizes share their ranks and the distribution is that of the shared ranks; without zeros and ties it
    /// is scipy 1.17.1's `wilcoxon(method="exact")`, which with them answers for ranks that are not there. The two-sided p
    /// is twice the smaller tail, at most 1. Undefined where no difference is other than 0.
    /// Source: Wilcoxon, Biometrics Bulletin 1 (1945); shared ranks, Streitberg and Röhmel (1986).
    [<CompiledName "Wilcoxon">]
    let wilcoxon (alternative: Alternative) (differences: float[]) : PValue =
        Statistics.checkValues (nameof differences) differences
        let differences = differences |> Array.filter ((<>) 0.0)

        if differences.Length > 1000 then
            invalidArg (nameof differences) $"{differences.Length} differences other than 0; expected at most 1,000."

        if differences.Length = 0 then
            PValue.Undefined
        else
            let ranks = doubledRanks (Array.map abs differences)

            let positive =
                Array.map2 (fun rank difference -> if difference > 0.0 then rank else 0) ranks differences
                |> Array.sum

            // chances[s]: the probability that the doubled positive rank sum is s.
            let chances = Array.zeroCreate (Array.sum ranks + 1)
            chances[0] <- 1.0

            for rank in ranks do
                for total in chances.Length - 1 .. -1 .. 0 do
                    let withRank = if total >= rank then chances[total - rank] else 0.0
                    chances[total] <- 0.5 * (chances[total] + withRank)

            let atMost = min 1.0 (Numerics.sum chances[..positive])
            let atLeast = min 1.0 (Numerics.sum chances[positive..])

            PValue.Known(
                match alternative with
                | Alternative.TwoSided -> min 1.0 (2.0 * min atMost atLeast)
                | Alternative.Greater -> atLeast
                | Alternative.Less -> atMost
            )

    /// numerator / deviation, or 0 where both are 0.
    let private inDeviations name (numerator: float) (deviation: float) =
        if deviation > 0.0 then
            numerator / deviation
        elif numerator = 0.0 then
            0.0
        else
            invalidArg
                name
                $"{name} and its partner have no spread but differ by {numerator}; no effect size is finite."

    /// Cohen's d of two samples of at least 2 values: (mean x − mean y) / s, s² their pooled variance (n − 1). 0 for equal
    /// values throughout. Source: Cohen (1988), section 2.5.
    [<CompiledName "CohenD">]
    let cohenD (x: float[]) (y: float[]) : float =
        let variance values =
            Statistics.sampleDeviation values ** 2.0

        let n, m = float x.Length, float y.Length

        let pooled =
            sqrt (((n - 1.0) * variance x + (m - 1.0) * variance y) / (n + m - 2.0))

        inDeviations (nameof x) (Statistics.mean x - Statistics.mean y) pooled

    /// Hedges' g: Cohen's d without its bias for few values, d · Γ(ν/2) / (√(ν/2) Γ((ν − 1)/2)), ν = n + m − 2.
    /// Source: Hedges, Journal of Educational Statistics 6 (1981), the exact factor.
    [<CompiledName "HedgesG">]
    let hedgesG (x: float[]) (y: float[]) : float =
        let degrees = float (x.Length + y.Length - 2)

        let factor =
            exp (SpecialFunctions.GammaLn(0.5 * degrees) - SpecialFunctions.GammaLn(0.5 * (degrees - 1.0)))
            / sqrt (0.5 * degrees)

        cohenD x y * factor

    /// d_z of at least 2 pairs: the mean of the differences in their own deviations; the effect of `TTestDesign.Paired`.
    [<CompiledName "PairedD">]
    let pairedD (x: float[]) (y: float[]) : float =
        Check.length (nameof y) x.Length "one for each entry of x, its partner" y
        let differences = Array.map2 (-) x y
        inDeviations (nameof x) (Statistics.mean differences) (Statistics.sampleDeviation differences)

    /// Cliff's delta of two samples of at least 1 value: P(x > y) − P(x < y), in [−1, 1].
    /// Source: Cliff, Psychological Bulletin 114 (1993).
    [<CompiledName "CliffDelta">]
    let cliffDelta (x: float[]) (y: float[]) : float =
        Statistics.checkValues (nameof x) x
        Statistics.checkValues (nameof y) y

        if x.Length = 0 || y.Length = 0 then
            invalidArg (nameof x) $"x has {x.Length} values and y {y.Length}; expected at least 1 of each."

        2.0 * Statistics.superiority x y - 1.0
