namespace David.Grpo.Notebooks

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open System.Runtime.Loader

/// The assemblies that this program runs with, and those that scripts and cells add. What the program ships is loaded
/// once, from its own folder, however a script names it, so that its types are the same everywhere.
[<RequireQualifiedAccess>]
module internal ProgramAssemblies =

    let private frameworkFolder =
        Path.GetDirectoryName typeof<obj>.Assembly.Location |> nonNull

    let private trusted =
        lazy
            (match AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES" with
             | :? string as paths ->
                 paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
                 |> Array.map (fun path -> KeyValuePair(Path.GetFileNameWithoutExtension path |> string, path))
                 |> fun pairs ->
                     Dictionary<string, string>(pairs |> Seq.distinctBy _.Key, StringComparer.OrdinalIgnoreCase)
             | _ -> Dictionary StringComparer.OrdinalIgnoreCase)

    /// The file of an assembly of the framework or of the program by its simple name; null where there is none.
    let tryFind (name: string) : string | null =
        match trusted.Value.TryGetValue name with
        | true, path -> path
        | _ -> null

    /// Whether a file is the framework's.
    let isFramework (path: string) : bool =
        String.Equals(Path.GetDirectoryName path, frameworkFolder, StringComparison.Ordinal)

    /// The files of the framework.
    let framework () : string[] =
        trusted.Value.Values |> Seq.filter isFramework |> Array.ofSeq

    /// The file to use for the file that a script names: the program's own where it ships an assembly of that name.
    let own (path: string) : string =
        match tryFind (Path.GetFileNameWithoutExtension path |> string) with
        | null -> path
        | shipped -> shipped

    let private added =
        ConcurrentDictionary<string, string> StringComparer.OrdinalIgnoreCase

    let private folders = ConcurrentDictionary<string, bool>()

    let private made =
        ConcurrentDictionary<string, Assembly> StringComparer.OrdinalIgnoreCase

    let private beside (file: string) =
        folders.Keys |> Seq.map (fun folder -> Path.Combine(folder, file)) |> Seq.tryFind File.Exists

    let private nativeNames (name: string) =
        if RuntimeInformation.IsOSPlatform OSPlatform.Windows then
            [ name; name + ".dll" ]
        elif RuntimeInformation.IsOSPlatform OSPlatform.OSX then
            [ name; $"lib{name}.dylib"; $"{name}.dylib" ]
        else
            [ name; $"lib{name}.so"; $"{name}.so" ]

    let private resolving =
        lazy
            (AssemblyLoadContext.Default.add_Resolving (fun context name ->
                let simple = string name.Name

                match made.TryGetValue simple with
                | true, loaded -> loaded
                | _ ->
                    let file =
                        match added.TryGetValue simple with
                        | true, path -> Some path
                        | _ -> beside (simple + ".dll")

                    match file with
                    | Some path -> context.LoadFromAssemblyPath path
                    | None -> null)

             AssemblyLoadContext.Default.add_ResolvingUnmanagedDll (fun _ name ->
                 match nativeNames name |> List.tryPick beside with
                 | Some path -> NativeLibrary.Load path
                 | None -> 0n))

    /// Makes assemblies loadable by name, with what lies beside them, native libraries too.
    let add (paths: string seq) : unit =
        resolving.Force()

        for path in paths do
            let full = Path.GetFullPath path
            added[Path.GetFileNameWithoutExtension full |> string] <- full

            match Path.GetDirectoryName full with
            | null -> ()
            | folder -> folders[folder] <- true

    /// Makes an assembly that was compiled here known to those that build on it.
    let addLoaded (assembly: Assembly) : unit =
        resolving.Force()
        made[string (assembly.GetName().Name)] <- assembly

    /// Makes native libraries in these folders loadable by name.
    let addNative (paths: string seq) : unit =
        resolving.Force()

        for path in paths do
            folders[Path.GetFullPath path] <- true
