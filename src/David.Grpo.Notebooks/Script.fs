namespace David.Grpo.Notebooks

open System
open System.IO
open System.Threading
open System.Threading.Tasks

/// Runs C# scripts in dotnet-script's dialect: `#r` of files and packages, `#load`, `Args`, top-level await, and `return n`
/// as the exit code.
[<RequireQualifiedAccess>]
module Script =

    /// Runs the script at a path with arguments; gives its exit code, 0 where it returns none.
    /// Raises ScriptException, with file and line, for a script that is missing, cannot be compiled or throws.
    [<CompiledName "Run">]
    let run (path: string) (arguments: string seq) (cancellation: CancellationToken) : int =
        let path = Path.GetFullPath path

        if not (File.Exists path) then
            raise (ScriptException $"There is no script {path}.")

        let compiled =
            match ScriptCache.tryRead path with
            | Some kept -> kept
            | None ->
                let fresh = ScriptCompiler.compile path cancellation
                ScriptCache.write path fresh
                fresh

        ProgramAssemblies.add compiled.References
        ProgramAssemblies.addNative compiled.NativeFolders

        let place (file: string) (line: int) =
            if Array.contains file compiled.Sources then
                Some $"{Submission.display file}({line})"
            else
                None

        try
            let states: (obj | null)[] = [| ScriptGlobals arguments; null |]

            match Submission.start compiled.Assembly compiled.Symbols states with
            | :? Task<int> as running -> running.GetAwaiter().GetResult()
            | other -> invalidOp $"A script ended as {other} and not with a number."
        with failure ->
            let first, text = StackText.describe place failure

            let prefix =
                first |> Option.map (fun place -> place + ": ") |> Option.defaultValue ""

            raise (ScriptException(prefix + text))
