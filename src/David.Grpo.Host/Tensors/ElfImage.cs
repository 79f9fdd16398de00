using System.Buffers.Binary;
using System.Text;

namespace David.Grpo.Tensors;

/// <summary>The one thing that <see cref="LibTorch"/> changes in a shared library: how much it asks of its C++ runtime.</summary>
/// <remarks>64-bit little-endian ELF; section .gnu.version_r as in the Linux Standard Base, "Symbol Version Requirements".</remarks>
internal static class ElfImage
{
    private const uint VersionRequirements = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort Weak = 2; // VER_FLG_WEAK

    /// <summary>
    /// Marks every request for a symbol version weak, so that a loader warns of its absence instead of refusing the library.
    /// </summary>
    /// <returns>Whether there was such a request.</returns>
    public static bool WeakenVersion(Span<byte> image, string version)
    {
        long sections = Read64(image, 0x28);
        int sectionSize = Read16(image, 0x3a);
        int count = Read16(image, 0x3c);
        bool found = false;
        for (int i = 0; i < count; i++)
        {
            int section = (int)sections + i * sectionSize;
            if (Read32(image, section + 4) != VersionRequirements)
                continue;
            int names = (int)Read64(image, (int)sections + (int)Read32(image, section + 0x28) * sectionSize + 0x18);
            int files = (int)Read32(image, section + 0x2c);
            for (int file = (int)Read64(image, section + 0x18); files > 0; files--)
            {
                int request = file + (int)Read32(image, file + 8);
                for (int left = Read16(image, file + 2); left > 0; left--)
                {
                    ReadOnlySpan<byte> name = image[(names + (int)Read32(image, request + 8))..];
                    if (name[..name.IndexOf((byte)0)].SequenceEqual(Encoding.ASCII.GetBytes(version)))
                    {
                        BinaryPrimitives.WriteUInt16LittleEndian(
                            image[(request + 4)..],
                            (ushort)(Read16(image, request + 4) | Weak)
                        );
                        found = true;
                    }
                    request += (int)Read32(image, request + 12);
                }
                file += (int)Read32(image, file + 12);
            }
        }
        return found;
    }

    private static ushort Read16(ReadOnlySpan<byte> image, int at) =>
        BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);

    private static uint Read32(ReadOnlySpan<byte> image, int at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);

    private static long Read64(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadInt64LittleEndian(image[at..]);
}
