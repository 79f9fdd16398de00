using System.Diagnostics;
using David.Grpo.Documents;
using David.Grpo.Search;

namespace David.Grpo.Answering;

/// <summary>Answers with a sentence of the documents. Needs no model; draws no conclusions.</summary>
public sealed class QuotingAnswerer : IAnswerer
{
    /// <summary>What holds where nothing is calibrated: half of what the question asks about is spoken of.</summary>
    public static readonly AnswerThreshold Uncalibrated = AnswerThreshold.NewUncalibrated(0, 0.5);

    /// <summary>Passages that words are weighed among; more than are shown.</summary>
    private const int Weighed = 20;

    /// <summary>The confidence from which no further search is made, and what a further one has to add.</summary>
    private const double Sure = 0.8;
    private const double Gain = 0.05;

    private readonly ISearchEnvironment search;
    private readonly int topK;
    private readonly int depth;

    /// <param name="topK">Passages a search that are shown, at least 1.</param>
    /// <param name="depth">Searches at most, at least 1; another is made where the confidence is below 0.8.</param>
    /// <param name="rule">When a quote is given; null: <see cref="Uncalibrated"/>.</param>
    public QuotingAnswerer(ISearchEnvironment search, int topK = 3, int depth = 1, AnswerThreshold? rule = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        (this.search, this.topK, this.depth, Rule) = (search, topK, depth, rule ?? Uncalibrated);
    }

    public AnswerThreshold Rule { get; }

    public AnswerConditions Conditions => new("quotes", "none", 0, topK, depth, "");

    public async Task<Answered> AskAsync(string question, CancellationToken cancellationToken = default) =>
        await QuoteAsync(DocumentText.Clean(question), cancellationToken).ConfigureAwait(false) with
        {
            Question = question,
        };

    private async Task<Answered> QuoteAsync(string question, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        List<SearchMade> searches = [];
        List<Passage> found = [];
        List<Passage> chain = [];
        List<Quote> quotes = [];
        string query = question;
        for (int turn = 0; turn < depth; turn++)
        {
            // Where what was read names nothing new, the next step is among what was found already.
            if (turn == 0 || query != question)
            {
                Passage[][] answer = await search
                    .SearchAsync([query], Math.Max(topK, Weighed), cancellationToken)
                    .ConfigureAwait(false);
                Passage[] fresh = [.. answer[0].ExceptBy(found.Select(passage => passage.Id), passage => passage.Id)];
                found.AddRange(fresh);
                searches.Add(new SearchMade(query, IsForced: true, [.. fresh.Take(topK)]));
            }
            if (Grounding.QuoteOrNull(question, [.. chain], [.. found]) is not { } next)
                break;
            // A further step has to tell more, or the question was not one of steps.
            if (quotes.Count > 0 && next.Confidence < quotes[^1].Confidence + Gain)
                break;
            quotes.Add(next);
            chain.Add(found[next.Index]);
            if (next.Confidence >= Sure)
                break;
            query = Grounding.NextQuery(
                [.. searches.Select(made => made.Query)],
                [found[next.Index], .. searches.SelectMany(made => made.Passages)]
            );
        }
        Quote? quote = quotes.Count == 0 ? null : Grounding.Answering(question, [.. quotes]);
        double confidence = quotes.Count == 0 ? 0 : quotes[^1].Confidence;
        // What is quoted is shown, wherever it stood among the passages.
        if (quote is not null && !searches.Exists(made => made.Passages.Contains(found[quote.Index])))
            searches[^1] = searches[^1] with { Passages = [.. searches[^1].Passages, found[quote.Index]] };
        Citation[] evidence = quote is null
            ? Answered.EvidenceFor(null, searches)
            :
            [
                new Citation(found[quote.Index], 1, true, quote.Sentence),
                // What was read on the way to it is cited too.
                .. Answered
                    .EvidenceFor(question, searches)
                    .Where(other => !other.Passage.Id.Equals(found[quote.Index].Id))
                    .Select(other => other with { IsCited = chain.Contains(other.Passage) })
                    .OrderByDescending(other => other.IsCited),
            ];
        return new Answered
        {
            Question = question,
            Candidate = quote?.Sentence,
            Confidence = confidence,
            Support = quote is null ? 0 : 1,
            IsGiven = quote is not null && SelectiveAnswer.IsGiven(Rule, 1, confidence),
            Searches = searches,
            Evidence = evidence,
            Cost = new AnswerCost(searches.Count, 0, 0, clock.Elapsed.TotalSeconds),
        };
    }
}
