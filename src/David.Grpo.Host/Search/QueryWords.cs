using System.Collections.Frozen;
using System.Text;

namespace David.Grpo.Search;

/// <summary>The words of a query, and the full-text expression that asks for any of them.</summary>
internal static class QueryWords
{
    /// <summary>A policy may write a page into a query; the first so many different words are used.</summary>
    public const int Most = 128;

    /// <summary>English words that say nothing about a passage, and the tails that apostrophes leave.</summary>
    private static readonly FrozenSet<string> StopWords = (
        "a about above after again all also am an and any are as at be because been before being between both but by "
        + "can could d did do does doing during each for from had has have having he her here hers him his how i if in "
        + "into is it its just ll m me more most my no nor not of off on once only or other our out over own re s same "
        + "she should so some such t than that the their them then there these they this those through to too under "
        + "until up us ve very was we were what when where which while who whom whose why will with would you your"
    )
        .Split(' ')
        .ToFrozenSet();

    /// <summary>
    /// Runs of letters, digits and combining marks, in lower case, each once, in the order of the query. Stop words are
    /// left out unless there is nothing else (The Who).
    /// </summary>
    public static string[] Of(string query)
    {
        List<string> words = [];
        StringBuilder word = new();
        foreach (Rune rune in query.EnumerateRunes())
            if (IsWordCharacter(rune))
                word.Append(Rune.ToLowerInvariant(rune));
            else
                Finish();
        Finish();
        string[] telling = [.. words.Where(each => !StopWords.Contains(each))];
        return [.. (telling.Length > 0 ? telling : [.. words]).Distinct().Take(Most)];

        void Finish()
        {
            if (word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
        }
    }

    /// <summary>"one" OR "two": quoted words hold no quote, so nothing of FTS5's syntax gets in. Null for no words.</summary>
    public static string? Expression(string query) =>
        Of(query) is { Length: > 0 } words ? string.Join(" OR ", words.Select(word => $"\"{word}\"")) : null;

    private static bool IsWordCharacter(Rune rune) =>
        Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune)
            is System.Globalization.UnicodeCategory.NonSpacingMark
                or System.Globalization.UnicodeCategory.SpacingCombiningMark
                or System.Globalization.UnicodeCategory.LetterNumber
                or System.Globalization.UnicodeCategory.OtherNumber;
}
