using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using TorchSharp;

namespace David.Grpo.Tensors;

/// <summary>
/// Loads libtorch and TorchSharp's native side before TorchSharp looks for them. Left to itself TorchSharp finds a system's
/// libtorch of another version first, fails on C++ runtimes older than gcc 13's, and then copies half a gigabyte beside the
/// program.
/// </summary>
/// <remarks>
/// Libraries are looked for in LIBTORCH (a folder with libtorch.so, such as the one of Python's torch package), in the program's
/// native folders, and in the packages that TorchSharp lies among. Other systems than Linux are left to TorchSharp.
/// </remarks>
internal static unsafe partial class LibTorch
{
    private const string Core = "libtorch.so";
    private const string Bridge = "libLibTorchSharp.so";
    private static readonly Lock s_gate = new();
    private static readonly Dictionary<string, nint> s_loaded = [];
    private static bool s_isLoaded;

    /// <summary>Whether the libtorch that was loaded computes on CUDA devices.</summary>
    public static bool HasCuda { get; private set; }

    /// <summary>To be called before anything of TorchSharp is touched; loads once.</summary>
    /// <exception cref="DllNotFoundException">No libtorch is here, or it cannot be loaded; the message says what to do.</exception>
    public static void Load()
    {
        lock (s_gate)
        {
            if (s_isLoaded)
                return;
            if (OperatingSystem.IsLinux())
                LoadOnLinux();
            else
                HasCuda = OperatingSystem.IsWindows();
            s_isLoaded = true;
        }
    }

    private static void LoadOnLinux()
    {
        // Threads that wait must not spin: they lose badly where others compute too. Large buffers come and go at every step: they
        // are kept instead of mapped anew.
        _ = SetEnvironment("OMP_WAIT_POLICY", "passive", 0);
        _ = SetAllocator(MmapThreshold, 1 << 30);
        _ = SetAllocator(TrimThreshold, 1 << 30);

        string[] folders = [.. Folders().Distinct().Where(Directory.Exists)];
        string torch =
            folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, Core))) ?? throw Missing(Core, folders);
        string bridge =
            folders.Select(folder => Path.Combine(folder, Bridge)).FirstOrDefault(File.Exists)
            ?? throw Missing(Bridge, folders);
        HasCuda = File.Exists(Path.Combine(torch, "libtorch_cuda.so"));
        foreach (
            string name in HasCuda
                ? (string[])["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"]
                : ["c10", "torch_cpu", "torch"]
        )
            s_loaded[name] = NativeLibrary.Load(Path.Combine(torch, $"lib{name}.so"));
        s_loaded["LibTorchSharp"] = LoadBridge(bridge);
        AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly)!.ResolvingUnmanagedDll += (_, name) =>
            s_loaded.GetValueOrDefault(name);
    }

    private static IEnumerable<string> Folders()
    {
        const string Packed = "runtimes/linux-x64/native";
        if (Environment.GetEnvironmentVariable("LIBTORCH") is { Length: > 0 } given)
        {
            yield return given;
            yield return Path.Combine(given, "lib");
        }
        foreach (Assembly assembly in (Assembly[])[typeof(LibTorch).Assembly, typeof(torch).Assembly])
            if (Path.GetDirectoryName(assembly.Location) is { Length: > 0 } beside)
            {
                yield return Path.Combine(beside, Packed);
                yield return beside;
            }
        yield return Path.Combine(AppContext.BaseDirectory, Packed);
        yield return AppContext.BaseDirectory;
        foreach (string folder in ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? "").Split(':'))
            yield return folder;

        // NAME/VERSION/lib/net8.0/TorchSharp.dll in a folder of packages, as scripts and notebooks refer to it.
        string cache =
            Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        string version = typeof(torch)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion;
        yield return Path.Combine(cache, "torchsharp", version.Split('+')[0], Packed);
        foreach (string package in (string[])["libtorch-cuda-12.8-linux-x64", "libtorch-cpu-linux-x64"])
            yield return Path.Combine(cache, package, TorchVersion, Packed);
    }

    /// <summary>The version of libtorch that this TorchSharp is built for, as the packages name it. TorchSharp knows it too, but to ask it loads it.</summary>
    internal const string TorchVersion = "2.10.0";

    private static DllNotFoundException Missing(string file, string[] folders) =>
        new(
            $"{file} was not found in {string.Join(", ", folders)}. "
                + (
                    RuntimeInformation.ProcessArchitecture == Architecture.X64
                        ? "Add the package libtorch-cpu-linux-x64 to the project, "
                        : $"TorchSharp's packages are for Linux on x86-64, and this is {RuntimeInformation.RuntimeIdentifier}: "
                )
                + "or set LIBTORCH to a folder that holds libtorch (such as the lib folder of Python's torch package)."
        );

    /// <summary>
    /// TorchSharp's library asks for the symbol version GLIBCXX_3.4.32 (gcc 13), to which no symbol of it refers. Where the
    /// system's C++ runtime is older (Debian 12, Ubuntu 22.04) it is loaded from memory with that request marked weak.
    /// </summary>
    private static nint LoadBridge(string file)
    {
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (DllNotFoundException failure) when (failure.Message.Contains(UnusedVersion, StringComparison.Ordinal))
        {
            byte[] image = File.ReadAllBytes(file);
            if (!ElfImage.WeakenVersion(image, UnusedVersion))
                throw;
            int memory = CreateMemoryFile("LibTorchSharp", 0);
            if (memory < 0)
                throw;
            using FileStream stream = new(
                new Microsoft.Win32.SafeHandles.SafeFileHandle(memory, ownsHandle: true),
                FileAccess.Write
            );
            stream.Write(image);
            stream.Flush();
            return NativeLibrary.Load($"/proc/self/fd/{memory}");
        }
    }

    private const string UnusedVersion = "GLIBCXX_3.4.32";
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocator(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CreateMemoryFile(string name, uint flags);
}
