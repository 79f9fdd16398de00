namespace David.Grpo.Notebooks

open System
open System.IO

/// A cell that cannot be compiled or that threw: a short name, what is wrong, and lines that say where.
exception internal CellFault of name: string * text: string * trace: string[] with
    override this.Message = this.text

/// The places of a notebook's cells in faults. A cell's code is compiled under the name "cell-3".
[<RequireQualifiedAccess>]
module internal CellPlace =

    let private prefix = "cell-"

    let name (number: int) : string = $"{prefix}{number}"

    /// "line 3" in the cell itself, "cell 2, line 3" in another; None for what is no cell.
    let describe (cell: string) (file: string) (line: int) : string option =
        let name = Path.GetFileNameWithoutExtension file |> string

        if name = cell then
            Some $"line {line}"
        elif name.StartsWith(prefix, StringComparison.Ordinal) then
            Some $"""{name.Replace('-', ' ')}, line {line}"""
        else
            None

    /// The fault of an exception that a cell threw.
    let ofException (cell: string) (failure: exn) : exn =
        let place, text = StackText.describe (describe cell) failure
        let lines = text.Split '\n'

        let typeName, message =
            match lines[0].Split(": ", 2) with
            | [| name; message |] -> name, message
            | _ -> "Exception", lines[0]

        let place =
            place |> Option.map (fun place -> place + ": ") |> Option.defaultValue ""

        CellFault(typeName, place + message, Array.append [| place + lines[0] |] lines[1..])
