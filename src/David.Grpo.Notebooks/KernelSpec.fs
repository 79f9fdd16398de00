namespace David.Grpo.Notebooks

open System
open System.IO
open System.Text.Json.Nodes

/// What tells Jupyter of a kernel: a folder with kernel.json.
[<RequireQualifiedAccess>]
module KernelSpec =

    /// The name of the kernel whose cells are of a language. .NET Interactive's are .net-fsharp and .net-csharp, so both can
    /// be installed side by side.
    [<CompiledName "Name">]
    let name (language: CellLanguage) : string = $"david-{language.Name}"

    /// The folder of kernels under a prefix such as /usr/local.
    let underPrefix (prefix: string) : string =
        Path.Combine(Path.GetFullPath prefix, "share", "jupyter", "kernels")

    /// The user's own folder of kernels.
    let ofUser () : string =
        match Environment.GetEnvironmentVariable "JUPYTER_DATA_DIR" with
        | null
        | "" ->
            let data =
                match Environment.GetEnvironmentVariable "XDG_DATA_HOME" with
                | null
                | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".local", "share")
                | given -> given

            Path.Combine(data, "jupyter", "kernels")
        | given -> Path.Combine(given, "kernels")

    /// Writes the kernel of a language into a folder of kernels: one that starts `program` (its words before the connection
    /// file). Gives the folder it made.
    [<CompiledName "Install">]
    let install (kernels: string) (language: CellLanguage) (program: string[]) : string =
        let folder = Path.Combine(kernels, name language)
        Directory.CreateDirectory folder |> ignore

        let strings (words: string seq) =
            JsonArray(words |> Seq.map (fun word -> JsonValue.Create word :> JsonNode | null) |> Array.ofSeq)

        let shown = if language = CellLanguage.CSharp then "C#" else "F#"
        let spec = JsonObject()
        spec["argv"] <- strings (Seq.append program [ "{connection_file}" ])
        spec["display_name"] <- JsonValue.Create $"{shown} (David.Grpo)"
        spec["language"] <- JsonValue.Create shown
        spec["interrupt_mode"] <- JsonValue.Create "message"
        let environment = JsonObject()
        environment["OMP_WAIT_POLICY"] <- JsonValue.Create "passive"
        spec["env"] <- environment
        File.WriteAllText(Path.Combine(folder, "kernel.json"), NotebookJson.text spec)
        folder
