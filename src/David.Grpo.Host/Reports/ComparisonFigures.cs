using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>A comparison's figures. Every arm has one colour and one marker in all of them.</summary>
public static class ComparisonFigures
{
    /// <summary>With more curves than these, their bands would hide each other.</summary>
    private const int MostBands = 6;

    /// <summary>Student's t of two seeds is so wide that its bands would hide the curves.</summary>
    private const int LeastSeeds = 3;

    /// <summary>All of them by the names of their files, with captions, in the order of the page.</summary>
    public static IEnumerable<(string Name, Figure Figure, string Caption)> Of(ComparisonReport report)
    {
        yield return ("final", Final(report), "Means at the end of the budget with their 95 % intervals.");
        yield return (
            "learning",
            Learning(report),
            $"Exact match by each currency of the budget. Means over seeds{Bands(report)}; linear between evaluations."
        );
        yield return (
            "searching",
            Searching(report),
            $"How the policies search, by rollouts. Means over seeds{Bands(report)}; linear between evaluations."
        );
        yield return (
            "fronts",
            Fronts(report),
            "What an answer is worth against what it costs, at the end of the budget, with 95 % intervals. No arm beats those on the dashed front at as low a cost."
        );
        yield return (
            "training",
            Training(report),
            $"Of each step's groups, means over seeds{Bands(report)}. Groups with equal rewards throughout teach nothing; the reward is each arm's own."
        );
        if (Terms(report) is { } terms)
            yield return (
                "terms",
                terms,
                $"Each term of an arm's own reward before weighing: means over a step's rollouts, then over seeds{Bands(report)}."
            );
    }

    private static string Bands(ComparisonReport report) => HasBands(report) ? " with 95 % intervals" : "";

    private static bool HasBands(ComparisonReport report) =>
        report.Arms.Length <= MostBands && report.Summary.Seeds.Length >= LeastSeeds;

    private static Figure Page(ComparisonReport report, string title, string description, params Panel[] panels) =>
        Figure.Page(title, description, 2, panels).StyledBy(report.Titles);

    private static Figure Final(ComparisonReport report)
    {
        Panel Of(string title, string label, string unit, double scale, Func<ArmSummary, Spread> pick) =>
            Panel.Dots(
                title,
                Axis.Linear(label, unit),
                [
                    .. report.Summary.End.Arms.Select(arm =>
                        Row.Of(report[arm.Arm].Title, SummaryTables.Estimate(pick(arm), scale))
                    ),
                ]
            );
        return Page(
            report,
            "Final scores",
            "Exact match, F1, evidence coverage and searches a question at the end of the budget, for each arm.",
            Of("Exact match", "EM", "%", 100, arm => arm.ExactMatch),
            Of("F1", "F1", "%", 100, arm => arm.F1),
            Of("Evidence coverage", "coverage", "%", 100, arm => arm.Coverage),
            Of("Searches", "searches a question", "", 1, arm => arm.SearchesPerQuestion)
        );
    }

    private static Figure Learning(ComparisonReport report)
    {
        Panel By(string currency, string unit, Func<RunCost, double> cost) =>
            Evaluations(
                report,
                $"By {currency}",
                Axis.Linear(currency, unit),
                "EM",
                "%",
                100,
                cost,
                own => own.ExactMatch
            );
        return Page(
            report,
            "Learning curves",
            "Exact match by rollouts, generated tokens, searches and seconds, for each arm.",
            By("rollouts", "", spent => spent.Rollouts),
            By("generated tokens", "", spent => spent.GeneratedTokens),
            By("searches in training", "", spent => spent.Searches),
            By("sampling and learning", "s", spent => spent.Seconds)
        );
    }

    private static Figure Searching(ComparisonReport report)
    {
        Panel Of(string title, string label, string unit, double scale, Func<EvaluationMetrics, double> pick) =>
            Evaluations(report, title, Axis.Linear("rollouts", ""), label, unit, scale, spent => spent.Rollouts, pick);
        return Page(
            report,
            "Searching",
            "Evidence coverage and searches a question by rollouts, for each arm.",
            Of("Evidence coverage", "coverage", "%", 100, own => own.Coverage),
            Of("Searches", "searches a question", "", 1, own => own.SearchesPerQuestion)
        );
    }

    private static Figure Fronts(ComparisonReport report)
    {
        MarkSummary end = report.Summary.End;
        Panel Of(string title, string label, Func<ArmSummary, Spread> cost, string[] front) =>
            Panel.Points(
                title,
                Axis.Linear(label, ""),
                Axis.Linear("EM", "%"),
                [
                    .. end.Arms.Select(arm => new ScatterPoint(
                        report[arm.Arm].Title,
                        SummaryTables.Estimate(cost(arm), 1),
                        SummaryTables.Estimate(arm.ExactMatch, 100),
                        front.Contains(arm.Arm)
                    )),
                ]
            );
        return Page(
            report,
            "Pareto fronts",
            "Exact match against searches a question and against generated tokens a question, for each arm.",
            Of("By searches", "searches a question", arm => arm.SearchesPerQuestion, end.FrontBySearches),
            Of("By generated tokens", "tokens a question", arm => arm.TokensPerQuestion, end.FrontByTokens)
        );
    }

    private static Figure Training(ComparisonReport report) =>
        Page(
            report,
            "Training",
            "Reward and share of dead groups by rollouts, for each arm.",
            Steps(report, "Reward in training", "mean reward", "", 1, step => step.Reward),
            Steps(report, "Dead groups", "share", "%", 100, step => step.DeadGroups)
        );

    /// <summary>A panel a term of the arms' rewards; null where no reward has terms.</summary>
    private static Figure? Terms(ComparisonReport report)
    {
        string[] terms =
        [
            .. report.Lines.SelectMany(lines => lines.Steps).SelectMany(step => step.Terms.Keys).Distinct(),
        ];
        return terms is []
            ? null
            : Page(
                report,
                "Reward terms",
                "The terms of the rewards by rollouts, for the arms that have them.",
                [
                    .. terms.Select(term =>
                        Steps(
                            report,
                            term.Replace('_', ' '),
                            "mean",
                            "",
                            1,
                            step => step.Terms.TryGetValue(term, out double value) ? value : double.NaN
                        )
                    ),
                ]
            );
    }

    private static Panel Evaluations(
        ComparisonReport report,
        string title,
        Axis x,
        string label,
        string unit,
        double scale,
        Func<RunCost, double> cost,
        Func<EvaluationMetrics, double> pick
    ) =>
        Curves(
            report,
            title,
            x,
            label,
            unit,
            lines =>
                lines.Evaluations.Select(own =>
                    (cost(lines.SpentAfter(own.Step) with { Rollouts = own.Rollouts }), scale * pick(own))
                )
        );

    private static Panel Steps(
        ComparisonReport report,
        string title,
        string label,
        string unit,
        double scale,
        Func<StepMetrics, double> pick
    ) =>
        Curves(
            report,
            title,
            Axis.Linear("rollouts", ""),
            label,
            unit,
            lines => lines.Steps.Select(own => ((double)own.Rollouts, scale * pick(own)))
        );

    /// <summary>A curve an arm, of what has a number.</summary>
    /// <param name="pointsOf">A run's costs and values, by ascending cost.</param>
    private static Panel Curves(
        ComparisonReport report,
        string title,
        Axis x,
        string label,
        string unit,
        Func<RunLog, IEnumerable<(double Cost, double Value)>> pointsOf
    )
    {
        bool hasBands = HasBands(report);
        double most = unit == "%" ? 100 : double.PositiveInfinity;
        List<Curve> curves = [];
        foreach (ReportedArm arm in report.Arms)
        {
            (double Cost, double Value)[][] seeds =
            [
                .. report
                    .LinesOf(arm.Name)
                    .Select(lines => pointsOf(lines).Where(point => double.IsFinite(point.Value)).ToArray()),
            ];
            if (
                LearningCurve.Of(
                    seeds.Select(points =>
                        (points.Select(point => point.Cost).ToArray(), points.Select(point => point.Value).ToArray())
                    )
                )
                is not { } curve
            )
                continue;
            double[] Bound(Func<Spread, double?> of) =>
                [.. curve.Values.Select(spread => hasBands ? of(spread) ?? spread.Mean : spread.Mean)];
            curves.Add(
                Curve.Band(
                    arm.Title,
                    curve.Spent,
                    Bound(spread => spread.Mean),
                    // An interval may leave the range of what it is about; the drawing does not.
                    Bound(spread => Math.Max(Math.Min(0, spread.Mean), spread.Low ?? spread.Mean)),
                    Bound(spread => Math.Min(most, spread.High ?? spread.Mean))
                )
            );
        }
        return Panel.Curves(title, x, Axis.Linear(label, unit).Over(AxisRange.WithZero), [.. curves]);
    }
}
