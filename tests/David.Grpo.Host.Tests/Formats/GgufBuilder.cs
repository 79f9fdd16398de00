using System.Runtime.InteropServices;
using System.Text;
using David.Grpo.Formats;

namespace David.Grpo.Host.Tests.Formats;

/// <summary>Writes small GGUF files for tests.</summary>
internal sealed class GgufBuilder
{
    private readonly Dictionary<string, object> metadata = [];
    private readonly List<(string Name, GgmlType Type, long[] Shape, byte[] Bytes, long? Offset)> tensors = [];

    public static byte[] Floats(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    public GgufBuilder Metadata(string key, object value)
    {
        metadata[key] = value;
        return this;
    }

    /// <param name="offset">Null puts the tensor after the one before.</param>
    public GgufBuilder Tensor(string name, GgmlType type, long[] shape, byte[] bytes, long? offset = null)
    {
        tensors.Add((name, type, shape, bytes, offset));
        return this;
    }

    public byte[] Build()
    {
        long alignment = metadata.GetValueOrDefault("general.alignment") is uint given and > 0 ? given : 32;
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach ((string key, object value) in metadata)
        {
            Text(writer, key);
            writer.Write(TypeOf(value));
            Value(writer, value);
        }
        long next = 0;
        List<long> places = [];
        foreach ((string name, GgmlType type, long[] shape, byte[] bytes, long? offset) in tensors)
        {
            Text(writer, name);
            writer.Write((uint)shape.Length);
            foreach (long extent in shape.Reverse())
                writer.Write(extent);
            writer.Write((uint)type);
            places.Add(offset ?? next);
            writer.Write(places[^1]);
            next = (places[^1] + bytes.Length + alignment - 1) / alignment * alignment;
        }
        long start = (stream.Position + alignment - 1) / alignment * alignment;
        foreach (((_, _, _, byte[] bytes, _), long place) in tensors.Zip(places))
        {
            stream.SetLength(Math.Max(stream.Length, start + place));
            stream.Position = start + place;
            writer.Write(bytes);
        }
        return stream.ToArray();
    }

    private static uint TypeOf(object value) =>
        value switch
        {
            byte => 0,
            uint => 4,
            int => 5,
            float => 6,
            bool => 7,
            string => 8,
            Array => 9,
            long => 11,
            double => 12,
            _ => throw new ArgumentException($"no test needs {value.GetType()}", nameof(value)),
        };

    private static void Value(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number:
                writer.Write(number);
                break;
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case string text:
                Text(writer, text);
                break;
            case long number:
                writer.Write(number);
                break;
            case double number:
                writer.Write(number);
                break;
            case Array items:
                writer.Write(TypeOf(items.GetValue(0)!));
                writer.Write((ulong)items.Length);
                foreach (object item in items)
                    Value(writer, item);
                break;
        }
    }

    private static void Text(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }
}
