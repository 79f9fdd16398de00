using System.Globalization;
using System.Text;

namespace David.Grpo.Tokenization;

/// <summary>
/// A rule that cuts a text into pieces, left to right. The rules are scanners over code points and not
/// <see cref="System.Text.RegularExpressions.Regex"/>, whose classes go by UTF-16 unit: 𝐀 is a letter here and none there.
/// </summary>
internal interface IWordPattern
{
    /// <summary>The end of the piece that starts at <paramref name="start"/>; above it, at most the text's length.</summary>
    int End(ReadOnlySpan<char> text, int start);
}

/// <summary>Digits apart from the rest: each <c>\p{N}</c> alone, or in runs.</summary>
internal sealed class DigitPattern(bool individually) : IWordPattern
{
    public int End(ReadOnlySpan<char> text, int start)
    {
        bool digits = Glyphs.KindAt(text, start, out int length) == GlyphKind.Number;
        int end = start + length;
        if (digits && individually)
            return end;
        while (end < text.Length && Glyphs.KindAt(text, end, out length) == GlyphKind.Number == digits)
            end += length;
        return end;
    }
}

/// <summary>The regular expression of GPT-2: <see cref="Text"/>.</summary>
internal sealed class Gpt2Pattern : IWordPattern
{
    public const string Text = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public int End(ReadOnlySpan<char> text, int start)
    {
        if (Contraction(text[start..]) is > 0 and int length)
            return start + length;
        int first = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        GlyphKind kind = Glyphs.KindAt(text, first, out _);
        return kind == GlyphKind.Space ? Glyphs.EndOfSpace(text, start) : Glyphs.EndOfRun(text, first, kind);
    }

    private static int Contraction(ReadOnlySpan<char> text) =>
        text switch
        {
            ['\'', 's' or 't' or 'm' or 'd', ..] => 2,
            ['\'', 'r' or 'v', 'e', ..] or ['\'', 'l', 'l', ..] => 3,
            _ => 0,
        };
}

/// <summary>
/// The regular expression of Qwen 2 to 3 (<see cref="QwenText"/>) and of Llama 3 (<see cref="LlamaText"/>), which differ in
/// how many digits stay together.
/// </summary>
internal sealed class CasedPattern(int digits) : IWordPattern
{
    public const string QwenText =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string LlamaText =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public int End(ReadOnlySpan<char> text, int start)
    {
        if (Contraction(text[start..]) is > 0 and int contraction)
            return start + contraction;
        GlyphKind kind = Glyphs.KindAt(text, start, out int length);
        if (kind == GlyphKind.Letter)
            return Glyphs.EndOfRun(text, start, kind);
        if (kind == GlyphKind.Number)
            return EndOfNumber(text, start);

        int second = start + length;
        GlyphKind? secondKind = second < text.Length ? Glyphs.KindAt(text, second, out _) : null;
        if (secondKind == GlyphKind.Letter && text[start] is not ('\r' or '\n'))
            return Glyphs.EndOfRun(text, second, GlyphKind.Letter);
        if (kind == GlyphKind.Other || (text[start] == ' ' && secondKind == GlyphKind.Other))
        {
            int end = Glyphs.EndOfRun(text, kind == GlyphKind.Other ? start : second, GlyphKind.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
                end++;
            return end;
        }
        int space = Glyphs.EndOfRun(text, start, GlyphKind.Space);
        int newline = text[start..space].LastIndexOfAny('\r', '\n');
        return newline >= 0 ? start + newline + 1 : Glyphs.EndOfSpace(text, start);
    }

    private int EndOfNumber(ReadOnlySpan<char> text, int start)
    {
        int end = start;
        for (int taken = 0; taken < digits && end < text.Length; taken++)
        {
            if (Glyphs.KindAt(text, end, out int length) != GlyphKind.Number)
                break;
            end += length;
        }
        return end;
    }

    /// <remarks>ſ (U+017F) is an s where case does not count.</remarks>
    private static int Contraction(ReadOnlySpan<char> text) =>
        text switch
        {
            ['\'', 's' or 'S' or '\u017F' or 't' or 'T' or 'm' or 'M' or 'd' or 'D', ..] => 2,
            ['\'', 'r' or 'R' or 'v' or 'V', 'e' or 'E', ..] or ['\'', 'l' or 'L', 'l' or 'L', ..] => 3,
            _ => 0,
        };
}

/// <summary>What the patterns tell apart: <c>\p{L}</c>, <c>\p{N}</c>, <c>\s</c> and the rest.</summary>
internal enum GlyphKind
{
    Letter,
    Number,
    Space,
    Other,
}

/// <summary>The classes of code points, as the patterns use them.</summary>
internal static class Glyphs
{
    /// <summary>The kind of the code point at <paramref name="at"/>, and its UTF-16 units: 1 or 2.</summary>
    public static GlyphKind KindAt(ReadOnlySpan<char> text, int at, out int length)
    {
        length = 1;
        char unit = text[at];
        if (char.IsAscii(unit))
            return char.IsAsciiLetter(unit) ? GlyphKind.Letter
                : char.IsAsciiDigit(unit) ? GlyphKind.Number
                : char.IsWhiteSpace(unit) ? GlyphKind.Space
                : GlyphKind.Other;
        if (char.IsWhiteSpace(unit))
            return GlyphKind.Space;
        Rune.DecodeFromUtf16(text[at..], out Rune rune, out length);
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => GlyphKind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber =>
                GlyphKind.Number,
            _ => GlyphKind.Other,
        };
    }

    /// <summary>The end of the stretch of one kind that starts at <paramref name="start"/>.</summary>
    public static int EndOfRun(ReadOnlySpan<char> text, int start, GlyphKind kind)
    {
        int end = start;
        while (end < text.Length && KindAt(text, end, out int length) == kind)
            end += length;
        return end;
    }

    /// <summary>
    /// <c>\s+(?!\S)|\s+</c>: a run of white space leaves its last character to the word that follows, unless it is the
    /// only one or nothing follows. (White space is never a surrogate pair.)
    /// </summary>
    public static int EndOfSpace(ReadOnlySpan<char> text, int start)
    {
        int end = EndOfRun(text, start, GlyphKind.Space);
        return end == text.Length || end - start == 1 ? end : end - 1;
    }
}
