using System.Text.Json;
using David.Grpo.Answering;
using David.Grpo.Cli;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Cli;

/// <summary>The four applications, on the documents of scripts/examples.</summary>
public sealed class AskCommandTests : IDisposable
{
    private readonly Scratch scratch = new();

    [Theory]
    [InlineData("handbook", "How much may a hotel room in Bergen cost a night?", "140 euro", "travel.md")]
    [InlineData("handbook", "Who signs contracts above 10,000 euro?", "Aksel Brandvold", "contracts.md")]
    [InlineData("handbook", "Above which amount does an expense need a receipt?", "15 euro", "expenses.html")]
    [InlineData("handbook", "Within how many hours is a lost laptop reported?", "two hours", "it/passwords.md")]
    [InlineData("literature", "How much of the drift does a heated guide remove?", "nine tenths", "library.bib")]
    [InlineData("literature", "What is the bias of radar gauges without calibration?", "7 millimetres", "library.bib")]
    [InlineData("tutoring", "What is the mean tidal range at Ostmere?", "3.2 metres", "01-tides.md")]
    public async Task ADocument_AnswersWithItsSentence(string folder, string question, string answer, string document)
    {
        (int code, JsonElement json) = await AskAsync(Example(folder), question);
        Assert.Equal(0, code);
        Assert.Contains(answer, json.GetProperty("answer").GetString());
        JsonElement cited = json.GetProperty("evidence")[0];
        Assert.Equal(document, cited.GetProperty("document").GetString());
        Assert.True(cited.GetProperty("is_cited").GetBoolean());
        Assert.Equal(1, json.GetProperty("cost").GetProperty("searches").GetInt32());
    }

    [Theory]
    [InlineData("Which dentist does the health insurance recommend?")]
    [InlineData("What does the canteen serve on Fridays?")]
    public async Task WhatIsNotThere_IsSaidNotToBeFound(string question)
    {
        (int code, JsonElement json) = await AskAsync(Example("handbook"), question);
        Assert.Equal(3, code);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("answer").ValueKind);
        Assert.False(json.GetProperty("found").GetBoolean());
        Assert.False(json.GetProperty("is_calibrated").GetBoolean());
    }

    [Fact]
    public async Task AServiceDesk_SearchesAllItsTools_OrTheOneThatIsNamed()
    {
        string[] desk =
        [
            "--tool",
            $"tickets={Example("service-desk/tickets.jsonl")}",
            "--tool",
            $"assets={Example("service-desk/assets.csv")}",
            "--tool",
            $"kb={Example("service-desk/kb")}",
        ];
        (int code, JsonElement json) = await AskAsync([.. desk, "Why does the printer print stripes on the page?"]);
        Assert.Equal(0, code);
        Assert.Contains("come from the drum", json.GetProperty("answer").GetString());
        string[] found = Found(json);
        Assert.Contains(found, id => id.StartsWith("tickets/", StringComparison.Ordinal));
        Assert.Contains(found, id => id.StartsWith("kb/", StringComparison.Ordinal));

        (_, json) = await AskAsync([.. desk, "tickets: status=open printer"]);
        Assert.Contains(
            "Printer on the second floor",
            json.GetProperty("evidence")[0].GetProperty("title").GetString()
        );
        Assert.All(Found(json), id => Assert.StartsWith("tickets/", id));

        (_, json) = await AskAsync([.. desk, "assets: location=archive"]);
        Assert.Contains("PR-115", json.GetProperty("evidence")[0].GetProperty("title").GetString());
    }

    [Fact]
    public async Task ATutor_SearchesDeeperForHarderQuestions()
    {
        async Task<JsonElement> Ask(string question) =>
            (await AskAsync(Example("tutoring"), question, "--depth", "3")).Json;
        JsonElement easy = await Ask("What is the mean tidal range at Ostmere?");
        JsonElement hard = await Ask("In which town did the builder of the tidal clock Old Ferrand learn her trade?");
        Assert.Equal(1, easy.GetProperty("cost").GetProperty("searches").GetInt32());
        Assert.True(hard.GetProperty("cost").GetProperty("searches").GetInt32() > 1);
        Assert.Contains("Lisk", hard.GetProperty("answer").GetString());
    }

    [Fact]
    public async Task ATrainedTutor_WithACalibratedExit_SearchesDeeperForHarderQuestions()
    {
        await ToyRun.TrainAsync(
            scratch["run"],
            WorldRuns.Options(new WorldMethodOptions { Arm = "david" }, seed: 5, rollouts: 200, evaluationQuestions: 6)
        );
        string exit = scratch["exit.json"];
        (int code, _, string error) = await TinyRun.InvokeAsync(
            CalibrateCommand.Create(),
            [
                "--model",
                scratch["run"],
                "--protocol",
                "world",
                "--count",
                "300",
                "--risk",
                "0.1",
                "--threads",
                "1",
                "--out",
                exit,
            ]
        );
        Assert.Equal((0, ""), (code, error));
        string[] tutor = ["--world", "7", "--model", scratch["run"], "--policy-only", "--threads", "1"];
        ILookup<int, string> questions = WorldQuestions
            .Draw(World.Generate(World.EvaluationSeed(7)), 100, Seed.OfInt64(1))
            .ToLookup(question => question.Question.Hops, question => question.Question.Text);

        double always = await SearchesAsync(tutor, questions[1]);
        double easy = await SearchesAsync([.. tutor, "--exit", exit], questions[1]);
        double hard = await SearchesAsync([.. tutor, "--exit", exit], questions[3]);
        Assert.True(easy < always, $"one hop: {easy} searches, {always} without the exit");
        Assert.True(easy < hard, $"one hop: {easy} searches, three hops: {hard}");

        (_, JsonElement json) = await AskAsync([.. tutor, "--exit", exit, questions[1].First()]);
        Assert.InRange(json.GetProperty("cost").GetProperty("searches").GetInt32(), 0, 4);
        Assert.True(json.GetProperty("cost").GetProperty("generated_tokens").GetInt64() > 0);
    }

    /// <summary>The mean over 15 questions, all asked of one opened model.</summary>
    private static async Task<double> SearchesAsync(string[] arguments, IEnumerable<string> questions)
    {
        System.CommandLine.Command command = new("ask");
        CommandOptions<AskRequest> options = new(command);
        using AskSession session = options
            .Read(command.Parse(arguments))
            .Open(
                null,
                new Screen(TextWriter.Null),
                (_, _) => null,
                (_, _) => { },
                TestContext.Current.CancellationToken
            );
        List<int> searches = [];
        foreach (string question in questions.Take(15))
            searches.Add(
                (await session.Answerer.AskAsync(question, TestContext.Current.CancellationToken)).Cost.Searches
            );
        return searches.Average();
    }

    [Fact]
    public void Progress_OutsideATerminal_IsALineEachHalfMinute()
    {
        StringWriter output = new();
        HandClock clock = new();
        Screen screen = new(output, clock);
        foreach (int done in Enumerable.Range(1, 10))
        {
            clock.Now += TimeSpan.FromSeconds(9);
            screen.Progress($"{done} of 10 questions");
        }
        Assert.Equal(["4 of 10 questions", "8 of 10 questions"], output.ToString().Split('\n')[..^1]);
    }

    private sealed class HandClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    [Fact]
    public async Task TheScreen_ShowsSearchesAnswerEvidenceAndCost()
    {
        (int code, string output, string error) = await InvokeAsync(
            Example("handbook"),
            "Who",
            "runs",
            "the",
            "archive",
            "at",
            "Sandviken?"
        );
        Assert.Equal((0, ""), (code, error));
        foreach (
            string part in (string[])
                [
                    "5 documents, 14 passages",
                    "search 1   Who runs the archive at Sandviken?",
                    "Marit Lunde runs the archive",
                    "not calibrated",
                    "[1] Contracts › Archive  contracts.md",
                    "1 search · ",
                ]
        )
            Assert.Contains(part, output);
    }

    [Fact]
    public async Task ACalibration_IsWrittenAndHeldTo()
    {
        string questions = Example("handbook-questions.jsonl");
        string file = scratch["answers.json"];
        (int code, string output, _) = await InvokeAsync(
            "calibrate",
            Example("handbook"),
            "--questions",
            questions,
            "--risk",
            "0.05",
            "--out",
            file
        );
        // 16 questions cannot vouch for an error of 5 %.
        Assert.Equal(0, code);
        Assert.Contains("vouch for no threshold", output);
        (code, JsonElement json) = await AskAsync(
            Example("handbook"),
            "Who runs the archive at Sandviken?",
            "--calibrated",
            file
        );
        Assert.Equal(3, code);
        Assert.Contains("Marit Lunde", json.GetProperty("candidate").GetString());

        await InvokeAsync(
            "calibrate",
            Example("handbook"),
            "-q",
            questions,
            "--risk",
            "0.5",
            "--delta",
            "0.3",
            "-o",
            file
        );
        Assert.NotNull(AnswerFile.Read(file).Threshold);
        (code, json) = await AskAsync(Example("handbook"), "Who runs the archive at Sandviken?", "--calibrated", file);
        Assert.Equal(0, code);
        Assert.True(json.GetProperty("is_calibrated").GetBoolean());

        (code, _, string error) = await InvokeAsync("--world", "7", "--calibrated", file, "who is");
        Assert.Equal(2, code);
        Assert.Contains("was calibrated for quotes without a model", error);
    }

    [Fact]
    public async Task TheWorld_IsAskedInItsOwnLanguage()
    {
        EmbeddedWorld world = World.Generate(World.EvaluationSeed(7));
        Assert.All(
            WorldWords.Examples(world, 4),
            example => Assert.NotNull(WorldWords.Known(world, WorldWords.Read(example, world, 7)))
        );
        string question = WorldWords.Examples(world, 4).First();
        (_, JsonElement json) = await AskAsync("--world", "7", "--retrieve-first", "--depth", "2", question);
        Assert.NotEqual(JsonValueKind.Null, json.GetProperty("world_answer").ValueKind);
        Assert.True(json.GetProperty("searches")[0].GetProperty("is_forced").GetBoolean());
        Assert.InRange(json.GetProperty("confidence").GetDouble(), 0, 1);

        (int code, _, string error) = await InvokeAsync("--world", "7", "what is the birthplce of the moon");
        Assert.Equal(2, code);
        Assert.Contains("\"birthplce\" (\"birthplace\"?)", error);
        Assert.Contains(question, error);
    }

    [Fact]
    public async Task AModelFolder_ReadsWhatWasSearchedInItsName()
    {
        using TinyRun run = new();
        (int code, JsonElement json) = await AskAsync(
            Example("handbook"),
            "Who runs the archive at Sandviken?",
            "--model",
            run["model"],
            "--turn-tokens",
            "8",
            "--threads",
            "1"
        );
        // A random model: what it says is nothing, and that is said.
        Assert.Equal(3, code);
        Assert.Contains("the engine searched in its name", json.GetProperty("note").GetString());
        Assert.True(json.GetProperty("searches")[0].GetProperty("is_forced").GetBoolean());
        Assert.True(json.GetProperty("cost").GetProperty("read_tokens").GetInt64() > 50);
    }

    [Fact]
    public async Task SmolLM2_AnswersFromADocument()
    {
        (_, JsonElement json) = await AskAsync(
            Example("handbook"),
            "How much may a hotel room in Bergen cost a night?",
            "--model",
            Shared.Path("models/smollm2-135m-instruct"),
            "--retrieve-first"
        );
        Assert.Contains("140", json.GetProperty("candidate").GetString());
        Assert.Equal("travel.md", json.GetProperty("evidence")[0].GetProperty("document").GetString());
    }

    [Fact]
    public async Task AnIndex_SaysWhatWasSkippedAndWritesACorpus()
    {
        string folder = Directory.CreateDirectory(scratch["docs"]).FullName;
        File.WriteAllText(Path.Combine(folder, "[a].md"), "# Alpha\n\nwords");
        File.WriteAllText(Path.Combine(folder, "empty.md"), "");
        (int code, string output, _) = await TinyRun.InvokeAsync(
            IndexCommand.Create(),
            [folder, "--index", scratch["index"], "--out", scratch["corpus.jsonl"]]
        );
        Assert.Equal(0, code);
        Assert.Contains("[a].md", output);
        Assert.Contains("skipped    empty.md: it is empty", output);
        Passage passage = Assert.Single(
            David.Grpo.Search.Corpus.Read(scratch["corpus.jsonl"], null, TestContext.Current.CancellationToken)
        );
        Assert.Equal(("Alpha", "words"), (passage.Title, passage.Text));
    }

    [Fact]
    public async Task WrongCalls_SayWhatToGive()
    {
        Assert.Contains("Nothing to search is named", (await InvokeAsync()).Error);
        Assert.Contains("does not exist", (await InvokeAsync(scratch["nowhere"], "what")).Error);
        Assert.Contains("expected NAME=PATH", (await InvokeAsync("--tool", "x", "what")).Error);
        Assert.Contains(
            "knows the words of the embedded world alone",
            (
                await InvokeAsync(
                    Example("tutoring"),
                    "what",
                    "--model",
                    Path.Combine(AppContext.BaseDirectory, "base-policy")
                )
            ).Error
        );
    }

    public void Dispose() => scratch.Dispose();

    private async Task<(int Code, JsonElement Json)> AskAsync(params string[] arguments)
    {
        (int code, string output, string error) = await InvokeAsync([.. arguments, "--json"]);
        Assert.True(output.Length > 0, error);
        return (code, JsonElement.Parse(output));
    }

    private Task<(int Code, string Output, string Error)> InvokeAsync(params string[] arguments) =>
        TinyRun.InvokeAsync(AskCommand.Create(), [.. arguments, "--index", scratch["index"]]);

    private static string[] Found(JsonElement json) =>
        [
            .. json.GetProperty("searches")
                .EnumerateArray()
                .SelectMany(search => search.GetProperty("passages").EnumerateArray())
                .Select(id => id.GetString()!),
        ];

    private static string Example(string name)
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "David.Grpo.sln")))
            at = at.Parent;
        return Path.Combine(at!.FullName, "scripts", "examples", name);
    }
}
