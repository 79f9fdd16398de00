namespace David.Grpo.Figures

open System
open System.Collections.Generic
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open System.Text.Unicode

/// The numeric and categorical panels as plotly.js draws them, and what all panels are made of.
module internal PlotlyTraces =

    let text (words: string) : Json = JsonValue.Create words
    let truth (value: bool) : Json = JsonValue.Create value

    let number (value: float) : Json =
        if Double.IsFinite value then
            JsonValue.Create(value + 0.0)
        else
            null

    let items (values: Json seq) : Json = JsonArray(Array.ofSeq values)
    let numbers (values: float seq) : Json = values |> Seq.map number |> items
    let strings (values: string seq) : Json = values |> Seq.map text |> items

    let fields (values: (string * Json) seq) : Json =
        JsonObject(values |> Seq.map KeyValuePair)

    /// On one line, as it may stand within a script of a page too: neither `<` nor `>` nor `&` is in it.
    let write: Json -> string =
        let options =
            JsonSerializerOptions(Encoder = JavaScriptEncoder.Create UnicodeRanges.All)

        fun json -> JsonSerializer.Serialize(json, options)

    /// Plotly reads some HTML in its texts.
    let escape (words: string) : string =
        words.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;")

    let escaped (words: string) : Json = text (escape words)

    let colour (subplot: Subplot) (style: SeriesStyle) =
        match style.Colour with
        | "currentColor" -> subplot.Ink
        | colour -> colour

    /// A colour that lets through what lies behind it.
    let private faint (hex: string) (opacity: string) =
        let part at =
            Convert.ToInt32(hex.Substring(at, 2), 16)

        $"rgba({part 1},{part 3},{part 5},{opacity})"

    let symbol (style: SeriesStyle) =
        match style.Marker with
        | 1 -> "square"
        | 2 -> "triangle-up"
        | 3 -> "diamond"
        | 4 -> "triangle-down"
        | 5 -> "x-thin"
        | 6 -> "cross-thin"
        | _ -> "circle"

    let dash (style: SeriesStyle) =
        if style.Dash.Length = 0 then
            "solid"
        else
            style.Dash |> Array.map (fun length -> Drawing.number length + "px") |> String.concat ","

    let private marker (subplot: Subplot) (style: SeriesStyle) (size: float) =
        let colour = colour subplot style

        fields
            [
                "symbol", text (symbol style)
                "size", number size
                "color", text colour
                "line",
                fields
                    [
                        "color", text colour
                        "width", number (if style.Marker >= 5 then 2.0 else 0.0)
                    ]
            ]

    /// What every trace of a series has.
    let series (subplot: Subplot) (kind: string) (name: string) =
        [
            "type", text kind
            "name", escaped name
            "legendgroup", text name
            "xaxis", text ("x" + subplot.Suffix)
            "yaxis", text ("y" + subplot.Suffix)
        ]

    let private isBetween (value: Estimate) =
        Double.IsFinite value.Low && Double.IsFinite value.High && value.Low < value.High

    /// Whiskers of values; none where no value has an interval.
    let private whiskers (direction: string) (colour: string) (values: Estimate[]) =
        if values |> Array.exists isBetween then
            let half (side: Estimate -> float) =
                values |> Array.map (fun value -> if isBetween value then max 0.0 (side value) else nan) |> numbers

            [
                direction,
                fields
                    [
                        "type", text "data"
                        "symmetric", truth false
                        "array", half (fun value -> value.High - value.Value)
                        "arrayminus", half (fun value -> value.Value - value.Low)
                        "color", text colour
                        "thickness", number 1.5
                        "width", number 0.0
                    ]
            ]
        else
            []

    /// What the pointer shows of each value: [low, high] as words.
    let private said (decimals: int) (values: Estimate[]) =
        values |> Array.map (Number.estimate decimals) |> strings

    let private decimals (values: Estimate[]) =
        let finite = values |> Array.map _.Value |> Array.filter Double.IsFinite

        if finite.Length < 2 then
            2
        else
            Number.decimalsFor (Array.max finite - Array.min finite)

    /// A numeric axis.
    let axis (axis: Axis) : (string * Json) list =
        let range low high =
            let place value =
                match axis.Scale with
                | AxisScale.Linear -> value
                | AxisScale.Logarithmic -> log10 value

            [ "range", numbers [ place low; place high ]; "autorange", truth false ]

        [
            "title", fields [ "text", escaped axis.Name ]
            "type",
            text (
                match axis.Scale with
                | AxisScale.Linear -> "linear"
                | AxisScale.Logarithmic -> "log"
            )
            match axis.Range with
            | AxisRange.OfData -> ()
            | AxisRange.WithZero -> "rangemode", text "tozero"
            | AxisRange.Between(low, high) -> yield! range low high
        ]

    /// An axis of places 0, 1, … that bear labels.
    let labelled (labels: Json[]) =
        [
            "type", text "linear"
            "tickmode", text "array"
            "tickvals", numbers [ for i in 0 .. labels.Length - 1 -> float i ]
            "ticktext", items labels
            "showgrid", truth false
            "zeroline", truth false
            "ticklabelstandoff", number 5.0
        ]

    let private curve (subplot: Subplot) (look: Look) (x: Axis) (y: Axis) (isFirst: bool) (curve: Curve) : Json list =
        let style = look.Of curve.Name
        let runs = CurvePanel.runs x y curve
        let own = colour subplot style

        // Runs are parted by a null, which interrupts lines and areas.
        let parted (values: CurvePoint[] -> float[]) =
            runs |> Array.collect (fun run -> Array.append (values run) [| nan |]) |> numbers

        let low (point: CurvePoint) =
            if isBetween point.Y && Drawing.placeable y point.Y.Low then
                point.Y.Low
            else
                point.Y.Value

        let high (point: CurvePoint) =
            if isBetween point.Y && Drawing.placeable y point.Y.High then
                point.Y.High
            else
                point.Y.Value

        let points = Array.concat runs
        let decimals = points |> Array.map _.Y |> decimals

        let parts =
            runs |> Array.collect (fun run -> Array.append (Array.map ValueSome run) [| ValueNone |])

        [
            if points |> Array.exists (fun point -> isBetween point.Y) then
                fields (
                    series subplot "scatter" curve.Name
                    @ [
                        "x", parted (fun run -> Array.append (run |> Array.map _.X) (run |> Array.map _.X |> Array.rev))
                        "y",
                        parted (fun run -> Array.append (run |> Array.map high) (run |> Array.map low |> Array.rev))
                        "mode", text "lines"
                        "line", fields [ "width", number 0.0 ]
                        "fill", text "toself"
                        "fillcolor", text (faint own ".16")
                        "hoverinfo", text "skip"
                        "showlegend", truth false
                    ]
                )
            fields (
                series subplot "scatter" curve.Name
                @ [
                    "x", parted (Array.map _.X)
                    "y", parted (Array.map _.Y.Value)
                    "mode", text (if points.Length <= 12 then "lines+markers" else "lines")
                    "line", fields [ "color", text own; "width", number 2.0; "dash", text (dash style) ]
                    if points.Length <= 12 then
                        "marker", marker subplot style 7.0
                    if points.Length = 1 then
                        yield! whiskers "error_y" own [| points[0].Y; Estimate.Exact nan |]
                    "text",
                    parts
                    |> Array.map (fun part ->
                        match part with
                        | ValueSome point -> Number.estimate decimals point.Y
                        | ValueNone -> "")
                    |> strings
                    "hovertemplate", text "%{x}: %{text}<extra>%{fullData.name}</extra>"
                    "showlegend", truth isFirst
                ]
            )
        ]

    let curves subplot look (isFirst: string -> bool) (x: Axis) (y: Axis) (all: Curve[]) =
        {
            Traces =
                fun _ -> all |> List.ofArray |> List.collect (fun own -> curve subplot look x y (isFirst own.Name) own)
            X = axis x
            Y = axis y
            Left = 70.0
            Right = 20.0
            Height = 280.0
            SharesX = true
        }

    let points (subplot: Subplot) (look: Look) (x: Axis) (y: Axis) (all: ScatterPoint[]) =
        let usable =
            all
            |> Array.filter (fun point -> Drawing.placeable x point.X.Value && Drawing.placeable y point.Y.Value)

        let decimalsX, decimalsY =
            usable |> Array.map _.X |> decimals, usable |> Array.map _.Y |> decimals

        let front =
            usable |> Array.filter _.IsOnFront |> Array.sortBy (fun point -> point.X.Value, point.Y.Value)

        {
            Traces =
                fun _ ->
                    [
                        if front.Length > 0 then
                            fields (
                                series subplot "scatter" "front"
                                @ [
                                    "x", front |> Array.map _.X.Value |> numbers
                                    "y", front |> Array.map _.Y.Value |> numbers
                                    "mode", text "lines"
                                    "line",
                                    fields
                                        [
                                            "shape", text "hv"
                                            "dash", text "4px,3px"
                                            "width", number 1.0
                                            "color", text (faint subplot.Ink ".55")
                                        ]
                                    "hoverinfo", text "skip"
                                    "showlegend", truth false
                                ]
                            )
                        for point in usable do
                            let style = look.Of point.Name
                            let own = colour subplot style

                            fields (
                                series subplot "scatter" point.Name
                                @ [
                                    "x", numbers [ point.X.Value ]
                                    "y", numbers [ point.Y.Value ]
                                    "mode", text "markers+text"
                                    "marker", marker subplot style 9.0
                                    yield! whiskers "error_x" own [| point.X |]
                                    yield! whiskers "error_y" own [| point.Y |]
                                    "text", items [ escaped point.Name ]
                                    "textposition", text "top right"
                                    "textfont", fields [ "size", number 11.0 ]
                                    "customdata",
                                    items
                                        [
                                            strings
                                                [ Number.estimate decimalsX point.X; Number.estimate decimalsY point.Y ]
                                        ]
                                    "hovertemplate",
                                    text "%{customdata[1]} at %{customdata[0]}<extra>%{fullData.name}</extra>"
                                    "showlegend", truth false
                                ]
                            )
                    ]
            X = axis x
            Y = axis y
            Left = 70.0
            Right = 20.0
            Height = 300.0
            SharesX = false
        }

    let rows (subplot: Subplot) (look: Look) (isBars: bool) (value: Axis) (all: Row[]) =
        let entries = RowPanel.entries all

        let labels =
            entries |> Array.map (fun entry -> if entry.IsHeading then $"{entry.Label}" else entry.Label)

        let decimals = all |> Array.map _.Value |> decimals

        // The rows of a series, with their places.
        let ofSeries =
            entries
            |> Array.indexed
            |> Array.choose (fun (i, entry) ->
                match entry with
                | Entry.Item(_, row) when Drawing.placeable value row.Value.Value -> Some(float i, row)
                | _ -> None)
            |> Array.groupBy (fun (_, row) -> row.Series)

        let trace (name: string, rows: (float * Row)[]) =
            let style = look.Of name
            let own = colour subplot style
            let values = rows |> Array.map (fun (_, row) -> row.Value)

            fields (
                series subplot (if isBars then "bar" else "scatter") name
                @ [
                    "x", values |> Array.map _.Value |> numbers
                    "y", rows |> Array.map fst |> numbers
                    if isBars then
                        "orientation", text "h"
                        "width", number 0.6

                        "marker", fields [ "color", text (faint own ".8") ]

                        yield! whiskers "error_x" subplot.Ink values
                    else
                        "mode", text "markers"
                        "marker", marker subplot style 9.0
                        yield! whiskers "error_x" own values
                    "text", said decimals values
                    if isBars then
                        "textposition", text "none"
                    "hovertemplate", text "%{text}<extra>%{fullData.name}</extra>"
                    "showlegend", truth false
                ]
            )

        let place =
            labelled (
                entries
                |> Array.map (fun entry ->
                    if entry.IsHeading then
                        text $"<b>{escape entry.Label}</b>"
                    else
                        escaped entry.Label)
            )

        {
            Traces = fun _ -> ofSeries |> Array.map trace |> List.ofArray
            X =
                axis (
                    if isBars && value.Range = AxisRange.OfData then
                        value.Over AxisRange.WithZero
                    else
                        value
                )
            Y = place @ [ "range", numbers [ float entries.Length - 0.4; -0.6 ] ]
            Left = 20.0 + Drawing.widest 12.0 labels
            Right = 20.0
            Height = 60.0 + 26.0 * float entries.Length
            SharesX = false
        }
