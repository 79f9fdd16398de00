namespace David.Grpo

open MathNet.Numerics

/// The side on which a test looks for a difference.
[<RequireQualifiedAccess>]
type Alternative =
    /// The difference is not 0.
    | TwoSided
    /// Above 0.
    | Greater
    /// Below 0.
    | Less

/// Which t test, and with it what the count and the effect mean.
[<RequireQualifiedAccess>]
type TTestDesign =
    /// n pairs (or one sample of n); effect d_z = mean / deviation of the differences; n − 1 degrees of freedom.
    | Paired
    /// n values in each of two samples; effect d = difference / common deviation; 2 n − 2 degrees of freedom.
    | Independent

/// What a t test with so many seeds or questions can find. `alpha` is the chance of a false alarm, above 0 and below 0.5.
/// Every function raises ArgumentException for arguments out of range.
/// Source: Cohen, Statistical Power Analysis (1988), chapter 2; numbers as statsmodels 0.15.0 `TTestPower`, `TTestIndPower`.
[<RequireQualifiedAccess>]
module Power =

    /// Terms below e⁻⁵⁰ of the largest are left out.
    let private negligible = -50.0

    /// P(T ≤ t), or P(T > t) if `upper`, of Student's noncentral T = (Z + noncentrality) / S, S² = χ²/degrees: the mean of
    /// Φ(±(t s − noncentrality)) over S. With s = eᵘ the weight of u is exp(degrees (u − e²ᵘ/2)), analytic and falling off
    /// fast on both sides, so that the trapezoidal rule converges exponentially; dividing by the sum of the weights saves
    /// the constant. Source: Trefethen and Weideman, SIAM Review 56 (2014), section 5.
    let private noncentralTail upper (degrees: float) (noncentrality: float) (t: float) =
        let step = 0.25 / (2.0 + sqrt degrees + abs noncentrality)
        let sign = if upper then 1.0 else -1.0

        let exponent u =
            degrees * (u - 0.5 * exp (2.0 * u) + 0.5)

        let weighted u =
            let weight = exp (exponent u)
            let z = sign * (t * exp u - noncentrality)
            struct (weight, weight * 0.5 * SpecialFunctions.Erfc(z / Constants.Sqrt2))

        let mutable weights = 0.0
        let mutable tail = 0.0

        for direction in [ 1.0; -1.0 ] do
            let mutable u = if direction > 0.0 then 0.0 else -step

            while exponent u > negligible do
                let struct (weight, part) = weighted u
                weights <- weights + weight
                tail <- tail + part
                u <- u + direction * step

        tail / weights

    let private checkAlpha (alpha: float) =
        Check.range (nameof alpha) "above 0 and below 0.5, such as 0.05" (alpha > 0.0 && alpha < 0.5) alpha

    let private checkCount (count: float) =
        Check.range (nameof count) "a finite number above 1" (count > 1.0 && System.Double.IsFinite count) count

    /// The power at a count that need not be whole.
    let private powerAt design alternative alpha (count: float) (effect: float) =
        let degrees, noncentrality =
            match design with
            | TTestDesign.Paired -> count - 1.0, effect * sqrt count
            | TTestDesign.Independent -> 2.0 * count - 2.0, effect * sqrt (0.5 * count)

        match alternative with
        | Alternative.TwoSided ->
            let critical = Statistics.studentQuantile (1.0 - alpha) degrees

            noncentralTail true degrees noncentrality critical
            + noncentralTail false degrees noncentrality -critical
        | Alternative.Greater ->
            noncentralTail true degrees noncentrality (Statistics.studentQuantile (1.0 - 2.0 * alpha) degrees)
        | Alternative.Less ->
            noncentralTail false degrees noncentrality -(Statistics.studentQuantile (1.0 - 2.0 * alpha) degrees)

    /// The chance that the test finds an effect of the size `effect` (any sign, in deviations) with `count` pairs, or with
    /// `count` values a sample; at least 2. At effect 0 it is alpha. Both tails count for the two-sided test.
    [<CompiledName "OfTTest">]
    let ofTTest (design: TTestDesign) (alternative: Alternative) (alpha: float) (count: int) (effect: float) : float =
        checkAlpha alpha
        checkCount (float count)
        Check.range (nameof effect) "a finite number" (System.Double.IsFinite effect) effect
        powerAt design alternative alpha (float count) effect

    let private checkPower alpha (wanted: float) =
        Check.range "power" $"above alpha, which is {alpha}, and below 1" (wanted > alpha && wanted < 1.0) wanted

    /// The x at which a rising function passes `target`; `low` lies below, and doubling `high` finds one above.
    let private root (rising: float -> float) target low high =
        let rec above high =
            if rising high < target then above (2.0 * high) else high

        let rec narrow low high =
            let middle = 0.5 * (low + high)

            if high - low <= 1e-13 * high then middle
            elif rising middle < target then narrow middle high
            else narrow low middle

        narrow low (above high)

    /// The smallest effect, in deviations and above 0, that the test finds with the chance `power`: what `count` seeds can
    /// tell apart at all. For Alternative.Less its negative is found as often. `power` above alpha and below 1, commonly 0.8.
    [<CompiledName "MinimumDetectableEffect">]
    let minimumDetectableEffect
        (design: TTestDesign)
        (alternative: Alternative)
        (alpha: float)
        (power: float)
        (count: int)
        : float =
        checkAlpha alpha
        checkPower alpha power

        let side =
            match alternative with
            | Alternative.Less -> -1.0
            | _ -> 1.0

        root (fun effect -> ofTTest design alternative alpha count (side * effect)) power 0.0 1.0
