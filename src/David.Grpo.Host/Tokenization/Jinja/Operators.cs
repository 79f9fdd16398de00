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
            (_, long or bool) => sign == "-" ? -Value.Whole(value) : Value.Whole(value),
            _ => throw new ChatTemplateException($"'{sign}' takes a number, and got {Value.Kind(value)}."),
        };

    public static object? Binary(string sign, object? left, object? right)
    {
        try
        {
            return (sign, left, right) switch
            {
                ("~", _, _) => PythonText.Show(left) + PythonText.Show(right),
                ("+", string a, string b) => a + b,
                ("+", List<object?> a, List<object?> b) => (List<object?>)[.. a, .. b],
                ("*", string text, long or bool) => Repeat(text, text.Length, right),
                ("*", List<object?> list, long or bool) => Enumerable
                    .Repeat(list, Times(list.Count, right))
                    .SelectMany(item => item)
                    .ToList(),
                _ when Value.Whole(left) is long a && Value.Whole(right) is long b => Whole(sign, a, b),
                _ when Value.Real(left) is double a && Value.Real(right) is double b => Real(sign, a, b),
                _ => throw new ChatTemplateException(
                    $"'{sign}' cannot take {Value.Kind(left)} and {Value.Kind(right)}."
                ),
            };
        }
        catch (OverflowException)
        {
            throw new ChatTemplateException($"'{sign}' gives a number that is too large.");
        }
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

    private static object Whole(string sign, long left, long right) =>
        sign switch
        {
            "+" => checked(left + right),
            "-" => checked(left - right),
            "*" => checked(left * right),
            "**" when right >= 0 => Power(left, right),
            "//" when right != 0 => checked(left / right) - (left % right != 0 && (left < 0) != (right < 0) ? 1 : 0),
            "%" when right != 0 => right == -1 ? 0 : (left % right + right) % right,
            _ => Real(sign, left, right),
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

    private static long Power(long value, long exponent)
    {
        long power = 1;
        for (; exponent > 0; exponent--)
        {
            power = checked(power * value);
            if (power is 0 or 1 && value is 0 or 1)
                break;
        }
        return power;
    }

    private static string Repeat(string text, int length, object? times) =>
        string.Concat(Enumerable.Repeat(text, Times(length, times)));

    private static int Times(int length, object? times)
    {
        long count = Math.Max(0, Value.Whole(times) ?? 0);
        return length == 0 ? 0
            : count <= LongestRepetition / length ? (int)count
            : throw new ChatTemplateException($"'*' makes more than {LongestRepetition} items.");
    }
}
