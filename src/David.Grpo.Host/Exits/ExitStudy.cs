using David.Grpo.Runs;

namespace David.Grpo.Exits;

/// <summary>A measure and a method at a risk, over random splits: means, with the middle 95 % of the splits.</summary>
/// <param name="Held">The share of splits whose excess risk on the test half was at most the risk.</param>
/// <param name="NoneSafe">The share of splits in which no threshold was vouched for.</param>
/// <param name="ScoreDifference">Exact match with exits less that to the end.</param>
/// <param name="EarlyExits">The share of questions answered early.</param>
/// <param name="ExcessRisk">Mean over splits.</param>
/// <param name="GeneratedTokensSaved">A question, those of trials included; below 0 where trials cost more.</param>
/// <param name="ObservedTokensSaved">A question.</param>
/// <param name="SearchesSaved">A question.</param>
/// <param name="Measure">Of confidence.</param>
/// <param name="Method">Of calibration.</param>
/// <param name="Risk">That was to be held.</param>
public sealed record RiskRow(
    ExitMeasure Measure,
    ExitMethod Method,
    double Risk,
    Spread ExcessRisk,
    double Held,
    double NoneSafe,
    Spread ScoreDifference,
    Spread EarlyExits,
    Spread SearchesSaved,
    Spread GeneratedTokensSaved,
    Spread ObservedTokensSaved
);

/// <summary>One split in detail: the half that did not pick the threshold.</summary>
/// <param name="Threshold">Null where none was safe.</param>
/// <param name="Measure">Of the gain.</param>
/// <param name="Report">What the gate saved and lost.</param>
/// <param name="Risk">That was to be held.</param>
public sealed record SelectivityRow(ExitMeasure Measure, double Risk, double? Threshold, ExitReport Report);

/// <summary>Whether calibrated exits keep their word on recorded runs, and what they save.</summary>
public sealed record ExitStudy
{
    private const double Level = 0.95;
    private const double Price = 0.05;

    /// <summary>That were recorded.</summary>
    public required int Questions { get; init; }

    /// <summary>Means of the runs to their end.</summary>
    public required double ExactMatch { get; init; }

    /// <summary>Mean of a question answered to the end.</summary>
    public required double Searches { get; init; }

    /// <summary>Mean of a question answered to the end.</summary>
    public required double GeneratedTokens { get; init; }

    /// <summary>Mean of a question answered to the end.</summary>
    public required double ObservedTokens { get; init; }

    /// <summary>The chance that a guarantee may fail with.</summary>
    public required double Delta { get; init; }

    /// <summary>Random splits.</summary>
    public required int Resamplings { get; init; }

    /// <summary>Rows of gates on searches.</summary>
    public required GateFit? Gate { get; init; }

    /// <summary>That were to be held.</summary>
    public required RiskRow[] Risks { get; init; }

    /// <summary>By learn then test at the first risk.</summary>
    public required SelectivityRow[] Selectivity { get; init; }

    /// <summary>The study of recorded runs.</summary>
    /// <param name="runs">At least 8, to their end; their order is that of the questions.</param>
    /// <param name="risks">At least one.</param>
    /// <param name="told">Told what was done, by measure.</param>
    public static ExitStudy Of(
        RecordedRun[] runs,
        int vocabulary,
        IReadOnlyList<double> risks,
        double delta,
        int resamplings,
        Seed seed,
        Action<string>? told = null
    )
    {
        int fitted = runs.Length / 4;
        // A policy that never searches has no gate.
        GateWeights? weights = runs[..fitted].Any(run => run.Spent.Searches > 0)
            ? ExitCalibration.FitGate(runs[..fitted])
            : null;
        List<RiskRow> rows = [];
        List<SelectivityRow> details = [];
        foreach (ExitMeasure measure in Enum.GetValues<ExitMeasure>())
        {
            bool isGain = measure == ExitMeasure.Gain;
            if (isGain && weights is null)
                continue;
            ExitCriterion criterion = new ExitSettings { Measure = measure }.Criterion(vocabulary, weights);
            RecordedRun[] used = isGain ? runs[fitted..] : runs;
            foreach (double risk in risks)
            foreach (ExitMethod method in Enum.GetValues<ExitMethod>())
                rows.Add(
                    Row(
                        measure,
                        method,
                        risk,
                        ExitCalibration.Resample(
                            Method(method, risk, delta),
                            criterion,
                            0.5,
                            resamplings,
                            Seed.Named("splits", seed),
                            used
                        )
                    )
                );
            details.Add(Detail(measure, criterion, risks[0], delta, used, seed));
            told?.Invoke($"{measure.ToString().ToLowerInvariant()} done");
        }
        double Mean(Func<RecordedRun, double> measure) => runs.Average(measure);
        return new ExitStudy
        {
            Questions = runs.Length,
            ExactMatch = Mean(run => run.Score),
            Searches = Mean(run => run.Spent.Searches),
            GeneratedTokens = Mean(run => run.Spent.GeneratedTokens),
            ObservedTokens = Mean(run => run.Spent.ObservedTokens),
            Delta = delta,
            Resamplings = resamplings,
            Gate = weights is null ? null : GateFit.Of(weights, fitted),
            Risks = [.. rows.OrderBy(row => row.Risk).ThenBy(row => row.Method).ThenBy(row => row.Measure)],
            Selectivity = [.. details],
        };
    }

    private static RiskMethod Method(ExitMethod method, double risk, double delta) =>
        method == ExitMethod.Ltt ? RiskMethod.NewLearnThenTest(risk, delta) : RiskMethod.NewConformal(risk);

    private static RiskRow Row(ExitMeasure measure, ExitMethod method, double risk, ResampledExit[] splits)
    {
        Spread Over(Func<ExitSummary, double> pick)
        {
            double[] values = [.. splits.Select(split => pick(split.Test))];
            return Spread.Of(values.Average(), Statistics.PercentileInterval(Level, values), []);
        }
        return new RiskRow(
            measure,
            method,
            risk,
            Over(test => test.ExcessRisk),
            splits.Average(split => split.Test.ExcessRisk <= risk ? 1.0 : 0),
            splits.Average(split => split.Threshold.IsNoneSafe ? 1.0 : 0),
            Over(test => test.Score - test.FullScore),
            Over(test => test.EarlyExits),
            Over(test => test.SearchesSaved),
            Over(test => test.GeneratedTokensSaved),
            Over(test => test.ObservedTokensSaved)
        );
    }

    private static SelectivityRow Detail(
        ExitMeasure measure,
        ExitCriterion criterion,
        double risk,
        double delta,
        RecordedRun[] runs,
        Seed seed
    )
    {
        RecordedRun[] shuffled = [.. Seed.Permutation(runs.Length, Seed.Named("detail", seed)).Select(i => runs[i])];
        RecordedRun[] picking = shuffled[..(runs.Length / 2)],
            rest = shuffled[(runs.Length / 2)..];
        Threshold threshold = ExitCalibration.Pick(Method(ExitMethod.Ltt, risk, delta), criterion, picking);
        return new SelectivityRow(
            measure,
            risk,
            threshold is Threshold.At at ? at.tau : null,
            ExitReport.Of(criterion, threshold, rest, ExitCalibration.Replay(criterion, threshold, rest), Price)
        );
    }
}
