using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using David.Grpo.Host.Tests.Packages;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Training;

/// <summary>JSON Schemas of the records that a run writes, described by their documentation.</summary>
internal static class RecordSchemas
{
    private static readonly XmlDocumentation Host = XmlDocumentation.Of(typeof(StepMetrics).Assembly);
    private static readonly XmlDocumentation Core = XmlDocumentation.Of(typeof(Cost).Assembly);

    private static readonly JsonSerializerOptions Options = new(RunJson.Line)
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>The schema of a kind of file, with a line break at its end.</summary>
    public static string Of(string name)
    {
        JsonObject schema = name switch
        {
            "metrics" => new JsonObject
            {
                ["title"] = "A line of a run's metrics.jsonl",
                ["oneOf"] = new JsonArray(Record<StepMetrics>("step"), Record<EvaluationMetrics>("evaluation")),
            },
            "outcomes" => Titled("A line of a run's evaluations/step-N.jsonl", Record<OutcomeRecord>()),
            "trajectories" => Titled("A line of a run's trajectories.jsonl.gz", Record<TrajectoryRecord>()),
            _ => Titled("A run's result.json", Record<RunResult>()),
        };
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        return schema.ToJsonString(
                new JsonSerializerOptions
                {
                    WriteIndented = true,
                    Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                }
            ) + "\n";
    }

    private static JsonObject Titled(string title, JsonObject schema)
    {
        schema.Insert(0, "title", title);
        return schema;
    }

    private static JsonObject Record<T>(string? kind = null)
    {
        JsonObject schema = Options
            .GetJsonSchemaAsNode(
                typeof(T),
                new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Describe }
            )
            .AsObject();
        if (kind is not null)
            schema["properties"]!["kind"]!["const"] = kind;
        return schema;
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode node)
    {
        if (node is not JsonObject schema)
            return node;
        // Every field is known: one that is not is a fault of the reader or of the writer.
        if (schema.ContainsKey("properties"))
        {
            schema["additionalProperties"] = false;
            schema["required"] ??= new JsonArray();
        }
        if (context.PropertyInfo?.AttributeProvider is not PropertyInfo property)
            return schema;
        string description = (property.DeclaringType!.Assembly == typeof(Cost).Assembly ? Core : Host).Describe(
            property
        );
        Assert.False(
            description.Length == 0,
            $"{property.DeclaringType!.Name}.{property.Name} is written into a run's files and has no documentation."
        );
        schema.Remove("description");
        schema.Insert(0, "description", description);
        if (property.IsDefined(typeof(System.ComponentModel.CategoryAttribute)))
            schema["x-tensorboard"] = TensorBoardLog.Tag(property) + (property.PropertyType.IsPrimitive ? "" : "/*");
        return schema;
    }
}
