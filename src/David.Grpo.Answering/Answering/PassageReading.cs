using System.Text;
using David.Grpo.Rollout;
using David.Grpo.Tokenization;

namespace David.Grpo.Answering;

/// <summary>
/// Retrieve, then read: the passages and the question in one plain message, the answer in one line. For chat models that
/// never learned the search protocol. No search can be asked.
/// </summary>
/// <remarks>An answer ends at the line's end, at an end token, or with its first sentence; "not found" is none.</remarks>
public sealed class PassageReading : IAgentProtocol
{
    private const int Reserved = 128;

    private readonly Tokenizer tokenizer;
    private readonly ChatTemplate template;
    private readonly HashSet<int> endTokens;
    private readonly int context;

    /// <param name="endTokens">Ids that end a response.</param>
    /// <param name="topK">Passages a search.</param>
    /// <param name="context">Positions that the model has.</param>
    public PassageReading(Tokenizer tokenizer, ChatTemplate template, IEnumerable<int> endTokens, int topK, int context)
    {
        (this.tokenizer, this.template, this.endTokens, this.context) = (tokenizer, template, [.. endTokens], context);
        TopK = topK;
        AnswerOpening = tokenizer.Encode("Answer:", parseSpecial: false);
    }

    public int MaxSearches => 0;

    public int TopK { get; }

    public int ResponseTokens => Reserved;

    public int[]? Refusal => null;

    public int[] AnswerOpening { get; }

    public (int[] Tokens, string Text) Prompt(Question question) => Prompt(question, []);

    /// <summary>The question behind passages, best first, as many as fit.</summary>
    public (int[] Tokens, string Text) Prompt(Question question, IReadOnlyList<Passage> passages)
    {
        for (int count = passages.Count; ; count--)
        {
            StringBuilder message = new("Read the passages and answer the question with a short phrase from them.\n\n");
            foreach (Passage passage in passages.Take(count))
                message.Append(passage.Title).Append(": ").Append(passage.Text).Append("\n\n");
            message.Append("Question: ").Append(question.Text.Trim());
            // The text goes in apart from the template, so that a special token's name in it stays text.
            const string Mark = "\uE000";
            string[] parts = template.Render([new ChatMessage("user", Mark)], addGenerationPrompt: true).Split(Mark, 2);
            int[] tokens =
            [
                .. tokenizer.Encode(parts[0]),
                .. tokenizer.Encode(message.ToString(), parseSpecial: false),
                .. tokenizer.Encode(parts[1]),
            ];
            if (tokens.Length + Reserved <= context || count == 0)
                return (tokens, parts[0] + message + parts[1]);
        }
    }

    public ITurn StartTurn(IReadOnlyList<Segment> before, int searches) => new Line(this);

    public ITurn StartAnswer() => new Line(this);

    public int[] Search(string query) => throw NoSearch();

    public int[] Observation(Passage[] passages) => throw NoSearch();

    public int[] Failure(string reason) => throw NoSearch();

    public string Decode(ReadOnlySpan<int> tokens) => tokenizer.Decode(tokens, skipSpecial: true);

    private static NotSupportedException NoSearch() => new("A reader is shown passages; it cannot search.");

    private sealed class Line(PassageReading reading) : ITurn
    {
        private readonly StreamingDecoder decoder = reading.tokenizer.Stream(skipSpecial: true);
        private readonly StringBuilder text = new();

        public Move Append(int token)
        {
            bool ended = reading.endTokens.Contains(token);
            text.Append(ended ? decoder.Flush() : decoder.Append(token));
            string written = text.ToString().TrimStart();
            int end = written.IndexOf('\n', StringComparison.Ordinal);
            if (end < 0)
                end = FirstSentence(written);
            if (end < 0 && !ended)
                return Move.Continue;
            string answer = (end < 0 ? written : written[..end]).Trim().TrimEnd('.').Trim('"');
            return Answer.Normalize(answer) is "" or "not found" ? Move.Stop : Move.NewAnswer(answer);
        }

        /// <summary>Its length, as soon as the word behind it is whole, which tells Mrs. from an end; else -1.</summary>
        private static int FirstSentence(string written)
        {
            int known = written.LastIndexOf(' ');
            for (int at = 1; at < known; at++)
                if (Sentences.EndsBefore(written, at))
                    return at;
            return -1;
        }
    }
}
