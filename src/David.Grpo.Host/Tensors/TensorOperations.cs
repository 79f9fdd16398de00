using TorchSharp;
using Native = TorchSharp.torch.Tensor;

namespace David.Grpo.Tensors;

public sealed partial class Tensor
{
    // Shape

    /// <summary>The same elements in another shape; one extent may be −1.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> shape) =>
        Take("reshape", this, shape.ToArray(), static (x, shape) => x.reshape(shape));

    /// <summary>With two dimensions exchanged; shares the elements.</summary>
    public Tensor Transpose(long first, long second) =>
        Take("transpose", this, (first, second), static (x, pair) => x.transpose(pair.first, pair.second));

    /// <summary>A range of a dimension; shares the elements.</summary>
    public Tensor Narrow(long dimension, long start, long length) =>
        Take(
            "narrow",
            this,
            (dimension, start, length),
            static (x, range) => x.narrow(range.dimension, range.start, range.length)
        );

    /// <summary>Pieces of the given lengths along dimension 0, which they make up.</summary>
    /// <remarks>One backward step for all pieces together, where as many narrows would each fill a tensor of the whole size.</remarks>
    public Tensor[] Split(ReadOnlySpan<long> lengths)
    {
        Native value = Value;
        try
        {
            return Array.ConvertAll(value.split(lengths), static piece => new Tensor(piece));
        }
        catch (Exception failure)
        {
            throw Failure("split", [this], failure);
        }
        finally
        {
            GC.KeepAlive(this);
        }
    }

    /// <summary>Tensors one after another along a dimension.</summary>
    public static Tensor Cat(ReadOnlySpan<Tensor> tensors, long dimension = 0) =>
        Take("cat", tensors.ToArray(), parts => torch.cat(parts, dimension));

    /// <summary>Rows of a dimension, by position.</summary>
    public Tensor IndexSelect(long dimension, Tensor index) =>
        dimension == 0
            ? Take("index_select", this, index, static (x, rows) => x.index_select(0, rows))
            : Take("index_select", this, index, (x, rows) => x.index_select(dimension, rows));

    /// <summary>this[rows[i]] = source[i] along dimension 0, outside autograd.</summary>
    public unsafe void CopyRowsInPlace(ReadOnlySpan<long> rows, Tensor source)
    {
        using GradientRecording recording = Torch.WithoutGradients();
        if (source.Shape.Length == 0 || source.Shape[0] != rows.Length || !source.Shape[1..].SequenceEqual(Shape[1..]))
            throw new TensorException(
                $"copy_rows_({Show(this)}, {Show(source)}): wants {rows.Length} rows of the same shape"
            );
        if (IsPlain && source.IsPlain)
        {
            long width = rows.Length == 0 ? 0 : source.Count / rows.Length;
            for (int i = 0; i < rows.Length; i++)
                if (rows[i] >= 0 && rows[i] < Shape[0])
                    Buffer.MemoryCopy(
                        source.Floats + i * width,
                        Floats + rows[i] * width,
                        width * sizeof(float),
                        width * sizeof(float)
                    );
                else
                    throw new TensorException($"copy_rows_({Show(this)}, {Show(source)}): there is no row {rows[i]}");
            KeepAlive(this, source);
            return;
        }
        using Tensor index = TensorScope.Release(From(rows, [rows.Length], Device));
        Change(
            "copy_rows_",
            [this, index, source],
            static tensors => tensors[0].index_copy_(0, tensors[1], tensors[2])
        );
    }

    /// <summary>Along a dimension, the elements at the positions of an index of the same rank.</summary>
    public Tensor Gather(long dimension, Tensor index) =>
        Take("gather", this, index, (x, places) => x.gather(dimension, places));

    // Arithmetic

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator +(Tensor left, Tensor right) => Take("add", left, right, static (x, y) => x.add(y));

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator -(Tensor left, Tensor right) => Take("sub", left, right, static (x, y) => x.sub(y));

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator *(Tensor left, Tensor right) => Take("mul", left, right, static (x, y) => x.mul(y));

    /// <summary>Each element times a number.</summary>
    public static Tensor operator *(Tensor tensor, double factor) =>
        Take(
            "mul_scalar",
            tensor,
            factor,
            static (x, factor) =>
            {
                // Held: a Scalar made on the way could be freed during the call.
                using Scalar scalar = factor.ToScalar();
                return x.mul(scalar);
            }
        );

    /// <summary>Each element plus a number.</summary>
    public static Tensor operator +(Tensor tensor, double term) =>
        Take(
            "add_scalar",
            tensor,
            term,
            static (x, term) =>
            {
                using Scalar scalar = term.ToScalar();
                return x.add(scalar);
            }
        );

    /// <summary>eˣ of each element.</summary>
    public Tensor Exp() => Take("exp", this, static x => x.exp());

    /// <summary>x − log Σ eˣ along a dimension.</summary>
    public Tensor LogSoftmax(long dimension = -1) =>
        Take("log_softmax", this, dimension, static (x, dimension) => x.log_softmax(dimension));

    /// <summary>Sums along a dimension.</summary>
    public Tensor Sum(long dimension) => Take("sum", this, dimension, static (x, dimension) => x.sum(dimension));

    /// <summary>The sum of all elements.</summary>
    public Tensor Sum() => Take("sum_all", this, static x => x.sum());

    /// <summary>Running sums along a dimension.</summary>
    public Tensor CumSum(long dimension = -1) =>
        Take("cumsum", this, dimension, static (x, dimension) => x.cumsum(dimension));

    /// <summary>Positions of the largest elements along a dimension.</summary>
    public Tensor ArgMax(long dimension = -1) =>
        Take("argmax", this, dimension, static (x, dimension) => x.argmax(dimension));

    /// <summary>For each row of these logits [B, V] a token drawn by inversion, or the likeliest one.</summary>
    /// <param name="temperature">What logits are divided by, above 0.</param>
    /// <param name="uniform">[B] numbers in (0, 1]; empty for the likeliest tokens.</param>
    /// <returns>
    /// [B] tokens: the first at which the cumulated probability reaches a share of its last sum, so that a token without probability is
    /// never drawn; and their log-probabilities at the temperature.
    /// </returns>
    public unsafe (int[] Tokens, double[] LogProbs) Sample(double temperature, ReadOnlySpan<float> uniform)
    {
        long rows = Shape[0],
            vocabulary = Shape[1];
        if (rows > 0 && IsPlain)
        {
            int[] tokens = new int[rows];
            double[] logProbs = new double[rows];
            fixed (float* draws = uniform)
                Kernels.Sample(Floats, (float)(1 / temperature), draws, tokens, logProbs, vocabulary);
            GC.KeepAlive(this);
            if (Array.FindIndex(logProbs, double.IsNaN) is >= 0 and int row)
                throw new TensorException(
                    $"sample({Show(this)}): row {row} has a logit that is no number, or only infinite ones"
                );
            return (tokens, logProbs);
        }
        using TensorScope scope = new();
        Tensor all = (temperature == 1 ? this : this * (1 / temperature)).LogSoftmax(); // [B, V]
        Tensor chosen; // [B, 1]
        if (uniform.IsEmpty)
            chosen = ArgMax().Reshape(rows, 1);
        else
        {
            Tensor cumulated = all.Exp().CumSum();
            Tensor draws = From(uniform, [rows, 1], Device) * cumulated.Narrow(1, vocabulary - 1, 1);
            chosen = Take("search_sorted", cumulated, draws, static (sums, draws) => torch.searchsorted(sums, draws));
        }
        return (
            Array.ConvertAll(chosen.ToArray<long>(), token => (int)token),
            Array.ConvertAll(all.Gather(1, chosen).ToArray<float>(), logProb => (double)logProb)
        );
    }

    // Autograd

    /// <summary>Whether gradients are recorded by it.</summary>
    public void RequireGradient(bool required = true)
    {
        Value.requires_grad = required;
        GC.KeepAlive(this);
    }

    /// <summary>The same memory, not followed by autograd.</summary>
    public Tensor Detach() => Take("detach", this, static x => x.detach());

    /// <summary>Adds the gradient of Σ outputs · gradients to each leaf's.</summary>
    public static void Backward(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> gradients)
    {
        Tensor[] held = [.. outputs, .. gradients];
        Native[] left = Values(outputs),
            right = Values(gradients);
        Torch.UseThreads();
        try
        {
            torch.autograd.backward(left, right);
        }
        catch (Exception failure)
        {
            throw Failure("backward", held.AsSpan(0, left.Length), failure);
        }
        finally
        {
            GC.KeepAlive(held);
        }
    }

    /// <summary>The gradient that backward passes have added up, or null where there is none.</summary>
    public Tensor? Gradient()
    {
        Native? gradient = Value.grad;
        GC.KeepAlive(this);
        return gradient is null ? null : new Tensor(gradient);
    }

    /// <summary>Forgets the gradient.</summary>
    public void ClearGradient()
    {
        Value.grad = null;
        GC.KeepAlive(this);
    }
}
