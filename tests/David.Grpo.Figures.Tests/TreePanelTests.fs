/// Rollout trees.
module David.Grpo.Figures.Tests.TreePanelTests

open Xunit
open David.Grpo.Figures

let private root = parse (column tree)
let private plot = classed "plot" root |> Array.exactlyOne
let private branches = classed "branch" plot

/// The places of positions on the axis: tokens 0 to 100 over the plot area.
let private across (tokens: float) =
    number "x" plot + number "width" plot * tokens / 100.0

[<Fact>]
let ``each branch ends at its position, in a row of its own`` () =
    let tips =
        branches
        |> Array.map (corners >> Array.last)
        |> Array.map (fun (x, y) -> round (x * 10.0) / 10.0, y)

    for tokens in [| 40.0; 70.0; 80.0; 90.0; 100.0 |] do
        Assert.Contains(tips, (fun (x, _) -> abs (x - across tokens) < 0.1))

    // The kept and the cut part of the member lie in one row.
    let rowOf tokens =
        tips |> Array.find (fun (x, _) -> abs (x - across tokens) < 0.1) |> snd

    Assert.Equal(rowOf 70.0, rowOf 100.0)
    Assert.Equal(3, tips |> Array.map snd |> Array.distinct |> Array.length)
    // A prefix without a name lies in the middle of what grows from it.
    Assert.Equal((rowOf 100.0 + rowOf 80.0) / 2.0, rowOf 40.0, 0.02)

[<Fact>]
let ``a continuation starts at a cut mark on its parent, and what it cuts off is faint`` () =
    let cut = classed "cut" plot |> Array.exactlyOne
    Assert.Equal(across 70.0, number "x1" cut, 0.1)

    let member' =
        branches |> Array.filter (fun branch -> attribute "stroke" branch = "#0072B2")

    let middle = (number "y1" cut + number "y2" cut) / 2.0

    let kept, lost =
        member' |> Array.partition (fun branch -> attribute "stroke-opacity" branch = "1")

    let lastX, lastY = corners kept[0] |> Array.last
    Assert.Equal(across 70.0, lastX, 0.1)
    Assert.Equal(middle, lastY, 0.1)
    let fromX, toX = corners lost[0] |> Array.map fst |> (fun xs -> xs[0], xs[1])
    Assert.Equal(across 70.0, fromX, 0.1)
    Assert.Equal(across 100.0, toX, 0.1)

    let continuation =
        branches |> Array.find (fun branch -> attribute "stroke" branch = "#009E73")

    let _, startY = corners continuation |> Array.head
    Assert.Equal(middle, startY, 0.1)

[<Fact>]
let ``the key explains what is there and no more`` () =
    let words = labels root

    for word in [| "shared prefix"; "policy"; "expert"; "continuation"; "cut" |] do
        Assert.Contains(word, words)

    Assert.DoesNotContain("left the group", words)

    let alone =
        parse (column (Panel.Tree("", rollouts, Branch.Of(BranchOrigin.Policy, "own", 0.0, 9.0))))

    Assert.DoesNotContain("cut", labels alone)
    Assert.DoesNotContain("expert", labels alone)
    Assert.Empty(overlapping root)

[<Fact>]
let ``what left the group has no marker, and the words tell`` () =
    let own = Branch.Of(BranchOrigin.Policy, "own", 0.0, 9.0)
    let dropped = parse (column (Panel.Tree("", rollouts, own.Dropped)))
    Assert.Empty(classed "marker" dropped)
    Assert.Contains("left the group", (named "desc" dropped |> Array.head).Value)
    Assert.Single(classed "marker" (parse (column (Panel.Tree("", rollouts, own))))) |> ignore
