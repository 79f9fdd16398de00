namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open System.Threading
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.EditorServices
open FSharp.Compiler.Interactive.Shell
open FSharp.Compiler.Text
open FSharp.Compiler.Tokenization
open David.Grpo.Notebooks.Interactive

/// F# cells: one session that each goes on. Relative files are those of the notebook's folder; `sources` has the sources of
/// packages that cells named so far.
[<Sealed>]
type internal FSharpKernel(folder: string, sources: IReadOnlyList<string>) =

    static let directive =
        Regex(@"^\s*#(r|load)\s+@?""([^""]+)""\s*$", RegexOptions.CultureInvariant)

    let packages = List<PackageName>()

    let session =
        lazy
            let started =
                FsiEvaluationSession.Create(
                    FsiEvaluationSession.GetDefaultConfiguration(),
                    // The program's own framework, not the SDK's reference assemblies, which may be absent.
                    [|
                        "fsi"
                        "--noninteractive"
                        "--nologo"
                        "--gui-"
                        "--quiet"
                        "--optimize+"
                        "--debug+"
                        "--multiemit+"
                        "--usesdkrefs-"
                    |],
                    TextReader.Null,
                    TextWriter.Null,
                    TextWriter.Null
                )

            let quoted (path: string) = path.Replace("\"", "\"\"")

            started.EvalInteraction(
                $"#r @\"{quoted typeof<CellFault>.Assembly.Location}\"\n"
                + "open System\nopen System.IO\nopen System.Text\nopen David.Grpo.Notebooks.Interactive"
            )

            started

    let describe (cell: string) (fault: FSharpDiagnostic) =
        let place =
            CellPlace.describe cell fault.FileName fault.StartLine
            |> Option.defaultValue $"{fault.FileName}({fault.StartLine})"

        $"{place}, column {fault.StartColumn + 1}: error {fault.ErrorNumberText}: {fault.Message}"

    let run (cell: string) (text: string) (cancellation: CancellationToken) =
        let result, faults =
            session.Value.EvalInteractionNonThrowing(text, Path.Combine(folder, cell + ".fsx"), cancellation)

        let errors =
            faults
            |> Array.filter (fun fault -> fault.Severity = FSharpDiagnosticSeverity.Error)
            |> Array.map (describe cell)
            |> Array.distinct

        match result with
        | Choice1Of2 value when Array.isEmpty errors -> value
        | Choice2Of2(:? OperationCanceledException as stopped) when cancellation.IsCancellationRequested ->
            raise stopped
        | Choice2Of2 failure when Array.isEmpty errors -> raise (CellPlace.ofException cell failure)
        | _ -> raise (CellFault("CompilationError", errors[0], errors))

    // Files become full names, the program's own assemblies where it has them; packages are restored and referred to.
    let prepare (cell: string) (text: string) (cancellation: CancellationToken) =
        let fresh = List<PackageName>()

        let lines =
            text.Split '\n'
            |> Array.map (fun line ->
                let found = directive.Match line

                if not found.Success then
                    line
                else
                    let named = found.Groups[2].Value

                    match found.Groups[1].Value with
                    | "r" when Packages.isPackage named ->
                        fresh.Add(Packages.parse named)
                        ""
                    | kind ->
                        let path = Path.GetFullPath(named, folder)

                        if not (File.Exists path) then
                            line
                        elif kind = "load" then
                            $"#load @\"{path}\""
                        else
                            ProgramAssemblies.add [ path ]
                            $"#r @\"{ProgramAssemblies.own path}\"")

        if fresh.Exists(packages.Contains >> not) then
            packages.AddRange(Seq.filter (packages.Contains >> not) fresh)
            let restored = Packages.restore folder sources packages cancellation
            ProgramAssemblies.add restored.Assemblies
            ProgramAssemblies.addNative restored.NativeFolders

            let references =
                restored.Assemblies
                |> Array.map (fun path -> $"#r @\"{ProgramAssemblies.own path}\"")
                |> String.concat "\n"

            run cell references cancellation |> ignore

        String.Join('\n', lines)

    /// Runs code under a cell's name; its last expression, if it ends in one that is not unit.
    member _.Evaluate(cell: string, text: string, cancellation: CancellationToken) : (obj | null) voption =
        match run cell (prepare cell text cancellation) cancellation with
        | Some value when value.ReflectionType <> typeof<unit> -> ValueSome value.ReflectionValue
        | _ -> ValueNone

    /// The value of a name of the cells, with its type.
    member _.TryFind(name: string) : (obj | null * Type) option =
        session.Value.TryFindBoundValue name
        |> Option.map (fun found -> found.Value.ReflectionValue, found.Value.ReflectionType)

    /// Binds a name to a value. Values of types that F# cannot name are `obj`.
    member _.Declare(name: string, value: obj | null, cancellation: CancellationToken) : unit =
        let rec written (shown: Type) : string =
            if shown.IsArray then
                let commas = String(',', shown.GetArrayRank() - 1)
                $"{written (nonNull (shown.GetElementType()))}[{commas}]"
            else
                SharedValue.NameOf(shown, written, "global.")

        let declared, reference =
            match value with
            | null -> "obj", ""
            | value when SharedValue.CanName(value.GetType()) ->
                let file = value.GetType().Assembly.Location
                // A second reference to the framework's own would be another System.String.
                let reference =
                    if ProgramAssemblies.isFramework file then
                        ""
                    else
                        $"#r @\"{file}\"\n"

                written (value.GetType()), reference
            | _ -> "obj", ""

        SharedValue.Put value

        run
            "share"
            $"{reference}let {name} = unbox<{declared}> (David.Grpo.Notebooks.Interactive.SharedValue.Take())"
            cancellation
        |> ignore

    /// The session, started if it was not.
    member _.Session: FsiEvaluationSession = session.Value

    member private _.Check(text: string) =
        let parsed, checkedNow, _ = session.Value.ParseAndCheckInteraction text
        parsed, checkedNow

    /// Names that the cursor could stand in, [] of them where there is none.
    member kernel.Complete(text: string, cursor: int) : CompletionList =
        let first, qualifiers = DottedName.before text cursor
        let typed = text.Substring(first, cursor - first)
        let line = text.Substring(0, cursor).Split('\n').Length
        let start = text.LastIndexOf('\n', max 0 (cursor - 1)) + 1
        let whole = text.Split('\n')[line - 1]
        let parsed, found = kernel.Check text

        let name: PartialLongName =
            {
                QualifyingIdents = qualifiers
                PartialIdent = typed
                EndColumn = cursor - start
                LastDotPos =
                    if first > 0 && text[first - 1] = '.' then
                        Some(first - 1 - start)
                    else
                        None
            }

        {
            Matches =
                found.GetDeclarationListInfo(Some parsed, line, whole, name).Items
                |> Array.map _.NameInList
                |> Array.filter _.StartsWith(typed, StringComparison.OrdinalIgnoreCase)
                |> Array.distinct
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            Start = first
            End = cursor
        }

    /// What the name at the cursor is; null where nothing is known.
    member kernel.Inspect(text: string, cursor: int) : string | null =
        let cursor = DottedName.around text cursor
        let first, qualifiers = DottedName.before text cursor
        let line = text.Substring(0, cursor).Split('\n').Length
        let start = text.LastIndexOf('\n', max 0 (cursor - 1)) + 1
        let _, found = kernel.Check text

        let (ToolTipText elements) =
            found.GetToolTip(
                line,
                cursor - start,
                text.Split('\n')[line - 1],
                qualifiers @ [ text.Substring(first, cursor - first) ],
                FSharpTokenTag.Identifier
            )

        let said =
            [
                for element in elements do
                    match element with
                    | ToolTipElement.Group items ->
                        for item in items do
                            item.MainDescription.Text
                    | _ -> ()
            ]

        if List.isEmpty said then null else String.concat "\n" said

    /// Whether the code is whole, as a console asks before it runs a line.
    member kernel.IsComplete(text: string) : bool =
        let parsed, _ = kernel.Check text

        parsed.Diagnostics
        |> Array.exists (fun fault ->
            fault.Message.Contains("Incomplete structured construct", StringComparison.Ordinal)
            || fault.Message.Contains("Unexpected end of input", StringComparison.Ordinal)
            || fault.Message.Contains("End of file", StringComparison.Ordinal))
        |> not
