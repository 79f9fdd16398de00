using David.Grpo.Formats;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>
/// A protocol that turns the tokens of a random policy into searches and answers: a token that 5 divides ends the turn in
/// a search for its tokens, one that 17 divides in an answer, 2 stops. A forced answer is opened by 37 and 41 and closed by a
/// token that 3 divides. Texts are ids, set apart by blanks.
/// </summary>
internal sealed class DrawnProtocol : IAgentProtocol
{
    public static ModelConfig Config => TestDecoder.Small;

    public int MaxSearches { get; init; } = 4;
    public int TopK { get; init; } = 2;
    public int ResponseTokens { get; init; } = 120;
    public int[]? Refusal { get; init; } = [1, 31, 1];

    /// <summary>Why searches failed, in order.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>What the turns began after.</summary>
    public List<int> TurnSearches { get; } = [];

    public static RolloutRequest[] Requests(int questions, int members) =>
        [
            .. Enumerable
                .Range(0, questions)
                .SelectMany(q =>
                    Enumerable.Range(0, members).Select(m => new RolloutRequest(Question(q), Key: 100 + q, Member: m))
                ),
        ];

    public static Question Question(int number)
    {
        Random random = new(number);
        string text = Text(TestDecoder.Tokens(Config, 3 + 4 * (number % 4), random));
        return new Question($"q{number}", text, ["3"], [], [], "drawn", 0);
    }

    public (int[] Tokens, string Text) Prompt(Question question) => (Ids(question.Text), question.Text);

    public ITurn StartTurn(IReadOnlyList<Segment> before, int searches)
    {
        TurnSearches.Add(searches);
        return new Turn();
    }

    public int[] Search(string query) => Ids(query);

    public int[] Observation(Passage[] passages) => [1, .. passages.SelectMany(passage => Ids(passage.Text)), 1];

    public int[] Failure(string reason)
    {
        Failures.Add(reason);
        return [1, 41, 1];
    }

    public int[] AnswerOpening => [37, 41];

    public ITurn StartAnswer() => new ForcedAnswer();

    public string Decode(ReadOnlySpan<int> tokens) => Text(tokens.ToArray()) + " ";

    public static string Text(int[] ids) => string.Join(' ', ids);

    public static int[] Ids(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    private sealed class Turn : ITurn
    {
        private readonly List<int> _tokens = [];

        public Move Append(int token)
        {
            _tokens.Add(token);
            return token == 2 || _tokens.Count > 20 ? Move.Stop
                : token % 17 == 0 ? Move.NewAnswer(Text([.. _tokens]))
                : token % 5 == 0 ? Move.NewSearch(Text([.. _tokens]))
                : Move.Continue;
        }
    }

    private sealed class ForcedAnswer : ITurn
    {
        private readonly List<int> _tokens = [];

        public Move Append(int token)
        {
            _tokens.Add(token);
            return token == 2 ? Move.Stop
                : token % 3 == 0 ? Move.NewAnswer(Text([.. _tokens]))
                : Move.Continue;
        }
    }
}
