namespace David.Grpo.Configuration;

/// <summary>Says what a configuration file may hold.</summary>
public static class ConfigurationReference
{
    /// <summary>
    /// Every key with its default, and behind it as a comment its type, range and description. The text is itself a
    /// configuration file: the one that changes nothing, once the required keys are filled in.
    /// </summary>
    public static string Describe<T>()
        where T : class
    {
        OptionSchema schema = OptionSchema.Of(typeof(T));
        return new ConfigurationText(isAnnotated: true).Add(schema, schema.New()).ToString();
    }
}
