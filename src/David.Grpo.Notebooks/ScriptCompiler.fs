namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Microsoft.CodeAnalysis

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

    /// Compiles the script at a full path. Raises ScriptException with a line for every error.
    let compile (path: string) (cancellation: CancellationToken) : CompiledScript =
        let folder = Path.GetDirectoryName path |> string
        let tree = Submission.parse path
        let restored = Packages.restore folder [] (Submission.packages tree) cancellation
        let used = HashSet<string>()

        let packageFiles =
            restored.Assemblies
            |> Array.filter (fun file ->
                isNull (ProgramAssemblies.tryFind (Path.GetFileNameWithoutExtension file |> string)))

        let compilation =
            Submission.create
                // A changed script may run in the process that ran it before.
                ("script-" + Guid.NewGuid().ToString "N")
                tree
                (Submission.references restored)
                imports
                folder
                used
                null
                typeof<int>
                typeof<ScriptGlobals>

        match Submission.emit compilation cancellation with
        | Error faults ->
            faults
            |> Array.map Submission.describe
            |> Array.distinct
            |> String.concat "\n"
            |> ScriptException
            |> raise
        | Ok None -> raise (ScriptException $"{Submission.display path} has no statement to run.")
        | Ok(Some(assembly, symbols)) ->
            {
                Assembly = assembly
                Symbols = symbols
                Sources =
                    compilation.SyntaxTrees
                    |> Seq.map _.FilePath
                    |> Seq.except [ path ]
                    |> Seq.append [ path ]
                    |> Array.ofSeq
                References = Array.append packageFiles (Array.ofSeq used)
                NativeFolders = restored.NativeFolders
            }
