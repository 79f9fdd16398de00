using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using David.Grpo.Cli.Configuration;
using David.Grpo.Cli.Reports;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Cli.Commands;

using Command = System.CommandLine.Command;

/// <summary>`david compare`: arms × seeds × budgets.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Argument<string?> path = new("file")
        {
            Description = "Options of the comparison (YAML); default: all defaults",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string[]> arms = new("--arms")
        {
            Description = $"Arms instead of the file's: {string.Join(", ", Arms.Names)}",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<int?> seeds = new("--seeds") { Description = "Seeds of each arm" };
        Option<int?> firstSeed = new("--first-seed") { Description = "The first seed" };
        Option<int?> rollouts = new("--rollouts") { Description = "Rollouts that each run may spend" };
        Option<string?> output = new("--out") { Description = "Folder of the comparison" };
        Option<int> workers = new("--workers")
        {
            Description = "Runs under way at once, a thread each",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        Option<bool> report = new("--report")
        {
            Description =
                "Run nothing: report the finished runs in OUT, over the seeds that all arms have finished. Without FILE and --arms, of the comparison last run there",
        };
        Option<bool> keys = new("--keys") { Description = "Print every key of the file with its default, and end" };
        Command command = new(
            "compare",
            """
            Compare arms over seeds at equal budgets, on the embedded world or (key `run`) on your own questions and corpus.
            Finished runs are not run again, cut-off ones go on; adding an arm, a variant or a seed runs just what is new.
            Ends with tables at each budget and, in OUT, index.html, summary.json, scores.csv, tables as Markdown and LaTeX,
            and figures/*.svg.

              david compare --arms grpo david --seeds 3
              david compare scripts/low-budget.yaml
              david compare --out runs/compare --report
            """
        )
        {
            path,
            arms,
            seeds,
            firstSeed,
            rollouts,
            output,
            workers,
            report,
            keys,
        };
        command.SetAction(
            (parse, cancellationToken) =>
                Failure.GuardAsync(
                    parse.InvocationConfiguration.Error,
                    async () =>
                    {
                        if (parse.GetValue(keys))
                        {
                            Console.Write(ConfigurationReference.Describe<ComparisonFile>());
                            return 0;
                        }
                        string[] named = [.. parse.GetValue(arms)!.SelectMany(list => list.Split(','))];
                        string? folder = parse.GetValue(output);
                        bool isReport = parse.GetValue(report);
                        string? given = parse.GetValue(path);
                        if (given is null && isReport && named is [])
                            given = ComparisonPlan.PathIn(folder ?? "runs/compare");
                        ComparisonFile file = given is null
                            ? new ComparisonFile()
                            : ConfigurationFile.Read<ComparisonFile>(given);
                        file = file with
                        {
                            Arms = named.Length > 0 ? named : file.Arms,
                            Variants = named.Length > 0 ? [] : file.Variants,
                            Seeds = parse.GetValue(seeds) ?? file.Seeds,
                            FirstSeed = parse.GetValue(firstSeed) ?? file.FirstSeed,
                            Rollouts = parse.GetValue(rollouts) ?? file.Rollouts,
                            Out = Path.GetFullPath(folder ?? file.Out ?? "runs/compare"),
                        };
                        if (file.Seeds < 1 || file.Rollouts < 0)
                            throw new InvalidDataException(
                                $"{file.Seeds} seeds at {file.Rollouts} rollouts make no comparison; give at least 1 and at least 0."
                            );
                        ComparisonPlan plan = ComparisonPlan.Open(file);
                        return isReport
                            ? await ReportAsync(plan)
                            : await RunAsync(plan, Math.Max(1, parse.GetValue(workers)), cancellationToken);
                    }
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(ComparisonPlan plan, int workers, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using Ground ground = Ground.Open(plan, cancellationToken);
        plan.Save();
        TuningResult? tuned = null;
        if (plan.File.Tune is { } tuning)
        {
            Console.WriteLine(
                $"Tuning: {tuning.LearningRates.Length} learning rates × {tuning.Seeds} seeds of each arm."
            );
            if (
                !await ground.RunAsync(
                    plan.TuningFolder,
                    plan.TuningRuns,
                    tuning.EvaluationWorld,
                    workers,
                    cancellationToken
                )
            )
                return Stopped(plan.Folder);
            (plan, tuned) = plan.Tuned(tuning);
            Print(tuned);
        }
        ComparedRun[] runs = plan.Runs;
        if (!await ground.RunAsync(plan.Folder, runs, plan.File.EvaluationWorld, workers, cancellationToken))
            return Stopped(plan.Folder);
        return await WriteAsync(
            ComparisonReport.Read(plan.Folder, runs, plan.Focus, clock.Elapsed.TotalSeconds) with
            {
                Tuning = tuned,
            }
        );
    }

    private static async Task<int> ReportAsync(ComparisonPlan plan)
    {
        TuningResult? tuned = null;
        if (plan.File.Tune is { } tuning)
        {
            (plan, tuned) = plan.Tuned(tuning);
            Print(tuned);
        }
        (ComparedRun[] runs, string unfinished) = FinishedRuns.In(plan.Folder, plan.Runs);
        string[] arms = [.. runs.Select(run => run.Name).Distinct()];
        string focus = arms.Contains(plan.Focus) ? plan.Focus : arms[^1];
        return await WriteAsync(
            ComparisonReport.Read(plan.Folder, runs, focus, wallSeconds: 0) with
            {
                Tuning = tuned,
                Unfinished = unfinished,
            }
        );
    }

    private static async Task<int> WriteAsync(ComparisonReport report)
    {
        ComparisonTables.Print(AnsiConsole.Console, report, "exact_match");
        Console.WriteLine($"\nLearning curves and details: {await report.WriteAsync(Console.Error.WriteLine)}");
        return 0;
    }

    private static int Stopped(string folder)
    {
        Console.Error.WriteLine($"Stopped. The same command goes on from the checkpoints in {folder}.");
        return Failure.Stopped;
    }

    private static void Print(TuningResult tuning)
    {
        foreach (TunedArm arm in tuning.Arms)
            Console.WriteLine(
                $"  {arm.Arm, -24} "
                    + string.Join(
                        "  ",
                        tuning.LearningRates.Zip(
                            arm.ExactMatch,
                            (rate, score) =>
                                string.Create(
                                    CultureInfo.InvariantCulture,
                                    $"{rate:0e0}: EM {100 * score:F1}{(rate == arm.Best ? " *" : "")}"
                                )
                        )
                    )
            );
    }

    /// <summary>What arms are compared on: the embedded world, or a run file's questions and corpus.</summary>
    private sealed class Ground : IDisposable
    {
        private readonly ModelFiles? _files;
        private readonly TextRun? _text;

        private Ground(ModelFiles? files, TextRun? text) => (_files, _text) = (files, text);

        public static Ground Open(ComparisonPlan plan, CancellationToken cancellationToken) =>
            plan.Text is null
                ? new Ground(BasePolicy.Open(plan.File.Model), null)
                : new Ground(null, TextRun.Open(plan.Text, new Screen(Console.Out), cancellationToken));

        /// <summary>Runs what is not finished; false where it was stopped.</summary>
        public async Task<bool> RunAsync(
            string folder,
            ComparedRun[] runs,
            int evaluationWorld,
            int workers,
            CancellationToken cancellationToken
        )
        {
            ComparisonGround ground = _text is null
                ? ComparisonGround.World(_files!, runs[0].Options.Evaluation.Questions, evaluationWorld)
                : new ComparisonGround(
                    () => _text.Model.Load(Failure.DeviceOf(_text.File.Device)),
                    _ => _text.Task,
                    _text.Environment.Fingerprint + evaluationWorld.ToString(CultureInfo.InvariantCulture),
                    _text.TokenizerFolder(folder)
                );
            using ProgressBoard board = ProgressBoard.Start(runs);
            RunResult?[] results = await ArmComparison.RunAsync(
                folder,
                runs,
                ground,
                _text is null ? workers : 1,
                board,
                cancellationToken
            );
            return Array.TrueForAll(results, result => result is not null);
        }

        public void Dispose()
        {
            _files?.Dispose();
            _text?.Dispose();
        }
    }
}
