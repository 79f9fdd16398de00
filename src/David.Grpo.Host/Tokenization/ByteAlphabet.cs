namespace David.Grpo.Tokenization;

/// <summary>
/// GPT-2's alphabet, in which vocabularies of byte-level BPE are written: a printable character for each byte. Bytes 21–7E,
/// A1–AC and AE–FF stand for themselves; the 68 others, in order, are U+0100 … U+0143 (a space is <c>Ġ</c>).
/// Source: <c>bytes_to_unicode</c> of openai/gpt-2.
/// </summary>
internal static class ByteAlphabet
{
    private const char FirstStandIn = '\u0100';
    private const int StandIns = 68;

    private static readonly char[] Letters = new char[256];
    private static readonly byte[] Bytes = new byte[FirstStandIn + StandIns];
    private static readonly bool[] IsLetter = new bool[FirstStandIn + StandIns];

    static ByteAlphabet()
    {
        char standIn = FirstStandIn;
        for (int value = 0; value < 256; value++)
        {
            bool itself = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            char letter = itself ? (char)value : standIn++;
            Letters[value] = letter;
            Bytes[letter] = (byte)value;
            IsLetter[letter] = true;
        }
    }

    /// <summary>The letter of a byte.</summary>
    public static char Letter(byte value) => Letters[value];

    /// <summary>The text of some bytes in the alphabet, a letter a byte.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes) =>
        string.Create(
            bytes.Length,
            bytes,
            static (letters, bytes) =>
            {
                for (int i = 0; i < letters.Length; i++)
                    letters[i] = Letters[bytes[i]];
            }
        );

    /// <summary>The bytes that a text of the alphabet stands for; null if it has a character that is no letter of it.</summary>
    public static byte[]? Read(string spelled)
    {
        byte[] bytes = new byte[spelled.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            char letter = spelled[i];
            if (letter >= IsLetter.Length || !IsLetter[letter])
                return null;
            bytes[i] = Bytes[letter];
        }
        return bytes;
    }
}
