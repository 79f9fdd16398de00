using System.CommandLine;
using System.Diagnostics;
using David.Grpo.Cli.Reports;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Cli.Commands;

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
                    [.. parse.GetValue(arms)!.SelectMany(list => list.Split(',')).Select(ParseArm)],
                    [
                        .. Enumerable
                            .Range(parse.GetValue(firstSeed), Require(parse.GetValue(seeds), 1, "--seeds"))
                            .Select(seed => (long)seed),
                    ],
                    Require(parse.GetValue(budget), 0, "--budget"),
                    Require(parse.GetValue(questions), 1, "--questions"),
                    parse.GetValue(output)!.FullName,
                    parse.GetValue(model),
                    Require(parse.GetValue(workers), 1, "--workers"),
                    cancellationToken
                )
        );
        return command;
    }

    private static int Require(int value, int least, string option) =>
        value >= least ? value : throw new ArgumentException($"{option} is {value}; it must be at least {least}.");

    private static string ParseArm(string text) =>
        Arms.Names.Contains(text.Trim())
            ? text.Trim()
            : throw new ArgumentException($"--arms names \"{text}\"; arms are {string.Join(", ", Arms.Names)}.");

    private static async Task<int> RunAsync(
        string[] arms,
        long[] seeds,
        int budget,
        int questions,
        string folder,
        string? model,
        int workers,
        CancellationToken cancellationToken
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        using ModelFiles files = BasePolicy.Open(model);
        // A seed's arms run next to each other, so that an early look is already a comparison.
        ComparedRun[] runs =
        [
            .. seeds.SelectMany(seed =>
                arms.Select(arm => new ComparedRun(arm, seed, WorldRuns.Options(arm, seed, budget, questions)))
            ),
        ];
        TrainingTask Task(long seed) => WorldTask.Create(seed, WorldRuns.TrainingQuestions, questions);

        RunResult?[] results;
        using (ProgressBoard board = ProgressBoard.Start(runs))
            results = await ArmComparison.RunAsync(
                folder,
                runs,
                () => Models.Decoder.Load(files.Config, files.Weights),
                Task,
                run => ArmComparison.Fingerprint(run, files.Fingerprint),
                workers,
                board.Report,
                board.End,
                cancellationToken
            );
        if (Array.Exists(results, result => result is null))
        {
            Console.Error.WriteLine($"Stopped. The same command goes on from the checkpoints in {folder}.");
            return 130;
        }

        ComparisonReport report = ComparisonReport.Read(folder, runs, arms[^1], clock.Elapsed.TotalSeconds) with
        {
            Example = await BeforeAndAfter.FindAsync(
                files,
                Path.Combine(folder, runs.Last(run => run.Seed == seeds[0]).Folder),
                Task(seeds[0])
            ),
        };
        ComparisonTables.Print(AnsiConsole.Console, report, "exact_match", "f1", "coverage", "searches_per_question");
        if (report.Example is not null)
            ComparisonTables.Print(AnsiConsole.Console, report.Example);
        Console.WriteLine($"\nLearning curves and details: {await report.WriteAsync()}");
        return 0;
    }
}
