using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Search;
using Parquet;
using Parquet.Serialization;

namespace David.Grpo.Host.Tests.Retrieval;

/// <summary>A Parquet file is read as the same rows in JSON Lines are.</summary>
public sealed class ParquetTests
{
    private sealed record Ours(
        string id,
        string question,
        string[] answers,
        string[]? gold,
        [property: JsonPropertyName("gold_titles")] string[]? goldTitles,
        string? type,
        int? hops,
        [property: JsonPropertyName("gold_response")] string? response
    );

    private sealed record Message(string content, string role);

    private sealed record Target(string[] target);

    private sealed record Facts(string[] title, [property: JsonPropertyName("sent_id")] int[] sentences);

    private sealed record Extra(int index, string split);

    private sealed record Reward<TTruth>([property: JsonPropertyName("ground_truth")] TTruth truth, string style);

    /// <summary>As the authors publish theirs.</summary>
    private sealed record Authors(
        [property: JsonPropertyName("_id")] string id,
        string level,
        Message[] prompt,
        [property: JsonPropertyName("reward_model")] Reward<string> reward,
        [property: JsonPropertyName("extra_info")] Extra extra,
        [property: JsonPropertyName("supporting_facts")] Facts? facts,
        [property: JsonPropertyName("gold_response")] string? response
    );

    private sealed record Verl(
        [property: JsonPropertyName("data_source")] string source,
        Message[] prompt,
        [property: JsonPropertyName("reward_model")] Reward<Target> reward,
        [property: JsonPropertyName("extra_info")] Extra extra
    );

    private sealed record Metadata(string type, [property: JsonPropertyName("supporting_facts")] Facts? facts);

    private sealed record SearchR1(
        string id,
        string question,
        [property: JsonPropertyName("golden_answers")] string[] answers,
        [property: JsonPropertyName("reward_model")] Reward<Target> reward,
        Metadata? metadata
    );

    private sealed record HuggingFaceHotpotQa(
        string id,
        string question,
        string answer,
        string type,
        [property: JsonPropertyName("supporting_facts")] Facts facts
    );

    private static readonly Message[] Prompt =
    [
        new("Be brief. Question: none.", "system"),
        new("Search when unsure.\nQuestion:\nWho built the tower of Lisk? ", "user"),
    ];

    [Fact]
    public async Task OurQuestions_WithNulls() =>
        await AssertSameQuestions(
            [
                new Ours("a", "Who?", ["x", "y"], ["p1", "p2"], ["T", "U"], "bridge", 2, "thought </think> \\boxed{x}"),
                new Ours("b", "Why? 中 \"", ["z"], null, null, null, null, null),
                new Ours("c", "When?", ["z"], [], [], "comparison", 0, null),
            ],
            last => Assert.Equal(("comparison", 0), (last.Question.Kind, last.Question.Hops))
        );

    [Fact]
    public async Task TheAuthorsQuestions_AndTheirExpertsAnswers() =>
        await AssertSameQuestions(
            [
                new Authors("q1", "easy", Prompt, new("Anna Vik", "rule"), new(0, "dev"), null, null),
                new Authors(
                    "q2",
                    "hard",
                    Prompt,
                    new("Anna Vik", "rule"),
                    new(1, "train"),
                    new(["Lisk", "Vik", "Lisk"], [0, 1, 2]),
                    "thought </think> \\boxed{Anna Vik}"
                ),
            ],
            last =>
            {
                Assert.Equal("Who built the tower of Lisk?", last.Question.Text);
                Assert.Equal(["Anna Vik"], last.Question.Answers);
                Assert.Equal(["Lisk", "Vik"], last.Question.GoldTitles);
                Assert.Equal("train", last.Split);
                Assert.StartsWith("thought", last.ExpertResponse);
            }
        );

    [Fact]
    public async Task Verls_AskWhatThePromptAsksLast() =>
        await AssertSameQuestions(
            [
                .. Enumerable
                    .Range(0, 5)
                    .Select(i => new Verl("nq", Prompt, new(new(["x", $"{i}"]), "rule"), new(i, "train"))),
            ],
            last =>
            {
                Assert.Equal(("4", "Who built the tower of Lisk?"), (last.Question.Id, last.Question.Text));
                Assert.Equal(["x", "4"], last.Question.Answers);
            }
        );

    [Fact]
    public async Task SearchR1s() =>
        await AssertSameQuestions(
            [
                new SearchR1("train_0", "Who?", ["x"], new(new(["x"]), "rule"), null),
                new SearchR1("train_1", "Why?", ["x", "y"], new(new(["x"]), "rule"), new("bridge", new(["A"], [0]))),
            ],
            last => Assert.Equal(["A"], last.Question.GoldTitles)
        );

    [Fact]
    public async Task HotpotQaAsOnHuggingFace() =>
        await AssertSameQuestions(
            [new HuggingFaceHotpotQa("5a7", "Who?", "yes", "comparison", new(["B", "A", "B"], [0, 0, 1]))],
            last => Assert.Equal(["B", "A"], last.Question.GoldTitles)
        );

    private sealed record Row(string id, string? title, string text);

    private sealed record WikiRow(long id, string contents);

    [Fact]
    public async Task Corpora_RowGroupByRowGroup_WithProgress()
    {
        Row[] rows = [.. Enumerable.Range(0, 2500).Select(i => new Row($"p{i}", $"T{i}", $"text {i} ü"))];
        using Scratch scratch = new();
        (string parquet, string lines) = await Write(scratch, rows, CompressionMethod.Zstd, rowsAGroup: 1000);
        List<ReadProgress> progress = [];
        Passage[] read = [.. Corpus.Read(parquet, new Heard(progress.Add), TestContext.Current.CancellationToken)];
        Assert.Equal(Corpus.Read(lines, cancellationToken: TestContext.Current.CancellationToken), read);
        Assert.Equal([1000L, 2000, 2500], progress.Select(at => at.Records));
        Assert.Equal([1 / 3.0, 2 / 3.0, 1], progress.Select(at => at.Fraction));
        (parquet, _) = await Write(scratch, [new WikiRow(7, "\"Lisk\"\nA town.")], CompressionMethod.Gzip);
        Assert.Equal(
            [new Passage(new PassageId("7"), "Lisk", "A town.")],
            Corpus.Read(parquet, cancellationToken: TestContext.Current.CancellationToken)
        );
    }

    private sealed record WithoutText(string id, string title);

    private sealed record WithNumbers(string id, double title, string text);

    [Fact]
    public async Task FaultyColumns_AreRefusedWithTheirPlace()
    {
        using Scratch scratch = new();
        await Refused([new WithoutText("a", "T")], "row group 1, row 1: field \"text\" is missing; expected a string");
        await Refused(
            [new WithNumbers("a", 0.5, "x")],
            "row group 1, row 1: field \"title\" is 0.5; expected a string"
        );
        await Refused(
            [new WithNumbers("a", double.NaN, "x"), new WithNumbers("a", 1, "x")],
            "row group 2, row 1: field \"id\" is \"a\", as of an earlier passage"
        );
        await Refused(
            [new Row("a", "T", "x"), new Row("b", null, "x")],
            "row group 2, row 1: field \"title\" is missing"
        );
        await Refused(Array.Empty<Row>(), "holds no passage");

        async Task Refused<TRow>(TRow[] rows, string reason)
        {
            (string path, _) = await Write(scratch, rows, CompressionMethod.Snappy, rowsAGroup: 1);
            string message = Assert.Throws<InvalidDataException>(() => Read(path)).Message;
            Assert.StartsWith(path, message);
            Assert.Contains(reason, message);
        }
    }

    [Fact]
    public async Task CutOrDamagedFiles_AreRefused_OrReadAsTheyWere()
    {
        Row[] rows = [.. Enumerable.Range(0, 50).Select(i => new Row($"p{i}", $"T{i}", $"text {i}"))];
        using Scratch scratch = new();
        (string path, _) = await Write(scratch, rows, CompressionMethod.Snappy);
        byte[] whole = File.ReadAllBytes(path);
        Random random = new(3);
        int refused = 0;
        for (int i = 0; i < 60; i++)
        {
            int at = random.Next(4, whole.Length);
            byte[] damaged = i % 2 == 0 ? whole[..at] : [.. whole];
            if (i % 2 == 1)
                damaged[at] ^= 0xFF;
            File.WriteAllBytes(path, damaged);
            try
            {
                Read(path);
                Assert.Equal(1, i % 2);
            }
            catch (InvalidDataException e)
            {
                refused++;
                Assert.StartsWith(path, e.Message);
                Assert.True(i % 2 == 1 || e.Message.Contains("cut off", StringComparison.Ordinal), e.Message);
            }
        }
        Assert.InRange(refused, 31, 60);
    }

    private static async Task AssertSameQuestions<TRow>(TRow[] rows, Action<QuestionRecord> last)
    {
        using Scratch scratch = new();
        foreach (
            CompressionMethod compression in (CompressionMethod[])[CompressionMethod.Snappy, CompressionMethod.Zstd]
        )
        {
            (string parquet, string lines) = await Write(scratch, rows, compression, rowsAGroup: 2);
            QuestionRecord[] read = QuestionSet.Read(parquet, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(QuestionSet.Read(lines, cancellationToken: TestContext.Current.CancellationToken), read);
            Assert.Equal(rows.Length, read.Length);
            last(read[^1]);
        }
    }

    /// <summary>The rows as Parquet and as JSON Lines.</summary>
    private static async Task<(string Parquet, string Lines)> Write<TRow>(
        Scratch scratch,
        TRow[] rows,
        CompressionMethod compression,
        int rowsAGroup = 1_000_000
    )
    {
        using MemoryStream file = new();
        await ParquetSerializer.SerializeAsync(
            rows,
            file,
            new ParquetOptions { CompressionMethod = compression, RowGroupSize = rowsAGroup },
            cancellationToken: TestContext.Current.CancellationToken
        );
        await File.WriteAllBytesAsync(scratch["rows.parquet"], file.ToArray(), TestContext.Current.CancellationToken);
        JsonSerializerOptions options = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };
        return (
            scratch["rows.parquet"],
            scratch.Write("rows.jsonl", string.Join('\n', rows.Select(row => JsonSerializer.Serialize(row, options))))
        );
    }

    private static Passage[] Read(string path) =>
        [.. Corpus.Read(path, cancellationToken: TestContext.Current.CancellationToken)];

    private sealed class Heard(Action<ReadProgress> heard) : IProgress<ReadProgress>
    {
        public void Report(ReadProgress value) => heard(value);
    }
}
