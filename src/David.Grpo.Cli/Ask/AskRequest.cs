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

/// <summary>Who answers, and from what.</summary>
internal sealed record AskRequest
{
    public required string? Folder { get; init; }
    public required int? World { get; init; }
    public required (string Name, string Path)[] Tools { get; init; }
    public required string? Model { get; init; }
    public required SearchPlan Plan { get; init; }
    public required int Depth { get; init; }
    public required int? TopK { get; init; }
    public required EpisodeOptions Episode { get; init; }
    public required string? Exit { get; init; }
    public required double Temperature { get; init; }
    public required long Seed { get; init; }
    public required string? Instruction { get; init; }
    public required string? ChatTemplate { get; init; }
    public required string Device { get; init; }
    public required int Threads { get; init; }
    public required DocumentOptions Documents { get; init; }
    public required string Index { get; init; }

    /// <summary>Opens documents, tools or the world, and the model.</summary>
    /// <param name="rule">When answers are given, from the conditions and the corpus; null: the default.</param>
    /// <param name="found">Told of each search.</param>
    public AskSession Open(
        Screen screen,
        Func<AnswerConditions, string, AnswerRule?> rule,
        Action<string, Passage[]> found,
        CancellationToken cancellationToken
    )
    {
        AskSession session = new();
        try
        {
            (ISearchEnvironment search, string corpus, string? tools) = World is { } number
                ? (OpenWorld(number, session), $"world {number}", null)
                : OpenDocuments(session, screen, cancellationToken);
            session.Corpus = corpus;
            WatchedSearch watched = new(search, found);
            if (Model is null && World is null)
            {
                screen.Line("model       none: a sentence of the documents is quoted; --model names one that answers");
                int topK = TopK ?? new EpisodeOptions().TopK;
                QuotingAnswerer quoting = new(watched, topK, Depth);
                session.Answerer = rule(quoting.Conditions, corpus) is { } calibrated
                    ? new QuotingAnswerer(watched, topK, Depth, calibrated)
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
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        DocumentCorpus Read(string path, string name)
        {
            DocumentCorpus corpus = DocumentFolderOptions.Open(path, Index, Documents, screen, cancellationToken);
            session.Keep(corpus);
            screen.Line($"{name, -11} {DocumentTable.InWords(corpus)}");
            return corpus;
        }

        if (Tools.Length == 0)
        {
            DocumentCorpus corpus = Read(Folder!, "documents");
            if (corpus.Passages == 0)
                throw new InvalidDataException(
                    $"{Folder} has no document that could be read. Run david index {Folder} to see why; read are "
                        + $"{string.Join(' ', DocumentCorpus.Extensions)}."
                );
            return (corpus, corpus.Sha256, null);
        }
        DocumentTool[] tools = [.. Tools.Select(tool => new DocumentTool(tool.Name, Read(tool.Path, tool.Name)))];
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
        Func<AnswerConditions, string, AnswerRule?> rule,
        Screen screen
    )
    {
        Device device = Grpo.Tensors.Device.Parse(Device);
        Torch.Threads = Threads == 0 ? Environment.ProcessorCount : Threads;
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
                    Math.Min(Episode.MaxSearches, TagProtocol.Default.MaxSearches),
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
                    Temperature,
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
            Plan = Plan,
            Depth = Depth,
            Temperature = Temperature,
            Seed = Seeds.OfInt64(Seed),
            Exits = exit?.Policy(model.Config.VocabularySize),
        };
        PassageReading? reading = null;
        if (!isOfWorld)
        {
            (Tokenizer tokenizer, ChatTemplate template, int[] ends) = model.Speech(ChatTemplate);
            reading = new PassageReading(tokenizer, template, ends, protocol.TopK, model.Config.MaxPositions);
        }
        PolicyAnswerer Create(AnswerRule? given)
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

    private TextAgentProtocol TextProtocolOf(ModelSource model, string? tools)
    {
        EpisodeOptions episode = Episode with
        {
            // What a policy reads and writes has to stay within its context, after a prompt of some hundred tokens.
            ResponseTokens = Math.Max(256, Math.Min(Episode.ResponseTokens, model.Config.MaxPositions - 512)),
        };
        TextAgentProtocol protocol = model.Protocol(episode, Instruction, ChatTemplate).Protocol;
        if (tools is null)
            return protocol;
        string instruction = Instruction is null ? TextProtocol.Instruction : File.ReadAllText(Instruction).TrimEnd();
        Tokenizer tokenizer = model.Tokenizer();
        return new TextAgentProtocol(
            TextTask.Settings(episode),
            tokenizer,
            ChatTemplate is null
                ? Tokenization.ChatTemplate.Of(tokenizer)
                : new ChatTemplate(File.ReadAllText(ChatTemplate)),
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
