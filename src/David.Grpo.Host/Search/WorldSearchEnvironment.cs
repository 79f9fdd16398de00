namespace David.Grpo.Search;

/// <summary>The embedded world's retriever; answers at once.</summary>
public sealed class WorldSearchEnvironment(WorldIndex index) : ISearchEnvironment
{
    public ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return ValueTask.FromResult<Passage[][]>([.. queries.Select(query => WorldSearch.Search(index, topK, query))]);
    }
}
