namespace David.Grpo.Figures

open System
open System.Globalization

/// A part of the drawing, in pixels.
[<Struct>]
type internal Frame =
    {
        Left: float
        Top: float
        Width: float
        Height: float
    }

    member frame.Right = frame.Left + frame.Width
    member frame.Bottom = frame.Top + frame.Height

/// The room that a panel asks for around and in its plot area, and how it draws itself into it.
type internal Plan =
    {
        Panel: Panel
        /// The name of the vertical axis, written over the plot area; empty for none.
        Above: string
        /// The name of the horizontal axis.
        Below: string
        Left: float
        Right: float
        Height: float
        /// The height of what stands between the plot area and the name of the horizontal axis.
        Foot: float
        Draw: Frame -> Markup list
        /// What the panel says, for those who cannot see it.
        Summary: string
    }

/// The pieces of which every panel is drawn.
module internal Drawing =

    let titleSize = 12.0
    let labelSize = 10.5
    let tickSize = 10.0
    let lineHeight = 12.5

    /// The height of a numeric axis with its labels.
    let axisLine = 20.0

    let number (value: float) : string =
        (Math.Round(value, 2) + 0.0).ToString("0.##", CultureInfo.InvariantCulture)

    let lettering (x: float) (y: float) (size: float) (attributes: (string * string) list) (content: string) =
        Markup.element
            "text"
            ([ "x", number x; "y", number y; "font-size", number size ] @ attributes)
            [ Markup.text content ]

    let muted = "fill-opacity", ".72"
    let bold = "font-weight", "600"
    let anchor (place: string) = "text-anchor", place

    /// Lines of text, the first on the base line `y`.
    let block x y size attributes (lines: string[]) =
        lines
        |> Array.mapi (fun i line -> lettering x (y + lineHeight * float i) size attributes line)
        |> List.ofArray

    let stroke (x1: float) (y1: float) (x2: float) (y2: float) (attributes: (string * string) list) =
        Markup.element "line" ([ "x1", number x1; "y1", number y1; "x2", number x2; "y2", number y2 ] @ attributes) []

    let rule x1 y1 x2 y2 opacity =
        stroke x1 y1 x2 y2 [ "stroke", "currentColor"; "stroke-opacity", opacity ]

    let path (points: (float * float)[]) =
        points
        |> Array.mapi (fun i (x, y) -> $"""{(if i = 0 then "M" else "L")}{number x} {number y}""")
        |> String.concat ""

    let markerOf (name: string) (style: SeriesStyle) (x: float) (y: float) (radius: float) =
        let closed (corners: (float * float)[]) =
            let outline =
                corners |> Array.map (fun (dx, dy) -> x + dx * radius, y + dy * radius)

            Markup.element "path" [ "class", name; "d", path outline + "Z"; "fill", style.Colour ] []

        let arms (ends: (float * float)[]) =
            let line (dx, dy) =
                path [| (x - dx * radius, y - dy * radius); (x + dx * radius, y + dy * radius) |]

            Markup.element
                "path"
                [
                    "class", name
                    "d", ends |> Array.map line |> String.concat ""
                    "stroke", style.Colour
                    "stroke-width", "2"
                ]
                []

        match style.Marker with
        | 1 -> closed [| (-0.9, -0.9); (0.9, -0.9); (0.9, 0.9); (-0.9, 0.9) |]
        | 2 -> closed [| (0.0, -1.2); (1.1, 0.8); (-1.1, 0.8) |]
        | 3 -> closed [| (0.0, -1.3); (1.3, 0.0); (0.0, 1.3); (-1.3, 0.0) |]
        | 4 -> closed [| (0.0, 1.2); (1.1, -0.8); (-1.1, -0.8) |]
        | 5 -> arms [| (0.9, 0.9); (0.9, -0.9) |]
        | 6 -> arms [| (1.1, 0.0); (0.0, 1.1) |]
        | _ ->
            Markup.element
                "circle"
                [
                    "class", name
                    "cx", number x
                    "cy", number y
                    "r", number radius
                    "fill", style.Colour
                ]
                []

    let marker = markerOf "marker"

    let placeable (axis: Axis) (value: float) =
        match axis.Scale with
        | AxisScale.Linear -> abs value <= 1e300
        | AxisScale.Logarithmic -> value >= 1e-300 && value <= 1e300

    /// The range of an axis, low < high; none where no value has a place on it.
    let rangeOf (axis: Axis) (values: float[]) : struct (float * float) voption =
        let values = values |> Array.filter (placeable axis)

        if values.Length = 0 then
            ValueNone
        else
            match axis.Range with
            | AxisRange.Between(low, high) -> ValueSome(struct (low, high))
            | range ->
                let zero = if range = AxisRange.WithZero then [| 0.0 |] else [||]
                let low = Array.min (Array.append zero values)
                let high = Array.max (Array.append zero values)
                let size = max (abs low) (abs high)

                if high - low > 1e-9 * size && size > 1e-290 then
                    ValueSome(struct (low, high))
                elif axis.Scale = AxisScale.Logarithmic then
                    ValueSome(struct (low / 2.0, high * 2.0))
                elif size < 1e-290 then
                    ValueSome(struct (0.0, 1.0))
                else
                    ValueSome(struct (low - 0.1 * size, high + 0.1 * size))

    /// The same range, rounded out to ticks where it comes from data.
    let rounded (axis: Axis) (count: int) (struct (low, high) as range: struct (float * float)) =
        match axis.Range, axis.Scale with
        | AxisRange.Between _, _ -> range
        | _, AxisScale.Linear ->
            let ends = Ticks.roundedOut count low high
            struct (ends[0], ends[1])
        | _, AxisScale.Logarithmic -> struct (low / 1.15, high * 1.15)

    let ticks (axis: Axis) (count: int) (struct (low, high): struct (float * float)) =
        match axis.Scale with
        | AxisScale.Linear -> Ticks.linear count low high
        | AxisScale.Logarithmic -> Ticks.logarithmic count low high

    /// Where a value lies between two places; values far outside stay within 10⁴ lengths of the axis.
    let place (axis: Axis) (struct (low, high): struct (float * float)) (start: float) (finish: float) value =
        let share =
            match axis.Scale with
            | AxisScale.Linear -> (value - low) / (high - low)
            | AxisScale.Logarithmic when value > 0.0 -> (log value - log low) / (log high - log low)
            | AxisScale.Logarithmic -> -1e4

        start + (finish - start) * (share |> max -1e4 |> min 1e4)

    /// As many ticks as stand beside each other on a horizontal axis of the given length, and never so few that none is left.
    let horizontalTicks (axis: Axis) range (length: float) : Tick[] =
        let stand (marks: Tick[]) =
            marks
            |> Array.pairwise
            |> Array.forall (fun (a, b) ->
                let apart =
                    place axis range 0.0 length b.Value - place axis range 0.0 length a.Value

                apart
                >= max 30.0 ((Lettering.width tickSize a.Label + Lettering.width tickSize b.Label) / 2.0 + 8.0))

        let choices =
            seq { max 2 (int (length / 20.0)) .. -1 .. 1 } |> Seq.map (fun count -> ticks axis count range)

        match Seq.tryFind stand choices with
        | Some marks -> marks
        | None -> ticks axis 1 range |> Array.truncate 1

    let widest (size: float) (texts: string[]) =
        texts |> Array.fold (fun width text -> max width (Lettering.width size text)) 0.0

    let horizontalAxis (axis: Axis) range (frame: Frame) =
        [
            rule frame.Left frame.Bottom frame.Right frame.Bottom ".6"

            for tick in horizontalTicks axis range frame.Width do
                let x = place axis range frame.Left frame.Right tick.Value
                rule x frame.Bottom x (frame.Bottom + 4.0) ".6"
                lettering x (frame.Bottom + 15.0) tickSize [ anchor "middle"; muted ] tick.Label
        ]

    /// Faint lines from the ticks of the horizontal axis up to the top.
    let uprights (axis: Axis) range (frame: Frame) =
        [
            for tick in horizontalTicks axis range frame.Width do
                let x = place axis range frame.Left frame.Right tick.Value
                rule x frame.Top x frame.Bottom ".13"
        ]

    /// Faint lines across the plot area at the ticks of the vertical axis, and their labels to the left.
    let verticalAxis (axis: Axis) range (ticks: Tick[]) (frame: Frame) =
        [
            for tick in ticks do
                let y = place axis range frame.Bottom frame.Top tick.Value
                rule frame.Left y frame.Right y ".13"
                lettering (frame.Left - 6.0) (y + 0.35 * tickSize) tickSize [ anchor "end"; muted ] tick.Label
        ]

    /// The room that the labels of a vertical axis need.
    let verticalAxisWidth (ticks: Tick[]) =
        widest tickSize (ticks |> Array.map _.Label) + 8.0

    /// What lies in the plot area, cut off at its edges.
    let clipped (frame: Frame) (children: Markup list) =
        let corner =
            [ number frame.Left; number frame.Top; number frame.Width; number frame.Height ]

        Markup.element
            "svg"
            [
                "class", "plot"
                "x", corner[0]
                "y", corner[1]
                "width", corner[2]
                "height", corner[3]
                "viewBox", String.concat " " corner
                "overflow", "hidden"
            ]
            children

    let noData (frame: Frame) =
        let x, y = frame.Left + frame.Width / 2.0, frame.Top + frame.Height / 2.0

        [
            clipped frame []
            rule frame.Left frame.Bottom frame.Right frame.Bottom ".3"
            lettering x y labelSize [ anchor "middle"; muted ] "no data"
        ]

    let inWords (decimals: int) (name: string) (value: Estimate) =
        $"{name} {Number.estimate decimals value}".Trim()
