using System.Globalization;
using System.Text.Json.Nodes;
using David.Grpo.Figures;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>A run's page.</summary>
internal static class RunPage
{
    /// <summary>"David-GRPO, seed 1".</summary>
    public static string Title(RunLog run)
    {
        string arm = run.Arm is { } name ? ArmTitle(name) : Path.GetFileName(run.Folder);
        // A variant's folder is named as the variant is.
        string variant = Path.GetFileName(Path.GetDirectoryName(run.Folder)) ?? "";
        if (IsCompared(run) && variant != run.Arm)
            arm = $"{variant} ({arm})";
        return run.Seed is { } seed ? $"{arm}, seed {seed}" : arm;
    }

    /// <param name="trajectories">Of the microscope.</param>
    public static Report Of(RunLog run, int trajectories) =>
        new(
            Title(run),
            Standing(run),
            [
                Section.NewLinks([
                    new LinkGroup(
                        "",
                        [
                            new Link(
                                $"Trajectory microscope ({Number.Fixed(0, trajectories)} trajectories)",
                                "microscope/index.html"
                            ),
                            .. IsCompared(run)
                                ? [new Link("The comparison that it belongs to", "../../index.html")]
                                : (Link[])[],
                        ]
                    ),
                ]),
                Section.NewHeading("Result"),
                .. Result(run),
                .. RunFigures.Learning(run) is { } learning
                    ? [Section.NewHeading("Learning curves"), learning]
                    : (Section[])[],
                Section.NewHeading("Costs and budgets"),
                .. Costs(run),
                .. RunFigures.Training(run) is { } training
                    ? [Section.NewHeading("Step by step"), .. training]
                    : (Section[])[],
                .. RunSamples.Of(run) is { Length: > 0 } samples
                    ? [Section.NewHeading("Questions before and after training"), .. samples]
                    : (Section[])[],
                Section.NewHeading("Faults"),
                .. Faults(run),
                Section.NewHeading("How it was run"),
                .. Setting(run),
            ]
        );

    /// <summary>How far it came, in a line.</summary>
    private static string Standing(RunLog run)
    {
        string spent = $"{Number.Fixed(0, run.Spent.Rollouts)} rollouts in {Number.Fixed(0, run.Steps.Length)} steps";
        if (run.Result is { Stopped: false } result)
            return $"Finished: {spent}, {Duration(result.Times.TotalSeconds)}";
        string checkpoints = Path.Combine(run.Folder, "checkpoints");
        string? last = Directory.Exists(checkpoints)
            ? Directory.EnumerateDirectories(checkpoints, "step-*").Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        string going = last is null
            ? "no checkpoint yet"
            : $"the last checkpoint is of step {int.Parse(Path.GetFileName(last)[5..], CultureInfo.InvariantCulture)}";
        return $"Not finished: {spent}; {going}";
    }

    private static bool IsCompared(RunLog run) =>
        Path.GetDirectoryName(Path.GetDirectoryName(run.Folder)) is { } comparison
        && Path.GetFileName(run.Folder).StartsWith("seed-", StringComparison.Ordinal)
        && File.Exists(Path.Combine(comparison, "index.html"));

    private static string ArmTitle(string name) =>
        Arms.Names.Contains(name)
            ? new MethodOptions { Arm = name }
                .Create(TaskRewards.OfTags(_ => null))
                .Title
            : name.Replace('_', ' ');

    private static IEnumerable<Section> Result(RunLog run)
    {
        if (run.Evaluations is not [var before, ..])
        {
            yield return Section.NewProse("The run was not evaluated.");
            yield break;
        }
        EvaluationMetrics after = run.Evaluations[^1];
        EvaluationMetrics[] shown = ReferenceEquals(before, after) ? [before] : [before, after];
        Cell Of(EvaluationMetrics metrics, string name, double value, double scale) =>
            Cell.NewNumber(
                metrics.Intervals.TryGetValue(name, out double[]? interval)
                    ? Estimate.Between(scale * value, scale * interval[0], scale * interval[1])
                    : Estimate.Exact(scale * value)
            );
        yield return Section.NewTable(
            new Table(
                $"Intervals are 95 % bootstrap intervals over {Number.Fixed(0, after.Questions)} questions.",
                [
                    TableColumn.Words(""),
                    TableColumn.Numbers("exact match", "%", 1, Best.Unmarked),
                    TableColumn.Numbers("F1", "%", 1, Best.Unmarked),
                    TableColumn.Numbers("coverage", "%", 1, Best.Unmarked),
                    TableColumn.Numbers("searches", "a question", 2, Best.Unmarked),
                    TableColumn.Numbers("tokens", "a question", 1, Best.Unmarked),
                    TableColumn.Numbers("answered", "%", 1, Best.Unmarked),
                ],
                [
                    .. shown.Select(
                        (metrics, i) =>
                            (Cell[])
                                [
                                    Cell.NewWords(
                                        i == 0
                                            ? "before training"
                                            : $"after {Number.Fixed(0, metrics.Rollouts)} rollouts"
                                    ),
                                    Of(metrics, "exact_match", metrics.ExactMatch, 100),
                                    Of(metrics, "f1", metrics.F1, 100),
                                    Of(metrics, "coverage", metrics.Coverage, 100),
                                    Of(metrics, "searches_per_question", metrics.SearchesPerQuestion, 1),
                                    Of(metrics, "generated_tokens", metrics.GeneratedTokens, 1),
                                    Of(metrics, "answered", metrics.Answered, 100),
                                ]
                    ),
                ]
            )
        );
        string[] kinds = [.. shown.SelectMany(metrics => metrics.ExactMatchByKind.Keys).Distinct()];
        if (kinds.Length > 1)
            yield return Section.NewTable(
                new Table(
                    "Exact match by kind of question.",
                    [TableColumn.Words(""), .. kinds.Select(kind => TableColumn.Numbers(kind, "%", 1, Best.Unmarked))],
                    [
                        .. shown.Select(
                            (metrics, i) =>
                                (Cell[])
                                    [
                                        Cell.NewWords(i == 0 ? "before training" : "after"),
                                        .. kinds.Select(kind =>
                                            metrics.ExactMatchByKind.TryGetValue(kind, out double value)
                                                ? Cell.NewNumber(Estimate.Exact(100 * value))
                                                : Cell.Missing
                                        ),
                                    ]
                        ),
                    ]
                )
            );
    }

    private static IEnumerable<Section> Costs(RunLog run)
    {
        RunCost spent = run.Spent;
        Cell[] Line(string name, double value, double? budget) =>
            [
                Cell.NewWords(name),
                Cell.NewNumber(Estimate.Exact(value)),
                budget is { } limit ? Cell.NewNumber(Estimate.Exact(limit)) : Cell.Missing,
                budget is > 0 and var whole ? Cell.NewNumber(Estimate.Exact(100 * value / whole)) : Cell.Missing,
            ];
        yield return Section.NewTable(
            new Table(
                "What training spent, evaluations left out.",
                [
                    TableColumn.Words("currency"),
                    TableColumn.Numbers("spent", "", 0, Best.Unmarked),
                    TableColumn.Numbers("budget", "", 0, Best.Unmarked),
                    TableColumn.Numbers("share", "%", 0, Best.Unmarked),
                ],
                [
                    Line("rollouts", spent.Rollouts, run.Option<double?>("rollouts")),
                    Line("generated tokens", spent.GeneratedTokens, run.Option<double?>("generated_tokens")),
                    Line("searches", spent.Searches, run.Option<double?>("searches")),
                    Line("seconds of sampling and learning", spent.Seconds, run.Option<double?>("seconds")),
                    .. run.Steps is [.., var last]
                        ? [Line("optimizer steps", last.OptimizerSteps, null)]
                        : (Cell[][])[],
                    .. run.Result is { } result
                        ? [Line("observed tokens", result.Spent.ObservedTokens, null)]
                        : (Cell[][])[],
                ]
            )
        );
        double rolling = run.Steps.Sum(step => step.RolloutSeconds);
        double learning = run.Steps.Sum(step => step.LearningSeconds);
        double evaluating = run.Evaluations.Sum(evaluation => evaluation.Seconds);
        double total = run.Result?.Times.TotalSeconds ?? rolling + learning + evaluating;
        Cell[] Part(string name, double seconds, double tokens) =>
            [
                Cell.NewWords(name),
                Cell.NewNumber(Estimate.Exact(seconds)),
                total > 0 ? Cell.NewNumber(Estimate.Exact(100 * seconds / total)) : Cell.Missing,
                tokens > 0 && seconds > 0 ? Cell.NewNumber(Estimate.Exact(tokens / seconds)) : Cell.Missing,
            ];
        yield return Section.NewTable(
            new Table(
                "Where the time went.",
                [
                    TableColumn.Words("part"),
                    TableColumn.Numbers("time", "s", 1, Best.Unmarked),
                    TableColumn.Numbers("share", "%", 0, Best.Unmarked),
                    TableColumn.Numbers("tokens", "a second", 0, Best.Unmarked),
                ],
                [
                    Part("rollouts", rolling, spent.GeneratedTokens),
                    Part("learning", learning, run.Steps.Sum(step => (double)step.LearnedTokens)),
                    Part("evaluation", evaluating, 0),
                    Part("the rest", Math.Max(0, total - rolling - learning - evaluating), 0),
                ]
            )
        );
    }

    private static IEnumerable<Section> Faults(RunLog run)
    {
        (string Name, double Count, string Meaning)[] faults =
        [
            (
                "updates left out",
                run.Steps.Sum(step => step.Skipped),
                "a loss or a gradient was not finite; the policy kept its parameters"
            ),
            (
                "trajectories dropped",
                run.Steps.Sum(step => step.Dropped),
                "no reward could be computed; they were not learned from"
            ),
            ("searches failed", run.Steps.Sum(step => step.FailedSearches), "the policy was told so and went on"),
            (
                "dead steps",
                run.Steps.Count(step => step.DeadGroups >= 1 && step.Phase != "imitation"),
                "all groups had equal rewards throughout, so nothing was learned by advantage"
            ),
        ];
        yield return faults.All(fault => fault.Count == 0) && run.Remarks is []
            ? Section.NewProse(
                "None: no update was left out, no trajectory dropped, no search failed, and every step had a group to learn from."
            )
            : Section.NewTable(
                new Table(
                    "",
                    [
                        TableColumn.Words("fault"),
                        TableColumn.Numbers("count", "", 0, Best.Unmarked),
                        TableColumn.Words("what it means"),
                    ],
                    [
                        .. faults.Select(fault =>
                            (Cell[])
                                [
                                    Cell.NewWords(fault.Name),
                                    Cell.NewNumber(Estimate.Exact(fault.Count)),
                                    Cell.NewWords(fault.Meaning),
                                ]
                        ),
                        .. run.Remarks.Select(remark =>
                            (Cell[])
                                [
                                    Cell.NewWords("unreadable"),
                                    Cell.Missing,
                                    Cell.NewWords(
                                        $"{remark}: the run was cut off while it wrote, or the file was changed"
                                    ),
                                ]
                        ),
                    ]
                )
            );
    }

    private static IEnumerable<Section> Setting(RunLog run)
    {
        string[] files =
        [
            .. (
                (string[])
                    [
                        "config.yaml",
                        RunDescription.FileName,
                        "environment.json",
                        "metrics.jsonl",
                        "trajectories.jsonl.gz",
                        "result.json",
                    ]
            ).Where(name => File.Exists(Path.Combine(run.Folder, name))),
        ];
        if (run.Options is { } options)
        {
            yield return Section.NewSubheading("Configuration");
            Fact[] facts = [.. Flat(options)];
            yield return Section.NewFacts([
                .. facts.Where(fact => fact.Name is "method.arm" or "seed" or "rollouts" or "model" or "corpus"),
            ]);
            yield return Section.NewDetails("All options", [Section.NewFacts(facts)]);
        }
        if (run.Environment is { } environment)
        {
            yield return Section.NewSubheading("Environment");
            yield return Section.NewFacts([.. Flat(environment)]);
        }
        yield return Section.NewSubheading("Files");
        yield return Section.NewLinks([new LinkGroup("", [.. files.Select(name => new Link(name, name))])]);
    }

    /// <summary>Values by key, those of sections as section.key.</summary>
    private static IEnumerable<Fact> Flat(JsonObject section, string path = "")
    {
        foreach ((string key, JsonNode? value) in section)
            switch (value)
            {
                case JsonObject inner:
                    foreach (Fact fact in Flat(inner, $"{path}{key}."))
                        yield return fact;
                    break;
                case JsonArray list:
                    yield return new Fact(path + key, list.Count == 0 ? "–" : string.Join(", ", list));
                    break;
                default:
                    yield return new Fact(path + key, value?.ToString() ?? "–");
                    break;
            }
    }

    /// <summary>Seconds as people say them.</summary>
    private static string Duration(double seconds) =>
        seconds switch
        {
            < 99.5 => $"{Number.Fixed(1, seconds)} s",
            < 3600 => $"{(int)seconds / 60} min {(int)seconds % 60} s",
            _ => $"{(int)seconds / 3600} h {(int)seconds / 60 % 60} min",
        };
}
