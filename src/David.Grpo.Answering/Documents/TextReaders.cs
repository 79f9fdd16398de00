using System.Text.RegularExpressions;
using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace David.Grpo.Documents;

/// <summary>Plain text: one section, its file's name the title.</summary>
internal sealed class PlainTextReader : IDocumentReader
{
    public string[] Extensions => [".txt", ".text", ".log", ""];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken) =>
        new(name, [new DocumentSection([], TextDecoding.Decode(content))], []);
}

/// <summary>Markdown (CommonMark 0.31): a section for each heading. Its text stays as it is written.</summary>
/// <remarks>
/// The title is that of the YAML front matter, or else the first heading of level 1 where there is just one. Front matter
/// begins with a key in the line after its first rule, and holds nothing but keys, their values and comments; whatever else
/// stands between two rules is text. A heading within a list or a quote is text as well.
/// </remarks>
internal sealed partial class MarkdownReader : IDocumentReader
{
    public string[] Extensions => [".md", ".markdown", ".mdown"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = TextDecoding.Decode(content);
        List<DroppedText> dropped = [];
        string? title = null;
        if (FrontMatter(text) is > 0 and int matter)
        {
            title = Title(text[..matter]);
            dropped.Add(new DroppedText("front matter", matter));
            text = text[matter..];
        }
        List<DocumentSection> sections = [];
        List<HeadingBlock> path = [];
        int begin = 0;
        HeadingBlock[] headings = Headings(text);
        foreach (HeadingBlock heading in headings)
        {
            Close(heading.Span.Start);
            path.RemoveAll(above => above.Level >= heading.Level);
            path.Add(heading);
            begin = heading.Span.End + 1;
        }
        Close(text.Length);
        HeadingBlock[] first = [.. headings.Where(heading => heading.Level == 1)];
        return new ReadDocument(title ?? (first is [var only] ? Plain(only) : name), [.. sections], [.. dropped]);

        // A heading with nothing below it is still found: by itself.
        void Close(int end) => sections.Add(new DocumentSection([.. path.Select(Plain)], text[begin..end]));
    }

    /// <summary>None where the text nests deeper than Markdig reads.</summary>
    private static HeadingBlock[] Headings(string text)
    {
        try
        {
            return [.. Markdown.Parse(text).OfType<HeadingBlock>()];
        }
        catch (ArgumentException)
        {
            return [];
        }
    }

    /// <summary>Without the marks of emphasis, code and links.</summary>
    private static string Plain(HeadingBlock heading) =>
        string.Concat(
                heading
                    .Inline!.Descendants()
                    .Select(inline =>
                        inline switch
                        {
                            LiteralInline literal => literal.Content.ToString(),
                            CodeInline code => code.Content,
                            HtmlEntityInline entity => entity.Transcoded.ToString(),
                            AutolinkInline link => link.Url,
                            LineBreakInline => " ",
                            _ => "",
                        }
                    )
            )
            .Trim();

    /// <summary>The front matter's own, in one line; null where it has none.</summary>
    private static string? Title(string matter)
    {
        Match line = TitleLine().Match(matter);
        string title = Blanks().Replace(line.Groups["folded"].Value + line.Groups["plain"].Value, " ").Trim();
        return title switch
        {
            "" => null,
            ['"', _, .., '"'] or ['\'', _, .., '\''] => title[1..^1],
            _ => title,
        };
    }

    /// <summary>Its length at the beginning of a text, in characters; 0 where there is none.</summary>
    private static int FrontMatter(string text)
    {
        int end = 0;
        foreach ((int number, string line) in text.Split('\n').Index())
        {
            end += line.Length + 1;
            bool isRule = line.TrimEnd() is "---" || (number > 0 && line.TrimEnd() is "...");
            if (number > 1 && isRule)
                return Math.Min(end, text.Length);
            bool isMatter =
                number == 0 ? isRule
                : number == 1 ? Key().IsMatch(line)
                : line is "" or [' ' or '\t' or '#' or '-' or ']' or '}', ..] || Key().IsMatch(line);
            if (!isMatter)
                return 0;
        }
        return 0;
    }

    [GeneratedRegex(@"\A[""']?[\w.-]+[""']?:(?:\s|\z)")]
    private static partial Regex Key();

    [GeneratedRegex(
        @"^title:[ \t]*(?:[|>][+-]?[ \t]*\n(?<folded>(?:[ \t]+.*\n)+)|(?<plain>.+))",
        RegexOptions.Multiline
    )]
    private static partial Regex TitleLine();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
