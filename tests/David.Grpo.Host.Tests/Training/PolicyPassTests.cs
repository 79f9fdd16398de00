using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Training;

public sealed class PolicyPassTests : IDisposable
{
    // Float32 sums in another order; log-probabilities are of size 10, gradients are compared with their whole norm.
    private const double Rounding = 1e-4;
    private const double GradientRounding = 1e-5;

    private readonly Decoder _policy = TestDecoder.Random(TestDecoder.Small);

    public PolicyPassTests() => _policy.RequireGradients();

    public void Dispose() => _policy.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void PackedTree_EqualsSeparateSequences_InValueAndGradient(int seed)
    {
        Random random = new(seed);
        ScoredSequence[] sequences = Sequences(random);
        double[][] slopes = [.. sequences.Select(sequence => Slopes(sequence.Scored.Length, random))];
        double[][] entropySlopes = [.. sequences.Select(sequence => Slopes(sequence.Scored.Length, random))];

        double[] packed = PolicyPass.LogProbs(_policy, sequences, new(), out double[] packedEntropies);
        List<double> alone = [],
            aloneEntropies = [];
        foreach (ScoredSequence sequence in sequences)
        {
            alone.AddRange(PolicyPass.LogProbs(_policy, [sequence], new(), out double[] entropies));
            aloneEntropies.AddRange(entropies);
        }
        Near.Equal(alone, packed, Rounding);
        Near.Equal(aloneEntropies, packedEntropies, Rounding);

        float[][] together = _policy.GradientsOf(() =>
            PolicyPass.Accumulate(
                _policy,
                sequences,
                new(),
                (_, _) => new Slopes([.. slopes.SelectMany(own => own)], [.. entropySlopes.SelectMany(own => own)])
            )
        );
        // Backward passes add up, so the parts' gradients make the whole's.
        float[][] apart = _policy.GradientsOf(() =>
        {
            for (int i = 0; i < sequences.Length; i++)
            {
                Slopes own = new(slopes[i], entropySlopes[i]);
                PolicyPass.Accumulate(_policy, [sequences[i]], new(), (_, _) => own);
            }
        });
        TestDecoder.AssertSameGradients(apart, together, GradientRounding);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Checkpointing_ChangesNothing(int seed)
    {
        ScoredSequence[] sequences = Sequences(new Random(seed));
        float[][] plain = Gradients(sequences, new(), seed);
        float[][] checkpointed = Gradients(sequences, new() { Checkpointing = true }, seed);
        TestDecoder.AssertSameGradients(plain, checkpointed, 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public void LogitRows_ChangeNothing(int rows)
    {
        ScoredSequence[] sequences = Sequences(new Random(3));
        PassOptions options = new() { LogitRows = rows, Temperature = 0.7 };
        PassOptions whole = options with { LogitRows = 512 };
        double[] expected = PolicyPass.LogProbs(_policy, sequences, whole, out double[] expectedEntropies);
        Near.Equal(expected, PolicyPass.LogProbs(_policy, sequences, options, out double[] entropies), Rounding);
        Near.Equal(expectedEntropies, entropies, Rounding);
        TestDecoder.AssertSameGradients(
            Gradients(sequences, whole, 3),
            Gradients(sequences, options, 3),
            GradientRounding
        );
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(1.7)]
    public void LogProbsAndEntropies_AreTheSoftmaxsAtTheTemperature(double temperature)
    {
        int[] tokens = TestDecoder.Tokens(TestDecoder.Small, 12, new Random(4));
        double[] logProbs = PolicyPass.LogProbs(
            _policy,
            [new(tokens, [1, 5, 11])],
            new() { Temperature = temperature },
            out double[] entropies
        );
        float[][] rows = [.. _policy.Logits(tokens).Chunk(TestDecoder.Small.VocabularySize)];
        int[] scored = [1, 5, 11];
        for (int i = 0; i < scored.Length; i++)
        {
            double[] scaled = [.. rows[scored[i] - 1].Select(logit => logit / temperature)];
            double total = Math.Log(scaled.Sum(Math.Exp));
            double[] all = [.. scaled.Select(logit => logit - total)];
            Near.Equal([all[tokens[scored[i]]]], [logProbs[i]], Rounding);
            Near.Equal([-all.Sum(logProb => Math.Exp(logProb) * logProb)], [entropies[i]], Rounding);
        }
    }

    [Theory]
    [InlineData(1.0, false)]
    [InlineData(0.6, true)]
    public void Slopes_EqualFiniteDifferences(double temperature, bool checkpointing)
    {
        Random random = new(5);
        ScoredSequence[] sequences = Sequences(random);
        PassOptions options = new()
        {
            Temperature = temperature,
            Checkpointing = checkpointing,
            LogitRows = 5,
        };
        int count = sequences.Sum(sequence => sequence.Scored.Length);
        Slopes slopes = new(Slopes(count, random), Slopes(count, random));
        float[][] gradients = _policy.GradientsOf(() =>
            PolicyPass.Accumulate(_policy, sequences, options, (_, _) => slopes)
        );

        double Loss()
        {
            double[] logProbs = PolicyPass.LogProbs(_policy, sequences, options, out double[] entropies);
            return Enumerable
                .Range(0, count)
                .Sum(i => slopes.LogProbs[i] * logProbs[i] + slopes.Entropies![i] * entropies[i]);
        }

        // Along the gradient itself the slope is its norm; a central difference errs with the square of the step.
        double norm = Math.Sqrt(gradients.Sum(gradient => gradient.Sum(slope => (double)slope * slope)));
        Assert.True(norm > 1);
        const double Step = 1e-3;
        double forward = At(Step),
            backward = At(-Step);
        Near.Equal([norm], [(forward - backward) / (2 * Step)], 0, 2e-2, "slope along the gradient");

        double At(double distance)
        {
            Move(distance);
            double value = Loss();
            Move(-distance);
            return value;
        }

        void Move(double distance)
        {
            using TensorScope scope = new();
            for (int i = 0; i < gradients.Length; i++)
            {
                Tensor parameter = _policy.Parameters[i];
                parameter.CopyInPlace(
                    parameter + Tensor.From<float>(gradients[i], parameter.Shape) * (distance / norm)
                );
            }
        }
    }

    [Fact]
    public void NoLoss_LeavesNoGradient()
    {
        ScoredSequence[] sequences = Sequences(new Random(6));
        foreach (bool checkpointing in (bool[])[false, true])
        {
            bool asked = false;
            PolicyPass.Accumulate(
                _policy,
                sequences,
                new() { Checkpointing = checkpointing },
                (_, _) =>
                {
                    asked = true;
                    return null;
                }
            );
            Assert.True(asked);
            foreach (Tensor parameter in _policy.Parameters)
                Assert.Null(parameter.Gradient());
        }
    }

    [Fact]
    public void SlopesOfZero_GiveGradientsOfZero()
    {
        ScoredSequence[] sequences = Sequences(new Random(7));
        float[][] gradients = _policy.GradientsOf(() =>
            PolicyPass.Accumulate(
                _policy,
                sequences,
                new(),
                (logProbs, entropies) => new Slopes(new double[logProbs.Length], new double[entropies.Length])
            )
        );
        Assert.All(gradients, gradient => Assert.All(gradient, slope => Assert.Equal(0, slope)));
    }

    [Fact]
    public void NothingScored_GivesNothing()
    {
        ScoredSequence[] sequences = [new([3, 4, 5], []), new([6], [])];
        Assert.Empty(PolicyPass.LogProbs(_policy, sequences, new(), out double[] entropies));
        Assert.Empty(entropies);
        foreach (bool checkpointing in (bool[])[false, true])
            PolicyPass.Accumulate(
                _policy,
                sequences,
                new() { Checkpointing = checkpointing },
                (logProbs, _) => new Slopes(new double[logProbs.Length])
            );
    }

    [Fact]
    public void AnUnscoredToken_CarriesNoSlope()
    {
        // The last token is seen by no scored position, so whatever it is, the gradient is the same.
        int[] tokens = [3, 14, 15, 9, 26, 5];
        int[] other = [.. tokens[..^1], 35];
        float[][] one = Gradients([new(tokens, [2, 3])], new(), 8);
        float[][] two = Gradients([new(other, [2, 3])], new(), 8);
        TestDecoder.AssertSameGradients(one, two, 1e-7);
    }

    [Fact]
    public void ReadingLogProbs_RecordsNothing()
    {
        PolicyPass.LogProbs(_policy, Sequences(new Random(9)), new(), out _);
        foreach (Tensor parameter in _policy.Parameters)
            Assert.Null(parameter.Gradient());
    }

    [Fact]
    public void APolicyWithoutGradients_IsRefusedByNameOfTheOperation()
    {
        _policy.RequireGradients(false);
        TensorException error = Assert.Throws<TensorException>(() => Gradients([new([3, 4, 5], [1])], new(), 1));
        Assert.StartsWith("backward(", error.Message, StringComparison.Ordinal);
    }

    private float[][] Gradients(ScoredSequence[] sequences, PassOptions options, int seed)
    {
        Random random = new(seed);
        int count = sequences.Sum(sequence => sequence.Scored.Length);
        Slopes slopes = new(Slopes(count, random), Slopes(count, random));
        return _policy.GradientsOf(() => PolicyPass.Accumulate(_policy, sequences, options, (_, _) => slopes));
    }

    private static ScoredSequence[] Sequences(Random random) =>
        [
            .. RandomForest
                .Sequences(random)
                .Append([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
                .Select(tokens => new ScoredSequence(
                    tokens,
                    [.. Enumerable.Range(1, tokens.Length - 1).Where(_ => random.Next(3) > 0)]
                )),
        ];

    private static double[] Slopes(int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() * 2 - 1)];
}
