using System.Text;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>The methods of texts and mappings that templates call. None of them changes its owner.</summary>
internal static class Methods
{
    private const long WidestText = 1_000_000;

    private static readonly Dictionary<string, Func<string, CallArguments, object?>> OfText = new()
    {
        ["strip"] = (text, arguments) => PythonText.Strip(text, arguments.OptionalText(0, "chars"), true, true),
        ["lstrip"] = (text, arguments) => PythonText.Strip(text, arguments.OptionalText(0, "chars"), true, false),
        ["rstrip"] = (text, arguments) => PythonText.Strip(text, arguments.OptionalText(0, "chars"), false, true),
        ["startswith"] = (text, arguments) => Any(arguments, part => text.StartsWith(part, StringComparison.Ordinal)),
        ["endswith"] = (text, arguments) => Any(arguments, part => text.EndsWith(part, StringComparison.Ordinal)),
        ["removeprefix"] = (text, arguments) =>
            arguments.Text(0, "prefix") is var part && text.StartsWith(part, StringComparison.Ordinal)
                ? text[part.Length..]
                : text,
        ["removesuffix"] = (text, arguments) =>
            arguments.Text(0, "suffix") is var part && text.EndsWith(part, StringComparison.Ordinal)
                ? text[..^part.Length]
                : text,
        ["split"] = (text, arguments) => Split(text, arguments, fromEnd: false),
        ["rsplit"] = (text, arguments) => Split(text, arguments, fromEnd: true),
        ["splitlines"] = (text, arguments) => Lines(text, Value.IsTrue(arguments.Optional(0, "keepends"))),
        ["partition"] = (text, arguments) => Partition(text, arguments, fromEnd: false),
        ["rpartition"] = (text, arguments) => Partition(text, arguments, fromEnd: true),
        ["join"] = (text, arguments) => Join(text, arguments),
        ["replace"] = (text, arguments) => Replace(text, arguments),
        ["find"] = (text, arguments) => Find(text, arguments, fromEnd: false) ?? -1L,
        ["rfind"] = (text, arguments) => Find(text, arguments, fromEnd: true) ?? -1L,
        ["index"] = (text, arguments) =>
            Find(text, arguments, fromEnd: false) ?? throw arguments.Wrong("did not find what it looks for"),
        ["rindex"] = (text, arguments) =>
            Find(text, arguments, fromEnd: true) ?? throw arguments.Wrong("did not find what it looks for"),
        ["count"] = Count,
        ["upper"] = (text, _) => PythonText.Upper(text),
        ["lower"] = (text, _) => PythonText.Lower(text),
        ["casefold"] = (text, _) => PythonText.Lower(PythonText.Upper(text)),
        ["capitalize"] = (text, _) => PythonText.Capitalize(text),
        ["title"] = (text, _) => PythonText.Title(text),
        ["swapcase"] = (text, _) =>
            string.Concat(
                PythonText
                    .Characters(text)
                    .Select(one => PythonText.Lower(one) != one ? PythonText.Lower(one) : PythonText.Upper(one))
            ),
        ["center"] = (text, arguments) => Padded(text, arguments, toLeft: false, toRight: false),
        ["ljust"] = (text, arguments) => Padded(text, arguments, toLeft: true, toRight: false),
        ["rjust"] = (text, arguments) => Padded(text, arguments, toLeft: false, toRight: true),
        ["zfill"] = (text, arguments) =>
            text is ['+' or '-', ..]
                ? text[..1] + text[1..].PadLeft(Width(arguments) - 1, '0')
                : text.PadLeft(Width(arguments), '0'),
        ["format"] = (text, arguments) => TextFormat.Braces(text, arguments),
        ["isspace"] = (text, _) => text != "" && text.All(PythonText.IsSpace),
        ["isascii"] = (text, _) => text.All(char.IsAscii),
        ["isalpha"] = (text, _) => Every(text, Rune.IsLetter),
        ["isalnum"] = (text, _) => Every(text, rune => rune.Value != '_' && Grpo.PythonText.IsWord(rune)),
        ["isdecimal"] = (text, _) => Every(text, Rune.IsDigit),
        ["isdigit"] = (text, _) =>
            Every(text, rune => Rune.IsDigit(rune) || "²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉".Contains(rune.ToString())),
        ["isnumeric"] = (text, _) => Every(text, Rune.IsNumber),
        ["isupper"] = (text, _) =>
            Cased(text) is { Count: > 0 } letters
            && PythonText.Upper(text) == text
            && letters.TrueForAll(one => PythonText.Lower(one) != one),
        ["islower"] = (text, _) =>
            Cased(text) is { Count: > 0 } letters && letters.TrueForAll(one => PythonText.Lower(one) == one),
        ["istitle"] = (text, _) => Cased(text).Count > 0 && PythonText.Title(text) == text,
    };

    private static readonly Dictionary<string, Func<List<object?>, CallArguments, object?>> OfList = new()
    {
        ["index"] = (list, arguments) =>
            list.FindIndex(item => Value.AreEqual(item, arguments.Required(0, "value"))) is >= 0 and int place
                ? (long)place
                : throw arguments.Wrong("did not find what it looks for"),
        ["count"] = (list, arguments) => (long)list.Count(item => Value.AreEqual(item, arguments.Required(0, "value"))),
        ["copy"] = (list, _) => list,
    };

    private static readonly Dictionary<string, Func<Map, CallArguments, object?>> OfMap = new()
    {
        ["items"] = (map, _) => Pairs(map),
        ["keys"] = (map, _) => map.Keys.ToList<object?>(),
        ["values"] = (map, _) => map.Values.ToList(),
        ["get"] = (map, arguments) =>
            arguments.Required(0, "key") is string key && map.TryGetValue(key, out object? value)
                ? value
                : arguments.Optional(1, "default"),
        ["copy"] = (map, _) => map,
    };

    /// <summary>A method, bound to its owner; null if there is none of that name.</summary>
    public static Function? Find(object? owner, string name) =>
        owner switch
        {
            string text when OfText.TryGetValue(name, out var method) => new Function(
                name,
                arguments => method(text, arguments)
            ),
            List<object?> list when OfList.TryGetValue(name, out var method) => new Function(
                name,
                arguments => method(list, arguments)
            ),
            Map map when OfMap.TryGetValue(name, out var method) => new Function(
                name,
                arguments => method(map, arguments)
            ),
            _ => null,
        };

    /// <summary>The entries as tuples of key and value.</summary>
    public static List<object?> Pairs(Map map) => [.. map.Select(entry => new FixedList([entry.Key, entry.Value]))];

    /// <summary><c>replace(old, new, count)</c>; an empty old text stands before every character and at the end.</summary>
    public static string Replace(string text, CallArguments arguments)
    {
        string old = arguments.Text(0, "old");
        string by = arguments.Text(1, "new");
        long most = arguments.OptionalWhole(2, "count") is >= 0 and long count ? count : long.MaxValue;
        List<string> parts = old == "" ? ["", .. PythonText.Characters(text), ""] : [.. text.Split(old)];
        return Joined(parts, old, by, most);
    }

    private static string Joined(List<string> parts, string old, string by, long most)
    {
        StringBuilder text = new(parts[0]);
        for (int i = 1; i < parts.Count; i++)
            text.Append(i <= most ? by : old).Append(parts[i]);
        return text.ToString();
    }

    private static string Join(string separator, CallArguments arguments) =>
        Value.Items(arguments.Required(0, "iterable")) is { } items && items.TrueForAll(item => item is string)
            ? string.Join(separator, items)
            : throw arguments.Wrong("takes a list of texts");

    /// <summary>An argument may be one text or a list of them.</summary>
    private static bool Any(CallArguments arguments, Predicate<string> holds) =>
        arguments.Required(0, "prefix") is List<object?> texts
            ? texts.Exists(text => text is string part && holds(part))
            : holds(arguments.Text(0, "prefix"));

    /// <summary>At a separator, or at runs of white space if none is given, at most so many times.</summary>
    private static List<object?> Split(string text, CallArguments arguments, bool fromEnd)
    {
        long most = arguments.OptionalWhole(1, "maxsplit") is >= 0 and long given ? given : long.MaxValue;
        string? separator = arguments.OptionalText(0, "sep");
        if (separator == "")
            throw arguments.Wrong("got an empty separator; expected a text, or none");
        List<object?> parts = [];
        // What is left between the places that were split at.
        string rest = separator is null ? PythonText.Strip(text, null, start: !fromEnd, end: fromEnd) : text;
        while (parts.Count < most && (separator is not null || rest != ""))
        {
            (int at, int length) = Next(rest, separator, fromEnd);
            if (at < 0)
                break;
            parts.Add(fromEnd ? rest[(at + length)..] : rest[..at]);
            rest = fromEnd ? rest[..at] : rest[(at + length)..];
        }
        if (separator is null)
            rest = parts.Count < most ? PythonText.Strip(rest, null, true, true) : rest;
        if (separator is not null || rest != "")
            parts.Add(rest);
        if (fromEnd)
            parts.Reverse();
        return parts;
    }

    /// <summary>The separator nearest to the beginning or the end; without one a run of white space.</summary>
    private static (int At, int Length) Next(string text, string? separator, bool fromEnd)
    {
        if (separator is not null)
            return (
                fromEnd
                    ? text.LastIndexOf(separator, StringComparison.Ordinal)
                    : text.IndexOf(separator, StringComparison.Ordinal),
                separator.Length
            );
        int at = fromEnd
            ? Array.FindLastIndex(text.ToCharArray(), PythonText.IsSpace)
            : Array.FindIndex(text.ToCharArray(), PythonText.IsSpace);
        if (at < 0)
            return (-1, 0);
        int first = at;
        int last = at;
        while (fromEnd && first > 0 && PythonText.IsSpace(text[first - 1]))
            first--;
        while (!fromEnd && last + 1 < text.Length && PythonText.IsSpace(text[last + 1]))
            last++;
        return (first, last - first + 1);
    }

    private static FixedList Partition(string text, CallArguments arguments, bool fromEnd)
    {
        string separator = arguments.Text(0, "sep");
        if (separator == "")
            throw arguments.Wrong("got an empty separator; expected a text");
        (int at, int length) = Next(text, separator, fromEnd);
        return at >= 0 ? new FixedList([text[..at], separator, text[(at + length)..]])
            : fromEnd ? new FixedList(["", "", text])
            : new FixedList([text, "", ""]);
    }

    /// <summary>The place of a part in code points, within the places given; null where it is not.</summary>
    private static long? Find(string text, CallArguments arguments, bool fromEnd)
    {
        string part = arguments.Text(0, "sub");
        long? start = arguments.OptionalWhole(1, "start");
        string within = (string)Access.Slice(text, start, arguments.OptionalWhole(2, "end"), null);
        int at = fromEnd
            ? within.LastIndexOf(part, StringComparison.Ordinal)
            : within.IndexOf(part, StringComparison.Ordinal);
        long skipped = start is { } given
            ? given < 0
                ? Math.Max(0, PythonText.Length(text) + given)
                : given
            : 0;
        return at < 0 ? null : PythonText.Length(within[..at]) + skipped;
    }

    private static object Count(string text, CallArguments arguments)
    {
        string part = arguments.Text(0, "sub");
        string within = (string)
            Access.Slice(text, arguments.OptionalWhole(1, "start"), arguments.OptionalWhole(2, "end"), null);
        return part == "" ? PythonText.Length(within) + 1L : within.Split(part).Length - 1L;
    }

    private static string Padded(string text, CallArguments arguments, bool toLeft, bool toRight)
    {
        string fill = arguments.OptionalText(1, "fillchar") ?? " ";
        int missing = Math.Max(0, Width(arguments) - PythonText.Length(text));
        // Python gives the odd blank of an odd width to the left.
        int before =
            toLeft ? 0
            : toRight ? missing
            : missing / 2 + (missing & Width(arguments) & 1);
        return string.Concat(Enumerable.Repeat(fill, before))
            + text
            + string.Concat(Enumerable.Repeat(fill, missing - before));
    }

    private static int Width(CallArguments arguments) =>
        (int)
            Math.Clamp(
                arguments.OptionalWhole(0, "width") ?? throw arguments.Wrong("has no argument 'width'"),
                0,
                WidestText
            );

    private static bool Every(string text, Predicate<Rune> holds) =>
        text != "" && text.EnumerateRunes().All(rune => holds(rune));

    private static List<string> Cased(string text) => PythonText.Characters(text).FindAll(PythonText.IsCased);

    private static List<object?> Lines(string text, bool keepsEnds)
    {
        List<object?> lines = [];
        int start = 0;
        for (int at = 0; at < text.Length; at++)
        {
            if (!"\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029".Contains(text[at]))
                continue;
            int end = at;
            at += text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n' ? 1 : 0;
            lines.Add(text[start..(keepsEnds ? at + 1 : end)]);
            start = at + 1;
        }
        if (start < text.Length)
            lines.Add(text[start..]);
        return lines;
    }
}
