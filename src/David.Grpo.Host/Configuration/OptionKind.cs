using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Configuration;

/// <summary>What may stand at a key.</summary>
internal abstract record OptionKind
{
    /// <summary>Such as "a whole number from 1 to 8".</summary>
    public abstract string Expected { get; }
}

/// <summary>Keys of its own.</summary>
internal sealed record SectionKind(OptionSchema Schema) : OptionKind
{
    public override string Expected => "a section with keys of its own";
}

/// <summary>Any number of values of one kind.</summary>
internal sealed record ListKind(OptionKind Item, Type ItemType) : OptionKind
{
    public override string Expected => $"a list, each item {Item.Expected}";
}

/// <summary>One value.</summary>
internal abstract record ScalarKind : OptionKind
{
    /// <summary>The value that a word means, or null if it means none of this kind.</summary>
    public abstract object? Read(YamlNode.Scalar scalar);

    /// <summary>A word that <see cref="Read"/> takes for the same value.</summary>
    public abstract string Write(object value);

    /// <summary>A word near <paramref name="word"/> that would do; null where there is none.</summary>
    public virtual string? Nearest(string word) => null;
}

/// <summary><c>true</c> or <c>false</c>.</summary>
internal sealed record FlagKind : ScalarKind
{
    public override string Expected => "true or false";

    public override object? Read(YamlNode.Scalar scalar) =>
        (scalar.IsQuoted, scalar.Text) switch
        {
            (false, "true" or "True" or "TRUE") => true,
            (false, "false" or "False" or "FALSE") => false,
            _ => null,
        };

    public override string Write(object value) => (bool)value ? "true" : "false";

    public override string? Nearest(string word) =>
        word.ToLowerInvariant() switch
        {
            "yes" or "on" or "y" or "1" => "true",
            "no" or "off" or "n" or "0" => "false",
            _ => null,
        };
}

/// <summary>A whole number, in decimal digits.</summary>
internal sealed record WholeKind(Type Type, Bounds Bounds) : ScalarKind
{
    public override string Expected => "a whole number" + Bounds;

    public override object? Read(YamlNode.Scalar scalar) =>
        !scalar.IsQuoted
        && long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
        && Bounds.Contains(value)
            ? Convert.ChangeType(value, Type, CultureInfo.InvariantCulture)
            : null;

    public override string Write(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}

/// <summary>A number; infinities are <c>.inf</c> and <c>-.inf</c>, and NaN is none.</summary>
internal sealed partial record RealKind(Bounds Bounds) : ScalarKind
{
    public override string Expected => "a number" + Bounds;

    public override object? Read(YamlNode.Scalar scalar) =>
        !scalar.IsQuoted && Number(scalar.Text) is { } value && Bounds.Contains(value) ? value : null;

    public override string Write(object value) =>
        double.IsNaN((double)value)
            ? throw new ArgumentException("A number is NaN, which no configuration can hold.", nameof(value))
            : Text((double)value);

    /// <summary>The shortest text that reads back as the same number, here and in Python (which wants a point before e).</summary>
    public static string Text(double value)
    {
        if (double.IsInfinity(value))
            return value > 0 ? ".inf" : "-.inf";
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.Contains('e') && !text.Contains('.') ? text.Replace("e", ".0e") : text;
    }

    private static double? Number(string text) =>
        text switch
        {
            ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" => double.PositiveInfinity,
            "-.inf" or "-.Inf" or "-.INF" => double.NegativeInfinity,
            _ when Decimal().IsMatch(text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
                is var number
            && double.IsFinite(number)
                ? number
                : null,
            _ => null,
        };

    // YAML 1.2, section 10.3.2.
    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Decimal();
}

/// <summary>A text, in quotes or not.</summary>
internal record TextKind : ScalarKind
{
    public override string Expected => "a text";

    public override object? Read(YamlNode.Scalar scalar) => scalar.IsNothing ? null : scalar.Text;

    public override string Write(object value) => (string)value is var text && IsPlain(text) ? text : Quoted(text);

    /// <summary>Whether a text needs no quotes: it cannot be taken for anything else, in any version of YAML.</summary>
    private static bool IsPlain(string text) =>
        text is [(>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '/', ..]
        && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '/' or '.' or '_' or '-')
        && text.ToLowerInvariant() is not ("null" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n");

    private static string Quoted(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char letter in text)
            _ = letter switch
            {
                '"' or '\\' => quoted.Append('\\').Append(letter),
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                _ when char.IsControl(letter) || letter is '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF' =>
                    quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                _ => quoted.Append(letter),
            };
        return quoted.Append('"').ToString();
    }
}

/// <summary>A path; in a record that was read it is absolute.</summary>
internal sealed record PathKind : TextKind
{
    public override string Expected => "a path";

    public override object? Read(YamlNode.Scalar scalar) =>
        scalar.Text.Length == 0 || scalar.Text.Contains('\0') ? null : base.Read(scalar);

    public override string Write(object value) =>
        Path.IsPathFullyQualified((string)value)
            ? base.Write(value)
            : throw new ArgumentException(
                $"The path \"{value}\" is relative and would mean another file where the configuration is read back. "
                    + "Give Path.GetFullPath of it.",
                nameof(value)
            );
}

/// <summary>One of some words.</summary>
internal abstract record WordKind(string[] Words) : ScalarKind
{
    public override string Expected =>
        Words is [.. var first, var last] && first.Length > 0 ? $"{string.Join(", ", first)} or {last}" : Words[0];

    public override string? Nearest(string word) => NearestWord.To(word, Words);
}

/// <summary>One of an enum's members.</summary>
internal sealed record ChoiceKind(Type Type) : WordKind([.. Enum.GetNames(Type).Select(OptionSchema.Key)])
{
    public override object? Read(YamlNode.Scalar scalar) =>
        Array.IndexOf(Words, scalar.Text) is >= 0 and var at ? Enum.Parse(Type, Enum.GetNames(Type)[at]) : null;

    public override string Write(object value) =>
        Enum.GetName(Type, value) is { } name
            ? OptionSchema.Key(name)
            : throw new ArgumentException($"{value} is no member of {Type.Name}.", nameof(value));
}

/// <summary>A text that is one of some names.</summary>
internal sealed record NameKind(string[] Names) : WordKind(Names)
{
    public override object? Read(YamlNode.Scalar scalar) => Names.Contains(scalar.Text) ? scalar.Text : null;

    public override string Write(object value) =>
        Names.Contains((string)value)
            ? (string)value
            : throw new ArgumentException($"\"{value}\" is none of {string.Join(", ", Names)}.", nameof(value));
}
