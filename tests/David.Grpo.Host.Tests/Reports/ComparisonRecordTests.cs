using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Reports;

public sealed class ComparisonRecordTests
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

    [Fact]
    public async Task Open_GivesTheReportThatWroteTheFolder()
    {
        using MadeUpComparison made = TwoArms();
        ComparisonReport report = ComparisonReport.Read(made.Folder, made.Runs, "grpo") with
        {
            Tuning = new TuningResult([1e-4, 1e-3], 2, [new TunedArm("grpo", 1e-3, [0.25, 0.5])]),
        };
        string first = File.ReadAllText(await report.WriteAsync());

        string again = File.ReadAllText(await ComparisonReport.Open(made.Folder).WriteAsync());

        Assert.Equal(first, again);
    }

    [Fact]
    public void Open_LeavesOutWhatIsNotFinished()
    {
        using MadeUpComparison made = TwoArms();
        ComparisonRecord.Of(made.Runs, "david").Write(made.Folder);
        File.Delete(Path.Combine(made.Folder, "david", "seed-2", "result.json"));

        ComparisonReport report = ComparisonReport.Open(made.Folder);

        Assert.Equal([1L], report.Summary.Seeds);
        Assert.Contains("3 of 4 runs", report.Unfinished);
    }

    [Fact]
    public void Open_OfOneRun_IsAComparisonOfOneArm()
    {
        using MadeUpComparison made = TwoArms();

        ComparisonReport report = ComparisonReport.Open(Path.Combine(made.Folder, "david", "seed-2"));

        Assert.Equal("David-GRPO", Assert.Single(report.Arms).Title);
        Assert.Equal(1, report.Summary.End.Arms[0].ExactMatch.Mean);
        Assert.Equal(20, report.Summary.End.Rollouts);
    }

    [Fact]
    public void Open_OfAnotherFolder_SaysWhatToDo()
    {
        using Scratch scratch = new();
        string Said(string folder) => Assert.Throws<InvalidDataException>(() => ComparisonReport.Open(folder)).Message;

        Assert.Contains("does not exist; give the folder of a comparison", Said(scratch["none"]));
        Assert.Contains("neither comparison.json nor result.json", Said(scratch.Folder));
        scratch.Write("comparison.json", "{\"arms\": 3}");
        Assert.Contains("comparison.json is damaged", Said(scratch.Folder));
    }

    [Fact]
    public async Task OwnFiguresAndTables_AreOnThePageAndBesideIt()
    {
        using MadeUpComparison made = TwoArms();
        ComparisonReport report = ComparisonReport.Read(made.Folder, made.Runs, "david");
        Figures.Figure figure = Figures.Figure.Column(
            "Mine",
            "",
            [Figures.Panel.Curves("", Figures.Axis.Linear("x", ""), Figures.Axis.Linear("y", ""), [])]
        );
        Figures.Table table = new(
            "My table",
            [Figures.TableColumn.Words("arm")],
            [
                [Figures.Cell.NewWords("this one")],
            ]
        );

        string page = await (
            report with
            {
                OwnFigures = [("mine", figure, "My caption")],
                OwnTables = [("my-table", table)],
            }
        ).WriteAsync();

        Assert.Contains("My caption", File.ReadAllText(page));
        Assert.Contains("this one", File.ReadAllText(page));
        Assert.True(File.Exists(Path.Combine(made.Folder, "figures", "mine.svg")));
        Assert.Equal("arm\nthis one\n", File.ReadAllText(Path.Combine(made.Folder, "my-table.csv")));
    }
}
