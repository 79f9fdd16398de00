namespace David.Grpo.Configuration;

/// <summary>Turns a YAML tree into a record of options, adding to <paramref name="problems"/> whatever does not fit.</summary>
/// <param name="schema">Of the whole file.</param>
/// <param name="folder">Where relative paths start.</param>
/// <param name="problems">Where there are some, the record is not to be used.</param>
internal sealed class OptionBinder(OptionSchema schema, string folder, List<ConfigurationProblem> problems)
{
    /// <summary>The options that the whole file gives.</summary>
    public object Bind(YamlNode root) => Section(schema, root, schema.New(), "");

    /// <summary>A section. Keys that are left out keep the values of <paramref name="defaults"/>, which stays as it is.</summary>
    private object Section(OptionSchema keys, YamlNode node, object defaults, string path)
    {
        Dictionary<string, YamlNode> given = [];
        switch (node)
        {
            case YamlNode.Map map:
                given = map.Entries.ToDictionary(entry => entry.Key.Text, entry => entry.Value);
                foreach ((YamlNode.Scalar key, _) in map.Entries)
                    if (!keys.Options.Any(option => option.Key == key.Text))
                        Unknown(keys, key, path);
                break;
            case YamlNode.Scalar { IsNothing: true }:
                break;
            default:
                Report(node, path, node.Name, "keys with values, such as " + Example(keys));
                return defaults;
        }

        object section = keys.New();
        foreach (Option option in keys.Options)
        {
            string inner = YamlNode.Join(path, option.Key);
            object? standard = option.Of(defaults);
            object? value;
            if (given.TryGetValue(option.Key, out YamlNode? found))
                value = Given(option, found, standard, inner);
            // A section's default may say what the record itself leaves open.
            else if (option.IsRequired && Equals(standard, option.Of(section)))
            {
                Report(node, inner, "nothing", $"{option.Kind.Expected}; the key is required");
                value = standard;
            }
            else
                value = standard is null ? null : Standard(option.Kind, standard, node, inner);
            option.Property.SetValue(section, value);
        }
        return section;
    }

    private object? Given(Option option, YamlNode node, object? standard, string path) =>
        option.IsNullable && node is YamlNode.Scalar { IsNothing: true }
            ? null
            : Value(option.Kind, node, standard, path);

    private object? Value(OptionKind kind, YamlNode node, object? standard, string path)
    {
        switch (kind, node)
        {
            case (SectionKind section, _):
                return Section(section.Schema, node, standard ?? section.Schema.New(), path);
            case (ListKind list, YamlNode.List { Items: var items }):
                Array values = Array.CreateInstance(list.ItemType, items.Length);
                for (int i = 0; i < items.Length; i++)
                    if (Value(list.Item, items[i], null, $"{path}[{i}]") is { } item)
                        values.SetValue(item, i);
                return values;
            case (ScalarKind scalar, YamlNode.Scalar word) when scalar.Read(word) is { } value:
                return Resolved(kind, value);
            default:
                string? nearest = (kind, node)
                    is (ScalarKind known, YamlNode.Scalar { IsNothing: false, Text: var text })
                    ? known.Nearest(text)
                    : null;
                Report(node, path, node.Name, kind.Expected + Advice(kind, node), nearest);
                return standard;
        }
    }

    private static string Advice(OptionKind kind, YamlNode node) =>
        (kind, node) switch
        {
            (TextKind, YamlNode.Scalar { IsNothing: true, Text.Length: > 0 } word) =>
                $" (in quotes, to mean the word {word.Text})",
            (TextKind, _) => "",
            (ScalarKind, YamlNode.Scalar { IsQuoted: true } word) when IsRead(kind, word with { IsQuoted = false }) =>
                " without quotes",
            (ListKind list, YamlNode.Scalar { IsNothing: false } word) when IsRead(list.Item, word) =>
                $" (in brackets: [{word.Text}])",
            _ => "",
        };

    private static bool IsRead(OptionKind kind, YamlNode.Scalar word) =>
        kind is ScalarKind scalar && scalar.Read(word) is not null;

    /// <summary>A default, with its relative paths made absolute and the keys that it leaves open asked for.</summary>
    private object Standard(OptionKind kind, object standard, YamlNode section, string path)
    {
        switch (kind)
        {
            case SectionKind inner:
                return Section(
                    inner.Schema,
                    new YamlNode.Scalar("", false, section.Line, section.Column),
                    standard,
                    path
                );
            case ListKind list:
                Array values = (Array)((Array)standard).Clone();
                for (int i = 0; i < values.Length; i++)
                    values.SetValue(Standard(list.Item, values.GetValue(i)!, section, $"{path}[{i}]"), i);
                return values;
            default:
                return Resolved(kind, standard);
        }
    }

    private object Resolved(OptionKind kind, object value) =>
        kind is PathKind ? Path.GetFullPath((string)value, folder) : value;

    private void Unknown(OptionSchema keys, YamlNode.Scalar key, string path)
    {
        string[] known = [.. keys.Options.Select(option => option.Key)];
        string? nearest =
            Places(schema, key.Text, "").FirstOrDefault()
            ?? (NearestWord.To(key.Text, known) is { } word ? YamlNode.Join(path, word) : null);
        string expected =
            nearest is not null ? "a key of " + (path.Length == 0 ? "the file" : path)
            : known is [] ? "no keys at all"
            : "one of " + string.Join(", ", known);
        Report(key, YamlNode.Join(path, key.Text), "an unknown key", expected, nearest);
    }

    /// <summary>Where a key of this name would be right: it often stands in the wrong section.</summary>
    private static IEnumerable<string> Places(OptionSchema keys, string name, string path) =>
        keys.Options.SelectMany(option =>
        {
            string here = YamlNode.Join(path, option.Key);
            return (option.Key == name, option.Kind) switch
            {
                (true, _) => [here],
                (_, SectionKind section) => Places(section.Schema, name, here),
                _ => [],
            };
        });

    private static string Example(OptionSchema keys) =>
        keys.Options.FirstOrDefault(option => option.Kind is ScalarKind) is { } option
            ? $"{option.Key}: ..."
            : "key: ...";

    /// <summary>Adds a problem, unless the same value was refused already.</summary>
    private void Report(YamlNode at, string path, string got, string expected, string? nearest = null)
    {
        if (!problems.Exists(known => (known.Line, known.Column, known.Key) == (at.Line, at.Column, path)))
            problems.Add(new(at.Line, at.Column, path, got, expected, nearest));
    }
}
