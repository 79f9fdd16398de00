/// Figures as plotly.js reads them. That it does read them is tested in a browser, in the host's tests.
module David.Grpo.Figures.Tests.PlotlyTests

open System
open System.Text.Json
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

let private content (figure: Figure) =
    JsonDocument.Parse(Plotly.json Medium.Light figure).RootElement

let private field (name: string) (element: JsonElement) = element.GetProperty name

let private items (element: JsonElement) = element.EnumerateArray() |> Array.ofSeq

let private numbers (element: JsonElement) =
    items element |> Array.map _.GetDouble()

[<Tests>]
let tests =
    testList "PlotlyTests" [
        test "titles are objects, and ranges of logarithmic axes are exponents" {
            let axis = Axis.Logarithmic("Tokens", "").Over(AxisRange.Between(10.0, 1000.0))

            let layout =
                content (column (Panel.Curves("Loss", axis, exactMatch, curves threeArms))) |> field "layout"

            let x = field "xaxis" layout
            (x |> field "title" |> field "text").GetString() |> equals "Tokens"
            (field "type" x).GetString() |> equals "log"
            numbers (field "range" x) |> equals [| 1.0; 3.0 |]
            (layout |> field "yaxis" |> field "title" |> field "text").GetString() |> equals "Exact match (%)"
        }

        test "a curve is its line, and a band that keeps its colour and its place in the legend" {
            let traces = content (column learning) |> field "data" |> items
            traces.Length |> equals 6

            for band, line in traces |> Array.chunkBySize 2 |> Array.map (fun pair -> pair[0], pair[1]) do
                (field "fill" band).GetString() |> equals "toself"
                isFalse ((field "showlegend" band).GetBoolean())
                isTrue ((field "showlegend" line).GetBoolean())
                (field "legendgroup" line).GetString() |> equals ((field "legendgroup" band).GetString())

            (traces[5] |> field "line" |> field "color").GetString() |> equals "#0072B2"
        }

        test "a series is in the legend once, whatever the number of panels" {
            let figure = Figure.Page("", "", 2, [| learning; learning |])

            let shown =
                content figure
                |> field "data"
                |> items
                |> Array.filter (fun trace -> (field "showlegend" trace).GetBoolean())
                |> Array.map (fun trace -> (field "name" trace).GetString())

            Array.sort (shown |> Array.map nonNull) |> equals (Array.sort threeArms)
        }

        test "names are text, not markup, and nothing ends a script" {
            let hostile = "</script><b>&amp; '\u2028\uD800"
            let axis = Axis.Linear(hostile, hostile)

            let figure =
                Figure.Page(hostile, hostile, 1, [| Panel.Curves(hostile, axis, axis, curves [| hostile |]) |])

            let text = Plotly.json Medium.Light figure
            text |> lacksText "<"

            let title =
                content figure |> field "layout" |> field "xaxis" |> field "title" |> field "text"

            string title |> startsWith "&lt;/script&gt;&lt;b&gt;&amp;amp;"

            let page =
                Plotly.html Medium.Page (PlotlyLibrary.Inside "const s = '</script><!--';") figure
            // Three elements of script: the library, the figure, and nothing of the names.
            (page.Split "</script>").Length - 1 |> equals 2
            page |> containsText "'\\x3C/script>\\x3C!--'"
        }

        test "a page has the library inside or beside it, and a drawing for those without scripts" {
            let inside =
                Plotly.html Medium.Page (PlotlyLibrary.Inside "const library = 1;") whole

            inside |> containsText "<script>const library = 1;</script>"
            inside |> containsText "prefers-color-scheme"
            let beside = Plotly.html Medium.Dark (PlotlyLibrary.Beside "plotly.min.js") whole
            beside |> containsText "<script src=\"plotly.min.js\"></script>"
            beside |> lacksText "prefers-color-scheme"

            for page in [| inside; beside |] do
                page |> containsText "<noscript>"
                page.Replace("http://www.w3.org/2000/svg", "") |> lacksText "http"
        }

        test "equal figures give equal text" { Plotly.json Medium.Dark whole |> equals (Plotly.json Medium.Dark whole) }

        test "whatever the numbers, it is JSON, its plot areas lie apart within the page, and each trace has its axes" {
            lawFor SvgTests.wild (fun figure ->
                let content = content figure
                let layout = field "layout" content

                let axes letter =
                    layout.EnumerateObject()
                    |> Seq.filter (fun own -> own.Name.StartsWith(letter + "axis", StringComparison.Ordinal))
                    |> Seq.map (fun own -> letter + own.Name.Substring 5, numbers (field "domain" own.Value))
                    |> Map.ofSeq

                let across, down = axes "x", axes "y"

                let areas =
                    across |> Map.toArray |> Array.map (fun (name, domain) -> domain, down["y" + name.Substring 1])

                let apart ((a: float[]), (b: float[])) ((c: float[]), (d: float[])) =
                    a[1] <= c[0] || c[1] <= a[0] || b[1] <= d[0] || d[1] <= b[0]

                areas.Length = figure.Panels.Length
                && areas
                   |> Array.forall (fun (x, y) ->
                       0.0 <= x[0] && x[0] < x[1] && x[1] <= 1.0 && 0.0 <= y[0] && y[0] < y[1] && y[1] <= 1.0)
                && Array.allPairs (Array.indexed areas) (Array.indexed areas)
                   |> Array.forall (fun ((i, one), (j, other)) -> i = j || apart one other)
                && field "data" content
                   |> items
                   |> Array.forall (fun trace ->
                       across.ContainsKey((field "xaxis" trace).GetString() |> nonNull)
                       && down.ContainsKey((field "yaxis" trace).GetString() |> nonNull)))
        }
    ]
