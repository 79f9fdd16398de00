namespace David.Grpo.Cli;

/// <summary>How an option of a command is written, where its property's name does not say it all.</summary>
/// <param name="value">What help calls the value, such as FILE; empty for the option's name.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ShownAttribute(string value = "") : Attribute
{
    public string Value { get; } = value;

    /// <summary>Such as -m; empty for none.</summary>
    public string Alias { get; init; } = "";

    /// <summary>Without dashes; empty for the property's name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Of a list: whether all words that follow are items, or just one.</summary>
    public bool IsGreedy { get; init; }
}
