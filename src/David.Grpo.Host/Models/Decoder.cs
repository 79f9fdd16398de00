using David.Grpo.Formats;
using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>
/// A decoder-only transformer: Llama (with Llama 3's rope scaling), Qwen2 (bias on q, k, v) or Qwen3 (RMS norm on each
/// head's q and k). It works on packs: [N] tokens of any number of sequences, end to end without padding.
/// </summary>
/// <remarks>Letters: N tokens, E hidden size, H heads, J key-value heads, D head size, F feed-forward size, V vocabulary.</remarks>
public sealed class Decoder : IDisposable
{
    private readonly Layer[] _layers;
    private readonly Tensor _embedding; // [V, E]
    private readonly Tensor _head; // [V, E]
    private readonly Tensor _finalNorm; // [E]
    private readonly RotaryTable _rotary;
    private readonly string[] _names;
    private readonly Tensor[] _parameters;

    private Decoder(ModelConfig config, Device device, Func<string, long[], Tensor> parameter)
    {
        Config = config;
        Device = device;
        List<string> names = [];
        List<Tensor> parameters = [];
        Tensor Take(string name, params long[] shape)
        {
            Tensor tensor = TensorScope.Release(parameter(name, shape));
            names.Add(name);
            parameters.Add(tensor);
            return tensor;
        }

        long hidden = config.HiddenSize;
        long queryWidth = (long)config.Heads * config.HeadDimension;
        long keyWidth = (long)config.KeyValueHeads * config.HeadDimension;
        _embedding = Take("model.embed_tokens.weight", config.VocabularySize, hidden);
        _layers = new Layer[config.Layers];
        for (int i = 0; i < _layers.Length; i++)
        {
            string at = $"model.layers.{i}.";
            _layers[i] = new Layer(
                InputNorm: Take(at + "input_layernorm.weight", hidden),
                Query: Take(at + "self_attn.q_proj.weight", queryWidth, hidden),
                QueryBias: config.AttentionBias ? Take(at + "self_attn.q_proj.bias", queryWidth) : null,
                Key: Take(at + "self_attn.k_proj.weight", keyWidth, hidden),
                KeyBias: config.AttentionBias ? Take(at + "self_attn.k_proj.bias", keyWidth) : null,
                Value: Take(at + "self_attn.v_proj.weight", keyWidth, hidden),
                ValueBias: config.AttentionBias ? Take(at + "self_attn.v_proj.bias", keyWidth) : null,
                QueryNorm: config.QueryKeyNorm ? Take(at + "self_attn.q_norm.weight", config.HeadDimension) : null,
                KeyNorm: config.QueryKeyNorm ? Take(at + "self_attn.k_norm.weight", config.HeadDimension) : null,
                Output: Take(at + "self_attn.o_proj.weight", hidden, queryWidth),
                FeedForwardNorm: Take(at + "post_attention_layernorm.weight", hidden),
                Gate: Take(at + "mlp.gate_proj.weight", config.IntermediateSize, hidden),
                Up: Take(at + "mlp.up_proj.weight", config.IntermediateSize, hidden),
                Down: Take(at + "mlp.down_proj.weight", hidden, config.IntermediateSize)
            );
        }
        _finalNorm = Take("model.norm.weight", hidden);
        _head = config.TieWordEmbeddings ? _embedding : Take("lm_head.weight", config.VocabularySize, hidden);
        _names = [.. names];
        _parameters = [.. parameters];
        _rotary = new RotaryTable(config, device);
    }

    /// <summary>The shape of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Where its parameters are.</summary>
    public Device Device { get; }

    /// <summary>Parameters in a fixed order; those that require gradients are leaves of autograd.</summary>
    public ReadOnlySpan<Tensor> Parameters => _parameters;

    /// <summary>Hugging Face's names of <see cref="Parameters"/>, in the same order.</summary>
    public ReadOnlySpan<string> ParameterNames => _names;

    /// <summary>The number of trainable numbers.</summary>
    public long ParameterCount
    {
        get
        {
            long count = 0;
            foreach (Tensor parameter in _parameters)
                count += parameter.Count;
            return count;
        }
    }

    /// <summary>A decoder with the weights of a source, in float32.</summary>
    /// <exception cref="InvalidDataException">A weight is missing or has another shape than the configuration says.</exception>
    public static Decoder Load(ModelConfig config, IWeightSource weights, Device device = default) =>
        new(
            config,
            device,
            (name, shape) =>
            {
                if (!weights.Names.Contains(name))
                    throw new InvalidDataException($"The model has no weight {name}; its configuration asks for it.");
                long[] found = weights.Shape(name);
                if (!found.AsSpan().SequenceEqual(shape))
                    throw new InvalidDataException(
                        $"Weight {name} has the shape [{string.Join(", ", found)}]; "
                            + $"the configuration asks for [{string.Join(", ", shape)}]."
                    );
                float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
                weights.ReadFloat32(name, values);
                return Tensor.From<float>(values, shape, device);
            }
        );

    /// <summary>
    /// A decoder with random weights: matrices N(0, 1 / fan-in), embeddings N(0, 0.05²), norms one, biases zero.
    /// </summary>
    /// <remarks>
    /// Small models learn to copy several times later from GPT-2's N(0, 0.02²), whose attention begins all but uniform.
    /// </remarks>
    public static Decoder Random(ModelConfig config, Seed seed, Device device = default)
    {
        int index = 0;
        return new Decoder(
            config,
            device,
            (name, shape) =>
            {
                Seed own = Seed.Child(index++, seed);
                if (name.EndsWith("norm.weight", StringComparison.Ordinal))
                    return Tensor.Full(shape, 1, device: device);
                if (name.EndsWith(".bias", StringComparison.Ordinal))
                    return Tensor.Full(shape, 0, device: device);
                double deviation = name == "model.embed_tokens.weight" ? 0.05 : 1 / Math.Sqrt(shape[1]);
                float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
                for (int i = 0; i < values.Length; i++)
                {
                    // Box and Muller.
                    double radius = Math.Sqrt(-2 * Math.Log(1 - Seed.Uniform(Seed.Child(2L * i, own))));
                    values[i] = (float)(
                        deviation * radius * Math.Cos(2 * Math.PI * Seed.Uniform(Seed.Child(2L * i + 1, own)))
                    );
                }
                return Tensor.From<float>(values, shape, device);
            }
        );
    }

    /// <summary>A copy with its own memory, whose parameters require no gradients.</summary>
    public Decoder Clone()
    {
        int index = 0;
        return new Decoder(
            Config,
            Device,
            (_, shape) =>
            {
                using TensorScope scope = new();
                Tensor copy = scope.Keep(Tensor.Full(shape, 0, device: Device));
                copy.CopyInPlace(_parameters[index++]);
                return copy;
            }
        );
    }

    /// <summary>Makes every parameter a leaf whose gradient backward passes add up.</summary>
    public void RequireGradients(bool required = true)
    {
        foreach (Tensor parameter in _parameters)
            parameter.RequireGradient(required);
    }

    /// <summary>Hidden states after the final norm, [N, E].</summary>
    /// <param name="tokens">[N] ids.</param>
    /// <param name="positions">[N] positions of the tokens in their sequences, from 0.</param>
    /// <param name="attention">Who sees whom.</param>
    public Tensor Forward(ReadOnlySpan<int> tokens, ReadOnlySpan<int> positions, IAttention attention)
    {
        (Tensor cosine, Tensor sine) = _rotary.At(positions);
        Tensor state = Embed(tokens);
        for (int i = 0; i < _layers.Length; i++)
        {
            // What a layer needs for its backward pass autograd holds itself; the rest is freed with the layer.
            using TensorScope layer = new();
            Tensor before = state;
            state = layer.Keep(RunLayer(i, before, cosine, sine, attention));
            before.Dispose();
        }
        return FinalNorm(state);
    }

    /// <summary>Logits [N, V] of hidden states [N, E].</summary>
    public Tensor Logits(Tensor hidden) => hidden.Linear(_head);

    /// <summary>The matrix that logits are products with, [V, E].</summary>
    internal Tensor Head => _head;

    internal int LayerCount => _layers.Length;

    internal (Tensor Cosine, Tensor Sine) Rotary(ReadOnlySpan<int> positions) => _rotary.At(positions);

    internal Tensor Embed(ReadOnlySpan<int> tokens) => _embedding.Embedding(Tensor.From(tokens, Device));

    internal Tensor FinalNorm(Tensor state) => state.RmsNorm(_finalNorm, Config.RmsNormEpsilon);

    internal Tensor RunLayer(int index, Tensor state, Tensor cosine, Tensor sine, IAttention attention)
    {
        Layer layer = _layers[index];
        double epsilon = Config.RmsNormEpsilon;
        long count = state.Shape[0];
        int width = Config.HeadDimension;

        Tensor input = state.RmsNorm(layer.InputNorm, epsilon); // [N, E]
        Tensor query = input.Linear(layer.Query, layer.QueryBias).Reshape(count, Config.Heads, width); // [N, H, D]
        Tensor key = input.Linear(layer.Key, layer.KeyBias).Reshape(count, Config.KeyValueHeads, width); // [N, J, D]
        Tensor value = input.Linear(layer.Value, layer.ValueBias).Reshape(count, Config.KeyValueHeads, width);
        if (layer.QueryNorm is not null)
            query = query.RmsNorm(layer.QueryNorm, epsilon);
        if (layer.KeyNorm is not null)
            key = key.RmsNorm(layer.KeyNorm, epsilon);
        Tensor seen = attention.Attend(index, query.Rotate(cosine, sine), key.Rotate(cosine, sine), value);
        state += seen.Reshape(count, (long)Config.Heads * width).Linear(layer.Output);

        Tensor forward = state.RmsNorm(layer.FeedForwardNorm, epsilon);
        return state + forward.Linear(layer.Gate).SiluMul(forward.Linear(layer.Up)).Linear(layer.Down);
    }

    public void Dispose()
    {
        foreach (Tensor parameter in _parameters)
            parameter.Dispose();
        _rotary.Dispose();
    }

    private sealed record Layer(
        Tensor InputNorm,
        Tensor Query,
        Tensor? QueryBias,
        Tensor Key,
        Tensor? KeyBias,
        Tensor Value,
        Tensor? ValueBias,
        Tensor? QueryNorm,
        Tensor? KeyNorm,
        Tensor Output,
        Tensor FeedForwardNorm,
        Tensor Gate,
        Tensor Up,
        Tensor Down
    );
}
