using David.Grpo.Tasks;
using System.Globalization;
using David.Grpo.Runs;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>Evaluations as tables: means with 95 % intervals.</summary>
internal static class EvaluationTable
{
    private static readonly (string Key, string Name, Func<OutcomeRecord, double> Pick)[] Measures =
    [
        ("exact_match", "exact match", outcome => outcome.ExactMatch),
        ("f1", "F1", outcome => outcome.F1),
        ("coverage", "evidence coverage", outcome => outcome.Coverage),
        ("searches_per_question", "searches a question", outcome => outcome.Searches),
        ("generated_tokens", "generated tokens", outcome => outcome.GeneratedTokens),
        ("answered", "answered", outcome => outcome.Ending == "answered" ? 1 : 0),
    ];

    /// <summary>One evaluation: all questions, then each kind of question.</summary>
    public static Table Of(EvaluationResult result)
    {
        OutcomeRecord[] all = [.. OutcomeRecord.Of(result)];
        Table table = New($"{all.Length} questions, means with 95 % intervals");
        table.AddColumn(Right($"all ({all.Length})"));
        IGrouping<string, OutcomeRecord>[] kinds =
        [
            .. all.GroupBy(outcome => outcome.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal),
        ];
        if (kinds.Length == 1)
            kinds = [];
        foreach (IGrouping<string, OutcomeRecord> kind in kinds)
            table.AddColumn(Right(Markup.Escape($"{kind.Key} ({kind.Count()})")));
        EvaluationMetrics metrics = EvaluationMetrics.Of(result, 0, 0, 0);
        foreach ((string key, string name, Func<OutcomeRecord, double> pick) in Measures)
            table.AddRow([
                name,
                Cell(Mean(metrics, key), metrics.Intervals.GetValueOrDefault(key)),
                .. kinds.Select(kind => Cell(Estimate(key, [.. kind.Select(pick)]))),
            ]);
        return table;
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
        Table table = New($"{last.Questions} questions, means with 95 % intervals");
        table.AddColumn(Right("before"));
        table.AddColumn(Right($"after {last.Step} steps"));
        table.AddColumn(Right("difference"));
        bool paired =
            before.Count > 0 && before.Select(outcome => outcome.Id).SequenceEqual(after.Select(outcome => outcome.Id));
        foreach ((string key, string name, Func<OutcomeRecord, double> pick) in Measures)
            table.AddRow(
                name,
                Cell(Mean(first, key), first.Intervals.GetValueOrDefault(key)),
                Cell(Mean(last, key), last.Intervals.GetValueOrDefault(key)),
                paired ? Cell(Estimate(key, [.. after.Zip(before, (b, a) => pick(b) - pick(a))]), sign: true) : ""
            );
        return table;
    }

    private static Table New(string title) =>
        new Table { Title = new TableTitle(title), Border = TableBorder.Simple }.AddColumn("");

    private static TableColumn Right(string title) => new(title) { Alignment = Justify.Right };

    private static MeanEstimate Estimate(string key, double[] values) =>
        Statistics.BootstrapMean(0.95, 1000, Seeds.Named(key, Seeds.OfInt64(0)), values);

    private static string Cell(MeanEstimate estimate, bool sign = false) =>
        Cell(estimate.Mean, estimate.Interval is Interval.Between between ? [between.low, between.high] : null, sign);

    private static string Cell(double mean, double[]? interval, bool sign = false)
    {
        string Number(double value) =>
            value.ToString(
                (sign && value > 0 ? "+" : "") + (Math.Abs(value) >= 10 ? "0.0" : "0.000"),
                CultureInfo.InvariantCulture
            );
        return Markup.Escape(
            interval is [var low, var high] ? $"{Number(mean)} [{Number(low)}, {Number(high)}]" : Number(mean)
        );
    }

    private static double Mean(EvaluationMetrics metrics, string key) =>
        key switch
        {
            "exact_match" => metrics.ExactMatch,
            "f1" => metrics.F1,
            "coverage" => metrics.Coverage,
            "searches_per_question" => metrics.SearchesPerQuestion,
            "generated_tokens" => metrics.GeneratedTokens,
            _ => metrics.Answered,
        };
}
