using System.Xml.Linq;
using David.Grpo.Cli;
using David.Grpo.Comparisons;
using David.Grpo.Experiments;
using David.Grpo.Figures;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Reports;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Host.Tests.Cli;

public sealed class ComparisonReportTests
{
    private static MadeUpComparison TwoArms()
    {
        MadeUpComparison made = new();
        made.Add("grpo", 1, "0001", "0011");
        made.Add("david", 1, "0011", "0111", searches: 2);
        made.Add("grpo", 2, "0001", "0001");
        made.Add("david", 2, "0011", "1111", searches: 2);
        return made;
    }

    private static ComparisonReport Read(MadeUpComparison made, string focus) =>
        ComparisonReport.Read(made.Folder, made.Runs, focus);

    [Fact]
    public async Task Write_LeavesEveryFile_AndAPageWithEveryArmAndMark()
    {
        using MadeUpComparison made = TwoArms();
        string page = await (
            Read(made, "david") with
            {
                Tuning = new TuningResult([1e-4, 1e-3], 2, [new TunedArm("grpo", 1e-3, [0.25, 0.5])]),
                Unfinished = "Seed 3 is missing.",
            }
        ).WriteAsync();

        XElement root = XDocument.Parse(File.ReadAllText(page)).Root!;
        foreach (
            string shown in (string[])
                [
                    "GRPO",
                    "David-GRPO",
                    "base policy",
                    "10 rollouts",
                    "20 rollouts",
                    "Seed 3 is missing.",
                    "Learning rates tried on 2 other seeds",
                    "David-GRPO (arXiv 2601.21699) and the authors' code of September 2026",
                    "A continuation may use all searches that are left; the authors' loses one.",
                    "By generated tokens",
                    "By searches in training",
                    "By sampling and learning",
                ]
        )
            Assert.Contains(shown, root.Value);
        string[] captions = [.. root.Descendants("caption").Select(caption => caption.Value)];
        Assert.Equal(2, captions.Count(caption => caption.Contains("evaluation questions")));
        Assert.Equal(8, captions.Count(caption => caption.StartsWith("David-GRPO minus", StringComparison.Ordinal)));

        foreach (string name in (string[])["final", "learning", "searching", "fronts", "training", "terms"])
        {
            string figure = File.ReadAllText(Path.Combine(made.Folder, "figures", $"{name}.svg"));
            Assert.Equal("svg", XDocument.Parse(figure).Root!.Name.LocalName);
            Assert.Contains("David-GRPO", figure);
        }
        foreach (string mark in (string[])["10", "20"])
        {
            string markdown = File.ReadAllText(Path.Combine(made.Folder, $"table-{mark}.md"));
            Assert.Contains("| David-GRPO | **", markdown);
            string latex = File.ReadAllText(Path.Combine(made.Folder, $"table-{mark}.tex"));
            Assert.Contains(@"David-GRPO & $\mathbf{", latex);
            Assert.Equal(6, latex.Split(@"\toprule").Length - 1);
        }
    }

    [Fact]
    public void Scores_AreALineAnArmSeedAndMark()
    {
        using MadeUpComparison made = TwoArms();
        Assert.Equal(
            """
            arm,seed,mark,rollouts,exact_match,f1,coverage,searches_per_question,tokens_per_question,answered,training_tokens,training_searches,seconds
            grpo,1,10,8,0.25,0.25,0.5,1,10,0.25,80,16,0.5
            grpo,2,10,8,0.25,0.25,0.5,1,10,0.25,80,16,0.5
            david,1,10,8,0.5,0.5,0.5,2,15,0.5,80,16,0.5
            david,2,10,8,0.5,0.5,0.5,2,15,0.5,80,16,0.5
            grpo,1,20,20,0.5,0.5,0.5,1,10,0.5,200,40,1
            grpo,2,20,20,0.25,0.25,0.5,1,10,0.25,200,40,1
            david,1,20,20,0.75,0.75,0.5,2,15,0.75,200,40,1
            david,2,20,20,1,1,0.5,2,15,1,200,40,1

            """,
            ComparisonReport.Scores(Read(made, "david").Summary)
        );
    }

    [Fact]
    public async Task Write_OneSeedOrOneArm_HasNoIntervalsOrDifferences()
    {
        using MadeUpComparison one = new();
        one.Add("grpo", 1, "0001", "0011");
        string page = File.ReadAllText(await Read(one, "grpo").WriteAsync());
        XDocument.Parse(page);
        Assert.DoesNotContain("minus each other arm", page);
        Assert.Contains("There is one seed", page);

        using MadeUpComparison two = new();
        two.Add("grpo", 1, "0001", "0011");
        two.Add("david", 1, "0001", "0111");
        page = File.ReadAllText(await Read(two, "david").WriteAsync());
        XDocument.Parse(page);
        Assert.Contains("David-GRPO minus each other arm", page);
    }

    [Fact]
    public void TheTerminalsTables_OfSixteenArms_FitEightyColumns()
    {
        using MadeUpComparison made = new();
        foreach (string arm in Arms.Names)
        foreach (int seed in (int[])[1, 2])
            made.Add(arm, seed, "0001", "0011", searches: seed);
        ComparisonReport report = Read(made, "david");
        string[] lines =
        [
            .. SummaryTables
                .ForTerminal(report, measures: 2)
                .SelectMany(table => PlainText.RenderWithin(80, table).Split('\n')),
        ];
        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
        foreach (string title in report.Arms.Select(arm => arm.Title))
            // At both marks scores, costs and kinds, and differences in two measures but for the arm in focus.
            Assert.Equal(
                title == "David-GRPO" ? 6 : 10,
                lines.Count(line => line.StartsWith($"{title}  ", StringComparison.Ordinal))
            );
    }

    [Fact]
    public void Progress_CountsRunsAndTimeLeft()
    {
        using MadeUpComparison made = TwoArms();
        ComparisonProgress progress = new(made.Runs);
        Assert.Equal("0/4 runs", progress.Count);
        Assert.Null(progress.Left(TimeSpan.FromSeconds(1)));
        // Finished before; half of another one too.
        progress.End(made.Runs[0]);
        progress.Resume(made.Runs[1], 10);
        Assert.Null(progress.Left(TimeSpan.FromSeconds(1)));
        // 10 of the 50 rollouts that are ours took 4 s.
        progress.Spend(made.Runs[1], 20);
        progress.End(made.Runs[1]);
        Assert.Equal(TimeSpan.FromSeconds(16), progress.Left(TimeSpan.FromSeconds(4)));
        Assert.Equal("2/4 runs", progress.Count);
        Assert.Equal(40, progress.Done);
        Assert.Equal(80, progress.Budget);
    }

    [Fact]
    public void Finished_TakesTheSeedsThatAllArmsHave()
    {
        using MadeUpComparison made = TwoArms();
        made.Add("grpo", 3, "0001", "0011");
        ComparisonFile file = new() { Arms = ["search_r1", "david", "grpo"], Seeds = 3 };
        (ComparedRun[] runs, string unfinished) = FinishedRuns.In(made.Folder, file.ToExperiment(made.Folder).Runs);
        Assert.Equal(
            [("david", 1L), ("grpo", 1L), ("david", 2L), ("grpo", 2L)],
            runs.Select(run => (run.Name, run.Seed))
        );
        Assert.Contains("5 of 9 runs", unfinished);
        Assert.Contains("search_r1", unfinished);

        ComparedRun[] both = (file with { Arms = ["grpo", "david"], Seeds = 2 }).ToExperiment(made.Folder).Runs;
        Assert.Equal("", FinishedRuns.In(made.Folder, both).Unfinished);

        using MadeUpComparison none = new();
        Assert.Contains(
            "no finished run",
            Assert.Throws<InvalidDataException>(() => FinishedRuns.In(none.Folder, both)).Message
        );
    }

    [Fact]
    public void Tuned_TakesTheBestRateOfEachArm()
    {
        using MadeUpComparison made = new();
        Tuning tuning = new() { LearningRates = [1e-4, 1e-3], Seeds = 1 };
        Experiment experiment = new ComparisonFile
        {
            Arms = ["grpo", "david"],
            Rollouts = 20,
            Questions = 4,
            Marks = [],
            Tune = tuning,
        }.ToExperiment(made.Folder);
        Assert.Contains("not finished", Assert.Throws<InvalidDataException>(() => tuning.Choose(experiment)).Message);
        foreach (
            (string arm, string rate, string right) in (ReadOnlySpan<(string, string, string)>)
                [
                    ("grpo", "1e-4", "0111"),
                    ("grpo", "1e-3", "0001"),
                    ("david", "1e-4", "0001"),
                    ("david", "1e-3", "0011"),
                ]
        )
            made.Add(arm, 1001, right, right, name: $"{arm}_lr_{rate}", under: "tuning");
        (Experiment tuned, TuningResult result) = tuning.Choose(experiment);
        Assert.Equal([1e-4, 1e-3], tuned.Runs.Take(2).Select(run => run.Options.Method.LearningRate));
        Assert.Equal([1e-4, 1e-3], tuned.Runs.Take(2).Select(run => run.Options.Method.BootstrapLearningRate));
        Assert.Equal([0.75, 0.25], result.Arms[0].ExactMatch);
        Assert.Equal(1e-3, result.Arms[1].Best);
    }

    [Fact]
    public async Task Report_OfAFolderAlone_RendersTheComparisonLastRunThere()
    {
        using MadeUpComparison made = TwoArms();
        ComparisonFile file = new()
        {
            Arms = ["grpo", "david"],
            Marks = [10],
            Seeds = 3,
            Rollouts = 20,
            Questions = 4,
        };
        // As a comparison under way leaves it.
        ComparisonRecord.Of(file.ToExperiment(made.Folder).Runs, "david").Write(made.Folder);
        (int code, string output, _) = await TinyRun.CompareAsync("--out", made.Folder, "--report");
        Assert.Equal(0, code);
        Assert.Contains("David-GRPO minus each other arm at 20 rollouts", output);
        Assert.Contains("4 of 6 runs", output);
        Assert.Contains("4 of 6 runs", File.ReadAllText(Path.Combine(made.Folder, "index.html")));
        Assert.Equal(9, File.ReadLines(Path.Combine(made.Folder, "scores.csv")).Count());
    }
}
