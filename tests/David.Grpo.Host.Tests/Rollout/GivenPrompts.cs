using David.Grpo.Rollout;
using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>Prompts given as ids, answered in one turn of plain text; nothing is searched.</summary>
internal sealed class GivenPrompts(IReadOnlyList<int[]> prompts, int tokens, int endToken)
    : IAgentProtocol,
        ISearchEnvironment
{
    public int MaxSearches => 0;
    public int TopK => 1;
    public int ResponseTokens => tokens;
    public int[]? Refusal => null;

    public RolloutRequest[] Requests =>
        [
            .. prompts.Select(
                (_, i) => new RolloutRequest(new Question($"{i}", $"{i}", [], [], [], "given", 0), Key: i, Member: 0)
            ),
        ];

    public (int[] Tokens, string Text) Prompt(Question question) => (prompts[int.Parse(question.Id)], question.Text);

    public ITurn StartTurn(IReadOnlyList<Segment> before, int searches) => new Turn(endToken);

    public int[] Search(string query) => throw new NotSupportedException("nothing is searched");

    public int[] Observation(Passage[] passages) => throw new NotSupportedException("nothing is searched");

    public int[] Failure(string reason) => throw new NotSupportedException("nothing is searched");

    public int[] AnswerOpening => throw new NotSupportedException("no answer is forced");

    public ITurn StartAnswer() => throw new NotSupportedException("no answer is forced");

    public string Decode(ReadOnlySpan<int> ids) => string.Join(' ', ids.ToArray());

    public ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    ) => throw new NotSupportedException("nothing is searched");

    private sealed class Turn(int endToken) : ITurn
    {
        public Move Append(int token) => token == endToken ? Move.Stop : Move.Continue;
    }
}
