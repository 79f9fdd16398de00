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

    /// The table with its caption above it: name over unit, columns two blanks apart, numbers to the right, an asterisk behind
    /// the best values. Every line ends in "\n" and has no blank before it. Raises ArgumentException for a row without a cell
    /// for each column.
    [<CompiledName "Render">]
    let render (table: Table) : string =
        TableContent.check table
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

        let heads =
            [|
                table.Columns |> Array.map (_.Name >> oneLine)
                if table.Columns |> Array.exists (fun column -> column.Unit <> "") then
                    table.Columns |> Array.map (_.Unit >> oneLine)
            |]

        let rows =
            table.Rows |> Array.mapi (fun i _ -> table.Columns |> Array.mapi (fun j _ -> cell i j))

        // Where some values of a column are marked, the others keep the mark's place free, so that digits stay in line.
        let rows =
            rows
            |> Array.map (
                Array.mapi (fun j text ->
                    if table.Columns[j].Numeric && best |> Array.exists (Array.item j) && not (text.EndsWith '*') then
                        text + " "
                    else
                        text)
            )

        let widths =
            table.Columns
            |> Array.mapi (fun j _ -> Array.append heads rows |> Array.map (fun line -> line[j].Length) |> Array.max)

        let line (cells: string[]) =
            let padded =
                cells
                |> Array.mapi (fun j text ->
                    if table.Columns[j].Numeric then
                        text.PadLeft widths[j]
                    else
                        text.PadRight widths[j])

            (String.concat "  " padded).TrimEnd() + "\n"

        String.concat
            ""
            [|
                if table.Caption <> "" then
                    oneLine table.Caption + "\n"
                for head in heads do
                    line head
                String.replicate (Array.sum widths + 2 * (widths.Length - 1)) "─" + "\n"
                for row in rows do
                    line row
            |]
