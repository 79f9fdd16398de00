namespace David.Grpo.Configuration;

/// <summary>
/// Marks a text, or an array of texts, as paths. A relative one, given or default, is taken relative to the folder of the
/// configuration file, so that a configuration means the same wherever it is read from.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RelativeToFileAttribute : Attribute;
