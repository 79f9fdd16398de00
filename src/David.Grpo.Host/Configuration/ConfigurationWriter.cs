namespace David.Grpo.Configuration;

/// <summary>Writes a record of options as YAML.</summary>
public static class ConfigurationWriter
{
    /// <summary>
    /// The YAML of <paramref name="options"/> with every key in it, defaults included, so that a run's folder says what
    /// the run was. <see cref="ConfigurationFile.Parse{T}"/> gives equal options back.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A path is relative, a number NaN, or a value null that may not be; the text says what to do.
    /// </exception>
    public static string Write<T>(T options)
        where T : class =>
        new ConfigurationText(isAnnotated: false).Add(OptionSchema.Of(typeof(T)), options).ToString();
}
