namespace David.Grpo.Tokenization.Jinja;

/// <summary>The evaluated arguments of a call of a function, method, filter or test.</summary>
internal sealed class CallArguments(string callee, object?[] placed, Dictionary<string, object?> named)
{
    public string Callee => callee;

    public int Count => placed.Length + named.Count;

    public IReadOnlyList<object?> Placed => placed;

    public IReadOnlyDictionary<string, object?> Named => named;

    /// <summary>The argument at a place or of a name; null if it was not given.</summary>
    public object? Optional(int place, string name) =>
        place < placed.Length ? placed[place] : named.GetValueOrDefault(name);

    public bool Has(int place, string name) => place < placed.Length || named.ContainsKey(name);

    public object? Required(int place, string name) =>
        Has(place, name) ? Optional(place, name) : throw Wrong($"has no argument '{name}'");

    public string Text(int place, string name) =>
        Required(place, name) is string text
            ? text
            : throw Wrong($"got {Value.Kind(Optional(place, name))} for '{name}'; expected a text");

    /// <summary>A text, or null where none was given.</summary>
    public string? OptionalText(int place, string name) => Optional(place, name) is null ? null : Text(place, name);

    public long? OptionalWhole(int place, string name) =>
        Optional(place, name) is not { } value
            ? null
            : Value.Whole(value) ?? throw Wrong($"got {Value.Kind(value)} for '{name}'; expected a whole number");

    /// <summary>Refuses arguments that nothing would read.</summary>
    public void AtMost(int count)
    {
        if (Count > count)
            throw Wrong($"got {Count} arguments; expected at most {count}");
    }

    public ChatTemplateException Wrong(string problem) => new($"'{callee}' {problem}.");
}
