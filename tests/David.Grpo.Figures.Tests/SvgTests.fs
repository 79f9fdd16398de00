module David.Grpo.Figures.Tests.SvgTests

open System
open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq
open FsCheck.FSharp
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

let private hostile =
    "<script>alert('1')</script> & \"quoted\" \u0000\u001B\uD800 ]]>"

/// Figures of every kind of panel, with numbers of every kind.
let wild =
    let value =
        Gen.frequency [
            6, Gen.choose (-1000, 1000) |> Gen.map (fun n -> float n / 7.0)
            2, ArbMap.defaults |> ArbMap.generate<float>
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

    let origin =
        Gen.elements [
            BranchOrigin.Shared
            BranchOrigin.Policy
            BranchOrigin.Expert
            BranchOrigin.Continuation
        ]

    let name = Gen.elements [ ""; "a"; "a long name of a trajectory" ]

    let rec branch depth start =
        gen {
            let! origin = origin
            let! name = name
            let! length = Gen.choose (0, 100)
            let! count = Gen.choose (0, (if depth = 0 then 0 else 3))
            let finish = start + float length

            let! branches =
                Gen.choose (0, length)
                |> Gen.bind (fun at -> branch (depth - 1) (start + float at))
                |> Gen.arrayOfLength count

            let! isDropped = Gen.elements [ true; false ]

            return
                { Branch.Of(origin, name, start, finish) with
                    Note = name
                    IsDropped = isDropped
                    Branches = branches
                }
        }

    let heat =
        gen {
            let! rows = Gen.choose (0, 12)
            let! columns = Gen.choose (0, 12)
            let! values = Gen.arrayOfLength rows (Gen.arrayOfLength columns value)
            let! names = Gen.arrayOfLength (rows + columns) name
            let! centre = Gen.elements [ ColourMap.Sequential; ColourMap.Diverging 0.5 ]

            return
                { HeatMap.Sequential("down", Array.take rows names, "across", Array.skip rows names, values) with
                    Map = centre
                }
        }

    gen {
        let! tree = branch 3 0.0
        let! heat = heat
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
                    Panel.Heat("heat", y, heat)
                    Panel.Tree("tree", Axis.Linear("Tokens", ""), tree)
                |]
            )
    }

[<Tests>]
let tests =
    testList "SvgTests" [
        test "a drawing is well formed, accessible and refers to nothing outside" {
            let root = parse whole
            root.Name.LocalName |> equals "svg"
            attribute "role" root |> equals "img"
            (named "title" root |> Array.head).Value |> equals "Arms"
            (named "desc" root |> Array.head).Value |> containsText "Three arms at one budget."
            (named "desc" root |> Array.head).Value |> containsText "David-GRPO"
            let text = (Svg.render whole).Replace("xmlns=\"http://www.w3.org/2000/svg\"", "")
            text |> lacksText "http"
            text |> lacksText "url("
            isEmpty (named "script" root)
        }

        test "axes are named with their units" {
            let labels = labels (parse whole)

            for name in
                [|
                    "Rollouts"
                    "Exact match (%)"
                    "Loss (nats)"
                    "Generated tokens"
                    "HotpotQA"
                |] do
                labels |> contains name
        }

        test "equal figures give equal text" { Svg.render whole |> equals (Svg.render whole) }

        test "the panels of an example keep to their plot areas and their lettering apart" {
            let root = parse whole
            isTrue (inside 0.01 root)
            isEmpty (overlapping root)
        }

        test "hostile text is shown, not run" {
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
            isEmpty (named "script" root)

            (named "title" root |> Array.head).Value
            |> equals "<script>alert('1')</script> & \"quoted\" \uFFFD\uFFFD\uFFFD ]]>"

            isEmpty (overlapping root)
        }

        test "names at line ends never overlap, however many and however close" {
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

                    isEmpty (overlapping root)
        }

        test "a series keeps its colour whatever the order of panels and series" {
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
            Array.rev last |> equals first
            (colours [| learning; turned |]).Length |> equals 3
        }

        test "panels with equal x axes share their range" {
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

            reach plots[0] |> isNear 0.5e-3 1.0
            reach plots[1] |> isNear 0.5e-3 0.2
        }

        test "a logarithmic axis gives equal ratios equal lengths and leaves out what is not positive" {
            let curve =
                Curve.Line("GRPO", [| 1.0; 10.0; 100.0; 0.0; -1.0 |], [| 1.0; 0.1; 0.01; 5.0; 5.0 |])

            let axis = Axis.Logarithmic("Rollouts", "")

            let root =
                parse (column (Panel.Curves("", axis, Axis.Logarithmic("Loss", ""), [| curve |])))

            let points = corners (classed "line" root |> Array.head)
            points.Length |> equals 3
            fst points[2] - fst points[1] |> isNear 0.5e-1 (fst points[1] - fst points[0])
            snd points[2] - snd points[1] |> isNear 0.5e-1 (snd points[1] - snd points[0])
        }

        test "one point is drawn as a marker with its whisker and its name" {
            let curve = Curve.Band("David-GRPO", [| 3.0 |], [| 51.0 |], [| 48.0 |], [| 54.0 |])
            let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))
            classed "marker" root |> hasLength 1
            classed "whisker" root |> hasLength 1
            labels root |> contains "David-GRPO"
            isTrue (inside 0.01 root)
        }

        test "equal values lie on one level inside the plot area" {
            for value in [| 0.0; 51.2; -3.0; 1e-300; 1e300 |] do
                let curve = Curve.Line("GRPO", [| 0.0; 1.0; 2.0 |], [| value; value; value |])
                let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))

                let levels =
                    corners (classed "line" root |> Array.head) |> Array.map snd |> Array.distinct

                levels |> hasLength 1
                isTrue (inside 0.01 root)
        }

        test "a value that is not finite interrupts its line and moves nothing else" {
            let curve =
                Curve.Line("GRPO", [| 0.0; 1.0; 2.0; 3.0; 4.0 |], [| 1.0; 2.0; nan; 2.0; 1.0 |])

            let root = parse (column (Panel.Curves("", rollouts, exactMatch, [| curve |])))
            (classed "line" root).Length |> equals 2
        }

        test "a panel without data says so" {
            let none = Curve.Line("GRPO", [| 0.0; nan |], [| infinity; 1.0 |])

            for panel in
                [|
                    Panel.Curves("", rollouts, exactMatch, [||])
                    Panel.Curves("", rollouts, exactMatch, [| none |])
                    Panel.Dots("", exactMatch, [||])
                    Panel.Bars("", exactMatch, [| Row.Of("GRPO", Estimate.Exact nan) |])
                |] do
                labels (parse (column panel)) |> contains "no data"

            labels (parse (Figure.Column("Empty", "", [||]))) |> contains "no data"
        }

        test "bars start at zero" {
            let root =
                parse (
                    column (
                        Panel.Bars(
                            "",
                            exactMatch,
                            [| Row.Of("a", Estimate.Exact 40.0); Row.Of("b", Estimate.Exact -20.0) |]
                        )
                    )
                )

            let bars = classed "bar" root
            number "x" bars[1] + number "width" bars[1] |> isNear 0.5e-1 (number "x" bars[0])
            number "width" bars[0] / number "width" bars[1] |> isNear 0.5e-1 2.0
        }

        test "a fixed range is kept, and what lies beyond it is cut off" {
            let y = exactMatch.Over(AxisRange.Between(0.0, 100.0))
            let curve = Curve.Line("GRPO", [| 0.0; 1.0; 2.0 |], [| 50.0; 150.0; 100.0 |])
            let root = parse (column (Panel.Curves("", rollouts, y, [| curve |])))
            let plot = classed "plot" root |> Array.head
            let top, height = number "y" plot, number "height" plot
            let points = corners (classed "line" root |> Array.head)
            snd points[0] |> isNear 0.5e-1 (top + height / 2.0)
            snd points[1] |> isNear 0.5e-1 (top - height / 2.0)
            attribute "overflow" plot |> equals "hidden"
            (classed "marker" root).Length |> equals 2
        }

        test "whatever the numbers, a drawing is well formed, of finite coordinates, and all markers are in sight" {
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
        }

        test "what cannot be drawn is refused with the mend" {
            let refused (mend: string) (figure: Figure) =
                let error = throws<ArgumentException>(fun () -> Svg.render figure |> ignore)
                error.Message |> containsText mend

            let heat values =
                Panel.Heat("", exactMatch, HeatMap.Sequential("", [| "a" |], "", [| "p"; "q" |], values))

            refused "as many rows of values" (column (heat [||]))
            refused "each of as many" (column (heat [| [| 1.0 |] |]))
            let branch = Branch.Of(BranchOrigin.Policy, "own", 10.0, 20.0)
            let tree branch = Panel.Tree("", rollouts, branch)
            refused "finite ends in order" (column (tree { branch with End = 5.0 }))

            refused
                "beside its parent 'own'"
                (column (tree (branch.With(Branch.Of(BranchOrigin.Continuation, "late", 21.0, 30.0)))))

            refused "1 to 4" (Figure.Page("", "", 5, [| learning |]))
            refused "low below high" (column (Panel.Dots("", exactMatch.Over(AxisRange.Between(2.0, 1.0)), rows)))
            refused "use dots" (column (Panel.Bars("", Axis.Logarithmic("Tokens", ""), rows)))

            refused
                "must start above 0"
                (column (Panel.Dots("", Axis.Logarithmic("Tokens", "").Over(AxisRange.Between(0.0, 1.0)), rows)))

            refused
                "AxisRange.OfData"
                (column (Panel.Dots("", Axis.Logarithmic("Tokens", "").Over(AxisRange.WithZero), rows)))

            let error =
                throws<ArgumentException>(fun () -> Curve.Line("GRPO", [| 1.0 |], [| 1.0; 2.0 |]) |> ignore)

            error.Message |> containsText "give equally many"
        }

        test "a drawing on a page takes the page's colours" {
            let page =
                Page.render
                    {
                        Title = ""
                        Subtitle = ""
                        Sections = [| Section.Figure(column learning, "") |]
                    }

            let drawing =
                XDocument.Parse(page).Root |> nonNull |> classed "david-figure" |> Array.exactlyOne

            attribute "color" drawing |> equals ""
            attribute "fill" drawing |> equals "currentColor"
            isEmpty (named "style" drawing)
        }
    ]
