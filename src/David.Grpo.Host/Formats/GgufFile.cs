using System.Buffers;
using System.Runtime.InteropServices;

namespace David.Grpo.Formats;

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">llama.cpp's name, such as <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Type">How its values are stored.</param>
/// <param name="Shape">Extents, outermost first as in Hugging Face's files: the reverse of the order in a GGUF file.</param>
/// <param name="Offset">Of its first byte, from the beginning of the file.</param>
public sealed record GgufTensor(string Name, GgmlType Type, long[] Shape, long Offset)
{
    /// <summary>The number of values.</summary>
    public long Count => Elements.Count(Shape) ?? throw new InvalidOperationException("checked when the file was read");
}

/// <summary>A GGUF file of version 2 or 3, mapped into memory and checked as a whole when it is opened.</summary>
/// <remarks>Source: ggml-org/ggml, docs/gguf.md. Several threads may read at once.</remarks>
public sealed class GgufFile : IDisposable
{
    private const int ChunkValues = 1 << 14;

    private readonly MappedFile file;
    private readonly GgufHeader header;

    private GgufFile(MappedFile file)
    {
        this.file = file;
        header = GgufHeader.Read(file);
    }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is truncated or not GGUF; the text says what is wrong.</exception>
    public static GgufFile Open(string path)
    {
        MappedFile file = new(path);
        try
        {
            return new GgufFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Of the file.</summary>
    public string Path => file.Path;

    /// <summary>2 or 3.</summary>
    public int Version => header.Version;

    /// <summary>
    /// Values by key. A number has GGUF's own type (<see cref="uint"/>, <see cref="float"/>, …); others are
    /// <see cref="bool"/>, <see cref="string"/>, and arrays of one of these types (arrays of arrays: <c>object[]</c>).
    /// </summary>
    public IReadOnlyDictionary<string, object> Metadata => header.Metadata;

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => header.Tensors;

    /// <summary>Where the header ends and the tensors begin, in bytes.</summary>
    public long DataStart => header.DataStart;

    /// <summary>A tensor's values, row by row, dequantised exactly as the package gguf does it.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">As long as the tensor has values.</param>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="NotSupportedException">The tensor's type is none that we read.</exception>
    public void ReadFloat32(string name, Span<float> destination)
    {
        GgufTensor tensor = Readable(name);
        if (tensor.Count != destination.Length)
            throw new ArgumentException(
                $"{Path}: tensor \"{name}\" has {tensor.Count} values; the destination has room for {destination.Length}.",
                nameof(destination)
            );
        if (tensor.Type == GgmlType.F32)
        {
            file.Read(tensor.Offset, MemoryMarshal.AsBytes(destination));
            return;
        }
        (int blockValues, int blockBytes) = GgmlBlock.Layout(tensor.Type)!.Value;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkValues / blockValues * blockBytes);
        for (int done = 0; done < destination.Length; )
        {
            Span<float> part = destination.Slice(done, Math.Min(ChunkValues, destination.Length - done));
            Span<byte> bytes = buffer.AsSpan(0, part.Length / blockValues * blockBytes);
            file.Read(tensor.Offset + ((long)done / blockValues * blockBytes), bytes);
            GgmlBlock.ToFloat32(tensor.Type, bytes, part);
            done += part.Length;
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    public void Dispose() => file.Dispose();

    internal MappedFile File => file;

    /// <summary>A tensor that <see cref="ReadFloat32"/> takes.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="NotSupportedException">The tensor's type is none that we read.</exception>
    internal GgufTensor Readable(string name)
    {
        if (!Tensors.TryGetValue(name, out GgufTensor? tensor))
            throw new KeyNotFoundException($"{Path} has no tensor \"{name}\"; it has {Tensors.Count} others.");
        return GgmlBlock.IsReadable(tensor.Type)
            ? tensor
            : throw new NotSupportedException(
                $"{Path}: tensor \"{name}\" is stored as {tensor.Type}; readable are F32, F16, BF16, Q8_0, Q4_0 and "
                    + "Q4_1. Take a file of these types alone (for instance: llama-quantize MODEL OUT Q8_0)."
            );
    }

    /// <summary>The error that names this file.</summary>
    internal InvalidDataException Invalid(string what) => file.Invalid(what);
}
