using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Cli;
using David.Grpo.Comparisons;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Cli;

/// <summary>`david runs` on made-up folders, and on real runs of seconds.</summary>
public sealed class RunsCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-runs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task RealRuns_AreListedComparedAndPruned()
    {
        foreach (string arm in (string[])["grpo", "david"])
            await ToyRun.TrainAsync(In(arm, "seed-5"), ToyRun.Options(arm, 80));
        // As a kill leaves it: the lock is there, the result is not.
        File.Delete(In("grpo", "seed-5", "result.json"));
        File.WriteAllText(In("grpo", "seed-5", ".running"), "");

        JsonArray runs = JsonNode.Parse(await SucceedAsync(_folder, "--json"))!.AsArray();
        Assert.Equal(["david", "grpo"], runs.Select(run => (string)run!["arm"]!));
        Assert.Equal(["finished", "crashed"], runs.Select(run => (string)run!["state"]!));
        Assert.All(runs, run => Assert.Equal(5, (int)run!["seed"]!));
        Assert.All(runs, run => Assert.Equal(80, (int)run!["budget"]!));
        Assert.All(runs, run => Assert.InRange((int)run!["rollouts"]!, 1, 80));
        Assert.All(runs, run => Assert.True((long)run!["checkpoint_bytes"]! > 1_000_000));
        Assert.Equal(6, (int)runs[0]!["last"]!["questions"]!);
        string table = await SucceedAsync(_folder);
        Assert.Contains("crashed", table);
        Assert.Contains("of 80", table);

        string compared = await SucceedAsync("compare", In("grpo", "seed-5"), In("david"));
        Assert.Contains("minus grpo/seed-5", compared);
        Assert.Contains("paired by question", compared);
        Assert.Contains("method.arm", compared);
        Assert.Contains("one seed", compared);

        int[] Kept() => [.. Checkpoints("david").Concat(Checkpoints("grpo")).Select(name => int.Parse(name[5..]))];
        int[] before = Kept();
        string planned = await SucceedAsync("prune", _folder);
        Assert.Contains("Nothing was removed", planned);
        Assert.Equal(before, Kept());
        string pruned = await SucceedAsync("prune", _folder, "--optimizer", "--delete");
        Assert.Contains("Freed", pruned);
        Assert.Single(Checkpoints("david"));
        Assert.Single(Checkpoints("grpo"));
        string last = Path.Combine("checkpoints", Checkpoints("david")[0]);
        Assert.True(File.Exists(In("david", "seed-5", last, "model.safetensors")));
        Assert.False(File.Exists(In("david", "seed-5", last, "optimizer.safetensors")));
        // One that is not finished goes on from its last checkpoint; it is as lost as before.
        Assert.True(File.Exists(In("grpo", "seed-5", "checkpoints", Checkpoints("grpo")[0], "optimizer.safetensors")));
        Assert.True(RunHold.WasLost(In("grpo", "seed-5")));
        Assert.False((await ToyRun.TrainAsync(In("grpo", "seed-5"), ToyRun.Options("grpo", 80))).Stopped);
        Assert.Contains("There is nothing to remove", await SucceedAsync("prune", _folder, "--failed"));
    }

    [Fact]
    public async Task ARunningRun_IsSeenAndNeverTouched()
    {
        string folder = Made("a");
        using (RunHold.Take(folder))
        {
            Assert.Equal("running", (string)JsonNode.Parse(await SucceedAsync(folder, "--json"))![0]!["state"]!);
            Assert.Contains(
                "Nothing was removed",
                await SucceedAsync("prune", folder, "--failed", "--keep", "0", "--delete")
            );
            // Planned before it began.
            Assert.Empty(RunPruning.Remove([new Removal(folder, folder, 1, "stopped")]));
            Assert.Contains("another process", Assert.Throws<IOException>(() => RunHold.Take(folder)).Message);
        }
        Assert.True(File.Exists(Path.Combine(folder, "metrics.jsonl")));
        Assert.Equal("stopped", (string)JsonNode.Parse(await SucceedAsync(folder, "--json"))![0]!["state"]!);
        Assert.Contains("Freed", await SucceedAsync("prune", folder, "--failed", "--delete"));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task YoungRuns_AreLeftWhereOldOnesAreAskedFor()
    {
        string young = Made("young");
        string old = Made("old");
        foreach (string name in (string[])["metrics.jsonl", "run.json"])
            File.SetLastWriteTimeUtc(Path.Combine(old, name), DateTime.UtcNow.AddDays(-9));
        await SucceedAsync("prune", _folder, "--failed", "--older-than", "7", "--delete");
        Assert.True(Directory.Exists(young));
        Assert.False(Directory.Exists(old));
    }

    [Fact]
    public async Task ADamagedFolder_IsListedWithWhatIsWrong()
    {
        string folder = Made("a");
        File.AppendAllText(Path.Combine(folder, "metrics.jsonl"), "{\"kind\":\"evalu");
        Assert.DoesNotContain("damaged", await SucceedAsync(folder));
        File.AppendAllText(Path.Combine(folder, "metrics.jsonl"), "\n{}\n{}\n");
        File.WriteAllText(Path.Combine(folder, "result.json"), "{");
        string table = await SucceedAsync(folder);
        Assert.Contains("metrics.jsonl:2 cannot be read", table);
        Assert.Contains("result.json cannot be read", table);
    }

    [Fact]
    public void SharedQuestions_ArePairedByQuestionAndSeed()
    {
        // Question k scores k mod 2 in the first side, and 1 in the second: the difference is half.
        foreach (long seed in (long[])[1, 2])
        {
            Made($"x/seed-{seed}", seed, k => k % 2, 20);
            Made($"y/seed-{seed}", seed, _ => 1, 20);
        }
        RunContrast contrast = RunContrast.Of([
            ("x", [.. RunOverview.Under(In("x"))]),
            ("y", [.. RunOverview.Under(In("y"))]),
        ]);
        ContrastDifference difference = Assert.Single(contrast.Differences);
        Assert.Equal((20, true, true), (difference.Questions, difference.ByQuestion, difference.BySeed));
        Spread exact = difference.Differences["exact_match"];
        Assert.Equal(0.5, exact.Mean, 1e-12);
        Assert.InRange(exact.Low!.Value, 0.2, 0.5);
        Assert.Equal([0.5, 0.5], exact.BySeed);
        Assert.Equal(0.5, contrast.Sides[0].Means["exact_match"].Mean, 1e-12);
        Assert.Empty(contrast.Options);
    }

    [Fact]
    public async Task OtherQuestions_GiveNoDifference()
    {
        Made("x", 1, _ => 1, 4);
        Made("y", 1, _ => 1, 4, "another world's");
        string table = await SucceedAsync("compare", In("x"), In("y"));
        Assert.Contains("answered no question in common", table);
        Assert.DoesNotContain("minus x", table);
    }

    [Theory]
    [InlineData("nowhere", "There is no folder", "Name a run's folder")]
    [InlineData("compare nowhere x", "There is no folder", "Name a run's folder")]
    [InlineData("compare . x", "holds runs of", "name a folder for each")]
    [InlineData("compare bare x", "has made no evaluation yet", "Leave it out")]
    [InlineData("prune x --keep -1", "--keep is -1", "at least 0")]
    [InlineData("schema metric", "no schema \"metric\"", "metrics, outcomes")]
    public async Task WhatCannotBeDone_IsSaidWithWhatToDo(string arguments, string got, string advice)
    {
        Made("x");
        Made("z", arm: "another");
        foreach (string finished in (string[])["x", "z"])
            File.Copy(Result(), In(finished, "result.json"));
        Directory.CreateDirectory(In("bare"));
        File.WriteAllText(In("bare", "metrics.jsonl"), "");
        (int code, _, string error) = await InvokeAsync([
            .. arguments
                .Split(' ')
                .Select(word => word is "x" or "." or "bare" or "nowhere" ? Path.GetFullPath(In(word)) : word),
        ]);
        Assert.Equal(2, code);
        Assert.Contains(got, error);
        Assert.Contains(advice, error);
    }

    [Fact]
    public async Task Schema_IsPrintedAsJson()
    {
        JsonNode schema = JsonNode.Parse(await SucceedAsync("schema"))!;
        Assert.Equal(2, schema["oneOf"]!.AsArray().Count);
        Assert.Contains("updates/gradient_norm", await SucceedAsync("schema", "tensorboard"));
    }

    private string In(params string[] names) => Path.Combine([_folder, .. names]);

    private string[] Checkpoints(string arm) =>
        [.. Directory.GetDirectories(In(arm, "seed-5", "checkpoints")).Select(path => Path.GetFileName(path)!)];

    /// <summary>A run's folder with one evaluation of some questions.</summary>
    private string Made(
        string name,
        long seed = 1,
        Func<int, double>? score = null,
        int questions = 2,
        string text = "who",
        string arm = "david"
    )
    {
        string folder = Directory.CreateDirectory(In(name)).FullName;
        OutcomeRecord[] outcomes =
        [
            .. Enumerable
                .Range(0, questions)
                .Select(k => new OutcomeRecord
                {
                    Id = $"q{k}",
                    Kind = "bridge",
                    Question = $"{text} {k}",
                    Answers = ["a"],
                    FinalAnswer = "a",
                    ExactMatch = score?.Invoke(k) ?? 0,
                    F1 = 0,
                    Coverage = 0,
                    Searches = 1,
                    GeneratedTokens = 3,
                    Ending = "answered",
                    Queries = [],
                    Passages = [],
                    Response = "",
                }),
        ];
        RunFolder made = new(folder, "made");
        made.WriteOutcomes(0, outcomes);
        made.AppendMetrics(
            new EvaluationMetrics
            {
                Step = 0,
                Rollouts = 0,
                Questions = questions,
                ExactMatch = outcomes.Average(outcome => outcome.ExactMatch),
                F1 = 0,
                Coverage = 0,
                SearchesPerQuestion = 1,
                GeneratedTokens = 3,
                Answered = 1,
                Intervals = new Dictionary<string, double[]>(),
                ExactMatchByKind = new Dictionary<string, double>(),
                Seconds = 0,
            }
        );
        made.Describe(
            new RunDescription
            {
                Arm = arm,
                Seed = seed,
                StartedAt = DateTimeOffset.UnixEpoch,
                Library = "0",
                Options = [],
            }
        );
        return folder;
    }

    /// <summary>The result of a run that is finished.</summary>
    private string Result()
    {
        string path = In("result.json");
        File.WriteAllText(
            path,
            JsonSerializer.Serialize(
                new RunResult
                {
                    Arm = "david",
                    Seed = 1,
                    Steps = 0,
                    Spent = Cost.Zero,
                    SkippedUpdates = 0,
                    Times = new RunTimes(),
                    Before = null,
                    After = null,
                    Stopped = false,
                },
                RunJson.Document
            )
        );
        return path;
    }

    private static async Task<string> SucceedAsync(params string[] arguments)
    {
        (int code, string output, string error) = await InvokeAsync(arguments);
        Assert.Equal("", error);
        Assert.Equal(0, code);
        return output;
    }

    private static Task<(int Code, string Output, string Error)> InvokeAsync(string[] arguments) =>
        TinyRun.InvokeAsync(RunsCommand.Create(), arguments);
}
