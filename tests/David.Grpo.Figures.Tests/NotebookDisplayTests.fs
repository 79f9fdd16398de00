/// What a notebook finds by .NET Interactive's convention, looked for as it does: by names alone.
module David.Grpo.Figures.Tests.NotebookDisplayTests

open System
open System.Collections
open System.IO
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open System.Xml.Linq
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private property (name: string) (thing: obj) : obj =
    match thing.GetType().GetProperty name with
    | null -> failwith $"{thing} has no property {name}"
    | property -> property.GetValue thing |> nonNull

/// The MIME types that a value prefers, and what it is as each.
let private bundle (value: obj) : string[] * Map<string, string> =
    let attribute =
        value.GetType().GetCustomAttributes true
        |> Array.find (fun attribute -> attribute.GetType().Name = "TypeFormatterSourceAttribute")

    let source =
        Activator.CreateInstance(property "FormatterSourceType" attribute :?> Type) |> nonNull

    let formatters =
        (source.GetType().GetMethod "CreateTypeFormatters" |> nonNull).Invoke(source, null) |> nonNull :?> IEnumerable

    let written =
        [
            for formatter in formatters do
                let formatter = nonNull formatter
                use writer = new StringWriter()
                let format = formatter.GetType().GetMethod "Format" |> nonNull

                let writes (value: obj) (writer: TextWriter) =
                    format.Invoke(formatter, [| value; writer |]) |> nonNull |> unbox<bool>

                isTrue (writes value writer)
                isFalse (writes "another" TextWriter.Null)
                property "MimeType" formatter :?> string, writer.ToString()
        ]

    property "PreferredMimeTypes" attribute :?> string[], Map.ofList written

/// The drawing within the image.
let private drawing (shown: Map<string, string>) =
    let source =
        Regex.Match(shown["text/html"], "^<img .* src=\"data:image/svg\\+xml;base64,([^\"]+)\">$")

    isTrue source.Success
    Encoding.UTF8.GetString(Convert.FromBase64String source.Groups[1].Value)

let private plotly = "application/vnd.plotly.v1+json"

[<Tests>]
let tests =
    testList "NotebookDisplayTests" [
        test "a figure shows itself as Plotly, as a drawing and in words" {
            let preferred, shown = bundle whole
            preferred |> equals [| plotly; "text/html"; "text/plain" |]
            shown |> Map.keys |> Array.ofSeq |> equals (Array.sort preferred)
            use content = JsonDocument.Parse shown[plotly]
            content.RootElement.GetProperty("data").ValueKind |> equals JsonValueKind.Array
            (XDocument.Parse(drawing shown).Root |> nonNull).Name.LocalName |> equals "svg"
            shown["text/html"] |> containsText "alt=\"Arms. Three arms at one budget."

            shown["text/plain"]
            |> startsWith "Arms. Three arms at one budget. Answers, Exact match (%), Rollouts:"
        }

        test "a figure for a dark notebook is dark in all its forms" {
            let _, shown = bundle (whole.For Medium.Dark)
            use content = JsonDocument.Parse shown[plotly]

            content.RootElement.GetProperty("layout").GetProperty("paper_bgcolor").GetString()
            |> equals "#15181C"

            drawing shown |> containsText "#15181C"
        }

        test "a table shows itself as HTML and as Markdown" {
            let table =
                {
                    Caption = "Scores"
                    Columns = [| TableColumn.Words "arm"; TableColumn.Numbers("EM", "%", 1, Best.Highest) |]
                    Rows = [| [| Cell.Words "<David>"; Cell.Number(Estimate.Exact 40.0) |] |]
                }

            let preferred, shown = bundle table
            preferred |> equals [| "text/html"; "text/plain" |]
            XDocument.Parse(shown["text/html"]).Descendants(XName.Get "table") |> hasLength 1
            shown["text/html"] |> containsText "&lt;David&gt;"
            shown["text/plain"] |> containsText "**40.0**"
        }
    ]
