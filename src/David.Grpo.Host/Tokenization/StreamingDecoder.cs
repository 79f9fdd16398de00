using System.Text;

namespace David.Grpo.Tokenization;

/// <summary>
/// Decodes ids as they come. What <see cref="Append"/> gives never ends in half a character: bytes that may still become one
/// wait for the next id, bytes that cannot become U+FFFD at once. All it gave, joined with <see cref="Flush"/>, is
/// <see cref="Tokenizer.Decode"/> of the ids. Not safe for use from several threads.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer tokenizer;
    private readonly bool skipSpecial;
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecial)
    {
        this.tokenizer = tokenizer;
        this.skipSpecial = skipSpecial;
    }

    /// <summary>What can be shown after one more id; empty if nothing is certain yet.</summary>
    public string Append(int id) => Decode(tokenizer.BytesOf(id, skipSpecial), flush: false);

    /// <summary>U+FFFD if a character was left unfinished, else nothing; the decoder is then as new.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] chars = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        return new string(chars, 0, decoder.GetChars(bytes, chars, flush));
    }
}
