module David.Grpo.Figures.Tests.SvgTests

open System
open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq
open FsCheck.FSharp
open Xunit
open David.Grpo.Figures
open David.Grpo.Tests

// ---- Reading drawings ----

let private parse (figure: Figure) : XElement =
    XDocument.Parse(Svg.render figure).Root |> nonNull

let private named (name: string) (root: XElement) =
    root.Descendants() |> Seq.filter (fun e -> e.Name.LocalName = name) |> Array.ofSeq

let private attribute (name: string) (element: XElement) : string =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | found -> found.Value

let private classed (name: string) (root: XElement) =
    root.Descendants() |> Seq.filter (fun e -> attribute "class" e = name) |> Array.ofSeq

let private number (name: string) (element: XElement) =
    Double.Parse(attribute name element, CultureInfo.InvariantCulture)

/// The corners of a path.
let private corners (path: XElement) : (float * float)[] =
    Regex.Matches(attribute "d" path, "[ML](-?[0-9.]+) (-?[0-9.]+)")
    |> Seq.map (fun m ->
        Double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture),
        Double.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))
    |> Array.ofSeq

/// Left, top, right and bottom of a line of lettering.
let private box (text: XElement) =
    let size = number "font-size" text
    let bold = if attribute "font-weight" text = "" then 1.0 else 1.08
    let width = bold * Lettering.width size text.Value

    let left =
        match attribute "text-anchor" text with
        | "end" -> number "x" text - width
        | "middle" -> number "x" text - width / 2.0
        | _ -> number "x" text

    left, number "y" text - 0.75 * size, left + width, number "y" text + 0.22 * size

let private overlapping (root: XElement) =
    let boxes = named "text" root |> Array.map (fun text -> text.Value, box text)

    [|
        for i in 0 .. boxes.Length - 1 do
            for j in i + 1 .. boxes.Length - 1 do
                let a, (l, t, r, b) = boxes[i]
                let b', (l', t', r', b'') = boxes[j]

                if l < r' - 0.1 && l' < r - 0.1 && t < b'' - 0.1 && t' < b - 0.1 then
                    $"'{a}' and '{b'}'"
    |]

/// The plot areas hold everything that is drawn in them, within `tolerance` pixels.
let private inside (tolerance: float) (root: XElement) =
    classed "plot" root
    |> Array.forall (fun plot ->
        let left, top = number "x" plot, number "y" plot
        let right, bottom = left + number "width" plot, top + number "height" plot

        let points =
            [|
                for path in Array.append (classed "line" plot) (classed "band" plot) do
                    yield! corners path
                for whisker in classed "whisker" plot do
                    number "x1" whisker, number "y1" whisker
                    number "x2" whisker, number "y2" whisker
                for bar in classed "bar" plot do
                    number "x" bar, number "y" bar
                    number "x" bar + number "width" bar, number "y" bar + number "height" bar
            |]

        points
        |> Array.forall (fun (x, y) ->
            left - tolerance <= x && x <= right + tolerance && top - tolerance <= y && y <= bottom + tolerance))

let private labels (root: XElement) = named "text" root |> Array.map _.Value

// ---- Figures to draw ----

let private rollouts = Axis.Linear("Rollouts", "")
let private exactMatch = Axis.Linear("Exact match", "%")

let private curves (arms: string[]) =
    let x = [| 0.0..10.0..500.0 |]

    arms
    |> Array.mapi (fun i arm ->
        let y = x |> Array.map (fun x -> 8.0 + (20.0 + float i) * (1.0 - exp (-x / 120.0)))
        Curve.Band(arm, x, y, y |> Array.map (fun y -> y - 2.0), y |> Array.map (fun y -> y + 3.0)))

let private threeArms = [| "GRPO"; "GRPO + coverage"; "David-GRPO" |]

let private learning =
    Panel.Curves("Answers", rollouts, exactMatch, curves threeArms)

let private rows =
    [|
        for set in [| "HotpotQA"; "MuSiQue" |] do
            for i, arm in Array.indexed threeArms do
                {
                    Category = set
                    Series = arm
                    Value = Estimate.PlusMinus(30.0 + float i * 9.0, 2.5)
                }
    |]

let private whole =
    Figure.Page(
        "Arms",
        "Three arms at one budget.",
        2,
        [|
            learning
            Panel.Curves("Loss", Axis.Logarithmic("Rollouts", ""), Axis.Logarithmic("Loss", "nats"), curves threeArms)
            Panel.Dots("Final", exactMatch, rows)
            Panel.Bars("Cost", Axis.Linear("Generated tokens", ""), rows)
        |]
    )

let private column panel =
    Figure.Column("One panel", "", [| panel |])

// ---- Facts ----

[<Fact>]
let ``a drawing is well formed, accessible and refers to nothing outside`` () =
    let root = parse whole
    Assert.Equal("svg", root.Name.LocalName)
    Assert.Equal("img", attribute "role" root)
    Assert.Equal("Arms", (named "title" root |> Array.head).Value)
    Assert.Contains("Three arms at one budget.", (named "desc" root |> Array.head).Value)
    Assert.Contains("David-GRPO", (named "desc" root |> Array.head).Value)
    let text = (Svg.render whole).Replace("xmlns=\"http://www.w3.org/2000/svg\"", "")
    Assert.DoesNotContain("http", text)
    Assert.DoesNotContain("url(", text)
    Assert.Empty(named "script" root)

[<Fact>]
let ``axes are named with their units`` () =
    let labels = labels (parse whole)

    for name in
        [|
            "Rollouts"
            "Exact match (%)"
            "Loss (nats)"
            "Generated tokens"
            "HotpotQA"
        |] do
        Assert.Contains(name, labels)

[<Fact>]
let ``equal figures give equal text`` () =
    Assert.Equal(Svg.render whole, Svg.render whole)

[<Fact>]
let ``the panels of an example keep to their plot areas and their lettering apart`` () =
    let root = parse whole
    Assert.True(inside 0.01 root)
    Assert.Empty(overlapping root)

let private hostile =
    "<script>alert('1')</script> & \"quoted\" \u0000\u001B\uD800 ]]>"

[<Fact>]
let ``hostile text is shown, not run`` () =
    let axis = Axis.Linear(hostile, hostile)

    let figure =
        Figure.Page(
            hostile,
            hostile,
            2,
            [|
                Panel.Curves(hostile, axis, axis, curves [| hostile |])
                Panel.Dots(hostile, axis, [| Row.Of(hostile, Estimate.Exact 1.0) |])
            |]
        )

    let root = parse figure
    Assert.Empty(named "script" root)

    Assert.Equal(
        "<script>alert('1')</script> & \"quoted\" \uFFFD\uFFFD\uFFFD ]]>",
        (named "title" root |> Array.head).Value
    )

    Assert.Empty(overlapping root)

[<Fact>]
let ``names at line ends never overlap, however many and however close`` () =
    for count in [| 2; 8; 30 |] do
        let arms = Array.init count (fun i -> $"Arm with a long name number {i}")

        let same =
            curves arms
            |> Array.map (fun curve ->
                { curve with
                    Points = (Array.head (curves arms)).Points
                })

        for columns in [| 1; 2; 3; 4 |] do
            let panel = Panel.Curves("Close", rollouts, exactMatch, same)

            let root =
                parse (Figure.Page("", "", columns, [| panel; learning; panel; learning |]))

            Assert.Empty(overlapping root)

[<Fact>]
let ``a series keeps its colour whatever the order of panels and series`` () =
    let colours panels =
        let root = parse (Figure.Page("", "", 2, panels))

        classed "line" root
        |> Array.map (fun line -> attribute "stroke" line, attribute "stroke-dasharray" line)
        |> Array.distinct
        |> Array.sort

    let turned =
        Panel.Curves("Answers", rollouts, exactMatch, Array.rev (curves threeArms))

    let first =
        parse (column learning) |> classed "line" |> Array.map (attribute "stroke")

    let last = parse (column turned) |> classed "line" |> Array.map (attribute "stroke")
    Assert.Equal<string[]>(first, Array.rev last)
    Assert.Equal(3, (colours [| learning; turned |]).Length)

[<Fact>]
let ``panels with equal x axes share their range`` () =
    let short =
        curves threeArms
        |> Array.map (fun curve ->
            { curve with
                Points = Array.truncate 11 curve.Points
            })

    let root =
        parse (Figure.Page("", "", 2, [| learning; Panel.Curves("Short", rollouts, exactMatch, short) |]))

    let plots = classed "plot" root

    let reach (plot: XElement) =
        let xs = classed "line" plot |> Array.collect corners |> Array.map fst
        (Array.max xs - number "x" plot) / number "width" plot

    Assert.Equal(1.0, reach plots[0], 3)
    Assert.Equal(0.2, reach plots[1], 3)

[<Fact>]
let ``a logarithmic axis gives equal ratios equal lengths and leaves out what is not positive`` () =
    let curve =
        Curve.Line("GRPO", [| 1.0; 10.0; 100.0; 0.0; -1.0 |], [| 1.0; 0.1; 0.01; 5.0; 5.0 |])

    let axis = Axis.Logarithmic("Rollouts", "")

    let root =
        parse (column (Panel.Curves("", axis, Axis.Logarithmic("Loss", ""), [| curve |])))

    let points = corners (classed "line" root |> Array.head)
    Assert.Equal(3, points.Length)
    Assert.Equal(fst points[1] - fst points[0], fst points[2] - fst points[1], 1)
    Assert.Equal(snd points[1] - snd points[0], snd points[2] - snd points[1], 1)

[<Fact>]
let ``one point is drawn as a marker with its whisker and its name`` () =
    let curve = Curve.Band("David-GRPO", [| 3.0 |], [| 51.0 |], [| 48.0 |], [| 54.0 |])
    let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))
    Assert.Single(classed "marker" root) |> ignore
    Assert.Single(classed "whisker" root) |> ignore
    Assert.Contains("David-GRPO", labels root)
    Assert.True(inside 0.01 root)

[<Fact>]
let ``equal values lie on one level inside the plot area`` () =
    for value in [| 0.0; 51.2; -3.0; 1e-300; 1e300 |] do
        let curve = Curve.Line("GRPO", [| 0.0; 1.0; 2.0 |], [| value; value; value |])
        let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))

        let levels =
            corners (classed "line" root |> Array.head) |> Array.map snd |> Array.distinct

        Assert.Single levels |> ignore
        Assert.True(inside 0.01 root)

[<Fact>]
let ``a value that is not finite interrupts its line and moves nothing else`` () =
    let curve =
        Curve.Line("GRPO", [| 0.0; 1.0; 2.0; 3.0; 4.0 |], [| 1.0; 2.0; nan; 2.0; 1.0 |])

    let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))
    Assert.Equal(2, (classed "line" root).Length)

[<Fact>]
let ``a panel without data says so`` () =
    let none = Curve.Line("GRPO", [| 0.0; nan |], [| infinity; 1.0 |])

    for panel in
        [|
            Panel.Curves("", rollouts, exactMatch, [||])
            Panel.Curves("", rollouts, exactMatch, [| none |])
            Panel.Dots("", exactMatch, [||])
            Panel.Bars("", exactMatch, [| Row.Of("GRPO", Estimate.Exact nan) |])
        |] do
        Assert.Contains("no data", labels (parse (column panel)))

    Assert.Contains("no data", labels (parse (Figure.Column("Empty", "", [||]))))

[<Fact>]
let ``bars start at zero`` () =
    let root =
        parse (
            column (
                Panel.Bars("", exactMatch, [| Row.Of("a", Estimate.Exact 40.0); Row.Of("b", Estimate.Exact -20.0) |])
            )
        )

    let bars = classed "bar" root
    Assert.Equal(number "x" bars[0], number "x" bars[1] + number "width" bars[1], 1)
    Assert.Equal(2.0, number "width" bars[0] / number "width" bars[1], 1)

[<Fact>]
let ``a fixed range is kept, and what lies beyond it is cut off`` () =
    let y = exactMatch.Over(AxisRange.Between(0.0, 100.0))
    let curve = Curve.Line("GRPO", [| 0.0; 1.0; 2.0 |], [| 50.0; 150.0; 100.0 |])
    let root = parse (column (Panel.Curves("", rollouts, y, [| curve |])))
    let plot = classed "plot" root |> Array.head
    let top, height = number "y" plot, number "height" plot
    let points = corners (classed "line" root |> Array.head)
    Assert.Equal(top + height / 2.0, snd points[0], 1)
    Assert.Equal(top - height / 2.0, snd points[1], 1)
    Assert.Equal("hidden", attribute "overflow" plot)
    Assert.Equal(2, (classed "marker" root).Length)

let private points (count: int) =
    Array.init count (fun i ->
        let cost = 1.0 + float (i * 7 % count) / float count

        {
            Name = $"Arm with a long name number {i}"
            X = Estimate.PlusMinus(cost, 0.1)
            Y = Estimate.PlusMinus(20.0 + 30.0 * (cost - 1.0) - float (i % 3), 3.0)
            IsOnFront = i % 3 = 0
        })

let private cost = Axis.Linear("Searches", "a question")

[<Fact>]
let ``a scatter plot shows each point with both its whiskers and its name`` () =
    let point name x y =
        {
            Name = name
            X = x
            Y = y
            IsOnFront = false
        }

    let panel =
        Panel.Points(
            "Costs",
            cost,
            exactMatch,
            [|
                point "GRPO" (Estimate.PlusMinus(1.0, 0.1)) (Estimate.PlusMinus(30.0, 5.0))
                point "David-GRPO" (Estimate.PlusMinus(2.5, 0.2)) (Estimate.PlusMinus(45.0, 5.0))
                point "SFT" (Estimate.Exact 1.5) (Estimate.Exact 25.0)
                point "lost" (Estimate.Exact nan) (Estimate.Exact 25.0)
            |]
        )

    let root = parse (column panel)
    Assert.Equal(3, (classed "marker" root).Length)
    Assert.Equal(4, (classed "whisker" root).Length)
    Assert.Empty(classed "front" root)
    Assert.True(inside 0.01 root)
    Assert.Empty(overlapping root)

    for name in [| "GRPO"; "David-GRPO"; "SFT"; "Searches (a question)"; "Exact match (%)" |] do
        Assert.Contains(name, labels root)

    Assert.DoesNotContain("lost", labels root)
    Assert.Contains("David-GRPO 45.0 ± 5.0 at 2.50 ± 0.20", (named "desc" root |> Array.head).Value)

[<Fact>]
let ``the front runs in steps through its points, by ascending x, and on to the right edge`` () =
    let point name x y isOnFront =
        {
            Name = name
            X = Estimate.Exact x
            Y = Estimate.Exact y
            IsOnFront = isOnFront
        }

    let x = cost.Over(AxisRange.Between(0.0, 4.0))
    let y = exactMatch.Over(AxisRange.Between(0.0, 100.0))

    let panel =
        Panel.Points("", x, y, [| point "b" 2.0 50.0 true; point "c" 3.0 40.0 false; point "a" 1.0 25.0 true |])

    let root = parse (column panel)
    let plot = classed "plot" root |> Array.head
    let left, top = number "x" plot, number "y" plot

    let at x y =
        left + number "width" plot * x / 4.0, top + number "height" plot * (1.0 - y / 100.0)

    let corners = corners (classed "front" root |> Array.exactlyOne)
    let expected = [| at 1.0 25.0; at 2.0 25.0; at 2.0 50.0; at 4.0 50.0 |]
    Assert.Equal(expected.Length, corners.Length)

    for (x, y), (x', y') in Array.zip expected corners do
        Assert.Equal(x, x', 1)
        Assert.Equal(y, y', 1)

[<Fact>]
let ``names of points never overlap, and all are there while there is room`` () =
    for count in [| 1; 4; 16; 40 |] do
        for columns in [| 1; 2; 3 |] do
            let panel = Panel.Points("Costs", cost, exactMatch, points count)
            let root = parse (Figure.Page("", "", columns, [| panel; panel |]))
            Assert.Empty(overlapping root)

            if count <= 16 && columns <= 2 then
                let text = labels root |> String.concat " "

                for i in 0 .. count - 1 do
                    Assert.Contains($"number {i}", text)

[<Fact>]
let ``panels with many curves have one key in place of names at their ends`` () =
    let arms = Array.init 16 (fun i -> $"Arm number {i}")
    let panel = Panel.Curves("Many", rollouts, exactMatch, curves arms)

    for columns in [| 1; 2 |] do
        let root = parse (Figure.Page("", "", columns, [| panel; panel |]))
        Assert.Empty(overlapping root)
        Assert.Equal(16, (classed "key" root).Length)

        for arm in arms do
            Assert.Single(labels root |> Array.filter ((=) arm)) |> ignore

    Assert.Empty(classed "key" (parse whole))

[<Fact>]
let ``figures with the same series look alike, whatever they show`` () =
    let series = [| "David-GRPO"; "GRPO"; "SFT" |]

    let colour (panel: Panel) =
        let root = parse ((column panel).StyledBy series)

        Array.append (classed "line" root) (classed "whisker" root)
        |> Array.map (attribute "stroke")
        |> Array.distinct

    let line = Panel.Curves("", rollouts, exactMatch, curves [| "GRPO" |])

    let dot =
        Panel.Dots("", exactMatch, [| Row.Of("GRPO", Estimate.PlusMinus(3.0, 1.0)) |])

    let scatter =
        Panel.Points(
            "",
            cost,
            exactMatch,
            [|
                { (Array.head (points 1)) with
                    Name = "GRPO"
                }
            |]
        )

    let first =
        parse ((column line).StyledBy [| "GRPO" |]) |> classed "line" |> Array.map (attribute "stroke")

    for panel in [| line; dot; scatter |] do
        Assert.Single(colour panel) |> ignore
        Assert.Equal<string[]>(colour line, colour panel)

    Assert.NotEqual<string[]>(first, colour line)

let private wild =
    let value =
        Gen.frequency
            [
                6, Gen.choose (-1000, 1000) |> Gen.map (fun n -> float n / 7.0)
                2, FsCheck.FSharp.ArbMap.defaults |> ArbMap.generate<float>
                1, Gen.elements [ nan; infinity; -infinity; 0.0; 1e308; -1e308; 5e-324; 1e-305 ]
            ]

    let axis = Gen.elements [ Axis.Linear("a", "b"); Axis.Logarithmic("c", "") ]

    let curve =
        gen {
            let! name = Gen.elements [ "a"; "b"; "a long name of an arm"; "" ]
            let! count = Gen.choose (0, 20)
            let! columns = Gen.arrayOfLength 4 (Gen.arrayOfLength count value)
            return Curve.Band(name, columns[0], columns[1], columns[2], columns[3])
        }

    gen {
        let! x = axis
        let! y = axis
        let! curves = Gen.arrayOf curve |> Gen.resize 5
        let! values = Gen.arrayOf value |> Gen.resize 6

        let rows =
            values
            |> Array.mapi (fun i v ->
                {
                    Category = $"{i % 2}"
                    Series = $"{i % 3}"
                    Value = Estimate.PlusMinus(v, 1.0)
                })

        return
            Figure.Page(
                "wild",
                "",
                2,
                [|
                    Panel.Curves("curves", x, y, curves)
                    Panel.Points(
                        "points",
                        x,
                        y,
                        curves
                        |> Array.collect _.Points
                        |> Array.truncate 20
                        |> Array.mapi (fun i point ->
                            {
                                Name = $"point {i % 7}"
                                X = Estimate.PlusMinus(point.X, 1.0)
                                Y = point.Y
                                IsOnFront = i % 2 = 0
                            })
                    )
                    Panel.Dots("dots", y, rows)
                    Panel.Bars("bars", Axis.Linear("a", ""), rows)
                |]
            )
    }

[<Fact>]
let ``whatever the numbers, a drawing is well formed, of finite coordinates, and all markers are in sight`` () =
    lawFor wild (fun figure ->
        let text = Svg.render figure
        let root = parse figure

        let markersInside =
            named "g" root
            |> Array.forall (fun panel ->
                let plot = classed "plot" panel |> Array.head
                let left, top = number "x" plot, number "y" plot

                classed "marker" panel
                |> Array.filter (fun marker -> attribute "cx" marker <> "")
                |> Array.forall (fun marker ->
                    let x, y = number "cx" marker, number "cy" marker

                    left - 0.01 <= x
                    && x <= left + number "width" plot + 0.01
                    && top - 0.01 <= y
                    && y <= top + number "height" plot + 0.01))

        not (Regex.IsMatch(text, "(=\"|[ ML])-?(NaN|Infinity|∞)[ \"LZ]"))
        && markersInside
        && overlapping root = [||])

[<Fact>]
let ``what cannot be drawn is refused with the mend`` () =
    let refused (mend: string) (figure: Figure) =
        let error = Assert.Throws<ArgumentException>(fun () -> Svg.render figure |> ignore)
        Assert.Contains(mend, error.Message)

    refused "1 to 4" (Figure.Page("", "", 5, [| learning |]))
    refused "low below high" (column (Panel.Dots("", exactMatch.Over(AxisRange.Between(2.0, 1.0)), rows)))
    refused "use dots" (column (Panel.Bars("", Axis.Logarithmic("Tokens", ""), rows)))

    refused
        "must start above 0"
        (column (Panel.Dots("", Axis.Logarithmic("Tokens", "").Over(AxisRange.Between(0.0, 1.0)), rows)))

    refused "AxisRange.OfData" (column (Panel.Dots("", Axis.Logarithmic("Tokens", "").Over(AxisRange.WithZero), rows)))

    let error =
        Assert.Throws<ArgumentException>(fun () -> Curve.Line("GRPO", [| 1.0 |], [| 1.0; 2.0 |]) |> ignore)

    Assert.Contains("give equally many", error.Message)

[<Fact>]
let ``a drawing on a page takes the page's colours`` () =
    let page =
        Page.render
            {
                Title = ""
                Subtitle = ""
                Sections = [| Section.Figure(column learning, "") |]
            }

    let drawing =
        XDocument.Parse(page).Root |> nonNull |> classed "david-figure" |> Array.exactlyOne

    Assert.Equal("", attribute "color" drawing)
    Assert.Equal("currentColor", attribute "fill" drawing)
    Assert.Empty(named "style" drawing)
