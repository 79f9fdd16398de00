using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace David.Grpo.Runs;

/// <summary>What a run was made with: environment.json.</summary>
public sealed record RunEnvironment
{
    /// <summary>Of all that decides the run's numbers.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What the fingerprint is made of: names with hashes, versions and numbers.</summary>
    public required SortedDictionary<string, string> Inputs { get; init; }

    /// <summary>The runtime's name and version.</summary>
    public required string Dotnet { get; init; }

    /// <summary>The operating system's name and version.</summary>
    public required string System { get; init; }

    /// <summary>The processor's name.</summary>
    public required string Processor { get; init; }

    /// <summary>Cores that the program may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Memory that the program may use.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>"cpu", "cuda" or "cuda:N".</summary>
    public required string Device { get; init; }

    /// <summary>Of the run.</summary>
    public required long Seed { get; init; }

    /// <summary>When the run was begun.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>This library's version, with the commit it was built from.</summary>
    public static string Version { get; } =
        typeof(RunFolder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";

    /// <summary>This machine, now.</summary>
    /// <param name="seed">Of the run.</param>
    /// <param name="device">"cpu", "cuda" or "cuda:N".</param>
    /// <param name="inputs">What decides the run's numbers; the fingerprint is made of them.</param>
    public static RunEnvironment Of(long seed, string device, SortedDictionary<string, string> inputs) =>
        new()
        {
            Fingerprint = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(inputs))),
            Inputs = inputs,
            Dotnet = RuntimeInformation.FrameworkDescription,
            System = RuntimeInformation.OSDescription,
            Processor = ProcessorName(),
            Cores = Environment.ProcessorCount,
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Device = device,
            Seed = seed,
            StartedAt = DateTimeOffset.UtcNow,
        };

    private static string ProcessorName() =>
        File.Exists("/proc/cpuinfo")
        && File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            is { } line
            ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();
}
