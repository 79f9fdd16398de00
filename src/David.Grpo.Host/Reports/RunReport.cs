using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>
/// A run's page, index.html, and its trajectory microscope, microscope/index.html: made of what the run left in its folder,
/// whether it is finished or not. Both work from disk and load nothing from the net.
/// </summary>
public static class RunReport
{
    /// <summary>Writes both anew.</summary>
    /// <param name="folder">Of the run.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="InvalidDataException">The folder holds no run.</exception>
    /// <exception cref="IOException">The folder does not exist, or cannot be written.</exception>
    public static string Write(string folder)
    {
        RunLog run = RunLog.Read(folder);
        (int trajectories, string? torn) = MicroscopePage.Write(
            run.Folder,
            RunPage.Title(run),
            run.Option<string>("model")
        );
        if (torn is not null)
            run = run with { Remarks = [.. run.Remarks, torn] };
        string page = Path.Combine(run.Folder, "index.html");
        string beside = page + ".tmp";
        File.WriteAllText(beside, Page.Render(RunPage.Of(run, trajectories)));
        File.Move(beside, page, overwrite: true);
        return page;
    }

    /// <summary>Writes both anew where the run has gone on since; whatever goes wrong is told and does no harm.</summary>
    /// <param name="warn">Told in a sentence what went wrong.</param>
    /// <returns>The page's path; null where it could not be written.</returns>
    public static string? TryWrite(string folder, Action<string> warn)
    {
        try
        {
            return IsFresh(folder) ? Path.Combine(folder, "index.html") : Write(folder);
        }
        catch (Exception failure)
            when (failure
                    is IOException
                        or UnauthorizedAccessException
                        or InvalidDataException
                        or System.Text.Json.JsonException
                        or ArgumentException
                        or NotSupportedException
            )
        {
            warn($"The page of {folder} was not written: {failure.Message}");
            return null;
        }
    }

    private static bool IsFresh(string folder)
    {
        DateTime Written(string name) => File.GetLastWriteTimeUtc(Path.Combine(folder, name));
        return File.Exists(Path.Combine(folder, "index.html"))
            && ((string[])["metrics.jsonl", "result.json", typeof(RunReport).Assembly.Location]).All(name =>
                Written(name) < Written("index.html")
            );
    }
}
