using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>What <c>david runs</c> shows.</summary>
internal static class RunsTables
{
    /// <summary>What is compared: its name, title, factor and format.</summary>
    private static readonly (string Name, string Title, double Scale, string Format)[] Measures =
    [
        ("exact_match", "EM %", 100, "0.0"),
        ("f1", "F1 %", 100, "0.0"),
        ("coverage", "coverage %", 100, "0.0"),
        ("searches", "searches", 1, "0.00"),
        ("generated_tokens", "tokens", 1, "0.0"),
        ("answered", "answered %", 100, "0.0"),
    ];

    /// <summary>Runs as a tree of their folders.</summary>
    public static void Show(IReadOnlyList<RunOverview> runs, DateTimeOffset now, Screen screen)
    {
        Table table = New("run", "arm");
        table.Columns[0].NoWrap();
        foreach (string number in (string[])["seed", "state", "rollouts", "EM %", "searches", "size", "age"])
            table.AddColumn(new TableColumn(number).RightAligned());
        string here = Directory.GetCurrentDirectory();
        foreach (IGrouping<string, RunOverview> folder in runs.GroupBy(run => Path.GetDirectoryName(run.Folder)!))
        {
            bool isIndented = folder.Skip(1).Any();
            if (isIndented)
                table.AddRow(new Markup($"[bold]{Markup.Escape(Path.GetRelativePath(here, folder.Key))}[/]"));
            foreach (RunOverview run in folder)
                table.AddRow(
                    Markup.Escape(
                        isIndented ? "  " + Path.GetFileName(run.Folder) : Path.GetRelativePath(here, run.Folder)
                    ),
                    Markup.Escape(run.Arm ?? "?"),
                    run.Seed is { } seed ? Text($"{seed}") : "?",
                    StateOf(run.State),
                    run.Budget is { } budget and < 1_000_000
                        ? Text($"{run.Rollouts:N0} of {budget:N0}")
                        : Text($"{run.Rollouts:N0}"),
                    run.Last is null ? "" : ExactMatch(run),
                    run.Last is { } last ? Text($"{last.SearchesPerQuestion:0.00}") : "",
                    Size(run.Bytes),
                    Age(now - run.ChangedAt)
                );
        }
        screen.Show(table);
        screen.Line(
            Text(
                $"{runs.Count} runs, {Size(runs.Sum(run => run.Bytes))}, of them {Size(runs.Sum(run => run.CheckpointBytes))} checkpoints"
            )
        );
        foreach (RunOverview run in runs.Where(run => run.Fault.Length > 0))
            screen.Line($"damaged: {run.Fault}");
    }

    /// <summary>Sides, their differences from the first, and the options in which they differ.</summary>
    public static void Show(RunContrast contrast, Screen screen)
    {
        ContrastSide first = contrast.Sides[0];
        Table means = New("mean, 95 % interval");
        foreach (ContrastSide side in contrast.Sides)
            means.AddColumn(
                new TableColumn(
                    Markup.Escape($"{side.Name}{(side.Seeds.Length > 1 ? $" ({side.Seeds.Length} seeds)" : "")}")
                ).RightAligned()
            );
        foreach ((string name, string title, double scale, string format) in Measures)
            means.AddRow([
                title,
                .. contrast.Sides.Select(side => Shown(side.Means[name], scale, format, isSigned: false)),
            ]);
        means.AddRow(["rollouts", .. contrast.Sides.Select(side => Text($"{side.Rollouts:N0}"))]);
        means.AddRow(["seconds", .. contrast.Sides.Select(side => Text($"{side.Seconds:N1}"))]);
        screen.Show(means);

        ContrastDifference[] paired = [.. contrast.Differences.Where(difference => difference.Questions > 0)];
        if (paired.Length > 0)
        {
            Table differences = New($"minus {Markup.Escape(first.Name)}");
            foreach (ContrastDifference difference in paired)
                differences.AddColumn(new TableColumn(Markup.Escape(difference.Side)).RightAligned());
            foreach ((string name, string title, double scale, string format) in Measures)
                differences.AddRow([
                    title,
                    .. paired.Select(difference => Shown(difference.Differences[name], scale, format, isSigned: true)),
                ]);
            differences.AddRow(["questions", .. paired.Select(difference => Text($"{difference.Questions:N0}"))]);
            screen.Show(differences);
        }
        foreach (ContrastDifference difference in contrast.Differences)
            screen.Line(
                difference switch
                {
                    { Questions: 0 } =>
                        $"{difference.Side} and {first.Name} answered no question in common: no difference can be taken.",
                    { ByQuestion: false } =>
                        $"{difference.Side}: differences are over the {difference.Questions} questions that both answered.",
                    { BySeed: false } =>
                        $"{difference.Side}: its seeds are others than {first.Name}'s, so seeds are drawn apart.",
                    _ => $"{difference.Side}: paired by question{(first.Seeds.Length > 1 ? " and seed" : "")}.",
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
        Table options = New("option");
        foreach (ContrastSide side in contrast.Sides)
            options.AddColumn(Markup.Escape(side.Name));
        foreach (OptionDifference option in contrast.Options)
            options.AddRow([Markup.Escape(option.Option), .. option.Values.Select(Markup.Escape)]);
        screen.Show(options);
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

    private static string StateOf(RunState state) =>
        state switch
        {
            RunState.Finished => "finished",
            RunState.Running => "[green]running[/]",
            RunState.Stopped => "[yellow]stopped[/]",
            _ => "[red]crashed[/]",
        };

    /// <summary>Before and after, where both were on as many questions.</summary>
    private static string ExactMatch(RunOverview run) =>
        run is { First: { } first, Last: { } last } && first.Step != last.Step && first.Questions == last.Questions
            ? Text($"{100 * first.ExactMatch:0.0} → {100 * last.ExactMatch:0.0}")
            : Text($"{100 * run.Last!.ExactMatch:0.0}");

    private static string Shown(Spread spread, double scale, string format, bool isSigned)
    {
        string Number(double value) =>
            (scale * value).ToString(
                isSigned ? $"+{format};−{format};{format}" : $"{format};−{format}",
                CultureInfo.InvariantCulture
            );
        return spread is { Low: { } low, High: { } high }
            ? $"{Number(spread.Mean)} [[{Number(low)} … {Number(high)}]]"
            : Number(spread.Mean);
    }

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
