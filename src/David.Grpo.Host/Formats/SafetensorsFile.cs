using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace David.Grpo.Formats;

/// <summary>A tensor of a safetensors file: where it lies and what it is.</summary>
/// <param name="Name">As in the file's header.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">Extents, outermost first; [] is a scalar.</param>
/// <param name="Offset">Of its first byte, from the beginning of the file.</param>
/// <param name="Bytes">Their number: elements × size of an element.</param>
public sealed record SafetensorsEntry(string Name, StoredType Type, long[] Shape, long Offset, long Bytes);

/// <summary>A safetensors file, mapped into memory and checked as a whole when it is opened.</summary>
/// <remarks>
/// Layout: the header's length as u64, the header as JSON (name → dtype, shape, data_offsets; strings under
/// <c>__metadata__</c>), then the tensors' bytes without gaps. Source: huggingface/safetensors, "Format" and its
/// <c>Metadata::validate</c>; like the latter we refuse overlaps, gaps and bytes that belong to no tensor.
/// Several threads may read at once.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    private const int LongestHeader = 100_000_000;
    private const int ChunkBytes = 1 << 16;

    private readonly MappedFile file;
    private readonly Dictionary<string, SafetensorsEntry> tensors = [];
    private readonly Dictionary<string, string> metadata = [];

    private SafetensorsFile(MappedFile file) => this.file = file;

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is truncated or not safetensors; the text says what is wrong.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafetensorsFile opened = new(new MappedFile(path));
        try
        {
            opened.ReadHeader();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Of the file.</summary>
    public string Path => file.Path;

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Tensors => tensors;

    /// <summary>The strings under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Where the header ends and the tensors begin, in bytes.</summary>
    public long DataStart { get; private set; }

    /// <summary>A tensor's elements, row by row, converted to float32 (rounded to nearest; BOOL gives 0 and 1).</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">As long as the tensor has elements.</param>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public void ReadFloat32(string name, Span<float> destination)
    {
        SafetensorsEntry entry = Find(name);
        int size = Elements.Size(entry.Type);
        CheckLength(name, nameof(destination), entry.Bytes / size, destination.Length, "elements");
        if (entry.Type == StoredType.F32)
        {
            file.Read(entry.Offset, MemoryMarshal.AsBytes(destination));
            return;
        }
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        for (int done = 0; done < destination.Length; )
        {
            Span<float> part = destination.Slice(done, Math.Min(ChunkBytes / size, destination.Length - done));
            Span<byte> bytes = buffer.AsSpan(0, part.Length * size);
            file.Read(entry.Offset + ((long)done * size), bytes);
            Elements.ToFloat32(entry.Type, bytes, part);
            done += part.Length;
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>A tensor's bytes as they lie in the file.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public void ReadBytes(string name, Span<byte> destination)
    {
        SafetensorsEntry entry = Find(name);
        CheckLength(name, nameof(destination), entry.Bytes, destination.Length, "bytes");
        file.Read(entry.Offset, destination);
    }

    public void Dispose() => file.Dispose();

    /// <summary>Bytes from anywhere in the file.</summary>
    internal MappedFile File => file;

    private SafetensorsEntry Find(string name) =>
        tensors.GetValueOrDefault(name)
        ?? throw new KeyNotFoundException($"{Path} has no tensor \"{name}\"; it has {tensors.Count} others.");

    private void CheckLength(string name, string parameter, long expected, int got, string unit)
    {
        if (expected != got)
            throw new ArgumentException(
                $"{Path}: tensor \"{name}\" has {expected} {unit}; the destination has room for {got}.",
                parameter
            );
    }

    private void ReadHeader()
    {
        if (file.Length < 8)
            throw file.Invalid($"the file is truncated: {file.Length} bytes, at least 8 expected.");
        Span<byte> prefix = stackalloc byte[8];
        file.Read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader)
            throw file.Invalid(
                $"the header claims {length} bytes, more than the {LongestHeader} that safetensors allows; "
                    + "this is no safetensors file."
            );
        if (length > (ulong)file.Length - 8)
            throw file.Invalid(
                $"the header claims {length} bytes, but the file ends {file.Length - 8} bytes after the length; "
                    + "it is truncated. Download it again."
            );
        DataStart = 8 + (long)length;
        byte[] header = new byte[length];
        file.Read(8, header);
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(header);
            JsonDocumentOptions strict = new() { AllowDuplicateProperties = false };
            using JsonDocument document = JsonDocument.Parse(text, strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw file.Invalid("the header is not a JSON object.");
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
                if (property.Name == "__metadata__")
                    ReadMetadata(property.Value);
                else
                    tensors.Add(property.Name, ReadEntry(property.Name, property.Value));
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw file.Invalid($"the header is not valid JSON: {e.Message}", e);
        }
        CheckCoverage();
    }

    private void ReadMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw file.Invalid($"__metadata__ is {value.ValueKind}; expected an object of strings.");
        foreach (JsonProperty property in value.EnumerateObject())
            metadata.Add(
                property.Name,
                property.Value.ValueKind == JsonValueKind.String
                    ? property.Value.GetString()!
                    : throw file.Invalid(
                        $"__metadata__.{property.Name} is {property.Value.ValueKind}; expected a string."
                    )
            );
    }

    private SafetensorsEntry ReadEntry(string name, JsonElement value)
    {
        JsonElement Field(string field) =>
            value.ValueKind == JsonValueKind.Object && value.TryGetProperty(field, out JsonElement found)
                ? found
                : throw file.Invalid($"tensor \"{name}\" has no {field}.");

        long[] Integers(string field)
        {
            JsonElement array = Field(field);
            if (array.ValueKind != JsonValueKind.Array)
                throw file.Invalid($"tensor \"{name}\": {field} is {array.ValueKind}; expected whole numbers.");
            return
            [
                .. array
                    .EnumerateArray()
                    .Select(item =>
                        item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out long number) && number >= 0
                            ? number
                            : throw file.Invalid(
                                $"tensor \"{name}\": {field} holds {item.GetRawText()}; "
                                    + "expected whole numbers of at least 0."
                            )
                    ),
            ];
        }

        JsonElement dtype = Field("dtype");
        if (
            dtype.ValueKind != JsonValueKind.String
            || !Elements.ByName.TryGetValue(dtype.GetString()!, out StoredType type)
        )
            throw file.Invalid(
                $"tensor \"{name}\" has dtype {dtype.GetRawText()}; "
                    + $"supported are {string.Join(", ", Enum.GetNames<StoredType>())}."
            );
        long[] shape = Integers("shape");
        long[] offsets = Integers("data_offsets");
        long room = file.Length - DataStart;
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw file.Invalid(
                $"tensor \"{name}\": data_offsets is [{string.Join(", ", offsets)}]; expected [begin, end]."
            );
        if (offsets[1] > room)
            throw file.Invalid(
                $"tensor \"{name}\" ends at byte {offsets[1]} of the data, but the file holds only {room}; "
                    + "it is truncated. Download it again."
            );
        long bytes = offsets[1] - offsets[0];
        if (Elements.Count(shape) is not { } count || (Int128)count * Elements.Size(type) != bytes)
            throw file.Invalid(
                $"tensor \"{name}\" has {bytes} bytes; shape [{string.Join(", ", shape)}] of {type} needs another number."
            );
        return new SafetensorsEntry(name, type, shape, DataStart + offsets[0], bytes);
    }

    /// <summary>Every byte of the data belongs to exactly one tensor.</summary>
    private void CheckCoverage()
    {
        long end = DataStart;
        string before = "the header";
        foreach (SafetensorsEntry entry in tensors.Values.OrderBy(entry => (entry.Offset, entry.Offset + entry.Bytes)))
        {
            if (entry.Offset != end)
                throw file.Invalid(
                    $"tensor \"{entry.Name}\" begins at byte {entry.Offset}, but {before} ends at {end}: "
                        + (entry.Offset < end ? "they overlap." : "there is a gap.")
                );
            end = entry.Offset + entry.Bytes;
            before = $"tensor \"{entry.Name}\"";
        }
        if (end != file.Length)
            throw file.Invalid($"{file.Length - end} bytes after {before} belong to no tensor.");
    }
}
