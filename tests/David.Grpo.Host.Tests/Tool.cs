using System.Diagnostics;

namespace David.Grpo.Host.Tests;

/// <summary>Programs that others wrote, to compare with; a test that needs one skips where it is absent.</summary>
internal static class Tool
{
    /// <summary>The path of a program; null where it is absent.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator)
            .Append("/usr/bin")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>A python3 that has a module; null where none has.</summary>
    public static string? Python(string module) =>
        ((string?[])[Find("python3"), "/usr/bin/python3"])
            .OfType<string>()
            .Where(File.Exists)
            .FirstOrDefault(python =>
            {
                using Process process = Process.Start(
                    new ProcessStartInfo(python, ["-c", $"import {module}"])
                    {
                        RedirectStandardError = true,
                        RedirectStandardOutput = true,
                    }
                )!;
                process.StandardError.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0;
            });

    /// <summary>What a program prints; it must end with 0.</summary>
    /// <param name="input">A file that it reads as its input.</param>
    public static async Task<string> RunAsync(
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken,
        byte[]? input = null
    )
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            }
        )!;
        Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.StandardInput.BaseStream.WriteAsync(input ?? [], cancellationToken);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancellationToken);
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {await error}");
        return await output;
    }
}
