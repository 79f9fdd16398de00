using System.Text.Json;

namespace David.Grpo.Tokenization;

/// <summary>
/// Hugging Face's <c>tokenizer.json</c> and <c>tokenizer_config.json</c>. What the file asks for and is not supported is
/// refused: ids that are silently different would spoil a model. <c>truncation</c>, <c>padding</c> and
/// <c>post_processor</c> are not applied, since <see cref="Tokenizer.Encode"/> gives the text's own ids.
/// </summary>
internal static class TokenizerJson
{
    public static TokenizerDefinition ReadFolder(string folder)
    {
        string path =
            new[] { "tokenizer.json", "tokenizer.json.gz" }
                .Select(name => Path.Combine(folder, name))
                .FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException(
                $"{folder} has neither tokenizer.json nor tokenizer.json.gz. Give the folder of a model in Hugging Face's "
                    + "form; for encoder.json and vocab.bpe use Tokenizer.FromGptFiles."
            );
        return ReadFile(path) with { Configuration = ReadConfiguration(folder) };
    }

    public static TokenizerDefinition ReadFile(string path)
    {
        using JsonDocument document = JsonFile.Read(path);
        JsonElement root = ((JsonElement?)document.RootElement).Expect(JsonValueKind.Object, path, "the root");
        JsonElement model = root.Field("model").Expect(JsonValueKind.Object, path, "model");
        RefuseUnknown(root, model, path);
        return new TokenizerDefinition
        {
            Source = path,
            Vocabulary = ReadVocabulary(model.Field("vocab"), path, "model.vocab"),
            Merges = ReadMerges(model, path),
            AddedTokens = ReadAddedTokens(root, path),
            PreTokenizer = ReadPreTokenizer(root, path),
            Composes = root.Field("normalizer") is { } normalizer && Composes(normalizer, path),
            WholeWordsFirst = model.Flag("ignore_merges"),
            NeedsEveryByte =
                model.Field("unk_token") is { ValueKind: JsonValueKind.String } unknown && unknown.GetString() != "",
        };
    }

    /// <summary>An object of token → id.</summary>
    public static Dictionary<string, int> ReadVocabulary(JsonElement? element, string path, string field)
    {
        Dictionary<string, int> vocabulary = [];
        foreach (JsonProperty entry in element.Expect(JsonValueKind.Object, path, field).EnumerateObject())
            vocabulary[entry.Name] = Id(entry.Value, path, $"{field}['{entry.Name}']");
        return vocabulary;
    }

    private static void RefuseUnknown(JsonElement root, JsonElement model, string path)
    {
        if (model.Field("type") is { } type && !type.ValueEquals("BPE"))
            throw Unsupported(path, "model.type", type, "BPE");
        if (model.Field("dropout") is { } dropout && !(dropout.TryGetDouble(out double share) && share == 0))
            throw Unsupported(path, "model.dropout", dropout, "null");
        if (model.Flag("byte_fallback"))
            throw Unsupported(path, "model.byte_fallback", "true", "false");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.Field(affix) is { } text && !text.ValueEquals(""))
                throw Unsupported(path, $"model.{affix}", text, "null or empty");
        if (root.Field("decoder") is { } decoder && decoder.Text("type", path, "decoder.type") != "ByteLevel")
            throw Unsupported(path, "decoder.type", decoder.Field("type"), "ByteLevel");
    }

    private static Merge[] ReadMerges(JsonElement model, string path)
    {
        JsonElement list = model.Field("merges").Expect(JsonValueKind.Array, path, "model.merges");
        Merge[] merges = new Merge[list.GetArrayLength()];
        int rank = 0;
        foreach (JsonElement entry in list.EnumerateArray())
        {
            string?[] parts = entry.ValueKind switch
            {
                JsonValueKind.String => entry.GetString()!.Split(' '),
                JsonValueKind.Array => [.. entry.EnumerateArray().Select(part => part.ToString())],
                _ => [],
            };
            merges[rank] = parts is [{ Length: > 0 } left, { Length: > 0 } right]
                ? new Merge(left, right)
                : throw new InvalidDataException(
                    $"{path}: model.merges[{rank}] is {entry}; expected two tokens, \"a b\" or [\"a\", \"b\"]."
                );
            rank++;
        }
        return merges;
    }

    private static AddedToken[] ReadAddedTokens(JsonElement root, string path)
    {
        if (root.Field("added_tokens") is not { } list)
            return [];
        List<AddedToken> tokens = [];
        foreach (
            JsonElement entry in ((JsonElement?)list).Expect(JsonValueKind.Array, path, "added_tokens").EnumerateArray()
        )
        {
            string field = $"added_tokens[{tokens.Count}]";
            string content = entry.Text("content", path, $"{field}.content");
            if (content == "")
                throw new InvalidDataException($"{path}: {field}.content is empty; expected the token's text.");
            foreach (string option in (string[])["single_word", "lstrip", "rstrip"])
                if (entry.Flag(option))
                    throw Unsupported(path, $"{field}.{option} ('{content}')", "true", "false");
            int id = Id(entry.Field("id"), path, $"{field}.id");
            tokens.Add(new AddedToken(id, content, entry.Flag("special"), entry.Flag("normalized")));
        }
        return [.. tokens];
    }

    private static PreTokenizer ReadPreTokenizer(JsonElement root, string path)
    {
        JsonElement whole = root.Field("pre_tokenizer").Expect(JsonValueKind.Object, path, "pre_tokenizer");
        List<IWordPattern> patterns = [];
        bool bytes = false;
        IEnumerable<JsonElement> steps =
            whole.Text("type", path, "pre_tokenizer.type") == "Sequence"
                ? whole
                    .Field("pretokenizers")
                    .Expect(JsonValueKind.Array, path, "pre_tokenizer.pretokenizers")
                    .EnumerateArray()
                : [whole];
        foreach (JsonElement step in steps)
            switch (step.Text("type", path, "pre_tokenizer.type"))
            {
                case "Digits":
                    patterns.Add(new DigitPattern(step.Flag("individual_digits")));
                    break;
                case "Split":
                    patterns.Add(ReadSplit(step, path));
                    break;
                case "ByteLevel":
                    bytes = true;
                    if (step.Flag("add_prefix_space", absent: true))
                        throw Unsupported(path, "pre_tokenizer.add_prefix_space", "true", "false");
                    if (step.Flag("use_regex", absent: true))
                        patterns.Add(new Gpt2Pattern());
                    break;
                default:
                    throw Unsupported(
                        path,
                        "pre_tokenizer.type",
                        step.Field("type"),
                        "ByteLevel, Digits, Split or Sequence"
                    );
            }
        return bytes
            ? new PreTokenizer([.. patterns])
            : throw Unsupported(
                path,
                "pre_tokenizer",
                "without ByteLevel",
                "a byte-level BPE, whose pre-tokenizer has a ByteLevel step"
            );
    }

    private static IWordPattern ReadSplit(JsonElement step, string path)
    {
        const string field = "pre_tokenizer.pattern.Regex";
        if (step.Text("behavior", path, "pre_tokenizer.behavior") != "Isolated" || step.Flag("invert"))
            throw Unsupported(path, "pre_tokenizer.behavior", step.Field("behavior"), "Isolated, invert false");
        JsonElement pattern = step.Field("pattern").Expect(JsonValueKind.Object, path, "pre_tokenizer.pattern");
        return pattern.Text("Regex", path, field) switch
        {
            Gpt2Pattern.Text => new Gpt2Pattern(),
            CasedPattern.QwenText => new CasedPattern(digits: 1),
            CasedPattern.LlamaText => new CasedPattern(digits: 3),
            var other => throw Unsupported(path, field, other, "the regular expression of GPT-2, Qwen 2 or Llama 3"),
        };
    }

    private static bool Composes(JsonElement normalizer, string path) =>
        normalizer.Text("type", path, "normalizer.type") switch
        {
            "NFC" => true,
            "Sequence" => normalizer
                .Field("normalizers")
                .Expect(JsonValueKind.Array, path, "normalizer.normalizers")
                .EnumerateArray()
                .Select(step => Composes(step, path))
                .ToArray()
                .Length > 0,
            var other => throw Unsupported(path, "normalizer.type", other, "NFC or null"),
        };

    private static TokenizerConfiguration ReadConfiguration(string folder)
    {
        string template = Path.Combine(folder, "chat_template.jinja");
        string? ownTemplate = File.Exists(template) ? File.ReadAllText(template) : null;
        string path = Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path))
            return new TokenizerConfiguration(ChatTemplate: ownTemplate);
        using JsonDocument document = JsonFile.Read(path);
        JsonElement root = document.RootElement;
        return new TokenizerConfiguration(
            TokenText(root, "bos_token", path),
            TokenText(root, "eos_token", path),
            TokenText(root, "pad_token", path),
            ownTemplate ?? ReadTemplate(root, path)
        );
    }

    /// <summary>A text, or an object whose <c>content</c> is the text.</summary>
    private static string? TokenText(JsonElement root, string name, string path) =>
        root.Field(name) is not { } token ? null
        : token.ValueKind == JsonValueKind.String ? token.GetString()
        : token.Text("content", path, $"{name}.content");

    /// <summary>A text, or a list of named templates, of which the one called "default" is taken.</summary>
    private static string? ReadTemplate(JsonElement root, string path)
    {
        if (root.Field("chat_template") is not { } template)
            return null;
        if (template.ValueKind == JsonValueKind.String)
            return template.GetString();
        foreach (
            JsonElement named in ((JsonElement?)template)
                .Expect(JsonValueKind.Array, path, "chat_template")
                .EnumerateArray()
        )
            if (named.Text("name", path, "chat_template[].name") == "default")
                return named.Text("template", path, "chat_template[].template");
        return null;
    }

    /// <summary>Far above any vocabulary, and low enough that a broken file cannot ask for all memory.</summary>
    private const int HighestId = 1 << 24;

    private static int Id(JsonElement? element, string path, string field) =>
        element is { ValueKind: JsonValueKind.Number } number
        && number.TryGetInt32(out int id)
        && id is >= 0 and <= HighestId
            ? id
            : throw new InvalidDataException(
                $"{path}: {field} is {element?.ToString() ?? "missing"}; expected an id, 0 to {HighestId}."
            );

    private static InvalidDataException Unsupported(string path, string field, object? got, string expected) =>
        new($"{path}: {field} is {got}, which is not supported; expected {expected}.");
}
