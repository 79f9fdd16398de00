using System.Text;
using System.Text.Json.Nodes;
using David.Grpo.Tokenization;

namespace David.Grpo.Rollout;

/// <summary>The authors' protocol in textual tags, over any tokenizer and chat template.</summary>
/// <remarks>
/// A turn ends with the token that completes `&lt;/end_search&gt;`. That token may hold characters after the tag; they stay,
/// since tokens are never cut or encoded anew (the authors work on strings and drop them).
/// </remarks>
public sealed class TextAgentProtocol : IAgentProtocol
{
    private readonly TextProtocol.Settings _settings;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly string _instruction;
    private readonly HashSet<int> _endTokens;

    /// <param name="endTokens">Ids that end a response.</param>
    /// <param name="instruction">What comes before the question; null for ours.</param>
    public TextAgentProtocol(
        TextProtocol.Settings settings,
        Tokenizer tokenizer,
        ChatTemplate template,
        IEnumerable<int> endTokens,
        string? instruction = null
    )
    {
        _settings = settings;
        _tokenizer = tokenizer;
        _template = template;
        _instruction = instruction ?? TextProtocol.Instruction;
        _endTokens = [.. endTokens];
        Refusal = tokenizer.Encode(TextProtocol.Refusal, parseSpecial: false);
        AnswerOpening = tokenizer.Encode(TextProtocol.AnswerOpening, parseSpecial: false);
    }

    public int MaxSearches => _settings.MaxSearches;

    public int TopK => _settings.TopK;

    public int ResponseTokens => _settings.ResponseTokens;

    public int[]? Refusal { get; }

    public (int[] Tokens, string Text) Prompt(Question question)
    {
        // The question is encoded apart from the template, so that text of a special token in it stays text.
        const string Mark = "\uE000";
        string text = _template.Render(
            [new ChatMessage("user", TextProtocol.UserMessage(_instruction, Mark))],
            addGenerationPrompt: true
        );
        string[] parts = text.Split(Mark, 2);
        string neutral = TextProtocol.Neutral(question.Text);
        return (
            [
                .. _tokenizer.Encode(parts[0]),
                .. _tokenizer.Encode(neutral, parseSpecial: false),
                .. _tokenizer.Encode(parts[1]),
            ],
            parts[0] + neutral + parts[1]
        );
    }

    public ITurn StartTurn(IReadOnlyList<Segment> before, int searches)
    {
        StringBuilder written = new();
        foreach (Segment segment in before)
            if (segment is Segment.Action or Segment.Expert)
                written.Append(Decode(segment.Tokens));
        bool longTurn = searches == 0 || searches > _settings.MaxSearches;
        return new Turn(this, written.ToString(), longTurn ? _settings.FirstTurnTokens : _settings.TurnTokens);
    }

    public int[] Search(string query) =>
        _tokenizer.Encode(
            $"{TextProtocol.ThinkOpen}\n{TextProtocol.SearchOpen} {TextProtocol.Neutral(query)} {TextProtocol.SearchClose}",
            parseSpecial: false
        );

    public int[] Observation(Passage[] passages) =>
        _tokenizer.Encode(TextProtocol.Observation(passages), parseSpecial: false);

    public int[] Failure(string reason) => _tokenizer.Encode(TextProtocol.Failure(reason), parseSpecial: false);

    public int[] AnswerOpening { get; }

    public ITurn StartAnswer() => new ForcedAnswer(this);

    public string Decode(ReadOnlySpan<int> tokens) => _tokenizer.Decode(tokens, skipSpecial: true);

    /// <summary>Ends as soon as the box is closed; a token may hold characters after it.</summary>
    private sealed class ForcedAnswer(TextAgentProtocol protocol) : ITurn
    {
        private readonly StreamingDecoder _decoder = protocol._tokenizer.Stream(skipSpecial: true);
        private readonly StringBuilder _text = new();

        public Move Append(int token)
        {
            if (protocol._endTokens.Contains(token))
                return Move.Stop;
            _text.Append(_decoder.Append(token));
            return TextProtocol.ForcedAnswerOrNull(_text.ToString()) is { } answer
                ? Move.NewAnswer(answer)
                : Move.Continue;
        }
    }

    private sealed class Turn(TextAgentProtocol protocol, string before, int limit) : ITurn
    {
        private readonly StreamingDecoder _decoder = protocol._tokenizer.Stream(skipSpecial: true);
        private readonly StringBuilder _text = new();
        private int _tokens;

        public Move Append(int token)
        {
            _tokens++;
            bool ended = protocol._endTokens.Contains(token);
            string piece = ended ? "" : _decoder.Append(token);
            ended |= _tokens >= limit;
            _text.Append(piece);
            if (ended)
                _text.Append(_decoder.Flush());
            // Only the end of the text can hold a tag that was not there before.
            int fresh = Math.Min(_text.Length, piece.Length + TextProtocol.SearchClose.Length);
            bool closes = _text
                .ToString(_text.Length - fresh, fresh)
                .Contains(TextProtocol.SearchClose, StringComparison.Ordinal);
            if (!ended && !closes)
                return Move.Continue;
            string turn = _text.ToString();
            return TextProtocol.Move(turn, before + turn, ended);
        }
    }
}
