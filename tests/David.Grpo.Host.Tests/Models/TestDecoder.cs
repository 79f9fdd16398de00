using David.Grpo.Formats;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Models;

/// <summary>Decoders of tests, and the plainest ways to run them.</summary>
internal static class TestDecoder
{
    /// <summary>A small Qwen3 shape: grouped queries, norms per head, untied, head size that is not width / heads.</summary>
    public static ModelConfig Small { get; } =
        new()
        {
            Architecture = Architecture.Qwen3,
            VocabularySize = 61,
            HiddenSize = 24,
            IntermediateSize = 40,
            Layers = 2,
            Heads = 4,
            KeyValueHeads = 2,
            HeadDimension = 8,
            RmsNormEpsilon = 1e-6,
            RopeTheta = 10_000,
            TieWordEmbeddings = false,
            MaxPositions = 512,
            EndOfSequenceIds = [2],
        };

    /// <summary>Random weights, spread so wide that the next token depends on the tokens before it.</summary>
    public static Decoder Random(ModelConfig config, long seed = 1)
    {
        Decoder policy = Decoder.Random(config, Seed.OfInt64(seed));
        using TensorScope scope = new();
        foreach (Tensor parameter in policy.Parameters)
            if (parameter.Shape.Length == 2)
                parameter.CopyInPlace(parameter * 1.5);
        return policy;
    }

    public static Decoder Load(string path)
    {
        using ModelFiles files = ModelFiles.Open(path);
        return Decoder.Load(files.Config, files.Weights);
    }

    /// <summary>[T · V] logits of one sequence by the learner's pass, without a cache.</summary>
    public static float[] Logits(this Decoder policy, int[] tokens)
    {
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        PrefixTree tree = new([tokens]);
        return policy
            .Logits(policy.Forward(tree.Tokens, tree.Positions, new TreeAttention(tree, policy.Config.HeadDimension)))
            .ToArray<float>();
    }

    /// <summary>[N · V] logits of tokens that are appended to sequences of a cache, in one pass.</summary>
    public static float[] Append(
        this Decoder policy,
        KeyValueCache cache,
        params (SequenceId Sequence, int[] Tokens)[] stretches
    )
    {
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        int[] positions =
        [
            .. stretches.SelectMany(stretch => Enumerable.Range(cache.Length(stretch.Sequence), stretch.Tokens.Length)),
        ];
        IAttention attention = cache.Append([
            .. stretches.Select(stretch => (stretch.Sequence, stretch.Tokens.Length)),
        ]);
        int[] tokens = [.. stretches.SelectMany(stretch => stretch.Tokens)];
        return policy.Logits(policy.Forward(tokens, positions, attention)).ToArray<float>();
    }

    /// <summary>Random ids from 3 on.</summary>
    public static int[] Tokens(ModelConfig config, int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(3, config.VocabularySize))];

    /// <summary>Every token but the first is scored.</summary>
    public static ScoredSequence All(int[] tokens) => new(tokens, [.. Enumerable.Range(1, tokens.Length - 1)]);

    /// <summary>A copy of each parameter's gradient, zeros where there is none.</summary>
    public static float[][] Gradients(this Decoder policy)
    {
        using TensorScope scope = new();
        List<float[]> gradients = [];
        foreach (Tensor parameter in policy.Parameters)
            gradients.Add(parameter.Gradient()?.ToArray<float>() ?? new float[parameter.Count]);
        return [.. gradients];
    }

    /// <summary>The gradients that a pass adds to a policy that had none.</summary>
    public static float[][] GradientsOf(this Decoder policy, Action pass)
    {
        foreach (Tensor parameter in policy.Parameters)
            parameter.ClearGradient();
        pass();
        float[][] gradients = policy.Gradients();
        foreach (Tensor parameter in policy.Parameters)
            parameter.ClearGradient();
        return gradients;
    }

    /// <summary>Gradients agree: the difference of each parameter's is small beside the norm of them all.</summary>
    public static void AssertSameGradients(float[][] expected, float[][] actual, double tolerance)
    {
        double norm = Math.Sqrt(expected.Sum(gradient => gradient.Sum(slope => (double)slope * slope)));
        for (int i = 0; i < expected.Length; i++)
            Near.Equal(expected[i], actual[i], tolerance * Math.Max(norm, 1e-6));
    }
}
