using System.Collections;
using System.Globalization;

namespace David.Grpo.Tokenization;

/// <summary>
/// The tokenizer in the metadata of a GGUF file. Control tokens (type 3) are special, user-defined ones (4) are matched in the
/// text but not special, unused ones (5) are left out. Source: the keys <c>tokenizer.ggml.*</c> of the GGUF specification;
/// the rules behind <c>tokenizer.ggml.pre</c> are those of the models' own files.
/// </summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";
    private const string Source = "GGUF metadata";
    private const long Control = 3;
    private const long UserDefined = 4;
    private const long Unused = 5;

    /// <summary>llama.cpp names a rule after each family of models that has it.</summary>
    private static readonly (string[] Names, PreTokenizer Rule)[] Rules =
    [
        (["gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum"], PreTokenizer.Gpt2),
        (["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], PreTokenizer.SmolLm),
        (["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"], PreTokenizer.Qwen2),
        (
            ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
            PreTokenizer.Llama3
        ),
    ];

    public static TokenizerDefinition Read(IReadOnlyDictionary<string, object> metadata)
    {
        if (Text(metadata, Prefix + "model") is var model && model != "gpt2")
            throw Bad("model", $"'{model}', which is not supported; expected 'gpt2' (byte-level BPE)");
        string pre = Text(metadata, Prefix + "pre");
        PreTokenizer rule =
            Array.Find(Rules, named => named.Names.Contains(pre)).Rule
            ?? throw Bad(
                "pre",
                $"'{pre}', which is not supported; expected {string.Join(", ", Rules.SelectMany(named => named.Names))}"
            );
        string[] tokens = [.. List(metadata, "tokens").Select(token => token.ToString()!)];
        long[] types = metadata.ContainsKey(Prefix + "token_type")
            ? [.. List(metadata, "token_type").Select(Number)]
            : [];
        if (types.Length > 0 && types.Length != tokens.Length)
            throw Bad("token_type", $"{types.Length} long; expected {tokens.Length}, the number of tokens");

        Dictionary<string, int> vocabulary = new(tokens.Length);
        List<AddedToken> added = [];
        for (int id = 0; id < tokens.Length; id++)
        {
            long type = types.Length > 0 ? types[id] : 1;
            if (type == Unused)
                continue;
            if (!vocabulary.TryAdd(tokens[id], id))
                throw Bad($"tokens[{id}]", $"'{tokens[id]}', as is token {vocabulary[tokens[id]]}; tokens must differ");
            if (type is Control or UserDefined && tokens[id] != "")
                added.Add(new AddedToken(id, tokens[id], type == Control, Normalized: false));
        }
        return new TokenizerDefinition
        {
            Source = Source,
            Vocabulary = vocabulary,
            Merges = [.. List(metadata, "merges").Select(ReadMerge)],
            AddedTokens = added,
            PreTokenizer = rule,
            Composes = rule == PreTokenizer.Qwen2,
            WholeWordsFirst = rule == PreTokenizer.Llama3,
            Configuration = new TokenizerConfiguration(
                TokenAt(metadata, "bos_token_id", tokens),
                TokenAt(metadata, "eos_token_id", tokens),
                TokenAt(metadata, "padding_token_id", tokens),
                metadata.TryGetValue("tokenizer.chat_template", out object? template) ? template.ToString() : null
            ),
        };
    }

    private static Merge ReadMerge(object entry, int rank) =>
        entry.ToString()!.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right]
            ? new Merge(left, right)
            : throw Bad($"merges[{rank}]", $"'{entry}'; expected two tokens and a space between");

    private static string? TokenAt(IReadOnlyDictionary<string, object> metadata, string key, string[] tokens)
    {
        if (!metadata.TryGetValue(Prefix + key, out object? value))
            return null;
        long id = Number(value);
        return id >= 0 && id < tokens.Length
            ? tokens[id]
            : throw Bad(key, $"{id}; expected 0 to {tokens.Length - 1}, an id of tokens");
    }

    private static string Text(IReadOnlyDictionary<string, object> metadata, string key) =>
        metadata.TryGetValue(key, out object? value) && value is string text
            ? text
            : throw new InvalidDataException(
                $"{Source}: {key} is missing; expected a text. Is the file a language model's?"
            );

    private static IEnumerable<object> List(IReadOnlyDictionary<string, object> metadata, string key) =>
        metadata.TryGetValue(Prefix + key, out object? value) && value is IEnumerable list and not string
            ? list.Cast<object>()
            : throw Bad(key, $"{value?.GetType().Name ?? "missing"}; expected an array");

    private static long Number(object value)
    {
        try
        {
            return Convert.ToInt64(value, CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is FormatException or InvalidCastException or OverflowException)
        {
            throw new InvalidDataException($"{Source}: '{value}' stands where a whole number is expected.", error);
        }
    }

    private static InvalidDataException Bad(string key, string got) => new($"{Source}: {Prefix}{key} is {got}.");
}
