using David.Grpo.Search;

namespace David.Grpo.Documents;

/// <summary>Own documents as a tool: a table or JSON records by their fields, prose by its words.</summary>
public sealed class DocumentTool : ISearchTool
{
    /// <summary>Passages that are looked at for one with the fields asked for.</summary>
    private const int Looked = 200;

    private readonly DocumentCorpus corpus;

    /// <param name="name">As queries begin.</param>
    /// <param name="holds">What can be found there; null: made of the documents' titles.</param>
    public DocumentTool(string name, DocumentCorpus corpus, string? holds = null)
    {
        this.corpus = corpus;
        DocumentFile[] read = [.. corpus.Files.Where(file => file.Skipped is null)];
        Schema = new ToolSchema(
            name,
            holds ?? $"{string.Join(", ", read.Take(5).Select(file => file.Title))}{(read.Length > 5 ? " …" : "")}",
            [.. read.SelectMany(file => file.Fields).Distinct().Select(field => new ToolField(field))]
        );
    }

    /// <inheritdoc/>
    public ToolSchema Schema { get; }

    /// <summary>Passages by the words and the values; of records only those whose fields hold the values, in any case.</summary>
    public async ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken cancellationToken)
    {
        string words = string.Join(' ', [query.Words, .. query.Fields.Values]);
        Passage[][] found = await corpus
            .SearchAsync([words], query.Fields.Count == 0 ? topK : Math.Max(topK, Looked), cancellationToken)
            .ConfigureAwait(false);
        return [.. found[0].Where(passage => query.Fields.All(wanted => Has(passage, wanted))).Take(topK)];
    }

    private static bool Has(Passage passage, KeyValuePair<string, string> wanted) =>
        RecordText
            .Fields(passage)
            .Any(field =>
                field.Name.Equals(wanted.Key, StringComparison.OrdinalIgnoreCase)
                && field.Value.Contains(wanted.Value, StringComparison.OrdinalIgnoreCase)
            );
}
