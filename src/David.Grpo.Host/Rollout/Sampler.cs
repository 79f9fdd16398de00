using David.Grpo.Tensors;

namespace David.Grpo.Rollout;

/// <summary>How the next token is drawn from logits.</summary>
public sealed record Sampler
{
    private readonly double _temperature;

    private Sampler(double temperature, bool isGreedy)
    {
        _temperature = temperature;
        IsGreedy = isGreedy;
    }

    /// <summary>The likeliest token; log-probabilities are those at temperature 1.</summary>
    public static Sampler Greedy { get; } = new(1, true);

    /// <summary>A draw from softmax(logits / temperature), temperature above 0.</summary>
    public static Sampler AtTemperature(double temperature) =>
        temperature > 0 && double.IsFinite(temperature)
            ? new Sampler(temperature, false)
            : throw new ArgumentOutOfRangeException(
                nameof(temperature),
                $"Temperature is {temperature}; it must be above 0. For greedy decoding use Sampler.Greedy."
            );

    /// <summary>Whether the likeliest token is taken.</summary>
    public bool IsGreedy { get; }

    /// <summary>What logits are divided by.</summary>
    public double Temperature => _temperature;

    /// <summary>One token for each row.</summary>
    /// <param name="logits">[B, V].</param>
    /// <param name="seeds">[B], one for each token.</param>
    /// <returns>[B] ids, and their log-probabilities under the distribution they were drawn from.</returns>
    public (int[] Tokens, double[] LogProbs) Sample(Tensor logits, ReadOnlySpan<Seed> seeds)
    {
        float[] uniform = new float[IsGreedy ? 0 : seeds.Length];
        for (int i = 0; i < uniform.Length; i++)
            uniform[i] = (float)(1 - Seed.Uniform(seeds[i]));
        using GradientRecording recording = Torch.WithoutGradients();
        return logits.Sample(_temperature, uniform);
    }
}
