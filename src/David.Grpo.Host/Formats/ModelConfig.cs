namespace David.Grpo.Formats;

/// <summary>The decoder families that we run.</summary>
public enum Architecture
{
    /// <summary>Llama 2, 3.x, SmolLM2: no biases.</summary>
    Llama,

    /// <summary>Qwen2, Qwen2.5: biases on query, key and value.</summary>
    Qwen2,

    /// <summary>Qwen3: RMS norm over each head of query and key, no biases.</summary>
    Qwen3,
}

/// <summary>
/// Llama 3's stretching of rotary frequencies. With wavelength λᵢ = 2π / ωᵢ and context C, a frequency ωᵢ stays where
/// λᵢ &lt; C / high, becomes ωᵢ / factor where λᵢ &gt; C / low, and between the two is
/// (1 − s) ωᵢ / factor + s ωᵢ with s = (C / λᵢ − low) / (high − low).
/// </summary>
/// <remarks>Source: transformers, <c>_compute_llama3_parameters</c>.</remarks>
/// <param name="Factor">At least 1.</param>
/// <param name="LowFrequencyFactor">Above 0.</param>
/// <param name="HighFrequencyFactor">Above <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalContext">C: tokens that the model was first trained with.</param>
public sealed record Llama3RopeScaling(
    double Factor,
    double LowFrequencyFactor,
    double HighFrequencyFactor,
    int OriginalContext
)
{
    /// <summary>What each frequency ωᵢ = theta^(−2i/d), i = 0 … d/2 − 1, is divided by, [d/2].</summary>
    public double[] Divisors(double theta, int headDimension) =>
        [
            .. Enumerable
                .Range(0, headDimension / 2)
                .Select(i =>
                {
                    double wavelength = 2 * Math.PI * Math.Pow(theta, 2.0 * i / headDimension);
                    if (wavelength < OriginalContext / HighFrequencyFactor)
                        return 1;
                    if (wavelength > OriginalContext / LowFrequencyFactor)
                        return Factor;
                    double s =
                        ((OriginalContext / wavelength) - LowFrequencyFactor)
                        / (HighFrequencyFactor - LowFrequencyFactor);
                    return 1 / (((1 - s) / Factor) + s);
                }),
        ];
}

/// <summary>The shape of a decoder-only model: rotary positions by halves, RMS norms, SwiGLU, full attention.</summary>
/// <remarks>Made by <see cref="FromJson"/> or <see cref="FromGguf"/>, which refuse what the decoder cannot run.</remarks>
public sealed record ModelConfig
{
    /// <summary>The family.</summary>
    public required Architecture Architecture { get; init; }

    /// <summary>V: rows of the token embedding.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers, at least 1.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads of a layer.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads of a layer; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of a head, even. Not always <see cref="HiddenSize"/> / <see cref="Heads"/>.</summary>
    public required int HeadDimension { get; init; }

    /// <summary>Added to the mean square under the root of every norm.</summary>
    public required double RmsNormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>Null where frequencies are not stretched.</summary>
    public Llama3RopeScaling? RopeScaling { get; init; }

    /// <summary>Whether the output matrix is the token embedding; then there is no <c>lm_head.weight</c>.</summary>
    public required bool TieWordEmbeddings { get; init; }

    /// <summary>Positions that the model was trained for.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Null where the model has no such token.</summary>
    public int? BeginOfSequenceId { get; init; }

    /// <summary>Tokens that end a generation; may be empty.</summary>
    public int[] EndOfSequenceIds { get; init; } = [];

    /// <summary>Whether query, key and value have biases (Qwen2). The output projection never has one.</summary>
    public bool AttentionBias => Architecture == Architecture.Qwen2;

    /// <summary>Whether each head of query and key passes an RMS norm before rotation (Qwen3).</summary>
    public bool QueryKeyNorm => Architecture == Architecture.Qwen3;

    /// <summary>Reads Hugging Face's config.json, in the spelling of transformers 4 or 5.</summary>
    /// <param name="json">The text.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="InvalidDataException">A field is missing or wrong, or asks for what the decoder cannot run.</exception>
    public static ModelConfig FromJson(string json, string file = "config.json") => HuggingFaceConfig.Parse(json, file);

    /// <summary>Reads the metadata of a GGUF file (and, for tied embeddings, the names of its tensors).</summary>
    /// <exception cref="InvalidDataException">A key is missing or wrong, or asks for what the decoder cannot run.</exception>
    public static ModelConfig FromGguf(GgufFile file) => GgufConfig.Parse(file);

    /// <summary>A config.json of float32 weights that transformers (4 and 5) and <see cref="FromJson"/> load.</summary>
    public string ToJson() => HuggingFaceConfig.Write(this);

    /// <summary>The weights that such a model has, in Hugging Face's names, with their shapes [out, in] or [width].</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters()
    {
        long query = (long)Heads * HeadDimension;
        long keyValue = (long)KeyValueHeads * HeadDimension;
        yield return ("model.embed_tokens.weight", [VocabularySize, HiddenSize]);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            yield return (prefix + "input_layernorm.weight", [HiddenSize]);
            yield return (prefix + "self_attn.q_proj.weight", [query, HiddenSize]);
            yield return (prefix + "self_attn.k_proj.weight", [keyValue, HiddenSize]);
            yield return (prefix + "self_attn.v_proj.weight", [keyValue, HiddenSize]);
            if (AttentionBias)
            {
                yield return (prefix + "self_attn.q_proj.bias", [query]);
                yield return (prefix + "self_attn.k_proj.bias", [keyValue]);
                yield return (prefix + "self_attn.v_proj.bias", [keyValue]);
            }
            if (QueryKeyNorm)
            {
                yield return (prefix + "self_attn.q_norm.weight", [HeadDimension]);
                yield return (prefix + "self_attn.k_norm.weight", [HeadDimension]);
            }
            yield return (prefix + "self_attn.o_proj.weight", [HiddenSize, query]);
            yield return (prefix + "post_attention_layernorm.weight", [HiddenSize]);
            yield return (prefix + "mlp.gate_proj.weight", [IntermediateSize, HiddenSize]);
            yield return (prefix + "mlp.up_proj.weight", [IntermediateSize, HiddenSize]);
            yield return (prefix + "mlp.down_proj.weight", [HiddenSize, IntermediateSize]);
        }
        yield return ("model.norm.weight", [HiddenSize]);
        if (!TieWordEmbeddings)
            yield return ("lm_head.weight", [VocabularySize, HiddenSize]);
    }

    /// <summary>What no single field can tell; <paramref name="source"/> is a file's name.</summary>
    /// <exception cref="InvalidDataException">Fields contradict each other.</exception>
    internal ModelConfig Checked(string source)
    {
        if (Heads % KeyValueHeads != 0)
            throw new InvalidDataException(
                $"{source}: {Heads} attention heads cannot share {KeyValueHeads} key/value heads; "
                    + "the second number must divide the first."
            );
        if (HeadDimension < 2 || HeadDimension % 2 != 0)
            throw new InvalidDataException(
                $"{source}: the head dimension is {HeadDimension}; rotary positions need an even one above 0."
            );
        if (!(RopeTheta > 0) || !(RmsNormEpsilon > 0))
            throw new InvalidDataException(
                $"{source}: rope theta is {RopeTheta} and the norms' epsilon {RmsNormEpsilon}; both must be above 0."
            );
        foreach (int id in EndOfSequenceIds.Append(BeginOfSequenceId ?? 0))
            if (id < 0 || id >= VocabularySize)
                throw new InvalidDataException(
                    $"{source}: token id {id} (begin or end of sequence) is outside the vocabulary of {VocabularySize}."
                );
        return this;
    }
}
