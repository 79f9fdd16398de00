using David.Grpo.Search;

namespace David.Grpo.Documents;

/// <summary>Own documents as a tool: a table or JSON records by their fields, prose by its words.</summary>
public sealed class DocumentTool : ISearchTool
{
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
            [
                .. read.SelectMany(file => file.Fields)
                    .Select(RecordField.Address)
                    .Where(field => field.Length > 0)
                    .Distinct(StringComparer.OrdinalIgnoreCase)
                    .Select(field => new ToolField(field)),
            ]
        );
    }

    /// <summary>The fields by their names as queries write them: <c>Unit price</c> is <c>unit_price</c>, in any case.</summary>
    public ToolSchema Schema { get; }

    /// <summary>
    /// Passages by the words. Where the query has fields, only of records that have these values: as a whole, or as an item of a
    /// list or between commas, in any case (<c>status=active</c> finds no <c>inactive</c>); every record is compared. Those whose words are asked
    /// for come first, then the others with the values, in the order of the documents.
    /// </summary>
    public async ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        if (query.Fields.Count == 0)
            return await RankedAsync(query.Words, topK, cancellationToken).ConfigureAwait(false);
        Passage[][] records = corpus.RecordsWith(query.Fields);
        HashSet<PassageId> ids = [.. records.SelectMany(record => record.Select(passage => passage.Id))];
        Passage[] best = [];
        for (int looked = topK; ids.Count > 0; looked *= 8)
        {
            Passage[] ranked = await RankedAsync(query.Words, looked, cancellationToken).ConfigureAwait(false);
            best = [.. ranked.Where(passage => ids.Contains(passage.Id)).Take(topK)];
            if (best.Length == topK || ranked.Length < looked || looked > corpus.Passages)
                break;
        }
        // Of a record of several passages the first one has its fields.
        return
        [
            .. best.Concat(records.Select(record => record[0]))
                .Concat(records.SelectMany(record => record.Skip(1)))
                .DistinctBy(passage => passage.Id)
                .Take(topK),
        ];
    }

    private async ValueTask<Passage[]> RankedAsync(string words, int topK, CancellationToken cancellationToken) =>
        (await corpus.SearchAsync([words], topK, cancellationToken).ConfigureAwait(false))[0];
}
