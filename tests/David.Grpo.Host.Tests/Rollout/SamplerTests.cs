using David.Grpo.Host.Tests.Models;
using David.Grpo.Rollout;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Rollout;

public sealed class SamplerTests
{
    private const int Draws = 20_000;

    private static readonly float[] Logits = [1.5f, -2, 0, 3, 0.25f, -9, 2.9f, 0];

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(2.0)]
    public void Frequencies_FollowTheSoftmaxAtTheTemperature(double temperature)
    {
        double[] expected = Softmax(Logits, temperature);
        int[] counts = new int[Logits.Length];
        foreach (int token in Sample(Logits, Draws, temperature, seed: 1).Tokens)
            counts[token]++;
        // χ² with 7 degrees of freedom exceeds 24.3 once in a thousand seeds; this one is fixed. Rare tokens by themselves.
        double chiSquare = 0;
        for (int i = 0; i < counts.Length; i++)
            if (expected[i] * Draws >= 5)
                chiSquare += Math.Pow(counts[i] - expected[i] * Draws, 2) / (expected[i] * Draws);
            else
                Assert.InRange(counts[i], 0, 15);
        Assert.InRange(chiSquare, 0, 24.3);
    }

    [Fact]
    public void ALongTailOfRareTokens_KeepsItsShare()
    {
        // Half of the probability on the first token, the rest on 50,000 tokens of 1e-5 each.
        const int Tail = 50_000;
        float[] logits = [MathF.Log(Tail), .. new float[Tail]];
        int first = Sample(logits, 400, 1, seed: 2).Tokens.Count(token => token == 0);
        Assert.InRange(first, 160, 240); // 200 ± 4 deviations of 10
    }

    [Fact]
    public void ATokenWithoutProbability_IsNeverDrawn()
    {
        float[] logits = [float.NegativeInfinity, -120, 2, float.NegativeInfinity, 1, -120, float.NegativeInfinity];
        Assert.Equal([2, 4], Sample(logits, Draws, 1, seed: 3).Tokens.Distinct().Order());
        float[] certain = [float.NegativeInfinity, float.NegativeInfinity, 7, float.NegativeInfinity];
        (int[] tokens, double[] logProbs) = Sample(certain, 1000, 1, seed: 4);
        Assert.All(tokens, token => Assert.Equal(2, token));
        Assert.All(logProbs, logProb => Assert.Equal(0, logProb));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.3)]
    [InlineData(1.9)]
    public void LogProbs_AreTheLogSoftmaxAtTheTemperature(double temperature)
    {
        double[] expected = Softmax(Logits, temperature);
        (int[] tokens, double[] logProbs) = Sample(Logits, 500, temperature, seed: 5);
        Near.Equal([.. tokens.Select(token => Math.Log(expected[token]))], logProbs, 1e-5);
    }

    [Fact]
    public void Greedy_TakesTheLikeliest_WithItsLogProbAtTemperatureOne()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.From<float>([1, 5, 2, 9, 0, 9.5f], [2, 3]);
        (int[] tokens, double[] logProbs) = Sampler.Greedy.Sample(logits, [Seed.OfInt64(1), Seed.OfInt64(2)]);
        Assert.Equal([1, 2], tokens);
        Near.Equal([Math.Log(Softmax([1, 5, 2], 1)[1]), Math.Log(Softmax([9, 0, 9.5f], 1)[2])], logProbs, 1e-6);
        Assert.True(Sampler.Greedy.IsGreedy);
        Assert.Equal(1, Sampler.Greedy.Temperature);
    }

    [Fact]
    public void ARow_IsDrawnFromItsOwnSeedAlone()
    {
        using TensorScope scope = new();
        Seed[] seeds = [.. Enumerable.Range(0, 40).Select(i => Seed.OfInt64(i))];
        Tensor logits = Tensor.From<float>([.. seeds.SelectMany(_ => Logits)], [seeds.Length, Logits.Length]);
        Sampler sampler = Sampler.AtTemperature(1);
        (int[] together, double[] logProbs) = sampler.Sample(logits, seeds);
        for (int i = 0; i < seeds.Length; i++)
        {
            (int[] alone, double[] own) = sampler.Sample(logits.Narrow(0, i, 1), [seeds[i]]);
            Assert.Equal([together[i]], alone);
            Assert.Equal([logProbs[i]], own);
        }
        Assert.True(together.Distinct().Count() > 2);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void ATemperatureThatIsNotAboveZero_IsRefused(double temperature) =>
        Assert.Contains(
            "Sampler.Greedy",
            Assert.Throws<ArgumentOutOfRangeException>(() => Sampler.AtTemperature(temperature)).Message,
            StringComparison.Ordinal
        );

    private static (int[] Tokens, double[] LogProbs) Sample(float[] logits, int draws, double temperature, long seed)
    {
        Seed root = Seed.OfInt64(seed);
        List<int> tokens = [];
        List<double> logProbs = [];
        int rows = Math.Max(1, Math.Min(draws, 200_000 / logits.Length));
        for (int start = 0; start < draws; start += rows)
        {
            using TensorScope scope = new();
            int count = Math.Min(rows, draws - start);
            float[] repeated = new float[count * logits.Length];
            for (int i = 0; i < count; i++)
                logits.CopyTo(repeated, i * logits.Length);
            (int[] drawn, double[] own) = Sampler
                .AtTemperature(temperature)
                .Sample(
                    Tensor.From<float>(repeated, [count, logits.Length]),
                    [.. Enumerable.Range(start, count).Select(i => Seed.Child(i, root))]
                );
            tokens.AddRange(drawn);
            logProbs.AddRange(own);
        }
        return ([.. tokens], [.. logProbs]);
    }

    private static double[] Softmax(float[] logits, double temperature)
    {
        double[] exponentials = [.. logits.Select(logit => Math.Exp(logit / temperature))];
        double total = exponentials.Sum();
        return [.. exponentials.Select(exponential => exponential / total)];
    }
}
