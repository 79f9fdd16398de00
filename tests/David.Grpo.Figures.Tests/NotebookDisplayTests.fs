/// What a notebook finds by .NET Interactive's convention, looked for as it does: by names alone.
module David.Grpo.Figures.Tests.NotebookDisplayTests

open System
open System.Collections
open System.IO
open System.Text.Json
open System.Xml.Linq
open Xunit
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

                Assert.True(writes value writer)
                Assert.False(writes "another" TextWriter.Null)
                property "MimeType" formatter :?> string, writer.ToString()
        ]

    property "PreferredMimeTypes" attribute :?> string[], Map.ofList written

let private plotly = "application/vnd.plotly.v1+json"

[<Fact>]
let ``a figure shows itself as Plotly, as a drawing and in words`` () =
    let preferred, shown = bundle whole
    Assert.Equal<string[]>([| plotly; "image/svg+xml"; "text/plain" |], preferred)
    Assert.Equal<string[]>(Array.sort preferred, shown |> Map.keys |> Array.ofSeq)
    use content = JsonDocument.Parse shown[plotly]
    Assert.Equal(JsonValueKind.Array, content.RootElement.GetProperty("data").ValueKind)
    Assert.Equal("svg", (XDocument.Parse(shown["image/svg+xml"]).Root |> nonNull).Name.LocalName)
    Assert.StartsWith("Arms. Three arms at one budget. Answers, Exact match (%), Rollouts:", shown["text/plain"])

[<Fact>]
let ``a figure for a dark notebook is dark in all its forms`` () =
    let _, shown = bundle (whole.For Medium.Dark)
    use content = JsonDocument.Parse shown[plotly]

    Assert.Equal("#15181C", content.RootElement.GetProperty("layout").GetProperty("paper_bgcolor").GetString())
    Assert.Contains("#15181C", shown["image/svg+xml"])

[<Fact>]
let ``a table shows itself as HTML and as Markdown`` () =
    let table =
        {
            Caption = "Scores"
            Columns = [| TableColumn.Words "arm"; TableColumn.Numbers("EM", "%", 1, Best.Highest) |]
            Rows = [| [| Cell.Words "<David>"; Cell.Number(Estimate.Exact 40.0) |] |]
        }

    let preferred, shown = bundle table
    Assert.Equal<string[]>([| "text/html"; "text/plain" |], preferred)
    Assert.Single(XDocument.Parse(shown["text/html"]).Descendants(XName.Get "table")) |> ignore
    Assert.Contains("&lt;David&gt;", shown["text/html"])
    Assert.Contains("**40.0**", shown["text/plain"])
