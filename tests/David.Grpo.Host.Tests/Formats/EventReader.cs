using System.Buffers.Binary;

namespace David.Grpo.Host.Tests.Formats;

/// <summary>
/// Reads TensorBoard's event files, written from TensorFlow's public schema without the writer: field numbers to values, which
/// are ulong (varint), double, float or bytes.
/// </summary>
internal static class EventReader
{
    public sealed record Value(string Tag, object Content, string Plugin);

    public sealed record Event(double WallTime, long Step, string Version, bool IsStart, Value[] Values);

    public static Event[] Read(string path) => [.. Records(File.ReadAllBytes(path)).Select(Parse)];

    /// <summary>CRC-32C bit by bit, from its polynomial.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
        }
        return ~crc;
    }

    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (int at = 0; at < file.Length; )
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at)));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] bytes = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(bytes), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            yield return bytes;
            at += length + 16;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32C(bytes);
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
    }

    private static Event Parse(byte[] bytes)
    {
        ILookup<int, object> fields = Fields(bytes);
        byte[]? summary = (byte[]?)fields[5].SingleOrDefault();
        byte[]? session = (byte[]?)fields[7].SingleOrDefault();
        return new Event(
            (double)fields[1].Single(),
            (long)(ulong)(fields[2].SingleOrDefault() ?? 0ul),
            Text(fields[3].SingleOrDefault()),
            session is not null && (ulong)Fields(session)[1].Single() == 1,
            summary is null ? [] : [.. Fields(summary)[1].Select(value => ParseValue((byte[])value))]
        );
    }

    private static Value ParseValue(byte[] bytes)
    {
        ILookup<int, object> fields = Fields(bytes);
        ILookup<int, object> metadata = Fields((byte[])(fields[9].SingleOrDefault() ?? Array.Empty<byte>()));
        object content =
            fields[2].Concat(fields[5]).SingleOrDefault() ?? Text(Fields((byte[])fields[8].Single())[8].Single());
        return new Value(
            Text(fields[1].Single()),
            content is byte[] histogram ? ParseHistogram(histogram) : content,
            Text(Fields((byte[])(metadata[1].SingleOrDefault() ?? Array.Empty<byte>()))[1].SingleOrDefault())
        );
    }

    private static Histogram ParseHistogram(byte[] bytes)
    {
        ILookup<int, object> fields = Fields(bytes);
        return new Histogram(
            count: (int)(double)fields[3].Single(),
            min: (double)fields[1].Single(),
            max: (double)fields[2].Single(),
            sum: (double)fields[4].Single(),
            sumOfSquares: (double)fields[5].Single(),
            limits: Doubles((byte[])fields[6].Single()),
            counts: [.. Doubles((byte[])fields[7].Single()).Select(count => (int)count)]
        );
    }

    private static double[] Doubles(byte[] packed) =>
        [.. packed.Chunk(8).Select(eight => BinaryPrimitives.ReadDoubleLittleEndian(eight))];

    private static string Text(object? bytes) =>
        bytes is null ? "" : System.Text.Encoding.UTF8.GetString((byte[])bytes);

    private static ILookup<int, object> Fields(byte[] bytes)
    {
        List<(int Field, object Value)> fields = [];
        int at = 0;
        ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte one = bytes[at++];
                value |= (ulong)(one & 0x7f) << shift;
                if (one < 0x80)
                    return value;
            }
        }
        byte[] Take(int count) => bytes[at..(at += count)];
        while (at < bytes.Length)
        {
            ulong key = Varint();
            fields.Add(
                (
                    (int)(key >> 3),
                    (key & 7) switch
                    {
                        0 => Varint(),
                        1 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
                        2 => Take((int)Varint()),
                        5 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
                        var wire => throw new InvalidDataException($"wire type {wire}"),
                    }
                )
            );
        }
        return fields.ToLookup(field => field.Field, field => field.Value);
    }
}
