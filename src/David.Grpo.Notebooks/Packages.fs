namespace David.Grpo.Notebooks

open System
open System.Diagnostics
open System.IO
open System.Security
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open System.Runtime.InteropServices

/// A package as `#r "nuget: Name, 1.2.3"` names it; an empty version is the newest.
type internal PackageName = { Name: string; Version: string }

/// The files of restored packages and of all they depend on.
type internal RestoredPackages =
    {
        /// Assemblies to run with.
        Assemblies: string[]
        /// Folders of native libraries for this machine.
        NativeFolders: string[]
    }

/// Packages for scripts and cells: `dotnet restore` of a project made for them, once for each set of packages. The machine's
/// own NuGet sources are used, those of a nuget.config beside or above the script, and those that it names itself by `#i`.
[<RequireQualifiedAccess>]
module internal Packages =

    let private directive =
        Regex(
            @"^\s*nuget\s*:\s*([A-Za-z0-9_.\-]+)\s*(?:,\s*([^,\s""]+)\s*)?$",
            RegexOptions.CultureInvariant ||| RegexOptions.IgnoreCase
        )

    /// Whether the text of an `#r` is meant as a package.
    let isPackage (reference: string) : bool =
        reference.TrimStart().StartsWith("nuget", StringComparison.OrdinalIgnoreCase)
        && reference.Contains ':'

    /// "nuget: Name, 1.2.3" or "nuget: Name". Raises ScriptException for anything else.
    let parse (reference: string) : PackageName =
        let found = directive.Match reference

        if not found.Success then
            raise (
                ScriptException
                    $"""#r "{reference}" names no package; write #r "nuget: Name, 1.2.3", or without the version for the newest."""
            )

        {
            Name = found.Groups[1].Value
            Version = found.Groups[2].Value
        }

    /// Where restored packages and compiled scripts are kept: DAVID_CACHE, or the user's cache folder.
    let cacheFolder () : string =
        match Environment.GetEnvironmentVariable "DAVID_CACHE" with
        | null
        | "" ->
            match Environment.GetEnvironmentVariable "XDG_CACHE_HOME" with
            | null
            | "" ->
                Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".cache", "david-grpo")
            | given -> Path.Combine(given, "david-grpo")
        | given -> Path.GetFullPath given

    let hash (text: string) : string =
        (SHA256.HashData(Encoding.UTF8.GetBytes text) |> Convert.ToHexStringLower).Substring(0, 24)

    let private sourceDirective =
        Regex(@"^\s*#i\s+@?""\s*nuget\s*:\s*([^""]+?)\s*""\s*$", RegexOptions.CultureInvariant)

    /// The source that a line such as `#i "nuget: /path/to/packages"` names: an address, or a folder, relative to the
    /// script's. None for any other line. Raises ScriptException where there is no such folder.
    let trySource (folder: string) (line: string) : string option =
        let found = sourceDirective.Match line

        if not found.Success then
            None
        else
            let source = found.Groups[1].Value

            if source.Contains "://" then
                Some source
            else
                let path = Path.GetFullPath(source, folder)

                if not (Directory.Exists path) then
                    raise (ScriptException $"#i names {path}, and there is no such folder of packages.")

                Some path

    // NuGet reads all of them, from the outermost to the innermost.
    let rec private configurationsAbove (folder: DirectoryInfo | null) : string list =
        match folder with
        | null -> []
        | folder ->
            [ "nuget.config"; "NuGet.config"; "NuGet.Config" ]
            |> List.map (fun name -> Path.Combine(folder.FullName, name))
            |> List.tryFind File.Exists
            |> Option.toList
            |> List.append (configurationsAbove folder.Parent)

    /// The portable name of this machine's kind, such as linux-x64.
    let private platform =
        let system =
            if RuntimeInformation.IsOSPlatform OSPlatform.Windows then
                "win"
            elif RuntimeInformation.IsOSPlatform OSPlatform.OSX then
                "osx"
            else
                "linux"

        $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}"

    let private project (folder: string) (sources: string seq) (packages: PackageName[]) =
        let escape (text: string) = string (SecurityElement.Escape text)

        let references =
            packages
            |> Array.map (fun package ->
                let version = if package.Version = "" then "*" else package.Version
                $"""    <PackageReference Include="{package.Name}" Version="{version}" />""")
            |> String.concat "\n"

        $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
    <RuntimeIdentifier>{platform}</RuntimeIdentifier>
    <SelfContained>false</SelfContained>
    <EnableDefaultItems>false</EnableDefaultItems>
    <DisableImplicitFSharpCoreReference>true</DisableImplicitFSharpCoreReference>
    <NuGetAudit>false</NuGetAudit>
    <RestoreRootConfigDirectory>{escape folder}</RestoreRootConfigDirectory>
    <RestoreAdditionalProjectSources>{escape (String.Join(';', sources))}</RestoreAdditionalProjectSources>
  </PropertyGroup>
  <ItemGroup>
{references}
  </ItemGroup>
</Project>
"""

    let private runRestore (folder: string) (cancellation: CancellationToken) =
        let start =
            ProcessStartInfo(
                "dotnet",
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true
            )

        for argument in [ "restore"; "packages.csproj"; "--nologo"; "-v"; "quiet" ] do
            start.ArgumentList.Add argument

        start.Environment["DOTNET_NOLOGO"] <- "1"
        start.Environment["MSBUILDDISABLENODEREUSE"] <- "1"

        use restore =
            match Process.Start start with
            | null -> raise (ScriptException "dotnet could not be started to restore packages; is it in PATH?")
            | started -> started

        restore.StandardInput.Close()
        let error = restore.StandardError.ReadToEndAsync()

        use _ =
            cancellation.Register(fun () ->
                try
                    restore.Kill true
                with _ ->
                    ())

        let output = restore.StandardOutput.ReadToEnd()
        restore.WaitForExit()
        cancellation.ThrowIfCancellationRequested()

        if restore.ExitCode <> 0 then
            let faults =
                (output + "\n" + error.Result).Split '\n'
                |> Array.filter _.Contains("error")
                |> Array.map (fun line ->
                    let at = line.IndexOf("error", StringComparison.Ordinal)
                    let text = line.Substring at
                    let project = text.LastIndexOf(" [", StringComparison.Ordinal)
                    (if project > 0 then text.Substring(0, project) else text).Trim())
                |> Array.distinct

            raise (ScriptException("The packages could not be restored.\n" + String.concat "\n" faults))

    let private assets (file: string) : RestoredPackages =
        use document = JsonDocument.Parse(File.ReadAllBytes file)
        let root = document.RootElement

        let folders =
            root.GetProperty("packageFolders").EnumerateObject() |> Seq.map _.Name |> Array.ofSeq

        let libraries = root.GetProperty "libraries"

        let target =
            root.GetProperty("targets").EnumerateObject() |> Seq.maxBy (fun target -> target.Name.Contains '/')

        let files (kind: string) =
            [|
                for package in target.Value.EnumerateObject() do
                    match package.Value.TryGetProperty kind with
                    | true, items ->
                        let path =
                            libraries.GetProperty(package.Name).GetProperty("path").GetString() |> string

                        for item in items.EnumerateObject() do
                            if not (item.Name.EndsWith("_._", StringComparison.Ordinal)) then
                                let places =
                                    folders |> Array.map (fun folder -> Path.Combine(folder, path, item.Name))

                                places |> Array.tryFind File.Exists |> Option.defaultValue places[0]
                    | _ -> ()
            |]

        {
            Assemblies = files "runtime" |> Array.filter _.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)
            NativeFolders =
                files "native" |> Array.map (fun path -> Path.GetDirectoryName path |> string) |> Array.distinct
        }

    /// Restores packages, or finds them restored. `folder` is the script's, where the search for a nuget.config begins;
    /// `sources` are asked beside those that NuGet knows.
    /// Raises ScriptException with NuGet's own words where a package cannot be had.
    let restore
        (folder: string)
        (sources: string seq)
        (packages: PackageName seq)
        (cancellation: CancellationToken)
        : RestoredPackages =
        let packages =
            packages
            |> Seq.distinct
            |> Seq.sortBy (fun package -> package.Name.ToLowerInvariant())
            |> Array.ofSeq

        if Array.isEmpty packages then
            {
                Assemblies = [||]
                NativeFolders = [||]
            }
        else
            let folder = Path.GetFullPath folder
            let configurations = configurationsAbove (DirectoryInfo folder)

            // Folders without a configuration of their own share what was restored.
            let root =
                configurations
                |> List.tryLast
                |> Option.bind (Path.GetDirectoryName >> Option.ofObj)
                |> Option.defaultValue (Path.GetPathRoot folder |> string)

            let text = project root sources packages

            let place =
                configurations
                |> List.map File.ReadAllText
                |> List.append [ text ]
                |> String.concat "\n"
                |> fun all -> Path.Combine(cacheFolder (), "packages", hash all)

            let assetsFile = Path.Combine(place, "obj", "project.assets.json")
            let stamp = Path.Combine(place, "restored")

            let restoreNow () =
                Directory.CreateDirectory place |> ignore
                // Nothing above the cache has a say.
                for name in
                    [
                        "Directory.Build.props"
                        "Directory.Build.targets"
                        "Directory.Packages.props"
                    ] do
                    File.WriteAllText(Path.Combine(place, name), "<Project />\n")

                File.WriteAllText(Path.Combine(place, "packages.csproj"), text)
                runRestore place cancellation
                let restored = assets assetsFile
                File.WriteAllText(stamp, "")
                restored

            if File.Exists stamp then
                let restored = assets assetsFile
                // The user may have cleared NuGet's own cache.
                if Array.forall File.Exists restored.Assemblies then
                    restored
                else
                    restoreNow ()
            else
                restoreNow ()
