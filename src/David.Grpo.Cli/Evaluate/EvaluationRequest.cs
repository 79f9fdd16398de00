using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
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

/// <summary>A policy and the questions that it is asked: the options of commands that ask.</summary>
internal record EvaluationRequest
{
    [Description("A Hugging Face folder, a .gguf file, a checkpoint, or a run's folder (its last checkpoint)")]
    [Shown("PATH", Alias = "-m")]
    public required string Model { get; init; }

    [Description(
        "How the policy is talked with. text: the authors' tags, over --questions and --corpus; world: the embedded world"
    )]
    public EvalProtocol Protocol { get; init; }

    [Description("A file of questions")]
    [Shown("FILE", Alias = "-q")]
    public string? Questions { get; init; }

    [Description("A file of passages")]
    [Shown("FILE", Alias = "-c")]
    public string? Corpus { get; init; }

    [Description("Only questions whose field \"split\" says this")]
    public string? Split { get; init; }

    [Description("Questions that are passed over first")]
    [Range(0, int.MaxValue)]
    public int First { get; init; }

    [Description("Questions; 0: all that follow")]
    [Range(0, int.MaxValue)]
    public int Count { get; init; } = 200;

    [Description(
        "With --protocol world, the number of the evaluation world; david calibrate and study go on to the next after 250 questions"
    )]
    [Range(0, int.MaxValue)]
    public int World { get; init; }

    [Description(
        "A file of david train: its corpus, evaluation questions, temperature and limits stand in for what is not given here; of a run, its own"
    )]
    [Shown("FILE.yaml")]
    public string? Config { get; init; }

    public EpisodeOptions Episode { get; init; } = new();

    public Sampling Sampling { get; init; } = new();

    [Description("Where indices lie [default: ~/.cache/david-grpo]")]
    [Shown("FOLDER")]
    public string? Index { get; init; }

    /// <summary>
    /// What the command line gives; for the rest, what the file of --config does, and where a run is asked, what it was evaluated
    /// with.
    /// </summary>
    public static T Read<T>(CommandOptions<T> options, ParseResult result)
        where T : EvaluationRequest
    {
        T given = options.Read(result);
        string? run = RunOf(given.Model);
        string? own = run is null ? null : Path.Combine(run, "config.yaml");
        if ((given.Config ?? (File.Exists(own) ? own : null)) is { } path)
            return options.Read(result, With(given, RunFile.Load(path, [])));
        if (run is null || RunDescription.Read(run)?.Options["evaluation"]?["temperature"] is not { } temperature)
            return given;
        // A run without a file of its own is one on the embedded world.
        return options.Read(
            result,
            given with
            {
                Protocol = EvalProtocol.World,
                Sampling = given.Sampling with { Temperature = temperature.GetValue<double>() },
            }
        );
    }

    /// <summary>The folder of the run that a model is of: itself, or the one that its checkpoint lies in.</summary>
    private static string? RunOf(string model) =>
        new[] { model, Path.Combine(model, "..", "..") }.FirstOrDefault(folder =>
            File.Exists(Path.Combine(folder, RunDescription.FileName))
        );

    private static T With<T>(T given, RunFile file)
        where T : EvaluationRequest
    {
        T defaults = given with
        {
            Count = file.Evaluation.Questions,
            Corpus = file.Corpus,
            Episode = file.Episode,
            Index = file.Index,
            Sampling = given.Sampling with
            {
                Temperature = file.Evaluation.Temperature,
                Instruction = file.Instruction,
                ChatTemplate = file.ChatTemplate,
                Device = file.Device,
                Threads = file.Threads,
            },
        };
        return given.Questions is null
            ? defaults with
            {
                Questions = file.EvaluationQuestions.File,
                Split = file.EvaluationQuestions.Split,
                First = file.EvaluationQuestions.First,
            }
            : defaults;
    }

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
            Sampling.Temperature,
            protocol.MaxSearches,
            protocol.TopK
        );

    private (TrainingTask, IDisposable) OpenText(ModelSource model, Screen screen, CancellationToken cancellationToken)
    {
        if (Questions is not { } file || Corpus is not { } corpus)
            throw new InvalidDataException(
                "The text protocol needs --questions FILE and --corpus FILE, or --config FILE.yaml that names both."
            );
        (TextAgentProtocol protocol, Tokenizer tokenizer, int[] ends) = model.Protocol(
            Episode,
            Sampling.Instruction,
            Sampling.ChatTemplate
        );
        QuestionsSection section = new()
        {
            File = file,
            Split = Split,
            First = First,
            Count = Count,
        };
        QuestionRecord[] questions = TextData.Read(section, cancellationToken);
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
