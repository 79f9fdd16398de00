using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>A comparison on the terminal, at most 100 columns wide.</summary>
internal static class ComparisonTables
{
    private const int Width = 100;
    private const int TitleWidth = 26;

    /// <summary>The table of arms and that of differences at each budget, in the measures that are asked for.</summary>
    public static void Print(IAnsiConsole console, ComparisonReport report, params string[] measures)
    {
        // A file has no width to keep to.
        if (Console.IsOutputRedirected)
            console.Profile.Width = Width;
        string[] titles = Shortened([.. report.Arms.Select(arm => arm.Title)], TitleWidth);
        string Title(string arm) => Markup.Escape(titles[Array.FindIndex(report.Arms, own => own.Name == arm)]);
        foreach (MarkSummary mark in report.Summary.Marks)
        {
            Print(console, report.Summary, mark, Title);
            foreach (string measure in measures)
                Print(console, report.Summary, mark, measure, Title);
        }
        if (report.Unfinished.Length > 0)
            console.MarkupLine("\n" + Markup.Escape(report.Unfinished));
    }

    private static void Print(
        IAnsiConsole console,
        ComparisonSummary summary,
        MarkSummary mark,
        Func<string, string> title
    )
    {
        console.MarkupLine(
            $"\n{SummaryTables.Rollouts(mark)}, {SummaryTables.Seeds(summary)}, {summary.EvaluationQuestions} questions; ± half of the 95 % interval over seeds and questions"
        );
        Table arms = Plain("arm", "EM %", "F1 %", "cov. %", "search/q", "tok/q", "answ. %", "tokens", "s");
        EvaluationMetrics before = summary.Before;
        arms.AddRow(
            "base policy",
            Fixed(100 * before.ExactMatch, 1),
            Fixed(100 * before.F1, 1),
            Fixed(100 * before.Coverage, 1),
            Fixed(before.SearchesPerQuestion, 2),
            Fixed(before.GeneratedTokens, 1),
            Fixed(100 * before.Answered, 1),
            "",
            ""
        );
        foreach (ArmSummary arm in mark.Arms)
            arms.AddRow(
                title(arm.Arm),
                PlusMinus(arm.ExactMatch),
                PlusMinus(arm.F1),
                PlusMinus(arm.Coverage),
                Fixed(arm.SearchesPerQuestion.Mean, 2),
                Fixed(arm.TokensPerQuestion.Mean, 1),
                Fixed(100 * arm.Answered.Mean, 1),
                Short(arm.TrainingTokens.Mean),
                arm.Seconds.Mean < 100 ? Fixed(arm.Seconds.Mean, 1) : Short(arm.Seconds.Mean)
            );
        console.Write(arms);
    }

    private static void Print(
        IAnsiConsole console,
        ComparisonSummary summary,
        MarkSummary mark,
        string measure,
        Func<string, string> title
    )
    {
        PairedDifference[] differences = [.. mark.Differences.Where(difference => difference.Measure == measure)];
        if (differences is [])
            return;
        (_, string name, _, double scale, int decimals) = SummaryTables.Measures.First(own => own.Name == measure);
        console.MarkupLine($"\n{title(summary.Focus)} minus each other arm, paired by seed: {name}");
        Table table = Plain("minus", "difference", "95 % interval", "p", "p (Holm)", "P(better)", "detectable");
        foreach (PairedDifference difference in differences)
        {
            Spread spread = difference.Difference;
            table.AddRow(
                title(difference.Other),
                Signed(scale * spread.Mean, decimals),
                spread is { Low: { } low, High: { } high }
                    ? $"{Signed(scale * low, decimals)} … {Signed(scale * high, decimals)}"
                    : "–",
                difference.PValue is { } p ? Fixed(p, 3) : "–",
                difference.AdjustedPValue is { } adjusted ? Fixed(adjusted, 3) : "–",
                Fixed(difference.ProbabilityOfImprovement, 2),
                difference.DetectableEffect is { } least ? Fixed(scale * least, decimals) : "–"
            );
        }
        console.Write(table);
    }

    /// <summary>A table without vertical lines; its first column holds words, the others numbers.</summary>
    private static Table Plain(string first, params string[] others)
    {
        Table table = new Table().Border(TableBorder.Horizontal);
        table.AddColumn(new TableColumn(first).NoWrap().PadLeft(0).PadRight(0));
        foreach (string name in others)
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(1).PadRight(0));
        return table;
    }

    /// <summary>
    /// Titles of at most so many characters, each another one: cut at the end, or in the middle where they begin alike.
    /// </summary>
    internal static string[] Shortened(string[] titles, int width)
    {
        string End(string title) => title.Length <= width ? title : title[..(width - 1)].TrimEnd() + "…";
        string Middle(string title) =>
            title.Length <= width
                ? title
                : $"{title[..(width / 2)].TrimEnd()}…{title[^(width - width / 2 - 1)..].TrimStart()}";
        string[] cut = [.. titles.Select(End)];
        return [.. titles.Select((title, i) => cut.Count(other => other == cut[i]) == 1 ? cut[i] : Middle(title))];
    }

    /// <summary>One question before and after training.</summary>
    public static void Print(IAnsiConsole console, BeforeAndAfter example)
    {
        Table transcripts = new Table()
            .Title($"one question, {example.After.Question.Kind}")
            .Expand()
            .ShowRowSeparators();
        transcripts.AddColumns("before training", "after training");
        transcripts.AddRow(new Markup(Transcript(example.Before)), new Markup(Transcript(example.After)));
        console.Write(transcripts);
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

    private static string PlusMinus(Spread spread) =>
        spread is { Low: { } low, High: { } high }
            ? $"{Fixed(100 * spread.Mean, 1)}±{Fixed(50 * (high - low), 1)}"
            : Fixed(100 * spread.Mean, 1);

    private static string Fixed(double value, int decimals) =>
        value.ToString("F" + decimals, CultureInfo.InvariantCulture);

    /// <summary>"9500", "31k", "4.2M".</summary>
    private static string Short(double value) =>
        value < 9999.5 ? Fixed(value, 0)
        : value < 999_500 ? Fixed(value / 1e3, 0) + "k"
        : value < 99.95e6 ? Fixed(value / 1e6, 1) + "M"
        : Fixed(value / 1e6, 0) + "M";

    private static string Signed(double value, int decimals)
    {
        string places = new('0', decimals);
        return value.ToString($"+0.{places};−0.{places}", CultureInfo.InvariantCulture);
    }
}
