using System.Text.RegularExpressions;

namespace David.Grpo.Host.Tests.Packages;

/// <summary>What CONTRIBUTING says of the house holds in the house.</summary>
public sealed partial class StoreyTests
{
    private static readonly string s_host = Path.Combine(Accepted.Root(), "src", "David.Grpo.Host");

    private static readonly string[] s_storeys =
    [
        .. Storeys()
            .Match(File.ReadAllText(Path.Combine(Accepted.Root(), "CONTRIBUTING.md")))
            .Value.Split('→', StringSplitOptions.TrimEntries),
    ];

    [Fact]
    public void EveryFolderOfTheHost_IsAStorey() =>
        Assert.Equal(
            Directory
                .GetDirectories(s_host)
                .Select(folder => Path.GetFileName(folder))
                .Except(["bin", "obj", "build", "base-policy"])
                .Order(StringComparer.Ordinal),
            s_storeys.Order(StringComparer.Ordinal)
        );

    [Fact]
    public void AStorey_KnowsThoseBeforeIt() =>
        Assert.Empty(
            from storey in s_storeys
            from file in Sources(Path.Combine(s_host, storey))
            from known in Known().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)
            where Array.IndexOf(s_storeys, known) > Array.IndexOf(s_storeys, storey)
            select $"{storey}/{Path.GetFileName(file)} knows {known}"
        );

    [Fact]
    public void AFilesNamespace_IsItsFolder() =>
        Assert.Empty(
            from storey in s_storeys
            from file in Sources(Path.Combine(s_host, storey))
            where
                !Regex.IsMatch(
                    File.ReadAllText(file),
                    $@"^namespace David\.Grpo(\.{storey}(\.\w+)?)?;",
                    RegexOptions.Multiline
                )
            select file
        );

    [Fact]
    public void TorchSharpAndPointers_StayInTensors() =>
        Assert.Empty(
            from file in Sources(Path.Combine(Accepted.Root(), "src"))
            where !file.Contains("/Tensors/", StringComparison.Ordinal)
            from word in Hidden().Matches(File.ReadAllText(file)).Select(match => match.Value)
            select $"{Path.GetFileName(file)}: {word}"
        );

    [Fact]
    public void NoFile_IsTooLongToReadAtOnce() =>
        Assert.Empty(
            from file in Sources(Path.Combine(Accepted.Root(), "src"), "*.cs", "*.fs")
            let lines = File.ReadLines(file).Count()
            where lines > 400
            select $"{Path.GetFileName(file)}: {lines} lines"
        );

    private static IEnumerable<string> Sources(string folder, params string[] patterns) =>
        from pattern in patterns is [] ? ["*.cs"] : patterns
        from file in Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
        where !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal)
        select file;

    [GeneratedRegex(@"Tensors →[^.]*?(?=\n\n)")]
    private static partial Regex Storeys();

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?David\.Grpo\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Known();

    [GeneratedRegex(@"using TorchSharp|\bunsafe\b|LibraryImport|DllImport\(")]
    private static partial Regex Hidden();
}
