namespace David.Grpo.Runs;

/// <summary>What may be removed of runs.</summary>
/// <param name="Checkpoints">Checkpoints that a run keeps, its last ones; at least 1 of a run that is not finished.</param>
/// <param name="Moments">Whether the optimizer's state of finished runs is removed; nobody goes on from it.</param>
/// <param name="Failed">Whether runs that were stopped or crashed are removed whole.</param>
/// <param name="OlderThan">Only runs in which nothing was written for so long.</param>
public sealed record PruningOptions(
    int Checkpoints = 1,
    bool Moments = false,
    bool Failed = false,
    TimeSpan OlderThan = default
);

/// <summary>One thing to remove.</summary>
/// <param name="Run">The run's folder.</param>
/// <param name="Path">A file or folder of it, or itself.</param>
/// <param name="Bytes">What that frees.</param>
/// <param name="Reason">Why it may go.</param>
public sealed record Removal(string Run, string Path, long Bytes, string Reason);

/// <summary>Decides what of runs may be removed, and removes it.</summary>
public static class RunPruning
{
    /// <summary>What a rule would remove; nothing of a run that a process works on.</summary>
    public static IEnumerable<Removal> Plan(IEnumerable<RunOverview> runs, PruningOptions rule, DateTimeOffset now)
    {
        foreach (RunOverview run in runs)
        {
            if (run.State == RunState.Running || now - run.ChangedAt < rule.OlderThan)
                continue;
            if (rule.Failed && run.State != RunState.Finished)
            {
                yield return new Removal(
                    run.Folder,
                    run.Folder,
                    run.Bytes,
                    run.State == RunState.Crashed ? "crashed" : "stopped"
                );
                continue;
            }
            bool isFinished = run.State == RunState.Finished;
            int kept = isFinished ? rule.Checkpoints : Math.Max(1, rule.Checkpoints);
            foreach (string old in run.Checkpoints.SkipLast(kept))
                yield return new Removal(run.Folder, old, Size(old), "old checkpoint");
            if (!rule.Moments || !isFinished)
                continue;
            foreach (string checkpoint in run.Checkpoints.TakeLast(kept))
            foreach (
                string moments in Directory
                    .EnumerateFiles(checkpoint, "*optimizer.safetensors")
                    .Order(StringComparer.Ordinal)
            )
                yield return new Removal(
                    run.Folder,
                    moments,
                    new FileInfo(moments).Length,
                    "optimizer of a finished run"
                );
        }
    }

    /// <summary>Removes what was planned; a run that a process has begun to work on since is left out.</summary>
    /// <returns>What was removed.</returns>
    public static IReadOnlyList<Removal> Remove(IEnumerable<Removal> planned)
    {
        List<Removal> removed = [];
        foreach (IGrouping<string, Removal> run in planned.GroupBy(removal => removal.Run))
        {
            bool wasLost = RunHold.WasLost(run.Key);
            using RunHold? hold = RunHold.TryTake(run.Key);
            if (hold is null)
                continue;
            foreach (Removal removal in run)
            {
                if (Directory.Exists(removal.Path))
                    Directory.Delete(removal.Path, recursive: true);
                else
                    File.Delete(removal.Path);
                removed.Add(removal);
            }
            if (wasLost && Directory.Exists(run.Key))
                hold.Lose();
        }
        return removed;
    }

    private static long Size(string folder) => RunOverview.FilesOf(folder).Sum(file => file.Length);
}
