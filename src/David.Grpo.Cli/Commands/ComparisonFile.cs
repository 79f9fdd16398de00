using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Cli.Configuration;
using David.Grpo.Training;

namespace David.Grpo.Cli.Commands;

/// <summary>An arm with some of its options changed.</summary>
public sealed record VariantSection
{
    [Description("its name in the comparison, and of its folder")]
    public required string Name { get; init; }

    [Description("the arm that is changed")]
    [NamedBy(typeof(Arms), nameof(Arms.Names))]
    public required string Arm { get; init; }

    [Description("keys of the method, such as \"learning_rate=1e-3\"; david train --keys lists them")]
    public string[] Set { get; init; } = [];
}

/// <summary>How each arm's learning rate is chosen, alike for all of them.</summary>
public sealed record TuningSection
{
    [Description("learning rates, of both phases; the one with the highest mean EM at the end is taken")]
    public double[] LearningRates { get; init; } = [1e-4, 3e-4, 1e-3];

    [Description("seeds of each rate")]
    [Range(1, 1000)]
    public int Seeds { get; init; } = 2;

    [Description("the first of these seeds; none may be a seed of the comparison")]
    public int FirstSeed { get; init; } = 1001;

    [Description("the world that they are evaluated in; not the comparison's")]
    public int EvaluationWorld { get; init; } = 1001;
}

/// <summary>What <c>david compare</c> reads.</summary>
public sealed record ComparisonFile
{
    [Description("arms, by the name of the arm or of a variant")]
    public string[] Arms { get; init; } = ["grpo", "grpo_coverage", "david"];

    [Description("arms with changed options; each is compared too")]
    public VariantSection[] Variants { get; init; } = [];

    [Description("the arm that the others are compared with; leave out for the last one")]
    public string? Focus { get; init; }

    [Description("seeds of each arm; each has a training world of its own")]
    [Range(1, 10000)]
    public int Seeds { get; init; } = 5;

    [Description("the first seed; the others follow")]
    public int FirstSeed { get; init; } = 1;

    [Description("rollouts that each run may spend")]
    [Range(0, int.MaxValue)]
    public int Rollouts { get; init; } = 1000;

    [Description("smaller budgets at which the runs are compared as well, in rollouts")]
    [Range(0, int.MaxValue)]
    public int[] Marks { get; init; } = [250, 500];

    [Description("tokens that each run may sample; leave out for any number")]
    [Range(0, long.MaxValue)]
    public long? GeneratedTokens { get; init; }

    [Description("searches that each run may make; leave out for any number")]
    [Range(0, long.MaxValue)]
    public long? Searches { get; init; }

    [Description("seconds of sampling and learning that each run may take; leave out for any number")]
    [Range(0.0, double.MaxValue)]
    public double? Seconds { get; init; }

    [Description("questions of each evaluation")]
    [Range(1, int.MaxValue)]
    public int Questions { get; init; } = 300;

    [Description("the embedded world that all are evaluated in")]
    public int EvaluationWorld { get; init; }

    [Description("keys of every arm's method, such as \"epochs=2\"")]
    public string[] Set { get; init; } = [];

    [Description(
        "choose each arm's learning rate first, on other seeds and another world; leave out to take them as they are"
    )]
    public TuningSection? Tune { get; init; }

    [Description("base policy of the embedded world; leave out for the shipped one")]
    [RelativeToFile]
    public string? Model { get; init; }

    [Description("a file of `david train`: compare on its model, questions and corpus instead of the embedded world")]
    [RelativeToFile]
    public string? Run { get; init; }

    [Description("the comparison's folder; leave out for runs/compare")]
    [RelativeToFile]
    public string? Out { get; init; }

    /// <summary>The methods by name, in the order of tables; the run's options but for what the arms change.</summary>
    /// <exception cref="InvalidDataException">A name stands for nothing, or for two.</exception>
    public (string Name, MethodOptions Method)[] Methods(MethodOptions common)
    {
        MethodOptions Of(string name, string arm, string[] own) =>
            RunFile.Change(common, [$"arm={arm}", .. Set, .. own], $"the method of {name}");
        if (Variants.FirstOrDefault(variant => Grpo.Arms.Names.Contains(variant.Name)) is { } taken)
            throw new InvalidDataException($"A variant is called {taken.Name}, as an arm is; give it another name.");
        (string Name, MethodOptions Method)[] methods =
        [
            .. Arms.Where(name => Variants.All(variant => variant.Name != name))
                .Select(name =>
                    Grpo.Arms.Names.Contains(name)
                        ? (name, Of(name, name, []))
                        : throw new InvalidDataException(
                            $"arms names \"{name}\", which is neither a variant nor an arm. Arms are {string.Join(", ", Grpo.Arms.Names)}."
                        )
                ),
            .. Variants.Select(variant => (variant.Name, Of(variant.Name, variant.Arm, variant.Set))),
        ];
        if (methods.GroupBy(method => method.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new InvalidDataException($"The name {twice.Key} stands twice; each arm and variant needs its own.");
        return methods;
    }
}
