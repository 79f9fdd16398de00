namespace David.Grpo.Search;

/// <summary>A field of a tool's records.</summary>
/// <param name="Name">As queries write it: <c>status=open</c>.</param>
/// <param name="Meaning">For the policy, such as "open, waiting or closed"; null where the name says it.</param>
public sealed record ToolField(string Name, string? Meaning = null);

/// <summary>What a policy is told of a tool.</summary>
/// <param name="Name">A word, unique among the tools, as queries begin: <c>tickets: printer</c>.</param>
/// <param name="Holds">What can be found there, in a phrase.</param>
/// <param name="Fields">Fields that a query may ask for; none for text.</param>
public sealed record ToolSchema(string Name, string Holds, params ToolField[] Fields);

/// <summary>A query as a tool gets it.</summary>
/// <param name="Words">Without the tool's name and the fields asked for; may be empty.</param>
/// <param name="Fields">Values by field, both as written; only fields of the tool's schema.</param>
public sealed record ToolQuery(string Words, IReadOnlyDictionary<string, string> Fields);

/// <summary>One of several things that a policy may search, each with records of its own kind.</summary>
public interface ISearchTool
{
    /// <summary>What the policy is told of it.</summary>
    ToolSchema Schema { get; }

    /// <summary>Answers a query.</summary>
    /// <param name="query">What is looked for; its words may be empty where it has fields.</param>
    /// <param name="topK">Passages, at least 1.</param>
    /// <param name="cancellationToken">Ends the search early with <see cref="OperationCanceledException"/>.</param>
    /// <returns>[≤ topK] passages, best first. Any exception is a tool that does not answer, which the policy is told.</returns>
    ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken cancellationToken);
}
