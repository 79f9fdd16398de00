using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace David.Grpo.Formats;

/// <summary>A tensor to be written, whose elements are asked for when its turn comes.</summary>
public sealed class SafetensorsTensor
{
    private readonly Action<Stream> write;

    private SafetensorsTensor(string name, StoredType type, long[] shape, Action<Stream> write)
    {
        Bytes =
            Elements.Count(shape) * Elements.Size(type)
            ?? throw new ArgumentException(
                $"Tensor \"{name}\" has the shape [{string.Join(", ", shape)}]; extents are at least 0.",
                nameof(shape)
            );
        (Name, Type, Shape, this.write) = (name, type, shape, write);
    }

    /// <summary>Unique in the file.</summary>
    public string Name { get; }

    /// <summary>Of the elements as they are written.</summary>
    public StoredType Type { get; }

    /// <summary>Extents, outermost first.</summary>
    public long[] Shape { get; }
    internal long Bytes { get; }

    /// <summary>A tensor of floats.</summary>
    /// <param name="name">Unique in the file; not <c>__metadata__</c>.</param>
    /// <param name="shape">Extents, outermost first.</param>
    /// <param name="fill">Writes every element, row by row, into the span it is given.</param>
    /// <param name="type">F32, or F16 or BF16: then rounded to nearest, ties to even.</param>
    /// <exception cref="ArgumentException">Another type, a negative extent or more than 2³¹ elements.</exception>
    public static SafetensorsTensor Floats(
        string name,
        long[] shape,
        Action<Span<float>> fill,
        StoredType type = StoredType.F32
    )
    {
        if (type is not (StoredType.F32 or StoredType.F16 or StoredType.BF16))
            throw new ArgumentException($"Floats are written as F32, F16 or BF16; got {type}.", nameof(type));
        if (Elements.Count(shape) is not { } count || count > Array.MaxLength / 4)
            throw new ArgumentException(
                $"Tensor \"{name}\" has the shape [{string.Join(", ", shape)}]; "
                    + $"extents are at least 0 and their product at most {Array.MaxLength / 4}.",
                nameof(shape)
            );
        return new SafetensorsTensor(
            name,
            type,
            shape,
            stream =>
            {
                float[] values = ArrayPool<float>.Shared.Rent((int)count);
                Span<float> filled = values.AsSpan(0, (int)count);
                filled.Clear();
                fill(filled);
                if (type == StoredType.F32)
                    stream.Write(MemoryMarshal.AsBytes(filled));
                else
                {
                    Span<byte> narrow = new byte[count * 2];
                    Elements.FromFloat32(type, filled, narrow);
                    stream.Write(narrow);
                }
                ArrayPool<float>.Shared.Return(values);
            }
        );
    }

    /// <summary>A tensor whose little-endian bytes are at hand.</summary>
    /// <exception cref="ArgumentException">The number of bytes is not that of the shape and type.</exception>
    public static SafetensorsTensor Raw(string name, StoredType type, long[] shape, ReadOnlyMemory<byte> bytes)
    {
        SafetensorsTensor tensor = new(name, type, shape, stream => stream.Write(bytes.Span));
        return tensor.Bytes == bytes.Length
            ? tensor
            : throw new ArgumentException(
                $"Tensor \"{name}\" of {type} [{string.Join(", ", shape)}] has {tensor.Bytes} bytes; "
                    + $"got {bytes.Length}.",
                nameof(bytes)
            );
    }

    internal void WriteTo(Stream stream) => write(stream);
}

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    private static readonly Dictionary<string, string> PyTorch = new() { ["format"] = "pt" };

    /// <summary>
    /// Writes a file, one tensor after the other, and has the operating system put it on the disk before it returns.
    /// </summary>
    /// <remarks>
    /// The order in the file is by element size, largest first, then by name (ordinal), and the header is padded with
    /// spaces so that the data begin at a multiple of 8: every element is aligned, and the same tensors give the same
    /// file. A crash leaves a partial file at <paramref name="path"/>: write to a name beside and rename.
    /// </remarks>
    /// <param name="path">Overwritten where it exists.</param>
    /// <param name="tensors">With distinct names.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>; null writes <c>format: pt</c>, which transformers demands.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or one is named <c>__metadata__</c>.</exception>
    public static void Write(
        string path,
        IEnumerable<SafetensorsTensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        SafetensorsTensor[] ordered =
        [
            .. tensors
                .OrderByDescending(tensor => Elements.Size(tensor.Type))
                .ThenBy(tensor => tensor.Name, StringComparer.Ordinal),
        ];
        HashSet<string> names = ["__metadata__"];
        foreach (SafetensorsTensor tensor in ordered)
            if (!names.Add(tensor.Name))
                throw new ArgumentException(
                    tensor.Name == "__metadata__"
                        ? "A tensor is named __metadata__, which safetensors keeps for itself; rename it."
                        : $"Two tensors are named \"{tensor.Name}\"; names must be distinct.",
                    nameof(tensors)
                );

        byte[] header = Header(ordered, metadata ?? PyTorch);
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (SafetensorsTensor tensor in ordered)
            tensor.WriteTo(stream);
        stream.Flush(flushToDisk: true);
    }

    private static byte[] Header(SafetensorsTensor[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (SafetensorsTensor tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (long extent in tensor.Shape)
                    json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (stream.Length % 8 != 0)
            stream.WriteByte((byte)' ');
        return stream.ToArray();
    }
}
