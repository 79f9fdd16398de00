namespace David.Grpo.Figures

open System
open System.Globalization

/// Tables as comma-separated values (RFC 4180, but with "\n" between lines).
[<RequireQualifiedAccess>]
module Csv =

    /// A field: quoted where it has to be.
    [<CompiledName "Field">]
    let field (text: string) : string =
        if text.AsSpan().IndexOfAny(",\"\r\n") < 0 then
            text
        else
            "\"" + text.Replace("\"", "\"\"") + "\""

    let private digits (value: float) : string =
        if Double.IsFinite value then
            value.ToString("R", CultureInfo.InvariantCulture)
        else
            ""

    /// The table without its caption: a line of names with their units, then a line a row. A column of numbers of which any
    /// has an interval becomes three: the value, "… low" and "… high". Numbers have all their digits; what is missing is empty.
    /// Raises ArgumentException for a row without a cell for each column.
    [<CompiledName "Render">]
    let render (table: Table) : string =
        TableContent.check table

        let hasInterval j =
            table.Rows
            |> Array.exists (fun row ->
                match row[j] with
                | Cell.Number value -> value.Low <> value.High
                | _ -> false)

        let intervals = Array.init table.Columns.Length hasInterval

        let names j =
            let name = TableContent.head table.Columns[j]

            if intervals[j] then
                [| name; name + " low"; name + " high" |]
            else
                [| name |]

        let values (row: Cell[]) j =
            let own =
                match row[j] with
                | Cell.Words words -> [| words; ""; "" |]
                | Cell.Missing -> [| ""; ""; "" |]
                | Cell.Number value -> [| digits value.Value; digits value.Low; digits value.High |]

            if intervals[j] then own else own[..0]

        let line (fields: string[]) =
            String.Join(",", fields |> Array.map field) + "\n"

        let columns = [| 0 .. table.Columns.Length - 1 |]

        String.concat
            ""
            [|
                line (columns |> Array.collect names)
                for row in table.Rows do
                    line (columns |> Array.collect (values row))
            |]
