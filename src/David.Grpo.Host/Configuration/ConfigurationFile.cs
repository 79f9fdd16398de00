namespace David.Grpo.Configuration;

/// <summary>
/// Reads a YAML file into a record of options. Reading is strict: an unknown, repeated or missing key, a value of the
/// wrong type or out of its range refuses the file, and all problems are reported together.
/// </summary>
/// <remarks>
/// <para>
/// A record has a constructor without parameters and <c>init</c> properties of type int, long, double, bool, string, an
/// enum, another such record, an array of these, or a nullable of these. The key of <c>TopK</c> is <c>top_k</c>; enum
/// members are written in the same way. A key that is left out keeps the default of the record it belongs to; an empty
/// file, or a section whose keys are all commented out, is all defaults.
/// </para>
/// <para>
/// A property must be given if it is <c>required</c>, bears <see cref="System.ComponentModel.DataAnnotations.RequiredAttribute"/>,
/// or is null by default without being nullable. Ranges come from
/// <see cref="System.ComponentModel.DataAnnotations.RangeAttribute"/> (of an array: of its items), help texts from
/// <see cref="System.ComponentModel.DescriptionAttribute"/>, paths are marked by <see cref="RelativeToFileAttribute"/>.
/// </para>
/// <para>
/// The type of the option decides how a word is read: <c>no</c> is a text where a text is expected, and refused where
/// <c>true</c> or <c>false</c> is. Quoted numbers are texts. Anchors, aliases, tags, merge keys and further documents are
/// refused: every value stands where it is used.
/// </para>
/// </remarks>
public static class ConfigurationFile
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file; messages name it as it is given here.</param>
    /// <exception cref="ConfigurationException">The file is not what <typeparamref name="T"/> needs.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> has a property that no YAML is defined for.</exception>
    public static T Read<T>(string path)
        where T : class
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"There is no configuration file {path} (looked for {Path.GetFullPath(path)}).",
                path
            );
        return Parse<T>(File.ReadAllText(path), path);
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="fileName">What messages call the file; relative paths in it are relative to its folder.</param>
    /// <exception cref="ConfigurationException">The text is not what <typeparamref name="T"/> needs.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> has a property that no YAML is defined for.</exception>
    public static T Parse<T>(string text, string fileName)
        where T : class
    {
        OptionSchema schema = OptionSchema.Of(typeof(T));
        string folder = Path.GetDirectoryName(Path.GetFullPath(fileName)) ?? Path.GetFullPath("/");
        List<ConfigurationProblem> problems = [];
        YamlNode? root = YamlNode.Load(text, problems);
        object? options = root is null ? null : new OptionBinder(schema, folder, problems).Bind(root);
        return problems is [] && options is T read ? read : throw new ConfigurationException(fileName, problems);
    }
}
