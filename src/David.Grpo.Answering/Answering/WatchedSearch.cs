using David.Grpo.Search;

namespace David.Grpo.Answering;

/// <summary>A search that tells what was asked and what came, as it happens.</summary>
/// <param name="found">Called once a query, on any thread, one call at a time.</param>
public sealed class WatchedSearch(ISearchEnvironment search, Action<string, Passage[]> found) : ISearchEnvironment
{
    private readonly Lock one = new();

    /// <inheritdoc/>
    public async ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        Passage[][] answers = await search.SearchAsync(queries, topK, cancellationToken).ConfigureAwait(false);
        lock (one)
            foreach ((string query, Passage[] passages) in queries.Zip(answers))
                found(query, passages);
        return answers;
    }
}
