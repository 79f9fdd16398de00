using David.Grpo.Documents;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Search;

namespace David.Grpo.Host.Tests.Documents;

public sealed class DocumentCorpusTests : IDisposable
{
    private readonly Scratch documents = new();
    private readonly Scratch index = new();

    [Fact]
    public void Corpus_AfterChanges_EqualsAFreshOne()
    {
        Random random = new(3);
        for (int round = 0; round < 12; round++)
        {
            string name = $"{(char)('a' + random.Next(5))}.md";
            if (random.Next(4) == 0)
                File.Delete(documents[name]);
            else
                documents.Write(
                    name,
                    $"# Note {name}\n\n{string.Join("\n\n", Enumerable.Range(0, random.Next(9)).Select(i => $"Line {i} of {random.Next(4)}."))}\n"
                );
            using Scratch fresh = new();
            using DocumentCorpus grown = Open();
            using DocumentCorpus anew = DocumentCorpus.Open(documents.Folder, fresh.Folder, cancellationToken: Token);
            Assert.Equal(anew.Sha256, grown.Sha256);
            Assert.Equal(anew.Passages, grown.Passages);
            Assert.Equal(anew.Files.Select(file => file.Path), grown.Files.Select(file => file.Path));
        }
    }

    [Fact]
    public void Files_TellWhatChanged()
    {
        documents.Write("a.md", "# A\n\nalpha");
        documents.Write("b.md", "# B\n\nbeta");
        using (DocumentCorpus first = Open())
            Assert.All(first.Files, file => Assert.Equal(FileChange.Added, file.Change));
        using (DocumentCorpus same = Open())
            Assert.All(same.Files, file => Assert.Equal(FileChange.Unchanged, file.Change));

        documents.Write("a.md", "# A\n\nalpha, again");
        File.Delete(documents["b.md"]);
        documents.Write("c.md", "# C\n\ngamma");
        using DocumentCorpus changed = Open();
        Assert.Equal(
            [("a.md", FileChange.Changed), ("c.md", FileChange.Added)],
            changed.Files.Select(file => (file.Path, file.Change))
        );
        Assert.Equal(["b.md"], changed.Gone);
    }

    [Fact]
    public async Task Search_FindsWhatIsThere_AndForgetsWhatIsGone()
    {
        documents.Write("a.md", "# Hotels\n\nA room in Bergen costs 140 euro.");
        documents.Write("b.md", "# Gardens\n\nThe tower in Lisk is tall.");
        using (DocumentCorpus corpus = Open())
        {
            Passage found = Assert.Single(await FindAsync(corpus, "room in Bergen"));
            Assert.Equal("Hotels", found.Title);
            Assert.StartsWith("a.md#", found.Id.Value);
        }
        File.Delete(documents["a.md"]);
        using DocumentCorpus left = Open();
        Assert.Empty(await FindAsync(left, "room in Bergen"));
        Assert.Single(Directory.EnumerateFiles(index.Folder, "bm25-*.sqlite", SearchOption.AllDirectories));
        Assert.Single(Directory.EnumerateFiles(index.Folder, "*.passages", SearchOption.AllDirectories));
    }

    [Fact]
    public void AChangeOfTheSameSizeAtTheSameTime_IsSeen()
    {
        DateTime time = DateTime.UtcNow;
        documents.Write("a.md", "alpha");
        File.SetLastWriteTimeUtc(documents["a.md"], time);
        Open().Dispose();
        documents.Write("a.md", "gamma");
        File.SetLastWriteTimeUtc(documents["a.md"], time);
        using DocumentCorpus corpus = Open();
        Assert.Equal(FileChange.Changed, Assert.Single(corpus.Files).Change);
    }

    [Fact]
    public void OddFiles_AreReportedAndNothingFails()
    {
        documents.Write("[bold]name[] \u00e9 🧭.md", "words");
        documents.Write("two\nlines.txt", "words");
        documents.Write("empty.txt", "");
        documents.Write("huge.txt", new string('x', 3000));
        documents.Write("README", "words without an extension");
        documents.Write(".hidden.md", "words");
        Directory.CreateDirectory(documents["sub/.git"]);
        documents.Write("sub/.git/config.txt", "words");
        documents.Write("sub/note.md", "words");
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(documents["sub/up"], documents.Folder);
            File.CreateSymbolicLink(documents["lost.md"], documents["nowhere.md"]);
        }
        using DocumentCorpus corpus = DocumentCorpus.Open(
            documents.Folder,
            index.Folder,
            new DocumentOptions { MaxFileBytes = 2000 },
            cancellationToken: Token
        );
        Dictionary<string, string?> files = corpus.Files.ToDictionary(file => file.Path, file => file.Skipped);
        Assert.Null(files["[bold]name[] \u00e9 🧭.md"]);
        Assert.Null(files["two\nlines.txt"]);
        Assert.Null(files["README"]);
        Assert.Null(files["sub/note.md"]);
        Assert.Equal("it is empty", files["empty.txt"]);
        Assert.StartsWith("it has 0 MB, more than", files["huge.txt"]);
        Assert.DoesNotContain(files.Keys, path => path.Contains(".hidden") || path.Contains(".git"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.StartsWith("it is a link to a folder", files["sub/up"]);
            Assert.StartsWith("it is a link to nothing", files["lost.md"]);
        }
    }

    [Fact]
    public void AFolderWithoutDocuments_IsACorpusWithoutPassages()
    {
        using DocumentCorpus corpus = Open();
        Assert.Equal(0, corpus.Passages);
        Assert.Throws<DirectoryNotFoundException>(() =>
            DocumentCorpus.Open(documents["nowhere"], index.Folder, cancellationToken: Token)
        );
    }

    [Fact]
    public void ADamagedManifest_IsReadAnew()
    {
        documents.Write("a.md", "alpha");
        Open().Dispose();
        string manifest = Directory.EnumerateFiles(index.Folder, "manifest.json", SearchOption.AllDirectories).Single();
        File.WriteAllText(manifest, "{ no");
        using DocumentCorpus corpus = Open();
        Assert.Equal(1, corpus.Passages);
    }

    [Theory]
    [InlineData("东京是日本的首都。大阪位于关西地区。", "日本的首都是哪里？", "东京")]
    [InlineData("部署gen-itgc后50条记录清零。NAS设备清单在三楼。", "NAS", "gen itgc", "设备清单", "三楼")]
    [InlineData("กรุงเทพเป็นเมืองหลวงของประเทศไทย", "เมืองหลวงของประเทศไทยคืออะไร", "กรุงเทพ")]
    [InlineData("東京タワーは東京にあります。", "タワー", "東京タワーはどこですか")]
    [InlineData("រាជធានីភ្នំពេញ", "ភ្នំពេញ")]
    [InlineData("မြန်မာနိုင်ငံ", "မြန်မာ")]
    [InlineData("Die Reise\u00ADkosten\u00ADabrechnung", "Reisekostenabrechnung", "reise\u00ADkostenabrechnung")]
    [InlineData("کتاب\u200Cها در آن زیاد است", "کتابها", "کتاب\u200Cها")]
    [InlineData("The o\uFB03ce ＮＡＳ", "office", "nas")]
    public async Task Search_FindsWords_HoweverTheyAreWritten(string text, params string[] queries)
    {
        documents.Write("a.txt", text);
        documents.Write("b.txt", "Nothing of it. 别的东西。 อื่น ๆ");
        using DocumentCorpus corpus = Open();
        foreach (string query in queries)
        {
            Passage[] found = await FindAsync(corpus, query);
            Assert.StartsWith("a.txt#", Assert.Single(found, passage => passage.Id.Value.StartsWith('a')).Id.Value);
            Assert.StartsWith("a.txt#", found[0].Id.Value);
        }
    }

    [Fact]
    public async Task Search_GivesTextsAsTheyAre_ThoughTheyAreIndexedOtherwise()
    {
        documents.Write("a.txt", "NAS设备清单在三楼。");
        using DocumentCorpus corpus = Open();
        Assert.Equal("NAS设备清单在三楼。", Assert.Single(await FindAsync(corpus, "三楼")).Text);
    }

    [Fact]
    public async Task AnIndexThatIsSearched_IsNotRemoved()
    {
        documents.Write("a.txt", "the first owl");
        using DocumentCorpus first = Open();
        documents.Write("a.txt", "the second fox");
        using DocumentCorpus second = Open();
        Assert.Single(await FindAsync(first, "owl"));
        Assert.Single(await FindAsync(second, "fox"));
    }

    [Theory]
    [InlineData("status=active member", "Member 1")]
    [InlineData("STATUS=Active", "Member 1")]
    [InlineData("status=paid", "Member 3")]
    [InlineData("number=1", "Member 1")]
    [InlineData("status=inact", "")]
    [InlineData("tags=red", "Member 0|Member 2")]
    [InlineData("tags=\"red, blue\"", "Member 0")]
    [InlineData("unit_price=12", "Member 4")]
    [InlineData("place=archive", "Member 3")]
    [InlineData("place=\"Sandviken, archive\"", "Member 3")]
    [InlineData("status=active number=10", "")]
    public async Task AField_HasItsValueAsAWhole(string query, string titles)
    {
        documents.Write(
            "m.jsonl",
            """
            {"title": "Member 0", "status": "inactive", "number": "10", "tags": ["red", "blue"]}
            {"title": "Member 1", "status": "active", "number": 1, "tags": ["infrared"]}
            {"title": "Member 2", "status": "unpaid", "number": "21", "tags": ["red"]}
            {"title": "Member 3", "status": "paid", "number": "11", "place": "Sandviken, archive"}
            {"title": "Member 4", "status": "reactivated", "number": "100", "Unit price": 12}
            """
        );
        Assert.Equal(titles, string.Join('|', (await AskToolAsync(query)).Select(Name)));
    }

    [Fact]
    public async Task AFieldInThePassagesProse_IsNone()
    {
        documents.Write(
            "t.jsonl",
            """
            {"title": "Printer jam", "status": "closed", "body": "The customer wrote:\nstatus: open\npriority: high\nIt was fixed."}
            {"title": "Printer offline", "status": "open", "priority": "low", "note": "a\nstatus: closed", "body": "Waiting."}
            """
        );
        Assert.Equal(["Printer offline"], (await AskToolAsync("status=open printer")).Select(Name));
        Assert.Equal(["Printer jam"], (await AskToolAsync("status=closed printer")).Select(Name));
        Assert.Empty(await AskToolAsync("priority=high"));
    }

    [Fact]
    public async Task TheFieldsOfALongRecord_AreThoseOfAllItsPassages()
    {
        string text =
            $"{string.Concat(Enumerable.Repeat("the printer hums and waits. ", 60))}Then the fuser was replaced.";
        documents.Write(
            "l.jsonl",
            $$"""
            {"title": "Printer log", "status": "closed", "text": "{{text}}"}
            {"title": "Other log", "status": "open", "text": "{{text}}"}
            """
        );
        Passage[] found = await AskToolAsync("status=closed fuser replaced");
        Assert.EndsWith("Then the fuser was replaced.", found[0].Text);
        Assert.All(found, passage => Assert.Equal("Printer log", Name(passage)));
    }

    [Fact]
    public async Task FieldsOfManyRecords_AreAllCompared()
    {
        documents.Write(
            "m.csv",
            "id,kind,note\n"
                + string.Concat(
                    Enumerable.Range(0, 2000).Select(i => $"{i},{(i == 1777 ? "rare" : "common")},rare note\n")
                )
        );
        Assert.Equal(["1777"], (await AskToolAsync("kind=rare note")).Select(Name));
    }

    private static string Name(Passage passage) => passage.Title.Split(" › ")[^1];

    private async Task<Passage[]> AskToolAsync(string query)
    {
        using DocumentCorpus corpus = Open();
        return (await new ToolBox(new DocumentTool("t", corpus)).SearchAsync([$"t: {query}"], 5, Token))[0];
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private DocumentCorpus Open() => DocumentCorpus.Open(documents.Folder, index.Folder, cancellationToken: Token);

    private static async Task<Passage[]> FindAsync(DocumentCorpus corpus, string query) =>
        (await corpus.SearchAsync([query], 3, Token))[0];

    public void Dispose()
    {
        documents.Dispose();
        index.Dispose();
    }
}
