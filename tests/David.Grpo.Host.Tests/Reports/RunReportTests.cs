using System.Xml.Linq;
using David.Grpo.Cli;
using David.Grpo.Host.Tests.Cli;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Reports;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>A run's page, of finished, unfinished and damaged runs.</summary>
public sealed class RunReportTests
{
    private static Task<(int Code, string Output, string Error)> ReportAsync(params string[] folders) =>
        TinyRun.InvokeAsync(ReportCommand.Create(), folders);

    private static XElement Page(string folder) =>
        XDocument.Parse(File.ReadAllText(Path.Combine(folder, "index.html"))).Root!;

    private static string[] Links(XElement root) =>
        [.. root.Descendants().Select(element => element.Attribute("href")?.Value).OfType<string>()];

    [Fact]
    public async Task ATrainedRun_EndsWithItsPage()
    {
        using TinyRun run = new();
        (int code, string output, string error) = await run.TrainAsync();
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(Path.Combine(run["out"], "index.html"), output);

        XElement root = Page(run["out"]);
        Assert.Contains("Finished: 16 rollouts in 3 steps", root.Value);
        Assert.Contains("microscope/index.html", Links(root));
        Assert.Contains("trajectories.jsonl.gz", Links(root));
        Assert.Contains("method.lambda", root.Value);
        Assert.Contains("libtorch", root.Value);
        Assert.All(
            Links(root).Where(link => !link.StartsWith('#')),
            link => Assert.True(File.Exists(Path.Combine(run["out"], link)), link)
        );
        // Before and after, from the outcomes that the run kept.
        Assert.Contains(
            "Questions before and after training",
            root.Descendants().Where(element => element.Name.LocalName == "h2").Select(element => element.Value)
        );
    }

    [Fact]
    public async Task AnUnfinishedRun_WhoseLogsBreakOff_HasAPageThatSaysSo()
    {
        using MadeUpRun run = new(groups: 40);
        File.AppendAllText(Path.Combine(run.Folder, "metrics.jsonl"), "{\"kind\":\"step\",\"st");
        string log = Path.Combine(run.Folder, "trajectories.jsonl.gz");
        using (FileStream file = File.OpenWrite(log))
            file.SetLength(file.Length * 3 / 4);

        (int code, string output, string error) = await ReportAsync(run.Folder);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains("index.html", output);
        string text = Page(run.Folder).Value;
        Assert.Contains("Not finished: 200 rollouts in 2 steps; no checkpoint yet", text);
        Assert.Contains("The last line of the metrics is cut off.", text);
        Assert.Contains("trajectories.jsonl.gz breaks off after", text);
        Assert.Contains("The run was not evaluated.", text);
    }

    [Fact]
    public async Task ARunWithoutSteps_HasAPage()
    {
        using Scratch scratch = new();
        scratch.Write("metrics.jsonl", "");
        Assert.Equal(0, (await ReportAsync(scratch.Folder)).Code);
        Assert.Contains("Not finished: 0 rollouts in 0 steps", Page(scratch.Folder).Value);
        Assert.True(File.Exists(scratch["microscope/data/index.js"]));
    }

    [Fact]
    public async Task AFolderWithoutARun_IsRefusedWithWhatToDo()
    {
        using Scratch scratch = new();
        (int code, _, string error) = await ReportAsync(scratch.Folder);
        Assert.Equal(2, code);
        Assert.Contains("holds no run: it has no metrics.jsonl", error);

        scratch.Write("summary.json", "{}");
        Assert.Contains("david compare --report", (await ReportAsync(scratch.Folder)).Error);
        Assert.Contains("does not exist", (await ReportAsync(scratch["nowhere"])).Error);
    }

    [Fact]
    public async Task AComparison_LinksToThePagesOfItsRuns_AndTheyLinkBack()
    {
        using MadeUpComparison made = new();
        made.Add("grpo", 1, "0001", "0011");
        made.Add("david", 1, "0011", "0111", searches: 2);
        List<string> warnings = [];
        await ComparisonReport.Read(made.Folder, made.Runs, "david").WriteAsync(warnings.Add);

        Assert.Empty(warnings);
        Assert.Contains("david/seed-1/index.html", Links(Page(made.Folder)));
        string run = Path.Combine(made.Folder, "david", "seed-1");
        Assert.Contains("../../index.html", Links(Page(run)));
        Assert.Contains("One that was learned", Page(run).Value);
    }

    [Fact]
    public void APageThatCannotBeWritten_IsAWarning_AndAFreshOneIsLeftAlone()
    {
        using MadeUpRun run = new(groups: 20);
        List<string> warnings = [];
        string page = RunReport.TryWrite(run.Folder, warnings.Add)!;
        DateTime written = File.GetLastWriteTimeUtc(page);
        Assert.Equal(page, RunReport.TryWrite(run.Folder, warnings.Add));
        Assert.Equal(written, File.GetLastWriteTimeUtc(page));
        Assert.Empty(warnings);

        File.Delete(page);
        Directory.CreateDirectory(page); // no file can take its place
        Assert.Null(RunReport.TryWrite(run.Folder, warnings.Add));
        Assert.Contains($"The page of {run.Folder} was not written", Assert.Single(warnings));
        Assert.True(File.Exists(Path.Combine(run.Folder, "metrics.jsonl")));
    }
}
