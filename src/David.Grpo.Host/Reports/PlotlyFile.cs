using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using David.Grpo.Figures;
using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>
/// The file of plotly.js that interactive figures need: one version, known by its hash. It lies in the user's cache, is
/// fetched once with the machine's own npm, and is no part of the repository (its licence is MIT).
/// </summary>
public static class PlotlyFile
{
    /// <summary>The bundle with lines, bars and heat maps.</summary>
    public const string Package = "plotly.js-cartesian-dist-min";

    /// <summary>Of the library that pages carry.</summary>
    public const string Version = "4.1.1";

    /// <summary>SHA-256 of the bundle, in hexadecimal.</summary>
    public const string Hash = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a";

    private const string Member = "package/plotly-cartesian.min.js";

    /// <summary>The file's own name, in the cache and beside pages.</summary>
    public static string Name => $"plotly-{Version}.min.js";

    /// <summary>The folder for what can be fetched or computed again: that of XDG_CACHE_HOME, or else ~/.cache.</summary>
    public static string DefaultCache =>
        Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
                ? given
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "david-grpo"
        );

    /// <summary>The path of the file in the cache; it is fetched with npm if it is not there yet.</summary>
    /// <param name="cache">The folder of the cache; <see cref="DefaultCache"/> if null.</param>
    /// <exception cref="IOException">It is neither in the cache nor to be had; the message says where to put it.</exception>
    public static string Find(string? cache = null)
    {
        string path = Path.Combine(cache ?? DefaultCache, Name);
        if (File.Exists(path))
            return HashOf(File.ReadAllBytes(path)) == Hash
                ? path
                : throw new IOException(
                    $"{path} is not the file of plotly.js {Version} that it should be: its SHA-256 differs. Remove it, and it is fetched again."
                );
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        byte[] script = Fetch(path);
        string partial = $"{path}.{Environment.ProcessId}.partial";
        File.WriteAllBytes(partial, script);
        File.Move(partial, path, overwrite: true);
        return path;
    }

    /// <summary>The library for a page at <paramref name="page"/>, inside it or as a file beside it.</summary>
    /// <exception cref="IOException">See <see cref="Find"/>.</exception>
    internal static PlotlyLibrary For(string page, PlotlyPlace place)
    {
        string path = Find();
        if (place == PlotlyPlace.Inside)
            return PlotlyLibrary.NewInside(File.ReadAllText(path));
        string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(page))!, Name);
        if (!File.Exists(beside) || HashOf(File.ReadAllBytes(beside)) != Hash)
            File.Copy(path, beside, overwrite: true);
        return PlotlyLibrary.NewBeside(Name);
    }

    private static byte[] Fetch(string path)
    {
        string folder = Directory.CreateTempSubdirectory("david-plotly-").FullName;
        try
        {
            RunNpm(path, folder);
            string archive = Directory.EnumerateFiles(folder, "*.tgz").Single();
            using FileStream stream = File.OpenRead(archive);
            using GZipStream unzipped = new(stream, CompressionMode.Decompress);
            using TarReader reader = new(unzipped);
            while (reader.GetNextEntry() is { } entry)
                if (entry is { Name: Member, DataStream: { } data })
                {
                    using MemoryStream script = new();
                    data.CopyTo(script);
                    byte[] bytes = script.ToArray();
                    return HashOf(bytes) == Hash
                        ? bytes
                        : throw new IOException(
                            $"The package registry's {Package} {Version} is not the one that was tested: its SHA-256 differs from {Hash}. {Otherwise(path)}"
                        );
                }
            throw new IOException($"The package {Package} {Version} has no file {Member}. {Otherwise(path)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>`npm pack` of the package into the folder, from the registry that this machine is set up for.</summary>
    private static void RunNpm(string path, string folder)
    {
        ProcessStartInfo start = new("npm")
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "pack", $"{Package}@{Version}", "--silent", "--ignore-scripts" },
        };
        try
        {
            using Process npm = Process.Start(start)!;
            Task<string> said = npm.StandardError.ReadToEndAsync();
            npm.StandardOutput.ReadToEnd();
            npm.WaitForExit();
            if (npm.ExitCode != 0)
                throw new IOException(
                    $"npm could not fetch {Package} {Version}: {said.Result.Trim().ReplaceLineEndings(" ")} {Otherwise(path)}"
                );
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new IOException(
                $"Interactive figures need plotly.js {Version}, and npm, which would fetch it, is not here. {Otherwise(path)}"
            );
        }
    }

    private static string Otherwise(string path) =>
        $"Either put the file {Path.GetFileName(Member)} of the npm package {Package} {Version} at {path}, or install npm (Debian: npm) and try again with a network, or write the figure as .svg, which needs neither.";

    private static string HashOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>Where an interactive page keeps plotly.js.</summary>
public enum PlotlyPlace
{
    /// <summary>In the page: one file of 1.5 MB.</summary>
    Inside,

    /// <summary>In a file beside the page, which all pages of a folder share.</summary>
    Beside,
}
