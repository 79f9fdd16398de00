using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace David.Grpo.Formats;

/// <summary>Types of a tensor's elements, named as safetensors names them. All are little-endian.</summary>
public enum StoredType
{
    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>The upper half of an IEEE single.</summary>
    BF16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,

    /// <summary>A byte, 0 or 1.</summary>
    BOOL,
}

/// <summary>Sizes of element types and their conversion from and to float32.</summary>
internal static class Elements
{
    /// <summary>By safetensors' name.</summary>
    public static readonly FrozenDictionary<string, StoredType> ByName = Enum.GetValues<StoredType>()
        .ToFrozenDictionary(type => type.ToString());

    /// <summary>Bytes of an element.</summary>
    public static int Size(StoredType type) =>
        type switch
        {
            StoredType.F64 or StoredType.I64 or StoredType.U64 => 8,
            StoredType.F32 or StoredType.I32 or StoredType.U32 => 4,
            StoredType.F16 or StoredType.BF16 or StoredType.I16 or StoredType.U16 => 2,
            _ => 1,
        };

    /// <summary>The number of elements of a shape, 1 for a scalar's [], or null where it is negative or above 2⁶³ − 1.</summary>
    public static long? Count(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long extent in shape)
        {
            Int128 product = (Int128)count * extent;
            if (extent < 0 || product > long.MaxValue)
                return null;
            count = (long)product;
        }
        return count;
    }

    /// <summary>[n × size] bytes → [n] floats, each rounded to the nearest float32 where it is not one.</summary>
    public static void ToFloat32(StoredType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (type)
        {
            case StoredType.F32:
                bytes.CopyTo(MemoryMarshal.AsBytes(values));
                break;
            case StoredType.BF16:
                ReadOnlySpan<ushort> upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < values.Length; i++)
                    values[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            case StoredType.F16:
                Convert(bytes, values, static (Half value) => (float)value);
                break;
            case StoredType.F64:
                Convert(bytes, values, static (double value) => (float)value);
                break;
            case StoredType.I64:
                Convert(bytes, values, static (long value) => value);
                break;
            case StoredType.I32:
                Convert(bytes, values, static (int value) => value);
                break;
            case StoredType.I16:
                Convert(bytes, values, static (short value) => value);
                break;
            case StoredType.I8:
                Convert(bytes, values, static (sbyte value) => value);
                break;
            case StoredType.U64:
                Convert(bytes, values, static (ulong value) => value);
                break;
            case StoredType.U32:
                Convert(bytes, values, static (uint value) => value);
                break;
            case StoredType.U16:
                Convert(bytes, values, static (ushort value) => value);
                break;
            case StoredType.U8:
                Convert(bytes, values, static (byte value) => value);
                break;
            case StoredType.BOOL:
                Convert(bytes, values, static (byte value) => value == 0 ? 0f : 1f);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type");
        }
    }

    /// <summary>[n] floats → [n × size] bytes of F32, F16 or BF16, rounded to nearest, ties to even; NaN stays NaN.</summary>
    public static void FromFloat32(StoredType type, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        switch (type)
        {
            case StoredType.F32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case StoredType.F16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (int i = 0; i < values.Length; i++)
                    halves[i] = (Half)values[i];
                break;
            case StoredType.BF16:
                Span<ushort> upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < values.Length; i++)
                {
                    uint bits = BitConverter.SingleToUInt32Bits(values[i]);
                    upper[i] = float.IsNaN(values[i])
                        ? (ushort)((bits >> 16) | 0x40)
                        : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "floats are written as F32, F16 or BF16");
        }
    }

    private static void Convert<T>(ReadOnlySpan<byte> bytes, Span<float> values, Func<T, float> convert)
        where T : struct
    {
        ReadOnlySpan<T> typed = MemoryMarshal.Cast<byte, T>(bytes);
        for (int i = 0; i < values.Length; i++)
            values[i] = convert(typed[i]);
    }
}
