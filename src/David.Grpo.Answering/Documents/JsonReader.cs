using System.Text.Json;
using System.Text.RegularExpressions;

namespace David.Grpo.Documents;

/// <summary>JSON Lines, or one JSON array or object: a section a record.</summary>
internal sealed partial class JsonReader : IDocumentReader
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
    };

    public string[] Extensions => [".jsonl", ".ndjson", ".json"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = Readable(TextDecoding.Decode(content));
        RecordSections records = new();
        int broken = 0;
        int characters = 0;
        foreach (string record in Records(text))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using JsonDocument json = JsonDocument.Parse(record, Lenient);
                RecordField[] fields = [.. Flat(json.RootElement, "")];
                records.Name(fields.Select(field => field.Name));
                records.Add(fields);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                broken++;
                characters += record.Length;
            }
        }
        if (records.Count == 0 && broken > 0)
            throw new DocumentException("it is no JSON");
        return records.Document(
            name,
            broken > 0
                ? [new DroppedText($"{broken} {(broken == 1 ? "line" : "lines")} of no valid JSON", characters)]
                : []
        );
    }

    /// <summary>
    /// Without the control characters that JSON does not allow; with what Python writes for numbers that are none (NaN, Infinity)
    /// as texts.
    /// </summary>
    private static string Readable(string text)
    {
        text = Forbidden().Replace(text, " ");
        return text.Contains("NaN", StringComparison.Ordinal) || text.Contains("Infinity", StringComparison.Ordinal)
            ? TextOrNoNumber().Replace(text, match => match.Groups["none"].Success ? $"\"{match.Value}\"" : match.Value)
            : text;
    }

    [GeneratedRegex(@"[\x01-\x08\v\f\x0E-\x1F]")]
    private static partial Regex Forbidden();

    [GeneratedRegex(@"""(?:[^""\\\n]|\\.)*""?|(?<none>-?\b(?:NaN|Infinity)\b)")]
    private static partial Regex TextOrNoNumber();

    private static IEnumerable<string> Records(string text)
    {
        JsonDocument whole;
        try
        {
            whole = JsonDocument.Parse(text, Lenient);
        }
        catch (JsonException)
        {
            return text.Split('\n').Where(line => !string.IsNullOrWhiteSpace(line));
        }
        using (whole)
            return whole.RootElement.ValueKind == JsonValueKind.Array
                ? [.. whole.RootElement.EnumerateArray().Select(item => item.GetRawText())]
                : [text];
    }

    /// <summary>Fields of fields as <c>outer.inner</c>, items of an array joined by commas.</summary>
    private static IEnumerable<RecordField> Flat(JsonElement json, string name)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty field in json.EnumerateObject())
                foreach (RecordField value in Flat(field.Value, name.Length == 0 ? field.Name : $"{name}.{field.Name}"))
                    yield return value;
                break;
            case JsonValueKind.Array
                when json.EnumerateArray()
                    .All(item => item.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)):
                string[] items = [.. json.EnumerateArray().Select(Scalar)];
                string all = string.Join(", ", items);
                yield return new RecordField(Named(name), all, [all, .. items]);
                break;
            case JsonValueKind.Array:
                foreach ((int index, JsonElement item) in json.EnumerateArray().Index())
                foreach (RecordField value in Flat(item, $"{Named(name)}.{index + 1}"))
                    yield return value;
                break;
            default:
                yield return new RecordField(Named(name), Scalar(json));
                break;
        }
    }

    private static string Named(string name) => name.Length == 0 ? "value" : name;

    private static string Scalar(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.String => json.GetString()!,
            JsonValueKind.Null => "",
            _ => json.GetRawText(),
        };
}
