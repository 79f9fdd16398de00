using System.Numerics;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Python's operators on values.</summary>
internal static class Operators
{
    /// <summary>The longest text or list that <c>*</c> makes.</summary>
    private const int LongestRepetition = 1_000_000;

    public static object? Unary(string sign, object? value) =>
        (sign, value) switch
        {
            ("not", _) => !Value.IsTrue(value),
            ("-", double real) => -real,
            ("+", double real) => real,
            (_, long or bool or BigInteger) => Value.Narrow((sign == "-" ? -1 : 1) * Value.Integer(value)!.Value),
            _ => throw new ChatTemplateException($"'{sign}' takes a number, and got {Value.Kind(value)}."),
        };

    public static object? Binary(string sign, object? left, object? right)
    {
        return (sign, left, right) switch
        {
            ("~", _, _) => PythonText.Show(left) + PythonText.Show(right),
            ("+", string a, string b) => a + b,
            ("+", FixedList a, FixedList b) => new FixedList([.. a, .. b]),
            ("+", List<object?> a and not FixedList, List<object?> b and not FixedList) => (List<object?>)[.. a, .. b],
            ("*", string text, long or bool) => Repeat(text, right),
            ("*", long or bool, string text) => Repeat(text, left),
            ("*", List<object?> list, long or bool) => Repeat(list, right),
            ("*", long or bool, List<object?> list) => Repeat(list, left),
            ("%", string format, _) => TextFormat.Percent(format, right),
            _ when Value.Integer(left) is BigInteger a && Value.Integer(right) is BigInteger b => Whole(sign, a, b),
            _ when Value.Real(left) is double a && Value.Real(right) is double b => Real(sign, a, b),
            _ => throw new ChatTemplateException($"'{sign}' cannot take {Value.Kind(left)} and {Value.Kind(right)}."),
        };
    }

    public static bool Compare(string sign, object? left, object? right) =>
        sign switch
        {
            "==" => Value.AreEqual(left, right),
            "!=" => !Value.AreEqual(left, right),
            "in" => Contains(right, left),
            "not in" => !Contains(right, left),
            _ => Value.Compare(left, right) is int order
                ? sign switch
                {
                    "<" => order < 0,
                    "<=" => order <= 0,
                    ">" => order > 0,
                    _ => order >= 0,
                }
                : throw new ChatTemplateException(
                    $"'{sign}' cannot compare {Value.Kind(left)} and {Value.Kind(right)}."
                ),
        };

    public static bool Contains(object? container, object? item) =>
        (container, item) switch
        {
            (string text, string part) => text.Contains(part, StringComparison.Ordinal),
            (List<object?> list, _) => list.Exists(other => Value.AreEqual(other, item)),
            (Map map, string key) => map.ContainsKey(key),
            (Map or Undefined, _) => false,
            _ => throw new ChatTemplateException(
                $"'in' cannot look for {Value.Kind(item)} in {Value.Kind(container)}."
            ),
        };

    private static object Whole(string sign, BigInteger left, BigInteger right) =>
        sign switch
        {
            "+" => Value.Narrow(left + right),
            "-" => Value.Narrow(left - right),
            "*" => Value.Narrow(left * right),
            "**" when right >= 0 => Value.Narrow(Power(left, right)),
            "//" when right != 0 => Value.Narrow(
                BigInteger.Divide(left, right) - (left % right != 0 && left < 0 != right < 0 ? 1 : 0)
            ),
            "%" when right != 0 => Value.Narrow((left % right + right) % right),
            _ => Real(sign, (double)left, (double)right),
        };

    private static object Real(string sign, double left, double right) =>
        sign switch
        {
            "/" or "//" or "%" when right == 0 => throw new ChatTemplateException($"'{sign}' cannot divide by 0."),
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            "//" => Math.Floor(left / right),
            "%" => left - right * Math.Floor(left / right),
            _ => Math.Pow(left, right),
        };

    private static BigInteger Power(BigInteger value, BigInteger exponent)
    {
        if (BigInteger.Abs(value) <= 1)
            exponent = BigInteger.Min(exponent, 2 - exponent % 2);
        return exponent * value.GetBitLength() <= LongestRepetition
            ? BigInteger.Pow(value, (int)exponent)
            : throw new ChatTemplateException("'**' gives a number that is too large.");
    }

    private static string Repeat(string text, object? times) =>
        string.Concat(Enumerable.Repeat(text, Times(text.Length, times)));

    private static List<object?> Repeat(List<object?> list, object? times)
    {
        IEnumerable<object?> items = Enumerable.Repeat(list, Times(list.Count, times)).SelectMany(item => item);
        return list is FixedList ? new FixedList(items) : items.ToList();
    }

    private static int Times(int length, object? times)
    {
        long count = Math.Max(0, Value.Whole(times) ?? 0);
        return length == 0 ? 0
            : count <= LongestRepetition / length ? (int)count
            : throw new ChatTemplateException($"'*' makes more than {LongestRepetition} items.");
    }
}
