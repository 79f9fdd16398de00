using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Search;
using David.Grpo.Tasks;
using David.Grpo.Tokenization;

namespace David.Grpo.Cli;

/// <summary>How commands talk with the policy.</summary>
internal enum EvalProtocol
{
    /// <summary>The authors' textual tags, over questions and a corpus.</summary>
    Text,

    /// <summary>The embedded world's tags, over its evaluation worlds.</summary>
    World,
}

/// <summary>A policy and the questions that it is asked.</summary>
internal sealed record EvaluationRequest
{
    public required string Model { get; init; }
    public required EvalProtocol Protocol { get; init; }
    public required QuestionsSection? Questions { get; init; }

    /// <summary>0: all that there are.</summary>
    public required int Count { get; init; }

    /// <summary>The number of the evaluation world, of the first where there are several.</summary>
    public required int World { get; init; }
    public required string? Corpus { get; init; }
    public required string? Index { get; init; }
    public required string? Instruction { get; init; }
    public required string? ChatTemplate { get; init; }
    public required double Temperature { get; init; }
    public required long Seed { get; init; }
    public required EpisodeOptions Episode { get; init; }
    public required string Device { get; init; }
    public required int Threads { get; init; }

    /// <summary>The questions with what answers them; in the world, all of one evaluation world.</summary>
    public (TrainingTask Task, IDisposable? Corpus) Open(
        ModelSource model,
        Screen screen,
        CancellationToken cancellationToken
    ) =>
        Protocol == EvalProtocol.World
            ? (EvaluationWorld(model, World, Count == 0 ? 200 : Count), null)
            : OpenText(model, screen, cancellationToken);

    /// <summary>
    /// The same, but in the world from as many evaluation worlds as it takes, each with its own names, so that what is
    /// measured does not hang on one.
    /// </summary>
    public (TrainingTask[] Tasks, IDisposable? Corpus) OpenMany(
        ModelSource model,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        if (Protocol == EvalProtocol.Text)
        {
            (TrainingTask task, IDisposable corpus) = OpenText(model, screen, cancellationToken);
            return ([task], corpus);
        }
        RequireWorld(model);
        return (ExitRecording.Worlds(Count == 0 ? 250 : Count, World), null);
    }

    /// <summary>What an exit is calibrated for.</summary>
    public ExitConditions Conditions(ModelSource model, IAgentProtocol protocol) =>
        new(
            model.Files.Fingerprint,
            Protocol == EvalProtocol.World ? "world" : "text",
            Temperature,
            protocol.MaxSearches,
            protocol.TopK
        );

    private (TrainingTask, IDisposable) OpenText(ModelSource model, Screen screen, CancellationToken cancellationToken)
    {
        if (Questions is not { } section || Corpus is not { } corpus)
            throw new InvalidDataException(
                "The text protocol needs --questions FILE and --corpus FILE, or --config FILE.yaml that names both."
            );
        (TextAgentProtocol protocol, Tokenizer tokenizer, int[] ends) = model.Protocol(
            Episode,
            Instruction,
            ChatTemplate
        );
        QuestionRecord[] questions = TextData.Read(section with { Count = Count }, cancellationToken);
        Bm25Index index = TextData.Open(corpus, Index, screen.Indexing(corpus), cancellationToken);
        screen.Line($"corpus      {corpus}: {index.Passages:N0} passages");
        return (
            TextTask.Create([], [.. questions.Select(record => record.Question)], [], index, protocol, tokenizer, ends),
            index
        );
    }

    private static TrainingTask EvaluationWorld(ModelSource model, int number, int count)
    {
        RequireWorld(model);
        return WorldTask.Create(
            seed: 0,
            trainingQuestions: 1,
            evaluationQuestions: count,
            evaluationWorld: number,
            experts: 1
        );
    }

    private static void RequireWorld(ModelSource model)
    {
        if (model.Config.VocabularySize != Grpo.World.Vocabulary.Length)
            throw new InvalidDataException(
                $"{model.Path} has a vocabulary of {model.Config.VocabularySize}; the embedded world has "
                    + $"{Grpo.World.Vocabulary.Length} words. Take a model of the world, or --protocol text."
            );
    }
}
