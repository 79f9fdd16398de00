using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Tokenization;

/// <summary>Writes a GGUF file's vocabulary as Hugging Face's tokenizer.json and tokenizer_config.json.</summary>
public static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>Writes the two files; <see cref="Tokenizer.FromFolder"/> then gives the ids of <see cref="Tokenizer.FromGguf"/>.</summary>
    /// <param name="metadata">Of the GGUF file.</param>
    /// <param name="folder">Must exist; files of the same names are overwritten.</param>
    /// <exception cref="InvalidDataException">The metadata hold no vocabulary that <see cref="Tokenizer.FromGguf"/> reads.</exception>
    public static void Write(IReadOnlyDictionary<string, object> metadata, string folder)
    {
        TokenizerDefinition definition = GgufVocabulary.Read(metadata);
        JsonObject tokenizer = new()
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. definition.AddedTokens.OrderBy(token => token.Id).Select(Added)]),
            ["normalizer"] = definition.Composes ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = Written(definition.PreTokenizer),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(useRegex: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = definition.WholeWordsFirst,
                ["vocab"] = new JsonObject(
                    definition
                        .Vocabulary.OrderBy(entry => entry.Value)
                        .Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))
                ),
                ["merges"] = new JsonArray([
                    .. definition.Merges.Select(merge => (JsonNode)$"{merge.Left} {merge.Right}"),
                ]),
            },
        };
        TokenizerConfiguration named = definition.Configuration;
        JsonObject configuration = new()
        {
            ["add_bos_token"] = false,
            ["add_prefix_space"] = false,
            ["bos_token"] = named.BeginOfSequence,
            ["eos_token"] = named.EndOfSequence,
            ["pad_token"] = named.Padding ?? named.EndOfSequence,
            ["chat_template"] = named.ChatTemplate,
            ["clean_up_tokenization_spaces"] = false,
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString(Relaxed));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), configuration.ToJsonString(Relaxed));
    }

    private static JsonNode Added(AddedToken token) =>
        new JsonObject
        {
            ["id"] = token.Id,
            ["content"] = token.Text,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = token.Normalized,
            ["special"] = token.Special,
        };

    private static JsonNode Written(PreTokenizer rule) =>
        rule == PreTokenizer.Gpt2 ? ByteLevel(useRegex: true)
        : rule == PreTokenizer.SmolLm
            ? Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel(useRegex: true))
        : rule == PreTokenizer.Qwen2 ? Sequence(Split(CasedPattern.QwenText), ByteLevel(useRegex: false))
        : Sequence(Split(CasedPattern.LlamaText), ByteLevel(useRegex: false));

    private static JsonObject Sequence(params JsonNode[] steps) =>
        new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) };

    private static JsonObject Split(string pattern) =>
        new()
        {
            ["type"] = "Split",
            ["pattern"] = new JsonObject { ["Regex"] = pattern },
            ["behavior"] = "Isolated",
            ["invert"] = false,
        };

    private static JsonObject ByteLevel(bool useRegex) =>
        new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = useRegex,
        };
}
