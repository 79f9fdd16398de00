namespace David.Grpo.Figures

open System
open System.Text.Json.Nodes

/// Where a page finds plotly.js.
[<RequireQualifiedAccess>]
type PlotlyLibrary =
    /// The library's own text, which the page then holds: one file, of more than a megabyte.
    | Inside of script: string
    /// A path or address relative to the page: "plotly.min.js".
    | Beside of path: string

/// Figures as plotly.js draws them, version 3 or later: to be pointed at, zoomed and switched on and off.
[<RequireQualifiedAccess>]
module Plotly =

    open PlotlyTraces

    /// The width in pixels that rooms for labels are reckoned for.
    let private widthOf (figure: Figure) =
        match figure.Width with
        | FigureWidth.Column -> 480.0
        | FigureWidth.Page -> 960.0

    let private titleRoom = 34.0
    let private axisRoom = 62.0

    let private suffix (index: int) =
        if index = 0 then "" else string (index + 1)

    let private fontOf (medium: Medium) =
        if Look.isPrint medium then
            "Latin Modern Roman, CMU Serif, Times New Roman, serif"
        else
            "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"

    let private inkOf (medium: Medium) =
        match medium with
        | Medium.Dark -> Stylesheet.inkInTheDark
        | Medium.Paper
        | Medium.PaperColumn -> "#000000"
        | _ -> Stylesheet.ink

    let private groundOf (medium: Medium) =
        if medium = Medium.Dark then
            Stylesheet.paperInTheDark
        else
            Stylesheet.paper

    /// The colours of a medium, as they stand in the layout under the names of plotly.js.
    let private colours (medium: Medium) =
        let faint = if medium = Medium.Dark then "#32383F" else "#E3E6EA"
        struct (inkOf medium, groundOf medium, faint)

    /// Where each panel's plot area lies, and the height of all in pixels.
    let private places (figure: Figure) (panels: PlotlyPanel[]) : struct (PlotlyPlace[] * float) =
        let columns = min figure.Columns (max 1 panels.Length)
        let width = widthOf figure

        let rows = panels |> Array.chunkBySize columns
        let heights = rows |> Array.map (fun row -> row |> Array.map _.Height |> Array.max)

        let tops =
            heights |> Array.map (fun height -> height + titleRoom + axisRoom) |> Array.scan (+) 0.0

        let whole = max 120.0 (Array.last tops)

        let share (value: float) (length: float) = value / length |> max 0.0 |> min 1.0

        let place i : PlotlyPlace =
            let row, column = i / columns, i % columns
            let cell = width / float columns
            let left = float column * cell + panels[i].Left
            let right = max (left + 0.25 * cell) (float (column + 1) * cell - panels[i].Right)
            let top = tops[row] + titleRoom
            let bottom = top + heights[row]

            {
                Left = share left width
                Right = share right width
                Top = 1.0 - share top whole
                Bottom = 1.0 - share bottom whole
            }

        struct (Array.init panels.Length place, whole)

    let private layout (medium: Medium) (figure: Figure) (panels: PlotlyPanel[]) =
        let struct (ink, ground, faint) = colours medium
        let struct (places, whole) = places figure panels

        let isKeyed =
            figure.Panels
            |> Array.exists (fun panel ->
                panel.Content.IsTree || (panel.Content.IsCurves && (Figure.names panel |> Array.exists ((<>) ""))))

        let isEmpty i =
            List.isEmpty (panels[i].Traces places[i])

        let axis i (isX: bool) (own: (string * Json) list) =
            let place = places[i]
            let letter, other = if isX then "x", "y" else "y", "x"

            let common =
                [
                    "domain",
                    numbers (
                        if isX then
                            [ place.Left; place.Right ]
                        else
                            [ place.Bottom; place.Top ]
                    )
                    "anchor", text (other + suffix i)
                    if not (own |> List.exists (fun (name, _) -> name = "showgrid")) then
                        "gridcolor", text faint
                    if isX then
                        "linecolor", text ink
                        "showline", truth true
                    "zeroline", truth false
                    if isEmpty i then
                        "showticklabels", truth false
                    "ticks", text (if isX then "outside" else "")
                ]

            // What a panel says itself comes first.
            let names = own |> List.map fst |> set
            letter + "axis" + suffix i, fields (own @ (common |> List.filter (fst >> names.Contains >> not)))

        // Panels with equal x axes show the same range of x.
        let isSame (one: (string * Json) list) (other: (string * Json) list) =
            one.Length = other.Length
            && List.forall2 (fun (a, x) (b, y) -> a = b && JsonNode.DeepEquals(x, y)) one other

        let matching i (panel: PlotlyPanel) =
            let earlier =
                Array.take i panels
                |> Array.tryFindIndex (fun other -> other.SharesX && panel.SharesX && isSame other.X panel.X)

            match earlier with
            | Some first -> panel.X @ [ "matches", text ("x" + suffix first) ]
            | None -> panel.X

        let title i (panel: Panel) =
            fields
                [
                    "text", text $"<b>{escape panel.Title}</b>"
                    "xref", text "paper"
                    "yref", text "paper"
                    "x", number places[i].Left
                    "y", number places[i].Top
                    "xanchor", text "left"
                    "yanchor", text "bottom"
                    "yshift", number 6.0
                    "showarrow", truth false
                    "font", fields [ "size", number 14.0 ]
                ]

        let noData i =
            fields
                [
                    "text", text "no data"
                    "xref", text "paper"
                    "yref", text "paper"
                    "x", number ((places[i].Left + places[i].Right) / 2.0)
                    "y", number ((places[i].Top + places[i].Bottom) / 2.0)
                    "showarrow", truth false
                ]

        fields
            [
                "height", number (whole + (if isKeyed then 60.0 else 20.0))
                "autosize", truth true
                "margin",
                fields
                    [
                        "l", number 10.0
                        "r", number 10.0
                        "t", number 10.0
                        "b", number (if isKeyed then 50.0 else 10.0)
                    ]
                "font", fields [ "family", text (fontOf medium); "size", number 12.0; "color", text ink ]
                "paper_bgcolor", text ground
                "plot_bgcolor", text ground
                "hovermode", text "closest"
                if figure.Panels |> Array.exists _.Content.IsBars then
                    "barmode", text "overlay"
                "showlegend", truth isKeyed
                if isKeyed then
                    "legend",
                    fields
                        [
                            "orientation", text "h"
                            "x", number 0.0
                            "y", number 0.0
                            "yanchor", text "top"
                        ]
                "annotations",
                items
                    [
                        for i, panel in Array.indexed figure.Panels do
                            if panel.Title <> "" then
                                title i panel

                            if isEmpty i then
                                noData i
                    ]
                for i, panel in Array.indexed panels do
                    axis i true (matching i panel)
                    axis i false panel.Y
            ]

    let private content (medium: Medium) (figure: Figure) : (string * Json) list =
        let figure = Look.laidOut medium figure
        Figure.check figure
        let look = Look.ofFigure medium figure

        let subplots =
            figure.Panels
            |> Array.mapi (fun i _ ->
                {
                    Suffix = suffix i
                    Ink = inkOf medium
                })

        let panels =
            figure.Panels
            |> Array.mapi (fun i panel ->
                let named =
                    Array.take i figure.Panels |> Array.filter _.Content.IsCurves |> Array.collect Figure.names

                PlotlyPanels.ofPanel subplots[i] look (fun name -> not (Array.contains name named)) panel)

        let struct (places, _) = places figure panels

        let traces i (panel: PlotlyPanel) =
            match panel.Traces places[i] with
            | [] -> [ PlotlyPanels.nothing subplots[i] ]
            | traces -> traces

        [
            "data", panels |> Seq.mapi traces |> Seq.concat |> items
            "layout", layout medium figure panels
            "config", fields [ "responsive", truth true; "displaylogo", truth false ]
        ]

    /// The figure as the content of `application/vnd.plotly.v1+json`: an object with `data`, `layout` and `config`, which
    /// notebooks and `Plotly.newPlot` take. Nothing in it can end a script. Equal figures give equal text. Raises
    /// ArgumentException for a figure that cannot be drawn (see `Svg.render`).
    [<CompiledName "Json">]
    let json (medium: Medium) (figure: Figure) : string =
        content medium figure |> fields |> write

    /// The library's text as it may stand within a script element: what would end the element or begin a comment occurs in
    /// strings of it only, where a backslash before it changes nothing.
    let private embedded (script: string) =
        let ending =
            Text.RegularExpressions.Regex("<(?=/script|!--)", Text.RegularExpressions.RegexOptions.IgnoreCase)

        ending.Replace(script, "\\x3C")

    /// The figure as a web page that works from disk and without the net, with the library inside or beside it. A page for
    /// `Medium.Page` is light or dark as its reader prefers. Without scripts it shows the figure's drawing. Raises
    /// ArgumentException for a figure that cannot be drawn (see `Svg.render`).
    [<CompiledName "Html">]
    let html (medium: Medium) (library: PlotlyLibrary) (figure: Figure) : string =
        let element = Markup.element

        let libraryScript =
            match library with
            | PlotlyLibrary.Inside script -> element "script" [] [ Markup.Script(embedded script) ]
            | PlotlyLibrary.Beside path -> element "script" [ "src", path ] []

        let shown medium =
            content medium figure |> fields |> write

        let draw =
            if medium = Medium.Page then
                $"const light={shown Medium.Light};const dark={shown Medium.Dark};"
                + "const preference=matchMedia('(prefers-color-scheme: dark)');"
                + "const draw=()=>{const f=preference.matches?dark:light;Plotly.react('figure',f.data,f.layout,f.config);};"
                + "preference.addEventListener('change',draw);draw();"
            else
                $"const figure={shown medium};Plotly.newPlot('figure',figure.data,figure.layout,figure.config);"

        let style =
            let of' ink ground =
                $"body{{margin:0;color:{ink};background:{ground};font-family:{fontOf medium}}}"

            let inTheDark =
                if medium = Medium.Page then
                    $"@media (prefers-color-scheme:dark){{{of' Stylesheet.inkInTheDark Stylesheet.paperInTheDark}{Stylesheet.figureInTheDark}}}"
                else
                    ""

            of' (inkOf medium) (groundOf medium)
            + $"main{{max-width:{Drawing.number (widthOf figure + 32.0)}px;margin:0 auto;padding:16px}}"
            + "p{max-width:42rem;line-height:1.5} h1{font-size:1.3rem} svg{max-width:100%;height:auto}"
            + inTheDark

        let page =
            element
                "html"
                [ "lang", "en" ]
                [
                    element
                        "head"
                        []
                        [
                            element "meta" [ "charset", "utf-8" ] []
                            element "meta" [ "name", "viewport"; "content", "width=device-width, initial-scale=1" ] []
                            element "title" [] [ Markup.text figure.Title ]
                            element "style" [] [ Markup.Style style ]
                            libraryScript
                        ]
                    element
                        "body"
                        []
                        [
                            element
                                "main"
                                []
                                [
                                    if figure.Title <> "" then
                                        element "h1" [] [ Markup.text figure.Title ]
                                    element "div" [ "id", "figure" ] []
                                    element "noscript" [] [ Svg.markup false medium figure ]
                                    if figure.Description <> "" then
                                        element "p" [] [ Markup.text figure.Description ]
                                    element "script" [] [ Markup.Script draw ]
                                ]
                        ]
                ]

        "<!DOCTYPE html>\n" + Markup.write page + "\n"
