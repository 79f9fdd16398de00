namespace David.Grpo.Host.Tests.Reports;

/// <summary>Programs of the machine that some tests need.</summary>
internal static class Programs
{
    public static bool Has(string name) => Find(name) is not null;

    /// <summary>The path of a program; null where it is not on the PATH.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
}
