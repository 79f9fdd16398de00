using System.Diagnostics;
using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Configuration;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Runs;
using David.Grpo.Search;
using David.Grpo.Tensors;

namespace David.Grpo.Experiments;

/// <summary>
/// Variants × seeds at equal budgets: on the embedded world, on the questions and corpus of a run file (<see cref="On"/>), or on a
/// ground of one's own. Finished runs in its folder are not run again, cut-off ones go on; an added variant or seed runs just
/// what is new.
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

    /// <summary>
    /// Steps between evaluations for learning curves, on at most 150 questions; 0: none between; null: as the run file says, and
    /// 2 on the embedded world.
    /// </summary>
    public int? EvaluateEvery { get; init; }

    /// <summary>The number of the embedded world that all are evaluated in.</summary>
    public int EvaluationWorld { get; init; }

    /// <summary>How each variant's learning rate is chosen first; null where they are taken as they are.</summary>
    public Tuning? Tune { get; init; }

    /// <summary>A real model on real questions, as `david train` runs it; null for the embedded world.</summary>
    public RunFile? Run { get; init; }

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

    /// <summary>The file that it was read from, for its folder; null for none.</summary>
    internal string? Source { get; init; }

    /// <summary>Where a comparison keeps its file, so that it can be reported by its folder alone.</summary>
    internal static string SourceIn(string folder) => Path.Combine(folder, "comparison.yaml");

    internal string TuningFolder => Path.Combine(Folder, "tuning");

    /// <summary>An experiment on the model, questions and corpus of a file of `david train`, at its budget of rollouts.</summary>
    /// <param name="runFile">Such as scripts/hotpotqa.yaml.</param>
    /// <param name="folder">Where runs and report lie.</param>
    /// <param name="variants">Changed from the file's method.</param>
    /// <exception cref="ConfigurationException">The file is faulty; the text names line and key.</exception>
    public static Experiment On(string runFile, string folder, params IReadOnlyList<Variant> variants)
    {
        RunFile run = RunFile.Load(runFile, []);
        return new Experiment
        {
            Folder = folder,
            Variants = variants,
            Run = run,
            Rollouts = run.Rollouts,
            Questions = run.Evaluation.Questions,
        };
    }

    /// <summary>Its runs; a seed's variants next to each other, so that an early look is already a comparison.</summary>
    public ComparedRun[] Runs =>
        [
            .. Enumerable
                .Range(FirstSeed, Seeds)
                .SelectMany(seed => Variants.Select(variant => RunOf(variant, seed, variant.Name, [.. Marks]))),
        ];

    /// <summary>Runs what is not finished yet, and reads what all runs left.</summary>
    /// <param name="display">Shows how runs get on; default: on the console.</param>
    /// <param name="indexing">Told how far a corpus's index is, if it has to be built.</param>
    /// <returns>The report; its <see cref="ComparisonReport.WriteAsync"/> writes page, tables and figures.</returns>
    /// <exception cref="ArgumentException">Variants or numbers make no experiment; the text says which.</exception>
    /// <exception cref="OperationCanceledException">
    /// It was stopped, by the token or Ctrl-C, and goes on from its checkpoints when it is run again; the text says so.
    /// </exception>
    public async Task<ComparisonReport> RunAsync(
        Func<IReadOnlyList<ComparedRun>, IComparisonDisplay>? display = null,
        IProgress<ReadProgress>? indexing = null,
        CancellationToken cancellationToken = default
    )
    {
        Check();
        using Interruption interruption = new(cancellationToken);
        using Opened ground = Opened.For(this, indexing, interruption.Token);
        Directory.CreateDirectory(Folder);
        if (Source is not null)
            await File.WriteAllTextAsync(SourceIn(Folder), Source, cancellationToken).ConfigureAwait(false);
        (Experiment chosen, TuningResult? tuning) = (this, null);
        if (Tune is not null)
        {
            await ground
                .RunAsync(TuningFolder, Tune.Runs(this), Tune.EvaluationWorld, display, interruption.Token)
                .ConfigureAwait(false);
            (chosen, tuning) = Tune.Choose(this);
        }
        ComparedRun[] runs = chosen.Runs;
        string focus = Focus ?? Variants[^1].Name;
        ComparisonRecord.Of(runs, focus).Write(Folder);
        await ground.RunAsync(Folder, runs, EvaluationWorld, display, interruption.Token).ConfigureAwait(false);
        ComparisonReport report = ComparisonReport.Read(Folder, runs, focus) with { Tuning = tuning };
        return ShowsExample && ground.Policy is { } policy
            ? report with
            {
                Example = await BeforeAndAfter
                    .FindAsync(
                        policy,
                        Path.Combine(Folder, runs.First(run => run.Name == focus).Folder),
                        ground.At(Folder, EvaluationWorld).Task(FirstSeed)
                    )
                    .ConfigureAwait(false),
            }
            : report;
    }

    /// <summary>The report of what is finished, over the seeds that all variants have finished; nothing is run.</summary>
    /// <exception cref="InvalidDataException">Nothing is finished, or the tuning is not.</exception>
    public ComparisonReport Report()
    {
        Check();
        (Experiment chosen, TuningResult? tuning) = Tune is null ? (this, null) : Tune.Choose(this);
        (ComparedRun[] runs, string unfinished) = FinishedRuns.In(Folder, chosen.Runs);
        string[] names = [.. runs.Select(run => run.Name).Distinct()];
        string focus = Focus ?? Variants[^1].Name;
        return ComparisonReport.Read(Folder, runs, names.Contains(focus) ? focus : names[^1]) with
        {
            Tuning = tuning,
            Unfinished = unfinished,
        };
    }

    /// <summary>A run of a variant.</summary>
    /// <param name="name">Of the run in its comparison.</param>
    internal ComparedRun RunOf(Variant variant, long seed, string name, int[] marks)
    {
        RunOptions options = Run is null
            ? WorldRuns.Options(variant.Method(new WorldMethodOptions()), seed, Rollouts, Questions, marks)
            : Run with
            {
                Seed = seed,
                Rollouts = Rollouts,
                Method = variant.Method(Run.Method),
                Evaluation = Run.Evaluation with { At = marks, Questions = Questions },
            };
        int? every = EvaluateEvery ?? (Run is null ? 2 : null);
        return new ComparedRun(
            name,
            seed,
            options with
            {
                GeneratedTokens = GeneratedTokens,
                Searches = Searches,
                Seconds = Seconds,
                Evaluation = every is null
                    ? options.Evaluation
                    : options.Evaluation with
                    {
                        Every = every.Value,
                        QuestionsDuring = every == 0 ? 0 : Math.Min(150, Questions),
                    },
            },
            variant.Change,
            variant.Title
        );
    }

    private void Check()
    {
        if (Variants.Count == 0)
            throw new ArgumentException("The experiment has no variants; give at least one.");
        if (Variants.GroupBy(variant => variant.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"Two variants are called \"{twice.Key}\"; each needs a name of its own.");
        if (Run is not null && (Ground ?? (object?)Model) is not null)
            throw new ArgumentException("Run names its own model, questions and corpus; leave Ground and Model out.");
        if (
            Tune is { } tuning
            && Enumerable.Range(tuning.FirstSeed, tuning.Seeds).Intersect(Enumerable.Range(FirstSeed, Seeds)).Any()
        )
            throw new ArgumentException(
                $"tune.first_seed is {tuning.FirstSeed}: seeds of the comparison would be tuned on. Take others."
            );
        if (Focus is not null && Variants.All(variant => variant.Name != Focus))
            throw new ArgumentException(
                $"focus is {Focus}; variants are {string.Join(", ", Variants.Select(variant => variant.Name))}."
            );
        foreach (
            (string name, int value, int least) in (ReadOnlySpan<(string, int, int)>)
                [
                    (nameof(Seeds), Seeds, 1),
                    (nameof(Rollouts), Rollouts, 0),
                    (nameof(Questions), Questions, 1),
                    (nameof(EvaluateEvery), EvaluateEvery ?? 0, 0),
                    (nameof(Workers), Workers, 1),
                ]
        )
            if (value < least)
                throw new ArgumentException($"{name} is {value}; it must be at least {least}.");
        if (Marks.FirstOrDefault(mark => mark < 0 || mark > Rollouts, 0) is not 0 and var wrong)
            throw new ArgumentException($"A mark is {wrong}; it must lie within the budget of {Rollouts} rollouts.");
    }

    /// <summary>What the runs start from and work on, open as long as they run.</summary>
    private sealed record Opened(Experiment Experiment, ModelFiles? Policy, TextRun? Text) : IDisposable
    {
        public static Opened For(
            Experiment experiment,
            IProgress<ReadProgress>? indexing,
            CancellationToken cancellationToken
        ) =>
            experiment switch
            {
                { Run: { } run } => new Opened(experiment, null, TextRun.Open(run, indexing, cancellationToken)),
                { Ground: null } => new Opened(experiment, BasePolicy.Open(experiment.Model), null),
                _ => new Opened(experiment, ModelFiles.Open(experiment.Model ?? BasePolicy.Folder), null),
            };

        public ComparisonGround At(string folder, int evaluationWorld) =>
            Text is not null
                ? new ComparisonGround(
                    () => Text.Model.Load(Device.Parse(Text.File.Device)),
                    _ => Text.Task,
                    Text.Environment.Fingerprint + evaluationWorld.ToString(CultureInfo.InvariantCulture),
                    Text.TokenizerFolder(folder),
                    Torch.Threads
                )
                : Experiment.Ground?.Invoke(Policy!)
                    ?? ComparisonGround.World(Policy!, Experiment.Questions, evaluationWorld);

        /// <summary>Runs what is not finished.</summary>
        public async Task RunAsync(
            string folder,
            ComparedRun[] runs,
            int evaluationWorld,
            Func<IReadOnlyList<ComparedRun>, IComparisonDisplay>? display,
            CancellationToken cancellationToken
        )
        {
            using IComparisonDisplay shown = display?.Invoke(runs) ?? new ConsoleDisplay(runs);
            RunResult?[] results = await ArmComparison
                .RunAsync(
                    folder,
                    runs,
                    At(folder, evaluationWorld),
                    // A real model takes all threads by itself.
                    Text is null
                        ? Experiment.Workers
                        : 1,
                    shown,
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (Array.Exists(results, result => result is null))
                throw new OperationCanceledException(
                    $"Stopped. The same command goes on from the checkpoints in {Experiment.Folder}.",
                    cancellationToken
                );
        }

        public void Dispose()
        {
            Policy?.Dispose();
            Text?.Dispose();
        }
    }
}
