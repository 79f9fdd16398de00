using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>A comparison's tables at a budget, alike on its page and in files.</summary>
public static class SummaryTables
{
    /// <summary>What differences are taken of, in the order of tables: a share in percent, or a number as it is.</summary>
    public static readonly (string Name, string Title, string Unit, double Scale, int Decimals)[] Measures =
    [
        ("exact_match", "exact match", "points", 100, 1),
        ("f1", "F1", "points", 100, 1),
        ("coverage", "evidence coverage", "points", 100, 1),
        ("searches_per_question", "searches a question", "", 1, 2),
    ];

    /// <summary>A row an arm in the order given, the base policy first.</summary>
    public static Table OfArms(ComparisonReport report, MarkSummary mark)
    {
        ComparisonSummary summary = report.Summary;
        EvaluationMetrics before = summary.Before;
        return new Table(
            $"{Basis(summary, mark)}; means with 95 % intervals.",
            [
                TableColumn.Words("arm"),
                TableColumn.Numbers("EM", "%", 1, Best.Highest),
                TableColumn.Numbers("IQM", "EM %", 1, Best.Highest),
                TableColumn.Numbers("F1", "%", 1, Best.Highest),
                TableColumn.Numbers("coverage", "%", 1, Best.Highest),
                TableColumn.Numbers("searches", "a question", 2, Best.Unmarked),
                TableColumn.Numbers("tokens", "a question", 1, Best.Unmarked),
                TableColumn.Numbers("answered", "%", 1, Best.Unmarked),
                TableColumn.Numbers("sampled", "tokens", 0, Best.Unmarked),
                TableColumn.Numbers("learned", "tokens", 0, Best.Unmarked),
                TableColumn.Numbers("optimizer", "steps", 0, Best.Unmarked),
                TableColumn.Numbers("time", "s", 1, Best.Unmarked),
            ],
            [
                [
                    Cell.NewWords("base policy"),
                    Exact(100 * before.ExactMatch),
                    Cell.Missing,
                    Exact(100 * before.F1),
                    Exact(100 * before.Coverage),
                    Exact(before.SearchesPerQuestion),
                    Exact(before.GeneratedTokens),
                    Exact(100 * before.Answered),
                    Cell.Missing,
                    Cell.Missing,
                    Cell.Missing,
                    Cell.Missing,
                ],
                .. mark.Arms.Select(arm =>
                    (Cell[])
                        [
                            Cell.NewWords(report[arm.Arm].Title),
                            Number(arm.ExactMatch, 100),
                            Exact(100 * arm.InterquartileMean),
                            Number(arm.F1, 100),
                            Number(arm.Coverage, 100),
                            Number(arm.SearchesPerQuestion, 1),
                            Number(arm.TokensPerQuestion, 1),
                            Number(arm.Answered, 100),
                            Number(arm.TrainingTokens, 1),
                            Number(arm.LearnedTokens, 1),
                            Number(arm.OptimizerSteps, 1),
                            Number(arm.Seconds, 1),
                        ]
                ),
            ]
        );
    }

    /// <summary>The scores of <see cref="OfArms"/> alone, which fit a terminal and a page.</summary>
    public static Table OfScores(ComparisonReport report, MarkSummary mark) =>
        Columns(OfArms(report, mark), 0, 1, 3, 4, 5, 7);

    /// <summary>What answers and training cost, the other columns of <see cref="OfArms"/>.</summary>
    public static Table OfCosts(ComparisonReport report, MarkSummary mark) =>
        Columns(OfArms(report, mark), 0, 5, 6, 8, 9, 10, 11);

    /// <summary>
    /// Exact match by kind of question: a row an arm, the base policy first, and below them the arm in focus minus each other
    /// one. Null where there is one kind.
    /// </summary>
    public static Table? OfKinds(ComparisonReport report, MarkSummary mark)
    {
        KindSummary[] kinds = mark.Arms[0].Kinds;
        if (kinds.Length < 2)
            return null;
        ComparisonSummary summary = report.Summary;
        string focus = report[summary.Focus].Title;
        return new Table(
            $"Exact match by kind of question at {Rollouts(mark)}, %"
                + (
                    mark.KindDifferences is []
                        ? "."
                        : $"; below it {focus} minus each other arm, in points, paired by seed and not corrected for their number."
                ),
            [
                TableColumn.Words("arm"),
                .. kinds.Select(kind => TableColumn.Numbers(kind.Kind, $"of {kind.Questions}", 1, Best.Unmarked)),
            ],
            [
                [
                    Cell.NewWords("base policy"),
                    .. kinds.Select(kind =>
                        summary.KindsBefore.TryGetValue(kind.Kind, out double before)
                            ? Exact(100 * before)
                            : Cell.Missing
                    ),
                ],
                .. mark.Arms.Select(arm =>
                    (Cell[])
                        [
                            Cell.NewWords(report[arm.Arm].Title),
                            .. arm.Kinds.Select(kind => Number(kind.ExactMatch, 100)),
                        ]
                ),
                .. mark
                    .KindDifferences.GroupBy(difference => difference.Other)
                    .Select(other =>
                        (Cell[])
                            [
                                Cell.NewWords($"minus {report[other.Key].Title}"),
                                .. other.Select(difference => Number(difference.Difference, 100)),
                            ]
                    ),
            ]
        );
    }

    /// <summary>
    /// At each mark the arms, with half an interval where <see cref="OfArms"/> has its ends, what they cost, their kinds of
    /// questions, and the differences in the first of <see cref="Measures"/>: what 80 columns hold.
    /// </summary>
    public static IEnumerable<Table> ForTerminal(ComparisonReport report, int measures)
    {
        static Cell Half(Cell cell) =>
            cell is Cell.Number { value: var value }
                ? Cell.NewNumber(Figures.Estimate.PlusMinus(value.Value, (value.High - value.Low) / 2))
                : cell;
        static Cell Short(Cell cell, TableColumn column) =>
            cell is Cell.Number { value: var value } && column.Best.IsUnmarked ? Exact(value.Value) : Half(cell);
        foreach (MarkSummary mark in report.Summary.Marks)
        {
            static Table Shorter(Table table, string caption) =>
                new(caption, table.Columns, [.. table.Rows.Select(row => row.Zip(table.Columns, Short).ToArray())]);
            Table arms = OfArms(report, mark);
            yield return Shorter(
                Columns(arms, 0, 1, 3, 4, 5, 7),
                $"{Basis(report.Summary, mark)}; means ± half of the 95 % interval."
            );
            yield return Shorter(
                Columns(arms, 0, 6, 8, 9, 10, 11),
                "Tokens of an answer, and what training took: means over seeds."
            );
            if (OfKinds(report, mark) is { } kinds)
                yield return new Table(
                    kinds.Caption,
                    kinds.Columns,
                    [.. kinds.Rows.Select(row => row.Select(Half).ToArray())]
                );
            foreach (Table differences in OfDifferences(report, mark).Take(measures))
                yield return Columns(differences, 0, 1, 2, 3, 4, 5);
        }
    }

    /// <summary>
    /// Scores, costs and the differences by measure as tables that fit a printed page, by the names of their files:
    /// scores-MARK, costs-MARK, difference-MARK-MEASURE.
    /// </summary>
    public static IEnumerable<(string Name, Table Table)> ForPaper(ComparisonReport report, MarkSummary mark)
    {
        yield return ($"scores-{mark.Rollouts}", OfScores(report, mark));
        yield return ($"costs-{mark.Rollouts}", OfCosts(report, mark));
        if (OfKinds(report, mark) is { } kinds)
            yield return ($"kinds-{mark.Rollouts}", kinds);
        foreach ((Table table, var measure) in OfDifferences(report, mark).Zip(Measures))
            yield return ($"difference-{mark.Rollouts}-{measure.Name}", table);
    }

    private static Table Columns(Table table, params int[] kept) =>
        new(
            table.Caption,
            [.. kept.Select(j => table.Columns[j])],
            [.. table.Rows.Select(row => kept.Select(j => row[j]).ToArray())]
        );

    /// <summary>A table a measure of the arm in focus minus each other one; none where there is no other.</summary>
    public static IEnumerable<Table> OfDifferences(ComparisonReport report, MarkSummary mark) =>
        from measure in Measures
        let differences = mark.Differences.Where(difference => difference.Measure == measure.Name).ToArray()
        where differences.Length > 0
        select new Table(
            $"{report[report.Summary.Focus].Title} minus each other arm at {Rollouts(mark)}, paired by seed: {measure.Title}.",
            [
                TableColumn.Words("minus"),
                TableColumn.Numbers("difference", measure.Unit, measure.Decimals, Best.Unmarked),
                TableColumn.Numbers("95 % interval", measure.Unit, measure.Decimals, Best.Unmarked),
                TableColumn.Numbers("p", "", 3, Best.Unmarked),
                TableColumn.Numbers("p", "Holm", 3, Best.Unmarked),
                TableColumn.Numbers("P(better)", "", 2, Best.Unmarked),
                TableColumn.Numbers("detectable", measure.Unit, measure.Decimals, Best.Unmarked),
            ],
            [
                .. differences.Select(difference =>
                    (Cell[])
                        [
                            Cell.NewWords(report[difference.Other].Title),
                            Exact(measure.Scale * difference.Difference.Mean),
                            Bounds(difference.Difference, measure.Scale, measure.Decimals),
                            Probability(difference.PValue),
                            Probability(difference.AdjustedPValue),
                            Exact(difference.ProbabilityOfImprovement),
                            difference.DetectableEffect is { } least ? Exact(measure.Scale * least) : Cell.Missing,
                        ]
                ),
            ]
        );

    private static string Basis(ComparisonSummary summary, MarkSummary mark) =>
        $"{Rollouts(mark)}, {Seeds(summary)}, {summary.EvaluationQuestions} evaluation questions";

    /// <summary>"320 rollouts".</summary>
    public static string Rollouts(MarkSummary mark) =>
        mark.Rollouts == 1 ? "1 rollout" : $"{Figures.Number.Fixed(0, mark.Rollouts)} rollouts";

    /// <summary>"3 seeds".</summary>
    public static string Seeds(ComparisonSummary summary) =>
        summary.Seeds.Length == 1 ? "1 seed" : $"{summary.Seeds.Length} seeds";

    /// <summary>A spread as figures and tables have it.</summary>
    public static Estimate Estimate(Spread spread, double scale) =>
        spread is { Low: { } low, High: { } high }
            ? Figures.Estimate.Between(scale * spread.Mean, scale * low, scale * high)
            : Figures.Estimate.Exact(scale * spread.Mean);

    private static Cell Number(Spread spread, double scale) => Cell.NewNumber(Estimate(spread, scale));

    private static Cell Exact(double value) => Cell.NewNumber(Figures.Estimate.Exact(value));

    private static Cell Bounds(Spread spread, double scale, int decimals) =>
        spread is { Low: { } low, High: { } high }
            ? Cell.NewWords(
                $"{Figures.Number.Fixed(decimals, scale * low)} … {Figures.Number.Fixed(decimals, scale * high)}"
            )
            : Cell.Missing;

    private static Cell Probability(double? p) =>
        p switch
        {
            null => Cell.Missing,
            < 0.001 => Cell.NewWords("< 0.001"),
            { } known => Exact(known),
        };
}
