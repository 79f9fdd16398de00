using System.Text;
using David.Grpo.Tokenization;

namespace David.Grpo.Documents;

/// <summary>The text of bytes whose encoding nobody names.</summary>
internal static class TextDecoding
{
    /// <summary>Of these many bytes the beginning is looked at, to tell text from anything else.</summary>
    private const int Looked = 1 << 16;

    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);
    private static readonly Encoding Windows1252 = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;

    private static readonly (byte[] Mark, Encoding Encoding)[] Marks =
    [
        ([0xEF, 0xBB, 0xBF], Encoding.UTF8),
        ([0xFF, 0xFE, 0, 0], Encoding.UTF32),
        ([0, 0, 0xFE, 0xFF], new UTF32Encoding(bigEndian: true, byteOrderMark: true)),
        ([0xFF, 0xFE], Encoding.Unicode),
        ([0xFE, 0xFF], Encoding.BigEndianUnicode),
    ];

    /// <summary>
    /// By its byte-order mark; without one UTF-16 where every other byte is 0, UTF-8 where it is valid, and else
    /// Windows-1252, of which Latin-1's letters are a part. Line ends become line feeds, and NUL characters go.
    /// </summary>
    /// <exception cref="DocumentException">It is no text.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        string text = Raw(bytes);
        if (IsBinary(text))
            throw new DocumentException("it is no text, but binary data");
        return CanonicalComposition.Compose(
            text.Replace("\r\n", "\n", StringComparison.Ordinal)
                .Replace('\r', '\n')
                .Replace("\0", "", StringComparison.Ordinal)
        );
    }

    private static string Raw(ReadOnlySpan<byte> bytes)
    {
        foreach ((byte[] mark, Encoding encoding) in Marks)
            if (bytes.StartsWith(mark))
                return WithoutLoneSurrogates(encoding.GetString(bytes[mark.Length..]));
        ReadOnlySpan<byte> beginning = bytes[..(Math.Min(bytes.Length, Looked) & ~1)];
        int even = 0;
        int odd = 0;
        for (int i = 0; i < beginning.Length; i += 2)
        {
            even += beginning[i] == 0 ? 1 : 0;
            odd += beginning[i + 1] == 0 ? 1 : 0;
        }
        // Most characters of texts in Latin letters have a zero for their upper byte.
        int most = beginning.Length / 2;
        if (most >= 2 && Math.Max(even, odd) > 0.7 * most && Math.Min(even, odd) < 0.05 * most)
            return WithoutLoneSurrogates((even > odd ? Encoding.BigEndianUnicode : Encoding.Unicode).GetString(bytes));
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Windows1252.GetString(bytes);
        }
    }

    /// <summary>UTF-16 may hold halves of pairs, which no output takes.</summary>
    private static string WithoutLoneSurrogates(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>Control characters that no text has make more than one in a hundred of its beginning.</summary>
    private static bool IsBinary(string text)
    {
        ReadOnlySpan<char> beginning = text.AsSpan(0, Math.Min(text.Length, Looked));
        int strange = 0;
        foreach (char character in beginning)
            if (character is '\uFFFD' || (char.IsControl(character) && character is not ('\t' or '\n' or '\r' or '\f')))
                strange++;
        return strange > beginning.Length / 100;
    }
}
