namespace David.Grpo.Rollout;

/// <summary>The embedded world's protocol: a tag is a token, a word is a token.</summary>
public sealed class WorldAgentProtocol(TagProtocol.Settings settings) : IAgentProtocol
{
    private static readonly TagProtocol.Tags Tags = new(
        searchOpen: WorldTag.SearchOpen,
        searchClose: WorldTag.SearchClose,
        answerOpen: WorldTag.AnswerOpen,
        answerClose: WorldTag.AnswerClose,
        special: new Microsoft.FSharp.Collections.FSharpSet<int>(
            Enumerable.Range(0, World.Vocabulary.Length).Where(id => World.Vocabulary[id].StartsWith('<'))
        )
    );

    private static readonly Func<int[], string> Render = World.Render;

    public WorldAgentProtocol()
        : this(TagProtocol.Default) { }

    public int MaxSearches => settings.MaxSearches;

    public int TopK => settings.TopK;

    /// <summary>No episode reaches it: turns and searches are bounded.</summary>
    public int ResponseTokens => WorldEpisode.MaxTokens;

    public int[]? Refusal => null;

    public (int[] Tokens, string Text) Prompt(Question question)
    {
        int[] tokens = WorldEpisode.PromptTokens(question);
        return (tokens, World.Render(tokens));
    }

    public ITurn StartTurn(IReadOnlyList<Segment> before, int searches) => new Turn(settings);

    /// <summary>The content words of the query; the world's retriever looks at no others.</summary>
    public int[] Search(string query) =>
        [WorldTag.SearchOpen, .. World.ContentWords(query).Take(settings.QueryWords), WorldTag.SearchClose];

    public int[] Observation(Passage[] passages) => WorldEpisode.ObservationTokens(passages);

    /// <summary>An empty result: the world has no words for a failure.</summary>
    public int[] Failure(string reason) => WorldEpisode.ObservationTokens([]);

    public int[] AnswerOpening { get; } = [WorldTag.AnswerOpen];

    public ITurn StartAnswer()
    {
        Turn turn = new(settings);
        turn.Append(WorldTag.AnswerOpen);
        return turn;
    }

    public string Decode(ReadOnlySpan<int> tokens) => World.Render(tokens.ToArray());

    private sealed class Turn(TagProtocol.Settings settings) : ITurn
    {
        private readonly List<int> _tokens = [];

        public Move Append(int token)
        {
            _tokens.Add(token);
            return TagProtocol.Move(settings, Tags, Render, [.. _tokens]);
        }
    }
}
