using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Reports;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>A comparison on the terminal.</summary>
internal static class ComparisonTables
{
    /// <summary>The arms at each budget, and differences in the first of <see cref="SummaryTables.Measures"/>.</summary>
    public static void Show(Screen screen, ComparisonReport report, int measures)
    {
        screen.Line();
        foreach (Figures.Table table in SummaryTables.ForTerminal(report, measures))
            screen.Show(table);
        if (report.Unfinished.Length > 0)
            screen.Line(report.Unfinished);
    }

    /// <summary>One question before and after training.</summary>
    public static void Show(Screen screen, BeforeAndAfter example)
    {
        Spectre.Console.Table transcripts = new Spectre.Console.Table()
            .Title($"one question, {example.After.Question.Kind}")
            .Expand()
            .ShowRowSeparators();
        transcripts.AddColumns("before training", "after training");
        transcripts.AddRow(new Markup(Transcript(example.Before)), new Markup(Transcript(example.After)));
        screen.Show(transcripts);
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
}
