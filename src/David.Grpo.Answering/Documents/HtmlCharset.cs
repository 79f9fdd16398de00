using System.Text;
using System.Text.RegularExpressions;
using AngleSharp.Text;

namespace David.Grpo.Documents;

/// <summary>The encoding that an HTML page names.</summary>
internal static partial class HtmlCharset
{
    /// <summary>
    /// Of its first <c>meta</c> with a charset or a content type, wherever it stands, or else of its XML declaration. Comments,
    /// scripts, styles and other elements name none. Null where it names none that is known.
    /// </summary>
    public static Encoding? Of(byte[] content)
    {
        string source = Encoding.Latin1.GetString(content);
        foreach (Match part in Part().Matches(source))
        {
            if (!part.Groups["meta"].Success)
                continue;
            string tag = part.Groups["meta"].Value;
            Match charset = Charset().Match(tag);
            if (!charset.Success && ContentType().IsMatch(tag))
                charset = CharsetWithin().Match(tag);
            if (charset.Success && Known(charset.Groups["label"].Value) is { } encoding)
                return encoding;
        }
        return Declaration().Match(source) is { Success: true } xml ? Known(xml.Groups["label"].Value) : null;
    }

    /// <summary>By the labels of the WHATWG's encoding standard; a page that can be read so far is not UTF-16.</summary>
    private static Encoding? Known(string label) =>
        !TextEncoding.IsSupported(label) ? null
        : TextEncoding.Resolve(label) is UnicodeEncoding ? Encoding.UTF8
        : TextEncoding.Resolve(label);

    [GeneratedRegex(
        @"<!--.*?-->|<(?<element>script|style|textarea|title|noscript|xmp)\b.*?</\k<element>\s*>|(?<meta><meta\b(?:""[^""]*""|'[^']*'|[^>""'])*>)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline
    )]
    private static partial Regex Part();

    [GeneratedRegex(@"\scharset\s*=\s*(?:""\s*(?<label>[^""]*?)\s*""|'\s*(?<label>[^']*?)\s*'|(?<label>[^\s""'/>;]+))(?=(?:[^""']|""[^""]*""|'[^']*')*$)", RegexOptions.IgnoreCase)]
    private static partial Regex Charset();

    [GeneratedRegex(@"http-equiv\s*=\s*[""']?\s*content-type", RegexOptions.IgnoreCase)]
    private static partial Regex ContentType();

    [GeneratedRegex(@"content\s*=.*?charset\s*=\s*[""']?\s*(?<label>[^\s""'/>;]+)", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex CharsetWithin();

    [GeneratedRegex(@"\A\s*<\?xml\b[^>]*\bencoding\s*=\s*[""'](?<label>[^""']+)")]
    private static partial Regex Declaration();
}
