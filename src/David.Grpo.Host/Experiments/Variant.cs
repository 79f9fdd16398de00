using System.Globalization;
using System.Text.RegularExpressions;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Experiments;

/// <summary>What is compared: a method by its options, or an arm of one's own.</summary>
/// <param name="Name">In tables and of its folder: letters, digits, "_", "-" and ".".</param>
/// <param name="Method">What it learns by, made of the options that the experiment's runs share.</param>
public sealed partial record Variant(string Name, Func<MethodOptions, MethodOptions> Method)
{
    /// <summary>Shown in place of the name; null for the arm's own title, or the name where options are changed.</summary>
    public string? Title { get; init; }

    /// <summary>What is changed in the arm that the options name; null for nothing.</summary>
    public Func<Arm, Arm>? Change { get; init; }

    /// <summary>One of <see cref="Arms.Names"/> as it is.</summary>
    /// <exception cref="ArgumentException">There is no such arm.</exception>
    public static Variant Of(string arm) => Of(arm, arm, method => method);

    /// <summary>An arm with changed options: <c>Variant.Of("david", "lambda_0.3", method => method with { Lambda = 0.3 })</c>.</summary>
    /// <exception cref="ArgumentException">There is no such arm, or the name cannot be a folder's.</exception>
    public static Variant Of(string arm, string name, Func<MethodOptions, MethodOptions> change)
    {
        if (!Arms.Names.Contains(arm))
            throw new ArgumentException($"There is no arm \"{arm}\"; arms are {string.Join(", ", Arms.Names)}.");
        return new Variant(Checked(name), common => change(common with { Arm = arm }));
    }

    /// <summary>
    /// An arm with one option at each of some values: <c>Variant.Each("david", "lambda", [0, 0.5], (method, λ) => method with
    /// { Lambda = λ })</c> gives lambda_0 and lambda_0.5.
    /// </summary>
    public static Variant[] Each<T>(
        string arm,
        string option,
        IEnumerable<T> values,
        Func<MethodOptions, T, MethodOptions> change
    ) =>
        [
            .. values.Select(value =>
            {
                string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
                return Of(arm, $"{option}_{text}", method => change(method, value)) with { Title = $"{option} {text}" };
            }),
        ];

    /// <summary>
    /// An arm of one's own, by its name and title: <c>Variant.Own("david", arm => arm.WithReward(mine).Named("mine", "Mine"))</c>.
    /// </summary>
    /// <remarks>
    /// What its functions do cannot be told from outside: finished runs are known by the arm's name and options alone. Change
    /// the name, or the folder, when you change what it does.
    /// </remarks>
    /// <exception cref="ArgumentException">There is no such arm, or the changed one bears its name still.</exception>
    public static Variant Own(string arm, Func<Arm, Arm> change)
    {
        Variant plain = Of(arm);
        Arm own = change(plain.Method(new WorldMethodOptions()).Create(TaskRewards.OfTags(_ => null)));
        if (Arms.Names.Contains(own.Name))
            throw new ArgumentException(
                $"The arm of your own is called \"{own.Name}\", as one of ours is. Name it: arm.Named(\"mine\", \"Mine\")."
            );
        return plain with { Name = Checked(own.Name), Title = own.Title, Change = change };
    }

    private static string Checked(string name) =>
        FolderName().IsMatch(name)
            ? name
            : throw new ArgumentException(
                $"\"{name}\" cannot be a variant's name; take letters, digits, \"_\", \"-\" and \".\", a letter or digit first."
            );

    [GeneratedRegex(@"^[\p{L}\p{Nd}][\p{L}\p{Nd}_.-]{0,99}$")]
    private static partial Regex FolderName();
}
