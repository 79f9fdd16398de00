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
    /// By its byte-order mark; without one as it is named, else UTF-16 where every other byte is 0, UTF-8 where it is valid,
    /// and else Windows-1252, of which Latin-1's letters are a part. A name that the bytes contradict counts for nothing. Line
    /// ends become line feeds, and NUL characters go.
    /// </summary>
    /// <param name="named">The encoding that the text itself names; null for none.</param>
    /// <exception cref="DocumentException">It is no text.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, Encoding? named = null)
    {
        string text = Raw(bytes, named);
        if (IsBinary(text))
            throw new DocumentException("it is no text, but binary data");
        return CanonicalComposition.Compose(
            text.Replace("\r\n", "\n", StringComparison.Ordinal)
                .Replace('\r', '\n')
                .Replace("\0", "", StringComparison.Ordinal)
        );
    }

    private static string Raw(ReadOnlySpan<byte> bytes, Encoding? named)
    {
        foreach ((byte[] mark, Encoding encoding) in Marks)
            if (bytes.StartsWith(mark))
                return WithoutLoneSurrogates(encoding.GetString(bytes[mark.Length..]));
        // A page that says utf-8 is looked at below in any case.
        if (named is not null && named.CodePage != Encoding.UTF8.CodePage)
            return named.GetString(bytes);
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

    /// <summary>
    /// Characters that no text has make more than one in a hundred of its beginning; a short text, or one that a program
    /// coloured or underlined, may have a few.
    /// </summary>
    private static bool IsBinary(string text)
    {
        ReadOnlySpan<char> beginning = text.AsSpan(0, Math.Min(text.Length, Looked));
        int strange = 0;
        foreach (char character in beginning)
            if (character is '\uFFFD' || (char.IsControl(character) && !IsOfTexts(character)))
                strange++;
        return strange > Math.Max(beginning.Length / 100, Math.Min(8, beginning.Length / 10));
    }

    /// <summary>White space, and what terminals, typewriters and mainframes are told: bell, backspace, escape, next line.</summary>
    private static bool IsOfTexts(char character) => character is (>= '\a' and <= '\r') or '\x1B' or '\x85';
}
