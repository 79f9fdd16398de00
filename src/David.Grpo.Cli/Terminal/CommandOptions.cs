using System.CommandLine;
using System.Reflection;
using David.Grpo.Configuration;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;
using Key = David.Grpo.Configuration.Option;
using Option = System.CommandLine.Option;

/// <summary>
/// The options of a command, read off a record as the keys of a configuration file are: <c>TopK</c> is <c>--top-k</c>, what
/// the record has without being told is the default, and <see cref="System.ComponentModel.DataAnnotations.RangeAttribute"/>
/// and <see cref="System.ComponentModel.DescriptionAttribute"/> mean the same. The options of an inner record stand among
/// the others. <see cref="ShownAttribute"/> has what is of the command line alone.
/// </summary>
internal sealed class CommandOptions<T>
    where T : class
{
    private readonly OptionSchema _schema = OptionSchema.Of(typeof(T));
    private readonly Dictionary<PropertyInfo, Option> _options = [];

    /// <param name="command">Gets the options.</param>
    public CommandOptions(Command command) => Add(_schema, _schema.New(), command);

    /// <summary>What the user gave, and for the rest <paramref name="defaults"/>, or else the record's own.</summary>
    public T Read(ParseResult result, T? defaults = null) => (T)Section(_schema, result, defaults ?? _schema.New());

    private void Add(OptionSchema schema, object defaults, Command command)
    {
        foreach (Key key in schema.Options)
            if (key.Kind is SectionKind section)
                Add(section.Schema, key.Of(defaults)!, command);
            else
                command.Options.Add(_options[key.Property] = New(key, key.Of(defaults)));
    }

    private static Option New(Key key, object? standard)
    {
        ShownAttribute shown = key.Property.GetCustomAttribute<ShownAttribute>() ?? new();
        string name = "--" + (shown.Name.Length > 0 ? shown.Name : key.Key.Replace('_', '-'));
        string[] aliases = shown.Alias.Length > 0 ? [shown.Alias] : [];
        Option option = (key.Kind, standard) switch
        {
            (FlagKind, _) => new Option<bool>(name, aliases),
            (ListKind { Item: ScalarKind item }, Array { Length: > 0 } items) => new Option<string[]>(name, aliases)
            {
                AllowMultipleArgumentsPerToken = shown.IsGreedy,
                DefaultValueFactory = _ => [.. items.Cast<object>().Select(one => Text(item, one))],
            },
            (ListKind, _) => new Option<string[]>(name, aliases) { AllowMultipleArgumentsPerToken = shown.IsGreedy },
            (_, null) => new Option<string>(name, aliases),
            (_, _) => new Option<string>(name, aliases)
            {
                DefaultValueFactory = _ => Text((ScalarKind)key.Kind, standard),
            },
        };
        option.Description = char.ToUpperInvariant(key.Description[0]) + key.Description[1..];
        option.Required = key.IsRequired;
        if ((key.Kind as ScalarKind ?? (key.Kind as ListKind)?.Item) is not ScalarKind kind || kind is FlagKind)
            return option;
        option.HelpName = (shown.Value, kind) switch
        {
            ({ Length: > 0 } value, _) => value,
            (_, WordKind { Words: var words }) => string.Join('|', words),
            (_, TextKind) => "TEXT",
            _ => "N",
        };
        if (kind is WordKind choice)
            option.CompletionSources.Add(choice.Words);
        option.Validators.Add(result =>
        {
            foreach (string text in result.Tokens.Select(token => token.Value))
                if (Value(kind, text) is null)
                    result.AddError(
                        $"{name} is {text}; expected {kind.Expected}."
                            + (kind.Nearest(text) is { } near ? $" Did you mean {near}?" : "")
                    );
        });
        return option;
    }

    private object Section(OptionSchema schema, ParseResult result, object defaults)
    {
        object section = schema.New();
        foreach (Key key in schema.Options)
            key.Property.SetValue(
                section,
                key.Kind is SectionKind inner
                    ? Section(inner.Schema, result, key.Of(defaults)!)
                    : Given(key, result) ?? key.Of(defaults)
            );
        return section;
    }

    private object? Given(Key key, ParseResult result)
    {
        Option option = _options[key.Property];
        if (result.GetResult(option) is not { Implicit: false })
            return null;
        switch (key.Kind, option)
        {
            case (_, Option<bool> flag):
                return result.GetValue(flag);
            case (ListKind { Item: ScalarKind item, ItemType: var type }, Option<string[]> list):
                string[] texts = result.GetValue(list)!;
                Array items = Array.CreateInstance(type, texts.Length);
                foreach ((int i, string text) in texts.Index())
                    items.SetValue(Value(item, text), i);
                return items;
            default:
                return Value((ScalarKind)key.Kind, result.GetValue((Option<string>)option)!);
        }
    }

    /// <summary>A word of the command line; unlike in a file, every word is a text where a text is expected.</summary>
    private static object? Value(ScalarKind kind, string text) =>
        kind.Read(new YamlNode.Scalar(kind is ChoiceKind ? text.ToLowerInvariant() : text, kind is TextKind, 1, 1));

    private static string Text(ScalarKind kind, object value) => kind is TextKind ? (string)value : kind.Write(value);
}
