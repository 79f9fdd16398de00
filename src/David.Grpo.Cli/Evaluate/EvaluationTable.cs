using System.Globalization;
using David.Grpo.Figures;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Cli;

/// <summary>Evaluations as tables: means with 95 % intervals.</summary>
internal static class EvaluationTable
{
    /// <summary>Of the measures, wherever questions were answered.</summary>
    public static readonly TableColumn[] Columns =
    [
        TableColumn.Numbers("exact match", "%", 1, Best.Unmarked),
        TableColumn.Numbers("F1", "%", 1, Best.Unmarked),
        TableColumn.Numbers("coverage", "%", 1, Best.Unmarked),
        TableColumn.Numbers("searches", "a question", 2, Best.Unmarked),
        TableColumn.Numbers("tokens", "a question", 1, Best.Unmarked),
        TableColumn.Numbers("answered", "%", 1, Best.Unmarked),
    ];

    private static readonly (
        string Key,
        Func<OutcomeRecord, double> Pick,
        Func<EvaluationMetrics, double> Mean
    )[] Measures =
    [
        ("exact_match", one => one.ExactMatch, all => all.ExactMatch),
        ("f1", one => one.F1, all => all.F1),
        ("coverage", one => one.Coverage, all => all.Coverage),
        ("searches_per_question", one => one.Searches, all => all.SearchesPerQuestion),
        ("generated_tokens", one => one.GeneratedTokens, all => all.GeneratedTokens),
        ("answered", one => one.Ending == "answered" ? 1 : 0, all => all.Answered),
    ];

    /// <summary>Of what is recorded, in the column's unit.</summary>
    public static double Scale(TableColumn column) => column.Unit == "%" ? 100 : 1;

    /// <summary>One evaluation: all questions, then each kind of question.</summary>
    public static Table Of(EvaluationResult result)
    {
        OutcomeRecord[] all = [.. OutcomeRecord.Of(result)];
        IGrouping<string, OutcomeRecord>[] kinds =
        [
            .. all.GroupBy(outcome => outcome.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal),
        ];
        return Of(
            $"{all.Length} questions, means with 95 % intervals",
            "questions",
            [
                Row($"all ({all.Length})", EvaluationMetrics.Of(result, 0, 0, 0)),
                .. from kind in kinds
                where kinds.Length > 1
                select Row($"{kind.Key} ({kind.Count()})", measure => kind.Select(measure)),
            ]
        );
    }

    /// <summary>Before and after training, and the difference of the same questions.</summary>
    /// <param name="before">The outcomes of each question; empty where they are not there any more.</param>
    public static Table Of(
        EvaluationMetrics first,
        EvaluationMetrics last,
        IReadOnlyList<OutcomeRecord> before,
        IReadOnlyList<OutcomeRecord> after
    )
    {
        bool isPaired =
            before.Count > 0 && before.Select(outcome => outcome.Id).SequenceEqual(after.Select(outcome => outcome.Id));
        Cell[][] difference = isPaired
            ? [Row("difference", pick => after.Zip(before, (b, a) => pick(b) - pick(a)))]
            : [];
        return Of(
            $"{last.Questions} questions, means with 95 % intervals",
            "",
            [Row("before", first), Row($"after {last.Step} steps", last), .. difference]
        );
    }

    private static Table Of(string caption, string head, Cell[][] rows) =>
        new(caption, [TableColumn.Words(head), .. Columns], rows);

    /// <summary>Means with the intervals that the run recorded.</summary>
    private static Cell[] Row(string name, EvaluationMetrics metrics) =>
        Row(
            name,
            Measures.Select(measure => (measure.Mean(metrics), metrics.Intervals.GetValueOrDefault(measure.Key)))
        );

    private static Cell[] Row(string name, Func<Func<OutcomeRecord, double>, IEnumerable<double>> values) =>
        Row(
            name,
            Measures.Select(measure =>
            {
                Seed seed = Seed.Named(measure.Key, Seed.OfInt64(0));
                MeanEstimate of = Statistics.BootstrapMean(0.95, 1000, seed, [.. values(measure.Pick)]);
                return (
                    of.Mean,
                    of.Interval is Interval.Between between ? (double[])[between.low, between.high] : null
                );
            })
        );

    private static Cell[] Row(string name, IEnumerable<(double Mean, double[]? Interval)> means) =>
        [
            Cell.NewWords(name),
            .. means.Zip(
                Columns,
                (of, column) =>
                    Cell.NewNumber(
                        Estimate.Between(
                            Scale(column) * of.Mean,
                            Scale(column) * (of.Interval?[0] ?? of.Mean),
                            Scale(column) * (of.Interval?[1] ?? of.Mean)
                        )
                    )
            ),
        ];
}
