using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>What <c>david runs</c> shows.</summary>
internal static class RunsTables
{
    /// <summary>Runs as a tree of their folders.</summary>
    public static void Show(IReadOnlyList<RunOverview> runs, DateTimeOffset now, Screen screen)
    {
        string here = Directory.GetCurrentDirectory();
        List<string[]> rows = [];
        foreach (IGrouping<string, RunOverview> folder in runs.GroupBy(run => Path.GetDirectoryName(run.Folder)!))
        {
            bool isIndented = folder.Skip(1).Any();
            if (isIndented)
                rows.Add([Path.GetRelativePath(here, folder.Key), .. Enumerable.Repeat("", 8)]);
            foreach (RunOverview run in folder)
                rows.Add([
                    isIndented ? "  " + Path.GetFileName(run.Folder) : Path.GetRelativePath(here, run.Folder),
                    run.Arm ?? "?",
                    run.Seed is { } seed ? Text($"{seed}") : "?",
                    run.State.ToString().ToLowerInvariant(),
                    run.Budget is { } budget and < 1_000_000
                        ? Text($"{run.Rollouts:N0} of {budget:N0}")
                        : Text($"{run.Rollouts:N0}"),
                    run.Last is null ? "" : ExactMatch(run),
                    run.Last is { } last ? Text($"{last.SearchesPerQuestion:0.00}") : "",
                    Size(run.Bytes),
                    Age(now - run.ChangedAt),
                ]);
        }
        screen.Show(
            WordTable.Of("", ["run", "arm", "seed", "state", "rollouts", "EM %", "searches", "size", "age"], rows)
        );
        screen.Line(
            Text(
                $"{runs.Count} runs, {Size(runs.Sum(run => run.Bytes))}, of them {Size(runs.Sum(run => run.CheckpointBytes))} checkpoints"
            )
        );
        foreach (RunOverview run in runs.Where(run => run.Fault.Length > 0))
            screen.Line($"damaged: {run.Fault}");
    }

    /// <summary>What was or would be removed.</summary>
    public static void Show(IReadOnlyList<Removal> removals, bool isDone, Screen screen)
    {
        if (removals is [])
        {
            screen.Line(isDone ? "Nothing was removed." : "There is nothing to remove.");
            return;
        }
        Table table = New(isDone ? "removed" : "would be removed", "why")
            .AddColumn(new TableColumn("frees").RightAligned());
        foreach (Removal removal in removals)
            table.AddRow(
                Markup.Escape(Path.GetRelativePath(Directory.GetCurrentDirectory(), removal.Path)),
                removal.Reason,
                Size(removal.Bytes)
            );
        screen.Show(table);
        string all = Size(removals.Sum(removal => removal.Bytes));
        screen.Line(isDone ? $"Freed {all}." : $"This would free {all}. Nothing was removed; do it with --delete.");
    }

    /// <summary>The names of event files.</summary>
    public static void Show(IReadOnlyList<EventTag> tags, Screen screen)
    {
        Table table = New("name", "kind", "what it is");
        foreach (EventTag tag in tags)
            table.AddRow(Markup.Escape(tag.Tag), tag.Kind, Markup.Escape(tag.Description));
        screen.Show(table);
    }

    private static Table New(params ReadOnlySpan<string> columns)
    {
        Table table = new() { Border = TableBorder.Simple };
        foreach (string column in columns)
            table.AddColumn(column);
        return table;
    }

    /// <summary>Before and after, where both were on as many questions.</summary>
    private static string ExactMatch(RunOverview run) =>
        run is { First: { } first, Last: { } last } && first.Step != last.Step && first.Questions == last.Questions
            ? Text($"{100 * first.ExactMatch:0.0} → {100 * last.ExactMatch:0.0}")
            : Text($"{100 * run.Last!.ExactMatch:0.0}");

    /// <summary>Bytes as people say them.</summary>
    private static string Size(long bytes) =>
        bytes switch
        {
            < 1000 => Text($"{bytes} B"),
            < 999_500 => Text($"{bytes / 1e3:0} kB"),
            < 999_500_000 => Text($"{bytes / 1e6:0.0} MB"),
            _ => Text($"{bytes / 1e9:0.00} GB"),
        };

    private static string Age(TimeSpan age) =>
        age.TotalSeconds switch
        {
            < 90 => Text($"{Math.Max(0, age.TotalSeconds):0} s"),
            < 90 * 60 => Text($"{age.TotalMinutes:0} min"),
            < 36 * 3600 => Text($"{age.TotalHours:0} h"),
            _ => Text($"{age.TotalDays:0} days"),
        };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
