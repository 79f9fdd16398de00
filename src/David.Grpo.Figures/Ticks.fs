namespace David.Grpo.Figures

open System
open System.Globalization

/// How the interval of a value is written.
[<RequireQualifiedAccess>]
type internal NumberInterval =
    | None
    /// As ± the larger half.
    | Half of float
    /// As its two ends.
    | Bounds

/// Numbers as readers of papers expect them: thin spaces between thousands, a true minus, powers of ten.
[<RequireQualifiedAccess>]
module Number =

    let private format =
        let info = CultureInfo.InvariantCulture.NumberFormat.Clone() :?> NumberFormatInfo
        info.NumberGroupSeparator <- "\u202F"
        info.NegativeSign <- "\u2212"
        NumberFormatInfo.ReadOnly info

    let private superscript (exponent: int) : string =
        (string exponent)
        |> String.map (fun c ->
            match c with
            | '-' -> '⁻'
            | '1' -> '¹'
            | '2' -> '²'
            | '3' -> '³'
            | digit -> char (int '⁰' + int digit - int '0'))

    /// "−1.2×10⁷", with `decimals` (0 to 15) places in the mantissa; "10⁷" for a bare power of ten; "0" for zero.
    [<CompiledName "Scientific">]
    let scientific (decimals: int) (value: float) : string =
        if value = 0.0 then
            "0"
        else
            let parts =
                value.ToString("E" + string decimals, CultureInfo.InvariantCulture).Split 'E'

            let power = "10" + superscript (int parts[1])

            if parts[0] = "1" then
                power
            else
                parts[0].Replace('-', '\u2212') + "×" + power

    /// "−12 345.6", with `decimals` (0 to 15) places; "–" for what is not a finite number; scientific from 10¹⁵.
    [<CompiledName "Fixed">]
    let fixedPoint (decimals: int) (value: float) : string =
        if not (Double.IsFinite value) then
            if Double.IsPositiveInfinity value then "∞"
            elif Double.IsNegativeInfinity value then "\u2212∞"
            else "–"
        elif abs value >= 1e15 then
            scientific 2 value
        elif abs value < 0.5 * Math.Pow(10.0, float -decimals) then
            (0.0).ToString("N" + string decimals, format)
        else
            value.ToString("N" + string decimals, format)

    let private hasInterval (estimate: Estimate) =
        Double.IsFinite estimate.Low
        && Double.IsFinite estimate.High
        && (estimate.Low <> estimate.Value || estimate.High <> estimate.Value)

    /// Whether both halves of the interval are equal up to one unit of the last place, or there is none.
    let internal isSymmetric (decimals: int) (estimate: Estimate) : bool =
        let below = estimate.Value - estimate.Low
        let above = estimate.High - estimate.Value
        not (hasInterval estimate) || abs (above - below) <= Math.Pow(10.0, float -decimals)

    /// How an interval is written: as its larger half if that is asked for, else as its ends.
    let internal interval (asHalf: bool) (estimate: Estimate) : NumberInterval =
        if not (hasInterval estimate) then
            NumberInterval.None
        elif asHalf then
            NumberInterval.Half(max (estimate.Value - estimate.Low) (estimate.High - estimate.Value))
        else
            NumberInterval.Bounds

    /// What stands behind the value: " ± 3.1", " (47.0–53.9)", or nothing.
    let internal intervalText (decimals: int) (asHalf: bool) (estimate: Estimate) : string =
        match interval asHalf estimate with
        | NumberInterval.None -> ""
        | NumberInterval.Half half -> $" ± {fixedPoint decimals half}"
        | NumberInterval.Bounds -> $" ({fixedPoint decimals estimate.Low}–{fixedPoint decimals estimate.High})"

    /// "51.2 ± 3.1" for a symmetric interval, "51.2 (47.0–53.9)" for another, "51.2" for none. The interval is taken as
    /// symmetric where both halves are equal up to one unit of the last place, and the larger is then given.
    [<CompiledName "Estimate">]
    let estimate (decimals: int) (estimate: Estimate) : string =
        fixedPoint decimals estimate.Value + intervalText decimals (isSymmetric decimals estimate) estimate

    /// Places that show differences of a hundredth of `span`: 60 → 1, 1 → 2, 600 → 0. At most 15.
    [<CompiledName "DecimalsFor">]
    let decimalsFor (span: float) : int =
        if span > 0.0 && Double.IsFinite span then
            2 - int (floor (log10 span)) |> max 0 |> min 15
        else
            2

/// A mark on an axis.
[<Struct>]
type Tick =
    {
        /// Where it is.
        Value: float
        /// What stands beside it.
        Label: string
    }

/// Marks at round numbers. Ranges have low < high, both within ±1e300, and a span of at least 1e-12 of their size.
[<RequireQualifiedAccess>]
module Ticks =

    /// 1, 2 or 5 times a power of ten.
    [<Struct>]
    type private Step = { Mantissa: float; Exponent: int }

    let private multiple (step: Step) (index: float) =
        if step.Exponent >= 0 then
            index * step.Mantissa * Math.Pow(10.0, float step.Exponent)
        else
            index * step.Mantissa / Math.Pow(10.0, float -step.Exponent)

    /// The smallest round step that is at least `rough`.
    let private roundUp (rough: float) : Step =
        let exponent = int (floor (log10 rough))

        let within mantissa =
            multiple
                {
                    Mantissa = mantissa
                    Exponent = exponent
                }
                1.0
            >= rough * (1.0 - 1e-9)

        match Array.tryFind within [| 1.0; 2.0; 5.0 |] with
        | Some mantissa ->
            {
                Mantissa = mantissa
                Exponent = exponent
            }
        | None ->
            {
                Mantissa = 1.0
                Exponent = exponent + 1
            }

    let private stepFor (count: int) (low: float) (high: float) =
        roundUp ((high - low) / float (max 1 count))

    /// Very large and very small values all carry the power of ten of the largest.
    let private label (exponent: int) (values: float[]) : Tick[] =
        let size = values |> Array.fold (fun size value -> max size (abs value)) 0.0

        let write: float -> string =
            if size >= 1e7 || (exponent < -6 && size > 0.0) then
                let top = int (floor (log10 size + 1e-12))
                let decimals = top - exponent |> max 0 |> min 15
                let power = Number.scientific 0 (multiple { Mantissa = 1.0; Exponent = top } 1.0)

                fun value ->
                    if value = 0.0 then
                        "0"
                    else
                        Number.fixedPoint decimals (value / Math.Pow(10.0, float top)) + "×" + power
            else
                Number.fixedPoint (max 0 -exponent)

        values |> Array.map (fun value -> { Value = value; Label = write value })

    /// Round marks inside low … high, at most `count` + 1 of them.
    [<CompiledName "Linear">]
    let linear (count: int) (low: float) (high: float) : Tick[] =
        let step = stepFor count low high
        let size = multiple step 1.0
        let first = ceil (low / size - 1e-9)
        let last = floor (high / size + 1e-9)
        label step.Exponent [| for i in 0.0 .. last - first -> multiple step (first + i) |]

    /// The range rounded out to the marks that `linear count` would choose: [| low′; high′ |].
    [<CompiledName "RoundedOut">]
    let roundedOut (count: int) (low: float) (high: float) : float[] =
        let step = stepFor count low high
        let size = multiple step 1.0

        [|
            min low (multiple step (floor (low / size + 1e-9)))
            max high (multiple step (ceil (high / size - 1e-9)))
        |]

    /// Marks at 1, 2 and 5 times powers of ten, at powers of ten, or at every second, third, … power, whichever is the
    /// densest with at most `count` + 1 marks; linear marks where the range is too short for two of those. 0 < low.
    [<CompiledName "Logarithmic">]
    let logarithmic (count: int) (low: float) (high: float) : Tick[] =
        let first = int (floor (log10 low))
        let last = int (ceil (log10 high))

        let marks (mantissas: float[]) (every: int) =
            [|
                for exponent in first..last do
                    if exponent % every = 0 then
                        for mantissa in mantissas do
                            let value =
                                multiple
                                    {
                                        Mantissa = mantissa
                                        Exponent = exponent
                                    }
                                    1.0

                            if value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9) then
                                value
            |]

        let candidates =
            seq {
                marks [| 1.0; 2.0; 5.0 |] 1
                marks [| 1.0; 3.0 |] 1

                for every in [| 1; 2; 3; 5; 10; 20; 50; 100; 200 |] do
                    marks [| 1.0 |] every
            }

        match candidates |> Seq.tryFind (fun marks -> marks.Length <= max 1 count + 1) with
        | Some marks when marks.Length >= 2 ->
            let smallest = int (floor (log10 marks[0] + 1e-12))

            if Array.exists (fun mark -> mark >= 1e7 || mark < 1e-6) marks then
                marks
                |> Array.map (fun mark ->
                    {
                        Value = mark
                        Label = Number.scientific 0 mark
                    })
            else
                marks
                |> Array.map (fun mark ->
                    let own = int (floor (log10 mark + 1e-12))

                    {
                        Value = mark
                        Label = Number.fixedPoint (max 0 -(max own smallest)) mark
                    })
        | _ -> linear count low high
