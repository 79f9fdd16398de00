using System.Globalization;
using David.Grpo.Cli.Configuration;
using David.Grpo.Reports;
using David.Grpo.Training;

namespace David.Grpo.Cli.Commands;

/// <summary>What a file of `david compare` comes to: methods, and the runs of each.</summary>
/// <param name="Text">The file of `david train` that it compares on; null for the embedded world.</param>
internal sealed record ComparisonPlan(ComparisonFile File, RunFile? Text, (string Name, MethodOptions Method)[] Methods)
{
    /// <summary>Where a comparison keeps its file, so that it can be reported by its folder alone.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "comparison.yaml");

    public static ComparisonPlan Open(ComparisonFile file)
    {
        if (file is { Run: not null, Model: not null })
            throw new InvalidDataException(
                "model and run are both given; the run file names its own model. Leave one out."
            );
        RunFile? text = file.Run is null ? null : RunFile.Load(file.Run, []);
        (string Name, MethodOptions Method)[] methods = file.Methods(text?.Method ?? new WorldMethodOptions());
        if (file.Focus is { } focus && methods.All(method => method.Name != focus))
            throw new InvalidDataException(
                $"focus is {focus}, but the comparison has {string.Join(", ", methods.Select(method => method.Name))}."
            );
        if (
            file.Tune is { } tuning
            && Enumerable
                .Range(tuning.FirstSeed, tuning.Seeds)
                .Intersect(Enumerable.Range(file.FirstSeed, file.Seeds))
                .Any()
        )
            throw new InvalidDataException(
                $"tune.first_seed is {tuning.FirstSeed}: seeds of the comparison would be tuned on. Take others."
            );
        return new ComparisonPlan(file, text, methods);
    }

    public string Folder => File.Out!;

    public string TuningFolder => Path.Combine(Folder, "tuning");

    /// <summary>The arm that the others are compared with.</summary>
    public string Focus => File.Focus ?? Methods[^1].Name;

    /// <summary>A seed's arms next to each other, so that an early look is already a comparison.</summary>
    public ComparedRun[] Runs =>
        [
            .. Enumerable
                .Range(File.FirstSeed, File.Seeds)
                .SelectMany(seed =>
                    Methods.Select(method => new ComparedRun(
                        method.Name,
                        seed,
                        Options(method.Method, seed, File.Marks)
                    ))
                ),
        ];

    /// <summary>The runs that choose each method's learning rate; none where they are given.</summary>
    public ComparedRun[] TuningRuns =>
        File.Tune is not { } tuning
            ? []
            :
            [
                .. Enumerable
                    .Range(tuning.FirstSeed, tuning.Seeds)
                    .SelectMany(seed =>
                        Methods.SelectMany(method =>
                            tuning.LearningRates.Select(rate => new ComparedRun(
                                Label(method.Name, rate),
                                seed,
                                Options(At(method.Method, rate), seed, [])
                            ))
                        )
                    ),
            ];

    /// <summary>What the tuning's finished runs say; each method takes the rate with the highest mean EM.</summary>
    public (ComparisonPlan Plan, TuningResult Result) Tuned(TuningSection tuning)
    {
        ComparedRun[] runs = TuningRuns;
        if (Array.Find(runs, run => !run.IsFinishedIn(TuningFolder)) is { } missing)
            throw new InvalidDataException(
                $"The tuning in {TuningFolder} is not finished; {missing.Folder} is missing, for one. Run the comparison first."
            );
        Dictionary<string, double> scores = ComparisonSummary
            .Of(TuningFolder, runs, runs[0].Name, 0)
            .End.Arms.ToDictionary(arm => arm.Arm, arm => arm.ExactMatch.Mean);
        TunedArm[] arms =
        [
            .. Methods.Select(method =>
            {
                double Score(double rate) => scores[Label(method.Name, rate)];
                return new TunedArm(
                    method.Name,
                    tuning.LearningRates.MaxBy(Score),
                    [.. tuning.LearningRates.Select(Score)]
                );
            }),
        ];
        return (
            this with
            {
                Methods = [.. Methods.Zip(arms, (method, arm) => (method.Name, At(method.Method, arm.Best)))],
            },
            new TuningResult(tuning.LearningRates, tuning.Seeds, arms)
        );
    }

    /// <summary>Writes down what is compared.</summary>
    public void Save()
    {
        Directory.CreateDirectory(Folder);
        System.IO.File.WriteAllText(PathIn(Folder), ConfigurationWriter.Write(File));
        ComparisonRecord.Of(Runs, Focus).Write(Folder);
    }

    private RunOptions Options(MethodOptions method, long seed, int[] marks)
    {
        RunOptions options = Text is null
            ? WorldRuns.Options(method, seed, File.Rollouts, File.Questions, marks)
            : Text with
            {
                Seed = seed,
                Rollouts = File.Rollouts,
                Method = method,
                Evaluation = Text.Evaluation with { At = marks },
            };
        return options with
        {
            GeneratedTokens = File.GeneratedTokens,
            Searches = File.Searches,
            Seconds = File.Seconds,
        };
    }

    private static string Label(string name, double rate) =>
        $"{name}_lr_{rate.ToString("0e0", CultureInfo.InvariantCulture)}";

    private static MethodOptions At(MethodOptions method, double rate) =>
        method with
        {
            LearningRate = rate,
            BootstrapLearningRate = rate,
        };
}
