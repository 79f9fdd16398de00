using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Experiments;
using David.Grpo.Reports;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>`david demo`: arms side by side on the embedded world.</summary>
internal static class DemoCommand
{
    private sealed record Request
    {
        [Description("Seeds of each arm; each has a training world of its own")]
        [Range(1, int.MaxValue)]
        public int Seeds { get; init; } = 3;

        [Description("The first seed; the others follow")]
        public int FirstSeed { get; init; } = 1;

        [Description("Rollouts that each run may spend, continuations included")]
        [Range(0, int.MaxValue)]
        public int Budget { get; init; } = 500;

        [Description("Questions of the evaluation before and after")]
        [Range(1, int.MaxValue)]
        public int Questions { get; init; } = 500;

        [Description("Arms to compare, the last one against the others")]
        [Shown("ARM", IsGreedy = true)]
        public string[] Arms { get; init; } = ["grpo", "grpo_coverage", "david"];

        [Description("Folder of the comparison. Finished runs in it are not run again, cut-off ones go on")]
        [Shown("FOLDER")]
        public string Out { get; init; } = "runs/demo";

        [Description("Base policy; default: the shipped one")]
        [Shown("PATH")]
        public string? Model { get; init; }

        [Description("Runs under way at once, a thread each")]
        [Range(1, int.MaxValue)]
        public int Workers { get; init; } = Environment.ProcessorCount;
    }

    public static Command Create()
    {
        Command command = new(
            "demo",
            """
            Train and compare policies on the embedded world: plain GRPO (answer reward only), GRPO with the coverage
            reward, and David-GRPO, from the shipped base policy, at equal budgets of rollouts. Needs no download and no
            GPU; some minutes on 2 cores. Ends with a table, the paired differences and OUT/index.html.
            """
        );
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
                RunAsync(
                    options.Read(result),
                    new Screen(result.InvocationConfiguration.Output),
                    result.InvocationConfiguration.Error,
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        Request request,
        Screen screen,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        Experiment experiment = new()
        {
            Folder = Path.GetFullPath(request.Out),
            Variants = [.. request.Arms.SelectMany(list => list.Split(',')).Select(arm => Variant.Of(arm.Trim()))],
            Seeds = request.Seeds,
            FirstSeed = request.FirstSeed,
            Rollouts = request.Budget,
            Questions = request.Questions,
            Model = request.Model,
            Workers = request.Workers,
            ShowsExample = true,
        };
        ComparisonReport report = await experiment.RunAsync(ProgressBoard.Start, null, cancellationToken);
        ComparisonTables.Show(screen, report, SummaryTables.Measures.Length);
        if (report.Example is not null)
            ComparisonTables.Show(screen, report.Example);
        screen.Line($"All measures, learning curves, figures: {await report.WriteAsync(error.WriteLine)}");
        return 0;
    }
}
