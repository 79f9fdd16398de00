using System.Text;

namespace David.Grpo.Documents;

/// <summary>A record (a row, an object, a bibliography's entry) as a section.</summary>
internal static class RecordText
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

    /// <summary>
    /// The heading is the record's title, name, subject … or else its first field. Below stands a line <c>field: value</c> for each
    /// other field with a value; a last field of prose (text, body, abstract …) stands by itself, after an empty line.
    /// </summary>
    /// <returns>Null for a record without values.</returns>
    public static DocumentSection? Section(IEnumerable<(string Name, string Value)> fields)
    {
        (string Name, string Value)[] filled =
        [
            .. fields
                .Select(field => (Name: OneLine(field.Name), Value: field.Value.Trim()))
                .Where(field => field.Value.Length > 0),
        ];
        if (filled.Length == 0)
            return null;
        (string Name, string Value) first = Names
            .Select(name => filled.FirstOrDefault(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(field => field.Value is not null)
            is { Value: not null } named
            ? named
            : filled[0];
        string heading = Short(OneLine(first.Value));
        StringBuilder lines = new();
        foreach ((string name, string value) in filled.Where(field => !Prose.Contains(field.Name)))
            if ((name, value) != (first.Name, heading))
                lines.Append(name).Append(": ").Append(value).Append('\n');
        foreach ((string name, string value) in filled.Where(field => Prose.Contains(field.Name)))
            lines.Append('\n').Append(value).Append('\n');
        return new DocumentSection([heading], lines.ToString());
    }

    /// <summary>The fields of a passage that was made of a record.</summary>
    public static IEnumerable<(string Name, string Value)> Fields(Passage passage)
    {
        foreach (string line in passage.Text.Split('\n'))
            if (line.IndexOf(": ", StringComparison.Ordinal) is > 0 and int at)
                yield return (line[..at], line[(at + 2)..]);
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string Short(string text) => text.Length <= 120 ? text : text[..119].TrimEnd() + "…";
}
