using David.Grpo.Runs;

namespace David.Grpo.Exits;

/// <summary>So many of so many.</summary>
/// <param name="Hits">Of the total.</param>
/// <param name="Total">All that could have been.</param>
public sealed record Share(int Hits, int Total)
{
    /// <summary>The share of a tally.</summary>
    public static Share Of(Tally tally) => new(tally.Hits, tally.Total);
}

/// <summary>Questions of one number of hops: searches, and the mean distance from what is needed.</summary>
/// <param name="FullGap">Mean |searches − hops| to the end.</param>
/// <param name="FullSearches">Mean searches to the end.</param>
/// <param name="Gap">Mean |searches − hops| with exits.</param>
/// <param name="Searches">Mean searches with exits.</param>
/// <param name="Hops">That the questions need.</param>
/// <param name="Questions">Of so many hops.</param>
public sealed record HopsReport(
    int Hops,
    int Questions,
    double FullSearches,
    double Searches,
    double FullGap,
    double Gap
);

/// <summary>How well a confidence tells right answers from wrong ones.</summary>
/// <param name="Ece">Expected calibration error, 10 bins of equal mass.</param>
/// <param name="Auroc">Null where all answers are right, or all wrong.</param>
/// <param name="RiskAt">The share of wrong answers among the most confident half, four fifths and all.</param>
/// <param name="Aurc">Area under the risk–coverage curve; less is better.</param>
/// <param name="ExcessAurc">The same above that of a perfect order.</param>
/// <param name="Answers">That it is about.</param>
public sealed record ConfidenceReport(
    int Answers,
    double Ece,
    double Aurc,
    double ExcessAurc,
    double? Auroc,
    IReadOnlyDictionary<string, double> RiskAt
)
{
    /// <summary>The report of confidences and whether the answers were right.</summary>
    /// <param name="confidences">[n] in [0, 1], n at least 1.</param>
    public static ConfidenceReport Of(double[] confidences, bool[] correct)
    {
        RiskCoverage curve = Calibration.RiskCoverage(TieOrder.Averaged, confidences, correct);
        return new ConfidenceReport(
            confidences.Length,
            Calibration.ExpectedError(Binning.NewEqualMass(10), confidences, correct),
            Calibration.Aurc(TieOrder.Averaged, confidences, correct),
            Calibration.ExcessAurc(TieOrder.Averaged, confidences, correct),
            Calibration.Auroc(confidences, correct) is Area.Known known ? known.value : null,
            ((double[])[0.5, 0.8, 1]).ToDictionary(
                coverage => coverage.ToString(System.Globalization.CultureInfo.InvariantCulture),
                coverage => curve.Risk[Math.Max(1, (int)(coverage * confidences.Length)) - 1]
            )
        );
    }

    /// <summary>Every trial answer of the runs, by a measure of confidence.</summary>
    public static ConfidenceReport OfTrials(ExitCriterion criterion, IReadOnlyList<RecordedRun> runs)
    {
        ExitCheck[] checks = [.. runs.SelectMany(run => ExitCalibration.Checks(criterion, run).SkipLast(1))];
        return Of([.. checks.Select(check => check.Confidence)], [.. checks.Select(check => check.Score == 1)]);
    }
}

/// <summary>Utility, score less price times searches, of the runs and of the best stopping there is.</summary>
/// <param name="Oracle">What optimal stopping reaches that knows each trial answer's score.</param>
/// <param name="Regret">The oracle less with exits.</param>
/// <param name="Full">Answering to the end.</param>
/// <param name="Price">Of a search.</param>
/// <param name="WithExits">Answering with exits.</param>
public sealed record StoppingReport(double Price, double Full, double WithExits, double Oracle, double Regret);

/// <summary>What exits did to an evaluation: the same questions answered to the end and with exits.</summary>
public sealed record ExitReport
{
    /// <summary>Of the exits.</summary>
    public required ExitSummary Summary { get; init; }

    /// <summary>Exact match with exits less that to the end, by question.</summary>
    public required Spread ScoreDifference { get; init; }

    /// <summary>A question: searches, without exits less with them.</summary>
    public required Spread SearchesSaved { get; init; }

    /// <summary>A question: generated tokens, those of trials included, without exits less with them.</summary>
    public required Spread GeneratedTokensSaved { get; init; }

    /// <summary>A question: observed tokens, without exits less with them.</summary>
    public required Spread ObservedTokensSaved { get; init; }

    /// <summary>Searches that were asked though the trial answer before them was right; to the end, and with exits.</summary>
    public required Share FullOverSearch { get; init; }

    /// <summary>Searches that were not needed.</summary>
    public required Share OverSearch { get; init; }

    /// <summary>Wrong answers among those given with evidence missing.</summary>
    public required Share FullUnderSearch { get; init; }

    /// <summary>Questions that had too few.</summary>
    public required Share UnderSearch { get; init; }

    /// <summary>By searches that questions need.</summary>
    public required HopsReport[] Hops { get; init; }

    /// <summary>The confidence behind the trial answers of the full runs; by the geometric mean where exits go by gains.</summary>
    public required ConfidenceReport Confidence { get; init; }

    /// <summary>Against optimal stopping.</summary>
    public required StoppingReport Stopping { get; init; }

    /// <summary>The report of recorded and exited runs.</summary>
    /// <param name="full">At least 1 question to its end, with a trial answer at every check.</param>
    /// <param name="exited">The same with exits.</param>
    /// <param name="price">Of a search, in the unit of the score.</param>
    public static ExitReport Of(
        ExitCriterion criterion,
        Threshold threshold,
        RecordedRun[] full,
        ExitedRun[] exited,
        double price
    )
    {
        RecordedRun[] ended = [.. exited.Select(exit => exit.Run)];
        Spread Saved(string name, Func<RecordedRun, double> before, Func<ExitedRun, double> after) =>
            Spread.OverQuestions(full.Zip(exited, (run, exit) => before(run) - after(exit)), name);
        Share Over(RecordedRun[] runs) => Share.Of(Selectivity.OverSearch(ExitCalibration.JudgedSteps(runs)));
        Share Under(RecordedRun[] runs) => Share.Of(Selectivity.UnderSearch(ExitCalibration.JudgedSteps(runs)));
        ExitCriterion confidence = criterion.IsConfidence
            ? criterion
            : new ExitSettings { Measure = ExitMeasure.Geometric }.Criterion(2, null);
        return new ExitReport
        {
            Summary = ExitCalibration.Summarize(full, exited),
            ScoreDifference = Spread.OverQuestions(
                full.Zip(exited, (run, exit) => exit.Run.Score - run.Score),
                "score difference"
            ),
            SearchesSaved = Saved("searches", run => run.Spent.Searches, exit => exit.Run.Spent.Searches),
            GeneratedTokensSaved = Saved(
                "generated tokens",
                run => run.Spent.GeneratedTokens,
                exit => exit.Run.Spent.GeneratedTokens + exit.Thrown
            ),
            ObservedTokensSaved = Saved(
                "observed tokens",
                run => run.Spent.ObservedTokens,
                exit => exit.Run.Spent.ObservedTokens
            ),
            FullOverSearch = Over(full),
            OverSearch = Over(ended),
            FullUnderSearch = Under(full),
            UnderSearch = Under(ended),
            Hops = [.. ByHops(full, ended)],
            Confidence = ConfidenceReport.OfTrials(confidence, full),
            Stopping = Stop(confidence, full, ended, price),
        };
    }

    private static IEnumerable<HopsReport> ByHops(RecordedRun[] full, RecordedRun[] ended) =>
        ExitCalibration
            .GapByHops(full)
            .Zip(
                ExitCalibration.GapByHops(ended),
                (before, after) =>
                    new HopsReport(
                        before.Hops,
                        before.Trajectories,
                        MeanSearches(full, before.Hops),
                        MeanSearches(ended, before.Hops),
                        before.MeanAbsoluteGap,
                        after.MeanAbsoluteGap
                    )
            );

    private static double MeanSearches(RecordedRun[] runs, int hops) =>
        runs.Where(run => run.Hops == hops).Average(run => (double)run.Spent.Searches);

    private static StoppingReport Stop(ExitCriterion criterion, RecordedRun[] full, RecordedRun[] ended, double price)
    {
        ExitCheck[][] Ends(RecordedRun[] runs) => [.. runs.Select(run => ExitCalibration.Checks(criterion, run)[^1..])];
        double Utility(RecordedRun[] runs) => EarlyExit.Utility(price, Ends(runs), new int[runs.Length]);
        double best = EarlyExit
            .Oracle(
                StoppingState.SearchCountAndScore,
                price,
                [.. full.Select(run => ExitCalibration.Checks(criterion, run))]
            )
            .Value;
        double reached = Utility(ended);
        return new StoppingReport(price, Utility(full), reached, best, best - reached);
    }
}
