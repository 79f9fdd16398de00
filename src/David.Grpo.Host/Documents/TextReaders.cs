using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Documents;

/// <summary>Plain text: one section, its file's name the title.</summary>
internal sealed class PlainTextReader : IDocumentReader
{
    public string[] Extensions => [".txt", ".text", ".log", ""];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken) =>
        new(name, [new DocumentSection([], TextDecoding.Decode(content))], []);
}

/// <summary>Markdown: a section for each heading, # and underlined ones. Its text stays as it is written.</summary>
/// <remarks>
/// The title is that of the YAML front matter, or else the first heading of level 1 where there is just one. What stands
/// between code fences is never a heading.
/// </remarks>
internal sealed partial class MarkdownReader : IDocumentReader
{
    public string[] Extensions => [".md", ".markdown", ".mdown"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = TextDecoding.Decode(content);
        List<DroppedText> dropped = [];
        string? title = null;
        if (FrontMatter().Match(text) is { Success: true } matter)
        {
            title = TitleLine().Match(matter.Value) is { Success: true } line
                ? line.Groups[1].Value.Trim('"', '\'')
                : null;
            dropped.Add(new DroppedText("front matter", matter.Length));
            text = text[matter.Length..];
        }
        List<(int Level, string Heading, StringBuilder Text)> parts = [(0, "", new())];
        string? fence = null;
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (Fence().Match(line) is { Success: true } mark)
            {
                if (fence is null)
                    fence = mark.Groups[1].Value;
                else if (mark.Groups[1].Value.StartsWith(fence, StringComparison.Ordinal))
                    fence = null;
            }
            else if (fence is null && Heading().Match(line) is { Success: true } heading)
            {
                parts.Add((heading.Groups[1].Length, Plain(heading.Groups[2].Value), new()));
                continue;
            }
            else if (
                fence is null
                && i + 1 < lines.Length
                && line.Trim().Length > 0
                && Underline().Match(lines[i + 1]) is { Success: true } underline
                && !line.TrimStart().StartsWith('|')
                && (i == 0 || string.IsNullOrWhiteSpace(lines[i - 1]) || Fence().IsMatch(lines[i - 1]))
            )
            {
                parts.Add((underline.Value[0] == '=' ? 1 : 2, Plain(line), new()));
                i++;
                continue;
            }
            parts[^1].Text.Append(line).Append('\n');
        }
        string[] first = [.. parts.Where(part => part.Level == 1).Select(part => part.Heading)];
        title ??= first is [var only] ? only : name;
        return new ReadDocument(title, [.. Sections(parts)], [.. dropped]);
    }

    private static IEnumerable<DocumentSection> Sections(List<(int Level, string Heading, StringBuilder Text)> parts)
    {
        List<(int Level, string Heading)> path = [];
        foreach ((int level, string heading, StringBuilder text) in parts)
        {
            if (level > 0)
            {
                path.RemoveAll(above => above.Level >= level);
                path.Add((level, heading));
            }
            string[] headings = [.. path.Select(part => part.Heading)];
            // A heading with nothing below it is still found: by itself.
            yield return new DocumentSection(headings, text.ToString());
        }
    }

    /// <summary>Without the marks of emphasis, code and links.</summary>
    private static string Plain(string heading) => Marks().Replace(Link().Replace(heading, "$1"), "").Trim();

    [GeneratedRegex(@"\A---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\z)")]
    private static partial Regex FrontMatter();

    [GeneratedRegex(@"(?m)^title:[ \t]*(.+?)[ \t]*$")]
    private static partial Regex TitleLine();

    [GeneratedRegex(@"^ {0,3}(```+|~~~+)")]
    private static partial Regex Fence();

    [GeneratedRegex(@"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")]
    private static partial Regex Heading();

    [GeneratedRegex(@"^ {0,3}(=+|-{3,})[ \t]*$")]
    private static partial Regex Underline();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[*_`]+")]
    private static partial Regex Marks();
}
