using System.Text.Json;
using David.Grpo.Comparisons;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Cli;

/// <summary>`david compare` at toy size, on the embedded world and on text.</summary>
public sealed class CompareCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-compare-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Arms_AreComparedAtEachBudgetAndNotRunAgain()
    {
        string file = Write(
            """
            arms: [grpo]
            variants:
              - {name: quick, arm: sft_grpo, set: ["bootstrap_steps=1", "objective=gspo", "advantage=rloo"]}
            seeds: 2
            rollouts: 150
            marks: [80]
            questions: 12
            out: out
            """
        );
        TinyRun.Succeeded(await TinyRun.CompareAsync(file, "--workers", "1"));

        ComparisonSummary summary = Summary();
        Assert.Equal([80, 150], summary.Marks.Select(mark => mark.Rollouts));
        Assert.Equal("quick", summary.Focus);
        foreach (MarkSummary mark in summary.Marks)
        {
            Assert.Equal(["grpo", "quick"], mark.Arms.Select(arm => arm.Arm));
            Assert.All(
                mark.Arms,
                arm => Assert.All(arm.Rollouts.BySeed, spent => Assert.InRange(spent, 1, mark.Rollouts))
            );
            Assert.All(
                mark.Differences,
                difference => Assert.Equal(("quick", "grpo"), (difference.Arm, difference.Other))
            );
        }
        Assert.True(summary.Marks[0].Arms[0].Rollouts.Mean < summary.Marks[1].Arms[0].Rollouts.Mean);
        Assert.True(File.Exists(Path.Combine(_folder, "out", "index.html")));

        DateTime first = File.GetLastWriteTimeUtc(Path.Combine(_folder, "out", "grpo", "seed-1", "result.json"));
        TinyRun.Succeeded(await TinyRun.CompareAsync(file, "--workers", "1", "--seeds", "3"));
        Assert.Equal(first, File.GetLastWriteTimeUtc(Path.Combine(_folder, "out", "grpo", "seed-1", "result.json")));
        Assert.Equal([1, 2, 3], Summary().Seeds);
    }

    [Fact]
    public async Task LearningRates_AreTunedOnOtherSeeds()
    {
        string file = Write(
            """
            arms: [grpo]
            seeds: 1
            rollouts: 80
            marks: []
            questions: 8
            tune: {learning_rates: [1e-4, 3e-4], seeds: 1, first_seed: 7}
            out: out
            """
        );
        TinyRun.Succeeded(await TinyRun.CompareAsync(file, "--workers", "1"));

        Assert.Equal(2, Directory.GetDirectories(Path.Combine(_folder, "out", "tuning")).Length);
        Assert.True(File.Exists(Path.Combine(_folder, "out", "grpo", "seed-1", "result.json")));
    }

    [Fact]
    public async Task ABudgetOfTokens_EndsEachRun()
    {
        string file = Write(
            """
            arms: [grpo, david]
            seeds: 1
            marks: []
            questions: 8
            generated_tokens: 700
            out: out
            """
        );
        TinyRun.Succeeded(await TinyRun.CompareAsync(file, "--workers", "1"));

        Assert.All(Summary().End.Arms, arm => Assert.InRange(arm.TrainingTokens.Mean, 350, 700));
    }

    [Fact]
    public async Task EveryMethod_RunsOnText()
    {
        using TinyRun run = new();
        string file = run.Write(
            "compare.yaml",
            """
            run: run.yaml
            arms: [grpo, autocoa, sft, step_search, tree_grpo, search_r1, david]
            seeds: 1
            rollouts: 20
            marks: []
            out: compared
            """
        );
        TinyRun.Succeeded(await TinyRun.CompareAsync(file));

        foreach (string arm in (string[])["grpo", "autocoa", "sft", "step_search", "tree_grpo", "search_r1", "david"])
        {
            StepMetrics[] steps = [.. RunLog.Read(Path.Combine(run["compared"], arm, "seed-1")).Steps];
            Assert.NotEmpty(steps);
            Assert.All(steps, step => Assert.Equal(0, step.Dropped));
        }
    }

    [Theory]
    [InlineData("arms: [davd]", "neither a variant nor an arm")]
    [InlineData("focus: grpo_x", "focus is grpo_x")]
    [InlineData("arms: []\nvariants:\n  - {name: david, arm: grpo}", "a variant is called david")]
    [InlineData("seeds: 2\ntune: {first_seed: 2}", "tune.first_seed is 2")]
    [InlineData("model: m\nrun: r", "model and run are both given")]
    public async Task WrongFiles_AreRefusedWithWhatToDo(string text, string said)
    {
        string file = Write(text + $"\nout: {_folder}/out");
        (int code, _, string error) = await TinyRun.CompareAsync(file);
        Assert.Equal(2, code);
        Assert.Contains(said, error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AWrongOptionOfAVariant_IsNamed()
    {
        string file = Write("arms: []\nvariants:\n  - {name: fast, arm: grpo, set: [\"learning_rat=1\"]}");
        (int code, _, string error) = await TinyRun.CompareAsync(file, "--out", _folder);
        Assert.Equal(2, code);
        Assert.Contains("learning_rat", error, StringComparison.Ordinal);
        Assert.Contains("fast", error, StringComparison.Ordinal);
    }

    private string Write(string text)
    {
        string path = Path.Combine(_folder, "compare.yaml");
        File.WriteAllText(path, text);
        return path;
    }

    private ComparisonSummary Summary() =>
        JsonSerializer.Deserialize<ComparisonSummary>(
            File.ReadAllText(Path.Combine(_folder, "out", "summary.json")),
            RunJson.Document
        )!;
}
