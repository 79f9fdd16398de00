using System.Globalization;
using System.Numerics;
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

    /// <summary>Letters whose capital is several characters (Unicode's SpecialCasing.txt), each before its capital.</summary>
    private static readonly Dictionary<char, string> Capitals = (
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552 "
        + "\u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A \u1E99Y\u030A \u1E9AA\u02BE \u1F50\u03A5\u0313 "
        + "\u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 \u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 "
        + "\u1F81\u1F09\u0399 \u1F82\u1F0A\u0399 \u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 "
        + "\u1F86\u1F0E\u0399 \u1F87\u1F0F\u0399 \u1F88\u1F08\u0399 \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 "
        + "\u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 \u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399 \u1F8F\u1F0F\u0399 "
        + "\u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 \u1F93\u1F2B\u0399 \u1F94\u1F2C\u0399 "
        + "\u1F95\u1F2D\u0399 \u1F96\u1F2E\u0399 \u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 "
        + "\u1F9A\u1F2A\u0399 \u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 \u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 "
        + "\u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399 \u1FA1\u1F69\u0399 \u1FA2\u1F6A\u0399 \u1FA3\u1F6B\u0399 "
        + "\u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399 \u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 "
        + "\u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 \u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399 \u1FAD\u1F6D\u0399 "
        + "\u1FAE\u1F6E\u0399 \u1FAF\u1F6F\u0399 \u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 \u1FB4\u0386\u0399 "
        + "\u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 \u1FC3\u0397\u0399 "
        + "\u1FC4\u0389\u0399 \u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 \u1FCC\u0397\u0399 "
        + "\u1FD2\u0399\u0308\u0300 \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 \u1FD7\u0399\u0308\u0342 "
        + "\u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 \u1FE6\u03A5\u0342 "
        + "\u1FE7\u03A5\u0308\u0342 \u1FF2\u1FFA\u0399 \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 "
        + "\u1FF7\u03A9\u0342\u0399 \u1FFC\u03A9\u0399 \uFB00FF \uFB01FI \uFB02FL \uFB03FFI \uFB04FFL \uFB05ST "
        + "\uFB06ST \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 \uFB17\u0544\u053D"
    )
        .Split(' ')
        .ToDictionary(entry => entry[0], entry => entry[1..]);

    /// <summary><c>str.upper</c>, in which ß becomes SS.</summary>
    public static string Upper(string text) =>
        string.Concat(
            text.ToUpperInvariant()
                .Select(unit => Capitals.TryGetValue(unit, out string? capital) ? capital : $"{unit}")
        );

    /// <summary><c>str.lower</c></summary>
    public static string Lower(string text) => Grpo.PythonText.Lower(text);

    /// <summary><c>str.capitalize</c></summary>
    public static string Capitalize(string text) =>
        Characters(text) is [var first, .. var rest] ? Initial(first) + Lower(string.Concat(rest)) : "";

    /// <summary><c>str.title</c>: a letter after another is small, any other is a capital.</summary>
    public static string Title(string text)
    {
        StringBuilder title = new();
        bool isWithin = false;
        foreach (string character in Characters(text))
        {
            bool isCased = IsCased(character);
            title.Append(
                !isCased ? character
                : isWithin ? Lower(character)
                : Initial(character)
            );
            isWithin = isCased;
        }
        return title.ToString();
    }

    /// <summary>Whether a character has upper and lower case.</summary>
    public static bool IsCased(string character) =>
        Upper(character) != character
        || Lower(character) != character
        || char.IsUpper(character, 0)
        || char.IsLower(character, 0);

    private static string Initial(string character) =>
        Upper(character) is var capital && capital.Length > 1 && !char.IsHighSurrogate(capital[0])
            ? capital[..1] + Lower(capital[1..])
            : capital;

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
            Undefined => "Undefined",
            bool truth => truth ? "True" : "False",
            long whole => whole.ToString(CultureInfo.InvariantCulture),
            BigInteger whole => whole.ToString(CultureInfo.InvariantCulture),
            double real => Represent(real),
            string text => Quote(text),
            FixedList and [var only] => $"({Represent(only)},)",
            FixedList tuple => $"({string.Join(", ", tuple.Select(Represent))})",
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
