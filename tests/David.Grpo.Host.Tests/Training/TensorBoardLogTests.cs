using David.Grpo.Host.Tests.Formats;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Training;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-tensorboard-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ARun_WritesAllItsMetricsUnderDocumentedNames()
    {
        await ToyRun.TrainAsync(_folder, ToyRun.Options("david", 130));

        EventReader.Event[] events = EventReader.Read(Assert.Single(Files()));
        StepMetrics[] steps = [.. RunLog.Read(_folder).Steps];
        EvaluationMetrics[] evaluations = [.. RunLog.Read(_folder).Evaluations];

        Assert.Equal(steps.Select(step => (float)step.Loss), Scalars(events, "updates/loss"));
        Assert.Equal(steps.Select(step => (float)step.Rollouts), Scalars(events, "spent/rollouts"));
        Assert.Equal(
            evaluations.Select(evaluation => (float)evaluation.ExactMatch),
            Scalars(events, "evaluation/exact_match")
        );
        Assert.Equal(
            steps.Select(step => (float)step.Terms.Values.First()),
            Scalars(events, $"reward_terms/{steps[0].Terms.Keys.First()}")
        );
        Histogram[] rewards = [.. Of(events, "samples/reward").Cast<Histogram>()];
        Assert.Equal(steps.Length, rewards.Length);
        Assert.All(
            rewards.Zip(steps),
            pair => Assert.Equal(pair.Second.Reward, pair.First.Sum / pair.First.Count, 1e-9)
        );
        Assert.All(
            Of(events, "samples/token_probability").Cast<Histogram>(),
            own =>
            {
                Assert.InRange(own.Min, 0, own.Max);
                Assert.InRange(own.Max, own.Min, 1 + 1e-9);
            }
        );
        string[] samples = [.. Of(events, "evaluation/sample").Cast<string>()];
        Assert.Equal(evaluations.Length, samples.Length);
        Assert.All(samples, sample => Assert.StartsWith(samples[0][..20], sample, StringComparison.Ordinal));

        Assert.All(
            events.SelectMany(own => own.Values),
            value => Assert.True(IsDocumented(value.Tag), $"{value.Tag} is documented nowhere")
        );
        Assert.All(RunSchema.TensorBoard, tag => Assert.NotEqual("", tag.Description));
    }

    [Fact]
    public async Task AResumedRun_HasEachStepOnce()
    {
        RunOptions options = ToyRun.Options("grpo", 200);
        using CancellationTokenSource stop = new();
        await ToyRun.TrainAsync(
            _folder,
            options,
            happened =>
            {
                if (happened is RunEvent.Stepped { Metrics.Step: 2 })
                    stop.Cancel();
            },
            stop.Token
        );
        // As a kill leaves it: the log is ahead of the last checkpoint.
        Directory.Delete(Path.Combine(_folder, "checkpoints", "step-000002"), recursive: true);
        await ToyRun.TrainAsync(_folder, options);

        StepMetrics[] steps = [.. RunLog.Read(_folder).Steps];
        EvaluationMetrics[] evaluations = [.. RunLog.Read(_folder).Evaluations];
        Assert.Equal(2, Files().Length);
        EventReader.Event[] second = EventReader.Read(Files()[1]);
        Assert.True(second[1].IsStart);
        Assert.Equal(2, second[1].Step);
        EventReader.Event[] all = [.. Files().SelectMany(EventReader.Read)];
        Assert.Equal(
            steps.Select(step => (long)step.Step),
            all.Where(own => own.Values.Any(value => value.Tag == "updates/loss")).Select(own => own.Step)
        );
        Assert.Equal(
            evaluations.Select(evaluation => (long)evaluation.Step),
            all.Where(own => own.Values.Any(value => value.Tag == "evaluation/f1")).Select(own => own.Step)
        );
        Assert.Equal(steps.Select(step => (float)step.Loss), Scalars(all, "updates/loss"));
    }

    [Fact]
    public async Task SwitchedOff_NothingIsWritten()
    {
        await ToyRun.TrainAsync(_folder, ToyRun.Options("grpo", 0) with { Tensorboard = false });
        Assert.False(Directory.Exists(Path.Combine(_folder, "tensorboard")));
    }

    [Fact]
    public void ASample_IsNoMarkup()
    {
        string shown = TensorBoardLog.Shown(
            new OutcomeRecord
            {
                Id = "q",
                Kind = "bridge",
                Question = "Who wrote *Ulysses*?",
                Answers = ["James_Joyce"],
                FinalAnswer = null,
                ExactMatch = 0,
                F1 = 0,
                Coverage = 0.5,
                Searches = 1,
                GeneratedTokens = 7,
                Ending = "unanswered",
                Queries = ["<b>"],
                Passages =
                [
                    ["p1"],
                ],
                Response = "one\r\n# two",
            }
        );
        Assert.Contains(@"Who wrote \*Ulysses\*?", shown);
        Assert.Contains("Answer: none", shown);
        Assert.Contains("    one\n    # two\n", shown);
    }

    private string[] Files() =>
        [.. Directory.GetFiles(Path.Combine(_folder, "tensorboard")).Order(StringComparer.Ordinal)];

    private static IEnumerable<object> Of(EventReader.Event[] events, string tag) =>
        events.SelectMany(own => own.Values).Where(value => value.Tag == tag).Select(value => value.Content);

    private static IEnumerable<float> Scalars(EventReader.Event[] events, string tag) => Of(events, tag).Cast<float>();

    private static Predicate<string> IsDocumented { get; } =
        tag =>
            RunSchema.TensorBoard.Any(known =>
                known.Tag == tag
                || (
                    known.Tag.Split('*') is [var start, var end]
                    && tag.StartsWith(start, StringComparison.Ordinal)
                    && tag.EndsWith(end, StringComparison.Ordinal)
                )
            );
}
