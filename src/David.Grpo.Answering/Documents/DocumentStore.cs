using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace David.Grpo.Documents;

/// <summary>What was read of a folder of documents, on disk; used by one process at a time.</summary>
internal sealed class DocumentStore
{
    /// <summary>A time of change this young may still be that of a later change.</summary>
    private static readonly TimeSpan Doubtful = TimeSpan.FromSeconds(2);

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    private static readonly JsonSerializerOptions Passages = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string folder;
    private readonly DocumentOptions options;
    private readonly Dictionary<string, Entry> known;

    private DocumentStore(string folder, DocumentOptions options, Dictionary<string, Entry> known) =>
        (this.folder, this.options, this.known) = (folder, options, known);

    /// <summary>The corpus as JSON Lines; null where no file gave a passage.</summary>
    public string? Corpus { get; private set; }

    private string Manifest => Path.Combine(folder, "manifest.json");

    private string Settings => $"readers {DocumentReaders.Version}, {options.PassageCharacters} characters";

    /// <summary>Something else than a manifest of ours, and one of other settings, is as none.</summary>
    public static DocumentStore Open(string folder, DocumentOptions options)
    {
        DocumentStore store = new(folder, options, []);
        try
        {
            if (
                File.Exists(store.Manifest)
                && JsonSerializer.Deserialize<State>(File.ReadAllText(store.Manifest), Format) is { } state
                && state.Settings == store.Settings
            )
                foreach (Entry entry in state.Files)
                    store.known[entry.File.Path] = entry;
        }
        catch (JsonException) { }
        return store;
    }

    /// <summary>Reads what is new of a folder or file, and writes the corpus.</summary>
    public (IReadOnlyList<DocumentFile> Files, string[] Gone) Update(
        string root,
        IProgress<FolderProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        List<Entry> entries = [];
        Found[] found = [.. DocumentFolder.Files(root)];
        foreach ((int done, Found file) in found.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new FolderProgress(done, found.Length, file.Path));
            entries.Add(Take(file, cancellationToken));
        }
        progress?.Report(new FolderProgress(found.Length, found.Length, ""));
        string[] gone = [.. known.Keys.Except(entries.Select(entry => entry.File.Path)).Order(StringComparer.Ordinal)];
        bool isSame = gone.Length == 0 && entries.TrueForAll(entry => entry.File.Change == FileChange.Unchanged);
        WriteCorpus(entries, isSame);
        WriteAtOnce(
            Manifest,
            stream =>
                JsonSerializer.Serialize(
                    stream,
                    new State(
                        Settings,
                        [
                            .. entries.Select(entry =>
                                entry with
                                {
                                    File = entry.File with { Change = FileChange.Unchanged },
                                }
                            ),
                        ]
                    ),
                    Format
                )
        );
        foreach (string old in Directory.EnumerateFiles(folder, "*.passages"))
            if (!entries.Exists(entry => PassagesFile(entry) == old))
                File.Delete(old);
        return ([.. entries.Select(entry => entry.File)], gone);
    }

    /// <summary>Removes indices of former states of the documents.</summary>
    public void RemoveOthers(string? corpusHash)
    {
        foreach (string index in Directory.EnumerateFiles(folder, "bm25-*"))
            if (corpusHash is null || !index.Contains(corpusHash, StringComparison.Ordinal))
                try
                {
                    // To be had alone only if nobody searches it.
                    using (new FileStream(index, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                        File.Delete(index);
                }
                catch (IOException) { }
    }

    private Entry Take(Found file, CancellationToken cancellationToken)
    {
        known.TryGetValue(file.Path, out Entry? before);
        Entry Skip(string reason, long bytes = 0, DateTime changed = default) =>
            new(
                new DocumentFile
                {
                    Path = file.Path,
                    Title = Path.GetFileNameWithoutExtension(file.Path),
                    Passages = 0,
                    Bytes = bytes,
                    Skipped = reason,
                    Change =
                        before is null ? FileChange.Added
                        : before.File.Skipped == reason ? FileChange.Unchanged
                        : FileChange.Changed,
                },
                changed,
                default,
                ""
            );

        if (file.Fault is { } fault)
            return Skip(fault);
        try
        {
            FileInfo info = new(file.FullPath);
            DateTime changed = info.LastWriteTimeUtc;
            // Not opened: a pipe or a device has no length either, and would block.
            if (info.Length == 0 && info.LinkTarget is null)
                return Skip("it is empty", 0, changed);
            // Not read at all: a film may have gigabytes.
            if (info.Length > 0 && DocumentReaders.WhyNotRead(Path.GetExtension(file.Path)) is { } unread)
                return Skip(unread, info.Length, changed);
            if (info.Length > options.MaxFileBytes)
                return Skip(
                    $"it has {info.Length / 1e6:0.#} MB, more than the {options.MaxFileBytes / 1e6:0.#} that are read",
                    info.Length,
                    changed
                );
            if (
                before is { Sha256.Length: > 0 }
                && before.File.Bytes == info.Length
                && before.Changed == changed
                && changed < before.Read - Doubtful
                && IsStored(before)
            )
                return Same(before);
            DateTime now = DateTime.UtcNow;
            byte[] content = File.ReadAllBytes(file.FullPath);
            string hash = Convert.ToHexStringLower(SHA256.HashData(content));
            if (before?.Sha256 == hash && IsStored(before))
                return Same(before) with { Changed = changed, Read = now };
            (DocumentFile read, ReadPassage[] passages) = DocumentReaders.Read(
                file.Path,
                content,
                options,
                cancellationToken
            );
            Entry entry = new(
                read with
                {
                    Change = before is null ? FileChange.Added : FileChange.Changed,
                },
                changed,
                now,
                hash
            );
            if (passages.Length > 0)
                WriteAtOnce(
                    PassagesFile(entry),
                    stream =>
                    {
                        foreach (ReadPassage passage in passages)
                        {
                            JsonSerializer.Serialize(stream, Line.Of(passage), Passages);
                            stream.WriteByte((byte)'\n');
                        }
                    }
                );
            return entry;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Skip($"it cannot be opened ({e.Message.TrimEnd('.')})");
        }
    }

    private static Entry Same(Entry entry) => entry with { File = entry.File with { Change = FileChange.Unchanged } };

    private bool IsStored(Entry entry) => entry.File.Passages == 0 || File.Exists(PassagesFile(entry));

    /// <summary>By path and content: ids hold the path.</summary>
    private string PassagesFile(Entry entry) =>
        Path.Combine(
            folder,
            Convert.ToHexStringLower(
                SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{entry.File.Path}\n{entry.Sha256}"))
            )[..32] + ".passages"
        );

    private void WriteCorpus(List<Entry> entries, bool isSame)
    {
        string corpus = Path.Combine(folder, "corpus.jsonl");
        Entry[] read = [.. entries.Where(entry => entry.File.Passages > 0)];
        if (read.Length == 0)
        {
            File.Delete(corpus);
            return;
        }
        if (!isSame || !File.Exists(corpus))
            WriteAtOnce(
                corpus,
                stream =>
                {
                    foreach (Entry entry in read)
                        using (FileStream passages = File.OpenRead(PassagesFile(entry)))
                            passages.CopyTo(stream);
                }
            );
        Corpus = corpus;
    }

    /// <summary>Whole or not at all.</summary>
    private static void WriteAtOnce(string path, Action<FileStream> write)
    {
        string partial = path + ".partial";
        using (FileStream stream = File.Create(partial))
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>A passage as a corpus has it, with what stands beside it.</summary>
    private sealed record Line(string Id, string Title, string Text, Field[]? Fields, bool? GoesOn)
    {
        public static Line Of(ReadPassage read) =>
            new(
                read.Passage.Id.Value,
                read.Passage.Title,
                read.Passage.Text,
                read.Fields.Length == 0
                    ? null
                    : Array.ConvertAll(read.Fields, field => new Field(field.Name, [.. field.Values])),
                read.GoesOn ? true : null
            );
    }

    private sealed record Field(string Name, string[] Values);

    /// <param name="Changed">The file's time of last change.</param>
    /// <param name="Read">When it was read.</param>
    /// <param name="Sha256">Of its content; empty where that was not read.</param>
    private sealed record Entry(DocumentFile File, DateTime Changed, DateTime Read, string Sha256);

    private sealed record State(string Settings, Entry[] Files);
}
