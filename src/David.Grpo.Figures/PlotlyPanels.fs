namespace David.Grpo.Figures

open System

/// Any panel as plotly.js draws it.
[<RequireQualifiedAccess>]
module internal PlotlyPanels =

    open PlotlyTraces

    let private heat (subplot: Subplot) (value: Axis) (map: HeatMap) =
        let place v =
            match value.Scale with
            | AxisScale.Linear -> v
            | AxisScale.Logarithmic -> log10 v

        let cells (cell: float -> Json) =
            map.Values |> Seq.map (Seq.map cell >> items) |> items

        let placed v =
            if Drawing.placeable value v then place v else nan

        let trace (at: PlotlyPlace) =
            match Colours.range value map with
            | ValueNone -> []
            | ValueSome(struct (low, high) as range) ->
                let decimals = Number.decimalsFor (high - low)

                let colours =
                    items
                        [
                            for i in 0..16 do
                                let share = float i / 16.0

                                let own =
                                    match value.Scale with
                                    | AxisScale.Linear -> low + share * (high - low)
                                    | AxisScale.Logarithmic -> low * (high / low) ** share
                                    |> Colours.share value map range

                                items [ number share; text (Colours.at map.Map own) ]
                        ]

                let ticks = Drawing.ticks value 6 range

                [
                    fields
                        [
                            "type", text "heatmap"
                            "name", text ""
                            "xaxis", text ("x" + subplot.Suffix)
                            "yaxis", text ("y" + subplot.Suffix)
                            "z", cells (placed >> number)
                            "zmin", number (place low)
                            "zmax", number (place high)
                            "colorscale", colours
                            "hoverongaps", truth false
                            "text", cells (Number.fixedPoint decimals >> text)
                            "texttemplate", text "%{text}"
                            "customdata",
                            items
                                [
                                    for row in map.Rows do
                                        items
                                            [
                                                for column in map.Columns do
                                                    items [ escaped row; escaped column ]
                                            ]
                                ]
                            "hovertemplate", text "%{customdata[0]}, %{customdata[1]}: %{text}<extra></extra>"
                            "colorbar",
                            fields
                                [
                                    "title", fields [ "text", escaped value.Name; "side", text "right" ]
                                    "tickmode", text "array"
                                    "tickvals", ticks |> Seq.map (fun tick -> place tick.Value) |> numbers
                                    "ticktext", ticks |> Seq.map _.Label |> strings
                                    "thickness", number 12.0
                                    "outlinewidth", number 0.0
                                    "x", number at.Right
                                    "xanchor", text "left"
                                    "y", number ((at.Bottom + at.Top) / 2.0)
                                    "yanchor", text "middle"
                                    "len", number (at.Top - at.Bottom)
                                    "ypad", number 0.0
                                ]
                        ]
                ]

        let titled (name: string) =
            [ "title", fields [ "text", escaped name ] ]

        {
            Traces = trace
            X =
                labelled (map.Columns |> Array.map escaped)
                @ titled map.Across
                @ [ "range", numbers [ -0.5; float map.Columns.Length - 0.5 ] ]
            Y =
                labelled (map.Rows |> Array.map escaped)
                @ titled map.Down
                @ [ "range", numbers [ float map.Rows.Length - 0.5; -0.5 ] ]
            Left = 40.0 + Drawing.widest 12.0 map.Rows
            Right = 90.0
            Height =
                300.0 / float (max 1 map.Rows.Length)
                |> max 8.0
                |> min 40.0
                |> (*) (float map.Rows.Length)
                |> max 120.0
            SharesX = false
        }

    let private tree (subplot: Subplot) (look: Look) (position: Axis) (root: Branch) =
        let placed, count = TreePanel.rows root
        let named = placed.All |> List.filter (fun own -> TreePanel.hasRow own.Branch)

        let firsts =
            placed.All |> List.filter (fun own -> not own.Branch.IsDropped) |> List.distinctBy _.Branch.Origin

        let trace (parent: PlacedBranch voption) (own: PlacedBranch) =
            let branch = own.Branch
            let style = Look.ofOrigin look branch.Origin

            // The first line of an origin stands for it in the legend.
            let isNamed =
                firsts |> List.exists (fun first -> Object.ReferenceEquals(first, own))

            // The tip bears the marker; what a continuation cuts off has none of its own.
            let stretch opacity hasTip xs ys =
                fields (
                    series subplot "scatter" (TreePanel.nameOf branch.Origin)
                    @ [
                        "x", numbers xs
                        "y", numbers ys
                        "mode", text "lines+markers"
                        "marker",
                        fields
                            [
                                "symbol", text (symbol style)
                                "color", text (colour subplot style)
                                "opacity", number 1.0
                                "line", fields [ "width", number 0.0 ]
                                "size",
                                xs |> List.mapi (fun i _ -> if hasTip && i = xs.Length - 1 then 9.0 else 0.0) |> numbers
                            ]
                        "opacity", number opacity
                        "line",
                        fields
                            [
                                "color", text (colour subplot style)
                                "width", number (if branch.Origin = BranchOrigin.Shared then 3.0 else 2.0)
                                "dash", text (dash style)
                            ]
                        "text", escaped (String.Join(", ", [ branch.Name; branch.Note ] |> List.filter ((<>) "")))
                        "hovertemplate", text "%{text}<extra>%{fullData.name}</extra>"
                        "showlegend", truth (isNamed && opacity = 1.0)
                    ]
                )

            let from =
                match parent with
                | ValueSome parent -> [ branch.Start, parent.Row ]
                | ValueNone -> []

            let shown = if branch.IsDropped then 0.3 else 1.0
            let hasTip = branch.Origin <> BranchOrigin.Shared

            match own.Cuts with
            | [||] ->
                let points = from @ [ branch.Start, own.Row; branch.End, own.Row ]

                [
                    stretch shown (hasTip && not branch.IsDropped) (List.map fst points) (List.map snd points)
                ]
            | cuts ->
                let points = from @ [ branch.Start, own.Row; cuts[0], own.Row ]

                [
                    stretch shown false (List.map fst points) (List.map snd points)
                    stretch 0.3 hasTip [ cuts[0]; branch.End ] [ own.Row; own.Row ]
                    fields (
                        series subplot "scatter" "cut"
                        @ [
                            "x", numbers cuts
                            "y", cuts |> Seq.map (fun _ -> own.Row) |> numbers
                            "mode", text "markers"
                            "marker",
                            fields
                                [
                                    "symbol", text "line-ns"
                                    "size", number 14.0
                                    "line", fields [ "width", number 2.0; "color", text subplot.Ink ]
                                ]
                            "hovertemplate", text "cut at %{x}<extra></extra>"
                            "showlegend", truth false
                        ]
                    )
                ]

        let rec traces parent (own: PlacedBranch) =
            trace parent own @ (own.Children |> List.ofArray |> List.collect (traces (ValueSome own)))

        let label (own: PlacedBranch) =
            String.Join("  ", [ own.Branch.Name; own.Branch.Note ] |> List.filter ((<>) ""))

        {
            Traces = fun _ -> traces ValueNone placed
            X = axis position
            Y =
                [
                    "type", text "linear"
                    "side", text "right"
                    "tickmode", text "array"
                    "tickvals", named |> Seq.map _.Row |> numbers
                    "ticktext", named |> Seq.map (label >> escaped) |> items
                    "showgrid", truth false
                    "zeroline", truth false
                    "ticklabelstandoff", number 10.0
                    "range", numbers [ float count - 0.4; -0.6 ]
                ]
            Left = 20.0
            Right = 20.0 + Drawing.widest 12.0 (named |> Seq.map label |> Array.ofSeq)
            Height = 40.0 + 26.0 * float count
            SharesX = false
        }

    /// Stands for data in a panel that has none, so that its axes are drawn.
    let nothing (subplot: Subplot) : Json =
        fields (
            series subplot "scatter" ""
            @ [
                "x", numbers [ nan ]
                "y", numbers [ nan ]
                "hoverinfo", text "skip"
                "showlegend", truth false
            ]
        )

    /// `isFirst`: whether a series has not been named in the legend yet.
    let ofPanel (subplot: Subplot) (look: Look) (isFirst: string -> bool) (panel: Panel) : PlotlyPanel =
        match panel.Content with
        | Content.Curves(x, y, all) -> curves subplot look isFirst x y all
        | Content.Points(x, y, all) -> points subplot look x y all
        | Content.Dots(value, all) -> rows subplot look false value all
        | Content.Bars(value, all) -> rows subplot look true value all
        | Content.Heat(value, map) -> heat subplot value map
        | Content.Tree(position, root) -> tree subplot look position root
