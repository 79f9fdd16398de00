using System.Runtime.InteropServices;

namespace David.Grpo.Formats;

/// <summary>Types of GGUF tensors, with ggml's numbers. Those we read: F32, F16, BF16, Q8_0, Q4_0, Q4_1.</summary>
public enum GgmlType
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
}

/// <summary>The blocks that ggml stores numbers in, and their values.</summary>
/// <remarks>
/// Source: ggml's <c>ggml-quants</c> and the package gguf's <c>quants.py</c>, whose results these equal bit for bit:
/// products and sums are rounded to float32 one by one, never fused.
/// </remarks>
internal static class GgmlBlock
{
    /// <summary>Values and bytes of a block; null for types whose layout we do not know.</summary>
    public static (int Values, int Bytes)? Layout(GgmlType type) =>
        type switch
        {
            GgmlType.I8 => (1, 1),
            GgmlType.F16 or GgmlType.BF16 or GgmlType.I16 => (1, 2),
            GgmlType.F32 or GgmlType.I32 => (1, 4),
            GgmlType.F64 or GgmlType.I64 => (1, 8),
            GgmlType.Q4_0 => (32, 18),
            GgmlType.Q4_1 => (32, 20),
            GgmlType.Q5_0 => (32, 22),
            GgmlType.Q5_1 => (32, 24),
            GgmlType.Q8_0 => (32, 34),
            GgmlType.Q2_K => (256, 84),
            GgmlType.Q3_K => (256, 110),
            GgmlType.Q4_K => (256, 144),
            GgmlType.Q5_K => (256, 176),
            GgmlType.Q6_K => (256, 210),
            _ => null,
        };

    /// <summary>Whether <see cref="ToFloat32"/> takes this type.</summary>
    public static bool IsReadable(GgmlType type) =>
        type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0 or GgmlType.Q4_0 or GgmlType.Q4_1;

    /// <summary>Whole blocks → their values. d and m are a block's half-precision scale and minimum:
    /// Q8_0: d·q, q a signed byte; Q4_0: d·(q − 8); Q4_1: d·q + m, q a nibble, the sixteen lower ones first.</summary>
    public static void ToFloat32(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        switch (type)
        {
            case GgmlType.F32:
                Elements.ToFloat32(StoredType.F32, blocks, values);
                break;
            case GgmlType.F16:
                Elements.ToFloat32(StoredType.F16, blocks, values);
                break;
            case GgmlType.BF16:
                Elements.ToFloat32(StoredType.BF16, blocks, values);
                break;
            case GgmlType.Q8_0:
                for (int at = 0; at < values.Length; at += 32, blocks = blocks[34..])
                {
                    float d = Scale(blocks);
                    ReadOnlySpan<sbyte> q = MemoryMarshal.Cast<byte, sbyte>(blocks.Slice(2, 32));
                    Span<float> block = values.Slice(at, 32);
                    for (int i = 0; i < 32; i++)
                        block[i] = d * q[i];
                }
                break;
            case GgmlType.Q4_0:
                for (int at = 0; at < values.Length; at += 32, blocks = blocks[18..])
                {
                    float d = Scale(blocks);
                    ReadOnlySpan<byte> q = blocks.Slice(2, 16);
                    Span<float> block = values.Slice(at, 32);
                    for (int i = 0; i < 16; i++)
                    {
                        block[i] = d * ((q[i] & 15) - 8);
                        block[i + 16] = d * ((q[i] >> 4) - 8);
                    }
                }
                break;
            case GgmlType.Q4_1:
                for (int at = 0; at < values.Length; at += 32, blocks = blocks[20..])
                {
                    float d = Scale(blocks);
                    float m = Scale(blocks[2..]);
                    ReadOnlySpan<byte> q = blocks.Slice(4, 16);
                    Span<float> block = values.Slice(at, 32);
                    for (int i = 0; i < 16; i++)
                    {
                        block[i] = (float)(d * (q[i] & 15)) + m;
                        block[i + 16] = (float)(d * (q[i] >> 4)) + m;
                    }
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not a readable type");
        }
    }

    private static float Scale(ReadOnlySpan<byte> block) => (float)MemoryMarshal.Read<Half>(block);
}
