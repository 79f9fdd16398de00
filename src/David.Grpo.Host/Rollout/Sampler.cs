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
        using TensorScope scope = new();
        Tensor logProbs = (_temperature == 1 ? logits : logits * (1 / _temperature)).LogSoftmax(); // [B, V]
        Tensor chosen = IsGreedy ? logits.ArgMax().Reshape(seeds.Length, 1) : Draw(logProbs, seeds); // [B, 1]
        long[] ids = chosen.ToArray<long>();
        float[] taken = logProbs.Gather(1, chosen).ToArray<float>();
        return ([.. ids.Select(id => (int)id)], [.. taken.Select(logProb => (double)logProb)]);
    }

    /// <summary>By inversion: the first token at which the cumulated probability reaches a uniform number in (0, 1].</summary>
    private static Tensor Draw(Tensor logProbs, ReadOnlySpan<Seed> seeds)
    {
        float[] uniform = new float[seeds.Length];
        for (int i = 0; i < uniform.Length; i++)
            uniform[i] = (float)(1 - Seeds.Uniform(seeds[i]));
        Tensor cumulated = logProbs.Exp().CumSum(); // [B, V]
        // A share of the last sum, which rounding may leave off 1; so a token without probability is never drawn.
        Tensor total = cumulated.Narrow(1, logProbs.Shape[1] - 1, 1);
        return cumulated.SearchSorted(Tensor.From<float>(uniform, [uniform.Length, 1], logProbs.Device) * total);
    }
}
