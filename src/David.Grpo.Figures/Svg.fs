namespace David.Grpo.Figures

/// Figures as Scalable Vector Graphics.
[<RequireQualifiedAccess>]
module Svg =

    open Drawing

    let private gap = 20.0
    let private padding = 4.0

    let private sans =
        "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

    /// Latin Modern in the cut for 8 pt, where it is there.
    let private serif =
        "'LM Roman 8', 'Latin Modern Roman', 'CMU Serif', 'Times New Roman', 'Liberation Serif', 'DejaVu Serif', serif"

    /// What the figure says, for those who cannot see it: its description, then the numbers of each panel.
    let private inWordsOf (figure: Figure) (plans: Plan[]) : string =
        let summary (plan: Plan) =
            let names =
                [| plan.Panel.Title; plan.Above; plan.Below |] |> Array.filter (fun name -> name <> "")

            $"""{String.concat ", " names}: {plan.Summary}."""

        (String.concat " " (Array.append [| figure.Description |] (plans |> Array.map summary))).Trim()

    let private widthOf (figure: Figure) =
        match figure.Width with
        | FigureWidth.Column -> 340.0
        | FigureWidth.Page -> 680.0

    let private columnsOf (figure: Figure) =
        min figure.Columns (max 1 figure.Panels.Length)

    let private panelWidthOf (figure: Figure) =
        let columns = columnsOf figure
        (widthOf figure - 2.0 * padding - gap * float (columns - 1)) / float columns

    let private plansOf (look: Look) (figure: Figure) : Plan[] =
        let keyed = Key.series figure
        let panelWidth = panelWidthOf figure

        /// Panels with equal x axes show the same range of x.
        let sharedX (axis: Axis) =
            let placed =
                figure.Panels
                |> Array.collect (fun panel ->
                    match panel.Content with
                    | Content.Curves(x, y, curves) when x = axis ->
                        curves |> Array.map (CurvePanel.runs x y >> Array.concat >> Array.map _.X)
                    | _ -> [||])

            let range = rangeOf axis (Array.concat placed)

            // Lone points get air around them; lines run from edge to edge.
            if placed |> Array.forall (fun xs -> xs.Length <= 1) then
                range |> ValueOption.map (rounded axis 5)
            else
                range

        figure.Panels
        |> Array.map (fun panel ->
            match panel.Content with
            | Content.Curves(x, y, curves) ->
                CurvePanel.plan look (keyed.Length = 0) panelWidth (sharedX x) panel x y curves
            | Content.Points(x, y, points) -> PointPanel.plan look panelWidth panel x y points
            | Content.Dots(value, rows) -> RowPanel.plan look panelWidth false panel value rows
            | Content.Bars(value, rows) -> RowPanel.plan look panelWidth true panel value rows
            | Content.Heat(value, map) -> HeatPanel.plan panelWidth panel value map
            | Content.Tree(position, root) -> TreePanel.plan look panelWidth panel position root)

    /// The drawing as a tree. Inline it takes the colours of its surroundings; standing alone it brings those of its medium.
    let internal markup (isAlone: bool) (medium: Medium) (figure: Figure) : Markup =
        let figure = Look.laidOut medium figure
        Figure.check figure
        let look = Look.ofFigure medium figure
        let keyed = Key.series figure

        let width, columns, panelWidth =
            widthOf figure, columnsOf figure, panelWidthOf figure

        let plans = plansOf look figure

        let kind (plan: Plan) =
            match plan.Panel.Content with
            | Content.Curves _ -> 0
            | Content.Points _ -> 1
            | Content.Dots _
            | Content.Bars _ -> 2
            | Content.Heat _
            | Content.Tree _ -> 3

        // Plot areas of the same kind are equally wide, but for those whose labels have been laid out already.
        let margin (side: Plan -> float) (plan: Plan) =
            if kind plan = 3 then
                side plan
            else
                plans |> Array.filter (fun other -> kind other = kind plan) |> Array.map side |> Array.max

        let titleLines (plan: Plan) =
            Lettering.wrap (panelWidth / 1.08) titleSize 2 plan.Panel.Title

        let aboveLines (plan: Plan) =
            Lettering.wrap panelWidth labelSize 2 plan.Above

        let belowLines (plan: Plan) =
            Lettering.wrap panelWidth labelSize 2 plan.Below

        let headHeight plan =
            lineHeight * float ((titleLines plan).Length + (aboveLines plan).Length) + 14.0

        let footHeight plan =
            plan.Foot + lineHeight * float (belowLines plan).Length + 2.0

        let drawPanel left top head height (plan: Plan) =
            let before, after = margin _.Left plan, margin _.Right plan

            let frame =
                {
                    Left = left + before
                    Top = top + head
                    Width = max 40.0 (panelWidth - before - after)
                    Height = height
                }

            let title = titleLines plan
            let above = aboveLines plan
            let below = belowLines plan
            let headTop = top + lineHeight
            let belowWidth = widest labelSize below

            let belowCentre =
                frame.Left + frame.Width / 2.0
                |> min (left + panelWidth - belowWidth / 2.0)
                |> max (left + belowWidth / 2.0)

            Markup.element
                "g"
                []
                [
                    yield! block left headTop titleSize [ bold ] title
                    yield! block left (headTop + lineHeight * float title.Length + 1.0) labelSize [ muted ] above
                    yield! plan.Draw frame

                    yield!
                        block
                            belowCentre
                            (frame.Bottom + plan.Foot + lineHeight - 2.0)
                            labelSize
                            [ anchor "middle"; muted ]
                            below
                ]

        let rows = plans |> Array.chunkBySize columns

        let rowHead row =
            row |> Array.map headHeight |> Array.max

        let rowHeight (row: Plan[]) = row |> Array.map _.Height |> Array.max

        let rowFoot row =
            row |> Array.map footHeight |> Array.max

        let whole row =
            rowHead row + rowHeight row + rowFoot row + gap

        let tops = rows |> Array.map whole |> Array.scan (+) padding

        let drawn =
            rows
            |> Array.mapi (fun i row ->
                row
                |> Array.mapi (fun j plan ->
                    drawPanel (padding + float j * (panelWidth + gap)) tops[i] (rowHead row) (rowHeight row) plan))
            |> Array.concat
            |> List.ofArray

        let inner = width - 2.0 * padding

        let height =
            if rows.Length = 0 then
                60.0
            else
                tops[rows.Length] - gap + Key.height inner keyed + padding

        // On a page the reader's preference decides, elsewhere the medium.
        let ink, ground =
            match medium with
            | Medium.Dark -> Stylesheet.inkInTheDark, Some Stylesheet.paperInTheDark
            | Medium.Light -> Stylesheet.ink, Some Stylesheet.paper
            | Medium.Page -> Stylesheet.ink, None
            | Medium.Paper
            | Medium.PaperColumn -> "#000000", None

        // 340 to the 8.5 cm of a column.
        let length (value: float) =
            if Look.isPrint medium then
                number (value / 40.0) + "cm"
            else
                number value

        Markup.element
            "svg"
            [
                "xmlns", "http://www.w3.org/2000/svg"
                "class",
                (if medium = Medium.Page then
                     "david-figure"
                 else
                     "david-drawing")
                "role", "img"
                "viewBox", $"0 0 {number width} {number height}"
                "width", length width
                "height", length height
                "font-family", (if Look.isPrint medium then serif else sans)
                "fill", "currentColor"
                if look.Pen <> 1.0 then
                    look.Width 1.0
                if isAlone then
                    "color", ink
            ]
            [
                Markup.element "title" [] [ Markup.text figure.Title ]
                Markup.element "desc" [] [ Markup.text (inWordsOf figure plans) ]
                if isAlone && medium = Medium.Page then
                    Markup.element "style" [] [ Markup.Style Stylesheet.figure ]
                match ground with
                | Some colour when isAlone ->
                    Markup.element
                        "rect"
                        [
                            "width", number width
                            "height", number height
                            "fill", colour
                            "class", "ground"
                        ]
                        []
                | _ -> ()
                if plans.Length = 0 then
                    yield!
                        noData
                            {
                                Left = 0.0
                                Top = 0.0
                                Width = width
                                Height = height
                            }
                yield! drawn
                yield! Key.draw look padding (tops[rows.Length] - gap) inner keyed
            ]

    /// The figure for a medium as one self-contained SVG file: no script, no font and nothing else from outside. It fits its
    /// width when scaled, and reads its numbers out to screen readers. Equal figures give equal text. Raises
    /// ArgumentException, saying what to mend, for a figure that cannot be drawn: too many columns, an empty or infinite
    /// fixed range, a logarithmic range not above zero, bars on a logarithmic axis.
    [<CompiledName "RenderFor">]
    let renderFor (medium: Medium) (figure: Figure) : string =
        Markup.write (markup true medium figure) + "\n"

    /// The figure for a page, which follows the reader's light or dark preference. See `renderFor`.
    [<CompiledName "Render">]
    let render (figure: Figure) : string = renderFor Medium.Page figure

    /// What the figure shows, in words and numbers.
    let internal inWords (figure: Figure) : string =
        Figure.check figure
        let said = inWordsOf figure (plansOf (Look.ofFigure Medium.Page figure) figure)

        if figure.Title = "" then
            said
        else
            $"{figure.Title}. {said}"
