using David.Grpo.Host.Tests.Formats;
using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Retrieval;

public sealed class CorpusTests
{
    private const string Good = """{"id":"a","title":"T","text":"x"}""";

    [Fact]
    public void OurSchemaAndSearchR1s_GiveTheSamePassages()
    {
        using Scratch scratch = new();
        string path = scratch.Write(
            "c.jsonl",
            $"{Good}\n\n   \n"
                + """{"id":7,"contents":"\"The \"Title\"\"\nfirst\nsecond"}"""
                + "\r\n"
                + """{"id":"c","contents":"bare"}"""
        );
        Assert.Equal(
            [
                new Passage(new PassageId("a"), "T", "x"),
                new Passage(new PassageId("7"), "The \"Title\"", "first\nsecond"),
                new Passage(new PassageId("c"), "bare", ""),
            ],
            Read(path)
        );
    }

    [Theory]
    [InlineData("{\"id\":\"b\",\"title\":\"T\"}", "\"text\" is missing")]
    [InlineData("{\"id\":\"b\",\"text\":\"T\"}", "\"title\" is missing")]
    [InlineData("{\"title\":\"T\",\"text\":\"x\"}", "\"id\" is missing")]
    [InlineData("{\"id\":\"b\",\"title\":null,\"text\":\"x\"}", "\"title\" is missing")]
    [InlineData("{\"id\":\"b\",\"title\":[1],\"text\":\"x\"}", "\"title\" is [1]")]
    [InlineData("{\"id\":\"\",\"title\":\"T\",\"text\":\"x\"}", "\"id\" is empty")]
    [InlineData("{\"id\":\"a\",\"title\":\"T\",\"text\":\"x\"}", "as of an earlier passage")]
    [InlineData("{\"id\":\"b\",\"title\":\"\\ud800\",\"text\":\"x\"}", "valid Unicode")]
    [InlineData("\"text\"", "JSON object")]
    [InlineData("id,title,text", "not valid JSON")]
    public void FaultyLines_AreRefusedWithFileLineAndField(string line, string reason)
    {
        using Scratch scratch = new();
        string path = scratch.Write("c.jsonl", $"{Good}\n\n{line}\n");
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Read(path).ToArray());
        Assert.StartsWith($"{path}, line 3", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void FilesWithoutPassagesOrOfAnotherEncoding_AreRefused()
    {
        using Scratch scratch = new();
        Assert.Throws<FileNotFoundException>(() => Read(scratch["none"]).Any());
        string empty = scratch.Write("empty", "\n\n");
        Assert.Contains("no passage", Assert.Throws<InvalidDataException>(() => Read(empty).Any()).Message);
        string latin = scratch.Write("latin", [.. "{\"id\":\"a\",\"title\":\""u8, 0xE9, .. "\",\"text\":\"x\"}"u8]);
        Assert.Contains("UTF-8", Assert.Throws<InvalidDataException>(() => Read(latin).Any()).Message);
    }

    [Fact]
    public void EveryCutOfAGzippedFile_IsRefused()
    {
        byte[] whole = File.ReadAllBytes(Shared.Path("data/popqa/corpus.jsonl.gz"));
        using Scratch scratch = new();
        foreach (int length in (int[])[1, 5, 11, 100, whole.Length / 3, whole.Length / 2, whole.Length - 20])
        {
            string path = scratch.Write("cut.jsonl.gz", whole[..length]);
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => Read(path).Count());
            Assert.Contains(path, error.Message);
        }
    }

    [Fact]
    public void Progress_EndsWithAll()
    {
        List<ReadProgress> reports = [];
        int count = Corpus
            .Read(Shared.Path("data/popqa/corpus.jsonl.gz"), new Direct(reports), TestContext.Current.CancellationToken)
            .Count();
        Assert.Equal(new ReadProgress(count, 1), reports[^1]);
        Assert.Equal(1 + (count / 1000), reports.Count);
        Assert.All(reports.Zip(reports.Skip(1)), pair => Assert.True(pair.First.Fraction <= pair.Second.Fraction));
    }

    [Fact]
    public void Cancellation_EndsTheReading()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        string path = Shared.Path("data/popqa/corpus.jsonl.gz");
        Assert.Throws<OperationCanceledException>(() => Corpus.Read(path, null, source.Token).Count());
    }

    private static IEnumerable<Passage> Read(string path) =>
        Corpus.Read(path, cancellationToken: TestContext.Current.CancellationToken);

    private sealed class Direct(List<ReadProgress> reports) : IProgress<ReadProgress>
    {
        public void Report(ReadProgress value) => reports.Add(value);
    }
}
