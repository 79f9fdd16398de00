namespace David.Grpo.Configuration;

/// <summary>Says that a text option is one of the names in a static property of another type.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NamedByAttribute(Type type, string property) : Attribute
{
    /// <summary>The names.</summary>
    public string[] Names => (string[])type.GetProperty(property)!.GetValue(null)!;
}
