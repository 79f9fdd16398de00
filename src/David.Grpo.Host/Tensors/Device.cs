using David.Grpo.Native;

namespace David.Grpo.Tensors;

/// <summary>Element types of tensors, in the native library's numbering.</summary>
public enum ElementType
{
    Float32 = 0,
    Float64 = 1,
    BFloat16 = 2,
    Int64 = 3,
    Bool = 4,
}

/// <summary>Where a tensor lies: the CPU or a CUDA device.</summary>
public readonly record struct Device
{
    // One more than the index, so that the default is the CPU.
    private readonly int _number;

    internal Device(int index) => _number = index + 1;

    /// <summary>The processor.</summary>
    public static Device Cpu => default;

    /// <summary>−1 for the CPU, otherwise the number of the CUDA device.</summary>
    public int Index => _number - 1;

    /// <summary>Reads "cpu", "cuda" or "cuda:1"; refuses a CUDA device that this machine lacks.</summary>
    /// <exception cref="ArgumentException">Another text, or no such device; the message names what there is.</exception>
    public static Device Parse(string text)
    {
        if (text == "cpu")
            return Cpu;
        int index = text == "cuda" ? 0 : -1;
        if (text.StartsWith("cuda:", StringComparison.Ordinal) && !int.TryParse(text["cuda:".Length..], out index))
            index = -1;
        if (index < 0)
            throw new ArgumentException($"Device is \"{text}\"; it must be cpu, cuda or cuda:N.");
        NativeMethods.Check(NativeMethods.CudaDevices(out int count));
        return index < count
            ? new Device(index)
            : throw new ArgumentException(
                $"Device is \"{text}\", but libtorch {Torch.Version} sees {count} CUDA devices. Use cpu, or build with a "
                    + "CUDA libtorch (LIBTORCH_USE_PYTORCH=1 or LIBTORCH=/path)."
            );
    }

    /// <summary>Whether it is the processor.</summary>
    public bool IsCpu => Index < 0;

    public override string ToString() => IsCpu ? "cpu" : $"cuda:{Index}";
}

/// <summary>The libtorch of this process.</summary>
public static class Torch
{
    /// <summary>libtorch's version.</summary>
    public static string Version => NativeMethods.TorchVersion;

    /// <summary>Tensors that the native side holds for us; constant over a training step.</summary>
    public static long LiveTensors
    {
        get
        {
            NativeMethods.Check(NativeMethods.LiveTensors(out long count));
            return count;
        }
    }

    /// <summary>Threads that one operation may use, at least 1.</summary>
    public static int Threads
    {
        get
        {
            NativeMethods.Check(NativeMethods.GetThreads(out int threads));
            return threads;
        }
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            NativeMethods.Check(NativeMethods.SetThreads(value));
        }
    }

    /// <summary>The most bytes that tensors held on a CUDA device so far.</summary>
    public static long CudaPeakBytes(Device device)
    {
        NativeMethods.Check(NativeMethods.CudaPeakBytes(device.Index, out long bytes));
        return bytes;
    }

    /// <summary>Within it, operations record nothing for autograd.</summary>
    public static GradientRecording WithoutGradients() => new(false);

    /// <summary>Within it, operations on tensors that require gradients are recorded.</summary>
    public static GradientRecording WithGradients() => new(true);
}

/// <summary>A stretch of code in which autograd records, or does not; ends with Dispose, on the same thread.</summary>
public readonly ref struct GradientRecording
{
    private readonly byte _former;

    internal GradientRecording(bool enabled) =>
        NativeMethods.Check(NativeMethods.SetGradientRecording(enabled ? (byte)1 : (byte)0, out _former));

    /// <summary>Records again as before.</summary>
    public void Dispose() => NativeMethods.Check(NativeMethods.SetGradientRecording(_former, out _));
}
