using David.Grpo.Exits;
using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>What early exits risk and save, as figures and a table.</summary>
public static class ExitFigures
{
    /// <summary>Points of a curve at most.</summary>
    private const int Most = 100;

    private const string Best = "best possible";

    /// <summary>
    /// Left, the risk–coverage curves of trial answers: the share of wrong ones among the surest, by each measure of
    /// confidence, beside the best that any measure could do. Right, what exits at each threshold of the grid save in searches
    /// and lose in answers (those right at the end and wrong at the exit), on the same runs; thresholds are not picked here.
    /// </summary>
    /// <param name="runs">At least 1.</param>
    /// <param name="vocabulary">Of the policy.</param>
    /// <param name="measures">Of confidence; a gain is none and cannot be among them.</param>
    public static Figure RiskCoverage(
        IReadOnlyList<RecordedRun> runs,
        int vocabulary,
        params IReadOnlyList<ExitMeasure> measures
    )
    {
        RecordedRun[] all = [.. runs];
        (string Name, ExitCriterion Criterion)[] criteria =
        [
            .. measures.Select(measure =>
                (Title(measure), new ExitSettings { Measure = measure }.Criterion(vocabulary, null))
            ),
        ];
        ExitCheck[][] checks = [.. criteria.Select(one => Trials(one.Criterion, all))];
        bool[] right = [.. checks[0].Select(check => check.Score == 1)];
        return Figure
            .Page(
                "Risk and coverage of early exits",
                "The share of wrong trial answers among the surest ones by measure of confidence, and what exits at each threshold save and lose.",
                2,
                [
                    Panel.Curves(
                        "Risk–coverage of trial answers",
                        Axis.Linear("answered", "%").Over(AxisRange.NewBetween(0, 100)),
                        Axis.Linear("wrong among them", "%").Over(AxisRange.WithZero),
                        [
                            .. criteria.Select(
                                (one, i) =>
                                    Line(
                                        one.Name,
                                        Calibration.RiskCoverage(
                                            TieOrder.Averaged,
                                            [.. checks[i].Select(check => check.Confidence)],
                                            right
                                        )
                                    )
                            ),
                            Line(
                                Best,
                                Calibration.RiskCoverage(
                                    TieOrder.Averaged,
                                    [.. right.Select(isRight => isRight ? 1.0 : 0)],
                                    right
                                )
                            ),
                        ]
                    ),
                    Panel.Curves(
                        "What exits save and lose",
                        Axis.Linear("searches saved", "%").Over(AxisRange.WithZero),
                        Axis.Linear("answers lost", "%").Over(AxisRange.WithZero),
                        [.. criteria.Select(one => Tradeoff(one.Name, one.Criterion, all))]
                    ),
                ]
            )
            .StyledBy([.. criteria.Select(one => one.Name), Best]);
    }

    /// <summary>What a study found at each risk, by method and measure: means over its splits.</summary>
    public static Table OfRisks(ExitStudy study) =>
        new(
            $"Early exits over {study.Resamplings} random splits of {study.Questions} questions (EM to the end {Number.Fixed(1, 100 * study.ExactMatch)} %, {Number.Fixed(2, study.Searches)} searches).",
            [
                TableColumn.Words("method"),
                TableColumn.Words("measure"),
                TableColumn.Numbers("risk", "%", 1, Figures.Best.Unmarked),
                TableColumn.Numbers("lost", "%", 1, Figures.Best.Unmarked),
                TableColumn.Numbers("held", "% of splits", 0, Figures.Best.Unmarked),
                TableColumn.Numbers("early", "%", 1, Figures.Best.Unmarked),
                TableColumn.Numbers("searches saved", "%", 1, Figures.Best.Unmarked),
            ],
            [
                .. study.Risks.Select(row =>
                    (Cell[])
                        [
                            Cell.NewWords(row.Method == ExitMethod.Ltt ? "learn then test" : "conformal"),
                            Cell.NewWords(Title(row.Measure)),
                            Exact(100 * row.Risk),
                            Exact(100 * row.ExcessRisk.Mean),
                            Exact(100 * row.Held),
                            Exact(100 * row.EarlyExits.Mean),
                            Exact(100 * row.SearchesSaved.Mean / Math.Max(1e-9, study.Searches)),
                        ]
                ),
            ]
        );

    /// <summary>"least probability".</summary>
    private static string Title(ExitMeasure measure) =>
        measure switch
        {
            ExitMeasure.Min => "least probability",
            ExitMeasure.Mean => "mean probability",
            ExitMeasure.Geometric => "geometric mean",
            ExitMeasure.Entropy => "entropy",
            ExitMeasure.Margin => "margin",
            ExitMeasure.Stability => "stability",
            _ => "gain of a search",
        };

    private static ExitCheck[] Trials(ExitCriterion criterion, RecordedRun[] runs) =>
        [.. runs.SelectMany(run => ExitCalibration.Checks(criterion, run).SkipLast(1))];

    private static Curve Line(string name, RiskCoverage curve)
    {
        int[] kept = Kept(curve.Coverage.Length);
        return Curve.Line(
            name,
            [.. kept.Select(i => 100 * curve.Coverage[i])],
            [.. kept.Select(i => 100 * curve.Risk[i])]
        );
    }

    private static Curve Tradeoff(string name, ExitCriterion criterion, RecordedRun[] runs)
    {
        ExitSummary[] summaries =
        [
            .. ExitCalibration
                .Grid(criterion)
                .Select((tau, i) => Threshold.NewAt(i, tau))
                .Select(threshold =>
                    ExitCalibration.Summarize(runs, ExitCalibration.Replay(criterion, threshold, runs))
                )
                .OrderBy(summary => summary.SearchesSaved),
        ];
        double Share(ExitSummary summary) =>
            100 * summary.SearchesSaved / Math.Max(1e-9, summary.Searches + summary.SearchesSaved);
        return Curve.Line(
            name,
            [.. summaries.Select(Share)],
            [.. summaries.Select(summary => 100 * summary.ExcessRisk)]
        );
    }

    /// <summary>Positions of at most so many points, the first and the last among them.</summary>
    private static int[] Kept(int count) =>
        count <= Most
            ? [.. Enumerable.Range(0, count)]
            : [.. Enumerable.Range(0, Most).Select(i => (int)((long)i * (count - 1) / (Most - 1)))];

    private static Cell Exact(double value) => Cell.NewNumber(Estimate.Exact(value));
}
