using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Runs;

/// <summary>What a run had spent at some point.</summary>
/// <param name="Seconds">Of sampling and learning.</param>
/// <param name="Rollouts">Spent, continuations included.</param>
/// <param name="GeneratedTokens">Sampled.</param>
/// <param name="Searches">Answered.</param>
/// <param name="OptimizerSteps">Made.</param>
/// <param name="LearnedTokens">Of the sequences learned from, all epochs.</param>
public sealed record RunCost(
    int Rollouts,
    long GeneratedTokens,
    long Searches,
    int OptimizerSteps,
    long LearnedTokens,
    double Seconds
);

/// <summary>A run at a point of its budget.</summary>
/// <param name="Outcomes">By question.</param>
/// <param name="Spent">Until then.</param>
public sealed record RunPoint(RunCost Spent, OutcomeRecord[] Outcomes);

/// <summary>What a run left in its folder, finished, unfinished or cut off by a crash.</summary>
/// <param name="Folder">Of the run.</param>
/// <param name="Evaluations">In the order made.</param>
/// <param name="Steps">In the order made.</param>
/// <param name="Options">Of run.json; null where there is none.</param>
/// <param name="Environment">environment.json; null where there is none.</param>
/// <param name="Result">Null for a run that is not finished.</param>
/// <param name="Remarks">What of it could not be read, in words.</param>
public sealed record RunLog(
    string Folder,
    EvaluationMetrics[] Evaluations,
    StepMetrics[] Steps,
    JsonObject? Options,
    JsonObject? Environment,
    RunResult? Result,
    string[] Remarks
)
{
    /// <summary>Reads what can be read.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds no run.</exception>
    public static RunLog Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder} does not exist; give the folder of a run.");
        string metrics = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(metrics))
            throw new InvalidDataException(
                $"{folder} holds no run: it has no metrics.jsonl. Give the folder of one run, such as runs/demo/david/seed-1"
                    + (
                        File.Exists(Path.Combine(folder, "summary.json"))
                            ? "; this one is a comparison's, whose page david compare --report writes."
                            : "."
                    )
            );
        List<string> remarks = [];
        (StepMetrics[] steps, EvaluationMetrics[] evaluations, bool isCut) = ReadMetrics(folder, remarks);
        if (isCut)
            remarks.Add("The last line of the metrics is cut off.");
        return new RunLog(
            Path.GetFullPath(folder),
            evaluations,
            steps,
            RunDescription.Read(folder)?.Options,
            Document<JsonObject>(folder, "environment.json", remarks),
            Document<RunResult>(folder, "result.json", remarks),
            [.. remarks]
        );
    }

    /// <summary>An option by its path, "method.arm"; null where it is unknown or none.</summary>
    public T? Option<T>(string path)
    {
        JsonNode? node = Options;
        foreach (string key in path.Split('.'))
            node = (node as JsonObject)?[key];
        return node is JsonValue value && value.TryGetValue(out T? found) ? found : default;
    }

    /// <summary>In snake_case; null where it is not known.</summary>
    public string? Arm => Result?.Arm ?? Option<string>("method.arm");

    /// <summary>Null where it is not known.</summary>
    public long? Seed => Result?.Seed ?? Option<long?>("seed");

    /// <summary>Of all the last line knows.</summary>
    public RunCost Spent => SpentAfter(int.MaxValue);

    /// <summary>What it had spent after some steps.</summary>
    public RunCost SpentAfter(int step)
    {
        StepMetrics[] before = [.. Steps.Where(own => own.Step <= step)];
        return before is []
            ? new RunCost(0, 0, 0, 0, 0, 0)
            : new RunCost(
                before[^1].Rollouts,
                before[^1].GeneratedTokens,
                before[^1].Searches,
                before[^1].OptimizerSteps,
                before.Sum(own => own.LearnedTokens),
                before.Sum(own => own.RolloutSeconds + own.LearningSeconds)
            );
    }

    /// <summary>Its first evaluation: of the policy before training.</summary>
    /// <exception cref="InvalidDataException">There is none that can be read.</exception>
    public EvaluationMetrics First =>
        Whole.FirstOrDefault()
        ?? throw new InvalidDataException($"{Folder} has no evaluation, so there is nothing to report.");

    /// <summary>Its evaluation at a mark of its budget: after the last step that the mark allowed.</summary>
    /// <exception cref="InvalidDataException">There is none, or its outcomes are not there.</exception>
    public RunPoint At(int rollouts)
    {
        int last = Steps.LastOrDefault(step => step.Rollouts <= rollouts)?.Step ?? 0;
        EvaluationMetrics? point = Whole.LastOrDefault(evaluation => evaluation.Rollouts <= rollouts);
        return point?.Step == last
            ? PointOf(point)
            : throw new InvalidDataException(
                $"{Folder} was not evaluated at {rollouts} rollouts, but at {string.Join(", ", Whole.Select(evaluation => evaluation.Rollouts).Distinct())}. "
                    + "Ask for one of these, or train in another folder with that mark among its evaluations."
            );
    }

    /// <summary>Its last whole evaluation within a budget of rollouts.</summary>
    /// <exception cref="InvalidDataException">There is none, or its outcomes are not there.</exception>
    public RunPoint Within(int rollouts) =>
        PointOf(
            Whole.LastOrDefault(evaluation => evaluation.Rollouts <= rollouts)
                ?? throw new InvalidDataException(
                    $"{Folder} has made no evaluation yet, so there is nothing to compare. Leave it out, or let it go on."
                )
        );

    /// <summary>Evaluations of as many questions as the last one: a stop may have cut one short.</summary>
    private IEnumerable<EvaluationMetrics> Whole =>
        Array.Find(Remarks, remark => remark.Contains("metrics.jsonl", StringComparison.Ordinal)) is { } damage
            ? throw new InvalidDataException(
                $"{damage} Restore the file, or delete the run's folder and train it anew."
            )
            : Evaluations.Where(evaluation => evaluation.Questions == Evaluations.Max(one => one.Questions));

    private RunPoint PointOf(EvaluationMetrics evaluation) =>
        new(
            SpentAfter(evaluation.Step) with
            {
                Rollouts = evaluation.Rollouts,
            },
            Outcomes(evaluation.Step)
                ?? throw new InvalidDataException(
                    $"{RunFolder.Outcomes(Folder, evaluation.Step)} is not there or cannot be read, so questions cannot be compared."
                )
        );

    /// <summary>What each question scored after some steps; null where that was not kept.</summary>
    public OutcomeRecord[]? Outcomes(int step)
    {
        string path = RunFolder.Outcomes(Folder, step);
        try
        {
            return File.Exists(path)
                ?
                [
                    .. File.ReadLines(path)
                        .Select(line => JsonSerializer.Deserialize<OutcomeRecord>(line, RunJson.Line)!),
                ]
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>What can be read of metrics.jsonl, which a run may be appending to.</summary>
    /// <param name="faults">Told of what cannot.</param>
    internal static (StepMetrics[] Steps, EvaluationMetrics[] Evaluations, bool IsCut) ReadMetrics(
        string folder,
        List<string> faults
    )
    {
        bool isCut = false;
        List<StepMetrics> steps = [];
        List<EvaluationMetrics> evaluations = [];
        string path = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(path))
            return ([], [], false);
        string[] lines = ReadShared(path).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach ((int at, string line) in lines.Index())
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                if (document.RootElement.GetProperty("kind").GetString() == "step")
                    steps.Add(document.Deserialize<StepMetrics>(RunJson.Line)!);
                else
                    evaluations.Add(document.Deserialize<EvaluationMetrics>(RunJson.Line)!);
            }
            catch (Exception failure)
                when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                // The last line may be half written: by a run under way, or by one that was killed.
                if (at == lines.Length - 1)
                    isCut = true;
                else
                    faults.Add($"{path}:{at + 1} cannot be read.");
            }
        return ([.. steps], [.. evaluations], isCut);
    }

    /// <summary>A file that another process may be appending to.</summary>
    private static string ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using StreamReader reader = new(file);
        return reader.ReadToEnd();
    }

    private static T? Document<T>(string folder, string name, List<string> remarks)
        where T : class
    {
        string path = Path.Combine(folder, name);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(File.ReadAllText(path), RunJson.Document) : null;
        }
        catch (JsonException)
        {
            remarks.Add($"{path} cannot be read.");
            return null;
        }
    }
}
