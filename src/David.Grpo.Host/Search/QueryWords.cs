namespace David.Grpo.Search;

/// <summary>The words of a query, and the full-text expression that asks for any of them.</summary>
internal static class QueryWords
{
    /// <summary>A policy may write a page into a query; the first so many different words are used.</summary>
    public const int Most = 128;

    /// <summary>
    /// Its content words, each once, in the order of the query. Stop words are left out unless there is nothing else
    /// (The Who).
    /// </summary>
    public static string[] Of(string query) => [.. ContentWords.Of(query).Take(Most)];

    /// <summary>
    /// "one" OR "two": quoted words hold no quote, so nothing of FTS5's syntax gets in. A word of a script without blanks is a
    /// phrase of its letters. Null for no words.
    /// </summary>
    public static string? Expression(string query) =>
        Of(query) is { Length: > 0 } words
            ? string.Join(" OR ", words.Select(word => $"\"{ContentWords.Indexed(word).Trim()}\""))
            : null;
}
