using David.Grpo.Experiments;
using David.Grpo.Runs;
using David.Grpo.Tensors;
using System.CommandLine;
using System.Globalization;
using David.Grpo.Configuration;
using David.Grpo.Reports;
using Spectre.Console;

namespace David.Grpo.Cli;

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
                            given = Experiment.SourceIn(folder ?? "runs/compare");
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
                        Experiment experiment = file.ToExperiment(file.Out) with
                        {
                            Workers = Math.Max(1, parse.GetValue(workers)),
                        };
                        if (file.Tune is { } tuning && !isReport)
                            Console.WriteLine(
                                $"Tuning: {tuning.LearningRates.Length} learning rates × {tuning.Seeds} seeds of each arm."
                            );
                        return await WriteAsync(
                            isReport
                                ? experiment.Report()
                                : await experiment.RunAsync(
                                    ProgressBoard.Start,
                                    new Screen(Console.Out).Indexing(experiment.Run?.Corpus ?? ""),
                                    cancellationToken
                                )
                        );
                    }
                )
        );
        return command;
    }

    private static async Task<int> WriteAsync(ComparisonReport report)
    {
        if (report.Tuning is { } tuned)
            Print(tuned);
        ComparisonTables.Print(AnsiConsole.Console, report, "exact_match");
        Console.WriteLine($"\nLearning curves and details: {await report.WriteAsync(Console.Error.WriteLine)}");
        return 0;
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
}
