using System.IO.Compression;
using System.Text.Json;

namespace David.Grpo.Tokenization;

/// <summary>Reading of JSON files such that every error names the file and the field.</summary>
internal static class JsonFile
{
    /// <summary>A JSON file, decompressed if its name ends in .gz.</summary>
    public static JsonDocument Read(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file {path}.", path);
        try
        {
            using Stream file = File.OpenRead(path);
            using Stream content = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
                ? new GZipStream(file, CompressionMode.Decompress)
                : file;
            return JsonDocument.Parse(content);
        }
        catch (Exception error) when (error is JsonException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} is not whole or not JSON: {error.Message}", error);
        }
    }

    /// <summary>A field of an object; null if it is absent or null.</summary>
    public static JsonElement? Field(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(name, out JsonElement field)
        && field.ValueKind != JsonValueKind.Null
            ? field
            : null;

    /// <summary>The value, if it is of the kind that is expected there; else an error that names the place.</summary>
    public static JsonElement Expect(this JsonElement? element, JsonValueKind kind, string source, string field) =>
        element is { } value && value.ValueKind == kind
            ? value
            : throw new InvalidDataException(
                $"{source}: {field} is {element?.ValueKind.ToString() ?? "missing"}; expected {kind}."
            );

    /// <summary>The text of a field; an error if it is absent.</summary>
    public static string Text(this JsonElement element, string name, string source, string field) =>
        element.Field(name).Expect(JsonValueKind.String, source, field).GetString()!;

    /// <summary>A truth value; <paramref name="absent"/> if the field is absent.</summary>
    public static bool Flag(this JsonElement element, string name, bool absent = false) =>
        element.Field(name) is { } field ? field.ValueKind == JsonValueKind.True : absent;
}
