using David.Grpo.Documents;
using David.Grpo.Host.Tests.Formats;

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
