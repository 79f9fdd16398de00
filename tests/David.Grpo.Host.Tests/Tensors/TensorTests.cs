using David.Grpo.Host.Tests.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Tensors;

public sealed class TensorTests
{
    [Fact]
    public void Numbers_ComeBackAsTheyWentIn()
    {
        using TensorScope scope = new();
        Assert.Equal([1f, -2, float.NaN], Tensor.From<float>([1, -2, float.NaN], [3]).ToArray<float>());
        Assert.Equal([1.5, double.MaxValue], Tensor.From<double>([1.5, double.MaxValue], [2, 1]).ToArray<double>());
        Assert.Equal([long.MinValue, 7], Tensor.From<long>([long.MinValue, 7], [2]).ToArray<long>());
        Assert.Equal([3, 4, 5], Tensor.From([3, 4, 5]).ToArray<long>());
        Assert.Empty(Tensor.From<float>([], [0, 4]).ToArray<float>());
        // bfloat16 is the upper half of a float32.
        Assert.Equal([(ushort)0x3FC0], Tensor.Full([1], 1.5, ElementType.BFloat16).ToArray<ushort>());
    }

    [Fact]
    public void ATransposedTensor_IsReadInRowMajorOrder()
    {
        using TensorScope scope = new();
        Tensor transposed = Tensor.From<float>([1, 2, 3, 4, 5, 6], [2, 3]).Transpose(0, 1);
        Assert.Equal([3, 2], transposed.Shape.ToArray());
        Assert.Equal([1, 4, 2, 5, 3, 6], transposed.ToArray<float>());
        Assert.Equal(6, transposed.Count);
    }

    [Fact]
    public void Errors_NameTheOperationAndItsShapes()
    {
        using TensorScope scope = new();
        Tensor wide = Tensor.Full([2, 3], 1),
            tall = Tensor.Full([5, 4], 1),
            ids = Tensor.From([9]);
        AssertError(() => wide.Linear(tall), "linear([2, 3] Float32, [5, 4] Float32, null)");
        AssertError(() => _ = wide + tall, "add([2, 3] Float32, [5, 4] Float32)");
        AssertError(() => wide.Reshape(7), "reshape([2, 3] Float32)");
        AssertError(() => wide.Narrow(0, 1, 2), "narrow([2, 3] Float32)");
        AssertError(() => wide.IndexSelect(0, ids), "index_select([2, 3] Float32, [1] Int64)");
        AssertError(() => wide.Embedding(ids), "embedding([2, 3] Float32, [1] Int64)");
        AssertError(() => Tensor.Cat([wide, tall]), "cat([2, 3] Float32, [5, 4] Float32)");
        AssertError(() => Tensor.Backward([wide], [tall]), "backward([2, 3] Float32)");
        AssertError(() => wide.CopyInPlace(tall), "copy_([2, 3] Float32, [5, 4] Float32)");
        AssertError(() => Tensor.From<float>([1, 2, 3], [2, 2]), "from_host()");
        Assert.Contains(
            "3 numbers for a tensor [2, 2] of 4",
            Assert.Throws<TensorException>(() => Tensor.From<float>([1, 2, 3], [2, 2])).Message,
            StringComparison.Ordinal
        );
        AssertError(() => wide.CopyTo<float>(new float[5]), "to_host([2, 3] Float32)");
        AssertError(
            () => Tensor.Full([2, 4, 8], 1).CausalAttention(Tensor.Full([3, 3, 8], 1), Tensor.Full([3, 3, 8], 1), 1),
            "causal_attention([2, 4, 8] Float32, [3, 3, 8] Float32, [3, 3, 8] Float32)"
        );
    }

    [Fact]
    public void Errors_AreOneLine_AndLeaveTheLibraryUsable()
    {
        using TensorScope scope = new();
        Tensor wide = Tensor.Full([2, 3], 1);
        TensorException error = Assert.Throws<TensorException>(() => wide.Linear(Tensor.Full([2, 2], 1)));
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(6, wide.Sum().ToSingle());
    }

    [Fact]
    public void ReadingAsAnotherType_IsRefused()
    {
        using TensorScope scope = new();
        TensorException error = Assert.Throws<TensorException>(() => Tensor.Full([2], 1).ToArray<double>());
        Assert.Contains("Float32", error.Message, StringComparison.Ordinal);
        Assert.Contains("Int32", Assert.Throws<TensorException>(() => Tensor.From<int>([1], [1])).Message);
    }

    [Fact]
    public void ADisposedTensor_IsRefusedEverywhere()
    {
        using TensorScope scope = new();
        Tensor gone = Tensor.Full([2, 2], 1),
            here = Tensor.Full([2, 2], 1);
        gone.Dispose();
        gone.Dispose(); // once more is no harm
        Assert.Throws<ObjectDisposedException>(() => gone + here);
        Assert.Throws<ObjectDisposedException>(() => here.Linear(gone));
        Assert.Throws<ObjectDisposedException>(() => Tensor.Cat([here, gone]));
        Assert.Throws<ObjectDisposedException>(() => here.Linear(here, gone));
        Assert.Throws<ObjectDisposedException>(() => Tensor.Backward([gone], [here]));
        Assert.Throws<ObjectDisposedException>(() => Tensor.GradientNorm([gone]));
    }

    [Fact]
    public void GradientRecording_EndsWithItsBlock()
    {
        using TensorScope scope = new();
        Tensor leaf = Tensor.Full([2], 3);
        leaf.RequireGradient();
        using (Torch.WithoutGradients())
        {
            Assert.Throws<TensorException>(() => Tensor.Backward([leaf * leaf], [Tensor.Full([2], 1)]));
            using (Torch.WithGradients())
                Tensor.Backward([leaf * leaf], [Tensor.Full([2], 1)]);
            Assert.Throws<TensorException>(() => Tensor.Backward([leaf * leaf], [Tensor.Full([2], 1)]));
        }
        Tensor.Backward([leaf * leaf], [Tensor.Full([2], 1)]);
        Assert.Equal([12, 12], leaf.Gradient()!.ToArray<float>()); // two times 2 · 3
        leaf.ClearGradient();
        Assert.Null(leaf.Gradient());
    }

    [Fact]
    public void PooledAttention_EqualsCausalAttentionOfEachRow()
    {
        using TensorScope scope = new();
        Random random = new(1);
        Tensor Random(params long[] shape) =>
            Tensor.From<float>(
                [
                    .. Enumerable
                        .Range(0, (int)shape.Aggregate((a, b) => a * b))
                        .Select(_ => (float)(random.NextDouble() * 4 - 2)),
                ],
                shape
            );
        const int Slots = 40;
        Tensor keys = Random(Slots, 2, 6),
            values = Random(Slots, 2, 6),
            query = Random(3, 8, 6);
        long[][] visible =
        [
            [7],
            [3, 9, 3, 0, 39],
            [.. Enumerable.Range(5, 30).Select(slot => (long)slot)],
        ];
        Tensor pooled = query.PooledAttention(
            keys,
            values,
            visible.SelectMany(slots => slots).ToArray(),
            [0, 1, 6, 36],
            0.4
        );
        for (int row = 0; row < visible.Length; row++)
        {
            Tensor index = Tensor.From<long>(visible[row], [visible[row].Length]);
            float[] expected = query
                .Narrow(0, row, 1)
                .CausalAttention(keys.IndexSelect(0, index), values.IndexSelect(0, index), 0.4)
                .ToArray<float>();
            float[] got = pooled.Narrow(0, row, 1).ToArray<float>();
            Near.Equal(expected, got, 1e-5);
        }
    }

    [Fact]
    public void Split_GivesConsecutivePieces_AndTheirGradients()
    {
        using TensorScope scope = new();
        Tensor whole = Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]);
        whole.RequireGradient();
        Tensor[] pieces = (whole * 2).Split([1, 0, 3]);
        Assert.Equal([2, 4], pieces[0].ToArray<float>());
        Assert.Equal([0, 2], pieces[1].Shape.ToArray());
        Assert.Equal([6, 8, 10, 12, 14, 16], pieces[2].ToArray<float>());
        Tensor.Backward([pieces[2]], [Tensor.From<float>([1, 0, 0, 1, 5, 0], [3, 2])]);
        Assert.Equal([0, 0, 2, 0, 0, 2, 10, 0], whole.Gradient()!.ToArray<float>());
        AssertError(() => whole.Split([1, 2]), "split([4, 2] Float32)");
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:x")]
    [InlineData("cuda:-1")]
    [InlineData("")]
    public void ADeviceOfAnotherName_IsRefused(string text)
    {
        Assert.Contains("cpu, cuda or cuda:N", Assert.Throws<ArgumentException>(() => Device.Parse(text)).Message);
        Assert.True(Device.Parse("cpu").IsCpu);
        Assert.Equal("cpu", Device.Cpu.ToString());
    }

    [Fact]
    public void ACudaDeviceThatIsNotThere_IsRefused() =>
        Assert.Contains("CUDA devices", Assert.Throws<ArgumentException>(() => Device.Parse("cuda:9999")).Message);

    private static void AssertError(Action operation, string beginning) =>
        Assert.StartsWith(
            beginning + ": ",
            Assert.Throws<TensorException>(operation).Message,
            StringComparison.Ordinal
        );
}
