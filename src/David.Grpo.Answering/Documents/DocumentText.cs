using System.Text;
using System.Text.RegularExpressions;
using David.Grpo.Tokenization;

namespace David.Grpo.Documents;

/// <summary>The one clean-up behind every reader, and of every question.</summary>
internal static partial class DocumentText
{
    /// <summary>
    /// A text in Unicode's composed form, without invisible characters (<see cref="CleanText.Of"/>), without what a terminal is
    /// told (colours, links, overstriking) and other control characters. Line separators of other systems become line feeds.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return text;
        text = TerminalSequence().Replace(text, "");
        // As man pages are printed: N\bN is bold, _\bN underlined.
        while (text.Contains('\b') && Overstruck().Replace(text, "") is var struck && struck != text)
            text = struck;
        text = OtherLineEnd().Replace(text, "\n");
        return CanonicalComposition.Compose(CleanText.Of(OtherControl().Replace(text, "")));
    }

    /// <summary>Cleaned, in one line, with one blank for each run of them.</summary>
    public static string OneLine(string text) =>
        string.Join(' ', Clean(text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex(@"\x1B\[[0-?]*[ -/]*[@-~]|\x1B[\]PX^_].*?(?:\a|\x1B\\|$)|\x1B[ -/]*[0-~]?", RegexOptions.Multiline)]
    private static partial Regex TerminalSequence();

    [GeneratedRegex(@"[^\b\n]\x08")]
    private static partial Regex Overstruck();

    [GeneratedRegex(@"\r\n|[\r\v\x85\u2028\u2029]")]
    private static partial Regex OtherLineEnd();

    [GeneratedRegex(@"[\p{Cc}-[\t\n\f]]")]
    private static partial Regex OtherControl();
}
