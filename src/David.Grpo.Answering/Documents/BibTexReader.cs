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
        RecordSections records = new();
        List<DroppedText> dropped = [];
        int read = 0;
        for (int at = 0; ; )
        {
            cancellationToken.ThrowIfCancellationRequested();
            Match entry = EntryStart().Match(text, Math.Min(at, text.Length));
            if (!entry.Success)
                break;
            string kind = entry.Groups[1].Value.ToLowerInvariant();
            int open = entry.Index + entry.Length - 1;
            int next = EntryLine().Match(text, open) is { Success: true } line ? line.Index : text.Length;
            int end = Closing(text, open, text.Length);
            // An entry that takes in the beginning of another is broken: it ends there, and only it is lost.
            bool isBroken = end == text.Length || (end >= next && kind is not ("comment" or "preamble"));
            if (isBroken)
                end = Math.Min(end, next);
            string body = text[(open + 1)..Math.Max(end, open + 1)];
            at = Math.Min(text.Length, isBroken ? end : end + 1);
            read += at - entry.Index;
            if (kind is "comment" or "preamble")
                continue;
            (string key, List<(string Name, string Value)> fields) = Fields(body, strings, isString: kind == "string");
            if (isBroken)
                dropped.Add(new DroppedText($"entry {key}, which is not closed", at - entry.Index));
            else if (kind == "string")
                foreach ((string field, string value) in fields)
                    strings[field] = value;
            else
            {
                fields.InsertRange(0, [("key", key), ("type", kind)]);
                records.Name(fields.Select(field => field.Name));
                records.Add(fields.Select(field => new RecordField(field.Name, field.Value)));
            }
        }
        if (records.Count == 0)
            throw new DocumentException("it has no BibTeX entry");
        int between = text.Length - read;
        if (between > records.Count)
            dropped.Add(new DroppedText("text between entries", between));
        return records.Document(name, [.. dropped]);
    }

    /// <summary>Where the brace that opens at a place closes; the end if it never does.</summary>
    private static int Closing(string text, int open, int length)
    {
        int depth = 0;
        for (int i = open; i < length; i++)
            if (text[i] == '\\')
                i++;
            else if (text[i] is '{' or '(' && (text[i] == '{' || i == open))
                depth++;
            else if (text[i] == '}' && --depth == 0)
                return i;
            else if (text[i] == ')' && text[open] == '(' && depth == 1)
                return i;
        return length;
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
                    int close = Closing(body, at, body.Length);
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
                    // A quote that never closes ends with the entry, or where the line of another field begins.
                    close = Math.Min(close, body.Length);
                    Match field = NextField().Match(body, at, close - at);
                    close = field.Success ? field.Index : close;
                    value.Append(body, at + 1, close - at - 1);
                    at = field.Success ? close : close + 1;
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
            string name = start.Groups[1].Value.ToLowerInvariant();
            fields.Add((name, Verbatim.Contains(name) ? Address(value.ToString()) : Plain(value.ToString())));
            at++;
        }
        return (key, fields);
    }

    /// <summary>As it stands, but for braces around it and the backslashes that shield a character from TeX.</summary>
    private static string Address(string value)
    {
        string text = value.Trim();
        if (Url().Match(text) is { Success: true } url)
            text = url.Groups["address"].Value;
        while (text is ['{', .. var inner, '}'])
            text = inner;
        return string.Concat(
            Shielded().Replace(text, "$1").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        );
    }

    /// <summary>Without TeX's braces, with its accents as characters; addresses in it stay as they are.</summary>
    private static string Plain(string value)
    {
        // Each address stands aside, behind a character that no text has.
        List<string> addresses = [];
        string aside = Url()
            .Replace(
                value,
                url =>
                {
                    addresses.Add(Address(url.Value));
                    return url.Value.StartsWith(@"\href", StringComparison.Ordinal) ? "\uFDD0 " : "\uFDD0";
                }
            );
        int next = 0;
        return Aside().Replace(Prose(aside), _ => addresses[next++]);
    }

    private static string Prose(string value)
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

    /// <summary>Fields that TeX reads letter by letter.</summary>
    private static readonly HashSet<string> Verbatim =
    [
        "url",
        "doi",
        "eprint",
        "file",
        "isbn",
        "issn",
        "pdf",
        "urlraw",
        "verba",
        "verbb",
        "verbc",
        "crossref",
        "xref",
        "bdsk-url-1",
        "bdsk-url-2",
        "bdsk-file-1",
        "adsurl",
        "biburl",
    ];

    [GeneratedRegex(@"@\s*([A-Za-z]+)\s*[{(]")]
    private static partial Regex EntryStart();

    /// <summary>Where an entry can begin though the one before is not closed.</summary>
    [GeneratedRegex(@"^[ \t]*@[ \t]*[A-Za-z]+\s*[{(]\s*[^\s{}(),=]*\s*[,=]", RegexOptions.Multiline)]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"\\(?:url|path|nolinkurl|href)\s*\{(?<address>[^{}]*)\}|(?<address>(?:https?|ftp)://[^\s{}""]+)")]
    private static partial Regex Url();

    [GeneratedRegex(@"\\([&%$#_~^{}])")]
    private static partial Regex Shielded();

    [GeneratedRegex("\uFDD0")]
    private static partial Regex Aside();

    [GeneratedRegex(@"\G[\s,]*([A-Za-z][\w\-:.]*)\s*=\s*")]
    private static partial Regex FieldStart();

    [GeneratedRegex(@",?[ \t]*\n\s*[A-Za-z][\w-]*\s*=\s*[""{\d]?")]
    private static partial Regex NextField();

    [GeneratedRegex("""\{?\\(["'`^~=.]|[cvHru](?![A-Za-z]))\s*\{?\\?([A-Za-z])\}?\}?""")]
    private static partial Regex Accent();

    [GeneratedRegex(@"\\(aa|AA|ae|AE|oe|OE|o|O|l|L|ss|i|j)(?![A-Za-z])\s*")]
    private static partial Regex Letter();

    [GeneratedRegex(@"\\([&%$#_{}])|\\[A-Za-z]+\s*")]
    private static partial Regex Command();
}
