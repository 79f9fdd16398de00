using System.Text.Json;
using System.Text.Json.Serialization;
using Parquet;
using Parquet.Serialization;

namespace David.Grpo.Search;

/// <summary>
/// The rows of a Parquet file as the JSON objects that they would be: a struct is an object, a list an array, null stays
/// null. One row group is held at a time.
/// </summary>
internal static class ParquetRecords
{
    private static readonly byte[] Magic = "PAR1"u8.ToArray();

    /// <summary>A number that is no JSON number becomes a string, which no field of ours accepts.</summary>
    private static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new CharactersConverter() },
    };

    /// <summary>By its first bytes.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static bool IsParquet(string path)
    {
        using FileStream file = Open(path);
        return Holds(file, 0);
    }

    /// <exception cref="InvalidDataException">The file is cut off or damaged; the text says where.</exception>
    public static IEnumerable<JsonRecord> Read(
        string path,
        IProgress<ReadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        using FileStream file = Open(path);
        // The index of the whole stands at the end.
        if (file.Length < 12 || !Holds(file, file.Length - Magic.Length))
            throw new InvalidDataException($"{path}: the Parquet file is cut off: it lacks its end. Copy it again.");
        int groups = Guard($"{path}, the index at its end", () => RowGroups(file, cancellationToken));
        long count = 0;
        for (int group = 0; group < groups; group++)
        {
            string place = $"{path}, row group {group + 1}";
            file.Position = 0;
            IList<Dictionary<string, object>> rows = Guard(
                place,
                () => ParquetSerializer.DeserializeUntypedAsync(file, null, group, cancellationToken)
            ).Data;
            for (int row = 0; row < rows.Count; row++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return new JsonRecord(
                    JsonSerializer.SerializeToElement(rows[row], Json),
                    $"{place}, row {row + 1}"
                );
                if (++count % JsonRecords.ReportEvery == 0)
                    progress?.Report(new ReadProgress(count, (group + (row + 1.0) / rows.Count) / groups));
            }
        }
        progress?.Report(new ReadProgress(count, 1));
    }

    private static FileStream Open(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);

    private static bool Holds(FileStream file, long at)
    {
        byte[] bytes = new byte[Magic.Length];
        file.Position = at;
        return file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length
            && bytes.AsSpan().SequenceEqual(Magic);
    }

    private static async Task<int> RowGroups(FileStream file, CancellationToken cancellationToken)
    {
        await using ParquetReader reader = await ParquetReader
            .CreateAsync(file, null, leaveStreamOpen: true, cancellationToken)
            .ConfigureAwait(false);
        return reader.RowGroupCount;
    }

    /// <summary>Damaged bytes make the package throw whatever the place of the damage leads to.</summary>
    private static T Guard<T>(string place, Func<Task<T>> read)
    {
        try
        {
            return read().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
        {
            throw new InvalidDataException(
                $"{place} cannot be read as Parquet: {e.Message.TrimEnd('.')}. "
                    + "The file may be damaged; copy it again, or write it anew without encryption.",
                e
            );
        }
    }

    /// <summary>The package gives strings within lists as characters, whatever its options say.</summary>
    private sealed class CharactersConverter : JsonConverter<ReadOnlyMemory<char>>
    {
        public override ReadOnlyMemory<char> Read(
            ref Utf8JsonReader reader,
            Type typeToConvert,
            JsonSerializerOptions options
        ) => reader.GetString().AsMemory();

        public override void Write(Utf8JsonWriter writer, ReadOnlyMemory<char> value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Span);
    }
}
