using System.Text.Json;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Cli;

public sealed class EvalCommandTests
{
    [Fact]
    public async Task Eval_OfARun_GivesItsLastEvaluation()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync("--set", "method.main_steps=0")).Code);
        EvaluationMetrics trained = Last(Path.Combine(run["out"], "metrics.jsonl"));

        (int code, string output, _) = await TinyRun.EvalAsync(
            "--model",
            run["out"],
            "--out",
            run["answers.jsonl"],
            "--json"
        );

        Assert.Equal(0, code);
        EvaluationMetrics evaluated = JsonSerializer.Deserialize<EvaluationMetrics>(output, RunJson.Document)!;
        Assert.Equal(3, evaluated.Questions);
        Assert.Equal(trained.GeneratedTokens, evaluated.GeneratedTokens);
        Assert.Equal(trained.Coverage, evaluated.Coverage);
        Assert.Equal(trained.Intervals["generated_tokens"], evaluated.Intervals["generated_tokens"]);
        Assert.Equal(
            File.ReadAllText(Path.Combine(run["out"], "evaluations/step-000001.jsonl")),
            File.ReadAllText(run["answers.jsonl"])
        );
    }

    [Theory]
    [InlineData("", "sampling    temperature 0.6, seed 0")]
    [InlineData("--temperature 0", "sampling    greedy")]
    public async Task Eval_OfARun_IsSampledAsTheRunWas(string options, string expected)
    {
        using TinyRun run = new();
        await run.TrainAsync("--set", "method.main_steps=0", "--set", "evaluation.temperature=0.6");
        string checkpoint = Directory.GetDirectories(Path.Combine(run["out"], "checkpoints"))[^1];
        foreach (string model in (string[])[run["out"], checkpoint])
        {
            string[] given = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            (int code, string output, _) = await TinyRun.EvalAsync(["--model", model, .. given]);
            Assert.Equal(0, code);
            Assert.Contains(expected, output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Eval_OfARunOnTheWorld_IsAskedAsTheRunWas()
    {
        using Scratch scratch = new();
        await ToyRun.TrainAsync(scratch["run"], ToyRun.Options("grpo", rollouts: 72));
        (int code, string output, _) = await TinyRun.EvalAsync("--model", scratch["run"], "--count", "6");
        Assert.Equal(0, code);
        Assert.Contains("sampling    temperature 0.6", output, StringComparison.Ordinal);
        Assert.Contains("6 questions", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_OnNamedFiles_ShowsATable()
    {
        using TinyRun run = new();
        (int code, string output, string error) = await TinyRun.EvalAsync([
            "--model",
            run["model"],
            "--questions",
            run["questions.jsonl"],
            "--corpus",
            run["corpus.jsonl"],
            "--index",
            run["index"],
            "--count",
            "4",
            "--first",
            "1",
            "--response-tokens",
            "12",
            "--threads",
            "1",
        ]);

        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("4 questions, means with 95 % intervals", output);
        Assert.Contains("bridge (2)", output);
        Assert.Contains("comparison (2)", output);
        foreach (string measure in (string[])["exact match", "F1", "coverage", "searches", "tokens", "answered"])
            Assert.Contains(measure, output);
    }

    [Fact]
    public async Task Eval_WithoutQuestions_SaysWhatToGive()
    {
        using TinyRun run = new();
        (int code, _, string error) = await TinyRun.EvalAsync("--model", run["model"]);
        Assert.Equal(2, code);
        Assert.Contains("--questions FILE and --corpus FILE, or --config", error);
    }

    [Fact]
    public async Task Eval_OfAFolderOfRuns_SaysWhichThereAre()
    {
        using Scratch scratch = new();
        foreach (string run in (string[])["david/seed-1", "david/seed-2"])
            Directory.CreateDirectory(scratch[$"demo/{run}/checkpoints"]);
        foreach (
            (string model, string named) in new[]
            {
                ("demo", "demo/david/seed-1, "),
                ("demo/david", "david/seed-2. Name one"),
            }
        )
        {
            (int code, _, string error) = await TinyRun.EvalAsync("--model", scratch[model], "--protocol", "world");
            Assert.Equal(2, code);
            Assert.Contains("holds the runs", error, StringComparison.Ordinal);
            Assert.Contains(named, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Eval_OfAnotherModelInTheWorld_IsRefused()
    {
        using TinyRun run = new();
        (int code, _, string error) = await TinyRun.EvalAsync("--model", run["model"], "--protocol", "world");
        Assert.Equal(2, code);
        Assert.Contains("has a vocabulary of 49152", error);
    }

    [Theory]
    [InlineData("--temperature", "-1")]
    [InlineData("--count", "-3")]
    [InlineData("--top-k", "0")]
    public async Task Eval_OutOfRange_IsRefused(string option, string value)
    {
        (int code, _, string error) = await TinyRun.EvalAsync("--model", "x", option, value);
        Assert.Equal(2, code);
        Assert.Contains($"{option} is {value}; expected", error);
    }

    private static EvaluationMetrics Last(string path) =>
        JsonSerializer.Deserialize<EvaluationMetrics>(File.ReadLines(path).Last(), RunJson.Line)!;
}
