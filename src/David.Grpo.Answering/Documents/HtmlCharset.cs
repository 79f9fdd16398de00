using System.Text;
using System.Text.RegularExpressions;

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

    /// <summary>
    /// Names that the WHATWG's encoding standard reads otherwise than the code pages do, or that these lack; "|" stands around
    /// each.
    /// </summary>
    private static readonly (string Names, int CodePage)[] Others =
    [
        ("|iso-8859-1|iso8859-1|iso_8859-1|latin1|l1|ascii|us-ascii|cp819|cp1252|x-cp1252|", 1252),
        ("|iso-8859-9|iso8859-9|latin5|l5|cp1254|x-cp1254|", 1254),
        ("|iso-8859-11|iso8859-11|tis-620|dos-874|", 874),
        ("|cp1250|x-cp1250|", 1250),
        ("|cp1251|x-cp1251|", 1251),
        ("|gb2312|gb_2312|gb_2312-80|gbk|x-gbk|chinese|csgb2312|", 54936),
        ("|shift-jis|sjis|x-sjis|ms_kanji|ms932|windows-31j|", 932),
        ("|euc-kr|ks_c_5601-1987|ks_c_5601-1989|korean|ksc5601|ksc_5601|windows-949|", 949),
        ("|big5-hkscs|cn-big5|x-x-big5|", 950),
        ("|koi8|koi|koi8_r|", 20866),
        ("|mac|macintosh|x-mac-roman|", 10000),
    ];

    /// <summary>A page that can be read so far is not UTF-16, whatever it says.</summary>
    private static Encoding? Known(string label)
    {
        label = label.Trim().ToLowerInvariant();
        if (label is "utf8" or "unicode" || label.StartsWith("utf-", StringComparison.Ordinal))
            return Encoding.UTF8;
        int codePage = Array
            .Find(Others, other => other.Names.Contains($"|{label}|", StringComparison.Ordinal))
            .CodePage;
        return codePage > 0
            ? CodePagesEncodingProvider.Instance.GetEncoding(codePage)
            : CodePagesEncodingProvider.Instance.GetEncoding(label);
    }

    [GeneratedRegex(
        @"<!--.*?-->|<(?<element>script|style|textarea|title|noscript|xmp)\b.*?</\k<element>\s*>|(?<meta><meta\b(?:""[^""]*""|'[^']*'|[^>""'])*>)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline
    )]
    private static partial Regex Part();

    [GeneratedRegex(
        @"\scharset\s*=\s*(?:""\s*(?<label>[^""]*?)\s*""|'\s*(?<label>[^']*?)\s*'|(?<label>[^\s""'/>;]+))(?=(?:[^""']|""[^""]*""|'[^']*')*$)",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex Charset();

    [GeneratedRegex(@"http-equiv\s*=\s*[""']?\s*content-type", RegexOptions.IgnoreCase)]
    private static partial Regex ContentType();

    [GeneratedRegex(
        @"content\s*=.*?charset\s*=\s*[""']?\s*(?<label>[^\s""'/>;]+)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline
    )]
    private static partial Regex CharsetWithin();

    [GeneratedRegex(@"\A\s*<\?xml\b[^>]*\bencoding\s*=\s*[""'](?<label>[^""']+)")]
    private static partial Regex Declaration();
}
