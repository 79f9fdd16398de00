namespace David.Grpo.Search;

/// <summary>A corpus that answers queries. The same query always gets the same passages.</summary>
public interface ISearchEnvironment
{
    /// <summary>Passages for queries, in the queries' order.</summary>
    /// <param name="queries">[Q] queries, in any order.</param>
    /// <param name="topK">Passages a query, at least 1.</param>
    /// <param name="cancellationToken">Ends the search early with <see cref="OperationCanceledException"/>.</param>
    /// <returns>[Q][≤ topK] passages, best first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    ValueTask<Passage[][]> SearchAsync(IReadOnlyList<string> queries, int topK, CancellationToken cancellationToken);
}
