namespace David.Grpo.Tokenization.Jinja;

/// <summary>The methods of texts and mappings that templates call. None of them changes its owner.</summary>
internal static class Methods
{
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
        ["split"] = Split,
        ["splitlines"] = (text, _) => Lines(text),
        ["join"] = (text, arguments) => Join(text, arguments),
        ["replace"] = (text, arguments) => Replace(text, arguments),
        ["find"] = (text, arguments) =>
            text.IndexOf(arguments.Text(0, "sub"), StringComparison.Ordinal) is >= 0 and var at
                ? (long)PythonText.Length(text[..at])
                : -1L,
        ["upper"] = (text, _) => text.ToUpperInvariant(),
        ["lower"] = (text, _) => text.ToLowerInvariant(),
        ["capitalize"] = (text, _) => Capitalize(text),
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
    };

    /// <summary>A method, bound to its owner; null if there is none of that name.</summary>
    public static Function? Find(object? owner, string name) =>
        owner switch
        {
            string text when OfText.TryGetValue(name, out var method) => new Function(
                name,
                arguments => method(text, arguments)
            ),
            Map map when OfMap.TryGetValue(name, out var method) => new Function(
                name,
                arguments => method(map, arguments)
            ),
            _ => null,
        };

    /// <summary>The entries as lists of key and value.</summary>
    public static List<object?> Pairs(Map map) =>
        [.. map.Select(entry => new List<object?> { entry.Key, entry.Value })];

    /// <summary><c>replace(old, new, count)</c>; an empty old text stands before every character and at the end.</summary>
    public static string Replace(string text, CallArguments arguments)
    {
        string old = arguments.Text(0, "old");
        string by = arguments.Text(1, "new");
        long most = arguments.OptionalWhole(2, "count") is >= 0 and long count ? count : long.MaxValue;
        List<string> parts = old == "" ? ["", .. PythonText.Characters(text), ""] : [.. text.Split(old)];
        return Joined(parts, old, by, most);
    }

    public static string Capitalize(string text) =>
        PythonText.Characters(text) is [var first, .. var rest]
            ? first.ToUpperInvariant() + string.Concat(rest).ToLowerInvariant()
            : "";

    private static string Joined(List<string> parts, string old, string by, long most)
    {
        System.Text.StringBuilder text = new(parts[0]);
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
    private static object Split(string text, CallArguments arguments)
    {
        long most = arguments.OptionalWhole(1, "maxsplit") is >= 0 and long given ? given : int.MaxValue - 1;
        int parts = (int)Math.Min(most, int.MaxValue - 1) + 1;
        if (arguments.OptionalText(0, "sep") is { } separator)
            return separator != ""
                ? text.Split(separator, parts).ToList<object?>()
                : throw arguments.Wrong("got an empty separator; expected a text, or none");

        List<object?> words = [];
        string rest = PythonText.Strip(text, null, start: true, end: false);
        while (rest != "")
        {
            int end = 0;
            while (end < rest.Length && !PythonText.IsSpace(rest[end]))
                end++;
            if (words.Count == parts - 1)
            {
                words.Add(PythonText.Strip(rest, null, start: false, end: true));
                break;
            }
            words.Add(rest[..end]);
            rest = PythonText.Strip(rest[end..], null, start: true, end: false);
        }
        return words;
    }

    private static List<object?> Lines(string text)
    {
        List<object?> lines = [.. text.Replace("\r\n", "\n").Replace('\r', '\n').Split('\n')];
        if (lines[^1] is "")
            lines.RemoveAt(lines.Count - 1);
        return lines;
    }
}
