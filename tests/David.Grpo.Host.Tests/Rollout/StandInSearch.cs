using System.Collections.Concurrent;
using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>A search whose passages are drawn from the query alone, in a manner the test chooses.</summary>
internal sealed class StandInSearch(Func<string, CancellationToken, ValueTask<Passage[][]>>? manner = null)
    : ISearchEnvironment
{
    /// <summary>Queries in the order they came.</summary>
    public ConcurrentQueue<string> Queries { get; } = [];

    public ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        string query = Assert.Single(queries);
        Queries.Enqueue(query);
        return manner is null ? ValueTask.FromResult(Passages(query)) : manner(query, cancellationToken);
    }

    /// <summary>One or two passages of 1 to 40 tokens.</summary>
    public static Passage[][] Passages(string query)
    {
        int hash = query.Aggregate(17, (sum, letter) => (sum * 31 + letter) & 0xFFFFFF);
        Random random = new(hash);
        return
        [
            [
                .. Enumerable
                    .Range(0, random.Next(1, 3))
                    .Select(i => new Passage(
                        new PassageId($"p{hash}-{i}"),
                        "title",
                        string.Join(' ', Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(3, 61)))
                    )),
            ],
        ];
    }
}
