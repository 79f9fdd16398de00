using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Runs;

/// <summary>
/// What stands in a run's files: a JSON Schema (draft 2020-12) for the lines of each kind of file. The schemas are made of the
/// records and of their documentation, and travel with the library.
/// </summary>
public static class RunSchema
{
    private static readonly Lazy<Dictionary<string, JsonObject>> Metrics = new(() =>
        JsonNode.Parse(Of("metrics"))!["oneOf"]!
            .AsArray()
            .ToDictionary(
                line => line!["properties"]!["kind"]!["const"]!.GetValue<string>(),
                line => line!["properties"]!.AsObject()
            )
    );

    /// <summary>
    /// "metrics" (metrics.jsonl), "outcomes" (evaluations/*.jsonl), "trajectories" (trajectories.jsonl.gz) and "result"
    /// (result.json).
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = ["metrics", "outcomes", "trajectories", "result"];

    /// <summary>A schema, as indented JSON.</summary>
    /// <exception cref="ArgumentException">There is none of this name.</exception>
    public static string Of(string name)
    {
        using Stream? stream = Names.Contains(name)
            ? typeof(RunSchema).Assembly.GetManifestResourceStream($"{name}.schema.json")
            : null;
        if (stream is null)
            throw new ArgumentException(
                $"There is no schema \"{name}\"; there are {string.Join(", ", Names)}.",
                nameof(name)
            );
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The names under which TensorBoard shows a run.</summary>
    public static IReadOnlyList<EventTag> TensorBoard => TensorBoardLog.Tags;

    /// <summary>What a field of metrics.jsonl means.</summary>
    /// <param name="kind">"step" or "evaluation".</param>
    /// <param name="field">As it is written, in snake_case.</param>
    /// <returns>Empty where there is no such field.</returns>
    public static string Describe(string kind, string field) =>
        Metrics.Value.GetValueOrDefault(kind)?[field]?["description"]?.GetValue<string>() ?? "";

    /// <summary>How a property is written.</summary>
    internal static string NameOf(PropertyInfo property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
}
