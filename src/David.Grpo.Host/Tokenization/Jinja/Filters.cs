using System.Globalization;
using System.Numerics;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Jinja's filters: <c>value | name</c>. A text filter takes any value, as it is shown.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Func<object?, CallArguments, object?>> All = new()
    {
        ["tojson"] = ToJson,
        ["trim"] = (value, arguments) =>
            PythonText.Strip(PythonText.Show(value), arguments.OptionalText(0, "chars"), true, true),
        ["string"] = (value, _) => PythonText.Show(value),
        ["safe"] = (value, _) => value,
        ["upper"] = (value, _) => PythonText.Upper(PythonText.Show(value)),
        ["lower"] = (value, _) => PythonText.Lower(PythonText.Show(value)),
        ["capitalize"] = (value, _) => PythonText.Capitalize(PythonText.Show(value)),
        ["replace"] = (value, arguments) => Methods.Replace(PythonText.Show(value), arguments),
        ["indent"] = Indent,
        ["int"] = (value, arguments) =>
            ToWhole(value, (int)(arguments.OptionalWhole(1, "base") ?? 10))
            ?? (arguments.Has(0, "default") ? arguments.Optional(0, "default") : 0L),
        ["float"] = (value, arguments) =>
            ToReal(value) ?? (arguments.Has(0, "default") ? arguments.Optional(0, "default") : 0.0),
        ["abs"] = (value, arguments) =>
            value is double real ? Math.Abs(real)
            : Value.Integer(value) is BigInteger whole ? Value.Narrow(BigInteger.Abs(whole))
            : throw arguments.Wrong($"got {Value.Kind(value)}; expected a number"),
        ["round"] = Round,
        ["length"] = Length,
        ["count"] = Length,
        ["default"] = Default,
        ["d"] = Default,
        ["list"] = (value, arguments) => (List<object?>)[.. Items(value, arguments)],
        ["first"] = (value, arguments) =>
            Items(value, arguments) is [var first, ..] ? first : new Undefined("the first of nothing"),
        ["last"] = (value, arguments) =>
            Items(value, arguments) is [.., var last] ? last : new Undefined("the last of nothing"),
        ["reverse"] = (value, arguments) =>
            Access.Slice(value is string ? value : (List<object?>)[.. Items(value, arguments)], null, null, -1),
        ["join"] = (value, arguments) =>
            string.Join(
                arguments.OptionalText(0, "d") ?? "",
                Mapped(value, arguments.Optional(1, "attribute"), arguments).Select(PythonText.Show)
            ),
        ["items"] = (value, arguments) =>
            value is Map map ? Methods.Pairs(map)
            : value is Undefined ? (List<object?>)[]
            : throw arguments.Wrong($"got {Value.Kind(value)}; expected a mapping"),
        ["map"] = Map,
        // Not the items of a mapping, unlike a dot.
        ["attr"] = (value, arguments) =>
            arguments.Text(0, "name") is var name && value is Map && Methods.Find(value, name) is null
                ? new Undefined($"'{name}' of {Value.Kind(value)}")
                : Access.Attribute(value, name),
        ["select"] = (value, arguments) => Chosen(value, arguments, byAttribute: false, keeps: true),
        ["reject"] = (value, arguments) => Chosen(value, arguments, byAttribute: false, keeps: false),
        ["selectattr"] = (value, arguments) => Chosen(value, arguments, byAttribute: true, keeps: true),
        ["rejectattr"] = (value, arguments) => Chosen(value, arguments, byAttribute: true, keeps: false),
    };

    public static bool Exists(string name) => Find(name) is not null;

    public static object? Apply(string name, object? value, CallArguments arguments) =>
        Find(name) is { } filter
            ? filter(value, arguments)
            : throw new ChatTemplateException(
                $"the filter '{name}' is not supported; there are {string.Join(", ", All.Keys.Concat(TextFilters.All.Keys).Concat(Ordering.All.Keys))}."
            );

    private static Func<object?, CallArguments, object?>? Find(string name) =>
        All.GetValueOrDefault(name) ?? TextFilters.All.GetValueOrDefault(name) ?? Ordering.All.GetValueOrDefault(name);

    /// <summary>transformers declares tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False).</summary>
    private static string ToJson(object? value, CallArguments arguments)
    {
        foreach (string option in arguments.Named.Keys)
            if (option is not ("ensure_ascii" or "indent" or "separators" or "sort_keys"))
                throw arguments.Wrong($"takes no '{option}'; expected ensure_ascii, indent, separators or sort_keys");
        object? indent = arguments.Optional(1, "indent");
        return JsonText.Write(
            value,
            new JsonStyle
            {
                Indentation =
                    indent as string
                    ?? (
                        arguments.OptionalWhole(1, "indent") is { } width
                            ? new string(' ', (int)Math.Clamp(width, 0, 100))
                            : null
                    ),
                Separators = arguments.Optional(2, "separators") is { } given
                    ? Value.Items(given) is [string item, string entry]
                        ? (item, entry)
                        : throw arguments.Wrong("takes two texts for 'separators'")
                    : null,
                IsAscii = Value.IsTrue(arguments.Optional(0, "ensure_ascii")),
                SortsKeys = Value.IsTrue(arguments.Optional(3, "sort_keys")),
            }
        );
    }

    /// <summary>By place (0, 1 …) after the point; to the nearest, up or down.</summary>
    private static object Round(object? value, CallArguments arguments)
    {
        int digits = (int)Math.Clamp(arguments.OptionalWhole(0, "precision") ?? 0, -400, 400);
        string method = arguments.OptionalText(1, "method") ?? "common";
        if (Value.Real(value) is not { } real)
            throw arguments.Wrong($"got {Value.Kind(value)}; expected a number");
        double scale = Math.Pow(10, digits);
        return method switch
        {
            // Python's round of a whole number is one.
            "common" when value is not double => Value.Narrow(
                new BigInteger(TextFormat.Round(real, Math.Min(digits, 0)))
            ),
            "common" => TextFormat.Round(real, digits),
            "ceil" => Math.Ceiling(real * scale) / scale,
            "floor" => Math.Floor(real * scale) / scale,
            _ => throw arguments.Wrong($"got the method '{method}'; expected common, ceil or floor"),
        };
    }

    private static object Length(object? value, CallArguments arguments) =>
        value is string text ? (long)PythonText.Length(text) : (long)Items(value, arguments).Count;

    private static object? Default(object? value, CallArguments arguments) =>
        value is Undefined || (Value.IsTrue(arguments.Optional(1, "boolean")) && !Value.IsTrue(value))
            ? arguments.Has(0, "default_value")
                ? arguments.Optional(0, "default_value")
                : ""
            : value;

    private static object? ToWhole(object? value, int numberBase)
    {
        switch (value)
        {
            case double real:
                return double.IsFinite(real) ? Value.Narrow(new BigInteger(real)) : null;
            case string text:
                string digits = text.Trim().Replace("_", "");
                if (
                    BigInteger.TryParse(
                        digits,
                        NumberStyles.AllowLeadingSign,
                        CultureInfo.InvariantCulture,
                        out BigInteger whole
                    )
                    && numberBase == 10
                )
                    return Value.Narrow(whole);
                string prefix = numberBase switch
                {
                    16 => "0x",
                    8 => "0o",
                    2 => "0b",
                    _ => "",
                };
                string bare =
                    prefix != "" && digits.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)
                        ? digits[2..]
                        : digits;
                if (numberBase != 10 && bare != "" && bare.All(digit => Digit(digit) < numberBase))
                    return Value.Narrow(
                        bare.Aggregate(BigInteger.Zero, (sum, digit) => sum * numberBase + Digit(digit))
                    );
                return ToReal(text) is { } number ? ToWhole(number, 10) : null;
            default:
                return Value.Integer(value) is BigInteger integer ? Value.Narrow(integer) : null;
        }
    }

    private static int Digit(char digit) =>
        char.IsAsciiDigit(digit) ? digit - '0'
        : char.IsAsciiLetter(digit) ? char.ToLowerInvariant(digit) - 'a' + 10
        : int.MaxValue;

    private static double? ToReal(object? value) =>
        value is not string text ? Value.Real(value)
        : double.TryParse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out double real)
            ? real
        : text.Trim().ToLowerInvariant() switch
        {
            "inf" or "+inf" or "infinity" => double.PositiveInfinity,
            "-inf" or "-infinity" => double.NegativeInfinity,
            "nan" => double.NaN,
            _ => null,
        };

    /// <summary>Lines after the first moved right; empty ones and the first only if asked for.</summary>
    private static string Indent(object? value, CallArguments arguments)
    {
        object? width = arguments.Optional(0, "width") ?? 4L;
        string space = width as string ?? new string(' ', (int)Math.Clamp(Value.Whole(width) ?? 4, 0, 1000));
        bool first = Value.IsTrue(arguments.Optional(1, "first"));
        bool blank = Value.IsTrue(arguments.Optional(2, "blank"));
        string[] lines = PythonText.Show(value).Split('\n');
        return string.Join(
            '\n',
            lines.Select((line, index) => (index == 0 ? first : blank || line != "") ? space + line : line)
        );
    }

    private static object Map(object? value, CallArguments arguments)
    {
        if (arguments.Named.TryGetValue("attribute", out object? attribute))
            return Mapped(value, attribute, arguments)
                .ConvertAll(item => item is Undefined ? arguments.Named.GetValueOrDefault("default", item) : item);
        string filter = arguments.Text(0, "filter");
        CallArguments rest = new(filter, [.. arguments.Placed.Skip(1)], new(arguments.Named));
        return Items(value, arguments).ConvertAll(item => Apply(filter, item, rest));
    }

    private static List<object?> Chosen(object? value, CallArguments arguments, bool byAttribute, bool keeps)
    {
        int place = byAttribute ? 1 : 0;
        string? test = arguments.OptionalText(place, "test");
        CallArguments rest = new(test ?? "true", [.. arguments.Placed.Skip(place + 1)], []);
        return Items(value, arguments)
            .FindAll(item =>
            {
                object? judged = byAttribute ? Attribute(item, arguments.Required(0, "attribute")) : item;
                return (test is null ? Value.IsTrue(judged) : Predicates.Holds(test, judged, rest)) == keeps;
            });
    }

    private static List<object?> Mapped(object? value, object? attribute, CallArguments arguments) =>
        attribute is null
            ? Items(value, arguments)
            : Items(value, arguments).ConvertAll(item => Attribute(item, attribute));

    /// <summary>An attribute, or an item at a place; a path with dots goes through several.</summary>
    public static object? Attribute(object? item, object? path) =>
        path is not string name
            ? Access.Item(item, path)
            : name.Split('.')
                .Aggregate(
                    item,
                    (owner, part) => Access.Item(owner, long.TryParse(part, out long index) ? index : part)
                );

    public static List<object?> Items(object? value, CallArguments arguments) =>
        Value.Items(value) ?? throw arguments.Wrong($"got {Value.Kind(value)}, which has no items");
}
