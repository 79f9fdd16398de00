using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Training;

public sealed class RunSchemaTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-schema-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Names => [.. RunSchema.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Schema_IsThatOfTheRecords(string name) =>
        Accepted.Equal($"src/David.Grpo.Host/Runs/Schemas/{name}.schema.json", RecordSchemas.Of(name));

    [Fact]
    public void UnknownName_IsRefusedWithTheNamesThereAre() =>
        Assert.Contains("metrics, outcomes", Assert.Throws<ArgumentException>(() => RunSchema.Of("metric")).Message);

    [Fact]
    public async Task EveryLineOfARealRun_FitsItsSchemaAndHasNoUndocumentedField()
    {
        await ToyRun.TrainAsync(_folder, ToyRun.Options("david", 130));

        (string Name, string[] Lines)[] files =
        [
            ("metrics", File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl"))),
            ("outcomes", File.ReadAllLines(RunFolder.Outcomes(_folder, 0))),
            ("trajectories", await UnzippedAsync(Path.Combine(_folder, "trajectories.jsonl.gz"))),
            ("result", [File.ReadAllText(Path.Combine(_folder, "result.json"))]),
        ];
        foreach ((string name, string[] lines) in files)
        {
            JsonNode schema = JsonNode.Parse(RunSchema.Of(name))!;
            Assert.NotEmpty(lines);
            Assert.All(lines, line => Fits(schema, schema, JsonNode.Parse(line), name));
        }
        Assert.Contains(files[0].Lines, line => line.Contains("\"kind\":\"step\"", StringComparison.Ordinal));
        Assert.Contains(files[0].Lines, line => line.Contains("\"kind\":\"evaluation\"", StringComparison.Ordinal));
        await ValidateWithPythonAsync(files);
    }

    /// <summary>Our own check, of what the exporter uses of JSON Schema.</summary>
    private static void Fits(JsonNode root, JsonNode schema, JsonNode? value, string at)
    {
        if ((string?)schema["$ref"] is { } pointer)
            schema = pointer.TrimStart('#', '/').Split('/').Aggregate(root, (node, name) => node[name]!);
        if (schema["oneOf"] is JsonArray choices)
        {
            JsonNode chosen = Assert.Single(
                choices,
                choice => (string?)choice!["properties"]!["kind"]!["const"] == (string?)value!["kind"]
            )!;
            Fits(root, chosen, value, at);
            return;
        }
        if (schema["enum"] is JsonArray allowed)
        {
            Assert.True(
                allowed.Any(one => JsonNode.DeepEquals(one, value)),
                $"{at} is {value}, not one of {allowed.ToJsonString()}"
            );
            return;
        }
        string kind = value switch
        {
            null => "null",
            JsonObject => "object",
            JsonArray => "array",
            _ => value.GetValueKind() switch
            {
                JsonValueKind.String => "string",
                JsonValueKind.True or JsonValueKind.False => "boolean",
                _ => value.ToJsonString().AsSpan().ContainsAny(".eE") ? "number" : "integer",
            },
        };
        string[] types = schema["type"] is JsonArray several
            ? [.. several.Select(type => (string)type!)]
            : [(string)schema["type"]!];
        Assert.True(
            types.Contains(kind) || (kind == "integer" && types.Contains("number")),
            $"{at} is {kind}, not {string.Join(" or ", types)}"
        );
        if (value is JsonArray items)
            foreach (JsonNode? item in items)
                Fits(root, schema["items"]!, item, at + "[]");
        if (value is not JsonObject fields)
            return;
        foreach ((string name, JsonNode? field) in fields)
        {
            JsonNode? of = schema["properties"]?[name] ?? schema["additionalProperties"] as JsonObject;
            Assert.True(of is not null, $"{at}.{name} is in no schema");
            Fits(root, of, field, $"{at}.{name}");
        }
        foreach (JsonNode? required in schema["required"] as JsonArray ?? [])
            Assert.True(fields.ContainsKey((string)required!), $"{at} lacks {required}");
    }

    /// <summary>Somebody else's check, where Python has jsonschema (Debian: python3-jsonschema).</summary>
    private async Task ValidateWithPythonAsync((string Name, string[] Lines)[] files)
    {
        foreach ((string name, string[] lines) in files)
        {
            File.WriteAllText(Path.Combine(_folder, $"{name}.schema.json"), RunSchema.Of(name));
            File.WriteAllText(
                Path.Combine(_folder, $"{name}.check"),
                new JsonArray([.. lines.Select(line => JsonNode.Parse(line))]).ToJsonString()
            );
        }
        string? python = Tool.Python("jsonschema");
        Assert.SkipWhen(
            python is null,
            "our own check passed; the second one needs python3 with jsonschema (Debian: python3-jsonschema)"
        );
        string output = await Tool.RunAsync(
            python!,
            [
                "-c",
                """
                import json, sys, jsonschema
                for name in sys.argv[2:]:
                    schema = json.load(open(f"{sys.argv[1]}/{name}.schema.json"))
                    jsonschema.Draft202012Validator.check_schema(schema)
                    validator = jsonschema.Draft202012Validator(schema)
                    lines = json.load(open(f"{sys.argv[1]}/{name}.check"))
                    for line in lines:
                        validator.validate(line)
                    wrong = dict(lines[0], undocumented=1)
                    assert not validator.is_valid(wrong)
                    print(name, len(lines))
                """,
                _folder,
                .. files.Select(file => file.Name),
            ],
            TestContext.Current.CancellationToken
        );
        Assert.Equal(files.Length, output.Trim().Split('\n').Length);
    }

    private static async Task<string[]> UnzippedAsync(string path)
    {
        await using FileStream file = File.OpenRead(path);
        await using GZipStream gzip = new(file, CompressionMode.Decompress);
        using StreamReader reader = new(gzip);
        return (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).TrimEnd('\n').Split('\n');
    }
}
