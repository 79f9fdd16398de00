using David.Grpo.Search;

namespace David.Grpo.Answering;

/// <summary>A search that was made for an answer.</summary>
/// <param name="Query">As it was asked.</param>
/// <param name="IsForced">Whether the engine asked it in the policy's name.</param>
/// <param name="Passages">Best first.</param>
public sealed record SearchMade(string Query, bool IsForced, IReadOnlyList<Passage> Passages);

/// <summary>A passage that was found, with what of it bears on the answer.</summary>
/// <param name="Passage">As the search gave it.</param>
/// <param name="Support">The share of the answer's words that stand in it, in [0, 1].</param>
/// <param name="IsCited">Whether the answer stands on it: none of the passages found holds more of its words.</param>
/// <param name="Excerpt">The sentence of it that is nearest to the answer.</param>
public sealed record Citation(Passage Passage, double Support, bool IsCited, string Excerpt);

/// <summary>What an answer cost.</summary>
/// <param name="Searches">Those in the policy's name included.</param>
/// <param name="GeneratedTokens">That the policy wrote, trial answers included.</param>
/// <param name="ReadTokens">Of passages that it read.</param>
/// <param name="Seconds">From the question to the answer.</param>
public sealed record AnswerCost(int Searches, long GeneratedTokens, long ReadTokens, double Seconds)
{
    /// <summary>Both together.</summary>
    public static AnswerCost operator +(AnswerCost left, AnswerCost right) =>
        new(
            left.Searches + right.Searches,
            left.GeneratedTokens + right.GeneratedTokens,
            left.ReadTokens + right.ReadTokens,
            left.Seconds + right.Seconds
        );
}

/// <summary>A question with what came of it.</summary>
public sealed record Answered
{
    /// <summary>As it was asked.</summary>
    public required string Question { get; init; }

    /// <summary>What would be answered, whether it is given or not; null where there is nothing.</summary>
    public required string? Candidate { get; init; }

    /// <summary>
    /// In [0, 1]. Of a policy's answer: the geometric mean of its tokens' probabilities, times the support. Of a quote:
    /// <see cref="Quote.Confidence"/>. It means nothing by itself: that is what calibration is for.
    /// </summary>
    public required double Confidence { get; init; }

    /// <summary>
    /// The largest share of the candidate's words that one passage found holds, in [0, 1]; 0 where it only says the
    /// question again (<see cref="Grounding.IsEcho"/>).
    /// </summary>
    public required double Support { get; init; }

    /// <summary>Whether the candidate is given; else nothing was found that may be said.</summary>
    public required bool IsGiven { get; init; }

    /// <summary>The searches made, in order.</summary>
    public required IReadOnlyList<SearchMade> Searches { get; init; }

    /// <summary>The passages found, each once: cited ones first, then by support, then as found.</summary>
    public required IReadOnlyList<Citation> Evidence { get; init; }

    /// <summary>What it cost.</summary>
    public required AnswerCost Cost { get; init; }

    /// <summary>What a reader should know of how it came about, such as that the engine searched in the policy's name.</summary>
    public string? Note { get; init; }

    /// <summary>The answer, or null where none is given.</summary>
    public string? Answer => IsGiven ? Candidate : null;

    /// <summary>The passages of searches as evidence for an answer.</summary>
    public static Citation[] EvidenceFor(string? candidate, IEnumerable<SearchMade> searches)
    {
        Passage[] passages = [.. searches.SelectMany(search => search.Passages).DistinctBy(passage => passage.Id)];
        double[] shares = Grounding.Shares(candidate ?? "", passages);
        double most = shares.Append(0).Max();
        return
        [
            .. passages
                .Zip(
                    shares,
                    (passage, share) =>
                        new Citation(
                            passage,
                            share,
                            share > 0 && share == most,
                            Grounding.Excerpt(candidate ?? "", passage)
                        )
                )
                .OrderByDescending(evidence => evidence.Support),
        ];
    }
}

/// <summary>Answers questions from what it finds.</summary>
public interface IAnswerer
{
    /// <summary>Who answers, and how: what a calibration holds for.</summary>
    AnswerConditions Conditions { get; }

    /// <summary>When a candidate is given.</summary>
    AnswerThreshold Rule { get; }

    /// <summary>Answers one question. Each question stands for itself: none knows of those before it.</summary>
    /// <exception cref="OperationCanceledException">It was cut off; nothing is kept.</exception>
    Task<Answered> AskAsync(string question, CancellationToken cancellationToken = default);
}
