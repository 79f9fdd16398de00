namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.Collections.Immutable
open System.IO
open System.Text
open System.Threading
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax
open Microsoft.CodeAnalysis.Text

/// A script as a loadable assembly.
type internal CompiledScript =
    {
        Assembly: byte[]
        Symbols: byte[]
        /// The full names of its own source files, the script itself first.
        Sources: string[]
        /// The files that it refers to and that are not the program's own.
        References: string[]
        NativeFolders: string[]
    }

/// C# scripts in dotnet-script's dialect.
[<RequireQualifiedAccess>]
module internal ScriptCompiler =

    /// What dotnet-script imports into every file.
    let imports =
        [|
            "System"
            "System.IO"
            "System.Collections.Generic"
            "System.Console"
            "System.Diagnostics"
            "System.Dynamic"
            "System.Linq"
            "System.Linq.Expressions"
            "System.Text"
            "System.Threading.Tasks"
        |]

    let private parsing =
        CSharpParseOptions(LanguageVersion.Latest, kind = SourceCodeKind.Script)

    let private readText (path: string) =
        use stream = File.OpenRead path
        SourceText.From(stream, Encoding.UTF8)

    let private parse (path: string) =
        CSharpSyntaxTree.ParseText(readText path, parsing, path)

    let private full (from: string) (path: string) =
        Path.GetFullPath(path, Path.GetDirectoryName from |> string)

    /// The packages that a script and the files it loads ask for. Files that do not exist are left to the compiler.
    let packages (path: string) : PackageName[] =
        let seen = HashSet<string>()
        let found = ResizeArray<PackageName>()

        let rec visit (file: string) =
            if seen.Add file && File.Exists file then
                match (parse file).GetRoot() with
                | :? CompilationUnitSyntax as root ->
                    for reference in root.GetReferenceDirectives() do
                        if Packages.isPackage reference.File.ValueText then
                            found.Add(Packages.parse reference.File.ValueText)

                    for load in root.GetLoadDirectives() do
                        visit (full file load.File.ValueText)
                | _ -> ()

        visit path
        found |> Seq.distinct |> Array.ofSeq

    let private reference (path: string) = MetadataReference.CreateFromFile path

    /// Finds what `#r` names: a file relative to the file that names it, an assembly of the framework or of the program, or
    /// a package, which is restored before.
    type private Resolver(used: HashSet<string>) =
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

    /// Compiles the script at a full path. Raises ScriptException with a line for every error.
    let compile (path: string) (cancellation: CancellationToken) : CompiledScript =
        let folder = Path.GetDirectoryName path |> string
        let restored = Packages.restore folder (packages path) cancellation
        let used = HashSet<string>()

        let packageFiles =
            restored.Assemblies
            |> Array.filter (fun file ->
                isNull (ProgramAssemblies.tryFind (Path.GetFileNameWithoutExtension file |> string)))

        let references =
            Array.append (ProgramAssemblies.framework ()) (restored.Assemblies |> Array.map ProgramAssemblies.own)
            |> Array.distinct
            |> Array.map (fun file -> reference file :> MetadataReference)

        let options =
            CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                scriptClassName = "Script",
                usings = imports,
                optimizationLevel = OptimizationLevel.Release,
                allowUnsafe = true,
                sourceReferenceResolver = SourceFileResolver(ImmutableArray.Empty, folder),
                metadataReferenceResolver = Resolver used,
                assemblyIdentityComparer = DesktopAssemblyIdentityComparer.Default,
                specificDiagnosticOptions = silenced
            )

        let compilation =
            CSharpCompilation.CreateScriptCompilation(
                "script-" + Packages.hash path,
                parse path,
                Seq.append references [ reference typeof<ScriptGlobals>.Assembly.Location ],
                options,
                returnType = typeof<int>,
                globalsType = typeof<ScriptGlobals>
            )

        use assembly = new MemoryStream()
        use symbols = new MemoryStream()

        let emitted =
            compilation.Emit(
                assembly,
                symbols,
                options = Emit.EmitOptions(debugInformationFormat = Emit.DebugInformationFormat.PortablePdb),
                cancellationToken = cancellation
            )

        if not emitted.Success then
            emitted.Diagnostics
            |> Seq.filter (fun fault -> fault.Severity = DiagnosticSeverity.Error)
            |> Seq.map describe
            |> Seq.distinct
            |> String.concat "\n"
            |> ScriptException
            |> raise

        {
            Assembly = assembly.ToArray()
            Symbols = symbols.ToArray()
            Sources =
                compilation.SyntaxTrees
                |> Seq.map _.FilePath
                |> Seq.except [ path ]
                |> Seq.append [ path ]
                |> Array.ofSeq
            References = Array.append packageFiles (Array.ofSeq used)
            NativeFolders = restored.NativeFolders
        }
