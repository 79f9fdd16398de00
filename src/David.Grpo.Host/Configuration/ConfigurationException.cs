using System.Globalization;

namespace David.Grpo.Configuration;

/// <summary>One thing that is wrong in a configuration file.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
/// <param name="Key">The path of the key, such as <c>method.lambda</c> or <c>arms[1].name</c>; empty for the whole file.</param>
/// <param name="Got">What stands there.</param>
/// <param name="Expected">What may stand there.</param>
/// <param name="Nearest">The key or word that was probably meant, or null where none is near.</param>
public sealed record ConfigurationProblem(
    int Line,
    int Column,
    string Key,
    string Got,
    string Expected,
    string? Nearest = null
)
{
    public override string ToString() =>
        (Key.Length == 0 ? "" : Key + ": ")
        + $"got {Got}, expected {Expected}."
        + (Nearest is null ? "" : $" Did you mean {Nearest}?");
}

/// <summary>A configuration file was refused. The message has a line <c>file:line:column: …</c> for each problem.</summary>
public sealed class ConfigurationException : Exception
{
    /// <param name="file">The file, as the user named it.</param>
    /// <param name="problems">At least one.</param>
    public ConfigurationException(string file, IEnumerable<ConfigurationProblem> problems)
        : this(file, [.. problems.OrderBy(problem => problem.Line).ThenBy(problem => problem.Column)]) { }

    private ConfigurationException(string file, ConfigurationProblem[] sorted)
        : base(string.Join('\n', sorted.Select(problem => Located(file, problem)))) =>
        (File, Problems) = (file, sorted);

    /// <summary>The file, as the user named it.</summary>
    public string File { get; }

    /// <summary>All that is wrong, in the order of the file.</summary>
    public IReadOnlyList<ConfigurationProblem> Problems { get; }

    private static string Located(string file, ConfigurationProblem problem) =>
        string.Create(CultureInfo.InvariantCulture, $"{file}:{problem.Line}:{problem.Column}: {problem}");
}
