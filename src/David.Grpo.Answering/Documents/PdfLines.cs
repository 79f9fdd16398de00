using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Documents;

/// <summary>Joins the words that the ends of lines and pages part.</summary>
internal static partial class PdfLines
{
    /// <summary>First parts that keep their hyphen where the document does not show the word elsewhere.</summary>
    private static readonly HashSet<string> KeptBefore = Words(
        "all ex self non well long short high low full half part mid cross first second third one two three four five six seven eight nine ten twenty thirty forty fifty sixty seventy eighty ninety state end real world open up on off in out over cost fine large small multi semi"
    );

    /// <summary>Second parts that do.</summary>
    private static readonly HashSet<string> KeptAfter = Words(
        "term based time free related like level scale range class wide specific party hand year day month week old driven oriented of to the by in world known defined made built quality speed cost end ended"
    );

    /// <summary>
    /// The pages with words joined that a hyphen or soft hyphen parts at the end of a line or page. A soft hyphen goes. A hyphen
    /// goes too, unless the document writes the word with one elsewhere, or without evidence one is usual: after a single letter
    /// (X-ray), in compounds such as long-term, and before a capital or a digit.
    /// </summary>
    public static string[] Joined(IReadOnlyList<string> pages)
    {
        // A word that goes on overleaf belongs to the page where it begins.
        string[] texts =
        [
            .. pages.Select(page => page.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n')),
        ];
        for (int i = 0; i + 1 < texts.Length; i++)
            if (
                BrokenEnd().IsMatch(texts[i])
                && WordAtStart().Match(texts[i + 1]) is { Success: true } rest
                && (char.IsLower(rest.Groups["word"].Value[0]) || texts[i].TrimEnd().EndsWith('\u00AD'))
            )
            {
                texts[i] = texts[i].TrimEnd() + "\n" + rest.Groups["word"].Value;
                texts[i + 1] = texts[i + 1][rest.Length..];
            }
        HashSet<string> written = [.. texts.SelectMany(Written)];
        return [.. texts.Select(text => Join(text, written))];
    }

    private static string Join(string text, HashSet<string> written) =>
        Broken()
            .Replace(
                BlankEnd().Replace(text, ""),
                broken =>
                {
                    (string before, string after) = (broken.Groups["before"].Value, broken.Groups["after"].Value);
                    if (broken.Groups["soft"].Success)
                        return before + after;
                    string whole = $"{before}-{after}";
                    if (!char.IsLower(after[0]))
                        return char.IsLetterOrDigit(before[^1]) ? whole : broken.Value;
                    return Keeps(before, after, written) ? whole : before + after;
                }
            );

    private static bool Keeps(string before, string after, HashSet<string> written)
    {
        bool isWhole = written.Contains(Key(before + after));
        bool isParted = written.Contains(Key($"{before}-{after}"));
        return isWhole != isParted
            ? isParted
            : before.Length == 1
                || char.IsDigit(before[^1])
                || before.Contains('-', StringComparison.Ordinal)
                || KeptBefore.Contains(before)
                || KeptAfter.Contains(after);
    }

    /// <summary>The words that stand within lines.</summary>
    private static IEnumerable<string> Written(string text) => Word().Matches(text).Select(word => Key(word.Value));

    private static string Key(string word) =>
        DocumentText.Clean(word).Replace('\u2010', '-').Replace('\u2011', '-').ToLowerInvariant();

    private static HashSet<string> Words(string words) => new(words.Split(' '), StringComparer.OrdinalIgnoreCase);

    [GeneratedRegex(@"[^\S\n]+(?=\n)")]
    private static partial Regex BlankEnd();

    [GeneratedRegex(@"\p{L}[-\u2010\u2011\u00AD]\s*\z")]
    private static partial Regex BrokenEnd();

    [GeneratedRegex(@"\A\s*(?<word>\p{L}\S*)[^\S\n]*\n?")]
    private static partial Regex WordAtStart();

    [GeneratedRegex(
        @"(?<before>[\p{L}\p{N}\p{M}][\p{L}\p{N}\p{M}'’\u00AD\u2010\u2011-]*?)(?:(?<soft>\u00AD)|[-\u2010\u2011])\n[^\S\n]*(?<after>[\p{L}\p{N}][\p{L}\p{N}\p{M}]*)"
    )]
    private static partial Regex Broken();

    [GeneratedRegex(
        @"(?<![\p{L}\p{N}])[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[-\u2010\u2011][\p{L}\p{N}\p{M}]+)*(?![\p{L}\p{N}\p{M}]|[-\u2010\u2011\u00AD]\s*\n)"
    )]
    private static partial Regex Word();
}
