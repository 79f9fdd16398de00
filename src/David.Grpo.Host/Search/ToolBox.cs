using System.Text.RegularExpressions;

namespace David.Grpo.Search;

/// <summary>Several tools as one search: a query goes to the tool that it names, or to all.</summary>
/// <remarks>
/// <para>
/// A query is words, after <c>tool:</c> where one tool alone is meant, with <c>field=value</c> or <c>field="two words"</c>
/// among them; a field that a tool does not have counts as words there. Titles say which tool a passage is from
/// (<c>[tickets] …</c>), ids begin with its name.
/// </para>
/// <para>
/// The lists of several tools are merged by reciprocal rank, Σ 1 / (60 + rank), the first tool first where that is equal
/// (Cormack, Clarke and Büttcher, SIGIR 2009): scores of different tools cannot be compared. A tool that fails is named in a last passage
/// where others answer; where none does, the search fails with its reason.
/// </para>
/// </remarks>
public sealed partial class ToolBox : ISearchEnvironment
{
    private const double RankOffset = 60;

    private readonly ISearchTool[] tools;

    /// <exception cref="ArgumentException">There is none, two bear the same name, or a name is no word.</exception>
    public ToolBox(params IEnumerable<ISearchTool> tools)
    {
        this.tools = [.. tools];
        if (this.tools.Length == 0)
            throw new ArgumentException("There are 0 tools; at least 1 is needed.", nameof(tools));
        foreach (IGrouping<string, ISearchTool> same in this.tools.GroupBy(tool => tool.Schema.Name))
            if (same.Count() > 1)
                throw new ArgumentException(
                    $"{same.Count()} tools bear the name \"{same.Key}\"; give each its own.",
                    nameof(tools)
                );
            else if (!Word().IsMatch(same.Key))
                throw new ArgumentException(
                    $"A tool is named \"{same.Key}\"; expected letters, digits, - and _, so that queries can begin with it.",
                    nameof(tools)
                );
    }

    /// <summary>What they are, in their order.</summary>
    public IReadOnlyList<ToolSchema> Schemas => [.. tools.Select(tool => tool.Schema)];

    /// <summary>What an instruction tells the policy of the tools.</summary>
    public string Describe() =>
        "The search has these tools. A query that begins with a tool's name and a colon asks that one alone, any other asks all; "
        + "field=value asks for records with that value.\n"
        + string.Concat(
            tools.Select(tool =>
                $"- {tool.Schema.Name}: {tool.Schema.Holds}"
                + (
                    tool.Schema.Fields.Length == 0
                        ? ""
                        : $" (fields: {string.Join(", ", tool.Schema.Fields.Select(field => field.Meaning is null ? field.Name : $"{field.Name} ({field.Meaning})"))})"
                )
                + "\n"
            )
        );

    /// <summary>The tools that a query goes to, by their names.</summary>
    public string[] Route(string query) => [.. Addressed(query).Tools.Select(tool => tool.Schema.Name)];

    /// <inheritdoc/>
    public async ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return await Task.WhenAll(queries.Select(query => SearchAsync(query, topK, cancellationToken)))
            .ConfigureAwait(false);
    }

    private async Task<Passage[]> SearchAsync(string query, int topK, CancellationToken cancellationToken)
    {
        (ISearchTool[] asked, string rest) = Addressed(query);
        (Passage[] Passages, Exception? Failure)[] answers = await Task.WhenAll(
                asked.Select(tool => AskAsync(tool, rest, topK, cancellationToken))
            )
            .ConfigureAwait(false);
        if (Array.TrueForAll(answers, answer => answer.Failure is not null))
            throw new IOException(
                string.Join(
                    "; ",
                    asked.Zip(answers, (tool, answer) => $"{tool.Schema.Name}: {answer.Failure!.Message}")
                )
            );
        return
        [
            .. answers
                .SelectMany(answer => answer.Passages.Select((passage, rank) => (passage, rank)))
                .OrderByDescending(found => 1 / (RankOffset + found.rank + 1))
                .Select(found => found.passage)
                .Take(topK),
            .. asked
                .Zip(answers)
                .Where(pair => pair.Second.Failure is not null)
                .Select(pair => new Passage(
                    new PassageId($"{pair.First.Schema.Name}/no-answer"),
                    $"[{pair.First.Schema.Name}] no answer",
                    pair.Second.Failure!.Message
                )),
        ];
    }

    private static async Task<(Passage[], Exception?)> AskAsync(
        ISearchTool tool,
        string text,
        int topK,
        CancellationToken cancellationToken
    )
    {
        string name = tool.Schema.Name;
        try
        {
            Passage[] found = await tool.SearchAsync(Query(tool.Schema, text), topK, cancellationToken)
                .ConfigureAwait(false);
            return (
                [
                    .. found
                        .Take(topK)
                        .Select(passage => new Passage(
                            new PassageId($"{name}/{passage.Id.Value}"),
                            $"[{name}] {passage.Title}",
                            passage.Text
                        )),
                ],
                null
            );
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            return ([], failure);
        }
    }

    private (ISearchTool[] Tools, string Text) Addressed(string query)
    {
        int colon = query.IndexOf(':', StringComparison.Ordinal);
        if (
            colon > 0
            && Array.Find(
                tools,
                tool => tool.Schema.Name.Equals(query[..colon].Trim(), StringComparison.OrdinalIgnoreCase)
            )
                is { } named
        )
            return ([named], query[(colon + 1)..].Trim());
        return (tools, query);
    }

    private static ToolQuery Query(ToolSchema schema, string text)
    {
        Dictionary<string, string> fields = new(StringComparer.OrdinalIgnoreCase);
        string words = FieldValue()
            .Replace(
                text,
                match =>
                {
                    string name = match.Groups["name"].Value;
                    string value = match.Groups["value"].Value.Trim('"');
                    if (
                        Array.Exists(
                            schema.Fields,
                            field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)
                        )
                    )
                    {
                        fields[name] = value;
                        return " ";
                    }
                    return $" {name} {value} ";
                }
            );
        return new ToolQuery(
            string.Join(' ', words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
            fields
        );
    }

    [GeneratedRegex(@"\A[\p{L}\p{N}_-]+\z")]
    private static partial Regex Word();

    [GeneratedRegex("""(?<name>[\p{L}\p{N}_.-]+)=(?<value>"[^"]*"|[^\s"]+)""")]
    private static partial Regex FieldValue();
}
