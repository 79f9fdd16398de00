namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax
open Microsoft.CodeAnalysis.Text
open David.Grpo.Notebooks.Interactive

/// C# cells: each builds on those before it. Relative files are those of the notebook's folder; `sources` has the sources of
/// packages that cells named so far.
[<Sealed>]
type internal CSharpKernel(folder: string, sources: IReadOnlyList<string>) =

    static let imports =
        [
            "System"
            "System.Collections"
            "System.Collections.Generic"
            "System.IO"
            "System.Linq"
            "System.Text"
            "System.Threading"
            "System.Threading.Tasks"
            "David.Grpo.Notebooks.Interactive"
        ]

    let used = HashSet<string>()
    let packages = List<PackageName>()
    let mutable packageReferences: MetadataReference list option = None
    let mutable previous: CSharpCompilation | null = null
    // The globals, then each submission at its own place.
    let mutable states: (obj | null)[] =
        Array.append [| CellGlobals() |] (Array.create 63 null)

    let mutable submissions = 0

    let parse (cell: string) (text: string) =
        CSharpSyntaxTree.ParseText(
            SourceText.From(text, Encoding.UTF8),
            Submission.parsing,
            Path.Combine(folder, cell + ".csx")
        )

    let directives () =
        match previous with
        | null -> Seq.empty
        | compilation -> compilation.DirectiveReferences

    let references (tree: SyntaxTree) (cancellation: CancellationToken) =
        let fresh = Submission.packages tree |> Array.filter (packages.Contains >> not)

        match packageReferences with
        | Some known when Array.isEmpty fresh -> known
        | _ ->
            let restored =
                Packages.restore folder sources (Seq.append packages fresh) cancellation

            packages.AddRange fresh
            ProgramAssemblies.add restored.Assemblies
            ProgramAssemblies.addNative restored.NativeFolders
            let all = Submission.references restored |> List.ofSeq
            packageReferences <- Some all
            all

    let compile (name: string) (tree: SyntaxTree) (cancellation: CancellationToken) =
        Submission.create
            name
            tree
            (Seq.append (references tree cancellation) (directives () |> Seq.cast<MetadataReference>)
             |> Seq.distinct)
            (if isNull previous then imports else [])
            folder
            used
            previous
            typeof<obj>
            typeof<CellGlobals>

    let describe (cell: string) (fault: Diagnostic) =
        let place = fault.Location.GetMappedLineSpan()

        if place.IsValid then
            let start = place.StartLinePosition

            let file =
                CellPlace.describe cell place.Path (start.Line + 1)
                |> Option.defaultValue (Submission.describe fault)

            $"{file}, column {start.Character + 1}: error {fault.Id}: {fault.GetMessage()}"
        else
            $"error {fault.Id}: {fault.GetMessage()}"

    let endsInExpression (tree: SyntaxTree) =
        match tree.GetRoot() with
        | :? CompilationUnitSyntax as root when root.Members.Count > 0 ->
            match root.Members[root.Members.Count - 1] with
            | :? GlobalStatementSyntax as last ->
                match last.Statement with
                | :? ExpressionStatementSyntax as expression -> expression.SemicolonToken.IsMissing
                | :? ReturnStatementSyntax -> true
                | _ -> false
            | _ -> false
        | _ -> false

    /// Runs code under a cell's name; its last expression, if it ends in one. `wait` ends when the task has.
    member _.Evaluate
        (cell: string, text: string, wait: Task -> unit, cancellation: CancellationToken)
        : (obj | null) voption =
        let tree = parse cell text
        let compilation = compile ("cells-" + Guid.NewGuid().ToString "N") tree cancellation

        match Submission.emit compilation cancellation with
        | Error faults ->
            let lines = faults |> Array.map (describe cell) |> Array.distinct
            raise (CellFault("CompilationError", lines[0], lines))
        | Ok None ->
            ProgramAssemblies.add used
            previous <- compilation
            ValueNone
        | Ok(Some(assembly, symbols)) ->
            ProgramAssemblies.add used
            submissions <- submissions + 1

            if submissions + 1 >= states.Length then
                Array.Resize(&states, states.Length * 2)

            try
                let running = Submission.start assembly symbols states
                // What a cell declared before it threw stays, as in any notebook.
                previous <- compilation
                wait running

                match running with
                | :? Task<obj> as running when endsInExpression tree -> ValueSome(running.GetAwaiter().GetResult())
                | _ ->
                    running.GetAwaiter().GetResult()
                    ValueNone
            with
            | :? OperationCanceledException when cancellation.IsCancellationRequested -> reraise ()
            | failure -> raise (CellPlace.ofException cell failure)

    member private _.Field(name: string) =
        states
        |> Seq.rev
        |> Seq.tryPick (fun state ->
            match state with
            | null -> None
            | state ->
                match state.GetType().GetField(name, BindingFlags.Instance ||| BindingFlags.Public) with
                | null -> None
                | field -> Some(state, field))

    /// The value of a variable of the cells, with its type.
    member kernel.TryFind(name: string) : (obj | null * Type) option =
        kernel.Field name |> Option.map (fun (state, field) -> field.GetValue state, field.FieldType)

    /// Gives a variable of the cells another value of its own type; false where there is none.
    member kernel.TryAssign(name: string, value: obj | null) : bool =
        match kernel.Field name with
        | Some(state, field) ->
            field.SetValue(state, value)
            true
        | None -> false

    /// Declares a variable with a value. Values of types that C# cannot name are `dynamic`.
    member kernel.Declare(name: string, value: obj | null, cancellation: CancellationToken) : unit =
        let rec written (shown: Type) : string =
            if shown.IsArray then
                let commas = String(',', shown.GetArrayRank() - 1)
                $"{written (nonNull (shown.GetElementType()))}[{commas}]"
            else
                SharedValue.NameOf(shown, written, "global::")

        let declared =
            match value with
            | null -> "object"
            | value when SharedValue.CanName(value.GetType()) -> written (value.GetType())
            | _ -> "dynamic"

        let line =
            match value with
            | null -> ""
            | value when not (value.GetType().Assembly.IsDynamic) && value.GetType().Assembly.Location <> "" ->
                $"#r \"{value.GetType().Assembly.Location}\"\n"
            | _ -> ""

        SharedValue.Put value

        kernel.Evaluate(
            "share",
            $"{line}{declared} {name} = ({declared})David.Grpo.Notebooks.Interactive.SharedValue.Take();",
            (fun running -> running.GetAwaiter().GetResult()),
            cancellation
        )
        |> ignore

    member private _.Model(text: string) =
        let tree = parse "query" text
        let compilation = compile "query" tree CancellationToken.None
        tree, compilation.GetSemanticModel(tree, false)

    /// Names that the cursor could stand in, [] of them where there is none.
    member kernel.Complete(text: string, cursor: int) : CompletionList =
        let first, qualifiers = DottedName.before text cursor
        let typed = text.Substring(first, cursor - first)
        let tree, model = kernel.Model text

        let symbols =
            if first > 0 && text[first - 1] = '.' then
                let owner = tree.GetRoot().FindToken(max 0 (first - 2)).Parent

                match owner with
                | null -> Seq.empty
                | owner ->
                    // The whole expression before the dot, such as a call.
                    let whole =
                        owner.AncestorsAndSelf()
                        |> Seq.takeWhile (fun node -> node.Span.End <= first - 1)
                        |> Seq.choose (fun node ->
                            match node with
                            | :? ExpressionSyntax as expression -> Some expression
                            | _ -> None)
                        |> Seq.tryLast

                    match whole with
                    | None -> Seq.empty
                    | Some expression ->
                        match model.GetSymbolInfo(expression).Symbol with
                        | :? INamespaceOrTypeSymbol as container ->
                            model.LookupSymbols(first, container)
                            |> Seq.filter (fun symbol -> symbol.IsStatic || symbol :? INamespaceOrTypeSymbol)
                        | _ ->
                            match model.GetTypeInfo(expression).Type with
                            | null -> Seq.empty
                            | found ->
                                model.LookupSymbols(first, found, includeReducedExtensionMethods = true)
                                |> Seq.filter (fun symbol -> not symbol.IsStatic)
            else
                Seq.append (model.LookupSymbols first) (model.LookupNamespacesAndTypes first |> Seq.cast<ISymbol>)

        ignore qualifiers

        {
            Matches =
                symbols
                |> Seq.filter _.CanBeReferencedByName
                |> Seq.map _.Name
                |> Seq.filter _.StartsWith(typed, StringComparison.OrdinalIgnoreCase)
                |> Seq.distinct
                |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
                |> Array.ofSeq
            Start = first
            End = cursor
        }

    /// What the name at the cursor is; null where nothing is known.
    member kernel.Inspect(text: string, cursor: int) : string | null =
        let tree, model = kernel.Model text
        let token = tree.GetRoot().FindToken(max 0 (DottedName.around text cursor - 1))

        match token.Parent with
        | null -> null
        | node ->
            let info = model.GetSymbolInfo node

            let symbol: ISymbol | null =
                match info.Symbol with
                | null when info.CandidateSymbols.Length > 0 -> info.CandidateSymbols[0]
                | null -> model.GetDeclaredSymbol node
                | found -> found

            match symbol with
            | null -> null
            | symbol -> symbol.ToDisplayString()

    /// Whether the code is whole, as a console asks before it runs a line.
    member _.IsComplete(text: string) : bool =
        SyntaxFactory.IsCompleteSubmission(parse "query" text)
