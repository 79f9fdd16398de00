using David.Grpo.Formats;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>
/// A decoder that writes given turns: one attention head looks at the token before the current one, and the output matrix
/// tells from the two which token comes next.
/// </summary>
internal sealed class ScriptedPolicy : IWeightSource
{
    /// <summary>Numbers of a token's random code.</summary>
    private const int Code = 48;

    private const int Always = 2 * Code; // an input that is always one
    private const int Width = 2 * Code + 2;
    private const double Sharpness = 12;
    private const float Certainty = 1.5f;

    private readonly ModelConfig _config;
    private readonly Dictionary<string, float[]> _weights = [];

    private ScriptedPolicy(int vocabulary, IEnumerable<(int Before, int Current, int Next)> script)
    {
        _config = new ModelConfig
        {
            Architecture = Architecture.Llama,
            VocabularySize = vocabulary,
            HiddenSize = Width,
            IntermediateSize = 1,
            Layers = 1,
            Heads = 1,
            KeyValueHeads = 1,
            HeadDimension = Code,
            RmsNormEpsilon = 1e-6,
            RopeTheta = 10_000,
            TieWordEmbeddings = false,
            MaxPositions = 4096,
        };
        foreach ((string name, long[] shape) in _config.Parameters())
        {
            _weights[name] = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
                Array.Fill(_weights[name], 1);
        }

        float[] embedding = _weights["model.embed_tokens.weight"];
        for (int token = 0; token < vocabulary; token++)
        {
            for (int i = 0; i < Code; i++)
                embedding[token * Width + i] = Sign(token, i);
            embedding[token * Width + Always] = 1;
        }

        // The key turns with its position, the query with the one before its own: they meet there.
        float[] query = _weights["model.layers.0.self_attn.q_proj.weight"],
            key = _weights["model.layers.0.self_attn.k_proj.weight"],
            value = _weights["model.layers.0.self_attn.v_proj.weight"],
            output = _weights["model.layers.0.self_attn.o_proj.weight"];
        const int Half = Code / 2;
        for (int i = 0; i < Half; i++)
        {
            double frequency = Math.Pow(_config.RopeTheta, -2.0 * i / Code);
            query[i * Width + Always] = (float)(Sharpness * Math.Cos(frequency));
            query[(i + Half) * Width + Always] = (float)(-Sharpness * Math.Sin(frequency));
            key[i * Width + Always] = (float)Sharpness;
        }
        for (int i = 0; i < Code; i++)
        {
            value[i * Width + i] = 1;
            output[(Code + i) * Code + i] = 1;
        }

        float[] head = _weights["lm_head.weight"];
        foreach ((int before, int current, int next) in script.Distinct())
            for (int i = 0; i < Code; i++)
            {
                head[next * Width + i] += Certainty * Sign(current, i);
                head[next * Width + Code + i] += Certainty * Sign(before, i);
            }
    }

    /// <param name="turns">The two tokens that a turn comes after, and its tokens.</param>
    public static Decoder Writing(int vocabulary, params (int[] After, int[] Turn)[] turns)
    {
        List<(int, int, int)> script = [];
        foreach ((int[] after, int[] turn) in turns)
        {
            int[] line = [.. after[^2..], .. turn];
            for (int i = 2; i < line.Length; i++)
                script.Add((line[i - 2], line[i - 1], line[i]));
        }
        ScriptedPolicy policy = new(vocabulary, script);
        return Decoder.Load(policy._config, policy);
    }

    public IReadOnlyCollection<string> Names => _weights.Keys;

    public long[] Shape(string name) => _config.Parameters().Single(parameter => parameter.Name == name).Shape;

    public void ReadFloat32(string name, Span<float> destination) => _weights[name].CopyTo(destination);

    private static float Sign(int token, int index) =>
        Seed.Uniform(Seed.Path([token, index], Seed.OfInt64(1))) < 0.5 ? -1 : 1;
}
