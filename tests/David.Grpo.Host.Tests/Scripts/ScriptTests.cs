using System.Xml.Linq;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Reports;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Models;
using David.Grpo.Notebooks;
using David.Grpo.Reports;

namespace David.Grpo.Host.Tests.Scripts;

/// <summary>The console is the program's, so nothing else runs beside these.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ScriptCollection : ICollectionFixture<ScriptCopies>
{
    public const string Name = "scripts";
}

/// <summary>The repository's scripts beside this program's assemblies, as they lie beside .build/lib in a checkout.</summary>
public sealed class ScriptCopies : IDisposable
{
    private readonly Scratch _scratch = new();

    public ScriptCopies()
    {
        string scripts = _scratch["scripts"];
        Directory.CreateDirectory(scripts);
        foreach (string script in Directory.EnumerateFiles(Repository, "*.csx"))
            File.Copy(script, Path.Combine(scripts, Path.GetFileName(script)));
        Directory.CreateDirectory(_scratch[".build"]);
        Directory.CreateSymbolicLink(_scratch[".build/lib"], AppContext.BaseDirectory);
    }

    /// <summary>The scripts' folder in the checkout.</summary>
    public static string Repository
    {
        get
        {
            DirectoryInfo? at = new(AppContext.BaseDirectory);
            while (at is not null && !File.Exists(Path.Combine(at.FullName, "David.Grpo.sln")))
                at = at.Parent;
            return Path.Combine(at!.FullName, "scripts");
        }
    }

    /// <summary>Runs a script; gives its exit code and what it said.</summary>
    public (int Code, string Output, string Error) Run(string name, params string[] arguments)
    {
        (TextWriter output, TextWriter error) = (Console.Out, Console.Error);
        using StringWriter said = new(),
            complained = new();
        try
        {
            Console.SetOut(said);
            Console.SetError(complained);
            int code = Script.Run(_scratch[$"scripts/{name}.csx"], arguments, CancellationToken.None);
            return (code, said.ToString(), complained.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    public void Dispose() => _scratch.Dispose();
}

/// <summary>Every script of scripts/ at toy size.</summary>
[Collection(ScriptCollection.Name)]
public sealed class ScriptTests(ScriptCopies scripts) : IDisposable
{
    private readonly Scratch _scratch = new();

    /// <summary>Script, arms of its toy, its own figure and its own table, if it has them.</summary>
    public static TheoryData<string, string[], string?, string?> Experiments =>
        new()
        {
            { "compare_arms", ["GRPO", "David-GRPO"], "budgets", null },
            { "leave_one_out", ["David − bootstrapping", "David-GRPO"], "worth", null },
            { "ablation_lambda", ["lambda 0", "lambda 0.5"], "lambda", null },
            { "ablation_group", ["group_4_continuations_0", "group_4_continuations_1"], "group", null },
            { "learning_curve", ["GRPO", "David-GRPO"], null, "target" },
            { "adaptive_depth", ["price 0", "price 0.15"], "depth", null },
            { "own_reward", ["GRPO + coverage", "no repeats, 0.1"], null, "repeats" },
        };

    private string Out => _scratch["out"];

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void EveryScript_IsTested() =>
        Assert.Equal(
            [
                .. Experiments
                    .Select(row => row.Data.Item1)
                    .Concat(["risk_coverage", "paper_figures", "plotly_net"])
                    .Order(),
            ],
            Directory
                .EnumerateFiles(ScriptCopies.Repository, "*.csx")
                .Select(path => Path.GetFileNameWithoutExtension(path)!)
                .Where(name => name != "david")
                .Order()
        );

    [Theory]
    [MemberData(nameof(Experiments))]
    public void AToy_LeavesAReportWithItsArms(string script, string[] arms, string? figure, string? table)
    {
        (int code, string output, string error) = scripts.Run(script, "--toy", "--out", Out);

        Assert.True(code == 0, error);
        ComparisonReport report = ComparisonReport.Open(Out);
        Assert.Equal(arms, report.Arms.Select(arm => arm.Title));
        Assert.Equal("", report.Unfinished);
        Assert.All(report.Runs, run => Assert.True(run.IsFinishedIn(Out)));
        foreach (string arm in arms)
            Assert.Contains($"\n{arm} ", output, StringComparison.Ordinal);
        Assert.Contains($"{Path.Combine(Out, "index.html")}\n", output, StringComparison.Ordinal);
        string page = XDocument.Load(Path.Combine(Out, "index.html")).Root!.Value;
        Assert.All(arms, arm => Assert.Contains(arm, page, StringComparison.Ordinal));
        string mark = Path.Combine(Out, $"table-{report.Summary.End.Rollouts}");
        Assert.Contains(@"\toprule", File.ReadAllText(mark + ".tex"), StringComparison.Ordinal);
        Assert.True(File.Exists(mark + ".md"));
        if (figure is not null)
        {
            XElement drawing = XDocument.Load(Path.Combine(Out, "figures", $"{figure}.svg")).Root!;
            Assert.Contains(drawing.Descendants(), element => element.Name.LocalName is "path" or "rect" or "circle");
            if (Programs.Has("rsvg-convert"))
                Assert.StartsWith("%PDF", File.ReadAllText(Path.Combine(Out, "figures", $"{figure}.pdf")));
        }
        if (table is not null)
            Assert.Equal(1 + arms.Length, File.ReadLines(Path.Combine(Out, $"{table}.csv")).Count());
    }

    [Fact]
    public void FinishedRuns_AreNotRunAgain()
    {
        string[] line = ["--arms", "grpo", "--seeds", "1", "--rollouts", "0", "--questions", "2", "--out", Out];
        Assert.Equal(0, scripts.Run("compare_arms", line).Code);
        DateTime first = File.GetLastWriteTimeUtc(Path.Combine(Out, "grpo", "seed-1", "result.json"));

        (int code, string output, _) = scripts.Run("compare_arms", line);

        Assert.Equal(0, code);
        Assert.Contains("nothing was run", output, StringComparison.Ordinal);
        Assert.Equal(first, File.GetLastWriteTimeUtc(Path.Combine(Out, "grpo", "seed-1", "result.json")));
    }

    [Fact]
    public void RiskCoverage_StudiesTheShippedPolicy()
    {
        (int code, string output, string error) = scripts.Run(
            "risk_coverage",
            "--toy",
            "--model",
            BasePolicy.Folder,
            "--out",
            Out
        );

        Assert.True(code == 0, error);
        Assert.Contains("least probability", output, StringComparison.Ordinal);
        string[] lines = File.ReadAllLines(Path.Combine(Out, "risk-coverage.csv"));
        Assert.Equal(1 + 14, lines.Length); // 7 measures by 2 methods at one risk
        string[] curves = ["least probability", "margin", "stability", "best possible"];
        string drawing = File.ReadAllText(Path.Combine(Out, "risk-coverage.svg"));
        Assert.All(curves, curve => Assert.Contains(curve, drawing, StringComparison.Ordinal));
    }

    [Fact]
    public void PaperFigures_WritesEveryFigureAndTableForAColumn()
    {
        Assert.SkipUnless(Programs.Has("rsvg-convert"), "needs rsvg-convert (Debian: librsvg2-bin)");
        using MadeUpComparison made = new();
        foreach (int seed in (int[])[1, 2])
        {
            made.Add("grpo", seed, "0001", "0011");
            made.Add("david", seed, "0011", "0111", searches: 2);
        }
        ComparisonRecord.Of(made.Runs, "david").Write(made.Folder);

        (int code, _, string error) = scripts.Run("paper_figures", made.Folder, "--out", Out);

        Assert.True(code == 0, error);
        foreach (
            string figure in (string[])
                ["final", "learning", "learning-by-rollouts", "searching", "fronts", "training", "terms"]
        )
        {
            XElement drawing = XDocument.Load(Path.Combine(Out, $"{figure}.svg")).Root!;
            Assert.Equal("8.5cm", drawing.Attribute("width")!.Value);
            byte[] pdf = File.ReadAllBytes(Path.Combine(Out, $"{figure}.pdf")),
                png = File.ReadAllBytes(Path.Combine(Out, $"{figure}.png"));
            Assert.Equal("%PDF"u8, pdf.AsSpan(0, 4));
            Assert.Equal("PNG"u8, png.AsSpan(1, 3));
            // 8.5 cm at 300 dots an inch.
            Assert.InRange(System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), 1000, 1008);
        }
        foreach (string table in (string[])["scores-10", "costs-20", "difference-10-f1", "difference-20-exact_match"])
        foreach (string extension in (string[])[".tex", ".md", ".csv"])
            Assert.Contains("GRPO", File.ReadAllText(Path.Combine(Out, table + extension)), StringComparison.Ordinal);
        Assert.Equal(6 + 2 * 7, File.ReadLines(Path.Combine(Out, "captions.txt")).Count());
    }

    [Fact]
    public void PlotlyNet_WritesAPageThatNeedsNoNet()
    {
        using MadeUpComparison made = new();
        made.Add("grpo", 1, "0001", "0011");
        made.Add("david", 1, "0011", "0111", searches: 2);
        ComparisonRecord.Of(made.Runs, "david").Write(made.Folder);

        (int code, _, string error) = scripts.Run("plotly_net", made.Folder, "--figure", "final", "--out", Out);

        Assert.True(code == 0, error);
        string page = File.ReadAllText(Path.Combine(Out, "final.html"));
        Assert.Contains("GRPO", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=\"http", page, StringComparison.Ordinal);
        (code, _, error) = scripts.Run("plotly_net", made.Folder, "--figure", "none", "--out", Out);
        Assert.Equal(2, code);
        Assert.Contains("--figure is \"none\"; it must be one of final", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnReward_AsAFileBasedApp_LeavesAReport()
    {
        await Tool.RunAsync(
            "dotnet",
            [
                "run",
                "-c",
                "Release",
                Path.Combine(ScriptCopies.Repository, "own_reward.cs"),
                "--",
                "--toy",
                "--out",
                Out,
            ],
            TestContext.Current.CancellationToken
        );

        ComparisonReport report = ComparisonReport.Open(Out);
        Assert.Equal(["GRPO + coverage", "no repeats, 0.1"], report.Arms.Select(arm => arm.Title));
        Assert.Equal("", report.Unfinished);
        Assert.True(File.Exists(Path.Combine(Out, "index.html")));
    }

    [Theory]
    [InlineData("--lamda 0.5", "no option --lamda; options are --lambda, --arm, --seeds")]
    [InlineData("--lambda half", "--lambda is \"half\"; it must be a number")]
    [InlineData("--seeds 1.5", "--seeds is \"1.5\"; it must be a whole number")]
    [InlineData("--seeds 1 2", "--seeds takes one value; got 1 2")]
    [InlineData("--seeds", "--seeds needs a value, such as --seeds 3")]
    [InlineData("--seeds 0", "Seeds is 0; it must be at least 1")]
    [InlineData("--arm davd", "no arm \"davd\"; arms are grpo")]
    [InlineData("five", "\"five\" belongs to no option; options are --lambda")]
    public void WhatIsTypedWrong_IsNamedWithTheMend(string line, string said)
    {
        (int code, _, string error) = scripts.Run("ablation_lambda", [.. line.Split(' '), "--out", Out]);

        Assert.Equal(2, code);
        Assert.StartsWith("ablation_lambda.csx: ", error, StringComparison.Ordinal);
        Assert.Contains(said, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Out));
    }

    [Fact]
    public void Help_IsTheCommentAtTheHead_AndTheOptions()
    {
        (int code, string output, _) = scripts.Run("ablation_lambda", "--help");

        Assert.Equal(0, code);
        Assert.Contains("How much should evidence coverage weigh", output, StringComparison.Ordinal);
        Assert.Contains("  --lambda 0.0 0.25 0.5 0.75 1.0\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("//", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderThatIsNotThere_IsNamed()
    {
        (int code, _, string error) = scripts.Run("paper_figures", _scratch["none"]);

        Assert.Equal(2, code);
        Assert.Contains("does not exist; give the folder", error, StringComparison.Ordinal);
    }
}
