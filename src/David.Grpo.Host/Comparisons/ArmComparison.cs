using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Comparisons;

/// <summary>A run of a comparison.</summary>
/// <param name="Name">Of the arm within the comparison, in snake_case.</param>
/// <param name="Title">Of the arm in tables; null for the method's own, or the name where options make a variant of it.</param>
/// <param name="Options">All but what an arm of one's own does.</param>
/// <param name="Seed">That its random numbers come from.</param>
/// <param name="Change">What is changed in the arm that the options name; null for nothing.</param>
public sealed record ComparedRun(
    string Name,
    long Seed,
    RunOptions Options,
    Func<Arm, Arm>? Change = null,
    string? Title = null
)
{
    /// <summary>The arm that it trains.</summary>
    public Arm Arm(TaskRewards rewards)
    {
        Arm arm = Options.Method.Create(rewards);
        return Change is null ? arm : Change(arm);
    }

    /// <summary>Its folder within the comparison's.</summary>
    public string Folder => Path.Combine(Name, $"seed-{Seed}");

    /// <summary>The folder of its last checkpoint within a comparison's folder, a model that loads; null where there is none.</summary>
    public string? CheckpointIn(string comparison) => LastCheckpoint(Path.Combine(comparison, Folder));

    /// <summary>The folder of a run's last checkpoint; null where there is none.</summary>
    public static string? LastCheckpoint(string runFolder) =>
        Path.Combine(runFolder, "checkpoints") is var folder && Directory.Exists(folder)
            ? Directory.GetDirectories(folder, "step-*").Order(StringComparer.Ordinal).LastOrDefault()
            : null;

    /// <summary>Whether it has been run to its end within a comparison's folder; of whatever options.</summary>
    public bool IsFinishedIn(string comparison)
    {
        string result = Path.Combine(comparison, Folder, "result.json");
        return File.Exists(result) && RunJson.Read<RunResult>(result) is { Stopped: false };
    }
}

/// <summary>Finished runs that can be compared.</summary>
/// <param name="Runs">Of the arms with a finished run, over the seeds that all of these have finished; the order is kept.</param>
/// <param name="Unfinished">What of the comparison is left out, in words; empty for nothing.</param>
public sealed record FinishedRuns(ComparedRun[] Runs, string Unfinished)
{
    /// <summary>Those of a comparison's folder.</summary>
    /// <param name="all">The whole comparison.</param>
    /// <exception cref="InvalidDataException">No seed is finished by all of the arms that have finished one.</exception>
    public static FinishedRuns In(string folder, IReadOnlyList<ComparedRun> all)
    {
        ComparedRun[] finished = [.. all.Where(run => run.IsFinishedIn(folder))];
        if (finished is [])
            throw new InvalidDataException($"{folder} has no finished run of this comparison. Run it first.");
        string[] arms = [.. finished.Select(run => run.Name).Distinct()];
        HashSet<long> shared =
        [
            .. finished.GroupBy(run => run.Seed).Where(seed => seed.Count() == arms.Length).Select(seed => seed.Key),
        ];
        ComparedRun[] runs = [.. finished.Where(run => shared.Contains(run.Seed))];
        if (runs is [])
            throw new InvalidDataException(
                $"In {folder} no seed is finished by all of {string.Join(", ", arms)}. Name arms that have seeds in common with --arms."
            );
        if (runs.Length == all.Count)
            return new FinishedRuns(runs, "");
        string[] absent = [.. all.Select(run => run.Name).Distinct().Except(arms)];
        return new FinishedRuns(
            runs,
            $"This is not the whole comparison: {finished.Length} of {all.Count} runs are finished, and seeds that all arms have finished are reported."
                + (absent is [] ? "" : $" Of these arms there is none yet: {string.Join(", ", absent)}.")
        );
    }
}

/// <summary>What the runs of a comparison start from and work on.</summary>
/// <param name="start">The policy that a run starts from, loaded anew for each.</param>
/// <param name="task">The task of a run's seed. Called from the runs' threads.</param>
/// <param name="fingerprint">Of policy and tasks: of all that decides a run's numbers and is not among its options.</param>
/// <param name="tokenizerFolder">Copied into checkpoints; null for none.</param>
/// <param name="threads">Threads of one operation, at least 1: more than one brings nothing to a small model.</param>
public sealed class ComparisonGround(
    Func<Decoder> start,
    Func<long, TrainingTask> task,
    string fingerprint,
    string? tokenizerFolder = null,
    int threads = 1
)
{
    /// <summary>Threads of one operation.</summary>
    public int Threads => threads;

    /// <summary>The embedded world: each seed has a training world of its own, all are evaluated in the same one.</summary>
    /// <param name="policy">The base policy, open as long as runs may start.</param>
    /// <param name="questions">Of an evaluation.</param>
    /// <param name="evaluationWorld">The number of the world that all are evaluated in.</param>
    public static ComparisonGround World(ModelFiles policy, int questions, int evaluationWorld) =>
        Of(
            policy,
            seed => WorldTask.Create(seed, WorldRuns.TrainingQuestions, questions, evaluationWorld),
            evaluationWorld.ToString(CultureInfo.InvariantCulture)
        );

    /// <summary>Tasks of one's own: another environment, other questions.</summary>
    /// <param name="policy">The base policy, open as long as runs may start.</param>
    /// <param name="task">The task of a run's seed. Called from the runs' threads.</param>
    /// <param name="fingerprint">Of the tasks; another one where what they ask or answer has changed.</param>
    public static ComparisonGround Of(ModelFiles policy, Func<long, TrainingTask> task, string fingerprint) =>
        new(() => Decoder.Load(policy.Config, policy.Weights), task, policy.Fingerprint + fingerprint);

    /// <summary>A run's policy. The caller disposes of it.</summary>
    public Decoder Start() => start();

    /// <summary>Copied into checkpoints; null for none.</summary>
    public string? TokenizerFolder => tokenizerFolder;

    /// <summary>The task of a seed.</summary>
    public TrainingTask Task(long seed) => task(seed);

    /// <summary>Of all that decides a run's numbers. Of an own arm that is its name: what it does cannot be told.</summary>
    public string Fingerprint(ComparedRun run) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                System.Text.Encoding.UTF8.GetBytes(
                    JsonSerializer.Serialize(run.Options, RunJson.Line)
                        + fingerprint
                        + Torch.Version
                        + typeof(RunFolder).Assembly.GetName().Version
                        + (run.Change is null ? "" : run.Name)
                )
            )
        );
}

/// <summary>Shows how runs get on. All members are called from the runs' threads.</summary>
public interface IComparisonDisplay : IDisposable
{
    /// <summary>Something happened in a run.</summary>
    void Report(ComparedRun run, RunEvent happened);

    /// <summary>A run is finished, or was so before.</summary>
    void End(ComparedRun run);
}

/// <summary>Runs arms over seeds side by side, one thread a run.</summary>
public static class ArmComparison
{
    /// <summary>Runs what is not finished, as many at once as there are workers.</summary>
    /// <param name="runs">Every arm over the same seeds.</param>
    /// <param name="workers">Runs under way at once, at least 1.</param>
    /// <returns>Results in the order of the runs; null for those that were stopped.</returns>
    public static async Task<RunResult?[]> RunAsync(
        string folder,
        IReadOnlyList<ComparedRun> runs,
        ComparisonGround ground,
        int workers,
        IComparisonDisplay display,
        CancellationToken cancellationToken
    )
    {
        string FolderOf(ComparedRun run) => Path.Combine(folder, run.Folder);
        // What cannot be run is refused before anything is.
        TaskRewards rewards = ground.Task(runs[0].Seed).Rewards;
        foreach (ComparedRun run in runs)
        {
            run.Options.Method.Check(run.Arm(rewards));
            RunFolder.EnsureOwn(FolderOf(run), ground.Fingerprint(run));
        }
        RunResult?[] results = new RunResult?[runs.Count];
        int next = -1;
        // When a run fails, the others stop at their next safe point, so that the failure is heard of at once.
        using CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        async Task WorkAsync()
        {
            Torch.Threads = ground.Threads;
            while (!stopping.IsCancellationRequested && Interlocked.Increment(ref next) is var i && i < runs.Count)
            {
                ComparedRun run = runs[i];
                using Decoder policy = ground.Start();
                TrainingTask task = ground.Task(run.Seed);
                using Trainer trainer = new(
                    policy,
                    task,
                    run.Options,
                    new RunFolder(FolderOf(run), ground.Fingerprint(run), ground.TokenizerFolder),
                    new Rollout.EngineOptions(),
                    happened => display.Report(run, happened),
                    run.Arm(task.Rewards)
                );
                RunResult result = await trainer.RunAsync(stopping.Token).ConfigureAwait(false);
                if (result.Stopped)
                    continue;
                results[i] = result;
                display.End(run);
            }
        }
        async Task TryAsync()
        {
            try
            {
                await WorkAsync().ConfigureAwait(false);
            }
            catch
            {
                await stopping.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
        // A thread of its own for each worker: tensor work would starve the pool.
        await Task.WhenAll(
                Enumerable
                    .Range(0, Math.Min(workers, runs.Count))
                    .Select(_ => Task.Factory.StartNew(TryAsync, TaskCreationOptions.LongRunning).Unwrap())
            )
            .ConfigureAwait(false);
        return results;
    }
}
