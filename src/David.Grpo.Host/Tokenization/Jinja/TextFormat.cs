using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Python's two ways to write values into a text: <c>'%s' % value</c> and <c>'{}'.format(value)</c>.</summary>
internal static partial class TextFormat
{
    private const int Widest = 10_000;

    /// <summary><c>%</c> with the flags <c>- + 0</c> and blank, a width, a precision, and one of <c>s r d i x X o f F e E g G c %</c>.</summary>
    public static string Percent(string format, object? values)
    {
        List<object?> placed = values is FixedList tuple ? tuple : [values];
        int used = 0;
        object? Next() =>
            used < placed.Count
                ? placed[used++]
                : throw new ChatTemplateException("'%' got fewer values than the format takes.");
        string text = PercentField()
            .Replace(
                format,
                field =>
                {
                    string kind = field.Groups["kind"].Value;
                    if (kind == "%")
                        return "%";
                    object? value = field.Groups["key"] is { Success: true } key
                        ? Access.Item(values, key.Value)
                        : Next();
                    if (kind is "s" or "r")
                    {
                        string shown = kind == "s" ? PythonText.Show(value) : PythonText.Represent(value);
                        return Padded(
                            field.Groups["precision"].Success ? Cut(shown, Number(field, "precision") ?? 0) : shown,
                            field.Groups["flags"].Value.Contains('-') ? "<" : ">",
                            ' ',
                            Number(field, "width") ?? 0
                        );
                    }
                    return Formatted(
                        kind is "i" or "u" ? "d" : kind,
                        value,
                        field.Groups["flags"].Value,
                        Number(field, "width") ?? 0,
                        Number(field, "precision")
                    );
                }
            );
        return used < placed.Count && values is FixedList
            ? throw new ChatTemplateException("'%' got more values than the format takes.")
            : text;
    }

    /// <summary><c>{}</c>, <c>{0}</c>, <c>{name}</c>, with attributes, items, <c>!r</c>, <c>!s</c> and a format after a colon.</summary>
    public static string Braces(string format, CallArguments arguments)
    {
        int next = 0;
        return BraceField()
            .Replace(
                format,
                field =>
                {
                    if (field.Value is "{{" or "}}")
                        return field.Value[..1];
                    if (!field.Groups["path"].Success)
                        throw arguments.Wrong($"got '{field.Value}' in its format; braces stand in pairs");
                    string[] path = field
                        .Groups["path"]
                        .Value.Split(['.', '[', ']'], StringSplitOptions.RemoveEmptyEntries);
                    string head =
                        path is [var name, ..] && field.Groups["path"].Value[0] is not ('.' or '[') ? name : "";
                    object? value =
                        head == "" ? arguments.Required(next++, "")
                        : int.TryParse(head, CultureInfo.InvariantCulture, out int place)
                            ? arguments.Required(place, "")
                        : arguments.Required(int.MaxValue, head);
                    foreach (string part in path.Skip(head == "" ? 0 : 1))
                        value = Access.Item(value, long.TryParse(part, out long index) ? index : part);
                    if (field.Groups["conversion"].Value == "r")
                        value = PythonText.Represent(value);
                    return Specified(value, field.Groups["spec"].Value, arguments);
                }
            );
    }

    /// <summary>Python's <c>round</c>: to the nearest, of two the even, by the number's exact value.</summary>
    /// <returns>NaN and infinities as they are.</returns>
    public static double Round(double value, int digits)
    {
        if (!double.IsFinite(value) || value == 0 || digits > 320)
            return value;
        if (digits < -320)
            return 0;
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        BigInteger mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;
        BigInteger numerator =
            mantissa * BigInteger.Pow(10, Math.Max(digits, 0)) * BigInteger.Pow(2, Math.Max(exponent, 0));
        BigInteger divisor = BigInteger.Pow(10, Math.Max(-digits, 0)) * BigInteger.Pow(2, Math.Max(-exponent, 0));
        BigInteger whole = BigInteger.DivRem(numerator, divisor, out BigInteger rest);
        int half = (2 * rest).CompareTo(divisor);
        if (half > 0 || (half == 0 && !whole.IsEven))
            whole++;
        return Math.CopySign(double.Parse($"{whole}E{-digits}", CultureInfo.InvariantCulture), value);
    }

    private static string Specified(object? value, string spec, CallArguments arguments)
    {
        Match match = Specification().Match(spec);
        if (!match.Success)
            throw arguments.Wrong($"does not know the format '{spec}'");
        string align = match.Groups["align"].Value;
        char fill = match.Groups["fill"] is { Success: true, Value: [var given, ..] } ? given : ' ';
        int width = Number(match, "width") ?? 0;
        string kind = match.Groups["kind"].Value;
        if (value is not (long or BigInteger or double or bool) || (value is bool && kind == ""))
        {
            string shown = PythonText.Show(value);
            return Padded(
                Number(match, "precision") is { } most ? Cut(shown, most) : shown,
                align == "" ? "<" : align,
                fill,
                width
            );
        }
        string flags =
            (match.Groups["sign"].Value is "+" or " " ? match.Groups["sign"].Value : "")
            + (match.Groups["zero"].Success && align == "" ? "0" : "")
            + match.Groups["comma"].Value;
        string number = Formatted(kind, value, flags, flags.Contains('0') ? width : 0, Number(match, "precision"));
        return Padded(number, align is "" or "=" ? ">" : align, fill, width);
    }

    private static string Formatted(string kind, object? value, string flags, int width, int? precision)
    {
        if (kind == "c")
            return value as string ?? new Rune((int)(Value.Whole(value) ?? 0)).ToString();
        bool isWhole =
            kind is "d" or "x" or "X" or "o" or "b" || (kind is "" or "n" && value is not double && precision is null);
        bool isNegative;
        string digits;
        if (isWhole)
        {
            BigInteger whole =
                Value.Integer(value) ?? (value is double real ? new BigInteger(real) : throw NoNumber(kind, value));
            isNegative = whole < 0;
            digits = InBase(BigInteger.Abs(whole), kind);
        }
        else
        {
            double real = Value.Real(value) ?? throw NoNumber(kind, value);
            isNegative = double.IsNegative(real);
            digits = Real(Math.Abs(real), kind, precision);
        }
        if (flags.Contains(','))
            digits = Grouped(digits);
        string sign =
            isNegative ? "-"
            : flags.Contains('+') ? "+"
            : flags.Contains(' ') ? " "
            : "";
        width = Math.Min(width, Widest);
        return flags.Contains('-') ? (sign + digits).PadRight(width)
            : flags.Contains('0') ? sign + digits.PadLeft(width - sign.Length, '0')
            : (sign + digits).PadLeft(width);
    }

    private static string InBase(BigInteger whole, string kind)
    {
        int numberBase = kind switch
        {
            "x" or "X" => 16,
            "o" => 8,
            "b" => 2,
            _ => 10,
        };
        if (numberBase == 10 || whole.IsZero)
            return whole.ToString(CultureInfo.InvariantCulture);
        StringBuilder digits = new();
        for (; whole > 0; whole /= numberBase)
            digits.Insert(0, "0123456789abcdef"[(int)(whole % numberBase)]);
        return kind == "X" ? digits.ToString().ToUpperInvariant() : digits.ToString();
    }

    private static string Real(double value, string kind, int? precision)
    {
        if (!double.IsFinite(value))
            return PythonText.Represent(value);
        int digits = Math.Min(precision ?? 6, 300);
        switch (kind)
        {
            case "f" or "F":
                return Round(value, digits).ToString($"F{digits}", CultureInfo.InvariantCulture);
            case "%":
                return Round(value * 100, digits).ToString($"F{digits}", CultureInfo.InvariantCulture) + "%";
            case "e" or "E":
                string text = value.ToString($"{kind}{digits}", CultureInfo.InvariantCulture);
                // .NET writes three digits of the exponent, Python two at least.
                return text[^3] == '0' ? text.Remove(text.Length - 3, 1) : text;
            case "" when precision is null:
                return PythonText.Represent(value);
            default:
                int significant = Math.Max(1, digits);
                string scientific = value.ToString($"E{significant - 1}", CultureInfo.InvariantCulture);
                int exponent = int.Parse(
                    scientific.AsSpan(scientific.IndexOf('E') + 1),
                    NumberStyles.AllowLeadingSign,
                    CultureInfo.InvariantCulture
                );
                if (exponent < -4 || exponent >= significant)
                    return $"{Trimmed(scientific[..scientific.IndexOf('E')])}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
                return Trimmed(
                    value.ToString($"F{Math.Max(0, significant - 1 - exponent)}", CultureInfo.InvariantCulture)
                );
        }
    }

    private static string Trimmed(string digits) => digits.Contains('.') ? digits.TrimEnd('0').TrimEnd('.') : digits;

    private static string Grouped(string digits)
    {
        int point = digits.IndexOfAny(['.', 'e']);
        StringBuilder grouped = new(point < 0 ? digits : digits[..point]);
        for (int at = grouped.Length - 3; at > 0; at -= 3)
            grouped.Insert(at, ',');
        return grouped + (point < 0 ? "" : digits[point..]);
    }

    private static string Padded(string text, string align, char fill, int width)
    {
        int missing = Math.Max(0, Math.Min(width, Widest) - PythonText.Length(text));
        int before = align switch
        {
            "<" => 0,
            "^" => missing / 2,
            _ => missing,
        };
        return new string(fill, before) + text + new string(fill, missing - before);
    }

    private static string Cut(string text, int most) => (string)Access.Slice(text, null, most, null);

    private static int? Number(Match match, string group) =>
        match.Groups[group].Success && int.TryParse(match.Groups[group].Value, out int number) ? number : null;

    private static ChatTemplateException NoNumber(string kind, object? value) =>
        new($"the format '{kind}' takes a number, and got {Value.Kind(value)}.");

    [GeneratedRegex(
        @"%(?:\((?<key>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>\d+)?(?:\.(?<precision>\d+))?(?<kind>[srdiuxXofFeEgGc%])"
    )]
    private static partial Regex PercentField();

    [GeneratedRegex(@"\{\{|\}\}|\{(?<path>[^{}!:]*)(?:!(?<conversion>[rs]))?(?::(?<spec>[^{}]*))?\}|[{}]")]
    private static partial Regex BraceField();

    [GeneratedRegex(
        @"\A(?:(?<fill>.)?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<zero>0)?(?<width>\d+)?(?<comma>,)?(?:\.(?<precision>\d+))?(?<kind>[sdxXobfFeEgGn%]?)\z"
    )]
    private static partial Regex Specification();
}
