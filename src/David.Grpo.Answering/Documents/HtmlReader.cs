using System.Buffers;
using System.Net;
using System.Text.RegularExpressions;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace David.Grpo.Documents;

/// <summary>HTML: the text of its body, a section for each heading.</summary>
/// <remarks>
/// The encoding is that of the byte-order mark or of a <c>meta</c> of the page, else guessed. Scripts, styles, and what
/// navigation holds are dropped and counted. A row of a table is a line, its cells between bars; tables that only lay a page
/// out are read as text. Of a page that nests deeper than any browser shows, which the parser would take hours for, the text
/// between the tags is taken.
/// </remarks>
internal sealed partial class HtmlReader : IDocumentReader
{
    /// <summary>Browsers stop at 512.</summary>
    private const int DeepestNesting = 2000;

    /// <summary>Elements without an end tag, or whose end tag may be left out.</summary>
    private static readonly HashSet<string> Unclosed = new(StringComparer.OrdinalIgnoreCase)
    {
        "area",
        "base",
        "body",
        "br",
        "col",
        "colgroup",
        "dd",
        "dt",
        "embed",
        "head",
        "hr",
        "html",
        "img",
        "input",
        "li",
        "link",
        "meta",
        "optgroup",
        "option",
        "p",
        "param",
        "rp",
        "rt",
        "source",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "track",
        "wbr",
    };

    public string[] Extensions => [".html", ".htm", ".xhtml"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string source = TextDecoding.Decode(content, HtmlCharset.Of(content));
        if (Nesting(source) > DeepestNesting)
            return WithoutStructure(name, source);
        HtmlParser parser = new();
        using IHtmlDocument page = parser.ParseDocument(source);
        HtmlWalk walk = new(cancellationToken);
        if (page.Body is { } body)
            walk.Read(body);
        string title = page.Title is { } named && named.Trim().Length > 0 ? named.Trim() : walk.FirstHeading ?? name;
        return new ReadDocument(
            title,
            walk.Sections(),
            walk.Dropped > 0 ? [new DroppedText("scripts, styles and navigation", walk.Dropped)] : []
        );
    }

    /// <summary>How deep elements stand in one another at most, by their tags alone.</summary>
    private static int Nesting(string source)
    {
        int depth = 0;
        int deepest = 0;
        foreach (ValueMatch tag in Tag().EnumerateMatches(source))
        {
            ReadOnlySpan<char> text = source.AsSpan(tag.Index, tag.Length);
            bool isEnd = text[1] == '/';
            ReadOnlySpan<char> element = text[(isEnd ? 2 : 1)..];
            int end = element.IndexOfAnyExcept(NameCharacters);
            if (UnclosedNames.Contains(end < 0 ? element : element[..end]) || text is [.., '/', '>'])
                continue;
            depth = Math.Max(0, depth + (isEnd ? -1 : 1));
            deepest = Math.Max(deepest, depth);
        }
        return deepest;
    }

    private static ReadDocument WithoutStructure(string name, string source)
    {
        int dropped = 0;
        string text = Script()
            .Replace(
                source,
                script =>
                {
                    dropped += script.Length;
                    return " ";
                }
            );
        text = WebUtility.HtmlDecode(Tag().Replace(text, " "));
        return new ReadDocument(
            name,
            [new DocumentSection([], Blanks().Replace(text, " ").Trim())],
            [
                new DroppedText("headings, of a page that nests too deeply to be parsed", 0),
                .. dropped > 0 ? [new DroppedText("scripts and styles", dropped)] : Array.Empty<DroppedText>(),
            ]
        );
    }

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> UnclosedNames =
        Unclosed.GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:"
    );

    [GeneratedRegex(@"</?[a-zA-Z][^<>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(
        @"<(script|style)\b.*?(?:</\1\s*>|\z)|<!--.*?(?:-->|\z)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline
    )]
    private static partial Regex Script();

    [GeneratedRegex(@"[ \t\f]+")]
    private static partial Regex Blanks();
}
