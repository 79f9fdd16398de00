using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using David.Grpo.Formats;
using David.Grpo.Host.Tests.Cli;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>The trajectory microscope in a real browser.</summary>
public sealed class MicroscopeTests(MicroscopeTests.WorldRun world) : IClassFixture<MicroscopeTests.WorldRun>
{
    private const string Chosen = "document.querySelector('.row[aria-selected=true]')?.id";
    private const string Count = "document.getElementById('count').textContent";

    private static string Page(string folder, string fragment = "") =>
        new Uri(Path.Combine(folder, "microscope", "index.html")).AbsoluteUri + fragment;

    private static Task ShownAsync(Browser browser) =>
        browser.UntilAsync("document.documentElement.dataset.ready && document.querySelector('.transcript')");

    private static async Task SearchAsync(Browser browser, string text)
    {
        await browser.PressAsync("/");
        Assert.Equal("search", await browser.EvaluateAsync<string>("document.activeElement.id"));
        await browser.TypeAsync(text);
        await browser.PressAsync("Enter");
    }

    [Fact]
    public async Task ARunOfTheWorld_IsFilteredSearchedAndWalkedByKeyboard()
    {
        TrajectoryRecord[] records = Records(world.Folder);
        Assert.Contains(records, record => record.Expert);
        Assert.Contains(records, record => record.Role != TrajectoryRole.Member);

        await using Browser browser = await Browser.StartAsync();
        await browser.OpenAsync(Page(world.Folder), 1400, 1000);
        await ShownAsync(browser);
        Assert.Equal($"{records.Length} trajectories", await browser.EvaluateAsync<string>(Count));

        // Outcomes.
        int right = records.Count(record =>
            record.FinalAnswer is { } answer && Answer.ExactMatch(answer, record.Answers)
        );
        await browser.EvaluateAsync<object>("document.querySelector('#outcomes [value=right]').click()");
        Assert.Equal($"{right} of {records.Length} trajectories", await browser.EvaluateAsync<string>(Count));
        Assert.True(
            await browser.EvaluateAsync<bool>("[...document.querySelectorAll('.row')].every(r => r.matches('.right'))")
        );
        await browser.PressAsync("Escape");
        Assert.Equal($"{records.Length} trajectories", await browser.EvaluateAsync<string>(Count));

        // Which.
        async Task<string> WhichAsync(string which)
        {
            await browser.EvaluateAsync<object>(
                $"(which => {{ which.value = '{which}'; which.onchange({{ target: which }}); }})(document.getElementById('which'))"
            );
            return await browser.EvaluateAsync<string>(Count);
        }
        Assert.Equal(
            $"{records.Count(record => record.Expert)} of {records.Length} trajectories",
            await WhichAsync("expert")
        );
        Assert.Equal(
            $"{records.Count(record => record.Role != TrajectoryRole.Member)} of {records.Length} trajectories",
            await WhichAsync("unlearned")
        );
        await WhichAsync("");

        // The keyboard.
        await browser.EvaluateAsync<object>("document.getElementById('list').focus()");
        await browser.PressAsync("Home");
        Assert.Equal("row-0", await browser.EvaluateAsync<string>(Chosen));
        await browser.PressAsync("j");
        await browser.PressAsync("ArrowDown");
        Assert.Equal("row-2", await browser.EvaluateAsync<string>(Chosen));
        await browser.PressAsync("k");
        Assert.Equal("row-1", await browser.EvaluateAsync<string>(Chosen));
        await browser.PressAsync("End");
        Assert.Equal($"row-{records.Length - 1}", await browser.EvaluateAsync<string>(Chosen));
        await browser.PressAsync("?");
        Assert.True(await browser.EvaluateAsync<bool>("document.getElementById('help').open"));
        await browser.ShowAsync("help");
        await browser.EvaluateAsync<object>("document.getElementById('help').close()");

        // Searching: a title that some search found.
        string title = records.First(record => record.Titles.Length > 0 && record.Titles[0].Length > 0).Titles[0][0];
        int found = records.Count(record =>
            (
                (string[])
                    [
                        record.Question,
                        .. record.Answers,
                        record.FinalAnswer ?? "",
                        .. record.Queries,
                        .. record.Titles.SelectMany(titles => titles),
                    ]
            ).Any(text => text.Contains(title, StringComparison.OrdinalIgnoreCase))
        );
        await SearchAsync(browser, title);
        await browser.UntilAsync($"{Count} === '{found} of {records.Length} trajectories'");

        // What is not in the index: the words of an observation.
        TrajectoryRecord read = records.First(record => record.Segments.Any(own => own.Author == "observation"));
        string text = read.Segments.First(own => own.Author == "observation").Text;
        string passage = text[(text.IndexOf('|') + 2)..text.IndexOf(" .", StringComparison.Ordinal)];
        string[] wanted = passage.ToLowerInvariant().Split(' ');
        int told = records.Count(record =>
        {
            string all = string.Join('\n', record.Segments[1..].Select(own => own.Text)).ToLowerInvariant();
            return wanted.All(word => all.Contains(word));
        });
        await SearchAsync(browser, passage);
        await browser.UntilAsync("!document.getElementById('deep').hidden");
        await browser.EvaluateAsync<object>("document.getElementById('deep').click()");
        await browser.UntilAsync($"{Count}.startsWith('{told} of ')");
        Assert.True(told > 0);
        await browser.PressAsync("Escape");

        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public void Slopes_AreTheAggregationsWeightsTimesTheAdvantages()
    {
        foreach (
            IGrouping<int, TrajectoryRecord> step in Records(world.Folder)
                .Where(record => record.Role == TrajectoryRole.Member)
                .GroupBy(record => record.Step)
        )
        {
            int groups = step.Select(record => record.Group).Distinct().Count();
            foreach (TrajectoryRecord[] group in step.GroupBy(record => record.Group).Select(own => own.ToArray()))
            foreach (TrajectoryRecord record in group)
            {
                int trained = record
                    .Segments.Where(own => own.Author is "policy" or "expert")
                    .Sum(own => own.Tokens.Length);
                // The authors' mean: token, then sequence, then question.
                Assert.Equal(
                    record.Advantage[0] / (groups * (double)group.Length * trained),
                    Assert.Single(record.Slope!),
                    tolerance: 1e-12
                );
            }
        }
    }

    [Fact]
    public async Task AContinuation_ShowsItsCutItsTokensAndItsReward()
    {
        TrajectoryRecord[] records = Records(world.Folder);
        TrajectoryRecord fork = records.Where(record => record.KeptSegments > 1).MaxBy(record => record.Role)!;

        await using Browser browser = await Browser.StartAsync();
        string role =
            fork.Role == TrajectoryRole.Member ? "" : "." + JsonNamingPolicy.CamelCase.ConvertName($"{fork.Role}");
        await browser.OpenAsync(Page(world.Folder, $"#{fork.Step}.{fork.Group}.{fork.Member}{role}"), 1400, 1000);
        await ShownAsync(browser);

        string[] words = await browser.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('.transcript .segment:not(.prompt) .t')].map(t => t.textContent)"
        );
        Assert.Equal(
            string.Join(' ', fork.Segments[1..].Select(segment => segment.Text)),
            string.Join(' ', words.Select(word => word.Trim()))
        );
        Assert.Equal(1, await browser.EvaluateAsync<int>("document.querySelectorAll('.cutline').length"));
        Assert.Equal(
            fork.KeptSegments - 1,
            await browser.EvaluateAsync<int>(
                "[...document.querySelectorAll('.transcript > *')].findIndex(n => n.matches('.cutline')) - 1"
            )
        );
        Assert.True(await browser.EvaluateAsync<bool>("document.querySelector('.tree .cut') !== null"));
        Assert.Equal(
            fork.Terms.Keys.Select(term => term.Replace('_', ' ')),
            await browser.EvaluateAsync<string[]>(
                "[...document.querySelectorAll('.reward-terms tbody th')].map(n => n.textContent)"
            )
        );

        // A token's numbers, and each colour with a legend of its own.
        await browser.PressAsync(".");
        string told = await browser.EvaluateAsync<string>("document.getElementById('told').textContent");
        Assert.StartsWith("\"<search>\" · policy · probability", told, StringComparison.Ordinal);
        HashSet<string> legends = [];
        for (int colour = 1; colour <= 4; colour++)
        {
            await browser.PressAsync($"{colour}");
            legends.Add(await browser.EvaluateAsync<string>("document.querySelector('.legend').textContent"));
            await browser.ShowAsync($"colour-{colour}");
        }
        Assert.Equal(4, legends.Count);
        await browser.OpenAsync(Page(world.Folder), 1400, 1000, isDark: true);
        await ShownAsync(browser);
        await browser.PressAsync("2");
        await browser.ShowAsync("dark");
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task APhone_ShowsListAndTrajectoryWithoutScrollingSideways()
    {
        using MadeUpRun run = new(groups: 40);
        string page = RunReport.Write(run.Folder);

        await using Browser browser = await Browser.StartAsync();
        const string Fits = "document.documentElement.scrollWidth <= 390 && document.body.scrollWidth <= 390";
        await browser.OpenAsync(new Uri(page).AbsoluteUri, 390, 844);
        Assert.True(await browser.EvaluateAsync<bool>(Fits));
        await browser.OpenAsync(Page(run.Folder), 390, 844);
        await ShownAsync(browser);
        await browser.ShowAsync("phone-list");
        Assert.True(await browser.EvaluateAsync<bool>(Fits));
        Assert.False(await browser.EvaluateAsync<bool>("document.getElementById('detail').offsetParent !== null"));

        await browser.EvaluateAsync<object>("document.querySelector('.row:nth-child(2)').click()");
        await browser.UntilAsync("document.querySelector('.crumbs')?.textContent.includes('#2')");
        await browser.ShowAsync("phone-trajectory");
        Assert.True(await browser.EvaluateAsync<bool>(Fits));
        Assert.True(await browser.EvaluateAsync<bool>("document.getElementById('detail').scrollWidth <= 390"));
        Assert.False(await browser.EvaluateAsync<bool>("document.getElementById('finder').offsetParent !== null"));
        await browser.EvaluateAsync<object>("document.querySelector('.close').click()");
        Assert.True(await browser.EvaluateAsync<bool>("document.getElementById('finder').offsetParent !== null"));
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task TenThousandTrajectories_OpenWithinTwoSecondsAndStaySmall()
    {
        Stopwatch clock = Stopwatch.StartNew();
        using MadeUpRun run = new(groups: 10_000 / MadeUpRun.Members);
        TestContext.Current.TestOutputHelper?.WriteLine($"made up in {clock.Elapsed.TotalSeconds:0.00} s");
        clock.Restart();
        RunReport.Write(run.Folder);
        TestContext.Current.TestOutputHelper?.WriteLine($"written in {clock.Elapsed.TotalSeconds:0.00} s");
        long largest = Directory
            .EnumerateFiles(Path.Combine(run.Folder, "microscope"), "*", SearchOption.AllDirectories)
            .Max(file => new FileInfo(file).Length);
        Assert.InRange(largest, 0, 4_000_000);

        await using Browser browser = await Browser.StartAsync();
        clock.Restart();
        await browser.OpenAsync(Page(run.Folder), 1400, 1000);
        await ShownAsync(browser);
        TestContext.Current.TestOutputHelper?.WriteLine($"opened in {clock.Elapsed.TotalSeconds:0.00} s");
        // Two seconds is the bound of a quiet machine; others may build beside the tests.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 5);
        Assert.Equal("10,000 trajectories", await browser.EvaluateAsync<string>(Count));
        Assert.InRange(await browser.EvaluateAsync<int>("document.querySelectorAll('*').length"), 1, 2000);

        await browser.PressAsync("End");
        await browser.UntilAsync($"{Chosen} === 'row-9999'");
        await browser.UntilAsync("document.querySelector('.crumbs').textContent.includes('step 100')");
        clock.Restart();
        await SearchAsync(browser, "jadon");
        await browser.UntilAsync($"{Count}.includes(' of ')");
        TestContext.Current.TestOutputHelper?.WriteLine($"searched in {clock.Elapsed.TotalSeconds:0.00} s");
        for (int i = 0; i < 40; i++)
            await browser.PressAsync("PageDown");
        double heap = await browser.HeapAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"heap {heap / 1e6:0.0} MB");
        Assert.InRange(heap, 0, 60e6);
        await browser.ShowAsync("ten-thousand");
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task ARunOnText_ShowsTheTokenizersPieces()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync()).Code);
        TrajectoryRecord[] records = Records(run["out"]);

        await using Browser browser = await Browser.StartAsync();
        int chosen = Array.FindIndex(records, record => record.Expert);
        await browser.OpenAsync(
            Page(run["out"], $"#{records[chosen].Step}.{records[chosen].Group}.{records[chosen].Member}"),
            1400,
            1000
        );
        await ShownAsync(browser);
        await browser.ShowAsync("text-expert");
        string[] words = await browser.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('.transcript .segment:not(.prompt) .t')].map(t => t.token.word)"
        );
        Assert.Equal(records[chosen].Segments[1..].Sum(segment => segment.Tokens.Length), words.Length);
        Assert.Equal(
            string.Concat(records[chosen].Segments[1..].Select(segment => segment.Text)) + "<|im_end|>",
            string.Concat(words)
        );
        await browser.PressAsync("j");
        await browser.PressAsync("2");
        await browser.ShowAsync("text-policy");

        await browser.OpenAsync(new Uri(Path.Combine(run["out"], "index.html")).AbsoluteUri, 1100, 4600);
        await browser.ShowAsync("run-page");
        await browser.OpenAsync(new Uri(Path.Combine(run["out"], "index.html")).AbsoluteUri, 1100, 4600, isDark: true);
        await browser.ShowAsync("run-page-dark");
        Assert.Empty(browser.Complaints);
    }

    private static TrajectoryRecord[] Records(string folder)
    {
        using GZipStream gzip = new(
            File.OpenRead(Path.Combine(folder, "trajectories.jsonl.gz")),
            CompressionMode.Decompress
        );
        using StreamReader lines = new(gzip);
        List<TrajectoryRecord> records = [];
        while (lines.ReadLine() is { } line)
            records.Add(JsonSerializer.Deserialize<TrajectoryRecord>(line, RunJson.Line)!);
        return [.. records];
    }

    /// <summary>David-GRPO for some seconds: a bootstrapping step and main ones, which continue; with its page.</summary>
    public sealed class WorldRun : IAsyncLifetime
    {
        private readonly Scratch _scratch = new();

        public string Folder => _scratch.Folder;

        public async ValueTask InitializeAsync()
        {
            using ModelFiles files = BasePolicy.Open(null);
            using Decoder policy = Decoder.Load(files.Config, files.Weights);
            RunOptions options = WorldRuns.Options(
                new WorldMethodOptions
                {
                    Arm = "david",
                    BootstrapSteps = 1,
                    Epochs = 1,
                },
                seed: 1,
                rollouts: 130,
                evaluationQuestions: 20
            );
            using Trainer trainer = new(
                policy,
                WorldTask.Create(1, 60, 20),
                options,
                new RunFolder(Folder, "test"),
                new EngineOptions(),
                _ => { }
            );
            await trainer.RunAsync(TestContext.Current.CancellationToken);
            RunReport.Write(Folder);
        }

        public ValueTask DisposeAsync()
        {
            _scratch.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
