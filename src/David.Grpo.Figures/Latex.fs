namespace David.Grpo.Figures

open System

/// Tables as LaTeX, with the rules of the booktabs package.
[<RequireQualifiedAccess>]
module Latex =

    /// Text as it is, for pdflatex too, which knows few characters beyond ASCII.
    let private escape (text: string) : string =
        text.ReplaceLineEndings " "
        |> String.collect (fun character ->
            match character with
            | '\\' -> "\\textbackslash{}"
            | '~' -> "\\textasciitilde{}"
            | '^' -> "\\textasciicircum{}"
            | '&'
            | '%'
            | '$'
            | '#'
            | '_'
            | '{'
            | '}' -> $"\\{character}"
            | '<' -> "$<$"
            | '>' -> "$>$"
            | '|' -> "$|$"
            | '\u2212' -> "$-$"
            | '±' -> "$\\pm$"
            | '×' -> "$\\times$"
            | 'λ' -> "$\\lambda$"
            | '–' -> "--"
            | '…' -> "\\ldots{}"
            | '\u202F'
            | '\u2009' -> "\\,"
            | character when Char.IsControl character -> "?"
            | character -> string character)

    /// A number as it stands within $…$.
    let private math (decimals: int) (value: float) : string =
        if Double.IsFinite value && abs value >= 1e15 then
            let parts = (Number.scientific 2 value).Replace("\u2212", "-").Split "×10"
            let power = int (floor (log10 (abs value) + 1e-12))

            if parts.Length = 2 then
                $"{parts[0]} \\times 10^{{{power}}}"
            else
                $"10^{{{power}}}"
        else
            (Number.fixedPoint decimals value)
                .Replace("\u202F", "\\,")
                .Replace("\u2212", "-")
                .Replace("∞", "\\infty")
                .Replace("–", "\\text{--}")

    let private number (decimals: int) (isBest: bool) (asHalf: bool) (value: Estimate) : string =
        let mean =
            if isBest then
                $"\\mathbf{{{math decimals value.Value}}}"
            else
                math decimals value.Value

        let interval =
            match Number.interval asHalf value with
            | NumberInterval.None -> ""
            | NumberInterval.Half half -> $"_{{\\pm {math decimals half}}}"
            | NumberInterval.Bounds -> $"_{{[{math decimals value.Low},\\,{math decimals value.High}]}}"

        $"${mean}{interval}$"

    /// A table environment with caption and label, whose values have their intervals as subscripts, the best in bold. It
    /// needs \usepackage{booktabs}. The label may hold letters, digits, hyphens and colons. Raises ArgumentException for
    /// another label and for a row without a cell for each column.
    [<CompiledName "Render">]
    let render (label: string) (table: Table) : string =
        TableContent.check table

        if not (label |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = ':')) then
            invalidArg (nameof label) $"label is \"{label}\"; it may hold letters, digits, hyphens and colons."

        let best = TableContent.best table
        let halves = TableContent.writesHalves table

        let cell i j =
            match table.Rows[i][j] with
            | Cell.Words words -> escape words
            | Cell.Missing -> "--"
            | Cell.Number value -> number table.Columns[j].Decimals (best[i][j]) (halves[j]) value

        let line (cells: string[]) =
            "    " + String.concat " & " cells + " \\\\\n"

        let alignment =
            table.Columns |> Array.map (fun column -> if column.Numeric then "r" else "l") |> String.concat ""

        String.concat
            ""
            [|
                "\\begin{table}\n  \\centering\n"
                if table.Caption <> "" then
                    $"  \\caption{{{escape table.Caption}}}\n"
                if label <> "" then
                    $"  \\label{{{label}}}\n"
                $"  \\begin{{tabular}}{{{alignment}}}\n    \\toprule\n"
                line (table.Columns |> Array.map (TableContent.head >> escape))
                "    \\midrule\n"
                for i in 0 .. table.Rows.Length - 1 do
                    line (table.Columns |> Array.mapi (fun j _ -> cell i j))
                "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n"
            |]
