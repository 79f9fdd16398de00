namespace David.Grpo

open System

/// Sums, spreads and exponentials that lose no digits without need.
[<RequireQualifiedAccess>]
module Numerics =

    /// Σ x, 0 for no values. Compensated, so that neither the order nor huge terms that cancel cost digits.
    /// Source: Neumaier, ZAMM 54 (1974), algorithm IV.
    [<CompiledName "Sum">]
    let sum (values: float[]) : float =
        let mutable total = 0.0
        let mutable lost = 0.0

        for value in values do
            let next = total + value

            lost <-
                lost
                + (if abs total >= abs value then
                       (total - next) + value
                   else
                       (value - next) + total)

            total <- next

        if Double.IsFinite total then total + lost else total

    /// Σ x / n. Equal values give exactly that value.
    /// Raises ArgumentException for no values.
    [<CompiledName "Mean">]
    let mean (values: float[]) : float =
        if values.Length = 0 then
            invalidArg (nameof values) "No values, so no mean; at least 1 is needed."

        if Array.forall ((=) values[0]) values then
            values[0]
        else
            sum values / float values.Length

    /// √(Σ (x − mean)² / (n − lostDegrees)): with 0 the population's deviation (numpy's `std`), with 1 the sample's
    /// (torch's `std`). Exactly 0 for equal values; squares neither overflow nor underflow.
    /// Raises ArgumentException unless there are more values than `lostDegrees`.
    [<CompiledName "Deviation">]
    let deviation (lostDegrees: int) (values: float[]) : float =
        if values.Length <= lostDegrees then
            invalidArg
                (nameof values)
                $"{values.Length} values; a deviation with {lostDegrees} degrees of freedom lost needs at least {lostDegrees + 1}."

        let centre = mean values
        let largest = values |> Array.map (fun value -> abs (value - centre)) |> Array.max

        if largest = 0.0 then
            0.0
        else
            let squares = values |> Array.map (fun value -> ((value - centre) / largest) ** 2.0)
            largest * sqrt (sum squares / float (values.Length - lostDegrees))

    /// eˣ − 1 with full relative precision near 0. Source: Kahan's quotient (Higham, Accuracy and Stability of Numerical
    /// Algorithms, section 1.14.1).
    [<CompiledName "ExponentialMinusOne">]
    let exponentialMinusOne (x: float) : float =
        let power = exp x

        if abs x > 1.0 then power - 1.0
        elif power = 1.0 then x
        else (power - 1.0) * (x / log power)

    /// eˣ − 1 − x with full relative precision near 0, where it is x²/2. Never negative.
    [<CompiledName "ExponentialRemainder">]
    let exponentialRemainder (x: float) : float =
        if abs x > 0.5 then
            exp x - 1.0 - x
        else
            // x²/2 (1 + x/3 (1 + x/4 (1 + …))): the term after x/18 is below 2⁻⁶⁰ of the whole.
            let tail =
                Seq.foldBack (fun k inner -> 1.0 + x / float k * inner) (seq { 3..18 }) 1.0

            0.5 * x * x * tail

/// Checks at the border. Each names the argument, what it got and what it expected.
[<RequireQualifiedAccess>]
module internal Check =

    /// `values` has `expected` entries; `meaning` says what one entry stands for.
    let length (name: string) (expected: int) (meaning: string) (values: 'value[]) : unit =
        if values.Length <> expected then
            invalidArg name $"{name} has {values.Length} entries; expected {expected}, {meaning}."

    /// All entries are finite; `advice` says what to do about one that is not.
    let finite (name: string) (advice: string) (values: float[]) : unit =
        match Array.tryFindIndex (Double.IsFinite >> not) values with
        | Some index -> invalidArg name $"{name}[{index}] is {values[index]}; expected a finite number. {advice}"
        | None -> ()

    /// All entries are finite and at least 0.
    let notNegative (name: string) (values: float[]) : unit =
        match values |> Array.tryFindIndex (fun value -> not (Double.IsFinite value && value >= 0.0)) with
        | Some index -> invalidArg name $"{name}[{index}] is {values[index]}; expected a finite number of at least 0."
        | None -> ()

    /// A single number is in its range.
    let range (name: string) (expected: string) (holds: bool) (value: float) : unit =
        if not holds then
            invalidArg name $"{name} is {value}; expected {expected}."
