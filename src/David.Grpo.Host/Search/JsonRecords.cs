using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace David.Grpo.Search;

/// <summary>How far reading has come.</summary>
/// <param name="Records">Read so far.</param>
/// <param name="Fraction">Of the file's bytes, in [0, 1].</param>
public readonly record struct ReadProgress(long Records, double Fraction);

/// <summary>One JSON object of a file, and where it stands.</summary>
internal readonly record struct JsonRecord(JsonElement Json, string Place)
{
    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string field) => Find(field) is not null;

    /// <summary>A string that must be there.</summary>
    public string Text(string field) =>
        Find(field) is { } value ? Text(field, value) : throw Missing(field, "a string");

    /// <summary>A string, or the default where the field is absent or null.</summary>
    public string Text(string field, string absent) => Find(field) is { } value ? Text(field, value) : absent;

    /// <summary>A string or a whole number, which Search-R1's files use alike for ids.</summary>
    public string Id(string field) =>
        Find(field) is not { } value ? throw Missing(field, "a string")
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? $"{number}"
        : Text(field, value) is { Length: > 0 } text ? text
        : throw Invalid(field, "empty", "a string with characters");

    public int Count(string field, int absent) =>
        Find(field) is not { } value ? absent
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0 ? number
        : throw Invalid(field, Short(value), "a whole number of at least 0");

    /// <summary>An array of strings; empty where the field is absent or null.</summary>
    public string[] Texts(string field)
    {
        JsonRecord record = this;
        return [.. Items(field).Select(item => record.Text(field, item))];
    }

    /// <summary>As <see cref="Texts"/>, where one string stands for an array of it alone.</summary>
    public string[] TextOrTexts(string field) =>
        Find(field) is { ValueKind: JsonValueKind.String } ? [Text(field)] : Texts(field);

    /// <summary>The items of an array; none where the field is absent or null.</summary>
    public IEnumerable<JsonElement> Items(string field) =>
        Find(field) is not { } value ? []
        : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray()
        : throw Invalid(field, Short(value), "an array");

    /// <summary>The items of an array of objects; none where the field is absent or null.</summary>
    public IEnumerable<JsonRecord> Objects(string field)
    {
        JsonRecord record = this;
        return Items(field)
            .Select(item =>
                item.ValueKind == JsonValueKind.Object
                    ? new JsonRecord(item, $"{record.Place}, {field}")
                    : throw record.Invalid(field, Short(item), "objects")
            );
    }

    /// <summary>An object in this one.</summary>
    public JsonRecord? Object(string field) =>
        Find(field) is { ValueKind: JsonValueKind.Object } value ? new JsonRecord(value, $"{Place}, {field}") : null;

    public InvalidDataException Missing(string field, string expected) => Invalid(field, "missing", expected);

    public InvalidDataException Invalid(string field, string got, string expected) =>
        new($"{Place}: field \"{field}\" is {got}; expected {expected}.");

    public static string Short(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "…";
    }

    private string Text(string field, JsonElement value)
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }
        catch (InvalidOperationException) { } // an escape such as \ud800, which is no character
        throw Invalid(field, Short(value), "a string of valid Unicode");
    }

    private JsonElement? Find(string field) =>
        Json.TryGetProperty(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}

/// <summary>
/// The JSON objects of a file: one a line (.jsonl), or the items of one array (.json), either gzipped or not, or the rows of a
/// Parquet file.
/// </summary>
internal static class JsonRecords
{
    internal const int ReportEvery = 1000;

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">Something is no JSON object, or the file is cut off; the text says where.</exception>
    public static IEnumerable<JsonRecord> Read(
        string path,
        IProgress<ReadProgress>? progress,
        CancellationToken cancellationToken
    ) =>
        ParquetRecords.IsParquet(path)
            ? ParquetRecords.Read(path, progress, cancellationToken)
            : ReadText(path, progress, cancellationToken);

    private static IEnumerable<JsonRecord> ReadText(
        string path,
        IProgress<ReadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        bool isArray;
        using (Stream beginning = Open(path, out _))
            isArray = BeginsWithBracket(path, beginning);
        using Stream content = Open(path, out FileStream file);
        long count = 0;
        foreach (JsonRecord record in isArray ? Items(path, content) : Lines(path, content))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
            if (++count % ReportEvery == 0)
                progress?.Report(new ReadProgress(count, (double)file.Position / file.Length));
        }
        (content as CountedGzip)?.CheckComplete(path);
        progress?.Report(new ReadProgress(count, 1));
    }

    private static Stream Open(string path, out FileStream file)
    {
        file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16);
        Span<byte> magic = stackalloc byte[2];
        bool isGzip = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1F, 0x8B];
        file.Position = 0;
        return isGzip ? new CountedGzip(file) : file;
    }

    private static bool BeginsWithBracket(string path, Stream content) =>
        Guard(
            path,
            () =>
            {
                using StreamReader reader = new(content);
                while (reader.Peek() is int next and >= 0 && char.IsWhiteSpace((char)next))
                    reader.Read();
                return reader.Peek() == '[';
            }
        );

    private static IEnumerable<JsonRecord> Lines(string path, Stream content)
    {
        using StreamReader reader = new(content, new UTF8Encoding(false, throwOnInvalidBytes: true));
        for (long line = 1; ; line++)
        {
            string place = $"{path}, line {line}";
            string? text = Guard(place, reader.ReadLine);
            if (text is null)
                yield break;
            if (string.IsNullOrWhiteSpace(text))
                continue;
            bool isLast = Guard(place, reader.Peek) < 0;
            yield return AsObject(Guard(place, () => JsonElement.Parse(text), isLast), place);
        }
    }

    /// <summary>Parsed while it is read: HotpotQA's training file has half a gigabyte.</summary>
    private static IEnumerable<JsonRecord> Items(string path, Stream content)
    {
        using IEnumerator<JsonElement> items = JsonSerializer
            .DeserializeAsyncEnumerable<JsonElement>(content)
            .ToBlockingEnumerable()
            .GetEnumerator();
        for (long item = 1; Guard($"{path}, item {item}", items.MoveNext); item++)
            yield return AsObject(items.Current, $"{path}, item {item}");
    }

    private static JsonRecord AsObject(JsonElement json, string place) =>
        json.ValueKind == JsonValueKind.Object
            ? new JsonRecord(json, place)
            : throw new InvalidDataException($"{place} is {JsonRecord.Short(json)}; expected a JSON object.");

    private static T Guard<T>(string place, Func<T> read, bool isLast = false)
    {
        try
        {
            return read();
        }
        catch (JsonException e)
        {
            string cause = isLast ? " It is the last line: the file may be cut off; copy it again." : "";
            throw new InvalidDataException($"{place} is not valid JSON: {e.Message}{cause}", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{place}, or one soon after it, is not valid UTF-8: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{place}: the gzip stream is damaged: {e.Message}", e);
        }
    }

    /// <summary>
    /// A gzip stream that counts what it gave. .NET takes a file that is cut off for one that ends; the length that a
    /// gzip file ends with tells (of files with several members, where the last is shorter than the whole, it does not).
    /// </summary>
    private sealed class CountedGzip(FileStream file) : GZipStream(file, CompressionMode.Decompress)
    {
        private long given;

        public override int Read(Span<byte> buffer) => Count(base.Read(buffer));

        public override int Read(byte[] array, int offset, int count) => Count(base.Read(array, offset, count));

        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer,
            CancellationToken cancellationToken = default
        ) => Count(await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

        /// <summary>To be called at the end of the stream.</summary>
        public void CheckComplete(string path)
        {
            using FileStream tail = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            tail.Position = Math.Max(0, tail.Length - 4);
            Span<byte> length = stackalloc byte[4];
            tail.ReadAtLeast(length, 4, throwOnEndOfStream: false);
            uint promised = BinaryPrimitives.ReadUInt32LittleEndian(length);
            if (given < promised)
                throw new InvalidDataException(
                    $"{path}: the gzip stream ends after {given} bytes of text, {promised} were promised; "
                        + "the file is cut off. Copy it again."
                );
        }

        private int Count(int read)
        {
            given += read;
            return read;
        }
    }
}
