using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Experiments;

/// <summary>How each arm's learning rate is chosen, alike for all of them.</summary>
public sealed record Tuning
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

    /// <summary>The runs that choose each variant's learning rate.</summary>
    internal ComparedRun[] Runs(Experiment experiment) =>
        [
            .. Enumerable
                .Range(FirstSeed, Seeds)
                .SelectMany(seed =>
                    experiment.Variants.SelectMany(variant =>
                        LearningRates.Select(rate =>
                            experiment.RunOf(At(variant, rate), seed, Label(variant.Name, rate), [])
                        )
                    )
                ),
        ];

    /// <summary>What the finished runs say; each variant takes the rate with the highest mean EM.</summary>
    /// <exception cref="InvalidDataException">A run is missing.</exception>
    internal (Experiment Tuned, TuningResult Result) Choose(Experiment experiment)
    {
        string folder = experiment.TuningFolder;
        ComparedRun[] runs = Runs(experiment);
        if (Array.Find(runs, run => !run.IsFinishedIn(folder)) is { } missing)
            throw new InvalidDataException(
                $"The tuning in {folder} is not finished; {missing.Folder} is missing, for one. Run the comparison first."
            );
        Dictionary<string, double> scores = ComparisonSummary
            .Of(folder, runs, runs[0].Name)
            .End.Arms.ToDictionary(arm => arm.Arm, arm => arm.ExactMatch.Mean);
        TunedArm[] arms =
        [
            .. experiment.Variants.Select(variant =>
            {
                double Score(double rate) => scores[Label(variant.Name, rate)];
                return new TunedArm(variant.Name, LearningRates.MaxBy(Score), [.. LearningRates.Select(Score)]);
            }),
        ];
        return (
            experiment with
            {
                Variants = [.. experiment.Variants.Zip(arms, (variant, arm) => At(variant, arm.Best))],
            },
            new TuningResult(LearningRates, Seeds, arms)
        );
    }

    private static string Label(string name, double rate) =>
        $"{name}_lr_{rate.ToString("0e0", CultureInfo.InvariantCulture)}";

    private static Variant At(Variant variant, double rate) =>
        variant with
        {
            Method = common => variant.Method(common) with { LearningRate = rate, BootstrapLearningRate = rate },
        };
}
