namespace David.Grpo.Documents;

/// <summary>How documents become passages.</summary>
public sealed record DocumentOptions
{
    /// <summary>Characters of a passage at most, at least 80.</summary>
    public int PassageCharacters { get; init; } = Chunking.DefaultCharacters;

    /// <summary>A larger file is skipped, and reported; bytes.</summary>
    public long MaxFileBytes { get; init; } = 64L << 20;

    internal DocumentOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(PassageCharacters, 80);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxFileBytes, 1);
        return this;
    }
}

/// <summary>Part of a file that is in no passage.</summary>
/// <param name="What">Such as "scripts and styles".</param>
/// <param name="Characters">How much of it there was.</param>
public sealed record DroppedText(string What, int Characters);

/// <summary>What a reader made of a file.</summary>
/// <param name="Title">The document's own, or its file's name.</param>
/// <param name="Sections">In its order. All characters but white space are in one of them or dropped.</param>
/// <param name="Dropped">What was left out, by kind.</param>
/// <param name="Fields">Names of the fields that the records of a table or a JSON file have, in their order; none for prose.</param>
internal sealed record ReadDocument(
    string Title,
    DocumentSection[] Sections,
    DroppedText[] Dropped,
    params string[] Fields
)
{
    /// <summary>The fields of each section that is a record, none for one of prose; empty where there is no record.</summary>
    public IReadOnlyList<RecordField[]> Records { get; init; } = [];
}

/// <summary>Reads one kind of file. Without state.</summary>
internal interface IDocumentReader
{
    /// <summary>In lower case, with the dot.</summary>
    string[] Extensions { get; }

    /// <param name="name">The file's name without folder and extension: the title where the document has none.</param>
    /// <param name="content">The whole file, at least one byte.</param>
    /// <exception cref="DocumentException">It cannot be read; the text says why, for the user.</exception>
    ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken);
}

/// <summary>A file that cannot be read as what its name says; it is skipped.</summary>
internal sealed class DocumentException(string reason, Exception? inner = null) : Exception(reason, inner);
