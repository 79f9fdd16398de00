namespace David.Grpo.Figures

open System

/// What every way of writing a table needs to know of it.
[<RequireQualifiedAccess>]
module internal TableContent =

    /// Raises ArgumentException, with the row and the mend, for a row without a cell for each column.
    let check (table: Table) : unit =
        for i, row in Array.indexed table.Rows do
            if row.Length <> table.Columns.Length then
                invalidArg
                    "table"
                    $"Table '{table.Caption}', row {i + 1} has {row.Length} cells; it has {table.Columns.Length} columns. Use Cell.Missing for what was not measured."

    /// A column's name with its unit.
    let head (column: TableColumn) : string =
        if column.Unit = "" then
            column.Name
        else
            $"{column.Name} ({column.Unit})"

    /// For each row of a column, whether its value is the best, or as good to the places shown.
    let private isBest (column: TableColumn) (cells: Cell[]) : bool[] =
        let value cell =
            match cell with
            | Cell.Number estimate when Double.IsFinite estimate.Value -> Some estimate.Value
            | _ -> None

        let best (choose: float[] -> float) =
            match Array.choose value cells with
            | [||] -> Array.map (fun _ -> false) cells
            | values ->
                let shown = Number.fixedPoint column.Decimals (choose values)
                cells |> Array.map (value >> Option.exists (fun v -> Number.fixedPoint column.Decimals v = shown))

        match column.Best with
        | Best.Unmarked -> Array.map (fun _ -> false) cells
        | Best.Highest -> best Array.max
        | Best.Lowest -> best Array.min

    /// Whether each cell is the best of its column, [rows][columns].
    let best (table: Table) : bool[][] =
        let columns =
            table.Columns |> Array.mapi (fun j column -> isBest column (table.Rows |> Array.map (Array.item j)))

        table.Rows |> Array.mapi (fun i _ -> columns |> Array.map (Array.item i))

    /// Whether a column's intervals are written as ± a half: where all of them are symmetric, [columns].
    let writesHalves (table: Table) : bool[] =
        table.Columns
        |> Array.mapi (fun j column ->
            table.Rows
            |> Array.forall (fun row ->
                match row[j] with
                | Cell.Number value -> Number.isSymmetric column.Decimals value
                | _ -> true))
