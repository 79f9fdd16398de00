using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Answering;
using David.Grpo.Documents;
using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Search;
using David.Grpo.Tasks;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;

namespace David.Grpo.Cli;

/// <summary>Who answers, and from what: the options of <c>david ask</c> and <c>david ask calibrate</c>.</summary>
internal record AskRequest
{
    [Description("The embedded world of this number in place of documents; its language is closed")]
    [Shown("N")]
    public int? World { get; init; }

    [Description(
        "Documents as one of several tools, again for each: the policy's query goes to the tool that it names "
            + "(tickets: printer status=open), or to all; fields are those of the tables and JSON records"
    )]
    [Shown("NAME=PATH", Name = "tool")]
    public string[] Tools { get; init; } = [];

    [Description(
        "A Hugging Face folder, a .gguf file, a checkpoint or a run's folder; without one a sentence of the documents is "
            + "quoted, and in the world the shipped base policy answers"
    )]
    [Shown("PATH", Alias = "-m")]
    public string? Model { get; init; }

    [Description(
        "Searches for the question in the policy's name at once, and lets it read and answer: for models that were not trained "
            + "to search"
    )]
    public bool RetrieveFirst { get; init; }

    [Description("Never searches in the policy's name, not even where it found nothing by itself")]
    public bool PolicyOnly { get; init; }

    [Description(
        "Searches in the policy's name at most; another is made only where what was read does not bear out the answer"
    )]
    [Range(1, int.MaxValue)]
    public int Depth { get; init; } = 1;

    [Description("Passages a search [default: 3, in the world 2]")]
    [Range(1, int.MaxValue)]
    public int? TopK { get; init; }

    [Description("Searches of the policy's own that are answered")]
    [Range(0, int.MaxValue)]
    public int MaxSearches { get; init; } = 4;

    [Description("Tokens that the policy may write in one turn")]
    [Range(1, int.MaxValue)]
    public int TurnTokens { get; init; } = 256;

    [Description("Answers early by this file of david calibrate")]
    [Shown("FILE.json")]
    public string? Exit { get; init; }

    public Sampling Sampling { get; init; } = new();

    public DocumentSource Documents { get; init; } = new();

    /// <summary>Whether what is searched is named by an option, so that all words are the question.</summary>
    public bool NamesNoFolder => World is not null || Tools.Length > 0;

    private int PassagesASearch => TopK ?? new EpisodeOptions().TopK;

    /// <summary>Opens documents, tools or the world, and the model.</summary>
    /// <param name="folder">The documents; null where an option names what is searched.</param>
    /// <param name="rule">When answers are given, from the conditions and the corpus; null: the default.</param>
    /// <param name="found">Told of each search.</param>
    public AskSession Open(
        string? folder,
        Screen screen,
        Func<AnswerConditions, string, AnswerThreshold?> rule,
        Action<string, Passage[]> found,
        CancellationToken cancellationToken
    )
    {
        if (RetrieveFirst && PolicyOnly)
            throw new InvalidDataException("--retrieve-first and --policy-only say the opposite; give one of them.");
        if (World is not null && Tools.Length > 0)
            throw new InvalidDataException("--world and --tool are two places to search; give one of them.");
        AskSession session = new();
        try
        {
            (ISearchEnvironment search, string corpus, string? tools) = World is { } number
                ? (OpenWorld(number, session), $"world {number}", null)
                : OpenDocuments(session, folder!, screen, cancellationToken);
            session.Corpus = corpus;
            WatchedSearch watched = new(search, found);
            if (Model is null && World is null)
            {
                screen.Line("model       none: a sentence of the documents is quoted; --model names one that answers");
                QuotingAnswerer quoting = new(watched, PassagesASearch, Depth);
                session.Answerer = rule(quoting.Conditions, corpus) is { } calibrated
                    ? new QuotingAnswerer(watched, PassagesASearch, Depth, calibrated)
                    : quoting;
            }
            else
                OpenPolicy(session, watched, tools, rule, screen);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private WorldSearchEnvironment OpenWorld(int number, AskSession session)
    {
        EmbeddedWorld world = Grpo.World.Generate(Grpo.World.EvaluationSeed(number));
        session.World = world;
        return new WorldSearchEnvironment(WorldSearch.Index(world.Passages));
    }

    private (ISearchEnvironment, string, string?) OpenDocuments(
        AskSession session,
        string folder,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        DocumentCorpus Read(string path, string name)
        {
            DocumentCorpus corpus = Documents.Open(path, screen, cancellationToken);
            session.Keep(corpus);
            screen.Line($"{name, -11} {DocumentTable.InWords(corpus)}");
            return corpus;
        }

        if (Tools.Length == 0)
        {
            DocumentCorpus corpus = Read(folder, "documents");
            if (corpus.Passages == 0)
                throw new InvalidDataException(
                    $"{folder} has no document that could be read. Run david index {folder} to see why; read are "
                        + $"{string.Join(' ', DocumentCorpus.Extensions)}."
                );
            return (corpus, corpus.Sha256, null);
        }
        DocumentTool[] tools =
        [
            .. Tools.Select(Tool).Select(tool => new DocumentTool(tool.Name, Read(tool.Path, tool.Name))),
        ];
        ToolBox box;
        try
        {
            box = new ToolBox(tools);
        }
        catch (ArgumentException wrong)
        {
            throw new InvalidDataException($"--tool: {wrong.Message}", wrong);
        }
        return (
            box,
            RunFile.Hash(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', session.Hashes))),
            box.Describe()
        );
    }

    private void OpenPolicy(
        AskSession session,
        ISearchEnvironment search,
        string? tools,
        Func<AnswerConditions, string, AnswerThreshold?> rule,
        Screen screen
    )
    {
        Device device = Sampling.Open();
        ModelSource model = ModelSource.Open(Model ?? BasePolicy.Folder);
        session.Keep(model);
        bool isOfWorld = model.Config.VocabularySize == Grpo.World.Vocabulary.Length;
        if (isOfWorld != (session.World is not null))
            throw new InvalidDataException(
                isOfWorld
                    ? $"{model.Path} knows the words of the embedded world alone and cannot read documents. Give a language model, or ask "
                        + "the world with --world N."
                    : $"{model.Path} has a vocabulary of {model.Config.VocabularySize}; the embedded world has "
                        + $"{Grpo.World.Vocabulary.Length} words. Leave --model out for the shipped policy, or give one that was "
                        + "trained in the world."
            );
        IAgentProtocol protocol = isOfWorld
            ? new WorldAgentProtocol(
                new TagProtocol.Settings(
                    Math.Min(MaxSearches, TagProtocol.Default.MaxSearches),
                    TagProtocol.Default.QueryWords,
                    TagProtocol.Default.AnswerWords,
                    TopK ?? TagProtocol.Default.TopK
                )
            )
            : TextProtocolOf(model, tools);
        ExitFile? exit = Exit is { } named ? ExitFile.Read(named) : null;
        if (
            exit?.Check(
                new ExitConditions(
                    model.Files.Fingerprint,
                    isOfWorld ? "world" : "text",
                    Sampling.Temperature,
                    protocol.MaxSearches,
                    protocol.TopK
                ),
                Exit!
            ) is
            { } differs
        )
            screen.Line($"note        {differs}");
        Decoder policy = model.Load(device);
        session.Keep(policy);
        screen.Line(
            $"model       {(Model is null ? "the shipped base policy" : model.Path)}: {policy.ParameterCount:N0} parameters"
        );
        PolicyAnswerOptions options = new()
        {
            Plan =
                RetrieveFirst ? SearchPlan.Engine
                : PolicyOnly ? SearchPlan.Policy
                : SearchPlan.PolicyThenEngine,
            Depth = Depth,
            Temperature = Sampling.Temperature,
            Seed = Seed.OfInt64(Sampling.Seed),
            Exits = exit?.Policy(model.Config.VocabularySize),
        };
        PassageReading? reading = null;
        if (!isOfWorld)
        {
            (Tokenizer tokenizer, ChatTemplate template, int[] ends) = model.Speech(Sampling.ChatTemplate);
            reading = new PassageReading(tokenizer, template, ends, protocol.TopK, model.Config.MaxPositions);
        }
        PolicyAnswerer Create(AnswerThreshold? given)
        {
            PolicyAnswerer answerer = new(
                policy,
                model.Files.Fingerprint,
                protocol,
                search,
                options with
                {
                    Rule = given,
                },
                reading
            );
            session.Keep(answerer);
            return answerer;
        }

        PolicyAnswerer answerer = Create(null);
        session.Answerer = rule(answerer.Conditions, session.Corpus) is { } calibrated ? Create(calibrated) : answerer;
    }

    private static (string Name, string Path) Tool(string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is > 0 and int at && at + 1 < text.Length
            ? (text[..at].Trim(), text[(at + 1)..])
            : throw new InvalidDataException(
                $"--tool is \"{text}\"; expected NAME=PATH, such as --tool tickets=desk/tickets.jsonl"
            );

    private TextAgentProtocol TextProtocolOf(ModelSource model, string? tools)
    {
        EpisodeOptions episode = new()
        {
            MaxSearches = MaxSearches,
            TopK = PassagesASearch,
            FirstTurnTokens = TurnTokens,
            TurnTokens = TurnTokens,
            // What a policy reads and writes has to stay within its context, after a prompt of some hundred tokens.
            ResponseTokens = Math.Max(
                256,
                Math.Min(new EpisodeOptions().ResponseTokens, model.Config.MaxPositions - 512)
            ),
        };
        TextAgentProtocol protocol = model.Protocol(episode, Sampling.Instruction, Sampling.ChatTemplate).Protocol;
        if (tools is null)
            return protocol;
        string instruction = Sampling.Instruction is { } file
            ? File.ReadAllText(file).TrimEnd()
            : TextProtocol.Instruction;
        Tokenizer tokenizer = model.Tokenizer();
        return new TextAgentProtocol(
            TextTask.Settings(episode),
            tokenizer,
            Sampling.ChatTemplate is { } template
                ? new ChatTemplate(File.ReadAllText(template))
                : ChatTemplate.Of(tokenizer),
            TextTask.EndTokens(model.Config, tokenizer, (model.Path, model.Path)),
            $"{tools}\n{instruction}"
        );
    }
}

/// <summary>What answers, with all that it holds open.</summary>
internal sealed class AskSession : IDisposable
{
    private readonly Stack<IDisposable> held = [];

    public IAnswerer Answerer { get; set; } = null!;

    /// <summary>What a calibration is tied to besides the reader.</summary>
    public string Corpus { get; set; } = "";

    /// <summary>The embedded world; null where documents are asked.</summary>
    public EmbeddedWorld? World { get; set; }

    /// <summary>Of the documents' corpora, in the order of their opening.</summary>
    public IEnumerable<string> Hashes => held.OfType<DocumentCorpus>().Reverse().Select(corpus => corpus.Sha256);

    public void Keep(IDisposable thing) => held.Push(thing);

    public void Dispose()
    {
        while (held.TryPop(out IDisposable? thing))
            thing.Dispose();
    }
}
