using System.Globalization;
using System.Text;
using AngleSharp.Dom;

namespace David.Grpo.Documents;

/// <summary>Goes through a page once, and puts its text into sections.</summary>
internal sealed class HtmlWalk(CancellationToken cancellationToken)
{
    private readonly List<(int Level, string Heading)> path = [];
    private readonly List<DocumentSection> sections = [];
    private readonly Stack<StringBuilder> outer = [];
    private StringBuilder text = new();
    private HtmlRows? table;
    private int preformatted;

    /// <summary>Characters that were left out.</summary>
    public int Dropped { get; private set; }

    public string? FirstHeading { get; private set; }

    /// <summary>What was read, and nothing more to come.</summary>
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
            if (descends)
                Leave(node);
            while (node != root && node.NextSibling is null)
            {
                node = node.Parent!;
                if (node != root)
                    Leave(node);
            }
            node = node == root ? null : node.NextSibling;
        }
    }

    /// <summary>Whether what it holds is read; only then it is left as well.</summary>
    private bool Enter(INode node)
    {
        if (node is IText words)
            Append(words.Data);
        if (node is not IElement element)
            return false;
        string tag = element.LocalName.ToUpperInvariant();
        if (HtmlElements.IsUnread(tag))
        {
            Dropped += element.TextContent.Length;
            return false;
        }
        if (HtmlElements.IsPreformatted(element, tag))
            preformatted++;
        if (table is not null)
            EnterWithinTable(element, tag);
        else if (tag is "TABLE" && HtmlRows.HoldsData(element))
        {
            Break(2);
            table = new HtmlRows();
        }
        else if (HeadingLevel(tag) > 0)
        {
            Finish();
            Capture();
        }
        else
            Break(HtmlElements.LinesAround(element, tag));
        if (HtmlElements.StandsApart(tag))
            Blank();
        if (element.GetAttribute("alt") is { Length: > 0 } alt)
        {
            Blank();
            Append(alt);
            Blank();
        }
        return true;
    }

    private void Leave(INode node)
    {
        if (node is not IElement element)
            return;
        string tag = element.LocalName.ToUpperInvariant();
        if (HtmlElements.IsPreformatted(element, tag))
            preformatted--;
        if (table is not null)
            LeaveWithinTable(element, tag);
        else if (HeadingLevel(tag) is > 0 and int level)
            Head(level, Captured());
        else
            Break(HtmlElements.LinesAround(element, tag));
        if (HtmlElements.StandsApart(tag))
            Blank();
    }

    /// <summary>Whatever breaks lines elsewhere is a blank in a cell, and so is a table within.</summary>
    private void EnterWithinTable(IElement element, string tag)
    {
        if (tag is "TABLE")
            table!.Depth++;
        if (tag is "TD" or "TH" or "CAPTION" && table!.Depth == 0)
            Capture();
        else if (HtmlElements.LinesAround(element, tag) > 0 || tag is "TD" or "TH" || HeadingLevel(tag) > 0)
            Blank();
    }

    private void LeaveWithinTable(IElement element, string tag)
    {
        if (table!.Depth > 0)
        {
            table.Depth -= tag is "TABLE" ? 1 : 0;
            Blank();
            return;
        }
        switch (tag)
        {
            case "TD" or "TH":
                table.Add(Captured(), Span(element, "colspan"), Span(element, "rowspan"));
                break;
            case "CAPTION":
                string caption = Captured();
                text.Append(caption);
                Break(1);
                break;
            case "TR":
                text.Append(table.EndRow());
                Break(1);
                break;
            case "TABLE":
                table = null;
                Break(2);
                break;
            default:
                if (HtmlElements.LinesAround(element, tag) > 0 || HeadingLevel(tag) > 0)
                    Blank();
                break;
        }
    }

    private static int Span(IElement element, string name) =>
        int.TryParse(element.GetAttribute(name), CultureInfo.InvariantCulture, out int span)
            ? Math.Clamp(span, 1, 1000)
            : 1;

    private static int HeadingLevel(string tag) => tag is ['H', >= '1' and <= '6' and var level] ? level - '0' : 0;

    private void Head(int level, string heading)
    {
        // The mark of a link to the heading itself.
        heading = heading.TrimEnd('¶', ' ');
        if (heading.Length == 0)
            return;
        FirstHeading ??= heading;
        path.RemoveAll(above => above.Level >= level);
        path.Add((level, heading));
    }

    /// <summary>What follows is read by itself, until it is taken.</summary>
    private void Capture()
    {
        outer.Push(text);
        text = new StringBuilder();
    }

    /// <summary>In one line.</summary>
    private string Captured()
    {
        string captured = DocumentText.OneLine(text.ToString());
        text = outer.Pop();
        return captured;
    }

    private void Append(string words)
    {
        if (preformatted > 0)
        {
            text.Append(words);
            return;
        }
        foreach (char character in words)
            if (!char.IsWhiteSpace(character))
                text.Append(character);
            else
                Blank();
    }

    private void Blank()
    {
        if (preformatted == 0 && text.Length > 0 && !char.IsWhiteSpace(text[^1]))
            text.Append(' ');
    }

    private void Break(int lines)
    {
        if (text.Length == 0 || lines == 0)
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

/// <summary>The rows of a table, as its cells come.</summary>
internal sealed class HtmlRows
{
    /// <summary>A cell of more characters is a part of a page, not of a table.</summary>
    private const int LongestCell = 1000;

    private readonly List<string> row = [];

    /// <summary>Cells that go on in the rows below, by their column.</summary>
    private readonly Dictionary<int, (string Text, int Rows)> spans = [];

    /// <summary>Tables within this one that are being read.</summary>
    public int Depth { get; set; }

    /// <summary>Whether a table has rows of several cells, and is not there to lay out a page.</summary>
    public static bool HoldsData(IElement table)
    {
        if (table.GetAttribute("role") is "presentation" or "none" || table.QuerySelector("h1, h2") is not null)
            return false;
        IElement[] cells = [.. table.QuerySelectorAll("td, th").Where(cell => cell.Closest("table") == table)];
        return cells.Length > 1
            && cells.GroupBy(cell => cell.ParentElement).Any(row => row.Count() > 1)
            && cells.All(cell => cell.TextContent.Length <= LongestCell);
    }

    public void Add(string text, int columns, int rows)
    {
        Fill();
        if (rows > 1)
            spans[row.Count] = (text, rows - 1);
        row.Add(text);
        // A wide cell says its text once.
        for (int i = 1; i < columns; i++)
            row.Add("");
    }

    /// <summary>The cells of the row between bars; those at its end that are empty are left out.</summary>
    public string EndRow()
    {
        Fill();
        while (row is [.., ""])
            row.RemoveAt(row.Count - 1);
        string line = row.Count(cell => cell.Length > 0) == 1 ? row[^1] : string.Join(" | ", row).Trim();
        row.Clear();
        return line;
    }

    private void Fill()
    {
        while (spans.Remove(row.Count, out (string Text, int Rows) span))
        {
            if (span.Rows > 1)
                spans[row.Count] = (span.Text, span.Rows - 1);
            row.Add(span.Text);
        }
    }
}
