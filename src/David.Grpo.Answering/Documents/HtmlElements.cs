using AngleSharp.Dom;

namespace David.Grpo.Documents;

/// <summary>How browsers show the elements of a page, by their names in capitals.</summary>
internal static class HtmlElements
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

    private static readonly HashSet<string> Paragraphs =
    [
        "P",
        "TABLE",
        "UL",
        "OL",
        "DL",
        "DIR",
        "MENU",
        "PRE",
        "LISTING",
        "XMP",
        "PLAINTEXT",
        "BLOCKQUOTE",
        "SECTION",
    ];

    private static readonly HashSet<string> Blocks =
    [
        "ADDRESS",
        "ARTICLE",
        "ASIDE",
        "BR",
        "CAPTION",
        "CENTER",
        "DD",
        "DETAILS",
        "DIALOG",
        "DIV",
        "DT",
        "FIELDSET",
        "FIGCAPTION",
        "FIGURE",
        "FOOTER",
        "FORM",
        "HEADER",
        "HGROUP",
        "HR",
        "LEGEND",
        "LI",
        "MAIN",
        "NOFRAMES",
        "OPTGROUP",
        "OPTION",
        "SEARCH",
        "SELECT",
        "SUMMARY",
        "TBODY",
        "TD",
        "TEXTAREA",
        "TFOOT",
        "TH",
        "THEAD",
        "TR",
    ];

    private static readonly HashSet<string> Apart =
    [
        "AUDIO",
        "BUTTON",
        "CANVAS",
        "INPUT",
        "LABEL",
        "MARQUEE",
        "METER",
        "OUTPUT",
        "PROGRESS",
        "VIDEO",
    ];

    /// <summary>What no reader of the page reads.</summary>
    public static bool IsUnread(string tag) => Unread.Contains(tag);

    /// <summary>2 around a paragraph, 1 around another block, 0 within a line.</summary>
    public static int LinesAround(IElement element, string tag) =>
        Paragraphs.Contains(tag) ? 2
        : Blocks.Contains(tag) || IsStyled(element, "display:", "block", "flex", "grid", "table", "list-item") ? 1
        : 0;

    /// <summary>Within a line, but never grown together with a neighbour; elements of a page's own among them.</summary>
    public static bool StandsApart(string tag) => Apart.Contains(tag) || tag.Contains('-', StringComparison.Ordinal);

    /// <summary>Whether blanks and line ends in it are shown.</summary>
    public static bool IsPreformatted(IElement element, string tag) =>
        tag is "PRE" or "TEXTAREA" or "LISTING" or "XMP" or "PLAINTEXT"
        || IsStyled(element, "white-space:", "pre", "break-spaces");

    private static bool IsStyled(IElement element, string property, params ReadOnlySpan<string> values)
    {
        if (element.GetAttribute("style") is not { } style)
            return false;
        string bare = style.Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant();
        foreach (string value in values)
            if (bare.Contains(property + value, StringComparison.Ordinal))
                return true;
        return false;
    }
}
