using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Search;

public sealed class ToolBoxTests
{
    private static readonly ToolBox Box = new(
        new Register("assets", "machines", ("PR-207", "printer, second floor"), ("LT-318", "laptop of Tor")),
        new Register("people", "colleagues", ("Tor", "works in the field"), ("Anna", "works in Oslo"))
    );

    [Theory]
    [InlineData("assets: PR-207", "assets")]
    [InlineData("ASSETS : PR-207", "assets")]
    [InlineData("who is Tor", "assets,people")]
    [InlineData("printer: PR-207", "assets,people")]
    public void AQuery_GoesToTheToolThatItNames_OrToAll(string query, string tools) =>
        Assert.Equal(tools, string.Join(',', Box.Route(query)));

    [Fact]
    public async Task Results_SayFromWhichTool_AndAreMergedByRank()
    {
        Passage[] found = await FindAsync(Box, "Tor");
        Assert.Equal(["[assets] LT-318", "[people] Tor"], found.Select(passage => passage.Title));
        Assert.Equal(["assets/LT-318", "people/Tor"], found.Select(passage => passage.Id.Value));
        Assert.Single(await FindAsync(Box, "people: Tor"));
    }

    [Fact]
    public async Task Fields_OfTheToolAreValues_OthersAreWords()
    {
        Assert.Equal("PR-207", (await FindAsync(Box, "assets: key=PR-207"))[0].Title[9..]);
        Assert.Empty(await FindAsync(Box, "assets: key=\"no such\" printer"));
        Assert.Single(await FindAsync(Box, "assets: colour=printer"));
    }

    [Fact]
    public async Task ADeadTool_IsNamed_AndTheOthersAnswer()
    {
        ToolBox box = new(new Register("assets", "machines", ("PR-207", "printer")), new Dead());
        Passage[] found = await FindAsync(box, "printer");
        Assert.Equal(["[assets] PR-207", "[tickets] no answer"], found.Select(passage => passage.Title));
        Assert.Equal("the line is cut", found[1].Text);
        IOException failure = await Assert.ThrowsAsync<IOException>(() => FindAsync(box, "tickets: printer"));
        Assert.Equal("tickets: the line is cut", failure.Message);
    }

    [Fact]
    public void Tools_WithoutNamesOfTheirOwn_AreRefused()
    {
        Assert.Contains("at least 1", Assert.Throws<ArgumentException>(() => new ToolBox()).Message);
        Assert.Contains("2 tools", Assert.Throws<ArgumentException>(() => new ToolBox(new Dead(), new Dead())).Message);
        Assert.Contains(
            "letters, digits",
            Assert.Throws<ArgumentException>(() => new ToolBox(new Register("a b", "x"))).Message
        );
    }

    [Fact]
    public void TheDescription_NamesToolsAndFields()
    {
        Assert.Contains("- assets: machines (fields: key (such as PR-207))", Box.Describe());
    }

    private static async Task<Passage[]> FindAsync(ToolBox box, string query) =>
        (await box.SearchAsync([query], 3, TestContext.Current.CancellationToken))[0];

    /// <summary>A tool of one's own: a schema, and what answers.</summary>
    private sealed class Register(string name, string holds, params (string Key, string Text)[] records) : ISearchTool
    {
        public ToolSchema Schema { get; } = new(name, holds, new ToolField("key", "such as PR-207"));

        public ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken cancellationToken) =>
            ValueTask.FromResult<Passage[]>([
                .. records
                    .Where(record => !query.Fields.TryGetValue("key", out string? key) || key == record.Key)
                    .Where(record =>
                        query.Words.Length == 0
                        || ContentWords.Of(query.Words).Intersect(ContentWords.Of($"{record.Key} {record.Text}")).Any()
                    )
                    .Select(record => new Passage(new PassageId(record.Key), record.Key, record.Text))
                    .Take(topK),
            ]);
    }

    private sealed class Dead : ISearchTool
    {
        public ToolSchema Schema { get; } = new("tickets", "requests");

        public ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken cancellationToken) =>
            throw new TimeoutException("the line is cut");
    }
}
