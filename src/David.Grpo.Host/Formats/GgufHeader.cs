using System.Runtime.InteropServices;
using System.Text;

namespace David.Grpo.Formats;

/// <summary>What stands before the tensors of a GGUF file: version, metadata, and where each tensor lies.</summary>
internal sealed class GgufHeader
{
    private const int DeepestArray = 4;
    private const int MostExtents = 4;

    private readonly MappedFile file;
    private readonly BinaryReader reader;

    /// <summary>What is being read, for errors.</summary>
    private string part = "the header";

    private GgufHeader(MappedFile file, BinaryReader reader) => (this.file, this.reader) = (file, reader);

    public int Version { get; private set; }
    public Dictionary<string, object> Metadata { get; } = [];
    public Dictionary<string, GgufTensor> Tensors { get; } = [];
    public long DataStart { get; private set; }

    /// <exception cref="InvalidDataException">The header is truncated or wrong.</exception>
    public static GgufHeader Read(MappedFile file)
    {
        using BinaryReader reader = new(file.Open(0, file.Length), Encoding.UTF8);
        GgufHeader header = new(file, reader);
        try
        {
            header.Read();
            return header;
        }
        catch (EndOfStreamException e)
        {
            throw file.Invalid($"the file ends inside {header.part}; it is truncated. Download it again.", e);
        }
    }

    private long Left => file.Length - reader.BaseStream.Position;

    private void Read()
    {
        if (!reader.ReadBytes(4).AsSpan().SequenceEqual("GGUF"u8))
            throw file.Invalid("the file does not begin with \"GGUF\"; this is no GGUF file.");
        uint version = reader.ReadUInt32();
        if (version is not (2 or 3))
            throw file.Invalid(
                (version & 0xFFFF) == 0
                    ? "the file is big-endian; only little-endian GGUF is read."
                    : $"the file is of GGUF version {version}; versions 2 and 3 are read."
            );
        Version = (int)version;
        ulong tensorCount = reader.ReadUInt64();
        ulong metadataCount = reader.ReadUInt64();
        for (ulong i = 0; i < metadataCount; i++)
        {
            part = $"metadata entry {i + 1} of {metadataCount}";
            string key = ReadString();
            part = $"metadata \"{key}\"";
            if (!Metadata.TryAdd(key, ReadValue(reader.ReadUInt32(), 0)))
                throw file.Invalid($"{part} stands twice.");
        }
        if (Metadata.GetValueOrDefault("split.count") is ushort and > 1)
            throw file.Invalid(
                "the file is one part of a split model; join the parts first (llama-gguf-split --merge FIRST OUT)."
            );

        List<(string Name, GgmlType Type, long[] Shape, ulong Offset)> infos = [];
        for (ulong i = 0; i < tensorCount; i++)
        {
            part = $"tensor entry {i + 1} of {tensorCount}";
            string name = ReadString();
            part = $"the entry of tensor \"{name}\"";
            long[] shape = ReadShape();
            GgmlType type = (GgmlType)reader.ReadUInt32();
            infos.Add((name, type, shape, reader.ReadUInt64()));
        }
        Place(infos);
    }

    private long[] ReadShape()
    {
        uint dimensions = reader.ReadUInt32();
        if (dimensions > MostExtents)
            throw file.Invalid($"{part} has {dimensions} dimensions; at most {MostExtents} are allowed.");
        long[] shape = new long[dimensions];
        for (int i = shape.Length - 1; i >= 0; i--)
            shape[i] = (long)Math.Min(reader.ReadUInt64(), long.MaxValue);
        return shape;
    }

    /// <summary>Checks that each tensor lies in the file, aligned, and on no other.</summary>
    private void Place(List<(string Name, GgmlType Type, long[] Shape, ulong Offset)> infos)
    {
        uint alignment = Metadata.GetValueOrDefault("general.alignment", 32u) switch
        {
            uint value when value >= 8 && uint.IsPow2(value) => value,
            object value => throw file.Invalid(
                $"general.alignment is {value}; expected an unsigned 32-bit power of two of at least 8."
            ),
        };
        long position = reader.BaseStream.Position;
        DataStart = (position + alignment - 1) / alignment * alignment;
        if (infos.Count > 0 && DataStart > file.Length)
            throw file.Invalid("the file ends before its tensors; it is truncated. Download it again.");

        long end = 0;
        string before = "the header";
        foreach ((string name, GgmlType type, long[] shape, ulong offset) in infos.OrderBy(info => info.Offset))
        {
            Int128 bytes = Size(name, type, shape);
            if (offset % alignment != 0)
                throw file.Invalid($"tensor \"{name}\" lies at {offset}, no multiple of the alignment {alignment}.");
            if (offset + bytes > file.Length - DataStart)
                throw file.Invalid(
                    $"tensor \"{name}\" ends at byte {offset + bytes} of the data, but the file holds only "
                        + $"{file.Length - DataStart}; it is truncated. Download it again."
                );
            if (offset < (ulong)end)
                throw file.Invalid($"tensor \"{name}\" begins inside {before}.");
            end = (long)(offset + bytes);
            before = $"tensor \"{name}\"";
            if (!Tensors.TryAdd(name, new GgufTensor(name, type, shape, DataStart + (long)offset)))
                throw file.Invalid($"tensor \"{name}\" stands twice.");
        }
    }

    /// <summary>Bytes of a tensor; 0 for a type whose layout we do not know.</summary>
    private Int128 Size(string name, GgmlType type, long[] shape)
    {
        if (Elements.Count(shape) is not { } count)
            throw file.Invalid($"tensor \"{name}\" has the impossible shape [{string.Join(", ", shape)}].");
        if (GgmlBlock.Layout(type) is not (int values, int bytes))
            return 0;
        long row = shape.Length == 0 ? 1 : shape[^1];
        if (row % values != 0)
            throw file.Invalid($"tensor \"{name}\" has rows of {row} values; {type} needs multiples of {values}.");
        return (Int128)(count / values) * bytes;
    }

    private string ReadString()
    {
        ulong length = reader.ReadUInt64();
        if (length > (ulong)Math.Min(Left, Array.MaxLength))
            throw file.Invalid(
                $"{part} claims a string of {length} bytes, but only {Left} are left; the file is truncated or damaged."
            );
        byte[] bytes = new byte[length];
        reader.BaseStream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private object ReadValue(uint type, int depth) =>
        type switch
        {
            0 => reader.ReadByte(),
            1 => reader.ReadSByte(),
            2 => reader.ReadUInt16(),
            3 => reader.ReadInt16(),
            4 => reader.ReadUInt32(),
            5 => reader.ReadInt32(),
            6 => reader.ReadSingle(),
            7 => reader.ReadByte() != 0,
            8 => ReadString(),
            9 => ReadArray(depth),
            10 => reader.ReadUInt64(),
            11 => reader.ReadInt64(),
            12 => reader.ReadDouble(),
            _ => throw file.Invalid($"{part} has the unknown type {type}; the file is damaged or newer than GGUF 3."),
        };

    private Array ReadArray(int depth)
    {
        if (depth == DeepestArray)
            throw file.Invalid($"{part} is an array more than {DeepestArray} deep.");
        uint type = reader.ReadUInt32();
        ulong count = reader.ReadUInt64();
        int smallest = type switch
        {
            2 or 3 => 2,
            4 or 5 or 6 => 4,
            8 or 10 or 11 or 12 => 8,
            9 => 12,
            _ => 1,
        };
        if (count > (ulong)(Left / smallest) || count > (ulong)Array.MaxLength)
            throw file.Invalid(
                $"{part} claims an array of {count} items, but only {Left} bytes are left; "
                    + "the file is truncated or damaged."
            );
        int length = (int)count;
        return type switch
        {
            0 => ReadNumbers<byte>(length),
            1 => ReadNumbers<sbyte>(length),
            2 => ReadNumbers<ushort>(length),
            3 => ReadNumbers<short>(length),
            4 => ReadNumbers<uint>(length),
            5 => ReadNumbers<int>(length),
            6 => ReadNumbers<float>(length),
            7 => Array.ConvertAll(ReadNumbers<byte>(length), value => value != 0),
            8 => ReadItems(length, ReadString),
            9 => ReadItems<object>(length, () => ReadArray(depth + 1)),
            10 => ReadNumbers<ulong>(length),
            11 => ReadNumbers<long>(length),
            12 => ReadNumbers<double>(length),
            _ => throw file.Invalid($"{part} has items of the unknown type {type}; the file is damaged."),
        };
    }

    private T[] ReadNumbers<T>(int length)
        where T : unmanaged
    {
        T[] numbers = new T[length];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }

    private static T[] ReadItems<T>(int length, Func<T> read)
    {
        T[] items = new T[length];
        for (int i = 0; i < length; i++)
            items[i] = read();
        return items;
    }
}
