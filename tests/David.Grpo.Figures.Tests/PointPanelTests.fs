/// Scatter plots, and what figures of many series have in common.
module David.Grpo.Figures.Tests.PointPanelTests

open System
open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq
open FsCheck.FSharp
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

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

[<Tests>]
let tests =
    testList "PointPanelTests" [
        test "a scatter plot shows each point with both its whiskers and its name" {
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
            (classed "marker" root).Length |> equals 3
            (classed "whisker" root).Length |> equals 4
            isEmpty (classed "front" root)
            isTrue (inside 0.01 root)
            isEmpty (overlapping root)

            for name in [| "GRPO"; "David-GRPO"; "SFT"; "Searches (a question)"; "Exact match (%)" |] do
                labels root |> contains name

            labels root |> lacks "lost"
            (named "desc" root |> Array.head).Value |> containsText "David-GRPO 45.0 ± 5.0 at 2.50 ± 0.20"
        }

        test "the front runs in steps through its points, by ascending x, and on to the right edge" {
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
            corners.Length |> equals expected.Length

            for (x, y), (x', y') in Array.zip expected corners do
                x' |> isNear 0.5e-1 x
                y' |> isNear 0.5e-1 y
        }

        test "names of points never overlap, and all are there while there is room" {
            for count in [| 1; 4; 16; 40 |] do
                for columns in [| 1; 2; 3 |] do
                    let panel = Panel.Points("Costs", cost, exactMatch, points count)
                    let root = parse (Figure.Page("", "", columns, [| panel; panel |]))
                    isEmpty (overlapping root)

                    if count <= 16 && columns <= 2 then
                        let text = labels root |> String.concat " "

                        for i in 0 .. count - 1 do
                            text |> containsText $"number {i}"
        }

        test "panels with many curves have one key in place of names at their ends" {
            let arms = Array.init 16 (fun i -> $"Arm number {i}")
            let panel = Panel.Curves("Many", rollouts, exactMatch, curves arms)

            for columns in [| 1; 2 |] do
                let root = parse (Figure.Page("", "", columns, [| panel; panel |]))
                isEmpty (overlapping root)
                (classed "key" root).Length |> equals 16

                for arm in arms do
                    labels root |> Array.filter ((=) arm) |> hasLength 1

            isEmpty (classed "key" (parse whole))
        }

        test "figures with the same series look alike, whatever they show" {
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
                colour panel |> hasLength 1
                colour panel |> equals (colour line)

            colour line |> differsFrom first
        }
    ]
