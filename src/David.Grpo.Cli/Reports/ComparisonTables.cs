using System.Globalization;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Cli.Reports;

/// <summary>A comparison on the terminal.</summary>
internal static class ComparisonTables
{
    /// <summary>The table of arms and that of differences at each budget, in the measures that are asked for.</summary>
    public static void Print(ComparisonSummary summary, params string[] measures)
    {
        // A file has no width to keep to.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 120;
        foreach (MarkSummary mark in summary.Marks)
            Print(summary, mark, measures);
    }

    private static void Print(ComparisonSummary summary, MarkSummary mark, string[] measures)
    {
        Console.WriteLine();
        Table arms = new Table()
            .Title(
                $"{mark.Rollouts} rollouts, {summary.Seeds.Length} seed{(summary.Seeds.Length == 1 ? "" : "s")}, {summary.EvaluationQuestions} evaluation questions; mean±half of the 95 % interval over seeds and questions"
            )
            .AddColumns("arm", "EM %", "F1 %", "cov. %", "searches", "answ. %", "tokens", "s");
        EvaluationMetrics base_ = summary.Before;
        arms.AddRow(
            "base policy",
            Share(base_.ExactMatch),
            Share(base_.F1),
            Share(base_.Coverage),
            base_.SearchesPerQuestion.ToString("F2", CultureInfo.InvariantCulture),
            Share(base_.Answered),
            "",
            ""
        );
        foreach (ArmSummary arm in mark.Arms)
            arms.AddRow(
                arm.Arm,
                Format(arm.ExactMatch, 100, 1),
                Format(arm.F1, 100, 1),
                Format(arm.Coverage, 100, 1),
                Format(arm.SearchesPerQuestion, 1, 2),
                Format(arm.Answered, 100, 1),
                Format(arm.TrainingTokens, 1, 0),
                Format(arm.Seconds, 1, 1)
            );
        AnsiConsole.Write(arms);

        Table differences = new Table()
            .Title("paired differences by seed")
            .AddColumns("difference", "measure", "mean", "95 % interval", "p (Holm)", "P(better)", "detectable");
        foreach (PairedDifference difference in mark.Differences.Where(one => measures.Contains(one.Measure)))
        {
            double scale = difference.Measure == "searches_per_question" ? 1 : 100;
            Spread spread = difference.Difference;
            differences.AddRow(
                $"{difference.Arm} − {difference.Other}",
                difference.Measure.Replace('_', ' '),
                Signed(scale * spread.Mean),
                spread is { Low: { } low, High: { } high } ? $"{Signed(scale * low)} … {Signed(scale * high)}" : "–",
                difference.AdjustedPValue is { } p ? p.ToString("F3", CultureInfo.InvariantCulture) : "–",
                difference.ProbabilityOfImprovement.ToString("F2", CultureInfo.InvariantCulture),
                difference.DetectableEffect is { } least
                    ? (scale * least).ToString("F1", CultureInfo.InvariantCulture)
                    : "–"
            );
        }
        AnsiConsole.Write(differences);
    }

    /// <summary>One question before and after training.</summary>
    public static void Print(BeforeAndAfter example)
    {
        Table transcripts = new Table()
            .Title($"one question, {example.After.Question.Kind}")
            .Expand()
            .ShowRowSeparators();
        transcripts.AddColumns("before training", "after training");
        transcripts.AddRow(new Markup(Transcript(example.Before)), new Markup(Transcript(example.After)));
        AnsiConsole.Write(transcripts);
    }

    private static string Transcript(Trajectory trajectory)
    {
        IEnumerable<string> lines = trajectory.Segments.Select(segment =>
        {
            string text = Markup.Escape(World.Render(segment.Tokens));
            return segment switch
            {
                Segment.Action => $"[bold]{text}[/]",
                Segment.Observation => $"[grey]{text}[/]",
                _ => text,
            };
        });
        string gold = Markup.Escape(trajectory.Question.Answers[0]);
        return string.Join("\n\n", lines) + $"\n\n(gold answer: {gold})";
    }

    private static string Format(Spread spread, double scale, int decimals)
    {
        string mean = (scale * spread.Mean).ToString("F" + decimals, CultureInfo.InvariantCulture);
        return spread.High is { } high
            ? $"{mean}±{(scale * (high - spread.Mean)).ToString("F" + decimals, CultureInfo.InvariantCulture)}"
            : mean;
    }

    private static string Share(double value) => (100 * value).ToString("F1", CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+0.0;−0.0", CultureInfo.InvariantCulture);
}
