using David.Grpo.Host.Tests.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Tensors;

/// <summary>The kernels against libtorch's operations, which compute wherever something is recorded.</summary>
public sealed class KernelTests
{
    private readonly Random _random = new(1);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(5, 128)]
    [InlineData(300, 576)]
    public void RmsNorm_AndSiluMul_EqualTheOperations(int rows, int width)
    {
        using TensorScope scope = new();
        Tensor x = Random(rows, width),
            other = Random(rows, width),
            weight = Random(width);
        EqualsRecorded(() => x.RmsNorm(weight, 1e-5));
        EqualsRecorded(() => x.SiluMul(other));
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(4, 3, 6)]
    [InlineData(200, 9, 64)]
    public void Rotate_EqualsTheOperations(int rows, int heads, int width)
    {
        using TensorScope scope = new();
        Tensor x = Random(rows, heads, width),
            cosine = Random(rows, width),
            sine = Random(rows, width);
        EqualsRecorded(() => x.Rotate(cosine, sine));
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(128, 512)]
    [InlineData(577, 1000)]
    public void AProductWithOneRow_EqualsTheOperation(int width, int rows)
    {
        using TensorScope scope = new();
        Tensor x = Random(1, width),
            weight = Random(rows, width);
        EqualsRecorded(() => x.Linear(weight));
    }

    [Fact]
    public void PooledAttention_EqualsGatheringThePool()
    {
        using TensorScope scope = new();
        Tensor keys = Random(60, 3, 16),
            values = Random(60, 3, 16),
            query = Random(5, 9, 16);
        long[] offsets = [0, 1, 8, 8 + 40, 8 + 40 + 3, 60];
        long[] slots = [.. Enumerable.Range(0, 60).Select(_ => (long)_random.Next(60))];
        Near.Equal(
            query.PooledAttentionByGathering(keys, values, slots, offsets, 0.3).ToArray<float>(),
            query.PooledAttention(keys, values, slots, offsets, 0.3).ToArray<float>(),
            1e-5
        );
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.7)]
    public void Sample_DrawsWhatTheOperationsDraw(double temperature)
    {
        using TensorScope scope = new();
        Tensor logits = Random(40, 203);
        float[] uniform = [.. Enumerable.Range(0, 40).Select(_ => (float)(1 - _random.NextDouble()))];
        foreach (float[] draws in (float[][])[uniform, []])
        {
            (int[] expected, double[] expectedLogProbs) = logits.Sample(temperature, draws);
            using GradientRecording recording = Torch.WithoutGradients();
            (int[] tokens, double[] logProbs) = logits.Sample(temperature, draws);
            Assert.Equal(expected, tokens);
            Near.Equal(expectedLogProbs, logProbs, 1e-5);
        }
    }

    [Fact]
    public void Sample_RefusesWhatIsNoDistribution()
    {
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        Tensor logits = Tensor.From<float>([1, 2, float.NaN, 0], [2, 2]);
        Assert.Contains("row 1", Assert.Throws<TensorException>(() => logits.Sample(1, [0.5f, 0.5f])).Message);
    }

    [Fact]
    public void AdamW_EqualsTheOperationsInFloat64()
    {
        using TensorScope scope = new();
        const int Count = 5003;
        float[] start = Random(Count).ToArray<float>();
        Tensor fast = Tensor.From<float>(start, [Count]),
            slow = Tensor.From<double>([.. start.Select(x => (double)x)], [Count]);
        Tensor[] moments = [Tensor.Full([Count], 0), Tensor.Full([Count], 0)],
            wide = [Tensor.Full([Count], 0, ElementType.Float64), Tensor.Full([Count], 0, ElementType.Float64)];
        fast.RequireGradient();
        slow.RequireGradient();
        for (int step = 1; step <= 5; step++)
        {
            float[] slope = Random(Count).ToArray<float>();
            Tensor.Backward([fast], [Tensor.From<float>(slope, [Count])]);
            Tensor.Backward([slow], [Tensor.From<double>([.. slope.Select(x => (double)x)], [Count])]);
            AdamWStep numbers = new(step, 1e-2, 0.9, 0.99, 1e-8, 0.1);
            Near.Equal([Tensor.GradientNorm([slow])], [Tensor.GradientNorm([fast])], 1e-4);
            fast.AdamWInPlace(moments[0], moments[1], numbers);
            slow.AdamWInPlace(wide[0], wide[1], numbers);
            fast.ClearGradient();
            slow.ClearGradient();
        }
        Near.Equal(slow.ToArray<double>(), [.. fast.ToArray<float>().Select(x => (double)x)], 1e-5);
        Near.Equal(wide[1].ToArray<double>(), [.. moments[1].ToArray<float>().Select(x => (double)x)], 1e-5);
        Assert.NotEqual(start, fast.ToArray<float>());
    }

    [Fact]
    public void Rows_AreCopiedToTheirPlaces_AndNowhereElse()
    {
        using TensorScope scope = new();
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float64])
        {
            Tensor pool = Tensor.Full([4, 2], 0, type);
            pool.CopyRowsInPlace([3, 1], Tensor.Full([2, 2], 7, type));
            Assert.Equal([0, 0, 7, 7, 0, 0, 7, 7], Numbers(pool));
            Assert.Throws<TensorException>(() => pool.CopyRowsInPlace([4], Tensor.Full([1, 2], 7, type)));
            Assert.Throws<TensorException>(() => pool.CopyRowsInPlace([1], Tensor.Full([1, 3], 7, type)));
        }

        static double[] Numbers(Tensor tensor) =>
            tensor.Type == ElementType.Float64
                ? tensor.ToArray<double>()
                : [.. tensor.ToArray<float>().Select(x => (double)x)];
    }

    private void EqualsRecorded(Func<Tensor> run)
    {
        using GradientRecording recording = Torch.WithGradients();
        float[] expected = run().ToArray<float>();
        using GradientRecording none = Torch.WithoutGradients();
        Near.Equal(expected, run().ToArray<float>(), 1e-5, 1e-5);
    }

    private Tensor Random(params long[] shape) =>
        Tensor.From<float>(
            [
                .. Enumerable
                    .Range(0, (int)shape.Aggregate((a, b) => a * b))
                    .Select(_ => (float)(_random.NextDouble() * 4 - 2)),
            ],
            shape
        );
}
