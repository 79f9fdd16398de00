using System.CommandLine;
using David.Grpo.Experiments;
using David.Grpo.Reports;
using Spectre.Console;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>`david demo`: arms side by side on the embedded world.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        Option<int> seeds = new("--seeds")
        {
            Description = "Seeds of each arm; each has a training world of its own",
            DefaultValueFactory = _ => 3,
        };
        Option<int> firstSeed = new("--first-seed")
        {
            Description = "The first seed; the others follow",
            DefaultValueFactory = _ => 1,
        };
        Option<int> budget = new("--budget")
        {
            Description = "Rollouts that each run may spend, continuations included",
            DefaultValueFactory = _ => 500,
        };
        Option<int> questions = new("--questions")
        {
            Description = "Questions of the evaluation before and after",
            DefaultValueFactory = _ => 500,
        };
        Option<string[]> arms = new("--arms")
        {
            Description = "Arms to compare, the last one against the others",
            DefaultValueFactory = _ => ["grpo", "grpo_coverage", "david"],
            AllowMultipleArgumentsPerToken = true,
        };
        Option<DirectoryInfo> output = new("--out")
        {
            Description = "Folder of the comparison. Finished runs in it are not run again, cut-off ones go on",
            DefaultValueFactory = _ => new DirectoryInfo("runs/demo"),
        };
        Option<string?> model = new("--model") { Description = "Base policy; default: the shipped one" };
        Option<int> workers = new("--workers")
        {
            Description = "Runs under way at once, a thread each",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        Command command = new(
            "demo",
            """
            Train and compare policies on the embedded world: plain GRPO (answer reward only), GRPO with the coverage
            reward, and David-GRPO, from the shipped base policy, at equal budgets of rollouts. Needs no download and no
            GPU; some minutes on 2 cores. Ends with a table, the paired differences and OUT/index.html.
            """
        )
        {
            seeds,
            firstSeed,
            budget,
            questions,
            arms,
            output,
            model,
            workers,
        };
        command.SetAction(
            (parse, cancellationToken) =>
                RunAsync(
                    new Experiment
                    {
                        Folder = parse.GetValue(output)!.FullName,
                        Variants =
                        [
                            .. parse
                                .GetValue(arms)!
                                .SelectMany(list => list.Split(','))
                                .Select(arm => Variant.Of(arm.Trim())),
                        ],
                        Seeds = Require(parse.GetValue(seeds), 1, "--seeds"),
                        FirstSeed = parse.GetValue(firstSeed),
                        Rollouts = Require(parse.GetValue(budget), 0, "--budget"),
                        Questions = Require(parse.GetValue(questions), 1, "--questions"),
                        Model = parse.GetValue(model),
                        Workers = Require(parse.GetValue(workers), 1, "--workers"),
                        ShowsExample = true,
                    },
                    cancellationToken
                )
        );
        return command;
    }

    private static int Require(int value, int least, string option) =>
        value >= least ? value : throw new ArgumentException($"{option} is {value}; it must be at least {least}.");

    private static async Task<int> RunAsync(Experiment experiment, CancellationToken cancellationToken)
    {
        ComparisonReport report = await experiment.RunAsync(ProgressBoard.Start, null, cancellationToken);
        ComparisonTables.Print(AnsiConsole.Console, report, "exact_match", "f1", "coverage", "searches_per_question");
        if (report.Example is not null)
            ComparisonTables.Print(AnsiConsole.Console, report.Example);
        Console.WriteLine($"\nLearning curves and details: {await report.WriteAsync(Console.Error.WriteLine)}");
        return 0;
    }
}
