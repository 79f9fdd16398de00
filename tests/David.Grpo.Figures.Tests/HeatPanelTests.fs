/// Heat maps and their colours.
module David.Grpo.Figures.Tests.HeatPanelTests

open System
open System.Xml.Linq
open FsCheck.FSharp
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

let private drawn (map: HeatMap) =
    parse (column (Panel.Heat("", exactMatch, map)))

let private sequential values =
    HeatMap.Sequential(
        "down",
        values |> Array.mapi (fun i _ -> $"row {i}"),
        "across",
        values[0] |> Array.mapi (fun j _ -> $"{j}"),
        values
    )

/// Lightness in Oklab.
let private lightness (cell: XElement) =
    let fill = attribute "fill" cell

    let linear i =
        Math.Pow(float (Convert.ToInt32(fill.Substring(i, 2), 16)) / 255.0, 2.2)

    0.2126 * linear 1 + 0.7152 * linear 3 + 0.0722 * linear 5

[<Tests>]
let tests =
    testList "HeatPanelTests" [
        test "cells tile the plot area, row by row" {
            let root = drawn (sequential [| [| 1.0; 2.0; 3.0 |]; [| 4.0; 5.0; 6.0 |] |])
            let plot = classed "plot" root |> Array.exactlyOne
            let cells = classed "cell" root
            cells.Length |> equals 6

            for i, cell in Array.indexed cells do
                let width, height = number "width" plot / 3.0, number "height" plot / 2.0
                number "x" cell |> isNear 0.02 (number "x" plot + width * float (i % 3))
                number "y" cell |> isNear 0.02 (number "y" plot + height * float (i / 3))
                number "width" cell |> isNear 0.02 width
                number "height" cell |> isNear 0.02 height
        }

        test "more is darker, on a logarithmic axis too" {
            let values = Gen.arrayOfLength 6 (Gen.choose (1, 1000))

            lawFor values (fun values ->
                let values = values |> Array.map float
                let map = sequential [| values |]

                [| exactMatch; Axis.Logarithmic("Tokens", "") |]
                |> Array.forall (fun axis ->
                    let cells = parse (column (Panel.Heat("", axis, map))) |> classed "cell"

                    Array.zip values cells
                    |> Array.sortBy fst
                    |> Array.pairwise
                    |> Array.forall (fun ((_, less), (_, more)) -> lightness more <= lightness less + 1e-9)))
        }

        test "a diverging map is palest at its centre, and equally strong equally far from it" {
            let map =
                { sequential [| [| -4.0; -2.0; 0.0; 2.0; 3.0 |] |] with
                    Map = ColourMap.Diverging 0.0
                }

            let cells = classed "cell" (drawn map)
            let colours = cells |> Array.map (attribute "fill")
            colours[0] |> equals "#0072B2"
            cells |> Array.map lightness |> Array.indexed |> Array.maxBy snd |> fst |> equals 2
            // Blue has more blue than red, vermillion the reverse.
            let part at (colour: string) =
                Convert.ToInt32(colour.Substring(at, 2), 16)

            isTrue (part 1 colours[1] < part 5 colours[1])
            isTrue (part 1 colours[3] > part 5 colours[3])

            let same =
                { map with
                    Values = [| [| -4.0; -2.0; 0.0; 2.0; 4.0 |] |]
                }

            drawn same |> classed "cell" |> Array.last |> attribute "fill" |> equals "#D55E00"
        }

        test "what was not measured is crossed out, and the values stand in their cells where there is room" {
            let root = parse (column heat)
            (classed "cell" root).Length |> equals 5
            isEmpty (overlapping root)

            for value in [| "1.00"; "2.00"; "3.00"; "4.00"; "6.00" |] do
                labels root |> contains value

            let many = Array.init 20 (fun i -> Array.init 40 (fun j -> float (i * j)))
            let root = drawn (sequential many)
            labels root |> lacks "741"
            isEmpty (overlapping root)
        }

        test "the colour bar has the axis's name, and its colours in the order of the values" {
            let root = parse (column heat)
            labels root |> contains "Exact match (%)"
            let steps = classed "bar-step" root |> Array.sortBy (number "y")

            steps
            |> Array.pairwise
            |> Array.forall (fun (above, below) -> lightness above <= lightness below + 1e-9)
            |> isTrue
        }
    ]
