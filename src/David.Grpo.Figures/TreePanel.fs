namespace David.Grpo.Figures

/// A branch with the row it lies in, counted from 0 downwards; between rows for one without a row of its own.
type internal PlacedBranch =
    {
        Branch: Branch
        Row: float
        Children: PlacedBranch[]
    }

    /// The branch and all that grow from it, parents before children.
    member placed.All: PlacedBranch list =
        placed :: (placed.Children |> List.ofArray |> List.collect _.All)

    /// Where continuations cut in before its end, in order.
    member placed.Cuts: float[] =
        placed.Children
        |> Array.map _.Branch
        |> Array.filter (fun child -> child.Origin = BranchOrigin.Continuation && child.Start < placed.Branch.End)
        |> Array.map _.Start
        |> Array.distinct
        |> Array.sort

/// A group's rollout tree, its trajectories below each other.
[<RequireQualifiedAccess>]
module internal TreePanel =

    open Drawing

    let private rowHeight = 19.0
    let private keyHeight = 17.0
    let private keyGap = 14.0
    let private swatch = 20.0

    /// The entry of the key for what a continuation cut off.
    let private cutName = "cut"

    let private droppedName = "left the group"

    let nameOf (origin: BranchOrigin) : string =
        match origin with
        | BranchOrigin.Shared -> "shared prefix"
        | BranchOrigin.Policy -> "policy"
        | BranchOrigin.Expert -> "expert"
        | BranchOrigin.Continuation -> "continuation"

    /// Whether a branch has a row of its own.
    let hasRow (branch: Branch) : bool =
        branch.Name <> "" || branch.Branches.Length = 0

    /// Each branch below its parent and above its parent's next branch; `next` is the first free row, as is the result's.
    let rec private place (next: int) (branch: Branch) : PlacedBranch * int =
        let own = hasRow branch

        let children, free =
            branch.Branches |> Array.mapFold place (if own then next + 1 else next)

        {
            Branch = branch
            Row =
                if own then
                    float next
                else
                    children |> Array.averageBy _.Row
            Children = children
        },
        free

    /// The tree with its rows, and their number.
    let rows (root: Branch) : PlacedBranch * int = place 0 root

    /// The axis of positions with all of the tree on it.
    let reach (position: Axis) (all: PlacedBranch list) : struct (float * float) voption =
        all
        |> List.collect (fun placed -> [ placed.Branch.Start; placed.Branch.End ])
        |> Array.ofList
        |> rangeOf position

    /// What the key explains: a name, and the origin whose line it shows.
    let private keyOf (all: PlacedBranch list) : (string * BranchOrigin voption) list =
        [
            for origin in
                [
                    BranchOrigin.Shared
                    BranchOrigin.Policy
                    BranchOrigin.Expert
                    BranchOrigin.Continuation
                ] do
                if all |> List.exists (fun placed -> placed.Branch.Origin = origin) then
                    nameOf origin, ValueSome origin
            if all |> List.exists (fun placed -> placed.Cuts.Length > 0) then
                cutName, ValueNone
            if all |> List.exists _.Branch.IsDropped then
                droppedName, ValueNone
        ]

    /// The key's entries with their places, in lines no wider than `width`.
    let private keyPlaces (width: float) (names: string list) : (float * float) list =
        let own name =
            swatch + 5.0 + Lettering.width tickSize name + keyGap

        names
        |> List.mapFold
            (fun (x, line) name ->
                let x, line =
                    if x > 0.0 && x + own name - keyGap > width then
                        0.0, line + 1
                    else
                        x, line

                (x, float line * keyHeight), (x + own name, line))
            (0.0, 0)
        |> fst

    let private pen (look: Look) (origin: BranchOrigin) =
        look.Width(if origin = BranchOrigin.Shared then 3.0 else 1.9)

    let private line (look: Look) (origin: BranchOrigin) (opacity: string) (d: string) =
        let style = Look.ofOrigin look origin

        Markup.element
            "path"
            ([
                "class", "branch"
                "d", d
                "fill", "none"
                "stroke", style.Colour
                "stroke-opacity", opacity
                pen look origin
             ]
             @ CurvePanel.dashes style)
            []

    let private cutMark (look: Look) x y =
        stroke x (y - 6.0) x (y + 6.0) [ "class", "cut"; "stroke", "currentColor"; look.Width 1.8 ]

    let private faint = ".3"

    let private drawKey (look: Look) (left: float) (top: float) (width: float) (all: PlacedBranch list) =
        let entries = keyOf all

        [
            for (name, origin), (x, y) in List.zip entries (keyPlaces width (List.map fst entries)) do
                let x, y = left + x, top + y + keyHeight / 2.0
                let level = $"M{number x} {number y}L{number (x + swatch)} {number y}"

                match origin with
                | ValueSome origin ->
                    line look origin "1" level

                    if origin <> BranchOrigin.Shared then
                        markerOf "key-marker" (Look.ofOrigin look origin) (x + swatch) y 2.8
                | ValueNone when name = cutName -> cutMark look (x + swatch / 2.0) y
                | ValueNone -> line look BranchOrigin.Policy faint level

                lettering (x + swatch + 6.0) (y + 0.35 * tickSize) tickSize [ muted ] name
        ]

    let plan (look: Look) (width: float) panel (position: Axis) (root: Branch) : Plan =
        let tree, count = rows root
        let all = tree.All
        let named = all |> List.filter (fun placed -> hasRow placed.Branch)

        let names =
            named
            |> List.map (fun placed -> Lettering.wrap (0.3 * width) labelSize 1 placed.Branch.Name |> String.concat "")

        let notes =
            named
            |> List.map (fun placed -> Lettering.wrap (0.32 * width) tickSize 1 placed.Branch.Note |> String.concat "")

        let nameWidth = names |> Array.ofList |> widest labelSize
        let noteWidth = notes |> Array.ofList |> widest tickSize

        let keyLines =
            match keyPlaces width (keyOf all |> List.map fst) with
            | [] -> 0.0
            | places -> (places |> List.map snd |> List.max) / keyHeight + 1.0

        let keyRoom = keyLines * keyHeight + 6.0

        match reach position all with
        | ValueNone ->
            {
                Panel = panel
                Above = ""
                Below = position.Name
                Left = 24.0
                Right = 12.0
                Height = 60.0
                Foot = axisLine
                Draw = noData
                Summary = "no data"
            }
        | ValueSome(struct (low, high) as range) ->
            let decimals = Number.decimalsFor (high - low) |> min 1

            let overhang =
                widest tickSize (horizontalTicks position range width |> Array.map _.Label) / 2.0

            let left = max 12.0 overhang

            let draw (whole: Frame) =
                // The key stands over the tree.
                let frame =
                    { whole with
                        Top = whole.Top + keyRoom
                        Height = whole.Height - keyRoom
                    }

                let across = Drawing.place position range frame.Left frame.Right
                let step = frame.Height / float (max 1 count)
                let level (row: float) = frame.Top + (row + 0.5) * step

                /// The branch's own text, and how it leaves its parent.
                let drawBranch (parent: PlacedBranch voption) (placed: PlacedBranch) =
                    let branch = placed.Branch
                    let y, x1, x2 = level placed.Row, across branch.Start, across branch.End
                    let opacity = if branch.IsDropped then faint else "1"

                    let turn =
                        match parent with
                        | ValueSome parent when parent.Row <> placed.Row ->
                            let from = level parent.Row
                            let bend = min 5.0 (abs (y - from)) |> min (max 0.0 (x2 - x1))
                            let beside = if y > from then y - bend else y + bend

                            $"M{number x1} {number from}L{number x1} {number beside}Q{number x1} {number y} {number (x1 + bend)} {number y}"
                        | _ -> $"M{number x1} {number y}"

                    match placed.Cuts with
                    | [||] -> [ line look branch.Origin opacity $"{turn}L{number x2} {number y}" ]
                    | cuts ->
                        let cut = across cuts[0]

                        [
                            line look branch.Origin opacity $"{turn}L{number cut} {number y}"
                            line look branch.Origin faint $"M{number cut} {number y}L{number x2} {number y}"
                        ]

                let rec drawn (parent: PlacedBranch voption) (placed: PlacedBranch) : Markup list =
                    // Children first, so that a parent's line lies over the ends of theirs.
                    (placed.Children |> List.ofArray |> List.collect (drawn (ValueSome placed)))
                    @ drawBranch parent placed

                [
                    yield! uprights position range frame
                    yield! horizontalAxis position range frame
                    clipped
                        frame
                        [
                            yield! drawn ValueNone tree
                            for placed in all do
                                for cut in placed.Cuts do
                                    cutMark look (across cut) (level placed.Row)
                        ]
                    for placed, name, note in List.zip3 named names notes do
                        let y, tip = level placed.Row, across placed.Branch.End

                        if low <= placed.Branch.End && placed.Branch.End <= high then
                            if placed.Branch.Origin <> BranchOrigin.Shared && not placed.Branch.IsDropped then
                                marker (Look.ofOrigin look placed.Branch.Origin) tip y 3.4

                            if name <> "" && tip + 8.0 < frame.Right + 8.0 then
                                stroke
                                    (tip + 7.0)
                                    y
                                    (frame.Right + 8.0)
                                    y
                                    [
                                        "class", "leader"
                                        "stroke", "currentColor"
                                        "stroke-opacity", ".35"
                                        "stroke-dasharray", "1 3"
                                    ]

                        lettering (frame.Right + 12.0) (y + 0.35 * labelSize) labelSize [] name

                        if note <> "" then
                            lettering (frame.Right + 22.0 + nameWidth) (y + 0.35 * labelSize) tickSize [ muted ] note
                    yield! drawKey look (whole.Left - left) whole.Top width all
                ]

            let said (placed: PlacedBranch) =
                let branch = placed.Branch
                let at value = Number.fixedPoint decimals value
                let note = if branch.Note = "" then "" else $", {branch.Note}"
                let dropped = if branch.IsDropped then $", {droppedName}" else ""
                $"{branch.Name} ({nameOf branch.Origin}) {at branch.Start} to {at branch.End}{note}{dropped}"

            {
                Panel = panel
                Above = ""
                Below = position.Name
                Left = left
                Right = max (overhang + 2.0) (nameWidth + 16.0 + (if noteWidth > 0.0 then noteWidth + 10.0 else 0.0))
                Height = keyRoom + rowHeight * float (max 2 count)
                Foot = axisLine
                Draw = draw
                Summary = named |> List.map said |> String.concat "; "
            }
