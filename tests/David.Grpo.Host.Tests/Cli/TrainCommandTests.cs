using System.Text.Json;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Cli;

public sealed class TrainCommandTests
{
    [Fact]
    public async Task Run_TrainsAndLeavesAWholeFolder()
    {
        using TinyRun run = new();
        (int code, string output, string error) = await run.TrainAsync();

        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("6 to train on, 3 to evaluate on, 2 with an expert", output);
        Assert.Contains("exact match", output);
        Assert.Contains("after 3 steps", output);
        foreach (
            string name in (string[])
                [
                    "config.yaml",
                    "environment.json",
                    "metrics.jsonl",
                    "trajectories.jsonl.gz",
                    "result.json",
                    "evaluations/step-000000.jsonl",
                    "evaluations/step-000003.jsonl",
                    "checkpoints/step-000003/model.safetensors",
                    "checkpoints/step-000003/tokenizer.json",
                ]
        )
            Assert.True(File.Exists(Path.Combine(run["out"], name)), name);
        JsonElement[] metrics =
        [
            .. File.ReadLines(Path.Combine(run["out"], "metrics.jsonl")).Select(line => JsonElement.Parse(line)),
        ];
        Assert.Equal(
            ["evaluation", "bootstrapping", "main", "main", "evaluation"],
            metrics.Select(line =>
                line.TryGetProperty("phase", out JsonElement phase)
                    ? phase.GetString()
                    : line.GetProperty("kind").GetString()
            )
        );
        Assert.Equal(2, metrics[1].GetProperty("experts").GetInt32());
        Assert.True(metrics[1].GetProperty("gradient_norm").GetDouble() > 0);
        Assert.Equal(2, metrics[2].GetProperty("continued").GetInt32());
        RunResult result = JsonSerializer.Deserialize<RunResult>(
            await File.ReadAllTextAsync(Path.Combine(run["out"], "result.json"), TestContext.Current.CancellationToken),
            RunJson.Document
        )!;
        // 2 experts' questions × 2; then twice 2 questions × (2 + 1 continuation).
        Assert.Equal(4 + 2 * 6, result.Spent.Rollouts);
        Assert.Equal(3, result.Before!.Questions);
        Assert.Equal(3, File.ReadLines(Path.Combine(run["out"], "evaluations/step-000003.jsonl")).Count());
    }

    [Fact]
    public async Task KilledRun_ResumesBitForBit()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync("--out", run["whole"])).Code);
        Assert.Equal(0, (await run.TrainAsync("--out", run["killed"])).Code);
        // As a kill during the last step leaves it: the log is ahead of the last checkpoint, nothing is finished.
        File.Delete(Path.Combine(run["killed"], "result.json"));
        foreach (int step in (int[])[2, 3])
            Directory.Delete(Path.Combine(run["killed"], "checkpoints", $"step-{step:D6}"), recursive: true);
        Directory.CreateDirectory(Path.Combine(run["killed"], "checkpoints", ".step-000002"));

        (int code, string output, string error) = await run.TrainAsync("--out", run["killed"]);

        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("going on after step 1", output);
        Assert.Equal(run.Metrics("whole"), run.Metrics("killed"));
        Assert.Equal(run.Weights("whole", 3), run.Weights("killed", 3));
        Assert.Equal(
            File.ReadAllText(Path.Combine(run["whole"], "evaluations/step-000003.jsonl")),
            File.ReadAllText(Path.Combine(run["killed"], "evaluations/step-000003.jsonl"))
        );
    }

    [Fact]
    public async Task FinishedRun_IsShownAndNotRunAgain()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync("--set", "method.main_steps=0")).Code);
        DateTime written = File.GetLastWriteTimeUtc(Path.Combine(run["out"], "metrics.jsonl"));

        (int code, string output, _) = await run.TrainAsync("--set", "method.main_steps=0");

        Assert.Equal(0, code);
        Assert.Contains("finished already", output);
        Assert.Contains("exact match", output);
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(run["out"], "metrics.jsonl")));
    }

    [Fact]
    public async Task FolderOfAnotherRun_IsRefusedAndLeftAsItIs()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync("--set", "method.main_steps=0")).Code);
        string configuration = File.ReadAllText(Path.Combine(run["out"], "config.yaml"));

        (int code, _, string error) = await run.TrainAsync(
            "--set",
            "method.main_steps=0",
            "--set",
            "method.lambda=0.25"
        );

        Assert.Equal(2, code);
        Assert.Contains("holds another run; it differs in \"lambda: 0.25\"", error);
        Assert.Equal(configuration, File.ReadAllText(Path.Combine(run["out"], "config.yaml")));
    }

    [Fact]
    public async Task Plan_ShowsAndDoesNothing()
    {
        using TinyRun run = new();
        (int code, string output, _) = await run.TrainAsync("--plan");

        Assert.Equal(0, code);
        Assert.Contains("main        2 steps of 2 × 2 rollouts a question and up to 1 by continuation", output);
        Assert.Matches(@"disk        at most .* that are free: checkpoints \(\d+ kept, one being written\)", output);
        Assert.False(Directory.Exists(run["out"]));
    }

    [Fact]
    public async Task RunThatCannotLearn_SaysSo_AndEndsWhereThatIsWanted()
    {
        using TinyRun run = new();
        (int code, string output, string error) = await run.TrainAsync(
            "--set",
            "method.arm=grpo",
            "--set",
            "method.main_steps=3"
        );
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("No episode searched or answered", output);
        Assert.Contains("method.bootstrap_steps above 0", output);
        Assert.Contains("In 3 steps all members of each group earned the same", output);

        (code, output, error) = await run.TrainAsync(
            "--set",
            "method.arm=grpo",
            "--set",
            "method.main_steps=3",
            "--set",
            "stop_after_dead_steps=2",
            "--out",
            run["other"]
        );
        Assert.Equal(2, code);
        Assert.Contains("stop_after_dead_steps is 2", error);
        Assert.DoesNotContain("step   3/", output);
    }

    [Fact]
    public void RunThatCannotFitOntoTheDisk_IsRefused()
    {
        MemoryForecast forecast = new(100, 300, 100, 0, 0, Disk: 3L << 30);
        forecast.CheckDisk("out", free: 3L << 30, held: 0);
        forecast.CheckDisk("out", free: 1L << 30, held: 2L << 30);
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() =>
            forecast.CheckDisk("out", free: 2L << 30, held: 0)
        );
        Assert.Contains("may write 3.0 GiB of checkpoints, but where out lies 2.0 GiB are free", refused.Message);
        Assert.Contains("checkpoints_kept", refused.Message);
        Assert.True(MemoryForecast.Free("/tmp/nowhere/at/all") > 0);
    }

    [Fact]
    public async Task RunThatCannotFitIntoMemory_IsRefused()
    {
        using TinyRun run = new();
        (int code, _, string error) = await run.TrainAsync(
            "--set",
            "episode.response_tokens=1000000",
            "--set",
            "method.questions_per_step=65536",
            "--set",
            "episode.concurrent=65536"
        );

        Assert.Equal(2, code);
        Assert.Contains("but this machine has", error);
        Assert.Contains("It was not started. What lowers it most: ", error);
        Assert.False(Directory.Exists(run["out"]));
    }

    [Theory]
    [InlineData(
        "  bootstrap_steps: 1",
        "  bootstrap_stepz: 1",
        "run.yaml:15:3: method.bootstrap_stepz",
        "bootstrap_steps"
    )]
    [InlineData("checkpoint_every: 1", "checkpoint_every: often", "run.yaml:31:19: checkpoint_every", "a whole number")]
    [InlineData("gradient_checkpointing: true", "gradient_checkpointing: 1", "gradient_checkpointing", "true or false")]
    [InlineData("  main_steps: 2", "  lambda: 1.5", "method.lambda: got 1.5", "from 0 to 1")]
    [InlineData("  main_steps: 2", "  arm: davit", "method.arm: got davit", "Did you mean david?")]
    [InlineData("  split: dev", "  split: test", "no question of split \"test\"", "its splits are dev, train")]
    [InlineData("  questions: 3", "  questions: 5", "evaluation.questions is 5", "evaluation_questions gives 4")]
    [InlineData("threads: 1", "device: gpu", "Device is \"gpu\"", "cpu, cuda or cuda:N")]
    [InlineData("  split: dev", "  split: train", "evaluation questions are training questions too", "q0")]
    [InlineData("out: out", "out: corpus.jsonl/out", "corpus.jsonl/out cannot be written", "Choose another folder")]
    [InlineData("model: model", "model: corpus.jsonl", "corpus.jsonl is no model", "a folder or a .gguf file")]
    [InlineData("corpus: corpus.jsonl", "corpus: nowhere.jsonl", "nowhere.jsonl", "does not exist")]
    [InlineData(
        "  file: experts.jsonl",
        "  file: questions.jsonl\n  first: 9",
        "has no expert response",
        "gold_response"
    )]
    [InlineData("  main_steps: 2", "  spend_target: 1.5", "spend_target is 1.5", "spending: searches")]
    [InlineData("  main_steps: 2", "  price: 0.1", "price is 0.1, but nothing is charged for", "spending: searches")]
    [InlineData("  main_steps: 2", "  spending: searches\n  controller: one_sided", "is one_sided", "spend_target")]
    [InlineData("  main_steps: 2", "  credit_turns: true", "estimator group_relative", "advantage: same_turn")]
    [InlineData("  main_steps: 2", "  sampler_bound: 3", "sampler_bound is 3", "sampler_correction")]
    public async Task WrongOption_IsRefusedByName(string from, string to, string where, string expected)
    {
        using TinyRun run = new();
        run.Change("run.yaml", from, to);
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains(where, error);
        Assert.Contains(expected, error);
        Assert.DoesNotContain("   at ", error);
        Assert.False(Directory.Exists(run["out"]));
    }

    [Theory]
    [InlineData("config.json", "no config.json")]
    [InlineData("model.safetensors", "no model.safetensors")]
    [InlineData("tokenizer.json", "no tokenizer.json")]
    public async Task ModelFolderWithoutAFile_IsRefused(string name, string expected)
    {
        using TinyRun run = new();
        File.Delete(Path.Combine(run["model"], name));
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains(expected, error);
        Assert.Contains("Download", error);
    }

    [Fact]
    public async Task TruncatedSafetensors_IsRefused()
    {
        using TinyRun run = new();
        using (FileStream file = File.OpenWrite(Path.Combine(run["model"], "model.safetensors")))
            file.SetLength(file.Length - 100);
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains("model.safetensors", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public async Task TruncatedGguf_IsRefused()
    {
        using TinyRun run = new();
        using (FileStream whole = File.OpenRead(Shared.Path("models/smollm2-135m-instruct/model-q4_1.gguf")))
        using (FileStream cut = File.Create(run["cut.gguf"]))
        {
            byte[] beginning = new byte[3_000_000];
            whole.ReadExactly(beginning);
            cut.Write(beginning);
        }
        run.Change("run.yaml", "model: model", "model: cut.gguf");
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains("cut.gguf", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Theory]
    [InlineData(49_000)]
    [InlineData(60_000)]
    public async Task TokenizerOfAnotherModel_IsRefused(int rows)
    {
        using TinyRun run = new(rows);
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains($"{rows}", error);
        Assert.Contains("Take the tokenizer that was published with the model.", error);
    }

    [Fact]
    public async Task CorpusLineThatIsNoJson_IsRefusedWithItsNumber()
    {
        using TinyRun run = new();
        run.Change("corpus.jsonl", "{\"id\":\"p6\"", "{id:\"p6\"");
        (int code, _, string error) = await run.TrainAsync();

        Assert.Equal(2, code);
        Assert.Contains("corpus.jsonl, line 7 is not valid JSON", error);
    }

    [Fact]
    public async Task SettingWithoutValue_IsRefused()
    {
        using TinyRun run = new();
        (int code, _, string error) = await run.TrainAsync("--set", "seed");
        Assert.Equal(2, code);
        Assert.Contains("--set seed has no key=value", error);

        (code, _, error) = await run.TrainAsync("--set", "method.lamda=1");
        Assert.Equal(2, code);
        Assert.Contains("method.lamda", error);
        Assert.Contains("Did you mean method.lambda?", error);
    }
}
