using System.Globalization;
using System.Text;
using System.Text.Json;

namespace David.Grpo.Formats;

/// <summary>Hugging Face's config.json. Defaults of absent fields are those of transformers.</summary>
internal static class HuggingFaceConfig
{
    public static ModelConfig Parse(string json, string file)
    {
        using JsonDocument document = ParseDocument(json, file);
        ConfigFields fields = new(document.RootElement, file);
        Architecture architecture = fields.Text("model_type", null) switch
        {
            "llama" => Architecture.Llama,
            "qwen2" => Architecture.Qwen2,
            "qwen3" => Architecture.Qwen3,
            string other => throw fields.Invalid("model_type", $"\"{other}\"", "llama, qwen2 or qwen3"),
        };
        RefuseUnsupported(fields);

        int hidden = fields.Count("hidden_size");
        int heads = fields.Count("num_attention_heads");
        int? headDimension = architecture == Architecture.Qwen3 ? 128 : null;
        if (headDimension is null && !fields.Has("head_dim"))
            headDimension =
                hidden % heads == 0
                    ? hidden / heads
                    : throw fields.Invalid(
                        "num_attention_heads",
                        $"{heads}",
                        $"a divisor of hidden_size {hidden}, or a head_dim"
                    );
        (double theta, Llama3RopeScaling? scaling) = Rope(fields);
        return new ModelConfig
        {
            Architecture = architecture,
            VocabularySize = fields.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Count("intermediate_size"),
            Layers = fields.Count("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = fields.Count("num_key_value_heads", heads),
            HeadDimension = fields.Count("head_dim", headDimension),
            RmsNormEpsilon = fields.Number("rms_norm_eps", 1e-6),
            RopeTheta = theta,
            RopeScaling = scaling,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", false),
            MaxPositions = fields.Count("max_position_embeddings"),
            BeginOfSequenceId = fields.Ids("bos_token_id") is [int id, ..] ? id : null,
            EndOfSequenceIds = fields.Ids("eos_token_id"),
        }.Checked(file);
    }

    /// <summary>The end-of-sequence ids of a generation_config.json; empty where it names none.</summary>
    public static int[] GenerationEnds(string json, string file)
    {
        using JsonDocument document = ParseDocument(json, file);
        return new ConfigFields(document.RootElement, file).Ids("eos_token_id");
    }

    public static string Write(ModelConfig config)
    {
        (string type, string name) = config.Architecture switch
        {
            Architecture.Llama => ("llama", "LlamaForCausalLM"),
            Architecture.Qwen2 => ("qwen2", "Qwen2ForCausalLM"),
            Architecture.Qwen3 => ("qwen3", "Qwen3ForCausalLM"),
            _ => throw new ArgumentOutOfRangeException(nameof(config), config.Architecture, "not an architecture"),
        };
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartArray("architectures");
            json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteString("model_type", type);
            json.WriteString("dtype", "float32");
            json.WriteString("torch_dtype", "float32");
            json.WriteNumber("vocab_size", config.VocabularySize);
            json.WriteNumber("hidden_size", config.HiddenSize);
            json.WriteNumber("intermediate_size", config.IntermediateSize);
            json.WriteNumber("num_hidden_layers", config.Layers);
            json.WriteNumber("num_attention_heads", config.Heads);
            json.WriteNumber("num_key_value_heads", config.KeyValueHeads);
            json.WriteNumber("head_dim", config.HeadDimension);
            json.WriteString("hidden_act", "silu");
            json.WriteNumber("max_position_embeddings", config.MaxPositions);
            WriteFloat(json, "rms_norm_eps", config.RmsNormEpsilon);
            WriteFloat(json, "rope_theta", config.RopeTheta);
            if (config.RopeScaling is { } scaling)
            {
                json.WriteStartObject("rope_scaling");
                json.WriteString("rope_type", "llama3");
                WriteFloat(json, "factor", scaling.Factor);
                WriteFloat(json, "low_freq_factor", scaling.LowFrequencyFactor);
                WriteFloat(json, "high_freq_factor", scaling.HighFrequencyFactor);
                json.WriteNumber("original_max_position_embeddings", scaling.OriginalContext);
                json.WriteEndObject();
            }
            else
                json.WriteNull("rope_scaling");
            json.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
            WriteFloat(json, "attention_dropout", 0);
            if (config.Architecture != Architecture.Qwen2)
                json.WriteBoolean("attention_bias", false);
            if (config.Architecture == Architecture.Llama)
                json.WriteBoolean("mlp_bias", false);
            else
                json.WriteBoolean("use_sliding_window", false);
            WriteIds(json, "bos_token_id", config.BeginOfSequenceId is { } id ? [id] : []);
            WriteIds(json, "eos_token_id", config.EndOfSequenceIds);
            json.WriteBoolean("use_cache", true);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static JsonDocument ParseDocument(string json, string file)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(
                json,
                new JsonDocumentOptions { AllowDuplicateProperties = false }
            );
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file} is not valid JSON: {e.Message}", e);
        }
        throw new InvalidDataException($"{file} is not a JSON object.");
    }

    private static void RefuseUnsupported(ConfigFields fields)
    {
        string activation = fields.Text("hidden_act", "silu");
        if (activation is not ("silu" or "swish"))
            throw fields.Invalid("hidden_act", $"\"{activation}\"", "silu; other activations are not supported");
        foreach (string flag in (string[])["attention_bias", "mlp_bias", "use_sliding_window", "rope_interleaved"])
            if (fields.Flag(flag, false))
                throw fields.Invalid(flag, "true", "false; such models are not supported");
        foreach (string experts in (string[])["num_experts", "num_local_experts", "n_routed_experts"])
            if (fields.Has(experts))
                throw fields.Invalid(experts, "set", "no experts; mixtures of experts are not supported");
        if (fields.Has("quantization_config"))
            throw fields.Invalid("quantization_config", "set", "none; take the unquantised model, or a GGUF file");
        if (fields.Number("partial_rotary_factor", 1) != 1)
            throw fields.Invalid("partial_rotary_factor", "not 1", "1; partial rotation is not supported");
        string? layer = fields.Texts("layer_types").FirstOrDefault(type => type != "full_attention");
        if (layer is not null)
            throw fields.Invalid("layer_types", $"\"{layer}\"", "full_attention alone");
    }

    /// <summary>
    /// Transformers 4 has <c>rope_theta</c> and <c>rope_scaling</c>, 5 has both in <c>rope_parameters</c>.
    /// </summary>
    private static (double Theta, Llama3RopeScaling? Scaling) Rope(ConfigFields fields)
    {
        ConfigFields? rope = fields.Object("rope_parameters") ?? fields.Object("rope_scaling");
        double outer = fields.Number("rope_theta", 10_000);
        if (rope is null)
            return (outer, null);
        rope = rope.Object("full_attention") ?? rope;
        double theta = rope.Number("rope_theta", outer);
        if (rope.Number("partial_rotary_factor", 1) != 1)
            throw rope.Invalid("partial_rotary_factor", "not 1", "1; partial rotation is not supported");
        return rope.Text("rope_type", rope.Text("type", "default")) switch
        {
            "default" => (theta, null),
            "llama3" => (
                theta,
                new Llama3RopeScaling(
                    rope.Number("factor"),
                    rope.Number("low_freq_factor"),
                    rope.Number("high_freq_factor"),
                    rope.Count("original_max_position_embeddings")
                )
                    is { Factor: >= 1 } scaling
                && scaling.LowFrequencyFactor < scaling.HighFrequencyFactor
                    ? scaling
                    : throw rope.Invalid(
                        "factor",
                        "contradicting numbers",
                        "factor >= 1 and low_freq_factor < high_freq_factor"
                    )
            ),
            string other => throw rope.Invalid("rope_type", $"\"{other}\"", "default or llama3"),
        };
    }

    /// <summary>With a decimal point, since Python's readers tell 10000 from 10000.0.</summary>
    private static void WriteFloat(Utf8JsonWriter json, string name, double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        json.WritePropertyName(name);
        json.WriteRawValue(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0");
    }

    private static void WriteIds(Utf8JsonWriter json, string name, int[] ids)
    {
        if (ids.Length == 0)
            json.WriteNull(name);
        else if (ids.Length == 1)
            json.WriteNumber(name, ids[0]);
        else
        {
            json.WriteStartArray(name);
            foreach (int id in ids)
                json.WriteNumberValue(id);
            json.WriteEndArray();
        }
    }
}

/// <summary>Typed access to the fields of a JSON object; null counts as absent.</summary>
/// <param name="json">The object.</param>
/// <param name="file">Its file, and where it is nested its path, for errors.</param>
internal sealed class ConfigFields(JsonElement json, string file)
{
    public bool Has(string name) => Find(name) is not null;

    /// <summary>A whole number of at least 1.</summary>
    public int Count(string name, int? absent = null) =>
        Find(name) is not { } value ? absent ?? throw Invalid(name, "missing", "a whole number of at least 1")
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 1 ? number
        : throw Invalid(name, value.GetRawText(), "a whole number of at least 1");

    /// <summary>A finite number above 0.</summary>
    public double Number(string name, double? absent = null) =>
        Find(name) is not { } value ? absent ?? throw Invalid(name, "missing", "a number above 0")
        : value.ValueKind == JsonValueKind.Number
        && value.TryGetDouble(out double number)
        && number > 0
        && double.IsFinite(number)
            ? number
        : throw Invalid(name, value.GetRawText(), "a number above 0");

    public bool Flag(string name, bool absent) =>
        Find(name) is not { } value ? absent
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Invalid(name, value.GetRawText(), "true or false");

    public string Text(string name, string? absent) =>
        Find(name) is not { } value ? absent ?? throw Invalid(name, "missing", "a string") : Text(name, value);

    /// <summary>An array of strings; empty where absent.</summary>
    public string[] Texts(string name) =>
        Find(name) is not { } value ? []
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => Text(name, item))]
        : throw Invalid(name, value.GetRawText(), "an array of strings");

    /// <summary>A token id or an array of them; empty where absent.</summary>
    public int[] Ids(string name)
    {
        int Id(JsonElement item) =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) && id >= 0
                ? id
                : throw Invalid(name, item.GetRawText(), "a token id or an array of token ids");

        return Find(name) is not { } value ? []
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(Id)]
            : [Id(value)];
    }

    public ConfigFields? Object(string name) =>
        Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new ConfigFields(value, $"{file}, {name}")
        : throw Invalid(name, value.GetRawText(), "an object");

    public InvalidDataException Invalid(string name, string got, string expected) =>
        new($"{file}: {name} is {got}; expected {expected}.");

    private string Text(string name, JsonElement value)
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }
        catch (InvalidOperationException) { } // an escape such as \ud800, which is no character
        throw Invalid(name, value.GetRawText(), "a string");
    }

    private JsonElement? Find(string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
