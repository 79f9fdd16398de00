namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.ComponentModel
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks

/// What is told while a notebook runs.
type CellProgress =
    {
        /// From 1, of the cells with code.
        Number: int
        /// Of the cells with code.
        Count: int
        /// Its first line of code.
        Title: string
        /// Seconds it took; nothing while it runs.
        Seconds: float voption
    }

/// How a notebook is run.
type NotebookOptions =
    {
        /// Values for names that the cell tagged "parameters" defines, by name.
        Parameters: KeyValuePair<string, string>[]
        /// The longest that a cell may take.
        Timeout: TimeSpan voption
    }

/// How a run of a notebook ended.
type NotebookResult =
    {
        /// The cell that failed, from 1, of the cells with code; nothing where all ended well.
        Failed: int voption
        /// What failed, with its lines.
        Fault: string
    }

/// A notebook file (nbformat 4) with F# and C# cells.
[<Sealed>]
type Notebook private (path: string, root: JsonObject) =

    static let text (node: JsonNode | null) =
        match node with
        | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String -> value.GetValue<string>()
        | _ -> ""

    static let rec find (path: string list) (node: JsonNode | null) : JsonNode | null =
        match path, node with
        | [], found -> found
        | key :: rest, (:? JsonObject as fields) -> find rest fields[key]
        | _ -> null

    let cells =
        match root["cells"] with
        | :? JsonArray as cells ->
            [|
                for cell in cells do
                    match cell with
                    | :? JsonObject as cell when text cell["cell_type"] = "code" -> cell
                    | _ -> ()
            |]
        | _ -> [||]

    let language =
        [
            [ "metadata"; "polyglot_notebook"; "kernelInfo"; "defaultKernelName" ]
            [ "metadata"; "kernelspec"; "language" ]
            [ "metadata"; "kernelspec"; "name" ]
            [ "metadata"; "language_info"; "name" ]
        ]
        |> List.tryPick (fun path -> CellText.tryLanguage (text (find path root)))

    // VS Code keeps a cell's language beside it, Jupyter in its first line.
    let languageOf (cell: JsonObject) (standard: CellLanguage) =
        [
            [ "metadata"; "polyglot_notebook"; "kernelName" ]
            [ "metadata"; "dotnet_interactive"; "language" ]
        ]
        |> List.tryPick (fun path -> CellText.tryLanguage (text (find path cell)))
        |> Option.defaultValue standard

    let isTagged (tag: string) (cell: JsonObject) =
        match find [ "metadata"; "tags" ] cell with
        | :? JsonArray as tags -> tags |> Seq.exists (fun own -> text own = tag)
        | _ -> false

    let title (source: string) =
        let line =
            source.Split '\n'
            |> Array.map _.Trim()
            |> Array.tryFind (fun line -> line <> "" && not (line.StartsWith "#!"))
            |> Option.defaultValue ""

        if line.Length > 60 then
            line.Substring(0, 59) + "…"
        else
            line

    static let output (kind: string) (fields: (string * (JsonNode | null)) list) =
        let result = JsonObject()

        for name, value in ("output_type", (JsonValue.Create kind :> JsonNode | null)) :: fields do
            result[name] <- value

        result

    // Neighbouring pieces of a stream are one output.
    static let add (outputs: List<CellOutput>) (next: CellOutput) =
        match next with
        | CellOutput.Stream(name, text) when outputs.Count > 0 ->
            match outputs[outputs.Count - 1] with
            | CellOutput.Stream(last, before) when last = name ->
                outputs[outputs.Count - 1] <- CellOutput.Stream(name, before + text)
            | _ -> outputs.Add next
        | _ -> outputs.Add next

    static let written (number: int) (shown: CellOutput) : JsonNode =
        match shown with
        | CellOutput.Stream(name, text) ->
            output "stream" [ "name", JsonValue.Create name; "text", NotebookJson.lines text ]
        | CellOutput.Shown bundle ->
            output "display_data" [ "data", NotebookJson.data true bundle; "metadata", JsonObject() ]
        | CellOutput.Value bundle ->
            output
                "execute_result"
                [
                    "execution_count", JsonValue.Create number
                    "data", NotebookJson.data true bundle
                    "metadata", JsonObject()
                ]
        | CellOutput.Fault(name, text, trace) ->
            output
                "error"
                [
                    "ename", JsonValue.Create name
                    "evalue", JsonValue.Create text
                    "traceback", JsonArray(trace |> Array.map (fun line -> JsonValue.Create line :> JsonNode | null))
                ]

    let standard () =
        match language with
        | Some found -> found
        | None ->
            let named = text (find [ "metadata"; "kernelspec"; "name" ] root)

            raise (
                ScriptException
                    $"{path}: its kernel is '{named}', which has neither F# nor C# cells. Set metadata.kernelspec.language to \"F#\" or \"C#\"."
            )

    let assign (session: CellSession) (standard: CellLanguage) (parameter: KeyValuePair<string, string>) =
        task {
            match! session.TypeOf(standard, parameter.Key) with
            | null ->
                raise (
                    ScriptException
                        $"{path}: no cell tagged \"parameters\" defines '{parameter.Key}', which --param gives a value."
                )
            | wanted ->
                let value =
                    try
                        TypeDescriptor.GetConverter(wanted).ConvertFromInvariantString parameter.Value
                    with failure ->
                        raise (
                            ScriptException
                                $"{path}: parameter {parameter.Key} is a {wanted.Name}, and '{parameter.Value}' is none: {failure.Message}"
                        )

                do! session.AssignAsync(standard, parameter.Key, nonNull value)
        }

    /// Reads a notebook. Raises ScriptException for a file that is none.
    static member Read(path: string) : Notebook =
        let path = Path.GetFullPath path

        if not (File.Exists path) then
            raise (ScriptException $"There is no notebook {path}.")

        try
            match JsonNode.Parse(File.ReadAllText path) with
            | :? JsonObject as root when (find [ "nbformat" ] root |> string) = "4" -> Notebook(path, root)
            | _ -> raise (ScriptException $"{path} is no notebook of format 4 (nbformat).")
        with :? JsonException as failure ->
            raise (ScriptException $"{path} is no notebook: {failure.Message}")

    /// The cells with code.
    member _.CellCount: int = cells.Length

    /// Runs every cell with code from the first, in a session of its own, and takes over what each shows; ends at the first
    /// that fails. Cells after it keep what they had. Files that cells name are relative to the notebook's folder.
    member _.RunAsync
        (options: NotebookOptions, progress: Action<CellProgress>, cancellation: CancellationToken)
        : Task<NotebookResult> =
        task {
            let standard = standard ()
            let tagged = cells |> Array.tryFindIndex (isTagged "parameters")

            if options.Parameters.Length > 0 && tagged.IsNone then
                raise (
                    ScriptException
                        $"{path} has no cell tagged \"parameters\", so --param has nothing to set. Tag the cell that defines them (metadata.tags)."
                )

            let before = Directory.GetCurrentDirectory()
            Directory.SetCurrentDirectory(Path.GetDirectoryName path |> string)
            use session = new CellSession(Path.GetDirectoryName path |> string)
            use _ = cancellation.Register(fun () -> session.Interrupt())
            let mutable result = { Failed = ValueNone; Fault = "" }
            let mutable index = 0

            try
                while index < cells.Length && result.Failed.IsNone do
                    cancellation.ThrowIfCancellationRequested()
                    let cell = cells[index]
                    let number = index + 1
                    let source = NotebookJson.joined cell["source"]
                    let language = languageOf cell standard
                    let outputs = List<CellOutput>()

                    let told seconds =
                        progress.Invoke
                            {
                                Number = number
                                Count = cells.Length
                                Title = title source
                                Seconds = seconds
                            }

                    told ValueNone
                    let watch = Stopwatch.StartNew()

                    use timer =
                        new Timer(
                            (fun _ -> session.Interrupt()),
                            null,
                            (match options.Timeout with
                             | ValueSome longest -> longest
                             | ValueNone -> Timeout.InfiniteTimeSpan),
                            Timeout.InfiniteTimeSpan
                        )

                    let! isDone =
                        session.RunAsync(
                            number,
                            language,
                            source,
                            (fun next -> lock outputs (fun () -> add outputs next))
                        )

                    timer.Change(Timeout.Infinite, Timeout.Infinite) |> ignore
                    cancellation.ThrowIfCancellationRequested()
                    told (ValueSome watch.Elapsed.TotalSeconds)

                    lock outputs (fun () ->
                        // It was the clock that stopped it.
                        if not isDone && options.Timeout.IsSome && watch.Elapsed >= options.Timeout.Value then
                            let seconds =
                                options.Timeout.Value.TotalSeconds.ToString(CultureInfo.InvariantCulture)

                            let said = $"The cell took longer than {seconds} s and was stopped."
                            outputs[outputs.Count - 1] <- CellOutput.Fault("Timeout", said, [| said |])

                        cell["execution_count"] <- JsonValue.Create number
                        cell["outputs"] <- JsonArray(outputs |> Seq.map (written number) |> Seq.toArray)

                        if not isDone then
                            match outputs[outputs.Count - 1] with
                            | CellOutput.Fault(_, _, trace) ->
                                result <-
                                    {
                                        Failed = ValueSome number
                                        Fault = String.Join('\n', trace)
                                    }
                            | _ -> ())

                    if result.Failed.IsNone && tagged = Some index then
                        for parameter in options.Parameters do
                            do! assign session (languageOf cell standard) parameter

                    index <- index + 1

                return result
            finally
                Directory.SetCurrentDirectory before
        }

    /// Writes the notebook with what its cells showed, whole or not at all.
    member _.Write(target: string) : unit =
        let target = Path.GetFullPath target
        let fresh = target + ".new"
        File.WriteAllText(fresh, NotebookJson.text root, UTF8Encoding false)
        File.Move(fresh, target, overwrite = true)
