using TorchSharp;

namespace David.Grpo.Tensors;

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
        int count = Torch.CudaDevices;
        return index < count
            ? new Device(index)
            : throw new ArgumentException(
                $"Device is \"{text}\", but libtorch {Torch.Version} sees {count} CUDA devices. Use cpu, or a libtorch with CUDA "
                    + "(docs/platforms.md: build with -p:LibTorch=cuda-linux, or set LIBTORCH)."
            );
    }

    /// <summary>Whether it is the processor.</summary>
    public bool IsCpu => Index < 0;

    internal torch.Device Native => IsCpu ? torch.CPU : torch.device(DeviceType.CUDA, Index);

    public override string ToString() => IsCpu ? "cpu" : $"cuda:{Index}";
}

/// <summary>The libtorch of this process.</summary>
public static class Torch
{
    private static readonly int s_standard;
    private static readonly AsyncLocal<int> s_wanted = new();

    [ThreadStatic]
    private static int s_threadsHere;

    [ThreadStatic]
    private static bool s_withoutGradients;

    static Torch()
    {
        LibTorch.Load();
        s_standard = s_threadsHere = torch.get_num_threads();
    }

    /// <summary>The version of libtorch that this library is built for.</summary>
    public static string Version => torch.__version__;

    /// <summary>CUDA devices that this libtorch can use.</summary>
    public static int CudaDevices => LibTorch.HasCuda && torch.cuda.is_available() ? torch.cuda.device_count() : 0;

    /// <summary>Tensors that the native side holds for us; constant over a training step.</summary>
    public static long LiveTensors => torch.Tensor.TotalCount;

    /// <summary>
    /// Threads that one operation may use, at least 1; the machine's cores if nothing was said. What is set holds for the calls that
    /// follow in this method and in what it starts, on whatever thread they run, and for nobody else: runs side by side each keep theirs.
    /// </summary>
    public static int Threads
    {
        get => s_wanted.Value is > 0 and int threads ? threads : s_standard;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            s_wanted.Value = value;
        }
    }

    /// <summary>Within it, operations record nothing for autograd.</summary>
    public static GradientRecording WithoutGradients() => new(false);

    /// <summary>Within it, operations on tensors that require gradients are recorded.</summary>
    public static GradientRecording WithGradients() => new(true);

    /// <summary>Whether operations of this thread are recorded.</summary>
    internal static bool RecordsGradients
    {
        get => !s_withoutGradients;
        set
        {
            s_withoutGradients = !value;
            torch.set_grad_enabled(value);
        }
    }

    /// <summary>libtorch counts threads by calling thread, and work may move to another one: each gets the wanted number.</summary>
    internal static void UseThreads()
    {
        int threads = Threads;
        if (s_threadsHere == threads)
            return;
        // A thread's first question takes the number that was set last on any thread: ask before setting its own.
        _ = torch.get_num_threads();
        torch.set_num_threads(s_threadsHere = threads);
    }
}

/// <summary>A stretch of code in which autograd records, or does not; ends with Dispose, on the same thread.</summary>
public readonly ref struct GradientRecording
{
    private readonly bool _former;

    internal GradientRecording(bool enabled)
    {
        _former = Torch.RecordsGradients;
        if (enabled != _former)
            Torch.RecordsGradients = enabled;
    }

    /// <summary>Records again as before.</summary>
    public void Dispose()
    {
        if (Torch.RecordsGradients != _former)
            Torch.RecordsGradients = _former;
    }
}
