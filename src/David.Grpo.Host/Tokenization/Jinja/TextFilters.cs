using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Jinja's filters that make texts of texts.</summary>
internal static partial class TextFilters
{
    public static readonly Dictionary<string, Func<object?, CallArguments, object?>> All = new()
    {
        ["e"] = (value, _) => Escaped(value),
        ["escape"] = (value, _) => Escaped(value),
        ["forceescape"] = (value, _) => Escaped(value),
        ["title"] = (value, _) =>
            // Jinja's own: a word begins after a blank, a dash or an opening bracket alone.
            string.Concat(WordStart().Split(PythonText.Show(value)).Select(PythonText.Capitalize)),
        ["wordcount"] = (value, _) => (long)Word().Count(PythonText.Show(value)),
        ["center"] = (value, arguments) =>
            Methods
                .Find(PythonText.Show(value), "center")!
                .Body(new CallArguments("center", [arguments.OptionalWhole(0, "width") ?? 80], [])),
        ["format"] = (value, arguments) =>
            TextFormat.Percent(
                PythonText.Show(value),
                arguments.Named.Count > 0 ? new Map(arguments.Named) : new FixedList(arguments.Placed)
            ),
        ["truncate"] = Truncate,
        ["striptags"] = (value, _) =>
            string.Join(
                ' ',
                WebUtility
                    .HtmlDecode(Tag().Replace(PythonText.Show(value), ""))
                    .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            ),
        ["urlencode"] = (value, _) =>
            value is Map map
                ? string.Join(
                    '&',
                    map.Select(entry =>
                        $"{Quoted(entry.Key, " ")}={Quoted(PythonText.Show(entry.Value), " ")}".Replace(' ', '+')
                    )
                )
                : Quoted(PythonText.Show(value), "/"),
        ["filesizeformat"] = FileSize,
    };

    private static string Escaped(object? value) =>
        PythonText
            .Show(value)
            .Replace("&", "&amp;")
            .Replace("<", "&lt;")
            .Replace(">", "&gt;")
            .Replace("'", "&#39;")
            .Replace("\"", "&#34;");

    /// <summary>To a length with the end in it, at a blank unless words may be cut; a text longer by the leeway stays.</summary>
    private static string Truncate(object? value, CallArguments arguments)
    {
        string text = PythonText.Show(value);
        int length = (int)Math.Clamp(arguments.OptionalWhole(0, "length") ?? 255, 0, int.MaxValue / 2);
        string end = arguments.OptionalText(2, "end") ?? "...";
        int leeway = (int)Math.Clamp(arguments.OptionalWhole(3, "leeway") ?? 5, 0, int.MaxValue / 2);
        if (length < PythonText.Length(end))
            throw arguments.Wrong($"got a length of {length}; expected at least that of its end");
        if (PythonText.Length(text) <= length + leeway)
            return text;
        string kept = (string)Access.Slice(text, null, length - PythonText.Length(end), null);
        bool cutsWords = Value.IsTrue(arguments.Optional(1, "killwords"));
        return (!cutsWords && kept.LastIndexOf(' ') is >= 0 and int blank ? kept[..blank] : kept) + end;
    }

    /// <summary>Percent-encoded UTF-8, but for letters, digits, <c>_.-~</c> and what is safe.</summary>
    private static string Quoted(string text, string safe)
    {
        StringBuilder quoted = new();
        foreach (byte unit in Encoding.UTF8.GetBytes(text))
            if (char.IsAsciiLetterOrDigit((char)unit) || "_.-~".Contains((char)unit) || safe.Contains((char)unit))
                quoted.Append((char)unit);
            else
                quoted.Append(CultureInfo.InvariantCulture, $"%{unit:X2}");
        return quoted.ToString();
    }

    private static string FileSize(object? value, CallArguments arguments)
    {
        bool isBinary = Value.IsTrue(arguments.Optional(0, "binary"));
        double bytes = Value.Real(value) ?? throw arguments.Wrong($"got {Value.Kind(value)}; expected a number");
        double step = isBinary ? 1024 : 1000;
        if (bytes == 1)
            return "1 Byte";
        if (bytes < step)
            return $"{(long)bytes} Bytes";
        int unit = 0;
        for (bytes /= step; bytes >= step && unit < 7; bytes /= step)
            unit++;
        return string.Create(
                CultureInfo.InvariantCulture,
                $"{TextFormat.Round(bytes, 1):0.0} {"kMGTPEZY"[unit]}{(isBinary ? "iB" : "B")}"
            )
            .Replace("kiB", "KiB", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=[-\s({\[<])(?=[^-\s({\[<])")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"[\p{L}\p{N}_]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"<!--.*?-->|<[^>]*>", RegexOptions.Singleline)]
    private static partial Regex Tag();
}
