using System.IO.Compression;
using System.Text.Json;
using David.Grpo.Runs;
using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>A run's trajectories.jsonl.gz, group by group, whatever state the run left it in.</summary>
internal sealed class TrajectoryLog(string folder)
{
    /// <summary>Where a log that a crash cut off ends; null where it is whole. Known when all was read.</summary>
    public string? Torn { get; private set; }

    /// <summary>The records of each step's groups, in the order of the log; nothing where there is no log.</summary>
    public IEnumerable<TrajectoryRecord[]> Groups()
    {
        List<TrajectoryRecord> group = [];
        foreach (TrajectoryRecord record in Records())
        {
            if (group is [var first, ..] && (first.Step != record.Step || first.Group != record.Group))
            {
                yield return [.. group];
                group.Clear();
            }
            group.Add(record);
        }
        if (group.Count > 0)
            yield return [.. group];
    }

    private IEnumerable<TrajectoryRecord> Records()
    {
        string path = Path.Combine(folder, "trajectories.jsonl.gz");
        if (!File.Exists(path) || new FileInfo(path).Length == 0)
            yield break;
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using GZipStream gzip = new(file, CompressionMode.Decompress);
        using StreamReader lines = new(gzip);
        int read = 0;
        while (Next(lines, read) is { } record)
        {
            read++;
            yield return record;
        }
    }

    private TrajectoryRecord? Next(StreamReader lines, int read)
    {
        try
        {
            return lines.ReadLine() is { } line
                ? JsonSerializer.Deserialize<TrajectoryRecord>(line, RunJson.Line)
                : null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidDataException or IOException)
        {
            Torn = $"trajectories.jsonl.gz breaks off after {read} trajectories";
            return null;
        }
    }
}
