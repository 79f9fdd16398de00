using System.Buffers;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace David.Grpo.Documents;

/// <summary>HTML: the text of its body, a section for each heading.</summary>
/// <remarks>
/// The encoding is that of the byte-order mark or the <c>charset</c> that the page names, else guessed. Scripts, styles, and what
/// navigation holds are dropped and counted. A row of a table is a line, its cells between bars. Of a page that nests deeper than
/// any browser shows, which the parser would take hours for, the text between the tags is taken.
/// </remarks>
internal sealed partial class HtmlReader : IDocumentReader
{
    private static readonly HashSet<string> Unread =
    [
        "SCRIPT",
        "STYLE",
        "NOSCRIPT",
        "TEMPLATE",
        "NAV",
        "SVG",
        "IFRAME",
        "OBJECT",
        "HEAD",
    ];

    private static readonly HashSet<string> Blocks =
    [
        "ADDRESS",
        "ARTICLE",
        "ASIDE",
        "BLOCKQUOTE",
        "BR",
        "DD",
        "DETAILS",
        "DIV",
        "DL",
        "DT",
        "FIELDSET",
        "FIGCAPTION",
        "FIGURE",
        "FOOTER",
        "FORM",
        "HEADER",
        "HR",
        "LI",
        "MAIN",
        "OL",
        "P",
        "PRE",
        "SECTION",
        "SUMMARY",
        "TABLE",
        "TR",
        "UL",
    ];

    private static readonly HashSet<string> Paragraphs =
    [
        "P",
        "TABLE",
        "UL",
        "OL",
        "DL",
        "PRE",
        "BLOCKQUOTE",
        "SECTION",
    ];

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
        string source = HasNamedCharset(content) ? "" : TextDecoding.Decode(content);
        string tags = source.Length > 0 ? source : Encoding.Latin1.GetString(content);
        if (Nesting(tags) > DeepestNesting)
            return WithoutStructure(name, source.Length > 0 ? source : TextDecoding.Decode(content));
        HtmlParser parser = new();
        using MemoryStream stream = new(content);
        using IHtmlDocument page = source.Length > 0 ? parser.ParseDocument(source) : parser.ParseDocument(stream);
        Walk walk = new(cancellationToken);
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

    /// <summary>In the beginning, where browsers look; the name is then AngleSharp's to follow.</summary>
    private static bool HasNamedCharset(byte[] content) =>
        Encoding
            .Latin1.GetString(content, 0, Math.Min(content.Length, 1024))
            .Contains("charset", StringComparison.OrdinalIgnoreCase);

    private sealed class Walk(CancellationToken cancellationToken)
    {
        private readonly List<(int Level, string Heading)> path = [];
        private readonly List<DocumentSection> sections = [];
        private readonly StringBuilder text = new();

        public int Dropped { get; private set; }

        public string? FirstHeading { get; private set; }

        public DocumentSection[] Sections()
        {
            Finish();
            return [.. sections];
        }

        /// <summary>Not by calls of itself: pages nest deeper than a stack.</summary>
        public void Read(INode root)
        {
            INode? node = root.FirstChild;
            while (node is not null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool descends = Enter(node);
                if (descends && node.FirstChild is { } child)
                {
                    node = child;
                    continue;
                }
                while (node is not null && node != root)
                {
                    Leave(node);
                    if (node.NextSibling is { } next)
                    {
                        node = next;
                        break;
                    }
                    node = node.Parent;
                }
                if (node == root)
                    break;
            }
        }

        private bool Enter(INode node)
        {
            if (node is IText words)
                Append(words);
            if (node is not IElement element)
                return false;
            if (Unread.Contains(element.TagName.ToUpperInvariant()))
            {
                Dropped += element.TextContent.Length;
                return false;
            }
            if (element.TagName is ['H', >= '1' and <= '6' and var level])
            {
                Finish();
                string heading = string.Join(
                    ' ',
                    element.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                );
                FirstHeading ??= heading;
                path.RemoveAll(above => above.Level >= level - '0');
                path.Add((level - '0', heading));
                return false;
            }
            if (Blocks.Contains(element.TagName))
                Break(Paragraphs.Contains(element.TagName) ? 2 : 1);
            else if (element.TagName is "TD" or "TH" && element.PreviousElementSibling is not null)
                text.Append(" | ");
            if (element.GetAttribute("alt") is { Length: > 0 } alt)
                text.Append(alt).Append(' ');
            return true;
        }

        private void Leave(INode node)
        {
            if (node is IElement element && Blocks.Contains(element.TagName))
                Break(Paragraphs.Contains(element.TagName) ? 2 : 1);
        }

        private void Append(IText words)
        {
            if (words.ParentElement?.TagName == "PRE")
            {
                text.Append(words.Data);
                return;
            }
            foreach (char character in words.Data)
                if (!char.IsWhiteSpace(character))
                    text.Append(character);
                else if (text.Length > 0 && !char.IsWhiteSpace(text[^1]))
                    text.Append(' ');
        }

        private void Break(int lines)
        {
            if (text.Length == 0)
                return;
            int there = 0;
            while (there < text.Length && text[^(there + 1)] == '\n')
                there++;
            text.Append('\n', Math.Max(0, lines - there));
        }

        private void Finish()
        {
            sections.Add(new DocumentSection([.. path.Select(part => part.Heading)], text.ToString()));
            text.Clear();
        }
    }
}
