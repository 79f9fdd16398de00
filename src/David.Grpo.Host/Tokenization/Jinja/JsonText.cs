using System.Globalization;
using System.Text;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>
/// <c>tojson</c> as <c>transformers</c> defines it: Python's <c>json.dumps(value, ensure_ascii=False)</c>, with ", " and ": "
/// between parts, or with newlines where an indentation is given.
/// </summary>
internal static class JsonText
{
    public static string Write(object? value, int? indent)
    {
        StringBuilder text = new();
        Write(value, indent, 0, text);
        return text.ToString();
    }

    private static void Write(object? value, int? indent, int depth, StringBuilder text)
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
            case double real:
                text.Append(
                    double.IsNaN(real) ? "NaN"
                    : double.IsInfinity(real) ? (real > 0 ? "Infinity" : "-Infinity")
                    : PythonText.Represent(real)
                );
                break;
            case string quoted:
                Quote(quoted, text);
                break;
            case List<object?> list:
                Group('[', ']', list, item => Write(item, indent, depth + 1, text), indent, depth, text);
                break;
            case Map map:
                void Entry(KeyValuePair<string, object?> entry)
                {
                    Quote(entry.Key, text);
                    text.Append(": ");
                    Write(entry.Value, indent, depth + 1, text);
                }
                Group('{', '}', map, Entry, indent, depth, text);
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
        int? indent,
        int depth,
        StringBuilder text
    )
    {
        text.Append(open);
        bool first = true;
        foreach (T part in parts)
        {
            if (!first)
                text.Append(indent is null ? ", " : ",");
            first = false;
            NewLine(indent, depth + 1, text);
            write(part);
        }
        if (!first)
            NewLine(indent, depth, text);
        text.Append(close);
    }

    private static void NewLine(int? indent, int depth, StringBuilder text)
    {
        if (indent is { } width)
            text.Append('\n').Append(' ', width * depth);
    }

    private static void Quote(string value, StringBuilder text)
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
                _ => text.Append(unit),
            };
        text.Append('"');
    }
}
