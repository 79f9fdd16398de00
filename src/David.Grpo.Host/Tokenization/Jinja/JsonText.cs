using System.Globalization;
using System.Numerics;
using System.Text;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>The options of Python's <c>json.dumps</c>.</summary>
internal readonly record struct JsonStyle
{
    /// <summary>Of a level, on a line of its own; null: all in one line.</summary>
    public string? Indentation { get; init; }

    /// <summary>Between items, and between a key and its value; null: as Python has them.</summary>
    public (string Item, string Entry)? Separators { get; init; }

    /// <summary>Whether all else is escaped.</summary>
    public bool IsAscii { get; init; }

    public bool SortsKeys { get; init; }

    public string Item => Separators?.Item ?? (Indentation is null ? ", " : ",");

    public string Entry => Separators?.Entry ?? ": ";
}

/// <summary><c>tojson</c> as <c>transformers</c> defines it: Python's <c>json.dumps(value, ensure_ascii=False)</c>.</summary>
internal static class JsonText
{
    public static string Write(object? value, JsonStyle style)
    {
        StringBuilder text = new();
        Write(value, style, 0, text);
        return text.ToString();
    }

    private static void Write(object? value, JsonStyle style, int depth, StringBuilder text)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool truth:
                text.Append(truth ? "true" : "false");
                break;
            case long whole:
                text.Append(whole.ToString(CultureInfo.InvariantCulture));
                break;
            case BigInteger whole:
                text.Append(whole.ToString(CultureInfo.InvariantCulture));
                break;
            case double real:
                text.Append(
                    double.IsNaN(real) ? "NaN"
                    : double.IsInfinity(real) ? (real > 0 ? "Infinity" : "-Infinity")
                    : PythonText.Represent(real)
                );
                break;
            case string quoted:
                Quote(quoted, style, text);
                break;
            case List<object?> list:
                Group('[', ']', list, item => Write(item, style, depth + 1, text), style, depth, text);
                break;
            case Map map:
                void Entry(KeyValuePair<string, object?> entry)
                {
                    Quote(entry.Key, style, text);
                    text.Append(style.Entry);
                    Write(entry.Value, style, depth + 1, text);
                }
                KeyValuePair<string, object?>[] entries = style.SortsKeys
                    ? [.. map.OrderBy(entry => entry.Key, Comparer<string>.Create(PythonText.Compare))]
                    : [.. map];
                Group('{', '}', entries, Entry, style, depth, text);
                break;
            default:
                throw new ChatTemplateException($"'tojson' got {Value.Kind(value)}, which JSON cannot hold.");
        }
    }

    private static void Group<T>(
        char open,
        char close,
        IReadOnlyCollection<T> parts,
        Action<T> write,
        JsonStyle style,
        int depth,
        StringBuilder text
    )
    {
        text.Append(open);
        bool first = true;
        foreach (T part in parts)
        {
            if (!first)
                text.Append(style.Item);
            first = false;
            NewLine(style, depth + 1, text);
            write(part);
        }
        if (!first)
            NewLine(style, depth, text);
        text.Append(close);
    }

    private static void NewLine(JsonStyle style, int depth, StringBuilder text)
    {
        if (style.Indentation is not { } level)
            return;
        text.Append('\n');
        for (int i = 0; i < depth; i++)
            text.Append(level);
    }

    private static void Quote(string value, JsonStyle style, StringBuilder text)
    {
        text.Append('"');
        foreach (char unit in value)
            _ = unit switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                > '\x7e' when style.IsAscii => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                _ => text.Append(unit),
            };
        text.Append('"');
    }
}
