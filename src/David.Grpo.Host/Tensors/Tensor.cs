using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using Native = TorchSharp.torch.Tensor;

namespace David.Grpo.Tensors;

/// <summary>
/// A tensor of libtorch. Operations have TorchSharp's names and libtorch's meaning; shapes are in brackets. A result
/// belongs to the innermost <see cref="TensorScope"/>, or to the caller where there is none.
/// </summary>
/// <remarks>
/// The only place of the host that knows how a tensor operation is carried out, and that holds TorchSharp's traps: an error
/// carries the operation and the shapes, nothing is freed under a call, and what an operation returns is always a tensor of its own.
/// </remarks>
public sealed partial class Tensor : IDisposable
{
    private Native? _native;
    private long[]? _shape;
    private nint? _floats; // where its numbers lie, if float32 in order on the host; 0 if not

    private Tensor(Native native)
    {
        _native = native;
        TensorScope.Register(this);
    }

    private Native Value => _native ?? throw new ObjectDisposedException(nameof(Tensor));

    /// <summary>Frees the elements, unless another tensor shares them.</summary>
    public void Dispose()
    {
        _native?.Dispose();
        _native = null;
    }

    // Making and reading

    /// <summary>A copy of numbers, in row-major order.</summary>
    /// <typeparam name="T">float, double, long or (as raw bfloat16) ushort.</typeparam>
    public static unsafe Tensor From<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, Device device = default)
        where T : unmanaged
    {
        long count = 1;
        foreach (long size in shape)
            count *= size;
        if (count != values.Length)
            throw new TensorException(
                $"from_host(): got {values.Length} numbers for a tensor [{string.Join(", ", shape.ToArray())}] of {count}"
            );
        Torch.UseThreads();
        Native host = torch.empty(shape, TypeOf(ElementTypeOf<T>()));
        fixed (T* from = values)
            Buffer.MemoryCopy(from, Memory(host), count * sizeof(T), count * sizeof(T));
        if (device.IsCpu)
            return new Tensor(host);
        using (host)
            return new Tensor(host.to(device.Native));
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
        Torch.UseThreads();
        using Scalar scalar = value.ToScalar();
        return new Tensor(torch.full(shape, scalar, TypeOf(type), device.Native));
    }

    /// <summary>The numbers in row-major order, copied to the host.</summary>
    /// <typeparam name="T">The type the tensor has: float, double, long or (as raw bfloat16) ushort.</typeparam>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        T[] values = new T[Count];
        CopyTo<T>(values);
        return values;
    }

    /// <summary>Copies the numbers, in row-major order, into room of exactly their size.</summary>
    public unsafe void CopyTo<T>(Span<T> destination)
        where T : unmanaged
    {
        if (ElementTypeOf<T>() != Type)
            throw new TensorException($"The tensor holds {Type}; it was read as {typeof(T).Name}.");
        if (destination.Length != Count)
            throw new TensorException(
                $"to_host({Show(this)}): room for {destination.Length} numbers, the tensor has {Count}"
            );
        if (destination.IsEmpty)
            return;
        using Native here = Value.detach();
        using Native host = here.cpu();
        using Native ordered = host.contiguous();
        fixed (T* to = destination)
            Buffer.MemoryCopy(
                Memory(ordered),
                to,
                (long)destination.Length * sizeof(T),
                (long)destination.Length * sizeof(T)
            );
        GC.KeepAlive(this);
    }

    /// <summary>The one number of a float32 tensor of one element.</summary>
    public float ToSingle() => ToArray<float>()[0];

    /// <summary>Extents, outermost first.</summary>
    public ReadOnlySpan<long> Shape => _shape ??= Value.size();

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
    public ElementType Type =>
        Value.dtype switch
        {
            torch.ScalarType.Float32 => ElementType.Float32,
            torch.ScalarType.Float64 => ElementType.Float64,
            torch.ScalarType.BFloat16 => ElementType.BFloat16,
            torch.ScalarType.Int64 => ElementType.Int64,
            torch.ScalarType.Bool => ElementType.Bool,
            torch.ScalarType other => throw new TensorException($"No tensor here holds {other}."),
        };

    /// <summary>Where its elements are.</summary>
    public Device Device => Value.device_type == DeviceType.CPU ? Device.Cpu : new Device(Value.device_index);

    /// <summary>Overwrites the elements with another's, outside autograd.</summary>
    public void CopyInPlace(Tensor source) =>
        Change("copy_", [this, source], static tensors => tensors[0].copy_(tensors[1]));

    /// <summary>The room of a contiguous tensor on the host, valid while the tensor lives.</summary>
    private static unsafe void* Memory(Native tensor)
    {
        // `bytes` gives the place, but ends at 2 GiB: of a larger tensor the first row is asked.
        if (tensor.NumberOfElements <= int.MaxValue / tensor.ElementSize)
            return Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        using Native flat = tensor.view(-1);
        using Native first = flat.narrow(0, 0, 1);
        return Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    private static ElementType ElementTypeOf<T>() =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(double) ? ElementType.Float64
        : typeof(T) == typeof(long) ? ElementType.Int64
        : typeof(T) == typeof(ushort) ? ElementType.BFloat16
        : throw new TensorException($"No tensor holds {typeof(T).Name}; it must be float, double, long or ushort.");

    private static torch.ScalarType TypeOf(ElementType type) =>
        type switch
        {
            ElementType.Float32 => torch.ScalarType.Float32,
            ElementType.Float64 => torch.ScalarType.Float64,
            ElementType.BFloat16 => torch.ScalarType.BFloat16,
            ElementType.Int64 => torch.ScalarType.Int64,
            _ => torch.ScalarType.Bool,
        };

    // Calls

    private static Tensor Take(string operation, Tensor x, Func<Native, Native> run)
    {
        Native value = x.Value;
        Torch.UseThreads();
        try
        {
            return new Tensor(Own(run(value), value));
        }
        catch (Exception failure) when (failure is not ObjectDisposedException)
        {
            throw Failure(operation, [x], failure);
        }
        finally
        {
            GC.KeepAlive(x);
        }
    }

    private static Tensor Take<T>(string operation, Tensor x, T argument, Func<Native, T, Native> run)
    {
        Native value = x.Value;
        Torch.UseThreads();
        try
        {
            return new Tensor(Own(run(value, argument), value));
        }
        catch (Exception failure) when (failure is not ObjectDisposedException)
        {
            throw Failure(operation, [x], failure);
        }
        finally
        {
            GC.KeepAlive(x);
        }
    }

    private static Tensor Take(string operation, Tensor x, Tensor y, Func<Native, Native, Native> run)
    {
        Native left = x.Value,
            right = y.Value;
        Torch.UseThreads();
        try
        {
            return new Tensor(run(left, right));
        }
        catch (Exception failure) when (failure is not ObjectDisposedException)
        {
            throw Failure(operation, [x, y], failure);
        }
        finally
        {
            GC.KeepAlive(x);
            GC.KeepAlive(y);
        }
    }

    /// <summary>An operation on any number of tensors.</summary>
    private static Tensor Take(string operation, Tensor?[] operands, Func<Native[], Native> run)
    {
        Native[] values = Values(operands);
        Torch.UseThreads();
        try
        {
            return new Tensor(run(values));
        }
        catch (Exception failure) when (failure is not ObjectDisposedException)
        {
            throw Failure(operation, operands, failure);
        }
        finally
        {
            GC.KeepAlive(operands);
        }
    }

    /// <summary>An operation that changes its first tensor, and gives it back, outside autograd.</summary>
    private static void Change(string operation, Tensor[] operands, Action<Native[]> run)
    {
        using GradientRecording recording = Torch.WithoutGradients();
        Native[] values = Values(operands);
        Torch.UseThreads();
        try
        {
            run(values);
        }
        catch (Exception failure) when (failure is not ObjectDisposedException)
        {
            throw Failure(operation, operands, failure);
        }
        finally
        {
            GC.KeepAlive(operands);
        }
    }

    private static Native[] Values(ReadOnlySpan<Tensor?> tensors)
    {
        Native[] values = new Native[tensors.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = tensors[i]?.Value!;
        return values;
    }

    /// <summary>Some operations return the tensor that they were given; it gets a handle of its own.</summary>
    private static Native Own(Native result, Native operand) =>
        ReferenceEquals(result, operand) ? result.alias() : result;

    private static TensorException Failure(string operation, ReadOnlySpan<Tensor?> operands, Exception failure)
    {
        const int Shown = 8;
        IEnumerable<string> shapes = operands[..Math.Min(Shown, operands.Length)].ToArray().Select(Show);
        string more = operands.Length > Shown ? $", ... {operands.Length} tensors" : "";
        return new TensorException(
            $"{operation}({string.Join(", ", shapes)}{more}): {failure.Message.Split('\n')[0]}",
            failure
        );
    }

    private static string Show(Tensor? tensor) =>
        tensor is null ? "null" : $"[{string.Join(", ", tensor.Shape.ToArray())}] {tensor.Type}";
}
