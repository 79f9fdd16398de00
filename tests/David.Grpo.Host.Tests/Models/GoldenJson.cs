using System.IO.Compression;
using System.Text.Json;

namespace David.Grpo.Host.Tests.Models;

/// <summary>Reference numbers of other implementations, from ../shared/golden.</summary>
internal static class GoldenJson
{
    /// <summary>A JSON file, decompressed if its name ends in .gz; skips the running test where it is absent.</summary>
    public static JsonElement Read(string relative)
    {
        using Stream file = File.OpenRead(Shared.Path(relative));
        using Stream text = relative.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(file, CompressionMode.Decompress)
            : file;
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>A number; "NaN", "Infinity" and "-Infinity" stand for themselves.</summary>
    public static double Number(this JsonElement element) =>
        element.ValueKind == JsonValueKind.String
            ? element.GetString() switch
            {
                "NaN" => double.NaN,
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                string other => throw new InvalidDataException($"\"{other}\" is no number."),
                null => throw new InvalidDataException("null is no number."),
            }
            : element.GetDouble();

    /// <summary>The numbers of an array of any depth, in row-major order.</summary>
    public static double[] Numbers(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array
            ? [.. element.EnumerateArray().SelectMany(Numbers)]
            : [element.Number()];

    /// <summary>The extents of an array of arrays.</summary>
    public static long[] Extents(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? [element.GetArrayLength(), .. element[0].Extents()] : [];

    /// <summary>Token ids.</summary>
    public static int[] Ids(this JsonElement element) => [.. element.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>The value of a field.</summary>
    public static JsonElement At(this JsonElement element, string field) => element.GetProperty(field);
}
