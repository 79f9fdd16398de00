namespace David.Grpo.Formats;

/// <summary>The weights of a GGUF file under Hugging Face's names and in its layout.</summary>
/// <remarks>
/// llama.cpp's converter reorders the rows of every query and key head of architecture llama so that rotary pairs lie
/// side by side: its row 2j + h of a head of width d is Hugging Face's row h·d/2 + j, h ∈ {0, 1}. Here the rows are put
/// back. Qwen files are stored as they are. Source: llama.cpp, <c>convert_hf_to_gguf.py</c>, <c>LlamaModel.permute</c>.
/// </remarks>
public sealed class GgufWeights : IWeightSource
{
    private readonly GgufFile file;
    private readonly ModelConfig config;
    private readonly Dictionary<string, GgufTensor> tensors = [];

    /// <param name="file">Stays the caller's to dispose of.</param>
    /// <param name="config">The file's own.</param>
    /// <exception cref="NotSupportedException">
    /// A weight that the configuration asks for is stored in a type that we do not read; others may be stored as they like.
    /// </exception>
    public GgufWeights(GgufFile file, ModelConfig config)
    {
        (this.file, this.config) = (file, config);
        HashSet<string> needed = [.. config.Parameters().Select(parameter => parameter.Name)];
        foreach (GgufTensor tensor in file.Tensors.Values)
            if (HuggingFaceName(tensor.Name) is { } name)
                tensors.Add(name, needed.Contains(name) ? file.Readable(tensor.Name) : tensor);
    }

    public IReadOnlyCollection<string> Names => tensors.Keys;

    public long[] Shape(string name) => Find(name).Shape;

    public void ReadFloat32(string name, Span<float> destination)
    {
        GgufTensor tensor = Find(name);
        int heads =
            config.Architecture != Architecture.Llama ? 0
            : name.EndsWith(".q_proj.weight", StringComparison.Ordinal) ? config.Heads
            : name.EndsWith(".k_proj.weight", StringComparison.Ordinal) ? config.KeyValueHeads
            : 0;
        if (heads == 0)
        {
            file.ReadFloat32(tensor.Name, destination);
            return;
        }
        float[] stored = new float[destination.Length];
        file.ReadFloat32(tensor.Name, stored);
        int width = (int)tensor.Shape[1];
        int half = config.HeadDimension / 2;
        for (int head = 0; head < heads; head++)
        for (int h = 0; h < 2; h++)
        for (int j = 0; j < half; j++)
        {
            int first = head * config.HeadDimension;
            stored
                .AsSpan((first + (2 * j) + h) * width, width)
                .CopyTo(destination[((first + (h * half) + j) * width)..]);
        }
    }

    private GgufTensor Find(string name) =>
        tensors.GetValueOrDefault(name) ?? throw new KeyNotFoundException($"{file.Path} has no weight \"{name}\".");

    /// <summary>Null for tensors that no decoder of ours uses, such as <c>rope_freqs.weight</c>.</summary>
    private static string? HuggingFaceName(string name)
    {
        string[] parts = name.Split('.');
        return parts switch
        {
            ["token_embd", "weight"] => "model.embed_tokens.weight",
            ["output_norm", "weight"] => "model.norm.weight",
            ["output", "weight"] => "lm_head.weight",
            ["blk", var layer, var part, "weight" or "bias"] when LayerPart(part) is { } renamed =>
                $"model.layers.{layer}.{renamed}.{parts[3]}",
            _ => null,
        };
    }

    private static string? LayerPart(string part) =>
        part switch
        {
            "attn_norm" => "input_layernorm",
            "attn_q" => "self_attn.q_proj",
            "attn_k" => "self_attn.k_proj",
            "attn_v" => "self_attn.v_proj",
            "attn_output" => "self_attn.o_proj",
            "attn_q_norm" => "self_attn.q_norm",
            "attn_k_norm" => "self_attn.k_norm",
            "ffn_norm" => "post_attention_layernorm",
            "ffn_gate" => "mlp.gate_proj",
            "ffn_up" => "mlp.up_proj",
            "ffn_down" => "mlp.down_proj",
            _ => null,
        };
}
