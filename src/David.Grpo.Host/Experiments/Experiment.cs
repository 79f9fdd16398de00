using System.Diagnostics;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Training;

namespace David.Grpo.Experiments;

/// <summary>
/// Variants × seeds at equal budgets, on the embedded world or on a ground of one's own. Finished runs in its folder are not
/// run again, cut-off ones go on; an added variant or seed runs just what is new.
/// </summary>
/// <example><code>
/// Experiment experiment = new()
/// {
///     Folder = "runs/lambda",
///     Variants = Variant.Each("david", "lambda", [0, 0.5, 1.0], (method, λ) => method with { Lambda = λ }),
///     Seeds = 5,
/// };
/// ComparisonReport report = await experiment.RunAsync();
/// Console.WriteLine(await report.WriteAsync());
/// </code></example>
public sealed record Experiment
{
    /// <summary>Where runs and report lie; under runs/ by habit.</summary>
    public required string Folder { get; init; }

    /// <summary>At least one; no name twice. Their order is that of tables.</summary>
    public required IReadOnlyList<Variant> Variants { get; init; }

    /// <summary>The name of the variant that the others are compared with; null for the last one.</summary>
    public string? Focus { get; init; }

    /// <summary>Seeds of each variant, at least 1. In the embedded world each has a training world of its own.</summary>
    public int Seeds { get; init; } = 3;

    /// <summary>The first seed; the others follow.</summary>
    public int FirstSeed { get; init; } = 1;

    /// <summary>Rollouts that each run may spend, continuations included, at least 0.</summary>
    public int Rollouts { get; init; } = 500;

    /// <summary>Smaller budgets in rollouts at which the runs are compared as well.</summary>
    public IReadOnlyList<int> Marks { get; init; } = [];

    /// <summary>Tokens that each run may sample; null for any number.</summary>
    public long? GeneratedTokens { get; init; }

    /// <summary>Searches that each run may make; null for any number.</summary>
    public long? Searches { get; init; }

    /// <summary>Seconds of sampling and learning that each run may take; null for any number.</summary>
    public double? Seconds { get; init; }

    /// <summary>Questions of an evaluation before, at the marks and after, at least 1.</summary>
    public int Questions { get; init; } = 300;

    /// <summary>Steps between evaluations for learning curves, on at most 150 questions; 0: none between.</summary>
    public int EvaluateEvery { get; init; } = 2;

    /// <summary>The number of the embedded world that all are evaluated in.</summary>
    public int EvaluationWorld { get; init; }

    /// <summary>The base policy's folder; null for the shipped one.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// Other policies and tasks than the embedded world's; null for that. Its first argument is the base policy, which is
    /// open as long as the experiment runs.
    /// </summary>
    public Func<ModelFiles, ComparisonGround>? Ground { get; init; }

    /// <summary>Runs under way at once, a thread each, at least 1.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether the report shows a question before and after training.</summary>
    public bool ShowsExample { get; init; }

    /// <summary>Its runs; a seed's variants next to each other, so that an early look is already a comparison.</summary>
    public ComparedRun[] Runs =>
        [
            .. Enumerable
                .Range(FirstSeed, Seeds)
                .SelectMany(seed =>
                    Variants.Select(variant => new ComparedRun(
                        variant.Name,
                        seed,
                        Options(variant.Method, seed),
                        variant.Arm,
                        variant.Title
                    ))
                ),
        ];

    /// <summary>Runs what is not finished yet, and reads what all runs left.</summary>
    /// <param name="display">Shows how runs get on; default: on the console.</param>
    /// <returns>The report; its <see cref="ComparisonReport.WriteAsync"/> writes page, tables and figures.</returns>
    /// <exception cref="ArgumentException">Variants or numbers make no experiment; the text says which.</exception>
    /// <exception cref="OperationCanceledException">
    /// It was stopped, by the token or Ctrl-C, and goes on from its checkpoints when it is run again; the text says so.
    /// </exception>
    public async Task<ComparisonReport> RunAsync(
        IComparisonDisplay? display = null,
        CancellationToken cancellationToken = default
    )
    {
        Check();
        Stopwatch clock = Stopwatch.StartNew();
        ComparedRun[] runs = Runs;
        string focus = Focus ?? Variants[^1].Name;
        using Interruption interruption = new(cancellationToken);
        using ModelFiles policy = Ground is null ? BasePolicy.Open(Model) : ModelFiles.Open(Model ?? BasePolicy.Folder);
        ComparisonGround ground = Ground?.Invoke(policy) ?? ComparisonGround.World(policy, Questions, EvaluationWorld);
        ComparisonRecord.Of(runs, focus).Write(Folder);
        using (IComparisonDisplay shown = display ?? new ConsoleDisplay(runs))
        {
            RunResult?[] results = await ArmComparison
                .RunAsync(Folder, runs, ground, Workers, shown, interruption.Token)
                .ConfigureAwait(false);
            if (Array.Exists(results, result => result is null))
                throw new OperationCanceledException(
                    $"Stopped. The same command goes on from the checkpoints in {Folder}.",
                    interruption.Token
                );
        }
        ComparisonReport report = ComparisonReport.Read(Folder, runs, focus, clock.Elapsed.TotalSeconds);
        return ShowsExample
            ? report with
            {
                Example = await BeforeAndAfter
                    .FindAsync(
                        policy,
                        Path.Combine(Folder, runs.First(run => run.Name == focus).Folder),
                        ground.Task(FirstSeed)
                    )
                    .ConfigureAwait(false),
            }
            : report;
    }

    private RunOptions Options(MethodOptions method, long seed)
    {
        RunOptions options = WorldRuns.Options(method, seed, Rollouts, Questions, [.. Marks]);
        return options with
        {
            GeneratedTokens = GeneratedTokens,
            Searches = Searches,
            Seconds = Seconds,
            Evaluation = options.Evaluation with
            {
                Every = EvaluateEvery,
                QuestionsDuring = EvaluateEvery == 0 ? 0 : Math.Min(150, Questions),
            },
        };
    }

    private void Check()
    {
        if (Variants.Count == 0)
            throw new ArgumentException("The experiment has no variants; give at least one.");
        if (Variants.GroupBy(variant => variant.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"Two variants are called \"{twice.Key}\"; each needs a name of its own.");
        if (Focus is not null && Variants.All(variant => variant.Name != Focus))
            throw new ArgumentException(
                $"Focus is \"{Focus}\"; variants are {string.Join(", ", Variants.Select(variant => variant.Name))}."
            );
        foreach (
            (string name, int value, int least) in (ReadOnlySpan<(string, int, int)>)
                [
                    (nameof(Seeds), Seeds, 1),
                    (nameof(Rollouts), Rollouts, 0),
                    (nameof(Questions), Questions, 1),
                    (nameof(EvaluateEvery), EvaluateEvery, 0),
                    (nameof(Workers), Workers, 1),
                ]
        )
            if (value < least)
                throw new ArgumentException($"{name} is {value}; it must be at least {least}.");
        if (Marks.FirstOrDefault(mark => mark < 0 || mark > Rollouts, 0) is not 0 and var wrong)
            throw new ArgumentException($"A mark is {wrong}; it must lie within the budget of {Rollouts} rollouts.");
    }
}
