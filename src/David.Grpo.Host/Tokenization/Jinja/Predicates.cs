using System.Numerics;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Jinja's tests: <c>value is name</c>.</summary>
internal static class Predicates
{
    private static readonly Dictionary<string, Func<object?, CallArguments, bool>> All = new()
    {
        ["defined"] = (value, _) => value is not Undefined,
        ["undefined"] = (value, _) => value is Undefined,
        ["none"] = (value, _) => value is null,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["boolean"] = (value, _) => value is bool,
        ["integer"] = (value, _) => value is long or BigInteger,
        ["float"] = (value, _) => value is double,
        ["number"] = (value, _) => value is long or BigInteger or double or bool,
        ["string"] = (value, _) => value is string,
        ["mapping"] = (value, _) => value is Map,
        ["iterable"] = (value, _) => Value.Items(value) is not null,
        ["sequence"] = (value, _) => Value.Items(value) is not null,
        ["callable"] = (value, _) => value is Function or LoopVariable { Again: not null },
        ["lower"] = (value, _) => PythonText.Show(value) is var text && IsCase(text, PythonText.Lower(text)),
        ["upper"] = (value, _) => PythonText.Show(value) is var text && IsCase(text, PythonText.Upper(text)),
        ["escaped"] = (_, _) => false,
        ["filter"] = (value, _) => value is string name && Filters.Exists(name),
        ["test"] = (value, _) => value is string name && Exists(name),
        ["sameas"] = (value, arguments) => IsSame(value, arguments.Required(0, "other")),
        ["odd"] = (value, arguments) => Remainder(value, 2, arguments) == 1,
        ["even"] = (value, arguments) => Remainder(value, 2, arguments) == 0,
        ["divisibleby"] = (value, arguments) =>
            Remainder(value, arguments.OptionalWhole(0, "num") ?? 0, arguments) == 0,
        ["in"] = (value, arguments) => Operators.Contains(arguments.Required(0, "seq"), value),
        ["eq"] = Compares("=="),
        ["equalto"] = Compares("=="),
        ["ne"] = Compares("!="),
        ["lt"] = Compares("<"),
        ["le"] = Compares("<="),
        ["gt"] = Compares(">"),
        ["ge"] = Compares(">="),
        ["lessthan"] = Compares("<"),
        ["greaterthan"] = Compares(">"),
    };

    private static bool Exists(string name) => All.ContainsKey(name);

    /// <summary>As Python's islower and isupper: in this case, and with letters that have one.</summary>
    private static bool IsCase(string text, string cased) =>
        text == cased && PythonText.Characters(text).Exists(PythonText.IsCased);

    private static bool IsSame(object? value, object? other) =>
        value is bool or long or null || other is bool or long or null
            ? value?.GetType() == other?.GetType() && Equals(value, other)
            : ReferenceEquals(value, other) || (value is string && Equals(value, other));

    public static bool Holds(string name, object? value, CallArguments arguments) =>
        All.TryGetValue(name, out Func<object?, CallArguments, bool>? test)
            ? test(value, arguments)
            : throw new ChatTemplateException(
                $"the test '{name}' is not supported; there are {string.Join(", ", All.Keys)}."
            );

    private static Func<object?, CallArguments, bool> Compares(string sign) =>
        (value, arguments) => Operators.Compare(sign, value, arguments.Required(0, "other"));

    private static long Remainder(object? value, long divisor, CallArguments arguments) =>
        Value.Whole(value) is long whole && divisor != 0
            ? Math.Abs(whole % divisor)
            : throw arguments.Wrong(
                $"got {Value.Kind(value)} and {divisor}; expected a whole number and one that is not 0"
            );
}
