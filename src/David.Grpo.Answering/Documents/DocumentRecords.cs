using System.Text.Json;

namespace David.Grpo.Documents;

/// <summary>The records of a corpus by the values of their fields.</summary>
internal sealed class DocumentRecords
{
    private static readonly StringComparer AnyCase = StringComparer.OrdinalIgnoreCase;

    private readonly List<(ILookup<string, string> Values, List<Passage> Passages)> records = [];

    /// <summary>Reads the fields that stand beside a corpus's passages.</summary>
    public static DocumentRecords Read(string corpusFile)
    {
        DocumentRecords read = new();
        foreach (string line in File.ReadLines(corpusFile))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement passage = json.RootElement;
            if (passage.TryGetProperty("fields", out JsonElement fields))
                read.records.Add(
                    (
                        fields
                            .EnumerateArray()
                            .SelectMany(field =>
                                field.GetProperty("values").EnumerateArray().Select(value => (field, value))
                            )
                            .ToLookup(
                                pair => RecordField.Address(pair.field.GetProperty("name").GetString()!),
                                pair => DocumentText.OneLine(pair.value.GetString()!),
                                AnyCase
                            ),
                        []
                    )
                );
            else if (!passage.TryGetProperty("goesOn", out _))
                continue;
            read.records[^1]
                .Passages.Add(
                    new Passage(
                        new PassageId(passage.GetProperty("id").GetString()!),
                        passage.GetProperty("title").GetString()!,
                        passage.GetProperty("text").GetString()!
                    )
                );
        }
        return read;
    }

    /// <summary>The passages of each record that has all these values, in the order of the corpus.</summary>
    /// <param name="values">By the fields' addresses; whole values, in any case.</param>
    public Passage[][] With(IReadOnlyDictionary<string, string> values) =>
        [
            .. records
                .Where(record =>
                    values.All(wanted =>
                        record.Values[wanted.Key].Contains(DocumentText.OneLine(wanted.Value), AnyCase)
                    )
                )
                .Select(record => record.Passages.ToArray()),
        ];
}
