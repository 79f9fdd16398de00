namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.Collections.Immutable
open System.IO
open System.Reflection
open System.Runtime.Loader
open System.Security.Cryptography
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax
open Microsoft.CodeAnalysis.Text

/// C# script code, of a file or of a cell, as an assembly: what Roslyn calls a submission.
[<RequireQualifiedAccess>]
module internal Submission =

    let parsing =
        CSharpParseOptions(LanguageVersion.Latest, kind = SourceCodeKind.Script)

    let private readText (path: string) =
        use stream = File.OpenRead path
        SourceText.From(stream, Encoding.UTF8)

    let parse (path: string) =
        CSharpSyntaxTree.ParseText(readText path, parsing, path)

    let full (from: string) (path: string) =
        Path.GetFullPath(path, Path.GetDirectoryName from |> string)

    /// The packages that code asks for, its own and those of the files it loads. Files that do not exist are left to the
    /// compiler.
    let packages (tree: SyntaxTree) : PackageName[] =
        let seen = HashSet<string>()
        let found = ResizeArray<PackageName>()

        let rec visit (tree: SyntaxTree) =
            match tree.GetRoot() with
            | :? CompilationUnitSyntax as root ->
                for reference in root.GetReferenceDirectives() do
                    if Packages.isPackage reference.File.ValueText then
                        found.Add(Packages.parse reference.File.ValueText)

                for load in root.GetLoadDirectives() do
                    let file = full tree.FilePath load.File.ValueText

                    if seen.Add file && File.Exists file then
                        visit (parse file)
            | _ -> ()

        visit tree
        found |> Seq.distinct |> Array.ofSeq

    let reference (path: string) = MetadataReference.CreateFromFile path

    /// Finds what `#r` names: a file relative to the file that names it, an assembly of the framework or of the program, or
    /// a package, which is restored before.
    type Resolver(used: HashSet<string>) =
        inherit MetadataReferenceResolver()

        override _.Equals(other: obj | null) = Object.ReferenceEquals(used, other)
        override _.GetHashCode() = 0

        override _.ResolveReference(name, baseFile, properties) =
            if Packages.isPackage name then
                ImmutableArray.Create(reference typeof<obj>.Assembly.Location)
            else
                let path =
                    match baseFile with
                    | null -> Path.GetFullPath name
                    | file -> full file name

                if File.Exists path then
                    let own = ProgramAssemblies.own path

                    if own = path then
                        used.Add path |> ignore

                    ImmutableArray.Create((reference own).WithProperties properties)
                else
                    match ProgramAssemblies.tryFind name with
                    | null -> ImmutableArray.Empty
                    | own -> ImmutableArray.Create((reference own).WithProperties properties)

    let display (path: string) =
        let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)

        if relative.StartsWith("..", StringComparison.Ordinal) then
            path
        else
            relative

    /// "file(line,column): error CS0103: …", the file relative to the current folder where it lies below it.
    let describe (fault: Diagnostic) : string =
        let place = fault.Location.GetMappedLineSpan()

        if place.IsValid && place.Path <> "" then
            let start = place.StartLinePosition
            $"{display place.Path}({start.Line + 1},{start.Character + 1}): error {fault.Id}: {fault.GetMessage()}"
        else
            $"error {fault.Id}: {fault.GetMessage()}"

    // The same assembly in two versions, which the loader unifies.
    let private silenced =
        [ "CS1701"; "CS1702"; "CS1705" ] |> List.map (fun id -> KeyValuePair(id, ReportDiagnostic.Suppress))

    /// References to the framework and to restored packages.
    let references (restored: RestoredPackages) : MetadataReference seq =
        Array.append (ProgramAssemblies.framework ()) (restored.Assemblies |> Array.map ProgramAssemblies.own)
        |> Array.distinct
        |> Seq.map (fun file -> reference file :> MetadataReference)

    /// Code with what it builds on. Its files are relative to the folder, and the assemblies it names by `#r` that are not
    /// the program's own are added to `used`.
    let create
        (name: string)
        (tree: SyntaxTree)
        (references: MetadataReference seq)
        (imports: string seq)
        (folder: string)
        (used: HashSet<string>)
        (previous: CSharpCompilation | null)
        (returnType: Type)
        (globalsType: Type)
        : CSharpCompilation =
        let options =
            CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                scriptClassName = name,
                usings = imports,
                // As dotnet-script: the line of every fault is known; what has to be fast is in libraries.
                optimizationLevel = OptimizationLevel.Debug,
                allowUnsafe = true,
                sourceReferenceResolver = SourceFileResolver(ImmutableArray.Empty, folder),
                metadataReferenceResolver = Resolver used,
                assemblyIdentityComparer = DesktopAssemblyIdentityComparer.Default,
                specificDiagnosticOptions = silenced
            )

        CSharpCompilation.CreateScriptCompilation(
            name,
            tree,
            Seq.append references [ reference globalsType.Assembly.Location ],
            options,
            previous,
            returnType,
            globalsType
        )

    /// The assembly and its symbols, or what is wrong. Code of nothing but directives gives no assembly.
    let emit
        (compilation: Compilation)
        (cancellation: CancellationToken)
        : Result<(byte[] * byte[]) option, Diagnostic[]> =
        use assembly = new MemoryStream()
        use symbols = new MemoryStream()

        let emitted =
            compilation.Emit(
                assembly,
                symbols,
                options = Emit.EmitOptions(debugInformationFormat = Emit.DebugInformationFormat.PortablePdb),
                cancellationToken = cancellation
            )

        let faults =
            emitted.Diagnostics
            |> Seq.filter (fun fault -> fault.Severity = DiagnosticSeverity.Error)
            |> Array.ofSeq

        if emitted.Success then
            Ok(Some(assembly.ToArray(), symbols.ToArray()))
        elif Array.isEmpty faults then
            Ok None
        else
            Error faults

    // By content: the same assembly cannot be loaded twice.
    let private started =
        System.Collections.Concurrent.ConcurrentDictionary<string, Assembly>()

    /// Starts a compiled submission. `states` has the globals first, then every submission it builds on, and takes its own.
    let start (assembly: byte[]) (symbols: byte[]) (states: (obj | null)[]) : Task =
        let key = SHA256.HashData assembly |> Convert.ToHexStringLower

        let loaded =
            started.GetOrAdd(
                key,
                fun _ ->
                    use assembly = new MemoryStream(assembly)
                    use symbols = new MemoryStream(symbols)
                    AssemblyLoadContext.Default.LoadFromStream(assembly, symbols)
            )

        ProgramAssemblies.addLoaded loaded

        let factory =
            loaded.GetTypes()
            |> Array.pick (fun candidate ->
                match
                    candidate.GetMethod(
                        "<Factory>",
                        BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic
                    )
                with
                | null -> None
                | found -> Some found)

        match factory.Invoke(null, [| box states |]) with
        | :? Task as running -> running
        | other -> invalidOp $"A submission's entry gave {other} and no task."
