using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Training;

/// <summary>A run of a comparison.</summary>
/// <param name="Name">Of the arm within the comparison, in snake_case.</param>
public sealed record ComparedRun(string Name, long Seed, RunOptions Options)
{
    /// <summary>Its folder within the comparison's.</summary>
    public string Folder => Path.Combine(Name, $"seed-{Seed}");
}

/// <summary>A mean over seeds with its 95 % interval; null bounds where one seed allows none.</summary>
public sealed record Spread(double Mean, double? Low, double? High, double[] BySeed)
{
    public static Spread Of(IEnumerable<double> values)
    {
        double[] all = [.. values];
        MeanEstimate estimate = Statistics.MeanOverSeeds(0.95, all);
        return estimate.Interval is Interval.Between between
            ? new Spread(estimate.Mean, between.low, between.high, all)
            : new Spread(estimate.Mean, null, null, all);
    }
}

/// <summary>One arm's results over seeds, at the end of the budget.</summary>
public sealed record ArmSummary(
    string Arm,
    Spread ExactMatch,
    Spread F1,
    Spread Coverage,
    Spread SearchesPerQuestion,
    Spread Answered,
    Spread Rollouts,
    Spread TrainingTokens,
    Spread Seconds
);

/// <summary>David minus another arm, or any two arms, paired by seed.</summary>
public sealed record PairedDifference(string Arm, string Reference, string Measure, Spread Difference, double? PValue);

/// <summary>What a comparison found: summary.json.</summary>
public sealed record ComparisonSummary(
    int Rollouts,
    long[] Seeds,
    int EvaluationQuestions,
    EvaluationMetrics Before,
    ArmSummary[] Arms,
    PairedDifference[] Differences,
    double WallSeconds
);

/// <summary>Runs arms over seeds side by side, one thread a run, and sums them up.</summary>
public static class ArmComparison
{
    /// <param name="runs">Every arm over the same seeds.</param>
    /// <param name="start">The policy that each run starts from, loaded anew for each.</param>
    /// <param name="task">The task of a run's seed.</param>
    /// <param name="fingerprint">Of a run: of all that decides its numbers.</param>
    /// <param name="workers">Runs under way at once, at least 1.</param>
    /// <param name="report">Called from the runs' threads.</param>
    /// <returns>Results in the order of the runs; null for those that were stopped.</returns>
    public static async Task<RunResult?[]> RunAsync(
        string folder,
        IReadOnlyList<ComparedRun> runs,
        Func<Decoder> start,
        Func<long, TrainingTask> task,
        Func<ComparedRun, string> fingerprint,
        int workers,
        Action<ComparedRun, RunEvent> report,
        CancellationToken cancellationToken
    )
    {
        Torch.Threads = 1;
        RunResult?[] results = new RunResult?[runs.Count];
        int next = -1;
        async Task WorkAsync()
        {
            while (
                !cancellationToken.IsCancellationRequested && Interlocked.Increment(ref next) is var i && i < runs.Count
            )
            {
                ComparedRun run = runs[i];
                using Decoder policy = start();
                using Trainer trainer = new(
                    policy,
                    task(run.Seed),
                    run.Options,
                    new RunFolder(Path.Combine(folder, run.Folder), fingerprint(run)),
                    new Rollout.EngineOptions(),
                    happened => report(run, happened)
                );
                RunResult result = await trainer.RunAsync(cancellationToken).ConfigureAwait(false);
                results[i] = result.Stopped ? null : result;
            }
        }
        // A thread of its own for each worker: tensor work would starve the pool.
        await Task.WhenAll(
                Enumerable
                    .Range(0, Math.Min(workers, runs.Count))
                    .Select(_ => Task.Factory.StartNew(WorkAsync, TaskCreationOptions.LongRunning).Unwrap())
            )
            .ConfigureAwait(false);
        return results;
    }

    /// <summary>Means over seeds, and each other arm's paired difference to the last one.</summary>
    public static ComparisonSummary Summarize(
        IReadOnlyList<ComparedRun> runs,
        IReadOnlyList<RunResult> results,
        double wallSeconds
    )
    {
        string[] arms = [.. runs.Select(run => run.Name).Distinct()];
        long[] seeds = [.. runs.Select(run => run.Seed).Distinct().Order()];
        RunResult[] Of(string arm) =>
            [
                .. seeds.Select(seed =>
                    results[runs.Index().First(run => run.Item.Name == arm && run.Item.Seed == seed).Index]
                ),
            ];
        Spread Over(RunResult[] own, Func<RunResult, double> pick) => Spread.Of(own.Select(pick));

        ArmSummary[] summaries =
        [
            .. arms.Select(arm =>
            {
                RunResult[] own = Of(arm);
                return new ArmSummary(
                    arm,
                    Over(own, result => result.After!.ExactMatch),
                    Over(own, result => result.After!.F1),
                    Over(own, result => result.After!.Coverage),
                    Over(own, result => result.After!.SearchesPerQuestion),
                    Over(own, result => result.After!.Answered),
                    Over(own, result => result.Spent.Rollouts),
                    Over(own, result => result.Spent.GeneratedTokens),
                    Over(own, result => result.Times.RolloutSeconds + result.Times.LearningSeconds)
                );
            }),
        ];

        string last = arms[^1];
        List<PairedDifference> differences = [];
        foreach (string reference in arms[..^1])
        foreach (
            (string measure, Func<RunResult, double> pick) in ((string, Func<RunResult, double>)[])
                [
                    ("exact_match", result => result.After!.ExactMatch),
                    ("f1", result => result.After!.F1),
                    ("coverage", result => result.After!.Coverage),
                    ("searches_per_question", result => result.After!.SearchesPerQuestion),
                ]
        )
        {
            double[] ours = [.. Of(last).Select(pick)],
                theirs = [.. Of(reference).Select(pick)];
            differences.Add(
                new PairedDifference(
                    last,
                    reference,
                    measure,
                    Spread.Of(ours.Zip(theirs, (our, their) => our - their)),
                    Statistics.PairedDifference(0.95, ours, theirs).PValue is PValue.Known known ? known.value : null
                )
            );
        }
        return new ComparisonSummary(
            runs[0].Options.Rollouts,
            seeds,
            results[0].After!.Questions,
            results[0].Before!,
            summaries,
            [.. differences],
            wallSeconds
        );
    }
}
