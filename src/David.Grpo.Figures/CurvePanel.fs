namespace David.Grpo.Figures

open System

/// Lines with bands, named at their ends.
[<RequireQualifiedAccess>]
module internal CurvePanel =

    open Drawing

    /// The shortest plot area of curves, from the top of the y axis to its bottom.
    let private plotHeight = 150.0

    /// The points of a curve that have a place, by ascending x, in runs without an interruption.
    let runs (x: Axis) (y: Axis) (curve: Curve) : CurvePoint[][] =
        let runs, last =
            curve.Points
            |> Array.filter (fun point -> placeable x point.X)
            |> Array.sortBy _.X // stable
            |> Array.fold
                (fun (runs, run) point ->
                    if placeable y point.Y.Value then
                        runs, point :: run
                    else
                        run :: runs, [])
                ([], [])

        last :: runs
        |> List.filter (not << List.isEmpty)
        |> List.rev
        |> List.map (Array.ofList >> Array.rev)
        |> Array.ofList

    let private hasBand (point: CurvePoint) =
        Double.IsFinite point.Y.Low && Double.IsFinite point.Y.High && point.Y.Low < point.Y.High

    let dashes (style: SeriesStyle) =
        match style.Dash with
        | [||] -> []
        | lengths -> [ "stroke-dasharray", lengths |> Array.map number |> String.concat " " ]

    let private drawRun (look: Look) (style: SeriesStyle) across upwards (run: CurvePoint[]) =
        let at (value: CurvePoint -> float) (point: CurvePoint) = across point.X, upwards (value point)

        let low (point: CurvePoint) =
            if hasBand point then point.Y.Low else point.Y.Value

        let high (point: CurvePoint) =
            if hasBand point then point.Y.High else point.Y.Value

        [
            match run with
            | [| point |] when hasBand point ->
                let (x, bottom), (_, top) = at low point, at high point
                stroke x bottom x top [ "class", "whisker"; "stroke", style.Colour; look.Width 1.5 ]
            | [| _ |] -> ()
            | _ ->
                if Array.exists hasBand run then
                    let outline =
                        Array.append (Array.map (at high) run) (Array.rev (Array.map (at low) run))

                    Markup.element
                        "path"
                        [
                            "class", "band"
                            "d", path outline + "Z"
                            "fill", style.Colour
                            "fill-opacity", ".16"
                        ]
                        []

                Markup.element
                    "path"
                    ([
                        "class", "line"
                        "d", path (Array.map (at _.Y.Value) run)
                        "fill", "none"
                        "stroke", style.Colour
                        look.Width 1.8
                        "stroke-linejoin", "round"
                     ]
                     @ dashes style)
                    []
        ]

    /// `isNamed`: whether curves bear their names at their ends; else the figure has a key.
    let plan (look: Look) (isNamed: bool) (width: float) xs panel (x: Axis) (y: Axis) curves =
        let drawn =
            curves
            |> Array.map (fun curve -> curve, runs x y curve)
            |> Array.filter (snd >> Array.isEmpty >> not)

        let points = drawn |> Array.collect (snd >> Array.concat)

        let ys =
            points |> Array.collect (fun point -> [| point.Y.Value; point.Y.Low; point.Y.High |]) |> rangeOf y

        let inside (struct (low, high): struct (float * float)) value = low <= value && value <= high

        // The last point in sight of each curve, where its name goes.
        let ends =
            match xs with
            | ValueNone -> [||]
            | ValueSome xs ->
                drawn
                |> Array.choose (fun (curve, runs) ->
                    Array.concat runs
                    |> Array.tryFindBack (fun point -> inside xs point.X)
                    |> Option.map (fun point -> curve, point))

        let nameLines (curve: Curve) =
            if isNamed then
                Lettering.wrap (max 64.0 (0.3 * width)) labelSize 3 curve.Name
            else
                [||]

        let heights =
            ends
            |> Array.map (fun (curve, _) ->
                match (nameLines curve).Length with
                | 0 -> 0.0
                | lines -> lineHeight * float lines + (if lines > 1 then 4.0 else 0.0))

        let nameWidth = ends |> Array.collect (fst >> nameLines) |> widest labelSize

        let empty =
            {
                Panel = panel
                Above = y.Name
                Below = x.Name
                Left = 24.0
                Right = 12.0
                Height = max (if isNamed then plotHeight else 200.0) (Array.sum heights)
                Foot = axisLine
                Draw = noData
                Summary = "no data"
            }

        match xs, ys with
        | ValueSome xs, ValueSome ys ->
            let count = max 2 (int (empty.Height / 32.0))
            let ys = rounded y count ys
            let yTicks = ticks y (count + 2) ys

            let overhang =
                widest tickSize (horizontalTicks x xs width |> Array.map _.Label) / 2.0

            let draw (frame: Frame) =
                let across = place x xs frame.Left frame.Right
                let upwards = place y ys frame.Bottom frame.Top

                let centres =
                    ends |> Array.map (fun (_, point) -> upwards point.Y.Value |> max frame.Top |> min frame.Bottom)

                let tops = Lettering.spread frame.Top (frame.Bottom + 4.0) centres heights

                [
                    yield! verticalAxis y ys yTicks frame

                    yield! horizontalAxis x xs frame

                    clipped
                        frame
                        [
                            for curve, runs in drawn do
                                for run in runs do
                                    yield! drawRun look (look.Of curve.Name) across upwards run
                        ]

                    for curve, runs in drawn do
                        let all = Array.concat runs

                        for run in runs do
                            for i, point in Array.indexed run do
                                let marked =
                                    all.Length <= 12
                                    || run.Length = 1
                                    || (i = run.Length - 1 && Object.ReferenceEquals(run, Array.last runs))

                                if marked && inside xs point.X && inside ys point.Y.Value then
                                    marker (look.Of curve.Name) (across point.X) (upwards point.Y.Value) 3.0

                    for i, (curve, point) in Array.indexed ends do
                        if heights[i] > 0.0 then
                            let middle = tops[i] + heights[i] / 2.0

                            let from = across point.X + 4.0
                            let style = look.Of curve.Name

                            if from >= frame.Right - 4.0 then
                                stroke
                                    (min from (frame.Right + 4.0))
                                    centres[i]
                                    (frame.Right + 11.0)
                                    middle
                                    [ "class", "leader"; "stroke", style.Colour; "stroke-opacity", ".7" ]
                            else
                                // From a curve that ends before, a line to its name would look like more of it.
                                markerOf "key-marker" style (frame.Right + 6.5) middle 3.0

                            yield!
                                nameLines curve |> block (frame.Right + 14.0) (tops[i] + 0.75 * lineHeight) labelSize []
                ]

            let last =
                ends
                |> Array.map (fun (curve, point) ->
                    let struct (low, high) = ys
                    inWords (Number.decimalsFor (high - low)) curve.Name point.Y)

            { empty with
                Left = max (verticalAxisWidth yTicks) overhang
                Right = max (if isNamed then nameWidth + 16.0 else 0.0) (overhang + 2.0)
                Draw = draw
                Summary = "last values " + String.concat "; " last
            }
        | _ -> empty
