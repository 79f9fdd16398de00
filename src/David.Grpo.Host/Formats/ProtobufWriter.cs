using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace David.Grpo.Formats;

/// <summary>Fields of one message in Protocol Buffers' wire format, in the order in which they are added.</summary>
internal sealed class ProtobufWriter
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The message so far.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>int32, int64, bool and enum fields; a negative number takes ten bytes.</summary>
    public ProtobufWriter Add(int field, long value)
    {
        Key(field, Varint);
        Number((ulong)value);
        return this;
    }

    public ProtobufWriter Add(int field, double value)
    {
        Key(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(_bytes.GetSpan(sizeof(double)), value);
        _bytes.Advance(sizeof(double));
        return this;
    }

    public ProtobufWriter Add(int field, float value)
    {
        Key(field, Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(_bytes.GetSpan(sizeof(float)), value);
        _bytes.Advance(sizeof(float));
        return this;
    }

    /// <summary>A string or bytes.</summary>
    public ProtobufWriter Add(int field, string text) => Add(field, Encoding.UTF8.GetBytes(text));

    public ProtobufWriter Add(int field, ReadOnlySpan<byte> bytes)
    {
        Key(field, Delimited);
        Number((ulong)bytes.Length);
        _bytes.Write(bytes);
        return this;
    }

    public ProtobufWriter Add(int field, ProtobufWriter message) => Add(field, message.Written);

    /// <summary>A packed repeated double.</summary>
    public ProtobufWriter Add(int field, ReadOnlySpan<double> values)
    {
        Key(field, Delimited);
        Number((ulong)(values.Length * sizeof(double)));
        foreach (double value in values)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(_bytes.GetSpan(sizeof(double)), value);
            _bytes.Advance(sizeof(double));
        }
        return this;
    }

    private void Key(int field, int wireType) => Number(((ulong)field << 3) | (uint)wireType);

    private void Number(ulong value)
    {
        while (value >= 0x80)
        {
            Byte((byte)(value | 0x80));
            value >>= 7;
        }
        Byte((byte)value);
    }

    private void Byte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
    }
}
