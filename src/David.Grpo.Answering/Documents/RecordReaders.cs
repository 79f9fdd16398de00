using System.Globalization;
using System.Text;
using System.Text.Json;

namespace David.Grpo.Documents;

/// <summary>JSON Lines, or one JSON array or object: a section a record.</summary>
internal sealed class JsonReader : IDocumentReader
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
    };

    public string[] Extensions => [".jsonl", ".ndjson", ".json"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = TextDecoding.Decode(content);
        List<DocumentSection> sections = [];
        OrderedDictionary<string, bool> fields = [];
        int broken = 0;
        int characters = 0;
        foreach (string record in Records(text))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using JsonDocument json = JsonDocument.Parse(record, Lenient);
                (string Name, string Value)[] values = [.. Flat(json.RootElement, "")];
                foreach ((string field, _) in values)
                    fields.TryAdd(field, true);
                if (RecordText.Section(values) is { } section)
                    sections.Add(section);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                broken++;
                characters += record.Length;
            }
        }
        if (sections.Count == 0 && broken > 0)
            throw new DocumentException("it is no JSON");
        return new ReadDocument(
            name,
            [.. sections],
            broken > 0
                ? [new DroppedText($"{broken} {(broken == 1 ? "line" : "lines")} of no valid JSON", characters)]
                : [],
            [.. fields.Keys]
        );
    }

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
    private static IEnumerable<(string, string)> Flat(JsonElement json, string name)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty field in json.EnumerateObject())
                foreach (
                    (string, string) value in Flat(field.Value, name.Length == 0 ? field.Name : $"{name}.{field.Name}")
                )
                    yield return value;
                break;
            case JsonValueKind.Array
                when json.EnumerateArray()
                    .All(item => item.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)):
                yield return (Named(name), string.Join(", ", json.EnumerateArray().Select(Scalar)));
                break;
            case JsonValueKind.Array:
                foreach ((int index, JsonElement item) in json.EnumerateArray().Index())
                foreach ((string, string) value in Flat(item, $"{Named(name)}.{index + 1}"))
                    yield return value;
                break;
            default:
                yield return (Named(name), Scalar(json));
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

/// <summary>Comma-separated values (RFC 4180), or set apart by semicolons, tabs or bars: a section a row.</summary>
/// <remarks>
/// The separator is the one that the first record has most of. The first record names the fields where all its cells are
/// different words; else they are column 1, column 2 … What comes after a closing quote, or after the last quote of a file that
/// never closes it, is taken as it stands.
/// </remarks>
internal sealed class CsvReader : IDocumentReader
{
    private const string Separators = ",;\t|";

    public string[] Extensions => [".csv", ".tsv"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        string text = TextDecoding.Decode(content);
        string[] header = [];
        List<DocumentSection> sections = [];
        foreach ((int number, string[] row) in Rows(text, Separator(text)).Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (number == 0)
            {
                bool isHeader =
                    row.Distinct().Count() == row.Length
                    && row.All(cell =>
                        cell.Trim().Length > 0 && !double.TryParse(cell, CultureInfo.InvariantCulture, out _)
                    );
                header = [.. row.Select((cell, i) => isHeader ? cell.Trim() : $"column {i + 1}")];
                if (isHeader)
                    continue;
            }
            if (
                RecordText.Section(
                    row.Select((cell, i) => (i < header.Length ? header[i] : $"column {i + 1}", cell))
                ) is
                { } section
            )
                sections.Add(section);
        }
        return new ReadDocument(name, [.. sections], [], header);
    }

    private static char Separator(string text)
    {
        int[] counts = new int[Separators.Length];
        bool isQuoted = false;
        foreach (char character in text)
            if (character == '"')
                isQuoted = !isQuoted;
            else if (character == '\n' && !isQuoted && counts.Any(count => count > 0))
                break;
            else if (!isQuoted && Separators.IndexOf(character) is >= 0 and int index)
                counts[index]++;
        return Separators[Array.IndexOf(counts, counts.Max())];
    }

    /// <summary>Records of at least one cell that is not empty.</summary>
    private static IEnumerable<string[]> Rows(string text, char separator)
    {
        List<string> row = [];
        StringBuilder cell = new();
        bool isBlank = true;
        for (int at = 0; at <= text.Length; at++)
        {
            if (at < text.Length && text[at] == '"' && isBlank)
            {
                cell.Clear();
                isBlank = false;
                for (at++; at < text.Length && (text[at] != '"' || (at + 1 < text.Length && text[at + 1] == '"')); at++)
                {
                    cell.Append(text[at]);
                    at += text[at] == '"' ? 1 : 0;
                }
                // A file that never closes it ends here, and its last record with it.
                at = Math.Min(at, text.Length - 1);
                continue;
            }
            if (at < text.Length && text[at] != separator && text[at] != '\n')
            {
                cell.Append(text[at]);
                isBlank &= char.IsWhiteSpace(text[at]);
                continue;
            }
            row.Add(cell.ToString());
            cell.Clear();
            isBlank = true;
            if (at < text.Length && text[at] == separator)
                continue;
            if (row.Exists(value => !string.IsNullOrWhiteSpace(value)))
                yield return [.. row];
            row.Clear();
        }
    }
}
