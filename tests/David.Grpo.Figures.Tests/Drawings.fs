/// Figures to draw, and how to read a drawing.
[<AutoOpen>]
module David.Grpo.Figures.Tests.Drawings

open System
open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq
open David.Grpo.Figures

// ---- Reading drawings ----

let parse (figure: Figure) : XElement =
    XDocument.Parse(Svg.render figure).Root |> nonNull

let named (name: string) (root: XElement) =
    root.Descendants() |> Seq.filter (fun e -> e.Name.LocalName = name) |> Array.ofSeq

let attribute (name: string) (element: XElement) : string =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | found -> found.Value

let classed (name: string) (root: XElement) =
    root.Descendants() |> Seq.filter (fun e -> attribute "class" e = name) |> Array.ofSeq

let number (name: string) (element: XElement) =
    Double.Parse(attribute name element, CultureInfo.InvariantCulture)

/// The corners of a path.
let corners (path: XElement) : (float * float)[] =
    Regex.Matches(attribute "d" path, "[ML](-?[0-9.]+) (-?[0-9.]+)")
    |> Seq.map (fun m ->
        Double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture),
        Double.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))
    |> Array.ofSeq

/// Left, top, right and bottom of a line of lettering.
let box (text: XElement) =
    let size = number "font-size" text
    let bold = if attribute "font-weight" text = "" then 1.0 else 1.08
    let width = bold * Lettering.width size text.Value

    let left =
        match attribute "text-anchor" text with
        | "end" -> number "x" text - width
        | "middle" -> number "x" text - width / 2.0
        | _ -> number "x" text

    let top, bottom = number "y" text - 0.75 * size, number "y" text + 0.22 * size

    if (attribute "transform" text).StartsWith "rotate(-90" then
        // Around its own place: what was to the right is above.
        let x, y = number "x" text, number "y" text
        x + (top - y), y - (left + width - x), x + (bottom - y), y - (left - x)
    else
        left, top, left + width, bottom

let overlapping (root: XElement) =
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
let inside (tolerance: float) (root: XElement) =
    classed "plot" root
    |> Array.forall (fun plot ->
        let left, top = number "x" plot, number "y" plot
        let right, bottom = left + number "width" plot, top + number "height" plot

        let points =
            [|
                for path in Array.concat [ classed "line" plot; classed "band" plot; classed "branch" plot ] do
                    yield! corners path
                for whisker in classed "whisker" plot do
                    number "x1" whisker, number "y1" whisker
                    number "x2" whisker, number "y2" whisker
                for bar in Array.append (classed "bar" plot) (classed "cell" plot) do
                    number "x" bar, number "y" bar
                    number "x" bar + number "width" bar, number "y" bar + number "height" bar
            |]

        points
        |> Array.forall (fun (x, y) ->
            left - tolerance <= x && x <= right + tolerance && top - tolerance <= y && y <= bottom + tolerance))

let labels (root: XElement) = named "text" root |> Array.map _.Value

// ---- Figures to draw ----

let rollouts = Axis.Linear("Rollouts", "")
let exactMatch = Axis.Linear("Exact match", "%")

let curves (arms: string[]) =
    let x = [| 0.0..10.0..500.0 |]

    arms
    |> Array.mapi (fun i arm ->
        let y = x |> Array.map (fun x -> 8.0 + (20.0 + float i) * (1.0 - exp (-x / 120.0)))
        Curve.Band(arm, x, y, y |> Array.map (fun y -> y - 2.0), y |> Array.map (fun y -> y + 3.0)))

let threeArms = [| "GRPO"; "GRPO + coverage"; "David-GRPO" |]

let learning = Panel.Curves("Answers", rollouts, exactMatch, curves threeArms)

let rows =
    [|
        for set in [| "HotpotQA"; "MuSiQue" |] do
            for i, arm in Array.indexed threeArms do
                {
                    Category = set
                    Series = arm
                    Value = Estimate.PlusMinus(30.0 + float i * 9.0, 2.5)
                }
    |]

let heat =
    let values = [| [| 1.0; 2.0; 3.0 |]; [| 4.0; nan; 6.0 |] |]
    Panel.Heat("Heat", exactMatch, HeatMap.Sequential("down", [| "a"; "b" |], "across", [| "p"; "q"; "r" |], values))

let tree =
    Panel.Tree(
        "Tree",
        Axis.Linear("Tokens", ""),
        Branch
            .Of(BranchOrigin.Shared, "", 0.0, 40.0)
            .With(
                Branch
                    .Of(BranchOrigin.Policy, "member", 40.0, 100.0)
                    .With(Branch.Of(BranchOrigin.Continuation, "continuation", 70.0, 90.0).Noted "right"),
                Branch.Of(BranchOrigin.Expert, "expert", 40.0, 80.0)
            )
    )

let whole =
    Figure.Page(
        "Arms",
        "Three arms at one budget.",
        2,
        [|
            learning
            Panel.Curves("Loss", Axis.Logarithmic("Rollouts", ""), Axis.Logarithmic("Loss", "nats"), curves threeArms)
            Panel.Dots("Final", exactMatch, rows)
            Panel.Bars("Cost", Axis.Linear("Generated tokens", ""), rows)
            heat
            tree
        |]
    )

let column panel =
    Figure.Column("One panel", "", [| panel |])
