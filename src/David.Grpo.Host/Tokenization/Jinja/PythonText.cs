using System.Globalization;
using System.Text;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Texts as Python has them: lengths and places count code points, and values print as Python prints them.</summary>
internal static class PythonText
{
    /// <summary>Whether Python counts a character as white space; U+001C–U+001F are, unlike in .NET.</summary>
    public static bool IsSpace(char unit) => char.IsWhiteSpace(unit) || unit is >= '\u001C' and <= '\u001F';

    /// <summary><c>strip</c>, <c>lstrip</c>, <c>rstrip</c>: without the characters given, or without white space if none are.</summary>
    public static string Strip(string text, string? characters, bool start, bool end)
    {
        HashSet<string>? set = characters is null ? null : [.. Characters(characters)];
        bool Goes(ReadOnlySpan<char> character) =>
            set is null
                ? character.Length == 1 && IsSpace(character[0])
                : set.GetAlternateLookup<ReadOnlySpan<char>>().Contains(character);
        int from = 0;
        int to = text.Length;
        while (start && from < to && Goes(text.AsSpan(from, Width(text, from))))
            from += Width(text, from);
        while (end && to > from)
        {
            int width = to - from > 1 && char.IsSurrogatePair(text[to - 2], text[to - 1]) ? 2 : 1;
            if (!Goes(text.AsSpan(to - width, width)))
                break;
            to -= width;
        }
        return text[from..to];
    }

    /// <summary>The characters of a text, each a text of one code point.</summary>
    public static List<string> Characters(string text)
    {
        List<string> characters = new(text.Length);
        for (int at = 0, width; at < text.Length; at += width)
        {
            width = Width(text, at);
            characters.Add(text.Substring(at, width));
        }
        return characters;
    }

    /// <summary>The number of code points.</summary>
    public static int Length(string text)
    {
        int length = 0;
        for (int at = 0; at < text.Length; at += Width(text, at))
            length++;
        return length;
    }

    /// <summary>Order by code point, in which U+FFFF comes before U+10000.</summary>
    public static int Compare(string left, string right)
    {
        int at = left.AsSpan().CommonPrefixLength(right);
        if (at == left.Length || at == right.Length)
            return left.Length.CompareTo(right.Length);
        bool highLeft = char.IsSurrogate(left[at]);
        return highLeft == char.IsSurrogate(right[at]) ? left[at].CompareTo(right[at])
            : highLeft ? 1
            : -1;
    }

    /// <summary><c>str(value)</c>; undefined prints as nothing.</summary>
    public static string Show(object? value) =>
        value switch
        {
            string text => text,
            Undefined => "",
            _ => Represent(value),
        };

    /// <summary><c>repr(value)</c></summary>
    public static string Represent(object? value) =>
        value switch
        {
            null => "None",
            bool truth => truth ? "True" : "False",
            long whole => whole.ToString(CultureInfo.InvariantCulture),
            double real => Represent(real),
            string text => Quote(text),
            List<object?> list => $"[{string.Join(", ", list.Select(Represent))}]",
            Map map => $"{{{string.Join(", ", map.Select(entry => $"{Quote(entry.Key)}: {Represent(entry.Value)}"))}}}",
            _ => throw new ChatTemplateException($"{Value.Kind(value)} cannot be shown."),
        };

    /// <summary>The shortest digits that give the number back; with an exponent below 1e-4 and from 1e16.</summary>
    public static string Represent(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        string shortest = value.ToString("E16", CultureInfo.InvariantCulture);
        for (int digits = 0; digits < 17; digits++)
        {
            string candidate = value.ToString($"E{digits}", CultureInfo.InvariantCulture);
            if (double.Parse(candidate, CultureInfo.InvariantCulture) != value)
                continue;
            shortest = candidate;
            break;
        }
        int split = shortest.IndexOf('E');
        int exponent = int.Parse(
            shortest.AsSpan(split + 1),
            NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture
        );
        string sign = shortest[0] == '-' ? "-" : "";
        string mantissa = shortest[sign.Length..split].Replace(".", "");
        if (exponent is < -4 or >= 16)
        {
            string fraction = mantissa.Length > 1 ? $".{mantissa[1..]}" : "";
            return $"{sign}{mantissa[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{mantissa}";
        string padded = mantissa.PadRight(exponent + 2, '0');
        return $"{sign}{padded[..(exponent + 1)]}.{padded[(exponent + 1)..]}";
    }

    private static string Quote(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        StringBuilder quoted = new();
        quoted.Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
            quoted.Append(
                rune.Value switch
                {
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '\\' => "\\\\",
                    var point when point == quote => $"\\{quote}",
                    var point when IsPrintable(rune) => rune.ToString(),
                    <= 0xFF and var point => $"\\x{point:x2}",
                    <= 0xFFFF and var point => $"\\u{point:x4}",
                    var point => $"\\U{point:x8}",
                }
            );
        return quoted.Append(quote).ToString();
    }

    private static bool IsPrintable(Rune rune) =>
        rune.Value == ' '
        || Rune.GetUnicodeCategory(rune)
            is not (
                UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.Surrogate
                or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.SpaceSeparator
            );

    private static int Width(string text, int at) => char.IsSurrogatePair(text, at) ? 2 : 1;
}
