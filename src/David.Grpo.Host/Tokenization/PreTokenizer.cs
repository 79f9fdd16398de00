namespace David.Grpo.Tokenization;

/// <summary>Cuts a text into words, inside which pairs may merge. Each pattern cuts the pieces of the one before it.</summary>
internal sealed class PreTokenizer(params IWordPattern[] patterns)
{
    /// <summary>GPT-2.</summary>
    public static PreTokenizer Gpt2 { get; } = new(new Gpt2Pattern());

    /// <summary>SmolLM and SmolLM2: digits alone, then GPT-2's pattern on each stretch between them.</summary>
    public static PreTokenizer SmolLm { get; } = new(new DigitPattern(individually: true), new Gpt2Pattern());

    /// <summary>Qwen 2, 2.5 and 3.</summary>
    public static PreTokenizer Qwen2 { get; } = new(new CasedPattern(digits: 1));

    /// <summary>Llama 3.</summary>
    public static PreTokenizer Llama3 { get; } = new(new CasedPattern(digits: 3));

    /// <summary>The words of a text, in order; joined they are the text.</summary>
    public IEnumerable<ReadOnlyMemory<char>> Words(ReadOnlyMemory<char> text) => Words(text, 0);

    private IEnumerable<ReadOnlyMemory<char>> Words(ReadOnlyMemory<char> text, int depth)
    {
        if (depth == patterns.Length)
        {
            yield return text;
            yield break;
        }
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = patterns[depth].End(text.Span, start);
            foreach (ReadOnlyMemory<char> word in Words(text[start..end], depth + 1))
                yield return word;
        }
    }
}
