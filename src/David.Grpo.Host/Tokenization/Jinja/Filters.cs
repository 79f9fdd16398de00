using System.Globalization;

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
        ["upper"] = (value, _) => PythonText.Show(value).ToUpperInvariant(),
        ["lower"] = (value, _) => PythonText.Show(value).ToLowerInvariant(),
        ["capitalize"] = (value, _) => Methods.Capitalize(PythonText.Show(value)),
        ["replace"] = (value, arguments) => Methods.Replace(PythonText.Show(value), arguments),
        ["indent"] = Indent,
        ["int"] = (value, arguments) => ToWhole(value) ?? arguments.OptionalWhole(0, "default") ?? 0L,
        ["abs"] = (value, arguments) =>
            value is double real ? Math.Abs(real)
            : Value.Whole(value) is long whole ? Math.Abs(whole)
            : throw arguments.Wrong($"got {Value.Kind(value)}; expected a number"),
        ["length"] = Length,
        ["count"] = Length,
        ["default"] = Default,
        ["d"] = Default,
        ["list"] = (value, arguments) => (List<object?>)[.. Items(value, arguments)],
        ["first"] = (value, arguments) =>
            Items(value, arguments) is [var first, ..] ? first : new Undefined("the first of nothing"),
        ["last"] = (value, arguments) =>
            Items(value, arguments) is [.., var last] ? last : new Undefined("the last of nothing"),
        ["reverse"] = (value, _) =>
            value is string ? Access.Slice(value, null, null, -1) : Access.Slice(Value.Items(value), null, null, -1),
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
        ["select"] = (value, arguments) => Chosen(value, arguments, byAttribute: false, keeps: true),
        ["reject"] = (value, arguments) => Chosen(value, arguments, byAttribute: false, keeps: false),
        ["selectattr"] = (value, arguments) => Chosen(value, arguments, byAttribute: true, keeps: true),
        ["rejectattr"] = (value, arguments) => Chosen(value, arguments, byAttribute: true, keeps: false),
    };

    public static object? Apply(string name, object? value, CallArguments arguments) =>
        All.TryGetValue(name, out Func<object?, CallArguments, object?>? filter)
            ? filter(value, arguments)
            : throw new ChatTemplateException(
                $"the filter '{name}' is not supported; there are {string.Join(", ", All.Keys)}."
            );

    private static string ToJson(object? value, CallArguments arguments)
    {
        foreach (string option in arguments.Named.Keys)
            if (
                option is not ("indent" or "ensure_ascii")
                || (option == "ensure_ascii" && Value.IsTrue(arguments.Named[option]))
            )
                throw arguments.Wrong($"takes no '{option}' here; expected indent, or ensure_ascii=false");
        // transformers declares tojson(x, ensure_ascii, indent, ...): the indentation is never given by place.
        return arguments.Placed.Count == 0
            ? JsonText.Write(value, (int?)arguments.OptionalWhole(0, "indent"))
            : throw arguments.Wrong("takes its options by name; expected tojson(indent=4)");
    }

    private static object Length(object? value, CallArguments arguments) =>
        value is string text ? (long)PythonText.Length(text) : (long)Items(value, arguments).Count;

    private static object? Default(object? value, CallArguments arguments) =>
        value is Undefined || (Value.IsTrue(arguments.Optional(1, "boolean")) && !Value.IsTrue(value))
            ? arguments.Has(0, "default_value")
                ? arguments.Optional(0, "default_value")
                : ""
            : value;

    private static long? ToWhole(object? value) =>
        value switch
        {
            double real when Math.Abs(real) < long.MaxValue => (long)real,
            string text when long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long whole) =>
                whole,
            string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) =>
                ToWhole(real),
            _ => Value.Whole(value),
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
        if (arguments.Named.ContainsKey("attribute"))
            return Mapped(value, arguments.Named["attribute"], arguments);
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
                object? judged = byAttribute ? Attribute(item, arguments.Text(0, "attribute")) : item;
                return (test is null ? Value.IsTrue(judged) : Predicates.Holds(test, judged, rest)) == keeps;
            });
    }

    private static List<object?> Mapped(object? value, object? attribute, CallArguments arguments) =>
        attribute is string path
            ? Items(value, arguments).ConvertAll(item => Attribute(item, path))
            : Items(value, arguments);

    /// <summary>An attribute; a path with dots goes through several.</summary>
    private static object? Attribute(object? item, string path) =>
        path.Split('.')
            .Aggregate(item, (owner, name) => Access.Item(owner, long.TryParse(name, out long index) ? index : name));

    private static List<object?> Items(object? value, CallArguments arguments) =>
        Value.Items(value) ?? throw arguments.Wrong($"got {Value.Kind(value)}, which has no items");
}
