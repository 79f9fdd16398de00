using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace David.Grpo.Native;

/// <summary>The functions of src/native/david_torch/david_torch.h, one for one; the header says what each does.</summary>
internal static unsafe partial class NativeMethods
{
    private const string Library = "david_torch";

    [LibraryImport(Library, EntryPoint = "david_last_error")]
    private static partial nint LastErrorText();

    [LibraryImport(Library, EntryPoint = "david_torch_version")]
    private static partial nint TorchVersionText();

    public static string TorchVersion => Marshal.PtrToStringUTF8(TorchVersionText())!;

    [LibraryImport(Library, EntryPoint = "david_set_threads")]
    public static partial int SetThreads(int threads);

    [LibraryImport(Library, EntryPoint = "david_get_threads")]
    public static partial int GetThreads(out int threads);

    [LibraryImport(Library, EntryPoint = "david_live_tensors")]
    public static partial int LiveTensors(out long count);

    [LibraryImport(Library, EntryPoint = "david_cuda_devices")]
    public static partial int CudaDevices(out int count);

    [LibraryImport(Library, EntryPoint = "david_cuda_peak_bytes")]
    public static partial int CudaPeakBytes(int device, out long bytes);

    [LibraryImport(Library, EntryPoint = "david_set_gradient_recording")]
    public static partial int SetGradientRecording(byte enabled, out byte former);

    [LibraryImport(Library, EntryPoint = "david_from_host")]
    public static partial int FromHost(
        void* data,
        long bytes,
        long* shape,
        int rank,
        int type,
        int device,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_to_host")]
    public static partial int ToHost(TensorHandle tensor, void* data, long bytes);

    [LibraryImport(Library, EntryPoint = "david_full")]
    public static partial int Full(long* shape, int rank, double value, int type, int device, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_arange")]
    public static partial int Arange(long end, int device, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_free")]
    public static partial int Free(nint tensor);

    [LibraryImport(Library, EntryPoint = "david_rank")]
    public static partial int Rank(TensorHandle tensor, out int rank);

    [LibraryImport(Library, EntryPoint = "david_shape")]
    public static partial int Shape(TensorHandle tensor, long* shape);

    [LibraryImport(Library, EntryPoint = "david_type")]
    public static partial int Type(TensorHandle tensor, out int type);

    [LibraryImport(Library, EntryPoint = "david_device")]
    public static partial int Device(TensorHandle tensor, out int device);

    [LibraryImport(Library, EntryPoint = "david_to_type")]
    public static partial int ToType(TensorHandle tensor, int type, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_to_device")]
    public static partial int ToDevice(TensorHandle tensor, int device, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_copy_")]
    public static partial int CopyInPlace(TensorHandle target, TensorHandle source);

    [LibraryImport(Library, EntryPoint = "david_zero_")]
    public static partial int ZeroInPlace(TensorHandle target);

    [LibraryImport(Library, EntryPoint = "david_reshape")]
    public static partial int Reshape(TensorHandle tensor, long* shape, int rank, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_transpose")]
    public static partial int Transpose(TensorHandle tensor, long first, long second, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_contiguous")]
    public static partial int Contiguous(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_narrow")]
    public static partial int Narrow(
        TensorHandle tensor,
        long dimension,
        long start,
        long length,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_split")]
    public static partial int Split(TensorHandle tensor, long* lengths, int count, nint* results);

    [LibraryImport(Library, EntryPoint = "david_cat")]
    public static partial int Cat(nint* tensors, int count, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_index_select")]
    public static partial int IndexSelect(
        TensorHandle tensor,
        long dimension,
        TensorHandle index,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_index_copy_")]
    public static partial int IndexCopyInPlace(TensorHandle target, TensorHandle index, TensorHandle source);

    [LibraryImport(Library, EntryPoint = "david_gather")]
    public static partial int Gather(TensorHandle tensor, long dimension, TensorHandle index, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_add")]
    public static partial int Add(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_sub")]
    public static partial int Sub(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_mul")]
    public static partial int Mul(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_mul_scalar")]
    public static partial int MulScalar(TensorHandle tensor, double factor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_add_scalar")]
    public static partial int AddScalar(TensorHandle tensor, double term, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_add_")]
    public static partial int AddInPlace(TensorHandle target, TensorHandle source, double factor);

    [LibraryImport(Library, EntryPoint = "david_matmul")]
    public static partial int MatMul(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_exp")]
    public static partial int Exp(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_log_softmax")]
    public static partial int LogSoftmax(TensorHandle tensor, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_softmax")]
    public static partial int Softmax(TensorHandle tensor, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_sum")]
    public static partial int Sum(TensorHandle tensor, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_sum_all")]
    public static partial int SumAll(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_cumsum")]
    public static partial int CumSum(TensorHandle tensor, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_argmax")]
    public static partial int ArgMax(TensorHandle tensor, long dimension, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_search_sorted")]
    public static partial int SearchSorted(TensorHandle sorted, TensorHandle value, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_embedding")]
    public static partial int Embedding(TensorHandle weight, TensorHandle ids, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_linear")]
    public static partial int Linear(TensorHandle input, TensorHandle weight, nint bias, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_rms_norm")]
    public static partial int RmsNorm(TensorHandle input, TensorHandle weight, double epsilon, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_silu_mul")]
    public static partial int SiluMul(TensorHandle gate, TensorHandle up, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_rotate")]
    public static partial int Rotate(
        TensorHandle input,
        TensorHandle cosine,
        TensorHandle sine,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_causal_attention")]
    public static partial int CausalAttention(
        TensorHandle query,
        TensorHandle key,
        TensorHandle value,
        double scale,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_pooled_attention")]
    public static partial int PooledAttention(
        TensorHandle query,
        TensorHandle keys,
        TensorHandle values,
        long* slots,
        long* offsets,
        double scale,
        out TensorHandle result
    );

    [LibraryImport(Library, EntryPoint = "david_require_gradient")]
    public static partial int RequireGradient(TensorHandle tensor, byte required);

    [LibraryImport(Library, EntryPoint = "david_detach")]
    public static partial int Detach(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_backward")]
    public static partial int Backward(nint* outputs, nint* gradients, int count);

    [LibraryImport(Library, EntryPoint = "david_gradient")]
    public static partial int Gradient(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = "david_clear_gradient")]
    public static partial int ClearGradient(TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = "david_gradient_norm")]
    public static partial int GradientNorm(nint* parameters, int count, out double norm);

    [LibraryImport(Library, EntryPoint = "david_scale_gradients")]
    public static partial int ScaleGradients(nint* parameters, int count, double factor);

    [LibraryImport(Library, EntryPoint = "david_adamw_")]
    public static partial int AdamWInPlace(
        TensorHandle parameter,
        TensorHandle first,
        TensorHandle second,
        long step,
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay
    );

    /// <summary>Throws what the native side says went wrong, if anything did.</summary>
    public static void Check(int status)
    {
        if (status != 0)
            throw new TensorException(
                Marshal.PtrToStringUTF8(LastErrorText()) ?? "unknown failure of the native library"
            );
    }

    static NativeMethods() => NativeLibrary.SetDllImportResolver(typeof(NativeMethods).Assembly, Resolve);

    /// <summary>
    /// The library lies where DAVID_TORCH_LIBRARY says; or beside this assembly or the program, or in the package around them,
    /// where it is built for any processor with AVX2; or in .build/native of a checkout around them. Another program, such as
    /// a script's host, has a folder that says nothing.
    /// </summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Library)
            return 0;
        if (Environment.GetEnvironmentVariable("DAVID_TORCH_LIBRARY") is { Length: > 0 } given)
            return Load(given);
        foreach (string? start in (string?[])[Path.GetDirectoryName(assembly.Location), AppContext.BaseDirectory])
            for (DirectoryInfo? at = start is { Length: > 0 } ? new(start) : null; at is not null; at = at.Parent)
                foreach (string place in (string[])["", Packed, Built])
                    if (Path.Combine(at.FullName, place, "libdavid_torch.so") is var file && File.Exists(file))
                        return place == Built ? Load(file) : LoadPortable(file);
        throw new DllNotFoundException(
            "libdavid_torch.so was not found beside the program, in its package or in .build/native of the checkout"
                + (
                    OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64
                        ? ". "
                        : $"; the package has it for Linux on x86-64, and this is {RuntimeInformation.RuntimeIdentifier}. "
                )
                + "Run ./david --help once in a checkout (it builds the library), or set DAVID_TORCH_LIBRARY to the file."
        );
    }

    private const string Packed = "runtimes/linux-x64/native";
    private const string Built = ".build/native";

    private static nint LoadPortable(string file) =>
        Avx2.IsSupported && Fma.IsSupported && Bmi2.IsSupported
            ? Load(file)
            : throw new DllNotFoundException(
                $"{file} needs an x86-64 processor with AVX2, and this one has none. Build the library for it in a checkout "
                    + "(./david --help does) and set DAVID_TORCH_LIBRARY to .build/native/libdavid_torch.so."
            );

    private static nint Load(string file)
    {
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (DllNotFoundException failure)
        {
            throw new DllNotFoundException(
                $"{file} cannot be loaded; commonly the libtorch that it was built with is missing. Install it (Debian 12: "
                    + "apt-get install libtorch-dev libopenblas0-openmp), or build the library for yours in a checkout "
                    + $"(./david --help) and set DAVID_TORCH_LIBRARY to it. {failure.Message}",
                failure
            );
        }
    }
}
