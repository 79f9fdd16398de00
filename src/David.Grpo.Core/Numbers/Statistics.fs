namespace David.Grpo

open MathNet.Numerics
open MathNet.Numerics.Distributions

/// A confidence interval, or that the data allow none.
[<RequireQualifiedAccess>]
type Interval =
    /// Too few data: one value has no spread, no value no mean.
    | Undefined
    /// low ≤ high.
    | Between of low: float * high: float

/// A p value, or that the data allow none.
[<RequireQualifiedAccess>]
type PValue =
    /// Fewer than two values, or values without spread.
    | Undefined
    /// In [0, 1].
    | Known of value: float

/// A mean with its confidence interval.
type MeanEstimate =
    {
        /// Values.
        Count: int
        /// Σ x / n.
        Mean: float
        /// Of the mean; Undefined for one value.
        Interval: Interval
    }

/// A difference with its confidence interval and the two-sided p value of "there is none".
type DifferenceEstimate =
    {
        /// Pairs, or values of both sides.
        Count: int
        /// The mean of the differences, or the difference of the means.
        Difference: float
        /// Of the difference, Student's t.
        Interval: Interval
        /// Two-sided.
        PValue: PValue
    }

/// What a report may claim from a few seeds and some hundred questions. `level` is the share of intervals that cover the
/// truth, above 0 and below 1, commonly 0.95. Values must be finite. Every function raises ArgumentException otherwise.
[<RequireQualifiedAccess>]
module Statistics =

    let internal checkLevel (level: float) =
        Check.range (nameof level) "above 0 and below 1, such as 0.95" (level > 0.0 && level < 1.0) level

    let internal checkValues name (values: float[]) =
        Check.finite name "A run that failed has no score: leave it out, and say so." values

    /// At least one row, of at least one score; all rows of the same length, finite.
    let internal checkMatrix name (scores: float[][]) =
        if scores.Length = 0 || scores[0].Length = 0 then
            invalidArg name $"{name} has no scores; expected at least 1 row of at least 1 score."

        scores
        |> Array.iteri (fun index row ->
            Check.length $"{name}[{index}]" scores[0].Length "those of the first row, in the same order" row
            checkValues $"{name}[{index}]" row)

    /// P(|T| > t) for Student's T with `degrees` degrees of freedom; t at least 0.
    let private bothTails (degrees: float) (t: float) =
        SpecialFunctions.BetaRegularized(0.5 * degrees, 0.5, degrees / (degrees + t * t))

    /// The t that |T| exceeds with probability 1 − level. By bisection down to neighbouring floats: MathNet's own quantile
    /// stops at ±800, which one degree of freedom passes at level 0.9995.
    let internal studentQuantile (level: float) (degrees: float) =
        let rec above t =
            if bothTails degrees t > 1.0 - level then
                above (2.0 * t)
            else
                t

        let rec narrow low high =
            let middle = 0.5 * (low + high)

            if middle <= low || middle >= high then
                middle
            elif bothTails degrees middle > 1.0 - level then
                narrow middle high
            else
                narrow low middle

        narrow 0.0 (above 1.0)

    /// mean ± t · sd / √n.
    let private tInterval level (values: float[]) =
        if values.Length < 2 then
            Interval.Undefined
        else
            let mean = Numerics.mean values
            let standardError = Numerics.deviation 1 values / sqrt (float values.Length)
            let half = studentQuantile level (float (values.Length - 1)) * standardError
            Interval.Between(mean - half, mean + half)

    /// P(x > y) + P(x = y) / 2 over all pairs of values, [n] and [m], at least 1 of each, in [0, 1]: Mann and Whitney's
    /// U / (n m).
    let internal superiority (x: float[]) (y: float[]) =
        let sorted = Array.sort y

        /// The number of y below `value`, or not above it.
        let rec count isBelow low high =
            if low = high then
                low
            else
                let middle = (low + high) / 2

                if isBelow sorted[middle] then
                    count isBelow (middle + 1) high
                else
                    count isBelow low middle

        x
        |> Array.map (fun value ->
            let below = count (fun other -> other < value) 0 y.Length
            let notAbove = count (fun other -> other <= value) 0 y.Length
            0.5 * float (below + notAbove) / float y.Length)
        |> Numerics.mean

    /// Σ x / n of at least 1 value.
    [<CompiledName "Mean">]
    let mean (values: float[]) : float =
        checkValues (nameof values) values
        Numerics.mean values

    /// √(Σ (x − mean)² / (n − 1)) of at least 2 values.
    [<CompiledName "SampleDeviation">]
    let sampleDeviation (values: float[]) : float =
        checkValues (nameof values) values
        Numerics.deviation 1 values

    /// The mean of at least 1 value, say one a seed, with Student's t interval. For one value the interval is Undefined;
    /// for equal values it has no width.
    [<CompiledName "MeanOverSeeds">]
    let meanOverSeeds (level: float) (values: float[]) : MeanEstimate =
        checkLevel level

        {
            Count = values.Length
            Mean = mean values
            Interval = tInterval level values
        }

    /// mean x − reference, with its t interval and the two-sided p value of the one-sample t test, for at least 1 value.
    /// The p value is Undefined for one value, and for equal values, where t would be infinite or 0 / 0 (scipy answers 0 or
    /// NaN).
    [<CompiledName "DifferenceFrom">]
    let differenceFrom (level: float) (reference: float) (values: float[]) : DifferenceEstimate =
        checkLevel level
        checkValues (nameof reference) [| reference |]
        checkValues (nameof values) values
        let differences = values |> Array.map (fun value -> value - reference)
        let difference = Numerics.mean differences

        let pValue =
            if values.Length < 2 then
                PValue.Undefined
            else
                match Numerics.deviation 1 differences with
                | 0.0 -> PValue.Undefined
                | deviation ->
                    let t = difference / (deviation / sqrt (float values.Length))
                    PValue.Known(bothTails (float (values.Length - 1)) (abs t))

        {
            Count = values.Length
            Difference = difference
            Interval = tInterval level differences
            PValue = pValue
        }

    /// mean (x − y) of pairs, say two arms on the same seeds, with the t interval and the two-sided p value of the paired t
    /// test. At least 1 pair; for what is Undefined see `differenceFrom`.
    [<CompiledName "PairedDifference">]
    let pairedDifference (level: float) (x: float[]) (y: float[]) : DifferenceEstimate =
        Check.length (nameof y) x.Length "one for each entry of x, its partner" y
        checkValues (nameof x) x
        checkValues (nameof y) y
        differenceFrom level 0.0 (Array.map2 (-) x y)

    /// mean x − mean y of runs that have nothing in common, at least 1 a side, with the interval and the two-sided p value of
    /// Welch's t test, at the degrees of freedom of Welch and Satterthwaite. Undefined where a side has one value, and the p
    /// value where both sides have no spread.
    /// Source: B. L. Welch, Biometrika 34 (1947).
    [<CompiledName "IndependentDifference">]
    let independentDifference (level: float) (x: float[]) (y: float[]) : DifferenceEstimate =
        checkLevel level
        let difference = mean x - mean y

        let interval, pValue =
            if x.Length < 2 || y.Length < 2 then
                Interval.Undefined, PValue.Undefined
            else
                let variance (values: float[]) =
                    Numerics.deviation 1 values ** 2.0 / float values.Length

                let a, b = variance x, variance y

                if a + b = 0.0 then
                    Interval.Between(difference, difference), PValue.Undefined
                else
                    let degrees =
                        (a + b) ** 2.0 / (a * a / float (x.Length - 1) + b * b / float (y.Length - 1))

                    let half = studentQuantile level degrees * sqrt (a + b)

                    Interval.Between(difference - half, difference + half),
                    PValue.Known(bothTails degrees (abs difference / sqrt (a + b)))

        {
            Count = x.Length + y.Length
            Difference = difference
            Interval = interval
            PValue = pValue
        }

    /// The quantile at `share`, in [0, 1], of at least 1 value: linear between the sorted values x₀ … xₙ₋₁ at position
    /// share · (n − 1) (numpy's default).
    [<CompiledName "Quantile">]
    let quantile (share: float) (values: float[]) : float =
        Check.range (nameof share) "from 0 to 1" (share >= 0.0 && share <= 1.0) share
        checkValues (nameof values) values

        if values.Length = 0 then
            invalidArg (nameof values) "No values, so no quantile; at least 1 is needed."

        let sorted = Array.sort values
        let position = share * float (values.Length - 1)
        let below = int position
        let above = min (below + 1) (values.Length - 1)
        sorted[below] + (position - float below) * (sorted[above] - sorted[below])

    /// The middle `level` of a bootstrap distribution: its quantiles at (1 − level) / 2 and (1 + level) / 2. Undefined for
    /// no values.
    [<CompiledName "PercentileInterval">]
    let percentileInterval (level: float) (distribution: float[]) : Interval =
        checkLevel level

        if distribution.Length = 0 then
            Interval.Undefined
        else
            let sorted = Array.sort distribution
            Interval.Between(quantile (0.5 - 0.5 * level) sorted, quantile (0.5 + 0.5 * level) sorted)

    /// The mean of at least 1 value, say one a question, with its percentile bootstrap interval: the values are drawn again
    /// with replacement `resamples` times (at least 1; 1,000 or more for a report). The same seed gives the same interval.
    /// Undefined for one value, which drawn again is always itself. For two arms, give the differences by question.
    /// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    [<CompiledName "BootstrapMean">]
    let bootstrapMean (level: float) (resamples: int) (seed: Seed) (values: float[]) : MeanEstimate =
        checkLevel level

        if resamples < 1 then
            invalidArg (nameof resamples) $"resamples is {resamples}; expected at least 1, for a report at least 1,000."

        let count = values.Length

        let resampledMean resample =
            let draws = Seed.child (int64 resample) seed

            Array.init count (fun i -> values[Seed.below count (Seed.child (int64 i) draws)]) |> Numerics.mean

        {
            Count = count
            Mean = mean values
            Interval =
                if count < 2 then
                    Interval.Undefined
                else
                    percentileInterval level (Array.init resamples resampledMean)
        }

    /// p values adjusted for the number of tests, in the order given; rejecting those at most α keeps the chance of any
    /// false rejection at most α:  p̃₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1) p₍ⱼ₎).
    /// Each p must be in [0, 1]. Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).
    [<CompiledName "Holm">]
    let holm (pValues: float[]) : float[] =
        match pValues |> Array.tryFindIndex (fun p -> not (p >= 0.0 && p <= 1.0)) with
        | Some index -> invalidArg (nameof pValues) $"pValues[{index}] is {pValues[index]}; expected 0 to 1."
        | None -> ()

        let order =
            [| 0 .. pValues.Length - 1 |] |> Array.sortBy (fun index -> pValues[index])

        let adjusted =
            order
            |> Array.mapi (fun rank index -> min 1.0 (float (pValues.Length - rank) * pValues[index]))
            |> Array.scan max 0.0
            |> Array.tail

        let result = Array.zeroCreate pValues.Length
        Array.iter2 (fun index p -> result[index] <- p) order adjusted
        result
