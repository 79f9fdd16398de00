using System.Text.Json;

namespace David.Grpo.Runs;

/// <summary>How a run stands.</summary>
public enum RunState
{
    /// <summary>Came to the end of its budget.</summary>
    Finished,

    /// <summary>A process works on it now.</summary>
    Running,

    /// <summary>Ended by its user; the same command goes on from its last checkpoint.</summary>
    Stopped,

    /// <summary>Its process ended without a word; the same command goes on from its last checkpoint, or begins anew.</summary>
    Crashed,
}

/// <summary>A run as a list shows it, read off its folder.</summary>
public sealed record RunOverview
{
    /// <summary>Its folder, absolute.</summary>
    public required string Folder { get; init; }

    /// <summary>The method's name; null where the folder does not say it.</summary>
    public required string? Arm { get; init; }

    /// <summary>That its random numbers come from; null where the folder does not say it.</summary>
    public required long? Seed { get; init; }

    /// <summary>How it stands.</summary>
    public required RunState State { get; init; }

    /// <summary>Training steps made.</summary>
    public required int Steps { get; init; }

    /// <summary>Rollouts spent.</summary>
    public required int Rollouts { get; init; }

    /// <summary>Rollouts that it may spend; null where the folder does not say it.</summary>
    public required int? Budget { get; init; }

    /// <summary>Its first evaluation; null where it made none.</summary>
    public required EvaluationMetrics? First { get; init; }

    /// <summary>Its last evaluation; null where it made none.</summary>
    public required EvaluationMetrics? Last { get; init; }

    /// <summary>Seconds of sampling and learning.</summary>
    public required double Seconds { get; init; }

    /// <summary>Bytes of all its files.</summary>
    public required long Bytes { get; init; }

    /// <summary>Of them in checkpoints.</summary>
    public required long CheckpointBytes { get; init; }

    /// <summary>When something was last written to its log.</summary>
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>What could not be read; empty where all could.</summary>
    public required string Fault { get; init; }

    /// <summary>Its checkpoints' folders, oldest first.</summary>
    public required IReadOnlyList<string> Checkpoints { get; init; }

    /// <summary>Whether a folder is a run's.</summary>
    public static bool IsRun(string folder) =>
        File.Exists(Path.Combine(folder, "metrics.jsonl"))
        || File.Exists(Path.Combine(folder, RunDescription.FileName))
        || (File.Exists(Path.Combine(folder, "result.json")) && Directory.Exists(Path.Combine(folder, "checkpoints")));

    /// <summary>The runs in a folder and the folders under it, in the order of their names; itself, if it is one.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IEnumerable<RunOverview> Under(string folder)
    {
        folder = Path.GetFullPath(folder);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException(
                $"There is no folder {folder}. Name a run's folder, or one with runs in it."
            );
        if (IsRun(folder))
            return [Read(folder)];
        // What a run holds is not looked through: checkpoints are large, and no runs.
        return Directory
            .EnumerateDirectories(folder)
            .Where(inner => !Path.GetFileName(inner).StartsWith('.') && new DirectoryInfo(inner).LinkTarget is null)
            .Order(StringComparer.Ordinal)
            .SelectMany(Under);
    }

    /// <summary>The overview of a run's folder. What is broken in it is said, not thrown.</summary>
    public static RunOverview Read(string folder)
    {
        folder = Path.GetFullPath(folder);
        List<string> faults = [];
        RunDescription? description = RunDescription.Read(folder);
        RunResult? result = ResultOf(folder, faults);
        (StepMetrics[] steps, EvaluationMetrics[] evaluations, _) = RunLog.ReadMetrics(folder, faults);
        string checkpoints = Path.Combine(folder, "checkpoints");
        FileInfo[] files = [.. FilesOf(folder)];
        return new RunOverview
        {
            Folder = folder,
            Arm = description?.Arm ?? result?.Arm,
            Seed = description?.Seed ?? result?.Seed,
            State =
                RunHold.IsHeld(folder) ? RunState.Running
                : result is { Stopped: false } ? RunState.Finished
                : RunHold.WasLost(folder) ? RunState.Crashed
                : RunState.Stopped,
            Steps = steps.LastOrDefault()?.Step ?? 0,
            Rollouts = steps.LastOrDefault()?.Rollouts ?? 0,
            Budget =
                description?.Options["rollouts"] is { } budget && budget.GetValueKind() == JsonValueKind.Number
                    ? budget.GetValue<int>()
                    : null,
            First = evaluations.FirstOrDefault(),
            Last = evaluations.LastOrDefault(),
            Seconds = steps.Sum(step => step.RolloutSeconds + step.LearningSeconds),
            Bytes = files.Sum(file => file.Length),
            CheckpointBytes = files
                .Where(file =>
                    file.FullName.StartsWith(checkpoints + Path.DirectorySeparatorChar, StringComparison.Ordinal)
                )
                .Sum(file => file.Length),
            ChangedAt = new[] { "metrics.jsonl", "result.json", RunDescription.FileName }
                .Select(name => new FileInfo(Path.Combine(folder, name)))
                .Where(file => file.Exists)
                .Select(file => new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero))
                .DefaultIfEmpty(new DateTimeOffset(Directory.GetLastWriteTimeUtc(folder), TimeSpan.Zero))
                .Max(),
            Fault = string.Join(' ', faults),
            Checkpoints = Directory.Exists(checkpoints)
                ? [.. Directory.EnumerateDirectories(checkpoints, "step-*").Order(StringComparer.Ordinal)]
                : [],
        };
    }

    /// <summary>Files of a folder, however deep; those that vanish meanwhile are left out.</summary>
    internal static IEnumerable<FileInfo> FilesOf(string folder) =>
        new DirectoryInfo(folder)
            .EnumerateFiles(
                "*",
                new EnumerationOptions
                {
                    RecurseSubdirectories = true,
                    IgnoreInaccessible = true,
                    AttributesToSkip = FileAttributes.ReparsePoint,
                }
            )
            .Where(file => file.Exists);

    private static RunResult? ResultOf(string folder, List<string> faults)
    {
        string path = Path.Combine(folder, "result.json");
        try
        {
            return File.Exists(path)
                ? JsonSerializer.Deserialize<RunResult>(File.ReadAllText(path), RunJson.Document)
                : null;
        }
        catch (JsonException)
        {
            faults.Add($"{path} cannot be read.");
            return null;
        }
    }
}
