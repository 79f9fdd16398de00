namespace David.Grpo.Tokenization.Jinja;

/// <summary>Variables, and those of the scope around.</summary>
internal sealed class Scope(Scope? outer, IReadOnlyDictionary<string, object?> given)
{
    private Dictionary<string, object?>? own;

    public Scope Inner() => new(this, Nothing);

    /// <summary>Sets a variable here.</summary>
    public object? this[string name]
    {
        set => (own ??= [])[name] = value;
    }

    /// <summary>The innermost variable of a name; <see cref="Undefined"/> if there is none.</summary>
    public object? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
            if ((scope.own?.TryGetValue(name, out object? value) ?? false) || scope.Given.TryGetValue(name, out value))
                return value;
        return new Undefined($"'{name}'");
    }

    private static readonly Dictionary<string, object?> Nothing = [];

    private Scope? Outer { get; } = outer;

    private IReadOnlyDictionary<string, object?> Given { get; } = given;
}
