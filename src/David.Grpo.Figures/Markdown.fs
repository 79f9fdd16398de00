namespace David.Grpo.Figures

open System

/// Tables as Markdown, in GitHub's dialect.
[<RequireQualifiedAccess>]
module Markdown =

    /// Text as it is, on one line.
    let private escape (text: string) : string =
        text.ReplaceLineEndings " "
        |> String.collect (fun character ->
            match character with
            | '\\'
            | '`'
            | '*'
            | '_'
            | '['
            | ']'
            | '<'
            | '|' -> $"\\{character}"
            | character when Char.IsControl character -> "\uFFFD"
            | character -> string character)

    /// The table with its caption above it, the best values in bold. Raises ArgumentException for a row without a cell for
    /// each column.
    [<CompiledName "Render">]
    let render (table: Table) : string =
        TableContent.check table
        let best = TableContent.best table
        let halves = TableContent.writesHalves table

        let cell i j =
            match table.Rows[i][j] with
            | Cell.Words words -> escape words
            | Cell.Missing -> "–"
            | Cell.Number value ->
                let decimals = table.Columns[j].Decimals
                let mean = Number.fixedPoint decimals value.Value
                let mean = if best[i][j] then $"**{mean}**" else mean
                mean + Number.intervalText decimals (halves[j]) value

        let line (cells: string[]) =
            "| " + String.concat " | " cells + " |\n"

        String.concat
            ""
            [|
                if table.Caption <> "" then
                    escape table.Caption + "\n\n"
                line (table.Columns |> Array.map (TableContent.head >> escape))
                line (table.Columns |> Array.map (fun column -> if column.Numeric then "---:" else "---"))
                for i in 0 .. table.Rows.Length - 1 do
                    line (table.Columns |> Array.mapi (fun j _ -> cell i j))
            |]
