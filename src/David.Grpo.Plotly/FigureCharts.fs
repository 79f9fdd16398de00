namespace David.Grpo.Figures

open System.Runtime.CompilerServices
open System.Text.Json
open DynamicObj
open global.Plotly.NET
open global.Plotly.NET.LayoutObjects
open global.Plotly.NET.TraceObjects

/// plotly.js's JSON as values of Plotly.NET, each of its own type where that has one, so that its functions style it further.
module private PlotlyValue =

    let private part (name: string) : DynamicObj =
        match name with
        | "marker" -> Marker()
        | "line" -> Line()
        | "title" -> Title()
        | "font"
        | "textfont" -> Font()
        | "legend" -> Legend()
        | "margin" -> Margin()
        | "annotations" -> Annotation()
        | "error_x"
        | "error_y" -> Error()
        | "colorbar" -> ColorBar()
        | _ when name.StartsWith "xaxis" || name.StartsWith "yaxis" -> LinearAxis()
        | _ -> DynamicObj()

    let rec private value (name: string) (json: JsonElement) : obj =
        match json.ValueKind with
        | JsonValueKind.Object -> filled (part name) json
        | JsonValueKind.Array -> [| for item in json.EnumerateArray() -> value name item |]
        | JsonValueKind.Number -> json.GetDouble()
        | JsonValueKind.String -> nonNull (json.GetString())
        // Of numbers that are none, within arrays.
        | JsonValueKind.Null -> Unchecked.defaultof<obj>
        | _ -> json.GetBoolean()

    /// The target, with the properties of a JSON object.
    and filled<'target when 'target :> DynamicObj> (target: 'target) (json: JsonElement) : 'target =
        for property in json.EnumerateObject() do
            target.SetProperty(property.Name, value property.Name property.Value)

        target

/// Figures as charts of Plotly.NET.
[<Extension; Sealed; AbstractClass>]
type FigureCharts =

    /// The figure for a medium as a chart with its traces, axes, titles, bands and colours, which Plotly.NET's functions
    /// combine, style and write further. No template is applied; pages hold plotly.js and work without the net. Raises ArgumentException for a figure that cannot be drawn
    /// (see `Svg.render`).
    [<Extension>]
    static member ToChart(figure: David.Grpo.Figures.Figure, medium: Medium) : GenericChart =
        use json = JsonDocument.Parse(David.Grpo.Figures.Plotly.json medium figure)
        let part (name: string) = json.RootElement.GetProperty name

        (part "data").EnumerateArray()
        |> Seq.map (fun trace ->
            PlotlyValue.filled (Trace2D(nonNull (trace.GetProperty("type").GetString()))) trace :> Trace)
        |> List.ofSeq
        |> GenericChart.ofTraceObjects false
        |> GenericChart.setLayout (PlotlyValue.filled (Layout()) (part "layout"))
        |> GenericChart.setDisplayOptions (DisplayOptions.init (PlotlyJSReference = PlotlyJSReference.Full))
        |> GenericChart.setConfig (PlotlyValue.filled (Config()) (part "config"))

    /// The figure for a light page as a chart.
    [<Extension>]
    static member ToChart(figure: David.Grpo.Figures.Figure) : GenericChart =
        FigureCharts.ToChart(figure, Medium.Light)
