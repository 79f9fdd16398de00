using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Runs;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>A comparison's index.html.</summary>
public static class ComparisonPage
{
    /// <summary>The page as HTML that needs nothing beside it: result, curves, costs, arms with their sources, options.</summary>
    public static string Render(ComparisonReport report)
    {
        ComparisonSummary summary = report.Summary;
        MarkSummary[] smaller = summary.Marks[..^1];
        Dictionary<string, Section> figures = ComparisonFigures
            .Of(report)
            .ToDictionary(one => one.Name, one => Section.NewFigure(one.Figure, one.Caption));
        List<Section> sections =
        [
            Section.NewProse(Introduction(report)),
            Section.NewHeading("Result"),
            .. report.OwnTables.Select(own => Section.NewTable(own.Table)),
            .. report.OwnFigures.Select(own => Section.NewFigure(own.Figure, own.Caption)),
            .. AtMark(report, summary.End),
            figures["final"],
            Section.NewHeading("Learning curves"),
            figures["learning"],
            figures["searching"],
            Section.NewHeading("What an answer costs"),
            figures["fronts"],
        ];
        if (smaller is not [])
            sections.AddRange([
                Section.NewHeading("Smaller budgets"),
                .. smaller.SelectMany(mark =>
                    (Section[])[Section.NewSubheading(SummaryTables.Rollouts(mark)), .. AtMark(report, mark)]
                ),
            ]);
        sections.AddRange([Section.NewHeading("What the groups taught"), figures["training"]]);
        if (figures.TryGetValue("terms", out Section? terms))
            sections.Add(Section.NewDetails("Terms of the rewards, step by step", [terms]));
        if (report.Example is { } example)
            sections.AddRange(
                Section.NewHeading("One question, before and after training"),
                Section.NewTranscripts([Transcript("Before", example.Before), Transcript("After", example.After)])
            );
        sections.AddRange([Section.NewHeading("Arms"), .. Arms(report)]);
        sections.AddRange([Section.NewHeading("Runs"), Runs(report)]);
        sections.AddRange([Section.NewHeading("How it was run"), .. Run(report)]);
        return Page.Render(
            new Report(
                "Small policies learn to search",
                $"{report.Arms.Length} arm{(report.Arms.Length == 1 ? "" : "s")} at {SummaryTables.Rollouts(summary.End)}, {SummaryTables.Seeds(summary)}",
                [.. sections]
            )
        );
    }

    private static string Introduction(ComparisonReport report)
    {
        ComparisonSummary summary = report.Summary;
        RunOptions options = report.Runs[0].Options;
        string budget = string.Join(
            ", ",
            (string[])
                [
                    SummaryTables.Rollouts(summary.End),
                    .. options.GeneratedTokens is { } tokens
                        ? [$"{Number.Fixed(0, tokens)} generated tokens"]
                        : (string[])[],
                    .. options.Searches is { } searches ? [$"{Number.Fixed(0, searches)} searches"] : (string[])[],
                    .. options.Seconds is { } seconds ? [$"{Number.Fixed(0, seconds)} s"] : (string[])[],
                ]
        );
        string ground = report.IsText
            ? $"All train on the same questions in an order of the seed's and are evaluated on the same {summary.EvaluationQuestions} others, "
            : $"Each seed has a training world of its own; all are evaluated on the same {summary.EvaluationQuestions} questions of another world, ";
        string sampling =
            options.Evaluation.Temperature == 0
                ? "greedily"
                : $"sampled at temperature {options.Evaluation.Temperature}";
        string seeds =
            summary.Seeds.Length == 1
                ? "There is one seed, so intervals of scores speak of the questions only, and differences have none."
                : "Intervals are 95 % intervals over seeds, Student's t.";
        string differences =
            report.Arms.Length == 1
                ? ""
                : " Differences are paired by seed; p is of the paired t test, then after Holm over the arms compared. P(better) is the chance that a seed of the first arm beats one of the other. Detectable is the smallest difference that so many seeds with this spread would find with a chance of 80 %.";
        string unfinished = report.Unfinished.Length == 0 ? "" : $"\n\n{report.Unfinished}";
        return $"Each arm may spend {budget} (continuations included) and starts from the same base policy. {ground}{sampling}.\n\n{seeds}{differences}{unfinished}";
    }

    private static IEnumerable<Section> AtMark(ComparisonReport report, MarkSummary mark)
    {
        yield return Section.NewTable(SummaryTables.OfArms(report, mark));
        if (SummaryTables.OfKinds(report, mark) is { } kinds)
            yield return Section.NewTable(kinds);
        Table[] differences = [.. SummaryTables.OfDifferences(report, mark)];
        if (differences is not [var exactMatch, .. var others])
            yield break;
        yield return Section.NewTable(exactMatch);
        yield return Section.NewDetails(
            "Differences in F1, evidence coverage and searches",
            [.. others.Select(table => Section.NewTable(table))]
        );
    }

    private static IEnumerable<Section> Arms(ComparisonReport report)
    {
        yield return Section.NewTable(
            new Table(
                "",
                [
                    TableColumn.Words("arm"),
                    TableColumn.Words("before the main phase"),
                    TableColumn.Words("reward"),
                    TableColumn.Words("exploration"),
                    TableColumn.Words("advantage"),
                    TableColumn.Words("objective"),
                ],
                [
                    .. report.Arms.Select(arm =>
                        (Cell[])
                            [
                                Cell.NewWords(arm.Title),
                                .. (
                                    (string[])
                                        [
                                            arm.Facts.WarmUp,
                                            arm.Facts.Reward,
                                            arm.Facts.Exploration,
                                            arm.Facts.Advantage,
                                            arm.Facts.Objective,
                                        ]
                                ).Select(Cell.NewWords),
                            ]
                    ),
                ]
            )
        );
        if (Options(report) is { } options)
            yield return Section.NewTable(options);
        if (report.Tuning is { } tuning)
            yield return Section.NewTable(Tuned(report, tuning));
        yield return Section.NewDetails(
            "Sources, and where the arms depart from them",
            [
                .. report.Arms.SelectMany(arm =>
                    (Section[])
                        [
                            Section.NewSubheading(arm.Title),
                            Section.NewFacts([
                                new Fact("after", arm.Facts.Source),
                                .. arm.Facts.Deviations.Select(deviation => new Fact("departs", deviation)),
                            ]),
                        ]
                ),
            ]
        );
    }

    /// <summary>The options of the method in which arms differ; null where they do not.</summary>
    private static Table? Options(ComparisonReport report)
    {
        Dictionary<string, string>[] options = [.. report.Arms.Select(arm => Flat(arm.Method))];
        string[] keys =
        [
            .. options[0]
                .Keys.Where(key => options.Select(own => own[key]).Distinct().Count() > 1)
                // An arm's name says it already.
                .Where(key => key != "arm" || report.Arms.Any(arm => arm.Name != arm.Method.Arm)),
        ];
        return keys is []
            ? null
            : new Table(
                "Options in which the arms differ.",
                [
                    TableColumn.Words("arm"),
                    .. keys.Select(key => TableColumn.Words(key == "arm" ? "its arm" : key.Replace('_', ' '))),
                ],
                [
                    .. report.Arms.Select(
                        (arm, i) =>
                            (Cell[])[Cell.NewWords(arm.Title), .. keys.Select(key => Cell.NewWords(options[i][key]))]
                    ),
                ]
            );
    }

    private static Table Tuned(ComparisonReport report, TuningResult tuning) =>
        new(
            $"Learning rates tried on {tuning.Seeds} other seed{(tuning.Seeds == 1 ? "" : "s")} and another world, by their mean EM (%) at the end.",
            [
                TableColumn.Words("arm"),
                .. tuning.LearningRates.Select(rate =>
                    TableColumn.Numbers(Number.Scientific(0, rate), "", 1, Best.Unmarked)
                ),
                TableColumn.Numbers("taken", "", 0, Best.Unmarked),
            ],
            [
                .. tuning.Arms.Select(arm =>
                    (Cell[])
                        [
                            Cell.NewWords(report.Arms.FirstOrDefault(own => own.Name == arm.Arm)?.Title ?? arm.Arm),
                            .. arm.ExactMatch.Select(score => Cell.NewNumber(Estimate.Exact(100 * score))),
                            Cell.NewWords(Number.Scientific(0, arm.Best)),
                        ]
                ),
            ]
        );

    /// <summary>Links to each run's page.</summary>
    private static Section Runs(ComparisonReport report) =>
        Section.NewLinks([
            .. report.Arms.Select(arm => new LinkGroup(
                arm.Title,
                [
                    .. report
                        .Runs.Where(run => run.Name == arm.Name)
                        .Select(run => new Link(
                            $"seed {run.Seed}",
                            $"{run.Folder.Replace(Path.DirectorySeparatorChar, '/')}/index.html"
                        )),
                ]
            )),
        ]);

    private static IEnumerable<Section> Run(ComparisonReport report)
    {
        ComparisonSummary summary = report.Summary;
        yield return Section.NewFacts([
            new Fact("Seeds", string.Join(", ", summary.Seeds)),
            new Fact(
                "Sampling and learning",
                $"{Number.Fixed(0, summary.End.Arms.Sum(arm => arm.Seconds.BySeed.Sum()))} s over all runs"
            ),
            new Fact(
                "Program",
                $"David.Grpo {typeof(RunFolder).Assembly.GetName().Version}, libtorch {Torch.Version}, .NET {Environment.Version}"
            ),
        ]);
        Dictionary<string, string>[] methods = [.. report.Arms.Select(arm => Flat(arm.Method))];
        yield return Section.NewDetails(
            "Options that all arms have in common",
            [
                Section.NewFacts([
                    .. Flat(report.Runs[0].Options)
                        .Where(option =>
                            option.Key != "seed" && !option.Key.StartsWith("method.", StringComparison.Ordinal)
                        )
                        .Concat(methods[0].Where(option => methods.All(own => own[option.Key] == option.Value)))
                        .Select(option => new Fact(option.Key, option.Value)),
                ]),
            ]
        );
    }

    /// <summary>Options by key, those of sections as section.key.</summary>
    private static Dictionary<string, string> Flat<T>(T options)
    {
        Dictionary<string, string> flat = [];
        void Add(string path, JsonNode? node)
        {
            if (node is JsonObject section)
                foreach ((string key, JsonNode? value) in section)
                    Add(path.Length == 0 ? key : $"{path}.{key}", value);
            else
                flat[path] = node switch
                {
                    null => "–",
                    JsonArray list => string.Join(", ", list),
                    _ => node.ToString(),
                };
        }
        Add("", JsonSerializer.SerializeToNode(options, options!.GetType(), RunJson.Line));
        return flat;
    }

    private static Transcript Transcript(string title, Trajectory trajectory)
    {
        string? answer = Trajectory.AnswerOrNull(trajectory);
        Outcome outcome = Evaluation.Outcome(trajectory);
        return new Transcript(
            title,
            $"{trajectory.Searches.Length} searches, answer: {answer ?? "none"} ({(outcome.ExactMatch == 1 ? "right" : "wrong")}; gold: {trajectory.Question.Answers[0]})",
            [
                .. trajectory.Segments.Select(segment =>
                {
                    string text = World.Render(segment.Tokens);
                    return segment switch
                    {
                        Segment.Action action when action.tokens[0] == WorldTag.SearchOpen => Span.Search(
                            Author.Policy,
                            text
                        ),
                        Segment.Action => Span.Answer(Author.Policy, text),
                        Segment.Observation => Span.Of(Author.Observation, text),
                        Segment.Expert => Span.Of(Author.Expert, text),
                        _ => Span.Of(Author.Prompt, text),
                    };
                }),
            ]
        );
    }
}
