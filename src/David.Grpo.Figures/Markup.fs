namespace David.Grpo.Figures

open System.Text

/// A tree of XML elements. Text and attributes are escaped when it is written, so what is built of it is well formed
/// whatever they hold; the same text is valid HTML.
[<RequireQualifiedAccess>]
type internal Markup =
    | Element of name: string * attributes: (string * string) list * children: Markup list
    | Text of string
    /// A style sheet of our own; it must hold neither '<' nor '&'.
    | Style of css: string
    /// A script of our own; nothing in it may end the element.
    | Script of javaScript: string

[<RequireQualifiedAccess>]
module internal Markup =

    /// Elements that HTML writes without an end tag, and SVG's that never have children here.
    let private closed = set ("meta br path line circle rect".Split ' ')

    /// Elements that begin a line of the file. None stands where white space is shown.
    let private ownLine =
        set (
            "body dd details div dt figcaption figure g h1 h2 h3 head header li main meta nav noscript p script section style svg table tr"
                .Split
                ' '
        )

    /// Control characters, lone surrogates and the like, which no XML may hold, become U+FFFD.
    let private escape (out: StringBuilder) (text: string) =
        for rune in text.EnumerateRunes() do
            match rune.Value with
            | 0x26 -> out.Append "&amp;"
            | 0x3C -> out.Append "&lt;"
            | 0x3E -> out.Append "&gt;"
            | 0x22 -> out.Append "&quot;"
            | 0x27 -> out.Append "&#39;"
            | 0x9
            | 0xA -> out.Append(rune.ToString())
            | 0xD -> out.Append "&#13;"
            | code when code < 0x20 || (code >= 0x7F && code <= 0x9F) || (code &&& 0xFFFE) = 0xFFFE ->
                out.Append '\uFFFD'
            | _ -> out.Append(rune.ToString())
            |> ignore

    let rec private append (out: StringBuilder) (markup: Markup) =
        match markup with
        | Markup.Text text -> escape out text
        | Markup.Style content
        | Markup.Script content -> out.Append(content) |> ignore
        | Markup.Element(name, attributes, children) ->
            if ownLine.Contains name && out.Length > 0 && out[out.Length - 1] <> '\n' then
                out.Append '\n' |> ignore

            out.Append('<').Append(name) |> ignore

            for key, value in attributes do
                out.Append(' ').Append(key).Append("=\"") |> ignore
                escape out value
                out.Append '"' |> ignore

            if closed.Contains name then
                out.Append "/>" |> ignore
            else
                out.Append '>' |> ignore

                for child in children do
                    append out child

                out.Append("</").Append(name).Append('>') |> ignore

    /// The text of a tree. The same tree always gives the same text.
    let write (markup: Markup) : string =
        let out = StringBuilder()
        append out markup
        out.ToString()

    let element name attributes children =
        Markup.Element(name, attributes, children)

    let text (text: string) = Markup.Text text
