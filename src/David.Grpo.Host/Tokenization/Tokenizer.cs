using System.Text;

namespace David.Grpo.Tokenization;

/// <summary>
/// Byte-level byte-pair encoding (GPT-2, SmolLM2, Qwen 2 to 3, Llama 3): text to token ids and back. Ids equal those of the
/// <c>tokenizers</c> library with no special token added around the text. Safe for use from several threads.
/// </summary>
public sealed class Tokenizer
{
    private static readonly string[] TurnEnds =
    [
        "<|endoftext|>",
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end_of_text|>",
    ];

    private readonly Dictionary<string, int> ids;
    private readonly string?[] tokens; // [V]
    private readonly byte[]?[] bytes; // [V] what each token adds to the text
    private readonly bool[] added; // [V]
    private readonly bool[] special; // [V]
    private readonly BytePairMerges merges;
    private readonly PreTokenizer preTokenizer;
    private readonly bool composes;
    private readonly bool wholeWordsFirst;
    private readonly WordCache cache = new();
    private readonly (AddedTokenFinder Raw, AddedTokenFinder Normalized) all;
    private readonly (AddedTokenFinder Raw, AddedTokenFinder Normalized) withoutSpecial;

    internal Tokenizer(TokenizerDefinition definition)
    {
        ids = new(definition.Vocabulary);
        foreach (AddedToken token in definition.AddedTokens)
            ids[token.Text] = token.Id;
        VocabularySize = ids.Count == 0 ? 0 : ids.Values.Max() + 1;
        tokens = new string?[VocabularySize];
        bytes = new byte[]?[VocabularySize];
        added = new bool[VocabularySize];
        special = new bool[VocabularySize];
        foreach ((string token, int id) in definition.Vocabulary)
        {
            if (tokens[id] is { } other && other != token)
                throw new InvalidDataException(
                    $"{definition.Source}: '{other}' and '{token}' both have the id {id}; the ids of a vocabulary must differ."
                );
            tokens[id] = token;
            bytes[id] = ByteAlphabet.Read(token) ?? Encoding.UTF8.GetBytes(token);
        }
        foreach (AddedToken token in definition.AddedTokens)
        {
            tokens[token.Id] = token.Text;
            bytes[token.Id] = Encoding.UTF8.GetBytes(token.Text);
            added[token.Id] = true;
            special[token.Id] = token.Special;
        }
        merges = new BytePairMerges(definition);
        preTokenizer = definition.PreTokenizer;
        composes = definition.Composes;
        wholeWordsFirst = definition.WholeWordsFirst;
        all = Finders(definition.AddedTokens);
        withoutSpecial = Finders([.. definition.AddedTokens.Where(token => !token.Special)]);

        TokenizerConfiguration configuration = definition.Configuration;
        BeginOfSequenceToken = configuration.BeginOfSequence;
        EndOfSequenceToken = configuration.EndOfSequence;
        PaddingToken = configuration.Padding;
        ChatTemplate = configuration.ChatTemplate;
        StopTokens =
        [
            .. TurnEnds
                .Select(IdOf)
                .Append(EndOfSequence)
                .OfType<int>()
                .Where(id => id == EndOfSequence || special[id])
                .Distinct()
                .Order(),
        ];
    }

    /// <summary>One more than the highest id that has a token. A model's logits can be wider, with ids no token has.</summary>
    public int VocabularySize { get; }

    /// <summary>The text before every sequence, as templates ask for (<c>bos_token</c>); null if the files name none.</summary>
    public string? BeginOfSequenceToken { get; }

    /// <summary>The text that ends a sequence (<c>eos_token</c>); null if the files name none.</summary>
    public string? EndOfSequenceToken { get; }

    /// <summary>The text that fills up a batch (<c>pad_token</c>); null if the files name none.</summary>
    public string? PaddingToken { get; }

    /// <summary>The id of <see cref="BeginOfSequenceToken"/>; null if there is none.</summary>
    public int? BeginOfSequence => IdOf(BeginOfSequenceToken);

    /// <summary>The id of <see cref="EndOfSequenceToken"/>; null if there is none.</summary>
    public int? EndOfSequence => IdOf(EndOfSequenceToken);

    /// <summary>The id of <see cref="PaddingToken"/>; null if there is none.</summary>
    public int? Padding => IdOf(PaddingToken);

    /// <summary>
    /// The ids that end a model's turn, ascending: <see cref="EndOfSequence"/> and what else of <c>&lt;|endoftext|&gt;</c>,
    /// <c>&lt;|im_end|&gt;</c>, <c>&lt;|eot_id|&gt;</c>, <c>&lt;|eom_id|&gt;</c>, <c>&lt;|end_of_text|&gt;</c> is special here.
    /// </summary>
    public IReadOnlyList<int> StopTokens { get; }

    /// <summary>The model's own chat template in Jinja; null if the files hold none. See <see cref="Tokenization.ChatTemplate"/>.</summary>
    public string? ChatTemplate { get; }

    /// <summary>
    /// A folder in Hugging Face's form: <c>tokenizer.json</c> or <c>tokenizer.json.gz</c>, and if present
    /// <c>tokenizer_config.json</c> (bos, eos and pad token, template) and <c>chat_template.jinja</c>.
    /// </summary>
    /// <exception cref="FileNotFoundException">The folder has no tokenizer file.</exception>
    /// <exception cref="InvalidDataException">A file is malformed or asks for what is not supported.</exception>
    public static Tokenizer FromFolder(string folder) => new(TokenizerJson.ReadFolder(folder));

    /// <summary>A <c>tokenizer.json</c> or <c>tokenizer.json.gz</c> alone: no bos or eos token, no template.</summary>
    /// <inheritdoc cref="FromFolder" path="/exception"/>
    public static Tokenizer FromFile(string path) => new(TokenizerJson.ReadFile(path));

    /// <summary>
    /// GPT-2's first form: <c>encoder.json</c> (token → id) and <c>vocab.bpe</c> (a merge a line). <c>&lt;|endoftext|&gt;</c>
    /// is special, and both bos and eos.
    /// </summary>
    /// <inheritdoc cref="FromFolder" path="/exception"/>
    public static Tokenizer FromGptFiles(string encoderPath, string mergesPath) =>
        new(GptFiles.Read(encoderPath, mergesPath));

    /// <summary>
    /// The metadata of a GGUF file, key → value, with <c>tokenizer.ggml.model</c> "gpt2" and a <c>tokenizer.ggml.pre</c> of
    /// "gpt-2", "smollm", "qwen2", "llama-bpe" or "llama3". Numbers may be of any type, arrays any sequence.
    /// </summary>
    /// <exception cref="InvalidDataException">A key is missing, malformed, or asks for what is not supported.</exception>
    public static Tokenizer FromGguf(IReadOnlyDictionary<string, object> metadata) =>
        new(GgufVocabulary.Read(metadata));

    /// <summary>The id of a token: an added token's text, or a vocabulary entry in the byte alphabet (<c>Ġthe</c>); null if there is none.</summary>
    public int? IdOf(string? token) => token is not null && ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>The token of an id as the vocabulary spells it; null if the id has none.</summary>
    public string? TokenOf(int id) => (uint)id < (uint)VocabularySize ? tokens[id] : null;

    /// <summary>Whether the id is a special token's, which shown text leaves out.</summary>
    public bool IsSpecial(int id) => (uint)id < (uint)VocabularySize && special[id];

    /// <summary>
    /// The ids of a text; nothing is put before or after it. Bytes for which the vocabulary has no token are dropped (SmolLM2
    /// lacks 21), unpaired surrogates count as U+FFFD.
    /// </summary>
    /// <param name="text">Any text.</param>
    /// <param name="parseSpecial">
    /// Whether text such as <c>&lt;|im_end|&gt;</c> becomes the special token. Give false for text from outside (questions,
    /// passages), so that it cannot end a turn. Added tokens that are not special (Qwen 3's <c>&lt;think&gt;</c>) are matched
    /// either way.
    /// </param>
    public int[] Encode(string text, bool parseSpecial = true)
    {
        List<int> result = new(text.Length / 3 + 1);
        (AddedTokenFinder raw, AddedTokenFinder normalized) = parseSpecial ? all : withoutSpecial;
        foreach ((ReadOnlyMemory<char> stretch, AddedToken? token) in Split(text.AsMemory(), raw))
        {
            ReadOnlyMemory<char> form = composes
                ? CanonicalComposition.Compose(stretch.ToString()).AsMemory()
                : stretch;
            foreach ((ReadOnlyMemory<char> plain, AddedToken? inner) in Split(form, normalized))
            {
                foreach (ReadOnlyMemory<char> word in preTokenizer.Words(plain))
                    EncodeWord(word.Span, result);
                if (inner is not null)
                    result.Add(inner.Id);
            }
            if (token is not null)
                result.Add(token.Id);
        }
        return [.. result];
    }

    /// <summary>
    /// The text of some ids. Bytes that are no UTF-8 become U+FFFD, one for each maximal subpart (Unicode, 3.9); an id
    /// without a token adds nothing.
    /// </summary>
    /// <param name="ids">[N] ids.</param>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        using MemoryStream text = new(4 * ids.Length);
        foreach (int id in ids)
            text.Write(BytesOf(id, skipSpecial));
        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }

    /// <summary>A decoder that takes ids one by one and gives text as soon as it is certain.</summary>
    public StreamingDecoder Stream(bool skipSpecial = false) => new(this, skipSpecial);

    /// <summary>The bytes that an id adds to a text; none for an id without a token.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id, bool skipSpecial)
    {
        if (id < 0)
            throw new ArgumentOutOfRangeException(nameof(id), id, "A token id must be 0 or above.");
        return id >= VocabularySize || (skipSpecial && special[id]) ? [] : bytes[id];
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> result)
    {
        if (cache.Find(word) is { } known)
        {
            result.AddRange(known);
            return;
        }
        int start = result.Count;
        byte[] utf8 = new byte[Encoding.UTF8.GetMaxByteCount(word.Length)];
        ReadOnlySpan<byte> encoded = utf8.AsSpan(0, Encoding.UTF8.GetBytes(word, utf8));
        if (wholeWordsFirst && ids.TryGetValue(ByteAlphabet.Spell(encoded), out int whole) && !added[whole])
            result.Add(whole);
        else
            merges.Encode(encoded, result);
        cache.Keep(word, [.. result[start..]]);
    }

    /// <summary>The text cut at added tokens: what stands before each, and the token; last the rest, with none.</summary>
    private static IEnumerable<(ReadOnlyMemory<char> Before, AddedToken? Token)> Split(
        ReadOnlyMemory<char> text,
        AddedTokenFinder finder
    )
    {
        int from = 0;
        while (finder.Find(text.Span, from, out int start) is { } token)
        {
            yield return (text[from..start], token);
            from = start + token.Text.Length;
        }
        yield return (text[from..], null);
    }

    private static (AddedTokenFinder Raw, AddedTokenFinder Normalized) Finders(IReadOnlyList<AddedToken> tokens) =>
        (new(tokens.Where(token => !token.Normalized)), new(tokens.Where(token => token.Normalized)));
}
