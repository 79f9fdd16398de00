using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Cli;
using David.Grpo.Formats;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Cli;

using Command = System.CommandLine.Command;

/// <summary>A run of seconds: a random model of two layers with SmolLM2's tokenizer, 20 passages, 10 questions, 2 experts.</summary>
internal sealed class TinyRun : IDisposable
{
    private readonly Scratch scratch = new();

    public TinyRun(int rows = 49_152)
    {
        WriteModel(rows);
        scratch.Write("corpus.jsonl", string.Concat(Enumerable.Range(0, 20).Select(Passage)));
        scratch.Write(
            "questions.jsonl",
            string.Concat(Enumerable.Range(0, 10).Select(i => Line(Question(i, i < 6 ? "train" : "dev"))))
        );
        scratch.Write("experts.jsonl", string.Concat(Enumerable.Range(10, 2).Select(Expert)));
        scratch.Write(
            "run.yaml",
            """
            model: model
            corpus: corpus.jsonl
            index: index
            questions:
              file: questions.jsonl
              split: train
            evaluation_questions:
              file: questions.jsonl
              split: dev
            experts:
              file: experts.jsonl
            out: out
            threads: 1
            method:
              bootstrap_steps: 1
              bootstrap_group_size: 2
              main_steps: 2
              questions_per_step: 2
              group_size: 2
              continuations: 1
              bootstrap_learning_rate: 0.001
              learning_rate: 0.001
            episode:
              max_searches: 1
              first_turn_tokens: 10
              turn_tokens: 10
              response_tokens: 24
            evaluation:
              questions: 3
              every: 0
            checkpoint_every: 1
            checkpoints_kept: 9
            gradient_checkpointing: true
            """
        );
    }

    public string this[string name] => scratch[name];

    public string Write(string name, string text) => scratch.Write(name, text);

    /// <summary>Writes the model anew, with so many rows of embedding.</summary>
    public void WriteModel(int rows)
    {
        using Decoder decoder = Decoder.Random(
            new ModelConfig
            {
                Architecture = Architecture.Llama,
                VocabularySize = rows,
                HiddenSize = 32,
                IntermediateSize = 64,
                Layers = 2,
                Heads = 2,
                KeyValueHeads = 1,
                HeadDimension = 16,
                RmsNormEpsilon = 1e-5,
                RopeTheta = 1e4,
                TieWordEmbeddings = true,
                MaxPositions = 2048,
                EndOfSequenceIds = [2],
            },
            Seed.OfInt64(1)
        );
        ModelFolder.Write(this["model"], decoder, Shared.Path("models/smollm2-135m-instruct"));
    }

    /// <summary>Puts one text for another into a file, which must hold it once.</summary>
    public void Change(string name, string from, string to)
    {
        string text = File.ReadAllText(this[name]);
        Assert.Equal(2, text.Split(from).Length);
        File.WriteAllText(this[name], text.Replace(from, to, StringComparison.Ordinal));
    }

    public Task<(int Code, string Output, string Error)> TrainAsync(params string[] arguments) =>
        InvokeAsync(TrainCommand.Create(), [this["run.yaml"], .. arguments]);

    public static Task<(int Code, string Output, string Error)> EvalAsync(params string[] arguments) =>
        InvokeAsync(EvalCommand.Create(), arguments);

    public static Task<(int Code, string Output, string Error)> ExportAsync(params string[] arguments) =>
        InvokeAsync(ExportCommand.Create(), arguments);

    public static Task<(int Code, string Output, string Error)> CompareAsync(params string[] arguments) =>
        InvokeAsync(CompareCommand.Create(), arguments);

    /// <summary>A command ended with 0; else says what it said.</summary>
    public static void Succeeded((int Code, string Output, string Error) end) =>
        Assert.True(end.Code == 0, $"ended with {end.Code}: {end.Error}");

    /// <summary>The lines of a run's metrics without what differs from run to run: seconds.</summary>
    public string[] Metrics(string folder) =>
        [
            .. File.ReadLines(Path.Combine(this[folder], "metrics.jsonl"))
                .Select(line =>
                {
                    JsonObject metrics = JsonNode.Parse(line)!.AsObject();
                    foreach (
                        string name in metrics
                            .Select(field => field.Key)
                            .Where(key => key.EndsWith("seconds", StringComparison.Ordinal))
                            .ToArray()
                    )
                        metrics.Remove(name);
                    return metrics.ToJsonString();
                }),
        ];

    public byte[] Weights(string folder, int step) =>
        File.ReadAllBytes(Path.Combine(this[folder], "checkpoints", $"step-{step:D6}", "model.safetensors"));

    public void Dispose() => scratch.Dispose();

    public static async Task<(int Code, string Output, string Error)> InvokeAsync(Command command, string[] arguments)
    {
        StringWriter output = new();
        StringWriter error = new();
        int code = await CommandLine.RunAsync(command, arguments, output, error, TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }

    private static string Passage(int i) =>
        Line(
            new JsonObject
            {
                ["id"] = $"p{i}",
                ["title"] = $"Town {i}",
                ["text"] = $"Town {i} was founded by person {i}. It lies on river {i % 5}.",
            }
        );

    private static JsonObject Question(int i, string split) =>
        new()
        {
            ["id"] = $"q{i}",
            ["split"] = split,
            ["question"] = $"Who founded the town number {i} on the river?",
            ["answers"] = new JsonArray($"person {i}"),
            ["type"] = i % 2 == 0 ? "bridge" : "comparison",
            ["gold"] = new JsonArray($"p{i}"),
            ["gold_titles"] = new JsonArray($"Town {i}"),
        };

    private static string Expert(int i)
    {
        JsonObject question = Question(i, "train");
        question["gold_response"] =
            $"I look. <begin_search>Town {i}</end_search>\n\n<search_result> result 1: \"Town {i}\"\nTown {i} was founded by "
            + $"person {i}. </search_result>\n\nIt is person {i}. </think>\n\n\\boxed{{person {i}}}";
        return Line(question);
    }

    private static string Line(JsonNode json) => json.ToJsonString() + "\n";
}
