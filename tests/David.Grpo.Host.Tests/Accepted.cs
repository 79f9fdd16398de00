namespace David.Grpo.Host.Tests;

/// <summary>Texts that are generated, committed and compared, so that no change of them goes unseen.</summary>
internal static class Accepted
{
    /// <summary>Compares a text with a file of the checkout, or writes it there if DAVID_ACCEPT is 1.</summary>
    /// <param name="relative">The file, from the checkout's root.</param>
    public static void Equal(string relative, string text)
    {
        string path = Path.Combine(Root(), relative);
        if (Environment.GetEnvironmentVariable("DAVID_ACCEPT") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            return;
        }
        string[] accepted = File.Exists(path) ? File.ReadAllLines(path) : [];
        string[] now = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] changes =
        [
            .. accepted.Except(now, StringComparer.Ordinal).Select(line => "- " + line),
            .. now.Except(accepted, StringComparer.Ordinal).Select(line => "+ " + line),
        ];
        Assert.True(
            accepted.SequenceEqual(now, StringComparer.Ordinal),
            $"{relative} is not what the program says now:\n{string.Join('\n', changes.Take(40))}\n"
                + "If the change is meant, run: DAVID_ACCEPT=1 ./david test PublicSurface RunSchema"
        );
    }

    /// <summary>The checkout's folder; skips the running test where there is none.</summary>
    public static string Root()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "David.Grpo.sln")))
                return at.FullName;
        Assert.Skip("is run outside of a checkout");
        return "";
    }
}
