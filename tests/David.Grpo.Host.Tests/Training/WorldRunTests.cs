using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Formats;
using David.Grpo.Host.Tests.Tensors;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Training;

/// <summary>Whole runs on the embedded world, from the shipped base policy.</summary>
[Collection(LiveTensorsCollection.Name)]
public sealed class WorldRunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-run-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ARunKilledAtRandomMoments_GivesTheNumbersOfAnUninterruptedOne()
    {
        string whole = Path.Combine(_folder, "whole");
        Stopwatch clock = Stopwatch.StartNew();
        Assert.Equal(0, Demo(whole, killAfter: null));
        TimeSpan taken = clock.Elapsed;

        string cut = Path.Combine(_folder, "cut");
        // At random on purpose: every moment has to do.
        for (int kill = 0; kill < 2; kill++)
            Demo(cut, killAfter: taken * (0.2 + 0.7 * Random.Shared.NextDouble()));
        Assert.Equal(0, Demo(cut, killAfter: null));

        Assert.Equal(Metrics(whole), Metrics(cut));
        Assert.Equal(Trajectories(whole), Trajectories(cut));
        string last = Path.GetFileName(Checkpoints(whole)[^1]);
        foreach (string file in (string[])["model.safetensors", "optimizer.safetensors"])
            Assert.True(
                File.ReadAllBytes(Path.Combine(Run(whole), "checkpoints", last, file))
                    .AsSpan()
                    .SequenceEqual(File.ReadAllBytes(Path.Combine(Run(cut), "checkpoints", last, file))),
                $"{file} differs"
            );
    }

    [Fact]
    public async Task ARun_SpendsItsBudgetAndLeavesNoTensorBehind()
    {
        long before = Torch.LiveTensors;
        List<long> alive = [];
        RunResult result = await TrainAsync(
            Options(rollouts: 260),
            happened =>
            {
                if (happened is RunEvent.Stepped { Metrics.Phase: "main" })
                    alive.Add(Torch.LiveTensors);
            }
        );
        // What is left does not buy half a step: 6 groups of 6.
        Assert.InRange(result.Spent.Rollouts, 260 - 35, 260);
        Assert.True(result.Spent.OptimizerSteps > 0);
        Assert.True(alive.Count >= 2);
        Assert.All(alive, count => Assert.Equal(alive[0], count));
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public async Task ACancelledRun_EndsAfterAWholeStepAndGoesOn()
    {
        using CancellationTokenSource stop = new();
        RunOptions options = Options(rollouts: 120);
        RunResult stopped = await TrainAsync(
            options,
            happened =>
            {
                if (happened is RunEvent.Stepped { Metrics.Step: 3 })
                    stop.Cancel();
            },
            stop
        );
        Assert.True(stopped.Stopped);
        Assert.Equal(3, stopped.Steps);
        Assert.EndsWith("step-000003", Checkpoints(_folder, nested: false)[^1], StringComparison.Ordinal);

        int resumed = -1;
        RunResult finished = await TrainAsync(
            options,
            happened => resumed = happened is RunEvent.Resumed at ? at.Step : resumed
        );
        Assert.Equal(3, resumed);
        Assert.False(finished.Stopped);
    }

    [Theory]
    [InlineData("step_search", "")]
    [InlineData("tree_grpo", "")]
    [InlineData("search_r1", "")]
    [InlineData("sft_grpo", "")]
    [InlineData("david_turn_credit", "")]
    [InlineData("david", "pid")]
    [InlineData("david", "refill")]
    [InlineData("grpo", "conformal")]
    public async Task EveryKindOfArm_GoesOnFromACheckpointAsIfItHadNotStopped(string arm, string control)
    {
        MethodOptions method = new WorldMethodOptions
        {
            Arm = arm,
            BootstrapSteps = 2,
            Spending = control == "pid" ? Spending.Searches : Spending.Free,
            SpendTarget = control == "pid" ? 1 : null,
            Allocation = control is "" or "pid" ? "uniform" : control,
        };
        RunOptions options = WorldRuns.Options(method, seed: 5, rollouts: 190, evaluationQuestions: 10) with
        {
            CheckpointEvery = 1,
        };
        List<StepMetrics> whole = [],
            parts = [];
        static Action<RunEvent> Into(List<StepMetrics> steps, Action<int>? made = null) =>
            happened =>
            {
                if (happened is not RunEvent.Stepped { Metrics: var metrics })
                    return;
                steps.Add(metrics with { RolloutSeconds = 0, LearningSeconds = 0 });
                made?.Invoke(metrics.Step);
            };
        RunResult uninterrupted = await TrainAsync(options, Into(whole));
        Directory.Delete(_folder, recursive: true);
        using CancellationTokenSource stop = new();
        await TrainAsync(options, Into(parts, step => _ = step == 2 ? stop.CancelAsync() : null), stop);
        RunResult resumed = await TrainAsync(options, Into(parts));

        Assert.True(whole.Count >= 3);
        Assert.Equal(whole.Select(Line), parts.Select(Line));
        Assert.Equal(uninterrupted.After!.ExactMatch, resumed.After!.ExactMatch);
        Assert.Contains(whole, step => step.OptimizerSteps > 0);

        static string Line(StepMetrics metrics) => JsonSerializer.Serialize(metrics, RunJson.Line);
    }

    [Fact]
    public async Task ACorrectionForTheSampler_ChangesNothingWhereItAgrees_AndAMaskLeavesTokensOut()
    {
        async Task<StepMetrics> FirstStep(Func<MethodOptions, MethodOptions> change)
        {
            StepMetrics? first = null;
            MethodOptions method = new WorldMethodOptions
            {
                Arm = "grpo_coverage",
                Epochs = 1,
                Minibatches = 1,
                RecomputeOldLogProbs = true,
            };
            RunOptions options = WorldRuns.Options(change(method), seed: 5, rollouts: 72, evaluationQuestions: 10);
            await TrainAsync(
                options,
                happened => first ??= happened is RunEvent.Stepped { Metrics: var metrics } ? metrics : null
            );
            Directory.Delete(_folder, recursive: true);
            Directory.CreateDirectory(_folder);
            return first!;
        }
        StepMetrics plain = await FirstStep(method => method);
        Assert.InRange(plain.SamplerKl, 0, 1e-8);
        foreach (SamplerCorrection correction in Enum.GetValues<SamplerCorrection>())
            Assert.Equal(
                plain.GradientNorm,
                (await FirstStep(method => method with { SamplerCorrection = correction })).GradientNorm,
                plain.GradientNorm * 1e-3
            );
        // Hardly a ratio is exactly 1.
        StepMetrics masked = await FirstStep(method =>
            method with
            {
                SamplerCorrection = SamplerCorrection.TokenMask,
                SamplerBound = 1,
            }
        );
        Assert.InRange(masked.GradientNorm, 0, 0.9 * plain.GradientNorm);
        StepMetrics uncertain = await FirstStep(method => method with { LearnedShare = 0.2 });
        Assert.NotEqual(plain.GradientNorm, uncertain.GradientNorm, plain.GradientNorm * 1e-3);
        // The certain tokens' slopes are small, so a fifth of the tokens carries most of the gradient.
        Assert.InRange(uncertain.GradientNorm, 0.3 * plain.GradientNorm, 1.7 * plain.GradientNorm);
        Assert.Throws<ArgumentException>(() =>
            new WorldMethodOptions { SamplerCorrection = SamplerCorrection.TokenMask }.Create(
                TaskRewards.OfTags(_ => null)
            )
        );
    }

    [Fact]
    public async Task Spending_IsChargedFromTheMainPhaseOn()
    {
        MethodOptions method = new WorldMethodOptions
        {
            BootstrapSteps = 2,
            Spending = Spending.Searches,
            Price = 0.2,
        };
        await TrainAsync(WorldRuns.Options(method, seed: 5, rollouts: 120, evaluationQuestions: 10), _ => { });
        using GZipStream stream = new(
            File.OpenRead(Path.Combine(_folder, "trajectories.jsonl.gz")),
            CompressionMode.Decompress
        );
        ILookup<string, bool> charged = new StreamReader(stream)
            .ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!)
            .ToLookup(
                node => (string)node["phase"]!,
                node => node["terms"]!.ToJsonString().Contains("\"spending\"", StringComparison.Ordinal)
            );
        Assert.DoesNotContain(true, charged["bootstrapping"]);
        Assert.Contains(true, charged["main"]);
    }

    [Fact]
    public async Task AFinishedRun_IsNotRunAgain()
    {
        RunOptions options = Options(rollouts: 20);
        await TrainAsync(options, _ => { });
        int events = 0;
        await TrainAsync(options, _ => events++);
        Assert.Equal(0, events);
    }

    [Fact]
    public async Task TheSameQuestionAgainInAStep_IsSampledAnew()
    {
        // Twelve questions a step, five in a pass.
        RunOptions options = WorldRuns.Options("grpo", seed: 5, rollouts: 72, evaluationQuestions: 4);
        using ModelFiles files = ModelFiles.Open(BasePolicy.Folder);
        using Decoder policy = Decoder.Load(files.Config, files.Weights);
        using Trainer trainer = new(
            policy,
            WorldTask.Create(5, trainingQuestions: 5, evaluationQuestions: options.Evaluation.Questions),
            options,
            new RunFolder(_folder, "test"),
            new(),
            _ => { }
        );
        await trainer.RunAsync(TestContext.Current.CancellationToken);

        await using FileStream file = File.OpenRead(Path.Combine(_folder, "trajectories.jsonl.gz"));
        await using GZipStream gzip = new(file, CompressionMode.Decompress);
        using StreamReader lines = new(gzip);
        TrajectoryRecord[] all =
        [
            .. (await lines.ReadToEndAsync(TestContext.Current.CancellationToken))
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonSerializer.Deserialize<TrajectoryRecord>(line, RunJson.Line)!),
        ];
        Assert.Equal(72, all.DistinctBy(record => (record.Group, record.Member)).Count());
        Assert.Equal(5, all.DistinctBy(record => record.Question).Count());
        IGrouping<string, TrajectoryRecord>[] groups = [.. all.GroupBy(record => $"{record.Group}")];
        Assert.Equal(12, groups.Length);
        Assert.All(groups, group => Assert.Equal(6, group.Count()));
        Assert.Equal(
            12,
            groups
                .Select(group =>
                    string.Join("\n", group.SelectMany(record => record.Segments).Select(segment => segment.Text))
                )
                .Distinct()
                .Count()
        );
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "")] // As after pruning: only the logs and the result are left.
    [InlineData(false, "result.json")] // As after a crash before the first checkpoint.
    [InlineData(false, "result.json fingerprint")] // Nothing says whose the logs are.
    public async Task AFolderOfAnotherRun_IsRefused_AndNoByteOfItChanges(bool keepsCheckpoints, string lost)
    {
        await TrainAsync(Options(rollouts: 20), _ => { });
        if (!keepsCheckpoints)
            Directory.Delete(Path.Combine(_folder, "checkpoints"), recursive: true);
        foreach (string name in lost.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            File.Delete(Path.Combine(_folder, name));
        Dictionary<string, byte[]> before = Contents();
        InvalidDataException refused = await Assert.ThrowsAsync<InvalidDataException>(() =>
            TrainAsync(
                Options(rollouts: 20) with
                {
                    Method = new WorldMethodOptions(),
                },
                _ => { },
                fingerprint: "another"
            )
        );
        Assert.Contains("belongs to another run", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Contents());
    }

    private Dictionary<string, byte[]> Contents() =>
        Directory
            .EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories)
            .ToDictionary(path => path, path => File.Exists(path) ? File.ReadAllBytes(path) : []);

    [Fact]
    public async Task TheDavidArm_UsesItsThreeMechanisms()
    {
        List<StepMetrics> steps = [];
        await TrainAsync(
            Options(rollouts: 260),
            happened =>
            {
                if (happened is RunEvent.Stepped { Metrics: var metrics })
                    steps.Add(metrics);
            }
        );
        Assert.Contains(steps, step => step.Phase == "bootstrapping" && step.Experts > 0);
        Assert.Contains(steps, step => step.Phase == "main" && step.Continued > 0);
        Assert.All(steps.Where(step => step.Phase == "main"), step => Assert.Equal(0, step.Experts));
        // The expert's example is followed at once.
        Assert.True(steps[^1].SearchesPerQuestion > steps[0].SearchesPerQuestion + 0.3);
    }

    private static RunOptions Options(int rollouts) =>
        WorldRuns.Options("david", seed: 5, rollouts, evaluationQuestions: 20);

    private async Task<RunResult> TrainAsync(
        RunOptions options,
        Action<RunEvent> report,
        CancellationTokenSource? stop = null,
        string fingerprint = "test"
    )
    {
        using ModelFiles files = ModelFiles.Open(BasePolicy.Folder);
        using Decoder policy = Decoder.Load(files.Config, files.Weights);
        using Trainer trainer = new(
            policy,
            WorldTask.Create(options.Seed, WorldRuns.TrainingQuestions, options.Evaluation.Questions),
            options,
            new RunFolder(_folder, fingerprint),
            new(),
            report
        );
        return await trainer.RunAsync(stop?.Token ?? TestContext.Current.CancellationToken);
    }

    /// <summary>The demo in a process of its own; its exit code, 137 if it was killed first.</summary>
    private static int Demo(string folder, TimeSpan? killAfter)
    {
        ProcessStartInfo start = new("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "david.dll"),
                "demo",
                "--arms",
                "david",
                "--seeds",
                "1",
                "--budget",
                "170",
                "--questions",
                "20",
                "--workers",
                "1",
                "--out",
                folder,
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (killAfter is { } moment && !process.WaitForExit(moment))
        {
            process.Kill();
            process.WaitForExit();
            return 137;
        }
        process.WaitForExit();
        return process.ExitCode;
    }

    private static string Run(string folder) => Path.Combine(folder, "david", "seed-1");

    private static string[] Checkpoints(string folder, bool nested = true) =>
        [.. Directory.GetDirectories(Path.Combine(nested ? Run(folder) : folder, "checkpoints"), "step-*").Order()];

    /// <summary>The lines of metrics.jsonl without what the clock says.</summary>
    private static string[] Metrics(string folder) =>
        [
            .. File.ReadLines(Path.Combine(Run(folder), "metrics.jsonl"))
                .Select(line =>
                {
                    JsonObject metrics = JsonNode.Parse(line)!.AsObject();
                    foreach (
                        string key in metrics.Select(pair => pair.Key).Where(key => key.Contains("seconds")).ToArray()
                    )
                        metrics.Remove(key);
                    return metrics.ToJsonString();
                }),
        ];

    private static string Trajectories(string folder)
    {
        using GZipStream stream = new(
            File.OpenRead(Path.Combine(Run(folder), "trajectories.jsonl.gz")),
            CompressionMode.Decompress
        );
        return new StreamReader(stream).ReadToEnd();
    }
}
