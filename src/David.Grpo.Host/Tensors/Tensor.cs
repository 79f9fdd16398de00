using System.Runtime.InteropServices;
using David.Grpo.Native;

namespace David.Grpo.Tensors;

/// <summary>
/// A tensor of libtorch. Operations have TorchSharp's names and libtorch's meaning; shapes are in brackets. A result
/// belongs to the innermost <see cref="TensorScope"/>, or to the caller where there is none.
/// </summary>
/// <remarks>The only place of the host that knows how a tensor operation is carried out.</remarks>
public sealed unsafe class Tensor : IDisposable
{
    private readonly TensorHandle _handle;
    private long[]? _shape;

    private Tensor(TensorHandle handle)
    {
        _handle = handle;
        TensorScope.Register(this);
    }

    private static Tensor Take(int status, TensorHandle handle)
    {
        NativeMethods.Check(status);
        return new Tensor(handle);
    }

    // Making and reading

    /// <summary>A copy of numbers, in row-major order.</summary>
    /// <typeparam name="T">float, double, long or (as raw bfloat16) ushort.</typeparam>
    public static Tensor From<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, Device device = default)
        where T : unmanaged
    {
        fixed (T* data = values)
        fixed (long* sizes = shape)
            return Take(
                NativeMethods.FromHost(
                    data,
                    (long)values.Length * sizeof(T),
                    sizes,
                    shape.Length,
                    (int)TypeOf<T>(),
                    Place(device),
                    out TensorHandle handle
                ),
                handle
            );
    }

    /// <summary>[N] whole numbers.</summary>
    public static Tensor From(ReadOnlySpan<int> values, Device device = default)
    {
        long[] wide = new long[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        return From<long>(wide, [wide.Length], device);
    }

    /// <summary>A tensor of one value.</summary>
    public static Tensor Full(
        ReadOnlySpan<long> shape,
        double value,
        ElementType type = ElementType.Float32,
        Device device = default
    )
    {
        fixed (long* sizes = shape)
            return Take(
                NativeMethods.Full(sizes, shape.Length, value, (int)type, Place(device), out TensorHandle handle),
                handle
            );
    }

    /// <summary>[end] 0, 1, …</summary>
    public static Tensor Arange(long end, Device device = default) =>
        Take(NativeMethods.Arange(end, Place(device), out TensorHandle handle), handle);

    /// <summary>The numbers in row-major order, copied to the host.</summary>
    /// <typeparam name="T">The type the tensor has: float, double, long or (as raw bfloat16) ushort.</typeparam>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        if (TypeOf<T>() != Type)
            throw new TensorException($"The tensor holds {Type}; it was read as {typeof(T).Name}.");
        T[] values = new T[Count];
        CopyTo<T>(values);
        return values;
    }

    /// <summary>Copies the numbers, in row-major order, into room of exactly their size.</summary>
    public void CopyTo<T>(Span<T> destination)
        where T : unmanaged
    {
        fixed (T* data = destination)
            NativeMethods.Check(NativeMethods.ToHost(_handle, data, (long)destination.Length * sizeof(T)));
    }

    /// <summary>The one number of a float32 tensor of one element.</summary>
    public float ToSingle() => ToArray<float>()[0];

    /// <summary>Extents, outermost first.</summary>
    public ReadOnlySpan<long> Shape
    {
        get
        {
            if (_shape is null)
            {
                NativeMethods.Check(NativeMethods.Rank(_handle, out int rank));
                long[] shape = new long[rank];
                fixed (long* sizes = shape)
                    NativeMethods.Check(NativeMethods.Shape(_handle, sizes));
                _shape = shape;
            }
            return _shape;
        }
    }

    /// <summary>The number of elements.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (long size in Shape)
                count *= size;
            return count;
        }
    }

    /// <summary>Of its elements.</summary>
    public ElementType Type
    {
        get
        {
            NativeMethods.Check(NativeMethods.Type(_handle, out int type));
            return (ElementType)type;
        }
    }

    /// <summary>Where its elements are.</summary>
    public Device Device
    {
        get
        {
            NativeMethods.Check(NativeMethods.Device(_handle, out int device));
            return new Device(device);
        }
    }

    /// <summary>The same elements of another type.</summary>
    public Tensor To(ElementType type) =>
        Take(NativeMethods.ToType(_handle, (int)type, out TensorHandle handle), handle);

    /// <summary>The same elements on another device.</summary>
    public Tensor To(Device device) =>
        Take(NativeMethods.ToDevice(_handle, device.Index, out TensorHandle handle), handle);

    /// <summary>Overwrites the elements with another's.</summary>
    public void CopyInPlace(Tensor source) => NativeMethods.Check(NativeMethods.CopyInPlace(_handle, source._handle));

    /// <summary>Sets all elements to 0.</summary>
    public void ZeroInPlace() => NativeMethods.Check(NativeMethods.ZeroInPlace(_handle));

    // Shape

    /// <summary>The same elements in another shape; one extent may be −1.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> shape)
    {
        fixed (long* sizes = shape)
            return Take(NativeMethods.Reshape(_handle, sizes, shape.Length, out TensorHandle handle), handle);
    }

    /// <summary>With two dimensions exchanged; shares the elements.</summary>
    public Tensor Transpose(long first, long second) =>
        Take(NativeMethods.Transpose(_handle, first, second, out TensorHandle handle), handle);

    /// <summary>The same elements, laid out in order.</summary>
    public Tensor Contiguous() => Take(NativeMethods.Contiguous(_handle, out TensorHandle handle), handle);

    /// <summary>A range of a dimension; shares the elements.</summary>
    public Tensor Narrow(long dimension, long start, long length) =>
        Take(NativeMethods.Narrow(_handle, dimension, start, length, out TensorHandle handle), handle);

    /// <summary>Pieces of the given lengths along dimension 0, which they make up.</summary>
    public Tensor[] Split(ReadOnlySpan<long> lengths)
    {
        nint[] handles = new nint[lengths.Length];
        fixed (long* sizes = lengths)
        fixed (nint* first = handles)
            NativeMethods.Check(NativeMethods.Split(_handle, sizes, handles.Length, first));
        return [.. handles.Select(handle => new Tensor(new TensorHandle(handle)))];
    }

    /// <summary>Tensors one after another along a dimension.</summary>
    public static Tensor Cat(ReadOnlySpan<Tensor> tensors, long dimension = 0)
    {
        nint[] handles = Handles(tensors);
        fixed (nint* first = handles)
        {
            Tensor result = Take(NativeMethods.Cat(first, handles.Length, dimension, out TensorHandle handle), handle);
            KeepAlive(tensors);
            return result;
        }
    }

    /// <summary>Rows of a dimension, by position.</summary>
    public Tensor IndexSelect(long dimension, Tensor index) =>
        Take(NativeMethods.IndexSelect(_handle, dimension, index._handle, out TensorHandle handle), handle);

    /// <summary>this[index[i]] = source[i] along dimension 0, outside autograd.</summary>
    public void IndexCopyInPlace(Tensor index, Tensor source) =>
        NativeMethods.Check(NativeMethods.IndexCopyInPlace(_handle, index._handle, source._handle));

    /// <summary>Along a dimension, the elements at the positions of an index of the same rank.</summary>
    public Tensor Gather(long dimension, Tensor index) =>
        Take(NativeMethods.Gather(_handle, dimension, index._handle, out TensorHandle handle), handle);

    // Arithmetic

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator +(Tensor left, Tensor right) =>
        Take(NativeMethods.Add(left._handle, right._handle, out TensorHandle handle), handle);

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator -(Tensor left, Tensor right) =>
        Take(NativeMethods.Sub(left._handle, right._handle, out TensorHandle handle), handle);

    /// <summary>Element by element; shapes are broadcast.</summary>
    public static Tensor operator *(Tensor left, Tensor right) =>
        Take(NativeMethods.Mul(left._handle, right._handle, out TensorHandle handle), handle);

    /// <summary>Each element times a number.</summary>
    public static Tensor operator *(Tensor tensor, double factor) =>
        Take(NativeMethods.MulScalar(tensor._handle, factor, out TensorHandle handle), handle);

    /// <summary>Each element plus a number.</summary>
    public static Tensor operator +(Tensor tensor, double term) =>
        Take(NativeMethods.AddScalar(tensor._handle, term, out TensorHandle handle), handle);

    /// <summary>this += factor · source, outside autograd.</summary>
    public void AddInPlace(Tensor source, double factor = 1) =>
        NativeMethods.Check(NativeMethods.AddInPlace(_handle, source._handle, factor));

    /// <summary>The matrix product; batches in front.</summary>
    public Tensor MatMul(Tensor right) =>
        Take(NativeMethods.MatMul(_handle, right._handle, out TensorHandle handle), handle);

    /// <summary>eˣ of each element.</summary>
    public Tensor Exp() => Take(NativeMethods.Exp(_handle, out TensorHandle handle), handle);

    /// <summary>x − log Σ eˣ along a dimension.</summary>
    public Tensor LogSoftmax(long dimension = -1) =>
        Take(NativeMethods.LogSoftmax(_handle, dimension, out TensorHandle handle), handle);

    /// <summary>eˣ / Σ eˣ along a dimension.</summary>
    public Tensor Softmax(long dimension = -1) =>
        Take(NativeMethods.Softmax(_handle, dimension, out TensorHandle handle), handle);

    /// <summary>Sums along a dimension.</summary>
    public Tensor Sum(long dimension) => Take(NativeMethods.Sum(_handle, dimension, out TensorHandle handle), handle);

    /// <summary>The sum of all elements.</summary>
    public Tensor Sum() => Take(NativeMethods.SumAll(_handle, out TensorHandle handle), handle);

    /// <summary>Running sums along a dimension.</summary>
    public Tensor CumSum(long dimension = -1) =>
        Take(NativeMethods.CumSum(_handle, dimension, out TensorHandle handle), handle);

    /// <summary>Positions of the largest elements along a dimension.</summary>
    public Tensor ArgMax(long dimension = -1) =>
        Take(NativeMethods.ArgMax(_handle, dimension, out TensorHandle handle), handle);

    /// <summary>For each row of this sorted [B, V], the first index whose number is at least value [B, 1]: [B, 1].</summary>
    public Tensor SearchSorted(Tensor value) =>
        Take(NativeMethods.SearchSorted(_handle, value._handle, out TensorHandle handle), handle);

    // Layers

    /// <summary>Rows of this [V, D] by ids [N]: [N, D].</summary>
    public Tensor Embedding(Tensor ids) =>
        Take(NativeMethods.Embedding(_handle, ids._handle, out TensorHandle handle), handle);

    /// <summary>this [N, I], weight [O, I], bias [O] → [N, O].</summary>
    public Tensor Linear(Tensor weight, Tensor? bias = null)
    {
        Tensor result = Take(
            NativeMethods.Linear(_handle, weight._handle, bias is null ? 0 : bias.Pointer, out TensorHandle handle),
            handle
        );
        GC.KeepAlive(bias);
        return result;
    }

    /// <summary>x / √(mean(x², last) + ε) · weight.</summary>
    public Tensor RmsNorm(Tensor weight, double epsilon) =>
        Take(NativeMethods.RmsNorm(_handle, weight._handle, epsilon, out TensorHandle handle), handle);

    /// <summary>silu(this) · up.</summary>
    public Tensor SiluMul(Tensor up) =>
        Take(NativeMethods.SiluMul(_handle, up._handle, out TensorHandle handle), handle);

    /// <summary>Rotary embedding of the halves of this [N, H, D] by cosine and sine [N, D].</summary>
    public Tensor Rotate(Tensor cosine, Tensor sine) =>
        Take(NativeMethods.Rotate(_handle, cosine._handle, sine._handle, out TensorHandle handle), handle);

    /// <summary>
    /// Causal attention of the last Q of K positions: this [Q, H, D], key and value [K, J, D] → [Q, H, D].
    /// </summary>
    public Tensor CausalAttention(Tensor key, Tensor value, double scale) =>
        Take(
            NativeMethods.CausalAttention(_handle, key._handle, value._handle, scale, out TensorHandle handle),
            handle
        );

    /// <summary>
    /// Attention of single queries [B, H, D], each over its own rows of a shared pool [S, J, D]: row b sees
    /// slots[offsets[b] .. offsets[b + 1]]. Not recorded by autograd.
    /// </summary>
    public Tensor PooledAttention(
        Tensor keys,
        Tensor values,
        ReadOnlySpan<long> slots,
        ReadOnlySpan<long> offsets,
        double scale
    )
    {
        fixed (long* slotData = slots)
        fixed (long* offsetData = offsets)
            return Take(
                NativeMethods.PooledAttention(
                    _handle,
                    keys._handle,
                    values._handle,
                    slotData,
                    offsetData,
                    scale,
                    out TensorHandle handle
                ),
                handle
            );
    }

    // Autograd and optimisation

    /// <summary>Whether gradients are recorded by it.</summary>
    public void RequireGradient(bool required = true) =>
        NativeMethods.Check(NativeMethods.RequireGradient(_handle, required ? (byte)1 : (byte)0));

    /// <summary>The same memory, not followed by autograd.</summary>
    public Tensor Detach() => Take(NativeMethods.Detach(_handle, out TensorHandle handle), handle);

    /// <summary>Adds the gradient of Σ outputs · gradients to each leaf's.</summary>
    public static void Backward(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> gradients)
    {
        nint[] left = Handles(outputs),
            right = Handles(gradients);
        fixed (nint* first = left)
        fixed (nint* second = right)
            NativeMethods.Check(NativeMethods.Backward(first, second, left.Length));
        KeepAlive(outputs);
        KeepAlive(gradients);
    }

    /// <summary>The gradient that backward passes have added up, or null where there is none.</summary>
    public Tensor? Gradient()
    {
        NativeMethods.Check(NativeMethods.Gradient(_handle, out TensorHandle handle));
        if (!handle.IsInvalid)
            return new Tensor(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>Forgets the gradient.</summary>
    public void ClearGradient() => NativeMethods.Check(NativeMethods.ClearGradient(_handle));

    /// <summary>The Euclidean norm over all gradients of these tensors.</summary>
    public static double GradientNorm(ReadOnlySpan<Tensor> parameters)
    {
        nint[] handles = Handles(parameters);
        fixed (nint* first = handles)
        {
            NativeMethods.Check(NativeMethods.GradientNorm(first, handles.Length, out double norm));
            KeepAlive(parameters);
            return norm;
        }
    }

    /// <summary>Multiplies the gradients of parameters.</summary>
    public static void ScaleGradients(ReadOnlySpan<Tensor> parameters, double factor)
    {
        nint[] handles = Handles(parameters);
        fixed (nint* first = handles)
            NativeMethods.Check(NativeMethods.ScaleGradients(first, handles.Length, factor));
        KeepAlive(parameters);
    }

    /// <summary>One AdamW update from this parameter's gradient; `step` counts from 1.</summary>
    public void AdamWInPlace(
        Tensor first,
        Tensor second,
        long step,
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay
    ) =>
        NativeMethods.Check(
            NativeMethods.AdamWInPlace(
                _handle,
                first._handle,
                second._handle,
                step,
                learningRate,
                beta1,
                beta2,
                epsilon,
                weightDecay
            )
        );

    public void Dispose() => _handle.Dispose();

    private static nint[] Handles(ReadOnlySpan<Tensor> tensors)
    {
        nint[] handles = new nint[tensors.Length];
        for (int i = 0; i < handles.Length; i++)
            handles[i] = tensors[i].Pointer;
        return handles;
    }

    /// <summary>For calls that take bare pointers; the caller keeps this tensor alive.</summary>
    private nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.DangerousGetHandle();
        }
    }

    private static void KeepAlive(ReadOnlySpan<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
            GC.KeepAlive(tensor);
    }

    private static ElementType TypeOf<T>() =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(double) ? ElementType.Float64
        : typeof(T) == typeof(long) ? ElementType.Int64
        : typeof(T) == typeof(ushort) ? ElementType.BFloat16
        : throw new TensorException($"No tensor holds {typeof(T).Name}; it must be float, double, long or ushort.");

    private static int Place(Device device) => device.Index;
}
