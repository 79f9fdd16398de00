namespace David.Grpo.Notebooks

open System
open System.IO
open System.Security.Cryptography

/// Compiled scripts, kept so that an unchanged one starts at once. What was compiled is used again only while the script,
/// what it loads, what it refers to and this program are what they were.
[<RequireQualifiedAccess>]
module internal ScriptCache =

    /// Scripts kept; the ones unused for longest go.
    let private capacity = 100

    let private folder () =
        Path.Combine(Packages.cacheFolder (), "scripts")

    let private content (path: string) =
        File.ReadAllBytes path |> SHA256.HashData |> Convert.ToHexStringLower

    let private state (path: string) =
        let file = FileInfo path
        $"{file.LastWriteTimeUtc.Ticks} {file.Length}"

    let private place (path: string) =
        Path.Combine(folder (), Packages.hash $"{path}\n{AppContext.BaseDirectory}\n{Environment.Version}")

    let private program () =
        state typeof<ScriptGlobals>.Assembly.Location

    // A line for each thing: its kind, what it was, its path.
    let private manifest (script: CompiledScript) =
        [|
            $"program\t{program ()}\t"
            for path in script.Sources do
                $"source\t{content path}\t{path}"
            for path in script.References do
                $"reference\t{state path}\t{path}"
            for path in script.NativeFolders do
                $"native\t\t{path}"
        |]

    let private isCurrent (line: string[]) =
        match line with
        | [| "program"; was; _ |] -> was = program ()
        | [| "source"; was; path |] -> File.Exists path && content path = was
        | [| "reference"; was; path |] -> File.Exists path && state path = was
        | [| "native"; _; _ |] -> true
        | _ -> false

    /// The compiled script, if it is still what its sources say. A cache that cannot be read is as good as none.
    let tryRead (path: string) : CompiledScript option =
        try
            let place = place path
            let lines = File.ReadAllLines(place + ".txt") |> Array.map _.Split('\t')

            let paths kind =
                lines |> Array.filter (fun line -> line[0] = kind) |> Array.map (fun line -> line[2])

            if Array.forall isCurrent lines then
                File.SetLastWriteTimeUtc(place + ".txt", DateTime.UtcNow)

                Some
                    {
                        Assembly = File.ReadAllBytes(place + ".dll")
                        Symbols = File.ReadAllBytes(place + ".pdb")
                        Sources = paths "source"
                        References = paths "reference"
                        NativeFolders = paths "native"
                    }
            else
                None
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private evict () =
        DirectoryInfo(folder ()).GetFiles "*.txt"
        |> Array.sortByDescending _.LastWriteTimeUtc
        |> Seq.indexed
        |> Seq.filter (fun (rank, _) -> rank >= capacity)
        |> Seq.iter (fun (_, manifest) ->
            for kind in [ ".txt"; ".dll"; ".pdb" ] do
                File.Delete(Path.ChangeExtension(manifest.FullName, kind) |> string))

    /// Keeps a compiled script; where there is no room or no right to write, nothing is kept.
    let write (path: string) (script: CompiledScript) : unit =
        try
            let place = place path
            Directory.CreateDirectory(folder ()) |> ignore

            // Another process may run the same script: what is there is replaced whole, the manifest last.
            let replace (kind: string) (write: string -> unit) =
                let fresh = $"{place}.{Environment.ProcessId}{kind}.new"
                write fresh
                File.Move(fresh, place + kind, overwrite = true)

            File.Delete(place + ".txt")
            replace ".dll" (fun file -> File.WriteAllBytes(file, script.Assembly))
            replace ".pdb" (fun file -> File.WriteAllBytes(file, script.Symbols))
            replace ".txt" (fun file -> File.WriteAllLines(file, manifest script))
            evict ()
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()
