namespace David.Grpo.Figures

open System

/// A line of a categorical panel: the name of a category, or a row under its label.
[<RequireQualifiedAccess>]
type internal Entry =
    | Heading of string
    | Item of label: string * row: Row

    member entry.Label =
        match entry with
        | Heading label
        | Item(label, _) -> label

/// Dots with whiskers, or bars, by category and series.
[<RequireQualifiedAccess>]
module internal RowPanel =

    open Drawing

    let entries (rows: Row[]) : Entry[] =
        let several (name: Row -> string) =
            (rows |> Array.distinctBy name).Length > 1

        match several _.Category, several _.Series with
        | true, true ->
            rows
            |> Array.groupBy _.Category
            |> Array.collect (fun (category, rows) ->
                Array.append [| Entry.Heading category |] (rows |> Array.map (fun row -> Entry.Item(row.Series, row))))
        | true, false -> rows |> Array.map (fun row -> Entry.Item(row.Category, row))
        | false, _ -> rows |> Array.map (fun row -> Entry.Item(row.Series, row))

    let private drawRow (look: Look) (bars: bool) (style: SeriesStyle) across y (value: Estimate) =
        let whisker colour width =
            if value.Low < value.High && Double.IsFinite value.Low && Double.IsFinite value.High then
                [
                    stroke
                        (across value.Low)
                        y
                        (across value.High)
                        y
                        [ "class", "whisker"; "stroke", colour; look.Width width ]
                ]
            else
                []

        if bars then
            let left, right =
                min (across 0.0) (across value.Value), max (across 0.0) (across value.Value)

            Markup.element
                "rect"
                [
                    "class", "bar"
                    "x", number left
                    "y", number (y - 5.0)
                    "width", number (right - left)
                    "height", "10"
                    "fill", style.Colour
                    "fill-opacity", ".8"
                ]
                []
            :: whisker "currentColor" 1.3
        else
            whisker style.Colour 2.0

    let plan (look: Look) (width: float) bars panel (axis: Axis) (rows: Row[]) =
        let axis =
            if bars && axis.Range = AxisRange.OfData then
                axis.Over AxisRange.WithZero
            else
                axis

        let usable = rows |> Array.filter (fun row -> placeable axis row.Value.Value)

        let range =
            usable
            |> Array.collect (fun row -> [| row.Value.Value; row.Value.Low; row.Value.High |])
            |> rangeOf axis

        let entries = entries rows
        let grouped = entries |> Array.exists _.IsHeading

        let lines entry =
            match entry with
            | Entry.Heading category -> Lettering.wrap width labelSize 1 category
            | Entry.Item(label, _) -> Lettering.wrap (0.36 * width) labelSize 2 label

        let height entry =
            match entry with
            | Entry.Heading _ -> 22.0
            | Entry.Item _ -> 8.0 + lineHeight * float (max 1 (lines entry).Length)

        let labels = entries |> Array.filter _.IsItem |> Array.collect lines
        let indent = if grouped then 10.0 else 0.0

        let empty =
            {
                Panel = panel
                Above = ""
                Below = axis.Name
                Left = widest labelSize labels + indent + 10.0
                Right = 12.0
                Height = max 40.0 (Array.sumBy height entries)
                Foot = axisLine
                Draw = noData
                Summary = "no data"
            }

        match range with
        | ValueNone -> empty
        | ValueSome range ->
            let struct (low, high) as range = rounded axis (max 2 (int (width / 90.0))) range
            let decimals = Number.decimalsFor (high - low)
            // Intervals are written alike in all rows.
            let asHalf = rows |> Array.forall (fun row -> Number.isSymmetric decimals row.Value)

            let written (row: Row) =
                Number.fixedPoint decimals row.Value.Value + Number.intervalText decimals asHalf row.Value

            let valueWidth = rows |> Array.map written |> widest tickSize

            let overhang =
                widest tickSize (horizontalTicks axis range width |> Array.map _.Label) / 2.0

            let roomy = valueWidth <= 0.34 * width

            let draw (frame: Frame) =
                let across = place axis range frame.Left frame.Right

                let stretch =
                    (frame.Height - Array.sumBy height entries) / float entries.Length |> max 0.0

                let tops =
                    entries |> Array.map (fun entry -> height entry + stretch) |> Array.scan (+) frame.Top

                let middle i =
                    tops[i] + (height entries[i] + stretch) / 2.0

                let items =
                    entries
                    |> Array.indexed
                    |> Array.choose (fun (i, entry) ->
                        match entry with
                        | Entry.Item(_, row) when placeable axis row.Value.Value -> Some(row, middle i)
                        | _ -> None)

                [
                    yield! uprights axis range frame
                    yield! horizontalAxis axis range frame
                    clipped
                        frame
                        [
                            for row, y in items do
                                yield! drawRow look bars (look.Of row.Series) across y row.Value
                        ]

                    if not bars then
                        for row, y in items do
                            if low <= row.Value.Value && row.Value.Value <= high then
                                marker (look.Of row.Series) (across row.Value.Value) y 3.6

                    for i, entry in Array.indexed entries do
                        let lines = lines entry

                        match entry with
                        | Entry.Heading _ ->
                            yield! block (frame.Left - empty.Left) (middle i + 6.0) labelSize [ bold ] lines
                        | Entry.Item(_, row) ->
                            let first = middle i - lineHeight * float lines.Length / 2.0 + 0.75 * lineHeight
                            yield! block (frame.Left - 8.0) first labelSize [ anchor "end" ] lines

                            if roomy then
                                lettering
                                    (frame.Right + 10.0 + valueWidth)
                                    (middle i + 0.35 * tickSize)
                                    tickSize
                                    [ anchor "end"; muted ]
                                    (written row)
                ]

            let summary (row: Row) =
                inWords decimals $"{row.Category} {row.Series}" row.Value

            { empty with
                Left = max empty.Left overhang
                Right = max (if roomy then valueWidth + 12.0 else 12.0) (overhang + 2.0)
                Draw = draw
                Summary = rows |> Array.map summary |> String.concat "; "
            }
