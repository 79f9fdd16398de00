using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Documents;

/// <summary>A field of a record.</summary>
/// <param name="Name">As the file has it.</param>
/// <param name="Value">Its text, which is searched and read; items of a list with commas between.</param>
/// <param name="Values">What a query for a value is compared with: the value, and each item of a list.</param>
internal sealed partial record RecordField(string Name, string Value, IReadOnlyList<string> Values)
{
    /// <summary>A longer value is prose, and no list.</summary>
    private const int LongestList = 200;

    /// <summary>A field of one value, or of several with commas or semicolons and a blank between (Sandviken, archive).</summary>
    public RecordField(string name, string value)
        : this(
            name,
            value,
            [.. new[] { value }.Concat(value.Length <= LongestList ? Between().Split(value) : []).Distinct()]
        ) { }

    /// <summary>The name as a query writes it: what is no letter, digit, dot or dash is <c>_</c> (<c>unit_price</c>).</summary>
    public static string Address(string name) => Apart().Replace(DocumentText.OneLine(name), "_").Trim('_');

    [GeneratedRegex(@"[,;]\s+")]
    private static partial Regex Between();

    [GeneratedRegex(@"[^\p{L}\p{M}\p{N}_.-]+")]
    private static partial Regex Apart();
}

/// <summary>The records of a file (rows, objects, a bibliography's entries), a section each.</summary>
internal sealed class RecordSections
{
    private static readonly string[] Names =
    [
        "title",
        "name",
        "subject",
        "question",
        "summary",
        "heading",
        "label",
        "term",
        "id",
        "key",
        "number",
    ];

    private static readonly HashSet<string> Prose = new(StringComparer.OrdinalIgnoreCase)
    {
        "text",
        "body",
        "content",
        "contents",
        "abstract",
        "description",
    };

    private readonly List<DocumentSection> sections = [];
    private readonly List<RecordField[]> records = [];
    private readonly OrderedDictionary<string, bool> names = [];

    public int Count => records.Count(record => record.Length > 0);

    /// <summary>Text beside the records.</summary>
    public void AddText(string text)
    {
        sections.Add(new DocumentSection([], text));
        records.Add([]);
    }

    /// <summary>Fields that the records have.</summary>
    public void Name(IEnumerable<string> fields)
    {
        foreach (string field in fields)
            names.TryAdd(DocumentText.OneLine(field), true);
    }

    /// <summary>
    /// The heading is the record's title, name, subject … or else its first field. Below stands a line <c>field: value</c> for each
    /// other field with a value; a last field of prose (text, body, abstract …) stands by itself, after an empty line. A record
    /// without values is left out.
    /// </summary>
    public void Add(IEnumerable<RecordField> fields)
    {
        RecordField[] filled =
        [
            .. fields
                .Select(field => field with { Name = DocumentText.OneLine(field.Name), Value = field.Value.Trim() })
                .Where(field => field.Value.Length > 0),
        ];
        if (filled.Length == 0)
            return;
        RecordField first =
            Names
                .Select(name =>
                    Array.Find(filled, field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                )
                .FirstOrDefault(field => field is not null)
            ?? filled[0];
        string heading = Short(DocumentText.OneLine(first.Value));
        StringBuilder lines = new();
        foreach (RecordField field in filled.Where(field => !Prose.Contains(field.Name)))
            if ((field.Name, field.Value) != (first.Name, heading))
                lines.Append(field.Name).Append(": ").Append(field.Value).Append('\n');
        foreach (RecordField field in filled.Where(field => Prose.Contains(field.Name)))
            lines.Append('\n').Append(field.Value).Append('\n');
        sections.Add(new DocumentSection([heading], lines.ToString()));
        records.Add(filled);
    }

    public ReadDocument Document(string title, DroppedText[] dropped) =>
        new(title, [.. sections], dropped, [.. names.Keys]) { Records = [.. records] };

    private static string Short(string text) => text.Length <= 120 ? text : text[..119].TrimEnd() + "…";
}
