namespace David.Grpo.Configuration;

/// <summary>Finds the word that was probably meant.</summary>
internal static class NearestWord
{
    /// <summary>
    /// The known word nearest to <paramref name="word"/>, or null if none is near: within 2 edits or a third of its
    /// letters, or one beginning with the other. Upper and lower case are the same.
    /// </summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        string wanted = word.ToLowerInvariant();
        return known
            .Select(candidate => (Word: candidate, Distance: Distance(wanted, candidate.ToLowerInvariant())))
            .Where(pair => pair.Distance <= Math.Max(2, wanted.Length / 3) || BeginTheSame(wanted, pair.Word))
            .Where(pair => pair.Distance < Math.Max(wanted.Length, pair.Word.Length))
            .OrderBy(pair => pair.Distance)
            .Select(pair => pair.Word)
            .FirstOrDefault();
    }

    private static bool BeginTheSame(string left, string right) =>
        Math.Min(left.Length, right.Length) >= 3
        && (left.StartsWith(right, StringComparison.Ordinal) || right.StartsWith(left, StringComparison.Ordinal));

    /// <summary>
    /// The number of insertions, deletions, substitutions and swaps of neighbours that make one word of the other, no
    /// part edited twice (optimal string alignment).
    /// </summary>
    public static int Distance(string left, string right)
    {
        int[,] edits = new int[left.Length + 1, right.Length + 1];
        for (int i = 0; i <= left.Length; i++)
        for (int j = 0; j <= right.Length; j++)
        {
            if (i == 0 || j == 0)
            {
                edits[i, j] = i + j;
                continue;
            }
            int substitution = edits[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            edits[i, j] = Math.Min(substitution, 1 + Math.Min(edits[i - 1, j], edits[i, j - 1]));
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
        }
        return edits[left.Length, right.Length];
    }
}
