namespace David.Grpo.Figures

open System

/// Left, top, right and bottom of something drawn.
[<Struct>]
type private Box =
    {
        Left: float
        Top: float
        Right: float
        Bottom: float
    }

    /// Whether two boxes have more than an edge in common.
    member box.Meets(other: Box) =
        box.Left < other.Right && other.Left < box.Right && box.Top < other.Bottom && other.Top < box.Bottom

    member box.Around(margin: float) =
        {
            Left = box.Left - margin
            Top = box.Top - margin
            Right = box.Right + margin
            Bottom = box.Bottom + margin
        }

/// Named points with whiskers both ways, and the front of the best of them.
[<RequireQualifiedAccess>]
module internal PointPanel =

    open Drawing

    /// The shortest plot area, from the top of the y axis to its bottom.
    let private plotHeight = 190.0

    let private radius = 3.6

    let private hasInterval (value: Estimate) =
        Double.IsFinite value.Low && Double.IsFinite value.High && value.Low < value.High

    let private between x1 y1 x2 y2 : Box =
        {
            Left = min x1 x2
            Top = min y1 y2
            Right = max x1 x2
            Bottom = max y1 y2
        }

    /// The corners of the front, from its first point to the right edge of the frame.
    let private steps (frame: Frame) (front: (float * float)[]) : (float * float)[] =
        if front.Length = 0 then
            [||]
        else
            let corners =
                front
                |> Array.pairwise
                |> Array.collect (fun ((_, y), (nextX, nextY)) -> [| nextX, y; nextX, nextY |])

            [|
                yield front[0]
                yield! corners
                yield (frame.Right, snd (Array.last front))
            |]

    /// Where names go: for each the box that covers least of what is drawn and lies nearest to its point, within the frame
    /// and apart from the names placed before; none where no such box is left.
    let private placeNames (frame: Frame) (drawn: Box[]) (points: (float * float)[]) (sizes: (float * float)[]) =
        let near (x, y) (width, height) =
            seq {
                for distance in [| 6.0; 12.0; 20.0; 32.0; 48.0; 72.0 |] do
                    for rank, (dx, dy) in
                        Array.indexed
                            [|
                                1.0, 0.0
                                -1.0, 0.0
                                0.0, -1.0
                                0.0, 1.0
                                0.7, -0.7
                                0.7, 0.7
                                -0.7, -0.7
                                -0.7, 0.7
                            |] do
                        let left = x + dx * distance + 0.5 * width * (float (sign dx) - 1.0)
                        let top = y + dy * distance + 0.5 * height * (float (sign dy) - 1.0)
                        struct (left, top, distance + 0.4 * float rank)
            }

        // Anywhere in the frame, for want of a place nearby.
        let anywhere (x, y) (width, height) =
            seq {
                for left in frame.Left .. 8.0 .. frame.Right - width do
                    for top in frame.Top .. 6.0 .. frame.Bottom - height do
                        let away = abs (left + width / 2.0 - x) + abs (top + height / 2.0 - y)
                        struct (left, top, 80.0 + away)
            }

        let choose (taken: Box list) (candidates: seq<struct (float * float * float)>) (width, height) =
            let free =
                candidates
                |> Seq.choose (fun (struct (left, top, wish)) ->
                    let box = between left top (left + width) (top + height)

                    let fits =
                        box.Left >= frame.Left - 0.01
                        && box.Right <= frame.Right + 0.01
                        && box.Top >= frame.Top - 0.01
                        && box.Bottom <= frame.Bottom + 0.01
                        && not (taken |> List.exists box.Meets)

                    if fits then
                        let covered = drawn |> Array.filter box.Meets |> Array.length
                        Some(box, wish + 30.0 * float covered)
                    else
                        None)
                |> Array.ofSeq

            if free.Length = 0 then
                None
            else
                Some(free |> Array.minBy snd |> fst)

        let order =
            Array.init points.Length id |> Array.sortBy (fun i -> snd points[i], fst points[i], i)

        let placed = Array.create points.Length None

        let place taken i =
            let box =
                choose taken (near points[i] sizes[i]) sizes[i]
                |> Option.orElseWith (fun () -> choose taken (anywhere points[i] sizes[i]) sizes[i])

            placed[i] <- box
            Option.toList box @ taken

        order |> Array.fold place [] |> ignore
        placed

    let plan (look: Look) (width: float) panel (x: Axis) (y: Axis) (points: ScatterPoint[]) =
        let usable =
            points |> Array.filter (fun point -> placeable x point.X.Value && placeable y point.Y.Value)

        let range axis count (value: ScatterPoint -> Estimate) =
            usable
            |> Array.map value
            |> Array.collect (fun value -> [| value.Value; value.Low; value.High |])
            |> rangeOf axis
            |> ValueOption.map (rounded axis count)

        let names =
            usable |> Array.map (fun point -> Lettering.wrap (max 64.0 (0.34 * width)) labelSize 2 point.Name)

        let sizes =
            names |> Array.map (fun lines -> widest labelSize lines + 2.0, lineHeight * float lines.Length)

        let height = max plotHeight (1.7 * Array.sumBy snd sizes)
        let rows = max 2 (int (height / 36.0))

        let empty =
            {
                Panel = panel
                Above = y.Name
                Below = x.Name
                Left = 24.0
                Right = 12.0
                Height = height
                Foot = axisLine
                Draw = noData
                Summary = "no data"
            }

        match range x (max 2 (int (width / 90.0))) _.X, range y rows _.Y with
        | ValueSome xs, ValueSome ys ->
            let yTicks = ticks y (rows + 2) ys

            let overhang =
                widest tickSize (horizontalTicks x xs width |> Array.map _.Label) / 2.0

            let inside (struct (low, high): struct (float * float)) value = low <= value && value <= high

            let draw (frame: Frame) =
                let across = place x xs frame.Left frame.Right
                let upwards = place y ys frame.Bottom frame.Top

                let shown =
                    usable
                    |> Array.zip names
                    |> Array.zip sizes
                    |> Array.filter (fun (_, (_, point)) -> inside xs point.X.Value && inside ys point.Y.Value)

                let at (point: ScatterPoint) =
                    across point.X.Value, upwards point.Y.Value

                let whiskers (point: ScatterPoint) =
                    let middle, level = at point

                    [
                        if hasInterval point.X then
                            across point.X.Low, level, across point.X.High, level
                        if hasInterval point.Y then
                            middle, upwards point.Y.Low, middle, upwards point.Y.High
                    ]

                let front =
                    usable
                    |> Array.filter _.IsOnFront
                    |> Array.sortBy (fun point -> point.X.Value, point.Y.Value)
                    |> Array.map at
                    |> steps frame

                let drawn =
                    [|
                        for point in usable do
                            let middle, level = at point
                            (between middle level middle level).Around(radius + 1.0)

                            for x1, y1, x2, y2 in whiskers point do
                                (between x1 y1 x2 y2).Around 1.0

                        for (x1, y1), (x2, y2) in Array.pairwise front do
                            (between x1 y1 x2 y2).Around 1.0
                    |]

                let boxes =
                    placeNames frame drawn (shown |> Array.map (snd >> snd >> at)) (shown |> Array.map fst)

                [
                    yield! verticalAxis y ys yTicks frame

                    yield! uprights x xs frame
                    yield! horizontalAxis x xs frame

                    clipped
                        frame
                        [
                            if front.Length > 0 then
                                Markup.element
                                    "path"
                                    [
                                        "class", "front"
                                        "d", path front
                                        "fill", "none"
                                        "stroke", "currentColor"
                                        "stroke-opacity", ".55"
                                        "stroke-dasharray", "4 3"
                                    ]
                                    []

                            for point in usable do
                                for x1, y1, x2, y2 in whiskers point do
                                    stroke
                                        x1
                                        y1
                                        x2
                                        y2
                                        [
                                            "class", "whisker"
                                            "stroke", (look.Of point.Name).Colour
                                            look.Width 1.3
                                            "stroke-opacity", ".75"
                                        ]
                        ]

                    for i, (_, (lines, point)) in Array.indexed shown do
                        let middle, level = at point
                        marker (look.Of point.Name) middle level radius

                        match boxes[i] with
                        | Some box ->
                            // The nearest place of the name's box.
                            let toX = middle |> max box.Left |> min box.Right
                            let toY = level |> max box.Top |> min box.Bottom

                            if abs (toX - middle) + abs (toY - level) > 14.0 then
                                stroke
                                    middle
                                    level
                                    toX
                                    toY
                                    [
                                        "class", "leader"
                                        "stroke", (look.Of point.Name).Colour
                                        "stroke-opacity", ".7"
                                        "stroke-dasharray", "1 3"
                                    ]

                            // Beside its point a name keeps to it.
                            let place, keeps =
                                if box.Right <= middle then
                                    box.Right - 1.0, [ anchor "end" ]
                                elif box.Left >= middle then
                                    box.Left + 1.0, []
                                else
                                    (box.Left + box.Right) / 2.0, [ anchor "middle" ]

                            yield! block place (box.Top + 0.75 * lineHeight) labelSize keeps lines
                        | None -> ()
                ]

            let struct (lowX, highX), struct (lowY, highY) = xs, ys

            let said (point: ScatterPoint) =
                let x = Number.estimate (Number.decimalsFor (highX - lowX)) point.X
                let front = if point.IsOnFront then ", on the front" else ""
                $"{inWords (Number.decimalsFor (highY - lowY)) point.Name point.Y} at {x}{front}"

            { empty with
                Left = max (verticalAxisWidth yTicks) overhang
                Right = max 12.0 (overhang + 2.0)
                Draw = draw
                Summary = usable |> Array.map said |> String.concat "; "
            }
        | _ -> empty
