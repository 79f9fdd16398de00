using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>What a name, attribute or item that is not there gives. It prints as nothing and is false; using it is an error.</summary>
internal sealed record Undefined(string What);

/// <summary><c>namespace(…)</c>: the one value whose attributes a template can set.</summary>
internal sealed class Namespace(Dictionary<string, object?> attributes)
{
    public Dictionary<string, object?> Attributes { get; } = attributes;
}

/// <summary>Something that can be called.</summary>
internal sealed record Function(string Name, Func<CallArguments, object?> Body);

/// <summary>Python's tuple: a list that prints with round brackets and equals no list.</summary>
internal class FixedList : List<object?>
{
    public FixedList() { }

    public FixedList(IEnumerable<object?> items)
        : base(items) { }
}

/// <summary>A tuple of <c>groupby</c>: the value that its members share, and these.</summary>
internal sealed class Group(object? shared) : FixedList([shared, new List<object?>()])
{
    public object? Shared => this[0];

    public List<object?> Members => (List<object?>)this[1]!;
}

/// <summary>
/// The values of a template, with Python's meaning: none is null, the others are <see cref="bool"/>, <see cref="long"/>,
/// <see cref="BigInteger"/> (whole numbers beyond long alone), <see cref="double"/>, <see cref="string"/>, <see cref="List{T}"/>,
/// <see cref="FixedList"/>, <see cref="Map"/>, <see cref="Namespace"/>, <see cref="Function"/> and <see cref="Undefined"/>.
/// </summary>
internal static class Value
{
    public static object? FromJson(JsonNode? node) =>
        node switch
        {
            null => null,
            JsonArray list => list.Select(FromJson).ToList(),
            JsonObject map => new Map(map.Select(entry => KeyValuePair.Create(entry.Key, FromJson(entry.Value)))),
            _ => node.GetValueKind() switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => FromText(node),
                _ => FromNumber(node.AsValue()),
            },
        };

    public static bool IsTrue(object? value) =>
        value switch
        {
            null or Undefined => false,
            bool truth => truth,
            long whole => whole != 0,
            BigInteger => true,
            double real => real != 0,
            string text => text.Length > 0,
            List<object?> list => list.Count > 0,
            Map map => map.Count > 0,
            _ => true,
        };

    public static bool AreEqual(object? left, object? right) =>
        (left, right) switch
        {
            (Undefined, Undefined) => true,
            (List<object?> a, List<object?> b) => a.Count == b.Count
                && a is FixedList == b is FixedList
                && a.Zip(b).All(pair => AreEqual(pair.First, pair.Second)),
            (Map a, Map b) => a.Count == b.Count
                && a.All(entry => b.TryGetValue(entry.Key, out object? other) && AreEqual(entry.Value, other)),
            (double or long or bool or BigInteger, double or long or bool or BigInteger) => Compare(left, right) == 0,
            _ => Equals(left, right),
        };

    /// <summary>Below 0, 0 or above 0; null where Python cannot order the two.</summary>
    public static int? Compare(object? left, object? right) =>
        (left, right) switch
        {
            (string a, string b) => PythonText.Compare(a, b),
            _ when Integer(left) is BigInteger a && Integer(right) is BigInteger b => a.CompareTo(b),
            _ when Real(left) is double a && Real(right) is double b => double.IsNaN(a) || double.IsNaN(b)
                ? null
                : a.CompareTo(b),
            (List<object?> a, List<object?> b) when a is FixedList == b is FixedList => CompareItems(a, b),
            _ => null,
        };

    private static int? CompareItems(List<object?> left, List<object?> right)
    {
        foreach ((object? a, object? b) in left.Zip(right))
            if (!AreEqual(a, b))
                return Compare(a, b);
        return left.Count.CompareTo(right.Count);
    }

    /// <summary>The items that a loop over the value sees; null if it cannot be looped over.</summary>
    public static List<object?>? Items(object? value) =>
        value switch
        {
            List<object?> list => list,
            Map map => [.. map.Keys],
            string text => [.. PythonText.Characters(text)],
            Undefined => [],
            _ => null,
        };

    /// <summary>A whole number; true and false count as 1 and 0.</summary>
    public static long? Whole(object? value) =>
        value switch
        {
            long whole => whole,
            bool truth => truth ? 1 : 0,
            _ => null,
        };

    /// <summary>A whole number of any size.</summary>
    public static BigInteger? Integer(object? value) => value is BigInteger large ? large : Whole(value);

    /// <summary>A whole number as the smallest of the types that hold it.</summary>
    public static object Narrow(BigInteger whole) =>
        whole >= long.MinValue && whole <= long.MaxValue ? (long)whole : (object)whole;

    public static double? Real(object? value) =>
        value is double real ? real
        : Integer(value) is BigInteger whole ? (double)whole
        : null;

    /// <summary>What a value is, for messages.</summary>
    public static string Kind(object? value) =>
        value switch
        {
            null => "none",
            Undefined undefined => $"undefined ({undefined.What})",
            bool => "a truth value",
            long or double or BigInteger => "a number",
            string => "a text",
            List<object?> => "a list",
            Map => "a mapping",
            Namespace => "a namespace",
            _ => "a function",
        };

    private static string FromText(JsonNode node)
    {
        try
        {
            return node.GetValue<string>();
        }
        catch (InvalidOperationException e)
        {
            throw new ChatTemplateException($"A text in the messages or variables is no valid Unicode: {e.Message}");
        }
    }

    /// <summary>As Python's json reads it: whole without a point and an exponent, else real.</summary>
    private static object FromNumber(JsonValue number)
    {
        string digits = number.ToJsonString();
        bool isReal =
            digits.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 || number.GetValue<object>() is double or float or decimal;
        return isReal
            ? double.Parse(digits, CultureInfo.InvariantCulture)
            : Narrow(BigInteger.Parse(digits, CultureInfo.InvariantCulture));
    }
}
