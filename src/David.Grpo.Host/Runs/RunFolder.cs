using System.IO.Compression;
using System.Text.Json;
using David.Grpo.Formats;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Runs;

/// <summary>What a checkpoint keeps besides parameters and moments.</summary>
public sealed record CheckpointState
{
    /// <summary>Of the checkpoint; another is refused.</summary>
    public int Format { get; init; }

    /// <summary>Of all that decides the run's numbers.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Where the loop stands.</summary>
    public required LoopProgress Progress { get; init; }

    /// <summary>Of the policy's optimizer.</summary>
    public required long AdamSteps { get; init; }

    /// <summary>Of the critic's optimizer.</summary>
    public long CriticAdamSteps { get; init; }

    /// <summary>Wall time so far.</summary>
    public required RunTimes Times { get; init; }

    /// <summary>The first evaluation.</summary>
    public required EvaluationMetrics? Before { get; init; }

    /// <summary>Bytes of metrics.jsonl and trajectories.jsonl.gz that belong to the steps made.</summary>
    public long MetricsBytes { get; init; }

    /// <summary>Bytes of trajectories.jsonl.gz that belong to the steps made.</summary>
    public long TrajectoryBytes { get; init; }

    /// <summary>Where TensorBoard's event files stood; null where there were none.</summary>
    public EventMark? Events { get; init; }
}

/// <summary>
/// A run on disk: run.json, environment.json, metrics.jsonl, trajectories.jsonl.gz, evaluations/step-N.jsonl,
/// tensorboard, checkpoints/step-N, result.json. Checkpoints are written beside, synced and renamed, so whenever the program is
/// killed the folder holds a whole one, and what was logged after it is dropped on resuming.
/// </summary>
public sealed class RunFolder
{
    private const int Format = 3;
    private const string FingerprintFile = "fingerprint";
    private readonly string? _tokenizerFolder;

    /// <param name="path">Made where it is absent.</param>
    /// <param name="fingerprint">Of all that decides the run's numbers.</param>
    /// <param name="tokenizerFolder">Copied into checkpoints; null for none.</param>
    /// <exception cref="InvalidDataException">It holds what another run made. Nothing of it is changed then.</exception>
    public RunFolder(string path, string fingerprint, string? tokenizerFolder = null)
    {
        Path = System.IO.Path.GetFullPath(path);
        Fingerprint = fingerprint;
        EnsureOwn(path, fingerprint);
        _tokenizerFolder = tokenizerFolder;
        try
        {
            Directory.CreateDirectory(Checkpoints);
            string probe = In(".writable");
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The run folder {Path} cannot be written: {failure.Message} Choose another folder.");
        }
    }

    /// <summary>Refuses a folder that holds what another run made; nothing is changed.</summary>
    /// <exception cref="InvalidDataException">It does.</exception>
    internal static void EnsureOwn(string path, string fingerprint)
    {
        if (BelongsToAnother(path, fingerprint))
            throw new InvalidDataException(
                $"{System.IO.Path.GetFullPath(path)} belongs to another run: its options, data, model or program differ from this one's. "
                    + "Give the run its own folder, or take the former options."
            );
    }

    /// <summary>Whether a folder holds a result, a checkpoint or a log, and not of a run with this fingerprint.</summary>
    internal static bool BelongsToAnother(string path, string fingerprint)
    {
        FileInfo metrics = new(System.IO.Path.Combine(path, "metrics.jsonl"));
        string checkpoints = System.IO.Path.Combine(path, "checkpoints");
        string? last = Directory.Exists(checkpoints) ? SavedIn(checkpoints).LastOrDefault() : null;
        bool isEmpty =
            last is null
            && metrics is not { Exists: true, Length: > 0 }
            && !File.Exists(System.IO.Path.Combine(path, "result.json"));
        return !isEmpty && OwnerOf(path, last) != fingerprint;
    }

    /// <summary>The fingerprint of the run that a folder's files are of; null where nothing says it.</summary>
    private static string? OwnerOf(string path, string? checkpoint)
    {
        if (checkpoint is not null)
            return ReadState(checkpoint).Fingerprint;
        string file = System.IO.Path.Combine(path, FingerprintFile);
        return File.Exists(file) ? File.ReadAllText(file) : null;
    }

    private static CheckpointState ReadState(string checkpoint) =>
        RunJson.Read<CheckpointState>(System.IO.Path.Combine(checkpoint, "state.json"));

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>Of all that decides the run's numbers.</summary>
    public string Fingerprint { get; }

    private string Checkpoints => In("checkpoints");

    /// <summary>The path of a file in the folder.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The finished run's result; null while it is not finished.</summary>
    public RunResult? Result => File.Exists(In("result.json")) ? RunJson.Read<RunResult>(In("result.json")) : null;

    /// <summary>Writes whose folder it is and what the run is; when it was begun first stays as it is.</summary>
    public void Describe(RunDescription description)
    {
        WriteSynced(In(FingerprintFile), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(Fingerprint)));
        description = description with { StartedAt = RunDescription.Read(Path)?.StartedAt ?? description.StartedAt };
        WriteSynced(
            In(RunDescription.FileName),
            stream => JsonSerializer.Serialize(stream, description, RunJson.Document)
        );
    }

    /// <summary>Appends a line to metrics.jsonl.</summary>
    public void AppendMetrics<T>(T metrics) =>
        Append(In("metrics.jsonl"), stream => JsonSerializer.Serialize(stream, metrics, RunJson.Line));

    /// <summary>Appends trajectories as one gzip member; readers see one stream.</summary>
    public void AppendTrajectories(IEnumerable<TrajectoryRecord> trajectories)
    {
        using FileStream file = new(In("trajectories.jsonl.gz"), FileMode.Append);
        using GZipStream gzip = new(file, CompressionLevel.Fastest);
        foreach (TrajectoryRecord trajectory in trajectories)
        {
            JsonSerializer.Serialize(gzip, trajectory, RunJson.Line);
            gzip.WriteByte((byte)'\n');
        }
    }

    /// <summary>What each question of the evaluation after some steps scored: evaluations/step-N.jsonl.</summary>
    public void WriteOutcomes(int step, IEnumerable<OutcomeRecord> outcomes)
    {
        Directory.CreateDirectory(In("evaluations"));
        WriteSynced(
            Outcomes(step),
            stream =>
            {
                foreach (OutcomeRecord outcome in outcomes)
                {
                    JsonSerializer.Serialize(stream, outcome, RunJson.Line);
                    stream.WriteByte((byte)'\n');
                }
            }
        );
    }

    /// <summary>Where <see cref="WriteOutcomes"/> writes.</summary>
    public string Outcomes(int step) => Outcomes(Path, step);

    /// <summary>Where a run's <see cref="WriteOutcomes"/> writes.</summary>
    public static string Outcomes(string folder, int step) =>
        System.IO.Path.Combine(folder, "evaluations", $"step-{step:D6}.jsonl");

    /// <summary>What the run is made with, environment.json, where there is none yet.</summary>
    public void DescribeEnvironment(Func<RunEnvironment> environment)
    {
        if (!File.Exists(In("environment.json")))
            WriteSynced(
                In("environment.json"),
                stream => JsonSerializer.Serialize(stream, environment(), RunJson.Document)
            );
    }

    /// <summary>Writes how the run ended: it is finished with this.</summary>
    public void WriteResult(RunResult result) =>
        WriteSynced(In("result.json"), stream => JsonSerializer.Serialize(stream, result, RunJson.Document));

    /// <summary>Writes a checkpoint beside, syncs and renames it, and drops those beyond the last <paramref name="kept"/>.</summary>
    public void Save(Decoder policy, AdamW optimizer, Critic? critic, CheckpointState state, int kept)
    {
        Sync(In("metrics.jsonl"));
        Sync(In("trajectories.jsonl.gz"));
        state = state with
        {
            Format = Format,
            Fingerprint = Fingerprint,
            MetricsBytes = Size(In("metrics.jsonl")),
            TrajectoryBytes = Size(In("trajectories.jsonl.gz")),
        };
        string name = System.IO.Path.Combine(Checkpoints, $"step-{state.Progress.Step:D6}");
        string beside = System.IO.Path.Combine(Checkpoints, $".step-{state.Progress.Step:D6}");
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        ModelFolder.Write(beside, policy, _tokenizerFolder);
        WriteMoments(System.IO.Path.Combine(beside, "optimizer.safetensors"), policy.ParameterNames, optimizer);
        if (critic is not null)
        {
            SafetensorsWriter.Write(
                System.IO.Path.Combine(beside, "critic.safetensors"),
                [.. critic.ParameterNames.Zip(critic.Parameters, Stored)]
            );
            WriteMoments(
                System.IO.Path.Combine(beside, "critic-optimizer.safetensors"),
                critic.ParameterNames,
                critic.Optimizer
            );
            state = state with { CriticAdamSteps = critic.Optimizer.Steps };
        }
        WriteSynced(
            System.IO.Path.Combine(beside, "state.json"),
            stream => JsonSerializer.Serialize(stream, state, RunJson.Document)
        );
        if (Directory.Exists(name))
            Directory.Delete(name, recursive: true);
        Directory.Move(beside, name);
        foreach (string old in Saved().SkipLast(kept))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>
    /// The last checkpoint, its parameters and moments read back and the logs cut to it; null where there is none (the
    /// logs are then emptied).
    /// </summary>
    public CheckpointState? Restore(Decoder policy, AdamW optimizer, Critic? critic)
    {
        foreach (string leftover in Directory.EnumerateDirectories(Checkpoints, ".step-*"))
            Directory.Delete(leftover, recursive: true);
        if (Saved().LastOrDefault() is not { } folder)
        {
            Cut(In("metrics.jsonl"), 0);
            Cut(In("trajectories.jsonl.gz"), 0);
            return null;
        }
        CheckpointState state = ReadState(folder);
        ReadWeights(System.IO.Path.Combine(folder, "model.safetensors"), policy);
        ReadMoments(System.IO.Path.Combine(folder, "optimizer.safetensors"), policy.ParameterNames, optimizer);
        optimizer.Steps = state.AdamSteps;
        if (critic is not null)
        {
            using SafetensorsFile weights = SafetensorsFile.Open(System.IO.Path.Combine(folder, "critic.safetensors"));
            foreach ((string name, Tensor parameter) in critic.ParameterNames.Zip(critic.Parameters))
                Read(weights, name, parameter);
            ReadMoments(
                System.IO.Path.Combine(folder, "critic-optimizer.safetensors"),
                critic.ParameterNames,
                critic.Optimizer
            );
            critic.Optimizer.Steps = state.CriticAdamSteps;
        }
        Cut(In("metrics.jsonl"), state.MetricsBytes);
        Cut(In("trajectories.jsonl.gz"), state.TrajectoryBytes);
        return state;
    }

    /// <summary>Overwrites a policy's parameters with those of a safetensors file of the same shape.</summary>
    public static void ReadWeights(string path, Decoder policy)
    {
        using SafetensorsFile weights = SafetensorsFile.Open(path);
        for (int i = 0; i < policy.Parameters.Length; i++)
            Read(weights, policy.ParameterNames[i], policy.Parameters[i]);
    }

    /// <summary>Checkpoint folders, oldest first.</summary>
    public IReadOnlyList<string> Saved() => SavedIn(Checkpoints);

    private static IReadOnlyList<string> SavedIn(string checkpoints) =>
        [.. Directory.EnumerateDirectories(checkpoints, "step-*").Order(StringComparer.Ordinal)];

    private static void WriteMoments(string path, ReadOnlySpan<string> names, AdamW optimizer)
    {
        List<SafetensorsTensor> tensors = [];
        for (int i = 0; i < names.Length; i++)
        {
            tensors.Add(Stored("first." + names[i], optimizer.FirstMoments[i]));
            tensors.Add(Stored("second." + names[i], optimizer.SecondMoments[i]));
        }
        SafetensorsWriter.Write(path, tensors);
    }

    private static void ReadMoments(string path, ReadOnlySpan<string> names, AdamW optimizer)
    {
        using SafetensorsFile moments = SafetensorsFile.Open(path);
        for (int i = 0; i < names.Length; i++)
        {
            Read(moments, "first." + names[i], optimizer.FirstMoments[i]);
            Read(moments, "second." + names[i], optimizer.SecondMoments[i]);
        }
    }

    private static SafetensorsTensor Stored(string name, Tensor tensor) =>
        SafetensorsTensor.Floats(name, tensor.Shape.ToArray(), tensor.CopyTo<float>);

    private static void Read(SafetensorsFile file, string name, Tensor target)
    {
        using TensorScope scope = new();
        float[] values = new float[target.Count];
        file.ReadFloat32(name, values);
        target.CopyInPlace(Tensor.From<float>(values, target.Shape, target.Device));
    }

    private static void Append(string path, Action<Stream> write)
    {
        using FileStream file = new(path, FileMode.Append);
        write(file);
        file.WriteByte((byte)'\n');
    }

    private static void WriteSynced(string path, Action<Stream> write)
    {
        string beside = path + ".tmp";
        using (FileStream file = new(beside, FileMode.Create))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }
        File.Move(beside, path, overwrite: true);
    }

    private static void Sync(string path)
    {
        using FileStream file = new(path, FileMode.OpenOrCreate);
        file.Flush(flushToDisk: true);
    }

    private static long Size(string path) => new FileInfo(path).Length;

    private static void Cut(string path, long bytes)
    {
        using FileStream file = new(path, FileMode.OpenOrCreate);
        if (file.Length < bytes)
            throw new InvalidDataException(
                $"{path} has {file.Length} bytes, the checkpoint was written after {bytes}. The file was changed: restore it, "
                    + "or delete the run's folder and begin anew."
            );
        file.SetLength(bytes);
    }
}
