namespace David.Grpo.Tokenization;

/// <summary>
/// Ids of words seen before. It has a fixed number of places and a new word takes its place from an old one, so it is
/// bounded; entries are immutable and swapped in one write, so it needs no lock.
/// </summary>
internal sealed class WordCache
{
    private const int Places = 1 << 14;

    /// <summary>Longer words, in UTF-16 units, seldom come again.</summary>
    private const int LongestWord = 48;

    private readonly Entry?[] entries = new Entry?[Places];

    /// <summary>The ids of a word; null if they are not held.</summary>
    public int[]? Find(ReadOnlySpan<char> word) =>
        Volatile.Read(ref entries[Place(word)]) is { } entry && word.SequenceEqual(entry.Word) ? entry.Ids : null;

    public void Keep(ReadOnlySpan<char> word, int[] ids)
    {
        if (word.Length <= LongestWord)
            Volatile.Write(ref entries[Place(word)], new Entry(word.ToString(), ids));
    }

    private static int Place(ReadOnlySpan<char> word) => string.GetHashCode(word) & (Places - 1);

    private sealed record Entry(string Word, int[] Ids);
}
