using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using David.Grpo.Configuration;
using David.Grpo.Experiments;
using David.Grpo.Figures;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>`david compare`: arms × seeds × budgets.</summary>
internal static class CompareCommand
{
    private sealed record Request
    {
        [Description("Arms instead of the file's (david train --keys lists them)")]
        [Shown("ARM", IsGreedy = true)]
        public string[] Arms { get; init; } = [];

        [Description("Seeds of each arm")]
        [Range(1, int.MaxValue)]
        public int? Seeds { get; init; }

        [Description("The first seed")]
        public int? FirstSeed { get; init; }

        [Description("Rollouts that each run may spend")]
        [Range(0, int.MaxValue)]
        public int? Rollouts { get; init; }

        [Description("Folder of the comparison")]
        [Shown("FOLDER")]
        public string? Out { get; init; }

        [Description("Runs under way at once, a thread each")]
        [Range(1, int.MaxValue)]
        public int Workers { get; init; } = Environment.ProcessorCount;

        [Description(
            "Run nothing: report the finished runs in OUT, over the seeds that all arms have finished. Without FILE and --arms, of the comparison last run there"
        )]
        public bool Report { get; init; }

        [Description("Print every key of the file with its default, and end")]
        public bool Keys { get; init; }
    }

    public static Command Create()
    {
        Argument<string?> path = new("file")
        {
            Description = "Options of the comparison (YAML); default: all defaults",
            Arity = ArgumentArity.ZeroOrOne,
        };
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
        };
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
                RunAsync(
                    result.GetValue(path),
                    options.Read(result),
                    new Screen(result.InvocationConfiguration.Output),
                    result.InvocationConfiguration.Error,
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        string? given,
        Request request,
        Screen screen,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        if (request.Keys)
        {
            screen.Text(ConfigurationReference.Describe<ComparisonFile>().TrimEnd());
            return 0;
        }
        string[] named = [.. request.Arms.SelectMany(list => list.Split(','))];
        if (given is null && request.Report && named is [])
            return await ShowAsync(ComparisonReport.Open(request.Out ?? "runs/compare"), screen, error)
                .ConfigureAwait(false);
        ComparisonFile file = given is null ? new ComparisonFile() : ConfigurationFile.Read<ComparisonFile>(given);
        file = file with
        {
            Arms = named.Length > 0 ? named : file.Arms,
            Variants = named.Length > 0 ? [] : file.Variants,
            Seeds = request.Seeds ?? file.Seeds,
            FirstSeed = request.FirstSeed ?? file.FirstSeed,
            Rollouts = request.Rollouts ?? file.Rollouts,
            Out = Path.GetFullPath(request.Out ?? file.Out ?? "runs/compare"),
        };
        Experiment experiment = file.ToExperiment(file.Out) with { Workers = request.Workers };
        if (file.Tune is { } tuning && !request.Report)
            screen.Line($"Tuning: {tuning.LearningRates.Length} learning rates × {tuning.Seeds} seeds of each arm.");
        ComparisonReport report = request.Report
            ? experiment.Report()
            : await experiment.RunAsync(
                ProgressBoard.Start,
                screen.Indexing(experiment.Run?.Corpus ?? ""),
                cancellationToken
            );
        return await ShowAsync(report, screen, error).ConfigureAwait(false);
    }

    private static async Task<int> ShowAsync(ComparisonReport report, Screen screen, TextWriter error)
    {
        if (report.Tuning is { } tuned)
            screen.Show(Table(tuned));
        ComparisonTables.Show(screen, report, measures: 1);
        screen.Line($"All measures, learning curves, figures: {await report.WriteAsync(error.WriteLine)}");
        return 0;
    }

    private static Table Table(TuningResult tuning) =>
        WordTable.Of(
            "EM % by learning rate; * taken",
            ["arm", .. tuning.LearningRates.Select(rate => rate.ToString("0e0", CultureInfo.InvariantCulture))],
            tuning.Arms.Select(arm =>
                (string[])
                    [
                        arm.Arm,
                        .. tuning.LearningRates.Zip(
                            arm.ExactMatch,
                            (rate, score) =>
                                string.Create(
                                    CultureInfo.InvariantCulture,
                                    $"{100 * score:F1}{(rate == arm.Best ? "*" : "")}"
                                )
                        ),
                    ]
            )
        );
}
