using System.Globalization;
using System.Text;
using System.Text.Json;
using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>What a comparison's report is made of.</summary>
/// <param name="Runs">Finished ones, each arm over the same seeds.</param>
/// <param name="Lines">Of each run.</param>
/// <param name="Arms">As the report shows them.</param>
/// <param name="Summary">What was found.</param>
/// <param name="Folder">Of the comparison.</param>
public sealed record ComparisonReport(
    string Folder,
    IReadOnlyList<ComparedRun> Runs,
    RunLog[] Lines,
    ReportedArm[] Arms,
    ComparisonSummary Summary
)
{
    /// <summary>How learning rates were chosen; null where they were given.</summary>
    public TuningResult? Tuning { get; init; }

    /// <summary>A question before and after training; null for none.</summary>
    public BeforeAndAfter? Example { get; init; }

    /// <summary>What of the comparison is not there yet; empty for nothing.</summary>
    public string Unfinished { get; init; } = "";

    /// <summary>Figures of one's own: name of the file, figure, caption. They stand beside the result on the page.</summary>
    public IReadOnlyList<(string Name, Figure Figure, string Caption)> OwnFigures { get; init; } = [];

    /// <summary>Tables of one's own by the names of their files; beside the result on the page too.</summary>
    public IReadOnlyList<(string Name, Table Table)> OwnTables { get; init; } = [];

    /// <summary>Whether questions and answers are in words, not in the embedded world's tags.</summary>
    public bool IsText { get; init; }

    /// <summary>Reads what finished runs left in their folders.</summary>
    /// <param name="folder">Of the comparison.</param>
    /// <param name="runs">Finished ones, each arm over the same seeds.</param>
    /// <param name="focus">The arm that is compared with each other one.</param>
    public static ComparisonReport Read(string folder, IReadOnlyList<ComparedRun> runs, string focus)
    {
        RunLog[] lines = [.. runs.Select(run => RunLog.Read(Path.Combine(folder, run.Folder)))];
        return new ComparisonReport(folder, runs, lines, ReportedArm.Of(runs), ComparisonSummary.Of(lines, runs, focus))
        {
            IsText = runs[0].Options.IsText,
        };
    }

    /// <summary>The report of a comparison's folder, or of a single run's, from what is finished there.</summary>
    /// <exception cref="InvalidDataException">The folder is neither, or nothing is finished; the text says what to do.</exception>
    public static ComparisonReport Open(string folder) => ComparisonRecord.Read(folder).Report(folder);

    /// <summary>An arm by its name.</summary>
    public ReportedArm this[string name] => Arms.First(arm => arm.Name == name);

    /// <summary>The arms as figures name them; a figure that is <c>StyledBy</c> these shows them as all others do.</summary>
    public string[] Titles => [.. Arms.Select(arm => arm.Title)];

    /// <summary>What the runs of an arm left, by seed.</summary>
    public RunLog[] LinesOf(string arm) => [.. Lines.Where((_, i) => Runs[i].Name == arm)];

    /// <summary>The questions of the last evaluation of each of an arm's runs, with their answers, queries and scores.</summary>
    public OutcomeRecord[] OutcomesOf(string arm) => [.. LinesOf(arm).SelectMany(run => run.At(int.MaxValue).Outcomes)];

    /// <summary>A measure of each arm at the end of the budget, with its interval, times a scale: 100 for shares in percent.</summary>
    public Estimate[] Estimates(Func<ArmSummary, Spread> measure, double scale) =>
        [.. Summary.End.Arms.Select(arm => SummaryTables.Estimate(measure(arm), scale))];

    /// <summary>
    /// The comparison at a mark: a table of its arms, one of kinds of questions, and one of differences a measure where there
    /// are several.
    /// </summary>
    public Table[] Tables(MarkSummary mark) =>
        [
            SummaryTables.OfArms(this, mark),
            .. SummaryTables.OfKinds(this, mark) is { } kinds ? (Table[])[kinds] : [],
            .. SummaryTables.OfDifferences(this, mark),
        ];

    /// <summary>All figures by name, with captions: one's own, and ours in the order of the page.</summary>
    public IEnumerable<(string Name, Figure Figure, string Caption)> Figures =>
        [.. OwnFigures, .. ComparisonFigures.Of(this)];

    /// <summary>Scores and differences in exact match at each mark, for a terminal: at most some 100 columns.</summary>
    public override string ToString() =>
        string.Join(
            "\n",
            Summary.Marks.SelectMany(mark =>
                SummaryTables
                    .OfDifferences(this, mark)
                    .Take(1)
                    .Prepend(SummaryTables.OfScores(this, mark))
                    .Select(PlainText.Render)
            )
        ) + (Unfinished.Length == 0 ? "" : $"\n{Unfinished}\n");

    /// <summary>
    /// Writes index.html, comparison.json, summary.json, scores.csv, for each mark table-MARK.md and table-MARK.tex, and
    /// figures/*.svg; of each own table NAME.md, NAME.tex and NAME.csv; and the page of each run that has none yet.
    /// </summary>
    /// <param name="warn">Told in a sentence which run's page could not be written; nothing else depends on it.</param>
    /// <returns>The page's path.</returns>
    public async Task<string> WriteAsync(Action<string>? warn = null)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "figures"));
        Task Write(string name, string text) =>
            File.WriteAllTextAsync(Path.Combine(Folder, name), text, CancellationToken.None);
        ComparisonRecord.Of(this).Write(Folder);
        await Write("summary.json", JsonSerializer.Serialize(Summary, RunJson.Document)).ConfigureAwait(false);
        await Write("scores.csv", Scores(Summary)).ConfigureAwait(false);
        foreach (MarkSummary mark in Summary.Marks)
        {
            Table[] tables = Tables(mark);
            TableFile.Write(Path.Combine(Folder, $"table-{mark.Rollouts}.md"), tables);
            TableFile.Write(Path.Combine(Folder, $"table-{mark.Rollouts}.tex"), tables);
        }
        foreach ((string name, Table table) in OwnTables)
        foreach (string extension in (string[])[".md", ".tex", ".csv"])
            TableFile.Write(Path.Combine(Folder, name + extension), table);
        foreach ((string name, Figure figure, _) in Figures)
            await Write(Path.Combine("figures", $"{name}.svg"), Svg.Render(figure)).ConfigureAwait(false);
        await Write("index.html", ComparisonPage.Render(this)).ConfigureAwait(false);
        Parallel.ForEach(Runs, run => RunReport.TryWrite(Path.Combine(Folder, run.Folder), warn ?? (_ => { })));
        return Path.Combine(Folder, "index.html");
    }

    /// <summary>A line an arm, seed and mark: shares in [0, 1], what a question cost, what training took until then.</summary>
    internal static string Scores(ComparisonSummary summary)
    {
        (string Name, Func<ArmSummary, Spread> Of)[] measures =
        [
            ("rollouts", arm => arm.Rollouts),
            ("exact_match", arm => arm.ExactMatch),
            ("f1", arm => arm.F1),
            ("coverage", arm => arm.Coverage),
            ("searches_per_question", arm => arm.SearchesPerQuestion),
            ("tokens_per_question", arm => arm.TokensPerQuestion),
            ("answered", arm => arm.Answered),
            ("training_tokens", arm => arm.TrainingTokens),
            ("training_searches", arm => arm.TrainingSearches),
            ("seconds", arm => arm.Seconds),
        ];
        StringBuilder text = new();
        text.Append("arm,seed,mark,").AppendJoin(',', measures.Select(measure => measure.Name)).Append('\n');
        foreach (MarkSummary mark in summary.Marks)
        foreach (ArmSummary arm in mark.Arms)
        foreach ((int i, long seed) in summary.Seeds.Index())
            text.Append(CultureInfo.InvariantCulture, $"{Csv.Field(arm.Arm)},{seed},{mark.Rollouts},")
                .AppendJoin(
                    ',',
                    measures.Select(measure => measure.Of(arm).BySeed[i].ToString("R", CultureInfo.InvariantCulture))
                )
                .Append('\n');
        return text.ToString();
    }
}
