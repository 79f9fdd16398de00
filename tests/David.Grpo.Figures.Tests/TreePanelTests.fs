/// Rollout trees.
module David.Grpo.Figures.Tests.TreePanelTests

open Expecto

open David.Grpo.Tests
open David.Grpo.Figures

let private root = parse (column tree)
let private plot = classed "plot" root |> Array.exactlyOne
let private branches = classed "branch" plot

/// The places of positions on the axis: tokens 0 to 100 over the plot area.
let private across (tokens: float) =
    number "x" plot + number "width" plot * tokens / 100.0

[<Tests>]
let tests =
    testList "TreePanelTests" [
        test "each branch ends at its position, in a row of its own" {
            let tips =
                branches
                |> Array.map (corners >> Array.last)
                |> Array.map (fun (x, y) -> round (x * 10.0) / 10.0, y)

            for tokens in [| 40.0; 70.0; 80.0; 90.0; 100.0 |] do
                tips |> containsAny (fun (x, _) -> abs (x - across tokens) < 0.1)

            // The kept and the cut part of the member lie in one row.
            let rowOf tokens =
                tips |> Array.find (fun (x, _) -> abs (x - across tokens) < 0.1) |> snd

            rowOf 100.0 |> equals (rowOf 70.0)
            tips |> Array.map snd |> Array.distinct |> Array.length |> equals 3
            // A prefix without a name lies in the middle of what grows from it.
            rowOf 40.0 |> isNear 0.02 ((rowOf 100.0 + rowOf 80.0) / 2.0)
        }

        test "a continuation starts at a cut mark on its parent, and what it cuts off is faint" {
            let cut = classed "cut" plot |> Array.exactlyOne
            number "x1" cut |> isNear 0.1 (across 70.0)

            let member' =
                branches |> Array.filter (fun branch -> attribute "stroke" branch = "#0072B2")

            let middle = (number "y1" cut + number "y2" cut) / 2.0

            let kept, lost =
                member' |> Array.partition (fun branch -> attribute "stroke-opacity" branch = "1")

            let lastX, lastY = corners kept[0] |> Array.last
            lastX |> isNear 0.1 (across 70.0)
            lastY |> isNear 0.1 middle
            let fromX, toX = corners lost[0] |> Array.map fst |> (fun xs -> xs[0], xs[1])
            fromX |> isNear 0.1 (across 70.0)
            toX |> isNear 0.1 (across 100.0)

            let continuation =
                branches |> Array.find (fun branch -> attribute "stroke" branch = "#009E73")

            let _, startY = corners continuation |> Array.head
            startY |> isNear 0.1 middle
        }

        test "the key explains what is there and no more" {
            let words = labels root

            for word in [| "shared prefix"; "policy"; "expert"; "continuation"; "cut" |] do
                words |> contains word

            words |> lacks "left the group"

            let alone =
                parse (column (Panel.Tree("", rollouts, Branch.Of(BranchOrigin.Policy, "own", 0.0, 9.0))))

            labels alone |> lacks "cut"
            labels alone |> lacks "expert"
            isEmpty (overlapping root)
        }

        test "what left the group has no marker, and the words tell" {
            let own = Branch.Of(BranchOrigin.Policy, "own", 0.0, 9.0)
            let dropped = parse (column (Panel.Tree("", rollouts, own.Dropped)))
            isEmpty (classed "marker" dropped)
            (named "desc" dropped |> Array.head).Value |> containsText "left the group"
            classed "marker" (parse (column (Panel.Tree("", rollouts, own)))) |> hasLength 1
        }
    ]
