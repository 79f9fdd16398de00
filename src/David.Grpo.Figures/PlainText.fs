namespace David.Grpo.Figures

open System

/// Tables for a terminal or a log.
[<RequireQualifiedAccess>]
module PlainText =

    let private oneLine (text: string) : string =
        text.ReplaceLineEndings " "
        |> String.collect (fun character ->
            if Char.IsControl character then
                "\uFFFD"
            else
                string character)

    /// Titles of at most `width` characters, cut at the end, or in the middle where they would begin alike.
    [<CompiledName "Shorten">]
    let shorten (width: int) (titles: string[]) : string[] =
        let atEnd (title: string) =
            if title.Length <= width then
                title
            else
                title[.. width - 2].TrimEnd() + "…"

        let inside (title: string) =
            if title.Length <= width then
                title
            else
                title[.. width / 2 - 1].TrimEnd()
                + "…"
                + title[title.Length - (width - width / 2 - 1) ..].TrimStart()

        let cut = Array.map atEnd titles

        let isOnly short =
            (cut |> Array.filter ((=) short)).Length = 1

        (titles, cut) ||> Array.map2 (fun title short -> if isOnly short then short else inside title)

    /// Words in lines of at most `width`, but for a longer word.
    let private wrap (width: int) (text: string) : string =
        let add (lines: string list) (word: string) =
            match lines with
            | line :: before when line.Length + 1 + word.Length <= width -> (line + " " + word) :: before
            | _ -> word :: lines

        text.Split ' ' |> Array.fold add [] |> List.rev |> String.concat "\n"

    /// The indices of columns side by side within a width, each block led by the first column.
    let private blocks (width: int) (widths: int[]) : int[][] =
        let isWithin columns =
            widths[0] + List.sumBy (fun column -> 2 + widths[column]) columns <= width

        let add (blocks: int list list) column =
            match blocks with
            | block :: before when block = [] || isWithin (column :: block) -> (column :: block) :: before
            | _ -> [ column ] :: blocks

        [ 1 .. widths.Length - 1 ]
        |> List.fold add [ [] ]
        |> List.rev
        |> List.map (fun block -> Array.ofList (0 :: List.rev block))
        |> Array.ofList

    /// The table in lines of at most `width` (at least 20) characters, but for a cell that is wider by itself: where its columns
    /// do not fit side by side they stand in blocks one below the other. The first column leads each block, and its words are
    /// shortened to two fifths of the width. The caption stands above: name over unit, columns two blanks apart, numbers to the
    /// right, an asterisk behind the best values. Every line ends in "\n" and has no blank before it. Raises ArgumentException
    /// for a row without a cell for each column, and for a table without columns.
    [<CompiledName "RenderWithin">]
    let renderWithin (width: int) (table: Table) : string =
        TableContent.check table

        if table.Columns.Length = 0 then
            invalidArg "table" $"Table '{table.Caption}' has no columns."

        let best = TableContent.best table
        let halves = TableContent.writesHalves table

        let cell i j =
            match table.Rows[i][j] with
            | Cell.Words words -> oneLine words
            | Cell.Missing -> "–"
            | Cell.Number value ->
                let decimals = table.Columns[j].Decimals

                Number.fixedPoint decimals value.Value
                + Number.intervalText decimals (halves[j]) value
                + (if best[i][j] then "*" else "")

        // Where some values of a column are marked, the others keep the mark's place free, so that digits stay in line.
        let isMarked =
            table.Columns |> Array.mapi (fun j column -> column.Numeric && best |> Array.exists (Array.item j))

        let first =
            table.Rows |> Array.mapi (fun i _ -> cell i 0) |> shorten (max 8 (int (2L * int64 width / 5L)))

        let rows =
            table.Rows
            |> Array.mapi (fun i _ ->
                table.Columns
                |> Array.mapi (fun j _ ->
                    let text = if j = 0 then first[i] else cell i j

                    if isMarked[j] && not (text.EndsWith '*') then
                        text + " "
                    else
                        text))

        let names = table.Columns |> Array.map (_.Name >> oneLine)
        let units = table.Columns |> Array.map (_.Unit >> oneLine)

        let widths =
            table.Columns
            |> Array.mapi (fun j _ ->
                Array.append [| names; units |] rows |> Array.map (fun line -> line[j].Length) |> Array.max)

        let line (block: int[]) (cells: string[]) =
            let padded =
                block
                |> Array.map (fun j ->
                    if table.Columns[j].Numeric then
                        cells[j].PadLeft widths[j]
                    else
                        cells[j].PadRight widths[j])

            (String.concat "  " padded).TrimEnd() + "\n"

        let block columns =
            String.concat
                ""
                [|
                    line columns names
                    if columns |> Array.exists (fun j -> units[j] <> "") then
                        line columns units
                    String.replicate (Array.sumBy (fun j -> widths[j] + 2) columns - 2) "─" + "\n"
                    for row in rows do
                        line columns row
                |]

        (if table.Caption = "" then
             ""
         else
             wrap width (oneLine table.Caption) + "\n")
        + String.concat "\n" (blocks width widths |> Array.map block)

    /// The table as `renderWithin` has it, however wide it is.
    [<CompiledName "Render">]
    let render (table: Table) : string = renderWithin Int32.MaxValue table
