using System.Text;
using System.Text.RegularExpressions;
using David.Grpo.Tokenization;

namespace David.Grpo.Documents;

/// <summary>A BibTeX bibliography: a section an entry, headed by its title. Braces, accents and strings are resolved.</summary>
internal sealed partial class BibTexReader : IDocumentReader
{
    private static readonly Dictionary<char, char> Accents = new()
    {
        ['"'] = '\u0308',
        ['\''] = '\u0301',
        ['`'] = '\u0300',
        ['^'] = '\u0302',
        ['~'] = '\u0303',
        ['='] = '\u0304',
        ['.'] = '\u0307',
        ['c'] = '\u0327',
        ['v'] = '\u030C',
        ['H'] = '\u030B',
        ['r'] = '\u030A',
        ['u'] = '\u0306',
    };

    private static readonly Dictionary<string, string> Letters = new(StringComparer.Ordinal)
    {
        ["aa"] = "å",
        ["AA"] = "Å",
        ["ae"] = "æ",
        ["AE"] = "Æ",
        ["oe"] = "œ",
        ["OE"] = "Œ",
        ["o"] = "ø",
        ["O"] = "Ø",
        ["l"] = "ł",
        ["L"] = "Ł",
        ["ss"] = "ß",
        ["i"] = "i",
        ["j"] = "j",
    };

    public string[] Extensions => [".bib"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = TextDecoding.Decode(content);
        Dictionary<string, string> strings = new(StringComparer.OrdinalIgnoreCase);
        List<DocumentSection> sections = [];
        List<string> names = [];
        int read = 0;
        for (int at = 0; ; )
        {
            cancellationToken.ThrowIfCancellationRequested();
            Match entry = EntryStart().Match(text, Math.Min(at, text.Length));
            if (!entry.Success)
                break;
            string kind = entry.Groups[1].Value.ToLowerInvariant();
            int end = Closing(text, entry.Index + entry.Length - 1);
            string body = text[(entry.Index + entry.Length)..Math.Max(end, entry.Index + entry.Length)];
            at = Math.Min(text.Length, end + 1);
            read += at - entry.Index;
            if (kind is "comment" or "preamble")
                continue;
            (string key, List<(string Name, string Value)> fields) = Fields(body, strings, isString: kind == "string");
            if (kind == "string")
            {
                foreach ((string field, string value) in fields)
                    strings[field] = value;
                continue;
            }
            fields.InsertRange(0, [("key", key), ("type", kind)]);
            names.AddRange(fields.Select(field => field.Name).Except(names));
            if (RecordText.Section(fields) is { } section)
                sections.Add(section);
        }
        if (sections.Count == 0)
            throw new DocumentException("it has no BibTeX entry");
        int between = text.Length - read;
        return new ReadDocument(
            name,
            [.. sections],
            between > sections.Count ? [new DroppedText("text between entries", between)] : [],
            [.. names]
        );
    }

    /// <summary>Where the brace that opens at a place closes; the end of the text if it never does.</summary>
    private static int Closing(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
            if (text[i] == '\\')
                i++;
            else if (text[i] is '{' or '(' && (text[i] == '{' || i == open))
                depth++;
            else if (text[i] == '}' && --depth == 0)
                return i;
            else if (text[i] == ')' && text[open] == '(' && depth == 1)
                return i;
        return text.Length;
    }

    private static (string Key, List<(string, string)> Fields) Fields(
        string body,
        Dictionary<string, string> strings,
        bool isString
    )
    {
        List<(string, string)> fields = [];
        int at = 0;
        string key = "";
        if (!isString)
        {
            int comma = body.IndexOf(',', StringComparison.Ordinal);
            key = (comma < 0 ? body : body[..comma]).Trim();
            at = comma < 0 ? body.Length : comma + 1;
        }
        while (at < body.Length && FieldStart().Match(body, at) is { Success: true } start)
        {
            at = start.Index + start.Length;
            StringBuilder value = new();
            while (at < body.Length && body[at] != ',')
            {
                if (body[at] == '{')
                {
                    int close = Closing(body, at);
                    value.Append(body, at + 1, Math.Max(0, close - at - 1));
                    at = close + 1;
                }
                else if (body[at] == '"')
                {
                    int close = at + 1;
                    for (int depth = 0; close < body.Length && (body[close] != '"' || depth > 0); close++)
                        depth +=
                            body[close] == '{' ? 1
                            : body[close] == '}' ? -1
                            : 0;
                    value.Append(body, at + 1, Math.Min(close, body.Length) - at - 1); // a quote that never closes ends with the entry
                    at = close + 1;
                }
                else if (char.IsWhiteSpace(body[at]) || body[at] == '#')
                    at++;
                else
                {
                    int close = at;
                    while (close < body.Length && body[close] is not (',' or '#') && !char.IsWhiteSpace(body[close]))
                        close++;
                    string word = body[at..close];
                    value.Append(strings.GetValueOrDefault(word, word));
                    at = close;
                }
            }
            fields.Add((start.Groups[1].Value.ToLowerInvariant(), Plain(value.ToString())));
            at++;
        }
        return (key, fields);
    }

    /// <summary>Without TeX's braces, with its accents as characters.</summary>
    private static string Plain(string value)
    {
        string text = Accent()
            .Replace(
                value,
                match =>
                    Accents.TryGetValue(match.Groups[1].Value[0], out char mark)
                        ? CanonicalComposition.Compose($"{match.Groups[2].Value}{mark}")
                        : match.Groups[2].Value
            );
        text = Letter()
            .Replace(text, match => Letters[match.Groups[1].Value])
            .Replace("---", "—", StringComparison.Ordinal)
            .Replace("--", "–", StringComparison.Ordinal)
            .Replace("~", " ", StringComparison.Ordinal);
        text = Command()
            .Replace(text, "$1")
            .Replace("{", "", StringComparison.Ordinal)
            .Replace("}", "", StringComparison.Ordinal);
        return string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    [GeneratedRegex(@"@\s*([A-Za-z]+)\s*[{(]")]
    private static partial Regex EntryStart();

    [GeneratedRegex(@"\G[\s,]*([A-Za-z][\w\-:.]*)\s*=\s*")]
    private static partial Regex FieldStart();

    [GeneratedRegex("""\{?\\(["'`^~=.]|[cvHru](?![A-Za-z]))\s*\{?\\?([A-Za-z])\}?\}?""")]
    private static partial Regex Accent();

    [GeneratedRegex(@"\\(aa|AA|ae|AE|oe|OE|o|O|l|L|ss|i|j)(?![A-Za-z])\s*")]
    private static partial Regex Letter();

    [GeneratedRegex(@"\\([&%$#_{}])|\\[A-Za-z]+\s*")]
    private static partial Regex Command();
}
