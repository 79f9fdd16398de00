/// One figure in a paper, on a page and in a dark notebook.
module David.Grpo.Figures.Tests.MediumTests

open System.Xml.Linq
open Xunit
open David.Grpo.Figures

let private drawn (medium: Medium) (figure: Figure) =
    XDocument.Parse(Svg.renderFor medium figure).Root |> nonNull

[<Fact>]
let ``a column of a paper is 8.5 cm wide, with letters of 7 to 9 pt`` () =
    for figure in [| column learning; whole |] do
        let root = drawn Medium.PaperColumn figure
        Assert.Equal("8.5cm", attribute "width" root)
        let wide = (attribute "viewBox" root).Split(' ')[2] |> float
        let points = 8.5 / 2.54 * 72.0 / wide

        for text in named "text" root do
            Assert.InRange(points * number "font-size" text, 7.0, 9.0)

    Assert.Equal("17cm", attribute "width" (drawn Medium.Paper whole))

[<Fact>]
let ``a figure for a page gets its panels below each other in a column`` () =
    let lefts =
        classed "plot" (drawn Medium.PaperColumn whole)
        |> Array.filter (fun plot -> number "x" plot > 200.0)

    Assert.Empty lefts
    Assert.Equal(6, (classed "plot" (drawn Medium.PaperColumn whole)).Length)

[<Fact>]
let ``paper has serif letters, thinner lines than a screen, and no title over a lone panel`` () =
    let paper, page =
        drawn Medium.Paper (column learning), drawn Medium.Page (column learning)

    Assert.Contains("Latin Modern", attribute "font-family" paper)
    Assert.Contains("sans-serif", attribute "font-family" page)

    let width root =
        classed "line" root |> Array.head |> number "stroke-width"

    Assert.True(width paper < width page)
    Assert.Contains("Answers", labels page)
    Assert.DoesNotContain("Answers", labels paper)
    Assert.Contains("Answers", labels (drawn Medium.Paper whole))

[<Fact>]
let ``a dark figure paints its ground, and the dim blue is nowhere`` () =
    let root = drawn Medium.Dark whole
    let ground = classed "ground" root |> Array.exactlyOne
    Assert.Equal("#15181C", attribute "fill" ground)
    Assert.Equal(attribute "width" root, attribute "width" ground)
    Assert.DoesNotContain("#0072B2", Svg.renderFor Medium.Dark (column learning))
    Assert.Empty(classed "ground" (drawn Medium.Paper whole))

[<Fact>]
let ``lettering keeps apart in every medium`` () =
    for medium in [| Medium.Page; Medium.Light; Medium.Dark; Medium.Paper; Medium.PaperColumn |] do
        Assert.Empty(overlapping (drawn medium whole))
        Assert.True(inside 0.01 (drawn medium whole))
