using System.Globalization;
using System.Text;

namespace David.Grpo.Tokenization;

/// <summary>
/// Unicode normalization form C: canonical decomposition, canonical order, canonical composition. Source: The Unicode
/// Standard, 3.11, and 3.12 for Hangul.
/// </summary>
internal static class CanonicalComposition
{
    private const int HangulFirst = 0xAC00;
    private const int LeadingFirst = 0x1100;
    private const int VowelFirst = 0x1161;
    private const int TrailingBase = 0x11A7;
    private const int LeadingCount = 19;
    private const int VowelCount = 21;
    private const int TrailingCount = 28;
    private const int HangulCount = LeadingCount * VowelCount * TrailingCount;

    /// <summary>Below this code point every text is its own composition.</summary>
    private const char FirstThatMatters = '\u0300';

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> CombiningClasses = [];

    static CanonicalComposition()
    {
        foreach (string entry in Words(CanonicalTables.Decompositions))
        {
            int sign = entry.AsSpan().IndexOfAny('=', '>');
            int whole = Hexadecimal(entry[..sign]);
            int[] parts = [.. entry[(sign + 1)..].Split('+').Select(Hexadecimal)];
            Decompositions.Add(whole, parts);
            if (entry[sign] == '=')
                Compositions.Add((parts[0], parts[1]), whole);
        }
        foreach (string entry in Words(CanonicalTables.CombiningClasses))
        {
            string[] parts = entry.Split(':');
            int[] range = [.. parts[0].Split('-').Select(Hexadecimal)];
            for (int point = range[0]; point <= range[^1]; point++)
                CombiningClasses.Add(point, byte.Parse(parts[1], CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The text in form C. Unpaired surrogates become U+FFFD.</summary>
    public static string Compose(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange(FirstThatMatters, char.MaxValue) < 0)
            return text;
        List<int> points = Decomposed(text);
        Order(points);
        return Composed(points);
    }

    private static List<int> Decomposed(string text)
    {
        List<int> points = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, points);
        return points;
    }

    private static void Decompose(int point, List<int> into)
    {
        int syllable = point - HangulFirst;
        if (syllable is >= 0 and < HangulCount)
        {
            into.Add(LeadingFirst + syllable / (VowelCount * TrailingCount));
            into.Add(VowelFirst + syllable / TrailingCount % VowelCount);
            if (syllable % TrailingCount is > 0 and var trailing)
                into.Add(TrailingBase + trailing);
        }
        else if (Decompositions.TryGetValue(point, out int[]? parts))
            foreach (int part in parts)
                Decompose(part, into);
        else
            into.Add(point);
    }

    /// <summary>Sorts each stretch of characters of non-zero class by class, stably.</summary>
    private static void Order(List<int> points)
    {
        for (int start = 0; start < points.Count; start++)
        {
            int end = start;
            while (end < points.Count && Class(points[end]) > 0)
                end++;
            if (end - start > 1)
            {
                int[] sorted = [.. points.GetRange(start, end - start).OrderBy(Class)];
                for (int i = 0; i < sorted.Length; i++)
                    points[start + i] = sorted[i];
            }
            start = end;
        }
    }

    private static string Composed(List<int> points)
    {
        StringBuilder text = new(points.Count);
        List<int> cluster = []; // a starter and what follows it, less what it has taken up
        int lastClass = 0;
        foreach (int point in points)
        {
            int combining = Class(point);
            bool starterHead = cluster.Count > 0 && Class(cluster[0]) == 0;
            // Blocked if something between has a class of 0 or one not below this; lastClass is 0 right after the starter.
            bool reachable = starterHead && (cluster.Count == 1 || lastClass < combining);
            if (reachable && Pair(cluster[0], point) is int whole)
            {
                cluster[0] = whole;
                continue;
            }
            if (combining == 0)
            {
                Flush(cluster, text);
                lastClass = 0;
            }
            else
                lastClass = combining;
            cluster.Add(point);
        }
        Flush(cluster, text);
        return text.ToString();
    }

    private static void Flush(List<int> cluster, StringBuilder text)
    {
        foreach (int point in cluster)
            text.Append(new Rune(point).ToString());
        cluster.Clear();
    }

    private static int? Pair(int first, int second)
    {
        int leading = first - LeadingFirst;
        int vowel = second - VowelFirst;
        if (leading is >= 0 and < LeadingCount && vowel is >= 0 and < VowelCount)
            return HangulFirst + (leading * VowelCount + vowel) * TrailingCount;
        int syllable = first - HangulFirst;
        int trailing = second - TrailingBase;
        if (syllable is >= 0 and < HangulCount && syllable % TrailingCount == 0 && trailing is > 0 and < TrailingCount)
            return first + trailing;
        return Compositions.TryGetValue((first, second), out int whole) ? whole : null;
    }

    private static int Class(int point) => CombiningClasses.GetValueOrDefault(point);

    private static string[] Words(string table) => table.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    private static int Hexadecimal(string digits) =>
        int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
