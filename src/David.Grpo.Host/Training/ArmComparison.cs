using System.Security.Cryptography;
using System.Text.Json;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Training;

/// <summary>A run of a comparison.</summary>
/// <param name="Name">Of the arm within the comparison, in snake_case.</param>
/// <param name="Arm">The method; null for the one that the options name.</param>
public sealed record ComparedRun(string Name, long Seed, RunOptions Options, Arm? Arm = null)
{
    /// <summary>Its folder within the comparison's.</summary>
    public string Folder => Path.Combine(Name, $"seed-{Seed}");

    /// <summary>Whether it has been run to its end within a comparison's folder; of whatever options.</summary>
    public bool IsFinishedIn(string comparison)
    {
        string result = Path.Combine(comparison, Folder, "result.json");
        return File.Exists(result)
            && JsonSerializer.Deserialize<RunResult>(File.ReadAllText(result), RunJson.Document) is { Stopped: false };
    }
}

/// <summary>Runs arms over seeds side by side, one thread a run.</summary>
public static class ArmComparison
{
    /// <summary>Of all that decides a run's numbers.</summary>
    /// <param name="inputs">What it works on: hashes of model and data, and whatever is not among its options.</param>
    public static string Fingerprint(ComparedRun run, params ReadOnlySpan<string> inputs) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                System.Text.Encoding.UTF8.GetBytes(
                    JsonSerializer.Serialize(run.Options, RunJson.Line)
                        + string.Concat(inputs)
                        + Torch.Version
                        + typeof(Trainer).Assembly.GetName().Version
                )
            )
        );

    /// <param name="runs">Every arm over the same seeds.</param>
    /// <param name="start">The policy that each run starts from, loaded anew for each.</param>
    /// <param name="task">The task of a run's seed.</param>
    /// <param name="fingerprint">Of a run: of all that decides its numbers.</param>
    /// <param name="workers">Runs under way at once, at least 1.</param>
    /// <param name="report">Called from the runs' threads.</param>
    /// <param name="ended">Called from a run's thread when it is finished, or was so before.</param>
    /// <returns>Results in the order of the runs; null for those that were stopped.</returns>
    public static async Task<RunResult?[]> RunAsync(
        string folder,
        IReadOnlyList<ComparedRun> runs,
        Func<Decoder> start,
        Func<long, TrainingTask> task,
        Func<ComparedRun, string> fingerprint,
        int workers,
        Action<ComparedRun, RunEvent> report,
        Action<ComparedRun> ended,
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
                    happened => report(run, happened),
                    run.Arm
                );
                RunResult result = await trainer.RunAsync(cancellationToken).ConfigureAwait(false);
                if (result.Stopped)
                    continue;
                results[i] = result;
                ended(run);
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
}
