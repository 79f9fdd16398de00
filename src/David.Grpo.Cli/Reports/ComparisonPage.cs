using System.Text.Json;
using David.Grpo.Figures;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Cli.Reports;

/// <summary>A comparison's index.html.</summary>
internal static class ComparisonPage
{
    private const int Points = 26;

    public static string Render(
        string folder,
        IReadOnlyList<ComparedRun> runs,
        ComparisonSummary summary,
        BeforeAndAfter? example
    )
    {
        List<Section> sections =
        [
            Section.NewProse(
                $"Each arm may spend {summary.End.Rollouts} rollouts (continuations included) and starts from the same base policy. "
                    + $"{summary.Seeds.Length} seed{(summary.Seeds.Length == 1 ? "" : "s")}, a training world each; all are evaluated on the same {summary.EvaluationQuestions} questions of another world, "
                    + "sampled at temperature 0.6. Intervals of scores are 95 % bootstrap intervals over seeds and questions, those of costs and differences Student's t over seeds."
            ),
            Section.NewHeading("Result"),
            Section.NewTable(ArmTable(summary)),
            Section.NewTable(DifferenceTable(summary)),
            Section.NewHeading("Learning curves"),
            Section.NewFigure(
                Curves(folder, runs, summary),
                "Means over seeds with 95 % intervals, by rollouts spent; linear between evaluations."
            ),
            Section.NewHeading("What the groups taught"),
            Section.NewFigure(
                StepCurves(folder, runs, summary),
                "Dead groups have equal rewards throughout and teach nothing; reward is each arm's own."
            ),
        ];
        if (example is not null)
            sections.AddRange(
                Section.NewHeading("One question, before and after training"),
                Section.NewTranscripts([Transcript("Before", example.Before), Transcript("After", example.After)])
            );
        sections.AddRange(
            Section.NewHeading("How it was run"),
            Section.NewFacts([
                new Fact("Seeds", string.Join(", ", summary.Seeds)),
                new Fact("Wall time", $"{summary.WallSeconds:F0} s"),
                new Fact(
                    "Sampling and learning",
                    $"{summary.End.Arms.Sum(arm => arm.Seconds.BySeed.Sum()):F0} s over all runs"
                ),
                new Fact(
                    "Program",
                    $"David.Grpo {typeof(Trainer).Assembly.GetName().Version}, libtorch {Torch.Version}, .NET {Environment.Version}"
                ),
            ]),
            Section.NewDetails(
                "Options of the last arm's first run",
                [
                    Section.NewProse(
                        JsonSerializer.Serialize(runs.Last(run => run.Seed == summary.Seeds[0]).Options, RunJson.Line)
                    ),
                ]
            )
        );
        return Page.Render(
            new Report(
                "Small policies learn to search",
                $"Arms on the embedded world at {summary.End.Rollouts} rollouts",
                [.. sections]
            )
        );
    }

    private static Table ArmTable(ComparisonSummary summary)
    {
        EvaluationMetrics before = summary.Before;
        return new Table(
            "At the end of the budget",
            [
                TableColumn.Words("arm"),
                TableColumn.Numbers("EM", "%", 1, Best.Highest),
                TableColumn.Numbers("F1", "%", 1, Best.Highest),
                TableColumn.Numbers("coverage", "%", 1, Best.Highest),
                TableColumn.Numbers("searches", "per question", 2, Best.Unmarked),
                TableColumn.Numbers("answered", "%", 1, Best.Unmarked),
                TableColumn.Numbers("generated", "tokens", 0, Best.Unmarked),
                TableColumn.Numbers("time", "s", 1, Best.Unmarked),
            ],
            [
                [
                    Cell.NewWords("base policy"),
                    Percent(before.ExactMatch),
                    Percent(before.F1),
                    Percent(before.Coverage),
                    Cell.NewNumber(Estimate.Exact(before.SearchesPerQuestion)),
                    Percent(before.Answered),
                    Cell.Missing,
                    Cell.Missing,
                ],
                .. summary.End.Arms.Select(arm =>
                    (Cell[])
                        [
                            Cell.NewWords(arm.Arm),
                            Number(arm.ExactMatch, 100),
                            Number(arm.F1, 100),
                            Number(arm.Coverage, 100),
                            Number(arm.SearchesPerQuestion, 1),
                            Number(arm.Answered, 100),
                            Number(arm.TrainingTokens, 1),
                            Number(arm.Seconds, 1),
                        ]
                ),
            ]
        );
    }

    private static Table DifferenceTable(ComparisonSummary summary) =>
        new(
            "Paired differences by seed",
            [
                TableColumn.Words("difference"),
                TableColumn.Numbers("EM", "points", 1, Best.Unmarked),
                TableColumn.Numbers("F1", "points", 1, Best.Unmarked),
                TableColumn.Numbers("coverage", "points", 1, Best.Unmarked),
                TableColumn.Numbers("searches", "per question", 2, Best.Unmarked),
            ],
            [
                .. summary
                    .End.Differences.GroupBy(difference => $"{difference.Arm} − {difference.Other}")
                    .Select(pair =>
                        (Cell[])
                            [
                                Cell.NewWords(pair.Key),
                                .. pair.Select(difference =>
                                    Number(
                                        difference.Difference,
                                        difference.Measure == "searches_per_question" ? 1 : 100
                                    )
                                ),
                            ]
                    ),
            ]
        );

    private static Figure Curves(string folder, IReadOnlyList<ComparedRun> runs, ComparisonSummary summary)
    {
        Panel Of(string title, string label, string unit, double scale, Func<EvaluationMetrics, double> pick) =>
            Panel.Curves(
                title,
                Axis.Linear("rollouts", ""),
                Axis.Linear(label, unit).Over(AxisRange.WithZero),
                ByArm<EvaluationMetrics>(
                    folder,
                    runs,
                    "evaluation",
                    summary,
                    metrics => metrics.Rollouts,
                    metrics => scale * pick(metrics),
                    most: unit == "%" ? 100 : double.PositiveInfinity
                )
            );
        return Figure.Page(
            "Learning curves",
            "Exact match, evidence coverage, searches a question and F1 by rollouts spent, for each arm.",
            2,
            [
                Of("Exact match", "EM", "%", 100, metrics => metrics.ExactMatch),
                Of("Evidence coverage", "coverage", "%", 100, metrics => metrics.Coverage),
                Of("Searches", "searches per question", "", 1, metrics => metrics.SearchesPerQuestion),
                Of("F1", "F1", "%", 100, metrics => metrics.F1),
            ]
        );
    }

    private static Figure StepCurves(string folder, IReadOnlyList<ComparedRun> runs, ComparisonSummary summary)
    {
        Panel Of(string title, string label, string unit, double scale, Func<StepMetrics, double> pick) =>
            Panel.Curves(
                title,
                Axis.Linear("rollouts", ""),
                Axis.Linear(label, unit).Over(AxisRange.WithZero),
                ByArm<StepMetrics>(
                    folder,
                    runs,
                    "step",
                    summary,
                    metrics => metrics.Rollouts,
                    metrics => scale * pick(metrics),
                    most: unit == "%" ? 100 : double.PositiveInfinity
                )
            );
        return Figure.Page(
            "Training",
            "Reward and share of dead groups by rollouts spent, for each arm.",
            2,
            [
                Of("Reward in training", "mean reward", "", 1, metrics => metrics.Reward),
                Of("Dead groups", "share", "%", 100, metrics => metrics.DeadGroups),
            ]
        );
    }

    /// <summary>A curve an arm: each seed's points interpolated on a common grid, then mean and interval over seeds.</summary>
    private static Curve[] ByArm<T>(
        string folder,
        IReadOnlyList<ComparedRun> runs,
        string kind,
        ComparisonSummary summary,
        Func<T, double> cost,
        Func<T, double> value,
        double most
    )
    {
        List<Curve> curves = [];
        foreach (IGrouping<string, ComparedRun> arm in runs.GroupBy(run => run.Name))
        {
            (double[] Costs, double[] Values)[] seeds =
            [
                .. arm.Select(run =>
                    {
                        T[] lines = [.. RunFolder.ReadMetrics<T>(Path.Combine(folder, run.Folder), kind)];
                        return (lines.Select(cost).ToArray(), lines.Select(value).ToArray());
                    })
                    .Where(seed => seed.Item1.Length > 0),
            ];
            if (seeds.Length == 0)
                continue;
            double from = seeds.Max(seed => seed.Costs[0]),
                to = seeds.Min(seed => seed.Costs[^1]);
            double[] grid = [.. Enumerable.Range(0, Points).Select(i => from + (to - from) * i / (Points - 1))];
            Spread[] spreads =
            [
                .. grid.Select(at =>
                    Spread.Of(seeds.Select(seed => Evaluation.Interpolate(seed.Costs, seed.Values, at)))
                ),
            ];
            double[] means = [.. spreads.Select(spread => spread.Mean)];
            curves.Add(
                Curve.Band(
                    arm.Key,
                    grid,
                    means,
                    // An interval may leave the range of what it is about; the drawing does not.
                    [.. spreads.Select(spread => Math.Max(0, spread.Low ?? spread.Mean))],
                    [.. spreads.Select(spread => Math.Min(most, spread.High ?? spread.Mean))]
                )
            );
        }
        return [.. curves];
    }

    private static Transcript Transcript(string title, Trajectory trajectory)
    {
        string? answer = Trajectories.AnswerOrNull(trajectory);
        Outcome outcome = Evaluation.Outcome(trajectory);
        return new Transcript(
            title,
            $"{trajectory.Searches.Length} searches, answer: {answer ?? "none"} ({(outcome.ExactMatch == 1 ? "right" : "wrong")}; gold: {trajectory.Question.Answers[0]})",
            [
                .. trajectory.Segments.Select(segment =>
                {
                    string text = World.Render(segment.Tokens);
                    return segment switch
                    {
                        Segment.Action action when action.tokens[0] == WorldTag.SearchOpen => Span.Search(
                            Author.Policy,
                            text
                        ),
                        Segment.Action => Span.Answer(Author.Policy, text),
                        Segment.Observation => Span.Of(Author.Observation, text),
                        Segment.Expert => Span.Of(Author.Expert, text),
                        _ => Span.Of(Author.Prompt, text),
                    };
                }),
            ]
        );
    }

    private static Cell Percent(double share) => Cell.NewNumber(Estimate.Exact(100 * share));

    private static Cell Number(Spread spread, double scale) =>
        Cell.NewNumber(
            spread is { Low: { } low, High: { } high }
                ? Estimate.Between(scale * spread.Mean, scale * low, scale * high)
                : Estimate.Exact(scale * spread.Mean)
        );
}
