namespace David.Grpo.Search;

/// <summary>Reads corpora: JSON Lines, gzipped or not, or Parquet, one passage a line or row.</summary>
public static class Corpus
{
    /// <summary>The passages of a file, in its order. Empty lines are skipped.</summary>
    /// <remarks>
    /// A line or row is <c>{"id", "title", "text"}</c>, or Search-R1's <c>{"id", "contents"}</c>, where contents is the title,
    /// in double quotes or not, a line feed, and the text.
    /// </remarks>
    /// <param name="path">A .jsonl, .jsonl.gz or .parquet file; what it is, is seen from its content.</param>
    /// <param name="progress">Told about every thousandth passage, and about the end.</param>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// A line is no JSON, lacks a field or repeats an id, or the file is cut off or has no passage; the text names file,
    /// line (row group and row) and field.
    /// </exception>
    public static IEnumerable<Passage> Read(
        string path,
        IProgress<ReadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        HashSet<string> ids = [];
        foreach (JsonRecord record in JsonRecords.Read(path, progress, cancellationToken))
        {
            string id = record.Id("id");
            if (!ids.Add(id))
                throw record.Invalid("id", $"\"{id}\", as of an earlier passage", "an id of its own for each passage");
            (string title, string text) = record.Has("contents")
                ? TitleAndText(record.Text("contents"))
                : (record.Text("title"), record.Text("text"));
            yield return new Passage(new PassageId(id), title, text);
        }
        if (ids.Count == 0)
            throw new InvalidDataException($"{path} holds no passage; expected one JSON object a line.");
    }

    /// <summary>As Search-R1 splits it: the first line is the title, the rest the text.</summary>
    private static (string Title, string Text) TitleAndText(string contents)
    {
        int end = contents.IndexOf('\n', StringComparison.Ordinal);
        string title = (end < 0 ? contents : contents[..end]).Trim();
        if (title is ['"', .. var inside, '"'])
            title = inside;
        return (title, end < 0 ? "" : contents[(end + 1)..]);
    }
}
