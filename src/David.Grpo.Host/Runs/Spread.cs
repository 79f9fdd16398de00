namespace David.Grpo.Runs;

/// <summary>A mean with its 95 % interval; null bounds where the data allow none.</summary>
/// <param name="Mean">Over seeds, or over questions where there is one seed.</param>
/// <param name="BySeed">One a seed; empty where the mean is not over seeds.</param>
/// <param name="High">The interval's upper end.</param>
/// <param name="Low">The interval's lower end.</param>
public sealed record Spread(double Mean, double? Low, double? High, double[] BySeed)
{
    /// <summary>The level of all intervals.</summary>
    public const double Level = 0.95;

    /// <summary>Over seeds, by Student's t.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return Of(Statistics.MeanOverSeeds(Level, all), all);
    }

    /// <summary>Over questions, by the bootstrap.</summary>
    /// <param name="name">Of the measure; the draws are its own.</param>
    public static Spread OverQuestions(IEnumerable<double> values, string name) =>
        Of(Statistics.BootstrapMean(Level, 1000, Seed.Named(name, Seed.OfInt64(0)), [.. values]), []);

    /// <summary>Over seeds by Student's t; for one seed over its questions.</summary>
    /// <param name="scores">[seeds][questions], the same questions for all seeds.</param>
    public static Spread OfScores(double[][] scores) =>
        Of(ComparisonStatistics.MeanScore(Level, scores), [.. scores.Select(own => own.Average())]);

    internal static Spread Of(MeanEstimate estimate, double[] bySeed) => Of(estimate.Mean, estimate.Interval, bySeed);

    internal static Spread Of(double mean, Interval interval, double[] bySeed) =>
        interval is Interval.Between between
            ? new Spread(mean, between.low, between.high, bySeed)
            : new Spread(mean, null, null, bySeed);
}
