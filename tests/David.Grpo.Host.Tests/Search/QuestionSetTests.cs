using System.IO.Compression;
using System.Text;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Retrieval;

public sealed class QuestionSetTests
{
    [Fact]
    public void OurSchema_IsReadWhole()
    {
        QuestionRecord[] records = Read(Shared.Path("data/hotpotqa/questions.jsonl.gz"));
        Assert.Equal(2758, records.Length);
        Question first = records[0].Question;
        Assert.Equal("hotpotqa:5a70f0e75542994082a3e408", first.Id);
        Assert.Equal(["hp-a922ebed6bc2", "hp-5897d1fcf442"], first.Gold.Select(id => id.Value));
        Assert.Equal(["Johns Hopkins University", "Northwestern University"], first.GoldTitles);
        Assert.Equal(("comparison", 2), (first.Kind, first.Hops));
        Assert.StartsWith("with other campuses", first.Answers[0]);
        Assert.Null(records[0].ExpertResponse);
    }

    [Theory]
    [InlineData("2wiki", 1509)]
    [InlineData("musique", 1221)]
    [InlineData("bamboogle", 78)]
    [InlineData("morehopqa", 101)]
    [InlineData("hover", 402)]
    [InlineData("popqa", 507)]
    [InlineData("davidgrpo-dev", 269)]
    public void EverySharedSet_HasItsQuestions(string set, int count) =>
        Assert.Equal(count, Read(Shared.Path($"data/{set}/questions.jsonl.gz")).Length);

    [Fact]
    public void ExpertTraces_AreReachable()
    {
        QuestionRecord[] records = Read(Shared.Path("data/davidgrpo-warmup/questions.jsonl.gz"));
        Assert.Equal(3, records.Length);
        Assert.All(records, record => Assert.Contains("<begin_search>", record.ExpertResponse));
        Assert.All(records, record => Assert.Empty(record.Question.Gold));
        Assert.All(records, record => Assert.NotEmpty(record.Question.GoldTitles));
    }

    [Fact]
    public void HotpotQa_AsPublished()
    {
        Question question = Only(
            """
            [{"_id":"5a8b","question":"Who?","answer":"yes","type":"bridge","level":"hard",
              "supporting_facts":[["A",0],["B",1],["A",2]],"context":[["A",["s"]],["B",["s"]]]}]
            """
        );
        Assert.Equal(("5a8b", "Who?", "bridge", 2), (question.Id, question.Text, question.Kind, question.Hops));
        Assert.Equal(["yes"], question.Answers);
        Assert.Equal(["A", "B"], question.GoldTitles);
        Assert.Empty(question.Gold);
    }

    [Fact]
    public void TwoWiki_AsPublished() =>
        Assert.Equal(
            4,
            Only(
                """[{"_id":"x","question":"q","answer":"a","type":"bridge_comparison","supporting_facts":[["A",0]]}]"""
            ).Hops
        );

    [Fact]
    public void Musique_AsPublished()
    {
        Question question = Only(
            """
            {"id":"2hop__1_2","paragraphs":[{"idx":0,"title":"X","paragraph_text":"t","is_supporting":true},{"idx":1,"title":"Y","paragraph_text":"t","is_supporting":true}],"question":"q","question_decomposition":[{"id":1,"question":"s","answer":"a","paragraph_support_idx":1},{"id":2,"question":"s","answer":"b","paragraph_support_idx":0}],"answer":"b","answer_aliases":["B","b"],"answerable":true}
            """
        );
        Assert.Equal(["Y", "X"], question.GoldTitles);
        Assert.Equal(["b", "B"], question.Answers);
        Assert.Equal(("2hop", 2), (question.Kind, question.Hops));
    }

    [Fact]
    public void SearchR1_AsPublished()
    {
        Question bare = Only("""{"question":"q","golden_answers":["a","b"]}""");
        Assert.Equal(("0", "q", "unknown", 0), (bare.Id, bare.Text, bare.Kind, bare.Hops));
        Assert.Equal(["a", "b"], bare.Answers);
        Question flash = Only(
            """{"id":"dev_0","question":"q","golden_answers":["a"],"metadata":{"type":"bridge","supporting_facts":{"title":["A","A","B"],"sent_id":[0,1,0]}}}"""
        );
        Assert.Equal(["A", "B"], flash.GoldTitles);
        Assert.Equal(("dev_0", "bridge"), (flash.Id, flash.Kind));
    }

    [Fact]
    public void Bamboogle_AsPublished()
    {
        Question question = Only("""[{"Question":"q","Answer":"a"}]""");
        Assert.Equal(("bamboogle:0", "q", 2), (question.Id, question.Text, question.Hops));
    }

    [Theory]
    [InlineData("""{"id":"a","question":"q"}""", "line 2", "\"answers\"")]
    [InlineData("""{"id":"a","question":"q","answers":[]}""", "line 2", "at least one")]
    [InlineData("""{"id":"a","question":7,"answers":["x"]}""", "line 2", "\"question\" is 7")]
    [InlineData("""{"id":"first","question":"q","answers":["x"]}""", "line 2", "\"first\"")]
    [InlineData("""{"id":"a","question":"q","answers":["x"],"hops":-1}""", "line 2", "\"hops\" is -1")]
    [InlineData("""{"_id":"a","question":"q","supporting_facts":[["A",0]]}""", "line 2", "\"answer\" is missing")]
    [InlineData("""{"_id":"a","question":"q","answer":"x","supporting_facts":["A"]}""", "line 2", "supporting_facts")]
    [InlineData("17", "line 2", "JSON object")]
    [InlineData("{", "line 2", "not valid JSON")]
    public void FaultyRecords_AreRefusedWithTheirPlace(string line, string place, string reason)
    {
        using Scratch scratch = new();
        string path = scratch.Write(
            "q.jsonl",
            """{"id":"first","question":"q","answers":["x"]}""" + "\n" + line + "\n\n{}"
        );
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Read(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(place, error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void FaultyItemsOfAnArray_AreCounted()
    {
        using Scratch scratch = new();
        string good = """{"_id":"a","question":"q","answer":"x"}""";
        string path = scratch.Write("q.json", $"[{good}, 5]");
        Assert.Contains("item 2", Assert.Throws<InvalidDataException>(() => Read(path)).Message);
        scratch.Write("q.json", $"[{good}, {{\"_id\"");
        Assert.Contains("not valid JSON", Assert.Throws<InvalidDataException>(() => Read(path)).Message);
        scratch.Write("q.json", "[]");
        Assert.Contains("no question", Assert.Throws<InvalidDataException>(() => Read(path)).Message);
    }

    /// <summary>The question of a file with this text, once plain and once gzipped.</summary>
    private static Question Only(string text)
    {
        using Scratch scratch = new();
        Question plain = Assert.Single(Read(scratch.Write("plain", text))).Question;
        using (GZipStream gzip = new(File.Create(scratch["zipped"]), CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        Assert.Equal(plain, Assert.Single(Read(scratch["zipped"])).Question);
        return plain;
    }

    private static QuestionRecord[] Read(string path) =>
        QuestionSet.Read(path, cancellationToken: TestContext.Current.CancellationToken);
}
