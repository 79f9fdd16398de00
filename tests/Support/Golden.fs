namespace David.Grpo.Tests

open System.IO
open System.IO.Compression
open System.Text.Json
open Expecto

/// Reference numbers of other implementations, which lie beside the checkout in `../shared`. Tests that need them skip
/// with a clear message where the folder is absent.
[<RequireQualifiedAccess>]
module Golden =

    /// The folder `../shared` beside the repository, wherever the tests run from; none if it is absent.
    let private shared =
        let rec climb (folder: DirectoryInfo | null) =
            match folder with
            | null -> None
            | folder when File.Exists(Path.Combine(folder.FullName, "David.Grpo.sln")) ->
                match folder.Parent with
                | null -> None
                | parent ->
                    let candidate = Path.Combine(parent.FullName, "shared")
                    if Directory.Exists candidate then Some candidate else None
            | folder -> climb folder.Parent

        match System.Environment.GetEnvironmentVariable "DAVID_SHARED" with
        | null
        | "" -> climb (DirectoryInfo System.AppContext.BaseDirectory)
        | folder -> Some folder

    /// The path of a file under ../shared; skips the running test where it is absent.
    let path (relative: string) : string =
        match shared with
        | Some folder when File.Exists(Path.Combine(folder, relative)) -> Path.Combine(folder, relative)
        | _ -> skiptest $"needs ../shared/{relative}, which is not here"

    /// The text of a file, decompressed if its name ends in .gz.
    let text (relative: string) : string =
        let file = path relative
        use stream = File.OpenRead file

        use reader =
            if file.EndsWith ".gz" then
                new StreamReader(new GZipStream(stream, CompressionMode.Decompress))
            else
                new StreamReader(stream)

        reader.ReadToEnd()

    /// A JSON file.
    let json (relative: string) : JsonElement =
        JsonDocument.Parse(text relative).RootElement

    /// A file of one JSON value a line.
    let jsonLines (relative: string) : JsonElement[] =
        (text relative).Split('\n', System.StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)

    /// |actual − expected| ≤ tolerance · max(1, |expected|), infinities and NaN equal to themselves.
    let close (tolerance: float) (expected: float) (actual: float) : bool =
        expected.Equals actual || abs (actual - expected) <= tolerance * max 1.0 (abs expected)
