namespace David.Grpo.Documents;

/// <summary>A passage of a file.</summary>
/// <param name="Fields">Of the record that begins with it; none within a record and for prose.</param>
/// <param name="GoesOn">Whether it is a further part of the record before it.</param>
internal readonly record struct ReadPassage(Passage Passage, RecordField[] Fields, bool GoesOn);

/// <summary>Which reader takes which file.</summary>
internal static class DocumentReaders
{
    /// <summary>Raised whenever a reader or the chunker makes something else of the same file.</summary>
    public const int Version = 3;

    private static readonly Dictionary<string, IDocumentReader> ByExtension = (
        (IDocumentReader[])
            [
                new MarkdownReader(),
                new PlainTextReader(),
                new HtmlReader(),
                new JsonReader(),
                new CsvReader(),
                new TsvReader(),
                new BibTexReader(),
                new PdfReader(),
            ]
    )
        .SelectMany(reader => reader.Extensions.Select(extension => (extension, reader)))
        .ToDictionary(pair => pair.extension, pair => pair.reader, StringComparer.OrdinalIgnoreCase);

    public static string[] Extensions => [.. ByExtension.Keys.Where(extension => extension.Length > 0)];

    /// <summary>The passages of a file, or why there are none.</summary>
    /// <param name="path">From the folder on, with slashes; part of the passages' ids.</param>
    public static (DocumentFile File, ReadPassage[] Passages) Read(
        string path,
        byte[] content,
        DocumentOptions options,
        CancellationToken cancellationToken
    )
    {
        string extension = Path.GetExtension(path);
        string name = Path.GetFileNameWithoutExtension(path);
        (DocumentFile, ReadPassage[]) Skip(string reason) =>
            (
                new DocumentFile
                {
                    Path = path,
                    Title = name,
                    Passages = 0,
                    Bytes = content.LongLength,
                    Skipped = reason,
                },
                []
            );

        if (content.Length == 0)
            return Skip("it is empty");
        if (WhyNotRead(extension) is { } unread)
            return Skip(unread);
        try
        {
            ReadDocument read = ByExtension[extension].Read(name, content, cancellationToken);
            string title = DocumentText.OneLine(read.Title);
            DocumentSection[] sections = Array.ConvertAll(
                read.Sections,
                section => new DocumentSection(
                    Array.ConvertAll(section.Headings, DocumentText.OneLine),
                    DocumentText.Clean(section.Text)
                )
            );
            ReadPassage[] passages =
            [
                .. Chunking
                    .Passages(options.PassageCharacters, path, title.Length > 0 ? title : name, sections)
                    .SelectMany(
                        (own, number) =>
                        {
                            RecordField[] fields = number < read.Records.Count ? read.Records[number] : [];
                            return own.Select(
                                (passage, part) =>
                                    new ReadPassage(passage, part == 0 ? fields : [], part > 0 && fields.Length > 0)
                            );
                        }
                    ),
            ];
            return passages.Length == 0
                ? Skip("it holds no words")
                : (
                    new DocumentFile
                    {
                        Path = path,
                        Title = title.Length > 0 ? title : name,
                        Passages = passages.Length,
                        Bytes = content.LongLength,
                        Dropped = read.Dropped,
                        Fields = read.Fields,
                    },
                    passages
                );
        }
        catch (DocumentException fault)
        {
            return Skip(fault.Message);
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or OutOfMemoryException))
        {
            // One file that no reader was made for must not keep the others from being read.
            return Skip($"it could not be read ({fault.Message.TrimEnd('.')})");
        }
    }

    /// <summary>Null for a kind of file that is read.</summary>
    public static string? WhyNotRead(string extension) =>
        ByExtension.ContainsKey(extension)
            ? null
            : $"{extension} is not read; make it one of {string.Join(' ', Extensions)}";
}
