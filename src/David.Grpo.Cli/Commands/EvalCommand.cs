using System.CommandLine;
using System.Text.Json;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;
using David.Grpo.Training;

namespace David.Grpo.Cli.Commands;

using Command = System.CommandLine.Command;

/// <summary>How <c>david eval</c> talks with the policy.</summary>
internal enum EvalProtocol
{
    /// <summary>The authors' textual tags, over questions and a corpus.</summary>
    Text,

    /// <summary>The embedded world's tags, over its evaluation world.</summary>
    World,
}

/// <summary><c>david eval</c>: answers questions with a model and scores the answers.</summary>
public static class EvalCommand
{
    public static Command Create()
    {
        EpisodeOptions limits = new();
        Option<string> model = new("--model", "-m")
        {
            Description = "A Hugging Face folder, a .gguf file, a checkpoint, or a run's folder (its last checkpoint)",
            HelpName = "PATH",
            Required = true,
        };
        Option<EvalProtocol> protocol = new("--protocol")
        {
            Description = "text: the authors' tags, over --questions and --corpus; world: the embedded world",
            DefaultValueFactory = _ => EvalProtocol.Text,
        };
        Option<string?> questions = new("--questions", "-q") { Description = "A file of questions", HelpName = "FILE" };
        Option<string?> corpus = new("--corpus", "-c") { Description = "A file of passages", HelpName = "FILE" };
        Option<string?> split = new("--split") { Description = "Only questions whose field \"split\" says this" };
        Option<int> first = Whole("--first", "Questions that are passed over first", 0, 0);
        Option<int> count = Whole("--count", "Questions; 0: all that follow", 200, 0);
        Option<string?> config = new("--config")
        {
            Description =
                "A file of david train, such as a run's config.yaml: its corpus, evaluation questions and limits stand in for "
                + "what is not given here",
            HelpName = "FILE.yaml",
        };
        Option<double?> temperature = new("--temperature")
        {
            Description = "Sampling temperature, 0 (greedy) to 10 [default: 0]",
        };
        temperature.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not null and not (>= 0 and <= 10))
                result.AddError($"--temperature is {result.Tokens[0].Value}; expected 0 (greedy) to 10.");
        });
        Option<long> seed = new("--seed") { Description = "Decides every random number", DefaultValueFactory = _ => 0 };
        Option<int?> maxSearches = Limit("--max-searches", "Searches that are answered", limits.MaxSearches, 0);
        Option<int?> topK = Limit("--top-k", "Passages a search", limits.TopK, 1);
        Option<int?> firstTurn = Limit(
            "--first-turn-tokens",
            "Tokens of the first turn, and of the last",
            limits.FirstTurnTokens,
            1
        );
        Option<int?> turn = Limit("--turn-tokens", "Tokens of the turns between", limits.TurnTokens, 1);
        Option<int?> response = Limit(
            "--response-tokens",
            "Tokens of a response, results included",
            limits.ResponseTokens,
            1
        );
        Option<int?> concurrent = Limit("--concurrent", "Episodes under way at once", limits.Concurrent, 1);
        Option<string?> instruction = new("--instruction")
        {
            Description = "A text file that comes before each question",
            HelpName = "FILE",
        };
        Option<string?> template = new("--chat-template")
        {
            Description = "A Jinja file in place of the model's own",
            HelpName = "FILE",
        };
        Option<string?> index = new("--index")
        {
            Description = "Where indices lie [default: ~/.cache/david-grpo]",
            HelpName = "FOLDER",
        };
        Option<string> device = new("--device")
        {
            Description = "cpu, cuda or cuda:N",
            DefaultValueFactory = _ => "cpu",
        };
        Option<int> threads = Whole("--threads", "Threads of one operation; 0: one a core", 0, 0);
        Option<string?> outFile = new("--out", "-o")
        {
            Description = "Writes a JSON line for each question",
            HelpName = "FILE.jsonl",
        };
        Option<bool> json = new("--json") { Description = "Prints the metrics as JSON in place of tables" };
        Command command = new(
            "eval",
            """
            Answers questions with a model that may search, and scores the answers.

            Reports exact match, F1, evidence coverage, searches, generated tokens and the share of answered questions, each
            with its 95 % percentile-bootstrap interval over questions, for all questions and for each kind.

            Examples:
              david eval --model runs/hotpotqa --config runs/hotpotqa/config.yaml
              david eval --model my-model/ --questions dev.jsonl.gz --corpus corpus.jsonl.gz --count 500 --out answers.jsonl
              david eval --model runs/demo/policy --protocol world --count 600
            """
        );
        foreach (
            Option option in (Option[])
                [
                    model,
                    protocol,
                    questions,
                    corpus,
                    split,
                    first,
                    count,
                    config,
                    temperature,
                    seed,
                    maxSearches,
                    topK,
                    firstTurn,
                    turn,
                    response,
                    concurrent,
                    instruction,
                    template,
                    index,
                    device,
                    threads,
                    outFile,
                    json,
                ]
        )
            command.Options.Add(option);
        command.SetAction(
            (result, cancellationToken) =>
                Failure.GuardAsync(
                    result.InvocationConfiguration.Error,
                    () =>
                    {
                        RunFile? file = result.GetValue(config) is { } path ? RunFile.Load(path, []) : null;
                        EpisodeOptions given = file?.Episode ?? limits;
                        bool isGiven(Option option) => result.GetResult(option) is { Implicit: false };
                        QuestionsSection? section = result.GetValue(questions) is { } named
                            ? new QuestionsSection { File = named, Split = result.GetValue(split) }
                            : file?.EvaluationQuestions;
                        return RunAsync(
                            new Request
                            {
                                Model = result.GetValue(model)!,
                                Protocol = result.GetValue(protocol),
                                Questions = section is null
                                    ? null
                                    : section with
                                    {
                                        Split = result.GetValue(split) ?? section.Split,
                                        First = isGiven(first) ? result.GetValue(first) : section.First,
                                    },
                                Count = isGiven(count)
                                    ? result.GetValue(count)
                                    : file?.Evaluation.Questions ?? result.GetValue(count),
                                Corpus = result.GetValue(corpus) ?? file?.Corpus,
                                Index = result.GetValue(index) ?? file?.Index,
                                Instruction = result.GetValue(instruction) ?? file?.Instruction,
                                ChatTemplate = result.GetValue(template) ?? file?.ChatTemplate,
                                Temperature = result.GetValue(temperature) ?? file?.Evaluation.Temperature ?? 0,
                                Seed = result.GetValue(seed),
                                Episode = given with
                                {
                                    MaxSearches = result.GetValue(maxSearches) ?? given.MaxSearches,
                                    TopK = result.GetValue(topK) ?? given.TopK,
                                    FirstTurnTokens = result.GetValue(firstTurn) ?? given.FirstTurnTokens,
                                    TurnTokens = result.GetValue(turn) ?? given.TurnTokens,
                                    ResponseTokens = result.GetValue(response) ?? given.ResponseTokens,
                                    Concurrent = result.GetValue(concurrent) ?? given.Concurrent,
                                },
                                Device = isGiven(device) ? result.GetValue(device)! : file?.Device ?? "cpu",
                                Threads = isGiven(threads) ? result.GetValue(threads) : file?.Threads ?? 0,
                                Out = result.GetValue(outFile),
                                Json = result.GetValue(json),
                            },
                            result.InvocationConfiguration.Output,
                            result.InvocationConfiguration.Error,
                            cancellationToken
                        );
                    }
                )
        );
        return command;
    }

    private sealed record Request
    {
        public required string Model { get; init; }
        public required EvalProtocol Protocol { get; init; }
        public required QuestionsSection? Questions { get; init; }
        public required int Count { get; init; }
        public required string? Corpus { get; init; }
        public required string? Index { get; init; }
        public required string? Instruction { get; init; }
        public required string? ChatTemplate { get; init; }
        public required double Temperature { get; init; }
        public required long Seed { get; init; }
        public required EpisodeOptions Episode { get; init; }
        public required string Device { get; init; }
        public required int Threads { get; init; }
        public required string? Out { get; init; }
        public required bool Json { get; init; }
    }

    private static async Task<int> RunAsync(
        Request request,
        TextWriter writer,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        // With --json the output is the document alone; what is said besides goes to the error stream.
        Screen screen = new(request.Json ? error : writer);
        Device device = Failure.DeviceOf(request.Device);
        Torch.Threads = request.Threads == 0 ? Environment.ProcessorCount : request.Threads;
        using FileStream? outcomes = request.Out is { } file ? File.Create(file) : null;
        using ModelSource model = ModelSource.Open(request.Model);
        (TrainingTask task, IDisposable? corpus) =
            request.Protocol == EvalProtocol.World
                ? (World(model, request), null)
                : Text(model, request, screen, cancellationToken);
        using (corpus)
        using (Decoder policy = model.Load(device))
        {
            screen.Line($"model       {model.Path}: {policy.ParameterCount:N0} parameters");
            EvaluationResult result = await screen
                .WithStatusAsync(() =>
                    Evaluator.RunAsync(
                        policy,
                        task,
                        task.Evaluation.Questions.Count,
                        request.Temperature,
                        Seeds.OfInt64(request.Seed),
                        new EngineOptions { MaxEpisodes = request.Episode.Concurrent },
                        (done, of) => screen.Status($"{done} of {of} questions"),
                        cancellationToken
                    )
                )
                .ConfigureAwait(false);
            if (outcomes is not null)
                foreach (OutcomeRecord outcome in OutcomeRecord.Of(result))
                {
                    JsonSerializer.Serialize(outcomes, outcome, RunJson.Line);
                    outcomes.WriteByte((byte)'\n');
                }
            if (request.Json)
                await writer
                    .WriteLineAsync(JsonSerializer.Serialize(EvaluationMetrics.Of(result, 0, 0, 0), RunJson.Document))
                    .ConfigureAwait(false);
            else
            {
                screen.Line();
                screen.Show(EvaluationTable.Of(result));
            }
            return 0;
        }
    }

    private static (TrainingTask, IDisposable) Text(
        ModelSource model,
        Request request,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        if (request.Questions is not { } section || request.Corpus is not { } corpus)
            throw new InvalidDataException(
                "The text protocol needs --questions FILE and --corpus FILE, or --config FILE.yaml that names both."
            );
        (TextAgentProtocol protocol, Tokenizer tokenizer, int[] ends) = model.Protocol(
            request.Episode,
            request.Instruction,
            request.ChatTemplate
        );
        QuestionRecord[] questions = TextData.Read(section with { Count = request.Count }, cancellationToken);
        Bm25Index index = TextData.Open(corpus, request.Index, screen, cancellationToken);
        return (
            TextTask.Create([], [.. questions.Select(record => record.Question)], [], index, protocol, tokenizer, ends),
            index
        );
    }

    private static TrainingTask World(ModelSource model, Request request) =>
        model.Config.VocabularySize == Grpo.World.Vocabulary.Length
            ? WorldTask.Create(
                seed: 0,
                trainingQuestions: 1,
                evaluationQuestions: request.Count == 0 ? 200 : request.Count,
                experts: 1
            )
            : throw new InvalidDataException(
                $"{model.Path} has a vocabulary of {model.Config.VocabularySize}; the embedded world has "
                    + $"{Grpo.World.Vocabulary.Length} words. Take a model of the world, or --protocol text."
            );

    private static Option<int> Whole(string name, string description, int value, int least)
    {
        Option<int> option = new(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < least)
                result.AddError($"{name} is {result.Tokens[0].Value}; expected a whole number of at least {least}.");
        });
        return option;
    }

    private static Option<int?> Limit(string name, string description, int value, int least)
    {
        Option<int?> option = new(name) { Description = $"{description} [default: {value}]" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < least)
                result.AddError($"{name} is {result.Tokens[0].Value}; expected a whole number of at least {least}.");
        });
        return option;
    }
}
