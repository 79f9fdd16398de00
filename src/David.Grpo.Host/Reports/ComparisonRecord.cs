using System.Text.Json;
using David.Grpo.Comparisons;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>An arm of a recorded comparison.</summary>
/// <param name="Options">Of its first seed.</param>
/// <param name="Facts">What the arm is.</param>
/// <param name="Name">Within the comparison.</param>
/// <param name="Title">As tables show it.</param>
public sealed record RecordedArm(string Name, string Title, ArmFacts Facts, RunOptions Options);

/// <summary>
/// What is compared in a folder: comparison.json. With it a folder can be reported by anyone, whatever program ran it and
/// whatever arms of its own that had.
/// </summary>
public sealed record ComparisonRecord
{
    private const string FileName = "comparison.json";

    /// <summary>In the order of its tables.</summary>
    public required RecordedArm[] Arms { get; init; }

    /// <summary>Of every arm.</summary>
    public required long[] Seeds { get; init; }

    /// <summary>The arm that the others are compared with.</summary>
    public required string Focus { get; init; }

    /// <summary>Whether it is on questions and corpus of a file, not on the embedded world.</summary>
    public bool IsText { get; init; }

    /// <summary>How learning rates were chosen; null where they were given.</summary>
    public TuningResult? Tuning { get; init; }

    /// <summary>The record of a comparison.</summary>
    /// <param name="runs">Each arm over the same seeds.</param>
    public static ComparisonRecord Of(IReadOnlyList<ComparedRun> runs, string focus) =>
        Of(runs, ReportedArm.Of(runs), focus);

    /// <summary>What a report is of.</summary>
    public static ComparisonRecord Of(ComparisonReport report) =>
        Of(report.Runs, report.Arms, report.Summary.Focus) with
        {
            IsText = report.IsText,
            Tuning = report.Tuning,
        };

    private static ComparisonRecord Of(IReadOnlyList<ComparedRun> runs, ReportedArm[] arms, string focus) =>
        new()
        {
            Arms =
            [
                .. arms.Select(arm => new RecordedArm(
                    arm.Name,
                    arm.Title,
                    arm.Facts,
                    runs.First(run => run.Name == arm.Name).Options
                )),
            ],
            Seeds = [.. runs.Select(run => run.Seed).Distinct()],
            Focus = focus,
            IsText = runs[0].Options.IsText,
        };

    /// <summary>Writes it into the comparison's folder, which is made where it is absent.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, RunJson.Document));
    }

    /// <summary>Reads a comparison's folder, or makes a comparison of one of a run's.</summary>
    /// <exception cref="InvalidDataException">It is neither; the text says what to do.</exception>
    public static ComparisonRecord Read(string folder)
    {
        string file = Path.Combine(folder, FileName);
        if (File.Exists(file))
        {
            try
            {
                return JsonSerializer.Deserialize<ComparisonRecord>(File.ReadAllText(file), RunJson.Document)!;
            }
            catch (JsonException fault)
            {
                throw new InvalidDataException(
                    $"{file} is damaged: {fault.Message} Report the comparison again, which writes it.",
                    fault
                );
            }
        }
        if (File.Exists(Path.Combine(folder, "result.json")))
            return OfRun(folder);
        throw new InvalidDataException(
            Directory.Exists(folder)
                ? $"{folder} has neither {FileName} nor result.json, so it is no folder of a comparison or of a finished run. "
                    + "If it is an older comparison, write the file: david compare --out FOLDER --report."
                : $"{folder} does not exist; give the folder of a comparison or of a finished run, such as runs/demo."
        );
    }

    /// <summary>The report of what is finished.</summary>
    /// <exception cref="InvalidDataException">Nothing is.</exception>
    public ComparisonReport Report(string folder)
    {
        ComparedRun[] all =
        [
            .. Seeds.SelectMany(seed =>
                Arms.Select(arm => new ComparedRun(arm.Name, seed, arm.Options with { Seed = seed }))
            ),
        ];
        (ComparedRun[] runs, string unfinished) = IsRun(folder)
            ? new FinishedRuns(all, "")
            : FinishedRuns.In(folder, all);
        RunLog[] lines =
        [
            .. runs.Select(run => RunLog.Read(IsRun(folder) ? folder : Path.Combine(folder, run.Folder))),
        ];
        HashSet<string> reported = [.. runs.Select(run => run.Name)];
        return new ComparisonReport(
            folder,
            runs,
            lines,
            [
                .. Arms.Where(arm => reported.Contains(arm.Name))
                    .Select(arm => new ReportedArm(arm.Name, arm.Title, arm.Facts, arm.Options.Method)),
            ],
            ComparisonSummary.Of(lines, runs, reported.Contains(Focus) ? Focus : runs[^1].Name)
        )
        {
            IsText = IsText,
            Tuning = Tuning,
            Unfinished = unfinished,
        };
    }

    private static bool IsRun(string folder) => File.Exists(Path.Combine(folder, "metrics.jsonl"));

    private static ComparisonRecord OfRun(string folder)
    {
        RunResult result = RunJson.Read<RunResult>(Path.Combine(folder, "result.json"));
        RunLog lines = RunLog.Read(folder);
        EvaluationMetrics first = lines.First;
        RunOptions options = new()
        {
            Seed = result.Seed,
            Rollouts = lines.Evaluations[^1].Rollouts,
            Method = new MethodOptions { Arm = Grpo.Arms.Names.Contains(result.Arm) ? result.Arm : "grpo" },
            Evaluation = new EvaluationOptions { Questions = first.Questions },
        };
        ReportedArm arm = ReportedArm.Of([new ComparedRun(result.Arm, result.Seed, options)])[0];
        return new ComparisonRecord
        {
            Arms = [new RecordedArm(arm.Name, arm.Title, arm.Facts, options)],
            Seeds = [result.Seed],
            Focus = result.Arm,
        };
    }
}
