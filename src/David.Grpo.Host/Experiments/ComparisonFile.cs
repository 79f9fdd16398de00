using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Configuration;
using David.Grpo.Runs;

namespace David.Grpo.Experiments;

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
    [Range(0.0, double.PositiveInfinity)]
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
    public Tuning? Tune { get; init; }

    [Description("base policy of the embedded world; leave out for the shipped one")]
    [RelativeToFile]
    public string? Model { get; init; }

    [Description("a file of `david train`: compare on its model, questions and corpus instead of the embedded world")]
    [RelativeToFile]
    public string? Run { get; init; }

    [Description("the comparison's folder; leave out for runs/compare")]
    [RelativeToFile]
    public string? Out { get; init; }

    /// <summary>The experiment that it describes.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <exception cref="InvalidDataException">A name stands for nothing, or for two; or the file contradicts itself.</exception>
    internal Experiment ToExperiment(string folder)
    {
        if (Run is not null && Model is not null)
            throw new InvalidDataException(
                "model and run are both given; the run file names its own model. Leave one out."
            );
        return new Experiment
        {
            Folder = folder,
            Variants = AllVariants(),
            Focus = Focus,
            Seeds = Seeds,
            FirstSeed = FirstSeed,
            Rollouts = Rollouts,
            Marks = Marks,
            GeneratedTokens = GeneratedTokens,
            Searches = Searches,
            Seconds = Seconds,
            Questions = Questions,
            EvaluateEvery = Run is null ? 0 : null,
            EvaluationWorld = EvaluationWorld,
            Tune = Tune,
            Model = Model,
            Run = Run is null ? null : RunFile.Load(Run, []),
            Source = ConfigurationWriter.Write(this),
        };
    }

    /// <summary>Arms and variants in the order of tables.</summary>
    private Variant[] AllVariants()
    {
        Variant Of(string name, string arm, string[] own) =>
            new(name, common => RunFile.Change(common, [$"arm={arm}", .. Set, .. own], $"the method of {name}"));
        if (Variants.FirstOrDefault(variant => Grpo.Arms.Names.Contains(variant.Name)) is { } taken)
            throw new InvalidDataException($"A variant is called {taken.Name}, as an arm is; give it another name.");
        return
        [
            .. Arms.Where(name => Variants.All(variant => variant.Name != name))
                .Select(name =>
                    Grpo.Arms.Names.Contains(name)
                        ? Of(name, name, [])
                        : throw new InvalidDataException(
                            $"arms names \"{name}\", which is neither a variant nor an arm. Arms are {string.Join(", ", Grpo.Arms.Names)}."
                        )
                ),
            .. Variants.Select(variant => Of(variant.Name, variant.Arm, variant.Set)),
        ];
    }
}
