namespace David.Grpo.Configuration;

/// <summary>Options as lines of YAML, with a comment at each key or without.</summary>
internal sealed class ConfigurationText(bool isAnnotated)
{
    private const int LeastCommentColumn = 24;
    private const int LastCommentColumn = 48;

    private readonly List<(string Code, string Comment)> lines = [];

    /// <summary>Adds all keys of a section.</summary>
    /// <exception cref="ArgumentException">A value is outside what YAML can say, or null where it may not be.</exception>
    public ConfigurationText Add(OptionSchema schema, object section, string indent = "")
    {
        foreach (Option option in schema.Options)
            Add(option, option.Of(section), indent);
        return this;
    }

    public override string ToString()
    {
        int column = lines
            .Select(line => line.Code.Length + 2)
            .Where(width => width <= LastCommentColumn)
            .Append(LeastCommentColumn)
            .Max();
        return string.Concat(
            lines.Select(line =>
                line.Comment.Length == 0 ? line.Code + "\n" : $"{line.Code.PadRight(column - 2)}  # {line.Comment}\n"
            )
        );
    }

    private void Add(Option option, object? value, string indent)
    {
        string comment = isAnnotated ? Comment(option) : "";
        string key = indent + option.Key + ":";
        switch (option.Kind, value)
        {
            case (SectionKind section, not null):
                lines.Add((key, comment));
                Add(section.Schema, value, indent + "  ");
                break;
            case (ListKind { Item: SectionKind item }, Array { Length: > 0 } records):
                lines.Add((key, comment));
                foreach (object record in records)
                    Item(item.Schema, record, indent + "  ");
                break;
            case (_, _) when isAnnotated && option.IsRequired:
                lines.Add((key, comment));
                Sample(option.Kind, indent);
                break;
            case (_, null):
                if (!option.IsNullable)
                    throw new ArgumentException($"{option.Property.Name} is null; it must be {option.Kind.Expected}.");
                lines.Add((key + " null", comment));
                Sample(option.Kind, indent);
                break;
            case (ListKind list, Array values):
                lines.Add(
                    ($"{key} [{string.Join(", ", values.Cast<object>().Select(one => Word(list.Item, one)))}]", comment)
                );
                Sample(option.Kind, indent);
                break;
            default:
                lines.Add(($"{key} {Word(option.Kind, value)}", comment));
                break;
        }
    }

    /// <summary>An item of a list of sections: its first key stands behind the dash.</summary>
    private void Item(OptionSchema schema, object record, string indent)
    {
        int first = lines.Count;
        Add(schema, record, indent + "  ");
        if (lines.Count == first)
            lines.Add((indent + "- {}", ""));
        else
            lines[first] = lines[first] with { Code = $"{indent}- {lines[first].Code[(indent.Length + 2)..]}" };
    }

    /// <summary>The keys of a section that is not there by default, commented out.</summary>
    private void Sample(OptionKind kind, string indent)
    {
        if (!isAnnotated || (kind as SectionKind ?? (kind as ListKind)?.Item) is not SectionKind section)
            return;
        ConfigurationText sample = new(isAnnotated);
        if (kind is ListKind)
            sample.Item(section.Schema, section.Schema.New(), indent + "  ");
        else
            sample.Add(section.Schema, section.Schema.New(), indent + "  ");
        lines.AddRange(sample.lines.Select(line => ("#" + line.Code, line.Comment)));
    }

    private string Word(OptionKind kind, object value) =>
        kind is PathKind && isAnnotated ? new TextKind().Write(value) : ((ScalarKind)kind).Write(value);

    private static string Comment(Option option)
    {
        string required = option.IsRequired ? "required; " : "";
        string kind = option.Kind switch
        {
            SectionKind => option.IsRequired || option.IsNullable ? "a section" : "",
            { Expected: var expected } => expected,
        };
        string nothing = option.IsNullable ? " or null" : "";
        string says = option.Description.Length == 0 ? "" : option.Description;
        string type = required + kind + nothing;
        return type.Length == 0 || says.Length == 0 ? type + says : $"{type}: {says}";
    }
}
