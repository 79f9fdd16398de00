using System.Buffers;

namespace David.Grpo.Tokenization;

/// <summary>Finds added tokens in a text: the leftmost first, and of those that start there the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<char, AddedToken[]> byFirst;
    private readonly SearchValues<char> firsts;

    public AddedTokenFinder(IEnumerable<AddedToken> tokens)
    {
        byFirst = tokens
            .GroupBy(token => token.Text[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Text.Length).ToArray());
        firsts = SearchValues.Create([.. byFirst.Keys]);
    }

    /// <summary>The first token at or after <paramref name="from"/> and where it starts; null if there is none.</summary>
    public AddedToken? Find(ReadOnlySpan<char> text, int from, out int start)
    {
        for (start = from; start < text.Length; start++)
        {
            int skipped = text[start..].IndexOfAny(firsts);
            if (skipped < 0)
                break;
            start += skipped;
            foreach (AddedToken token in byFirst[text[start]])
                if (text[start..].StartsWith(token.Text, StringComparison.Ordinal))
                    return token;
        }
        start = text.Length;
        return null;
    }
}
