namespace David.Grpo.Figures

open System.IO

/// A value as one MIME type, by the names that notebooks look for (see `TypeFormatterSourceAttribute`).
[<Sealed>]
type DisplayFormatter<'value> internal (mimeType: string, render: 'value -> string) =

    /// The MIME type that it writes, as Jupyter names it.
    member _.MimeType: string = mimeType

    /// Writes the value; false, and nothing written, for a value of another type.
    member _.Format(instance: obj, writer: TextWriter) : bool =
        match instance with
        | :? 'value as value ->
            writer.Write(render value)
            true
        | _ -> false

/// Figures in notebooks: to be pointed at where plotly.js is at hand, and drawn where it is not.
[<Sealed>]
type FigureFormatterSource() =

    /// A formatter a MIME type, the richest first.
    member _.CreateTypeFormatters() : seq<obj> =
        [
            DisplayFormatter("application/vnd.plotly.v1+json", Plotly.json Medium.Light)
            DisplayFormatter("image/svg+xml", Svg.render)
            DisplayFormatter("text/plain", Svg.inWords)
        ]

/// Figures for a medium in notebooks.
[<Sealed>]
type FigureInFormatterSource() =

    /// A formatter a MIME type, the richest first.
    member _.CreateTypeFormatters() : seq<obj> =
        [
            DisplayFormatter(
                "application/vnd.plotly.v1+json",
                fun (shown: FigureIn) -> Plotly.json shown.Medium shown.Figure
            )
            DisplayFormatter("image/svg+xml", (fun (shown: FigureIn) -> Svg.renderFor shown.Medium shown.Figure))
            DisplayFormatter("text/plain", (fun (shown: FigureIn) -> Svg.inWords shown.Figure))
        ]

/// Tables in notebooks.
[<Sealed>]
type TableFormatterSource() =

    /// A formatter a MIME type, the richest first.
    member _.CreateTypeFormatters() : seq<obj> =
        [
            DisplayFormatter("text/html", Page.renderTable)
            DisplayFormatter("text/plain", Markdown.render)
        ]
