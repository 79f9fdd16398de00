namespace David.Grpo.Rollout;

/// <summary>
/// How a policy and its environment talk, in tokens. Tokens go in and come out: what the policy sampled is never encoded
/// anew, and what the environment writes is never read as the policy's.
/// </summary>
public interface IAgentProtocol
{
    /// <summary>Searches that are answered; one more is refused.</summary>
    int MaxSearches { get; }

    /// <summary>Passages a search.</summary>
    int TopK { get; }

    /// <summary>Tokens of a response at most, observations included.</summary>
    int ResponseTokens { get; }

    /// <summary>The tokens and the text of the prompt of a question.</summary>
    (int[] Tokens, string Text) Prompt(Question question);

    /// <summary>A turn of the policy, after the segments that stand before it.</summary>
    /// <param name="before">The trajectory so far, the prompt included.</param>
    /// <param name="searches">Searches that were answered or refused so far.</param>
    ITurn StartTurn(IReadOnlyList<Segment> before, int searches);

    /// <summary>What a policy would write to ask a search, at the beginning of a response: for one made in its name.</summary>
    int[] Search(string query);

    /// <summary>The observation of a search that was answered.</summary>
    int[] Observation(Passage[] passages);

    /// <summary>The observation of a search that failed; the episode goes on.</summary>
    int[] Failure(string reason);

    /// <summary>The observation of a search beyond the limit; null if the episode ends there.</summary>
    int[]? Refusal { get; }

    /// <summary>What makes the policy answer at once, at the beginning of a turn; at least one token.</summary>
    int[] AnswerOpening { get; }

    /// <summary>Reads what the policy writes after <see cref="AnswerOpening"/>, up to the end of the answer.</summary>
    ITurn StartAnswer();

    /// <summary>The text of tokens of one segment.</summary>
    string Decode(ReadOnlySpan<int> tokens);
}

/// <summary>Reads what the policy writes in one turn.</summary>
public interface ITurn
{
    /// <summary>What the turn amounts to with one more token of the policy.</summary>
    Move Append(int token);
}
