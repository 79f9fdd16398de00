namespace David.Grpo.Tokenization;

/// <summary>A token that is found in the text itself, before words are cut and merged.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its text, at least one character.</param>
/// <param name="Special">Whether it steers the model (a turn's end, say) and so is left out of shown text.</param>
/// <param name="Normalized">Whether it is looked for in the normalized text instead of the raw text.</param>
internal sealed record AddedToken(int Id, string Text, bool Special, bool Normalized);

/// <summary>Two tokens that become one; the place in the list of merges is the rank.</summary>
internal readonly record struct Merge(string Left, string Right);

/// <summary>Texts and ids that a model's files name beside the vocabulary; null where they name none.</summary>
internal sealed record TokenizerConfiguration(
    string? BeginOfSequence = null,
    string? EndOfSequence = null,
    string? Padding = null,
    string? ChatTemplate = null
);

/// <summary>What the readers of the file formats give to <see cref="Tokenizer"/>: a byte-level BPE, whatever it was read from.</summary>
internal sealed record TokenizerDefinition
{
    /// <summary>The file it was read from, for error messages.</summary>
    public required string Source { get; init; }

    /// <summary>Token in the byte alphabet → id, added tokens left out or not.</summary>
    public required IReadOnlyDictionary<string, int> Vocabulary { get; init; }

    /// <summary>Merges, most urgent first.</summary>
    public required IReadOnlyList<Merge> Merges { get; init; }

    /// <summary>Tokens matched in the text itself.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>How the text is cut into words, coarse to fine.</summary>
    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>Whether the text between added tokens is brought into normalization form C.</summary>
    public bool Composes { get; init; }

    /// <summary>Whether a word that is a token as a whole is taken as it is, without merging (Llama 3).</summary>
    public bool WholeWordsFirst { get; init; }

    /// <summary>Whether every byte must have a token, since the file names a token for unknown ones.</summary>
    public bool NeedsEveryByte { get; init; }

    public TokenizerConfiguration Configuration { get; init; } = new();
}
