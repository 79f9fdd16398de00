using David.Grpo.Comparisons;
using David.Grpo.Experiments;
using David.Grpo.Host.Tests.Cli;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Learning;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Experiments;

public sealed class ExperimentTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private Experiment Tiny(params Variant[] variants) =>
        new()
        {
            Folder = _scratch["out"],
            Variants = variants,
            Seeds = 1,
            Rollouts = 72,
            Questions = 4,
            EvaluateEvery = 0,
            Workers = 1,
        };

    /// <summary>Notes what it is shown; stops the experiment at the first step where it is asked to.</summary>
    private sealed class Notes(CancellationTokenSource? stop = null) : IComparisonDisplay
    {
        public List<string> Steps { get; } = [];
        public List<string> Ended { get; } = [];
        public int Resumed { get; private set; }

        public void Report(ComparedRun run, RunEvent happened)
        {
            if (happened is RunEvent.Stepped)
            {
                Steps.Add(run.Name);
                stop?.Cancel();
            }
            if (happened is RunEvent.Resumed)
                Resumed++;
        }

        public void End(ComparedRun run) => Ended.Add(run.Name);

        public void Dispose() { }
    }

    [Fact]
    public async Task Stopped_SaysSo_AndGoesOnWhereItWas()
    {
        Experiment experiment = Tiny(Variant.Of("grpo")) with { Rollouts = 144 };
        using CancellationTokenSource stop = new();
        OperationCanceledException stopped = await Assert.ThrowsAsync<OperationCanceledException>(() =>
            experiment.RunAsync(_ => new Notes(stop), null, stop.Token)
        );
        Assert.Contains($"goes on from the checkpoints in {experiment.Folder}", stopped.Message);

        Notes notes = new();
        ComparisonReport report = await experiment.RunAsync(_ => notes, null, TestContext.Current.CancellationToken);

        Assert.Equal(1, notes.Resumed);
        Assert.Equal(["grpo"], notes.Ended);
        Assert.Single(notes.Steps); // of two
        Assert.Equal(144, report.Summary.End.Arms[0].Rollouts.Mean);
    }

    [Fact]
    public async Task AnAddedVariant_RunsAlone()
    {
        await Tiny(Variant.Of("grpo")).RunAsync(_ => new Notes(), null, TestContext.Current.CancellationToken);
        Notes notes = new();

        ComparisonReport report = await Tiny(
                Variant.Of("grpo"),
                Variant.Own("grpo", arm => arm.WithReward(Reward.Authors(0)).Named("mine", "My own"))
            )
            .RunAsync(_ => notes, null, TestContext.Current.CancellationToken);

        Assert.Equal(["mine"], notes.Steps.Distinct());
        Assert.Equal(["grpo", "mine"], notes.Ended);
        Assert.Equal(["GRPO", "My own"], report.Arms.Select(arm => arm.Title));
        Assert.Equal("authors", report["mine"].Facts.Reward);
        Assert.Equal("mine", report.Summary.Focus);

        // Anyone can report the folder, though the arm is nobody else's.
        ComparisonReport opened = ComparisonReport.Open(Tiny().Folder);
        Assert.Equal(report.ToString(), opened.ToString());
        Assert.Equivalent(report["mine"].Facts, opened["mine"].Facts);
        Assert.Equal(4, report.OutcomesOf("mine").Length);
    }

    [Fact]
    public async Task AFailure_StopsTheOtherRuns_AndIsHeardOfAtOnce()
    {
        RewardRule broken = RewardRule.Create("broken", _ => throw new InvalidOperationException("no such table"));
        Experiment experiment = Tiny(
            Variant.Of("grpo"),
            Variant.Own("grpo", arm => arm.WithReward(broken).Named("broken", "Broken"))
        ) with
        {
            Rollouts = 72 * 20,
            Workers = 2,
        };
        Notes notes = new();
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            experiment.RunAsync(_ => notes, null, TestContext.Current.CancellationToken)
        );
        Assert.Contains("no such table", failure.Message, StringComparison.Ordinal);
        Assert.Empty(notes.Ended);
        Assert.True(notes.Steps.Count < 20, $"{notes.Steps.Count} steps of the other run were still made");
    }

    [Theory]
    [InlineData("grpo/seed-1/result.json", "is damaged")]
    [InlineData("grpo/seed-1/metrics.jsonl", "metrics.jsonl:1 cannot be read")]
    [InlineData("grpo/seed-1/evaluations/step-000001.jsonl", "step-000001.jsonl is not there or cannot be read")]
    public async Task ADamagedFile_IsNamed(string file, string expected)
    {
        Experiment experiment = Tiny(Variant.Of("grpo"));
        await experiment.RunAsync(_ => new Notes(), null, TestContext.Current.CancellationToken);
        string path = Path.Combine(experiment.Folder, file);
        File.WriteAllText(path, "{" + File.ReadAllText(path)[1..].Replace(":", "", StringComparison.Ordinal));
        InvalidDataException damaged = await Assert.ThrowsAsync<InvalidDataException>(() =>
            experiment.RunAsync(_ => new Notes(), null, TestContext.Current.CancellationToken)
        );
        Assert.Contains(expected, damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFolderOfOtherOptions_IsRefused_BeforeAnyRun()
    {
        await Tiny(Variant.Of("grpo")).RunAsync(_ => new Notes(), null, TestContext.Current.CancellationToken);
        Notes notes = new();
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            (Tiny(Variant.Of("david"), Variant.Of("grpo")) with { Rollouts = 144 }).RunAsync(
                _ => notes,
                null,
                TestContext.Current.CancellationToken
            )
        );
        Assert.Empty(notes.Steps);
        Assert.False(Directory.Exists(Path.Combine(_scratch["out"], "david")));
    }

    [Fact]
    public async Task On_ARunFile_TrainsARewardOfOnesOwnOnItsQuestions()
    {
        using TinyRun run = new();
        RewardRule brief = RewardRule.Create(
            "brief",
            trajectory => Answer.ExactMatchOf(trajectory) - 0.01 * Trajectory.GeneratedTokens(trajectory)
        );
        Experiment experiment = Experiment.On(
            run["run.yaml"],
            run["compared"],
            Variant.Of("grpo"),
            Variant.Own("grpo", arm => arm.WithReward(brief).Named("brief", "Brief"))
        ) with
        {
            Seeds = 1,
            Rollouts = 8,
        };
        ComparisonReport report = await experiment.RunAsync(
            _ => new Notes(),
            null,
            TestContext.Current.CancellationToken
        );

        Assert.Equal(["authors, answer alone", "brief"], report.Arms.Select(arm => arm.Facts.Reward));
        Assert.Equal(3, report.OutcomesOf("brief").Length); // the file's evaluation
        Assert.All(
            report.LinesOf("brief"),
            lines => Assert.All(lines.Steps, step => Assert.InRange(step.Reward, -0.24, -0.01))
        );
        Assert.All(experiment.Runs, compared => Assert.Equal(1, compared.Options.Method.BootstrapSteps));
    }

    [Fact]
    public void Each_IsAVariantAValue()
    {
        Variant[] variants = Variant.Each("david", "lambda", [0, 0.5], (method, λ) => method with { Lambda = λ });

        Assert.Equal(["lambda_0", "lambda_0.5"], variants.Select(variant => variant.Name));
        Assert.Equal(["lambda 0", "lambda 0.5"], variants.Select(variant => variant.Title));
        Assert.Equal([0, 0.5], variants.Select(variant => variant.Method(new MethodOptions()).Lambda));
    }

    /// <summary>An arm of one's own is compared at the group size that its origin has, so that a step costs both the same.</summary>
    [Fact]
    public void AnArmOfOnesOwn_HasTheStepOfItsOrigin()
    {
        ComparedRun[] runs = Tiny(Variant.Of("david"), Variant.Own("david", arm => arm.Named("mine", "Mine"))).Runs;
        Arm[] arms = [.. runs.Select(run => run.Arm(TaskRewards.OfTags(_ => null)))];
        Assert.Equal(arms[0].GroupSize, arms[1].GroupSize);
        Assert.Equal("mine", arms[1].Name);
        Assert.Equal(runs[0].Options.Method.QuestionsPerStep, runs[1].Options.Method.QuestionsPerStep);
    }

    [Fact]
    public void Runs_OfASeed_StandTogether() =>
        Assert.Equal(
            [("grpo", 5L), ("david", 5L), ("grpo", 6L), ("david", 6L)],
            (Tiny(Variant.Of("grpo"), Variant.Of("david")) with { Seeds = 2, FirstSeed = 5 }).Runs.Select(run =>
                (run.Name, run.Seed)
            )
        );

    [Fact]
    public async Task WhatIsNoExperiment_IsRefused()
    {
        Variant grpo = Variant.Of("grpo");
        (Experiment Wrong, string Said)[] cases =
        [
            (Tiny(), "no variants"),
            (Tiny(grpo, grpo), "Two variants are called \"grpo\""),
            (Tiny(grpo) with { Focus = "david" }, "focus is david; variants are grpo"),
            (Tiny(grpo) with { Marks = [80] }, "A mark is 80"),
            (Tiny(grpo) with { Workers = 0 }, "Workers is 0"),
        ];
        foreach ((Experiment wrong, string said) in cases)
            Assert.Contains(
                said,
                (
                    await Assert.ThrowsAsync<ArgumentException>(() =>
                        wrong.RunAsync(_ => new Notes(), null, TestContext.Current.CancellationToken)
                    )
                ).Message
            );
        Assert.Contains(
            "as one of ours is",
            Assert.Throws<ArgumentException>(() => Variant.Own("grpo", arm => arm)).Message
        );
        foreach (string name in (string[])["", "../x", "a b", ".hidden"])
            Assert.Throws<ArgumentException>(() => Variant.Of("grpo", name, method => method));
    }
}
