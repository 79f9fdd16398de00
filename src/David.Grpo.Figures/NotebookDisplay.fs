namespace David.Grpo.Figures

open System
open System.IO
open System.Net
open System.Text

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

/// The drawing within an image, as HTML: what Jupyter shows of a notebook that it does not trust, and nbconvert of any. A
/// drawing of its own (image/svg+xml) is emptied by the sanitisers of both.
module private Image =

    let ofSvg (figure: Figure) (svg: string) =
        let source = Convert.ToBase64String(Encoding.UTF8.GetBytes svg)
        let words = WebUtility.HtmlEncode(Svg.inWords figure)
        $"""<img style="max-width: 100%%" alt="{words}" src="data:image/svg+xml;base64,{source}">"""

/// Figures in notebooks: to be pointed at where plotly.js is at hand, and drawn where it is not.
[<Sealed>]
type FigureFormatterSource() =

    /// A formatter a MIME type, the richest first.
    member _.CreateTypeFormatters() : seq<obj> =
        [
            DisplayFormatter("application/vnd.plotly.v1+json", Plotly.json Medium.Light)
            DisplayFormatter("text/html", (fun (figure: Figure) -> Svg.render figure |> Image.ofSvg figure))
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
            DisplayFormatter(
                "text/html",
                fun (shown: FigureIn) -> Svg.renderFor shown.Medium shown.Figure |> Image.ofSvg shown.Figure
            )
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
