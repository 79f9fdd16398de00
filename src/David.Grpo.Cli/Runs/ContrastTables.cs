using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

/// <summary>What <c>david runs compare</c> shows.</summary>
internal static class ContrastTables
{
    /// <summary>What is compared, in the order of <see cref="EvaluationTable.Columns"/>.</summary>
    private static readonly string[] Measures =
    [
        "exact_match",
        "f1",
        "coverage",
        "searches",
        "generated_tokens",
        "answered",
    ];

    /// <summary>Sides, their differences from the first, and the options in which they differ.</summary>
    public static void Show(RunContrast contrast, Screen screen)
    {
        ContrastSide first = contrast.Sides[0];
        screen.Show(
            Contrasted(
                "means with 95 % intervals",
                [
                    TableColumn.Numbers("rollouts", "", 0, Best.Unmarked),
                    TableColumn.Numbers("time", "s", 1, Best.Unmarked),
                ],
                contrast.Sides.Select(side =>
                    (
                        $"{side.Name}{(side.Seeds.Length > 1 ? $" ({side.Seeds.Length} seeds)" : "")}",
                        side.Means,
                        (double[])[side.Rollouts, side.Seconds]
                    )
                )
            )
        );
        ContrastDifference[] paired = [.. contrast.Differences.Where(difference => difference.Questions > 0)];
        if (paired.Length > 0)
            screen.Show(
                Contrasted(
                    $"minus {first.Name}, with 95 % intervals",
                    [TableColumn.Numbers("questions", "", 0, Best.Unmarked)],
                    paired.Select(difference =>
                        (difference.Side, difference.Differences, (double[])[difference.Questions])
                    )
                )
            );
        foreach (ContrastDifference difference in contrast.Differences)
            screen.Line(
                difference switch
                {
                    { Questions: 0 } =>
                        $"{difference.Side} and {first.Name} answered no question in common: no difference can be taken.",
                    { ByQuestion: false } =>
                        $"{difference.Side}: differences are over the {difference.Questions} questions that both answered.",
                    { BySeed: false } =>
                        $"{difference.Side}: its seeds are others than {first.Name}'s, so the interval is Welch's, of runs apart.",
                    _ => $"{difference.Side}: paired by {(first.Seeds.Length > 1 ? "seed" : "question")}.",
                }
            );
        if (contrast.Sides.Any(side => side.Seeds.Length == 1))
            screen.Line("With one seed an interval speaks of the questions only, not of what another seed would give.");
        screen.Line();
        if (contrast.Options is [])
        {
            screen.Line("Their options are the same, as far as the folders say them.");
            return;
        }
        screen.Show(
            WordTable.Of(
                "options in which they differ",
                ["option", .. contrast.Sides.Select(side => side.Name)],
                contrast.Options.Select(option => (string[])[option.Option, .. option.Values])
            )
        );
    }

    /// <summary>Sides by measure, with further columns of exact numbers.</summary>
    private static Table Contrasted(
        string caption,
        TableColumn[] further,
        IEnumerable<(string Name, IReadOnlyDictionary<string, Spread> Spreads, double[] Further)> sides
    ) =>
        new(
            caption,
            [TableColumn.Words(""), .. EvaluationTable.Columns, .. further],
            [
                .. sides.Select(side =>
                    (Cell[])
                        [
                            Cell.NewWords(side.Name),
                            .. Measures.Zip(
                                EvaluationTable.Columns,
                                (name, column) =>
                                    Cell.NewNumber(
                                        SummaryTables.Estimate(side.Spreads[name], EvaluationTable.Scale(column))
                                    )
                            ),
                            .. side.Further.Select(value => Cell.NewNumber(Estimate.Exact(value))),
                        ]
                ),
            ]
        );
}
