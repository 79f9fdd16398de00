using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using David.Grpo.Search;

namespace David.Grpo.Documents;

/// <summary>What happened to a file when its folder was read.</summary>
public enum FileChange
{
    /// <summary>It was there before, with the same content.</summary>
    Unchanged,

    /// <summary>It is new.</summary>
    Added,

    /// <summary>Its content is another than last time, or it is read otherwise.</summary>
    Changed,
}

/// <summary>A file of a folder of documents.</summary>
public sealed record DocumentFile
{
    /// <summary>From the folder on, with slashes.</summary>
    public required string Path { get; init; }

    /// <summary>What it calls itself; its file name where it says nothing.</summary>
    public required string Title { get; init; }

    /// <summary>How many it was cut into.</summary>
    public required int Passages { get; init; }

    /// <summary>Its size on disk.</summary>
    public required long Bytes { get; init; }

    /// <summary>Why nothing of it was taken; null for a file that was read.</summary>
    public string? Skipped { get; init; }

    /// <summary>What of it was not taken, and how much; empty where all was.</summary>
    public IReadOnlyList<DroppedText> Dropped { get; init; } = [];

    /// <summary>Of the records in a table or JSON file; empty for prose.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>What happened to it since the folder was read last.</summary>
    public FileChange Change { get; init; }
}

/// <summary>How far reading a folder has come.</summary>
/// <param name="Done">Files that were looked at.</param>
/// <param name="Of">Files there are.</param>
/// <param name="Path">The one under way.</param>
public readonly record struct FolderProgress(int Done, int Of, string Path);

/// <summary>A folder of own documents, or one file, as a corpus that is searched.</summary>
/// <remarks>
/// What was read lies in a folder beside the index, one file of passages for each content: only files whose content is new
/// are read again, and files that are gone are forgotten. The corpus is put together from these, in the order of the paths,
/// so that an increment gives the same bytes as reading everything anew. Size and time of change tell that a file is the same; where the
/// time is younger than two seconds, and wherever they differ, its SHA-256 does.
/// <para>
/// All text is cleaned: composed letters, no characters that nobody sees (soft hyphens, zero-width spaces, variation selectors),
/// ligatures as letters. A PDF is read in the order in which it was written: of pages in columns that is mostly a column
/// after another, but a file that was written line by line across them comes out so.
/// </para>
/// </remarks>
public sealed class DocumentCorpus : ISearchEnvironment, IDisposable
{
    private readonly Bm25Index? index;

    private readonly string? corpusFile;

    private readonly Lazy<DocumentRecords> records;

    private DocumentCorpus(
        string path,
        IReadOnlyList<DocumentFile> files,
        IReadOnlyList<string> gone,
        string? corpusFile,
        Bm25Index? index
    )
    {
        (Path, Files, Gone, this.corpusFile, this.index) = (path, files, gone, corpusFile, index);
        records = new(() => corpusFile is null ? new DocumentRecords() : DocumentRecords.Read(corpusFile));
    }

    /// <summary>The folder or the file, as it was named.</summary>
    public string Path { get; }

    /// <summary>All of the folder but hidden ones, in the order of their paths; those that were skipped say why.</summary>
    public IReadOnlyList<DocumentFile> Files { get; }

    /// <summary>Files of the last time that are no longer there.</summary>
    public IReadOnlyList<string> Gone { get; }

    /// <summary>In the corpus.</summary>
    public int Passages => index?.Passages ?? 0;

    /// <summary>SHA-256 of the corpus, 64 hex digits; empty for a corpus without passages.</summary>
    public string Sha256 => index?.CorpusSha256 ?? "";

    /// <summary>What readers take, in lower case with the dot.</summary>
    public static IReadOnlyList<string> Extensions => DocumentReaders.Extensions;

    /// <summary>Reads what is new and opens the index, which is built anew if anything changed.</summary>
    /// <param name="path">A folder, or one file.</param>
    /// <param name="indexFolder">Where indices lie; a folder for these documents is made in it.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    public static DocumentCorpus Open(
        string path,
        string indexFolder,
        DocumentOptions? options = null,
        IProgress<FolderProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        options = (options ?? new()).Checked();
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (!Directory.Exists(full) && !File.Exists(full))
            throw new DirectoryNotFoundException(
                $"{path} does not exist; expected a folder of documents, or a document."
            );
        string folder = System.IO.Path.Combine(indexFolder, $"documents-{NameOf(full)}");
        Directory.CreateDirectory(folder);
        using FileStream only = Alone(folder, cancellationToken);
        DocumentStore store = DocumentStore.Open(folder, options);
        (IReadOnlyList<DocumentFile> files, string[] gone) = store.Update(full, progress, cancellationToken);
        Bm25Index? index = store.Corpus is { } corpus
            ? Bm25Index.OpenOrBuild(corpus, folder, null, cancellationToken)
            : null;
        store.RemoveOthers(index?.CorpusSha256);
        return new DocumentCorpus(path, files, gone, store.Corpus, index);
    }

    /// <inheritdoc/>
    public ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return index?.SearchAsync(queries, topK, cancellationToken)
            ?? ValueTask.FromResult<Passage[][]>([.. queries.Select(_ => Array.Empty<Passage>())]);
    }

    /// <summary>Writes the passages as a corpus: a line of id, title and text each.</summary>
    /// <exception cref="InvalidDataException">There is no passage.</exception>
    public void WriteTo(string file)
    {
        if (index is null)
            throw new InvalidDataException($"{Path} has no passage, so there is no corpus to write to {file}.");
        File.Copy(corpusFile!, file, overwrite: true);
    }

    /// <summary>The passages of each record that has all these values, by their fields' addresses.</summary>
    internal Passage[][] RecordsWith(IReadOnlyDictionary<string, string> values) => records.Value.With(values);

    public void Dispose() => index?.Dispose();

    private static string NameOf(string path) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..16];

    /// <summary>Two processes that read the same documents take turns.</summary>
    private static FileStream Alone(string folder, CancellationToken cancellationToken)
    {
        for (; ; )
            try
            {
                return new FileStream(
                    System.IO.Path.Combine(folder, "lock"),
                    FileMode.OpenOrCreate,
                    FileAccess.ReadWrite,
                    FileShare.None
                );
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                if (cancellationToken.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100)))
                    throw new OperationCanceledException(cancellationToken);
            }
    }
}
