/// One figure in a paper, on a page and in a dark notebook.
module David.Grpo.Figures.Tests.MediumTests

open System.Xml.Linq
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private drawn (medium: Medium) (figure: Figure) =
    XDocument.Parse(Svg.renderFor medium figure).Root |> nonNull

[<Tests>]
let tests =
    testList "MediumTests" [
        test "a column of a paper is 8.5 cm wide, with letters of 7 to 9 pt" {
            for figure in [| column learning; whole |] do
                let root = drawn Medium.PaperColumn figure
                attribute "width" root |> equals "8.5cm"
                let wide = (attribute "viewBox" root).Split(' ')[2] |> float
                let points = 8.5 / 2.54 * 72.0 / wide

                for text in named "text" root do
                    points * number "font-size" text |> isBetween 7.0 9.0

            attribute "width" (drawn Medium.Paper whole) |> equals "17cm"
        }

        test "a figure for a page gets its panels below each other in a column" {
            let lefts =
                classed "plot" (drawn Medium.PaperColumn whole)
                |> Array.filter (fun plot -> number "x" plot > 200.0)

            isEmpty lefts
            (classed "plot" (drawn Medium.PaperColumn whole)).Length |> equals 6
        }

        test "paper has serif letters, thinner lines than a screen, and no title over a lone panel" {
            let paper, page =
                drawn Medium.Paper (column learning), drawn Medium.Page (column learning)

            attribute "font-family" paper |> containsText "Latin Modern"
            attribute "font-family" page |> containsText "sans-serif"

            let width root =
                classed "line" root |> Array.head |> number "stroke-width"

            isTrue (width paper < width page)
            labels page |> contains "Answers"
            labels paper |> lacks "Answers"
            labels (drawn Medium.Paper whole) |> contains "Answers"
        }

        test "a dark figure paints its ground, and the dim blue is nowhere" {
            let root = drawn Medium.Dark whole
            let ground = classed "ground" root |> Array.exactlyOne
            attribute "fill" ground |> equals "#15181C"
            attribute "width" ground |> equals (attribute "width" root)
            Svg.renderFor Medium.Dark (column learning) |> lacksText "#0072B2"
            isEmpty (classed "ground" (drawn Medium.Paper whole))
        }

        test "lettering keeps apart in every medium" {
            for medium in [| Medium.Page; Medium.Light; Medium.Dark; Medium.Paper; Medium.PaperColumn |] do
                isEmpty (overlapping (drawn medium whole))
                isTrue (inside 0.01 (drawn medium whole))
        }
    ]
