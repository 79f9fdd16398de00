namespace David.Grpo.Host.Tests;

/// <summary>Files beside the checkout that are not part of it; a test that needs one skips where it is absent.</summary>
internal static class Shared
{
    private static readonly string? Folder = Find();

    /// <summary>The path of a file or folder under ../shared; skips the running test where it is absent.</summary>
    public static string Path(string relative)
    {
        string? path = Folder is null ? null : System.IO.Path.Combine(Folder, relative);
        Assert.SkipUnless(
            path is not null && (File.Exists(path) || Directory.Exists(path)),
            $"needs ../shared/{relative}, which is not here"
        );
        return path!;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("DAVID_SHARED") is { Length: > 0 } folder)
            return folder;
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(System.IO.Path.Combine(at.FullName, "David.Grpo.sln")))
            {
                string candidate = System.IO.Path.Combine(at.Parent?.FullName ?? "/", "shared");
                return Directory.Exists(candidate) ? candidate : null;
            }
        return null;
    }
}
