namespace David.Grpo.Figures

/// Cells by row and column, and the bar that tells which colour is which value.
[<RequireQualifiedAccess>]
module internal HeatPanel =

    open Drawing

    /// The colour bar: its distance from the cells, its width, and the steps it is drawn in.
    let private barGap = 12.0

    let private barWidth = 10.0
    let private barSteps = 48

    /// The room of a label that stands upright below its column.
    let private mostUpright = 130.0

    let private rectangle (name: string) x y width height (fill: string) =
        Markup.element
            "rect"
            [
                "class", name
                "x", number x
                "y", number y
                "width", number width
                "height", number height
                "fill", fill
                // No seam shows between neighbours.
                "shape-rendering", "crispEdges"
            ]
            []

    /// Every how many-th label of a list stands, so that they are at least `room` apart.
    let private every (room: float) (step: float) = int (ceil (room / step)) |> max 1

    let private colourBar (value: Axis) (map: HeatMap) range (labels: Tick[]) (frame: Frame) =
        let left = frame.Right + barGap
        let up = place value range frame.Bottom frame.Top
        let step = frame.Height / float barSteps

        let colour i =
            // The middle of the step, from the top.
            let struct (low, high) = range
            let share = 1.0 - (float i + 0.5) / float barSteps

            match value.Scale with
            | AxisScale.Linear -> low + share * (high - low)
            | AxisScale.Logarithmic -> low * (high / low) ** share
            |> Colours.share value map range
            |> Colours.at map.Map

        let nameX = left + barWidth + 19.0 + widest tickSize (labels |> Array.map _.Label)
        let nameY = frame.Top + frame.Height / 2.0

        [
            for i in 0 .. barSteps - 1 do
                // Half a pixel more, so that no seam shows.
                let extra = if i < barSteps - 1 then 0.5 else 0.0
                rectangle "bar-step" left (frame.Top + float i * step) barWidth (step + extra) (colour i)
            for tick in labels do
                let y = up tick.Value
                rule (left + barWidth) y (left + barWidth + 3.0) y ".6"
                lettering (left + barWidth + 6.0) (y + 0.35 * tickSize) tickSize [ muted ] tick.Label
            for line in Lettering.wrap frame.Height labelSize 1 value.Name do
                lettering
                    nameX
                    nameY
                    labelSize
                    [
                        anchor "middle"
                        "transform", $"rotate(-90 {number nameX} {number nameY})"
                        muted
                    ]
                    line
        ]

    let plan (width: float) panel (value: Axis) (map: HeatMap) : Plan =
        let rows, columns = map.Rows.Length, map.Columns.Length
        let rowHeight = 300.0 / float (max 1 rows) |> max 4.0 |> min 28.0

        let rowLabels =
            map.Rows |> Array.map (fun row -> Lettering.wrap (0.3 * width) labelSize 1 row |> String.concat "")

        let empty =
            {
                Panel = panel
                Above = map.Down
                Below = map.Across
                Left = widest labelSize rowLabels + 8.0
                Right = 12.0
                Height = max 112.0 (rowHeight * float rows)
                Foot = axisLine
                Draw = noData
                Summary = "no data"
            }

        match Colours.range value map with
        | ValueNone -> empty
        | ValueSome(struct (low, high) as range) ->
            let labels = ticks value (max 3 (int (empty.Height / 24.0))) range
            let decimals = Number.decimalsFor (high - low)

            let right =
                barGap + barWidth + 21.0 + widest tickSize (labels |> Array.map _.Label) + 6.0

            let cell = max 40.0 (width - empty.Left - right) / float columns

            let lines = map.Columns |> Array.map (Lettering.wrap (cell - 4.0) labelSize 2)

            let whole (column: string) =
                System.String.Join(" ", column.Split(Array.empty<char>, System.StringSplitOptions.RemoveEmptyEntries))

            // Names that do not fit below their columns stand upright.
            let level =
                Array.forall2 (fun lines column -> String.concat " " lines = whole column) lines map.Columns

            let upright =
                map.Columns
                |> Array.map (fun column -> Lettering.wrap mostUpright labelSize 1 column |> String.concat "")

            let foot =
                if level then
                    6.0 + lineHeight * float (lines |> Array.map Array.length |> Array.fold max 1)
                else
                    8.0 + widest labelSize upright

            let written (v: float) = Number.fixedPoint decimals v

            let valued =
                rowHeight >= 13.0
                && map.Values
                   |> Array.concat
                   |> Array.filter (placeable value)
                   |> Array.forall (fun v -> Lettering.width tickSize (written v) <= cell - 4.0)

            let draw (frame: Frame) =
                let across, down = frame.Width / float columns, frame.Height / float rows
                let columnStep = every (if level then 0.0 else lineHeight) across
                let rowStep = every lineHeight down

                let drawCell i j =
                    let x, y = frame.Left + float j * across, frame.Top + float i * down
                    let v = map.Values[i][j]

                    [
                        if placeable value v then
                            let colour = Colours.at map.Map (Colours.share value map range v)
                            rectangle "cell" x y across down colour

                            if valued then
                                lettering
                                    (x + across / 2.0)
                                    (y + down / 2.0 + 0.35 * tickSize)
                                    tickSize
                                    [ anchor "middle"; "fill", Colours.lettersOn colour ]
                                    (written v)
                        else
                            rule (x + 2.0) (y + down - 2.0) (x + across - 2.0) (y + 2.0) ".35"
                    ]

                [
                    clipped
                        frame
                        [
                            for i in 0 .. rows - 1 do
                                for j in 0 .. columns - 1 do
                                    yield! drawCell i j
                        ]
                    for i in 0..rowStep .. rows - 1 do
                        let middle = frame.Top + (float i + 0.5) * down
                        lettering (frame.Left - 6.0) (middle + 0.35 * labelSize) labelSize [ anchor "end" ] rowLabels[i]
                    for j in 0..columnStep .. columns - 1 do
                        let middle = frame.Left + (float j + 0.5) * across

                        if level then
                            yield! block middle (frame.Bottom + lineHeight + 1.0) labelSize [ anchor "middle" ] lines[j]
                        else
                            let x, y = middle + 0.35 * labelSize, frame.Bottom + 6.0

                            lettering
                                x
                                y
                                labelSize
                                [ anchor "end"; "transform", $"rotate(-90 {number x} {number y})" ]
                                upright[j]
                    yield! colourBar value map range labels frame
                ]

            let said =
                [|
                    for i in 0 .. rows - 1 do
                        for j in 0 .. columns - 1 do
                            $"{map.Rows[i]}, {map.Columns[j]} {written (map.Values[i][j])}"
                |]

            { empty with
                Right = right
                Foot = foot
                Draw = draw
                Summary = $"""{value.Name} by {map.Down} and {map.Across}: {String.concat "; " said}"""
            }
