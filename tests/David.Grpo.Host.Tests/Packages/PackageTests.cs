using System.Diagnostics;
using System.Text.Json.Nodes;
using David.Grpo.Host.Tests.Formats;

namespace David.Grpo.Host.Tests.Packages;

/// <summary>The packages as others use them: from a folder, in projects, scripts and as a tool.</summary>
public sealed class PackageTests(ITestOutputHelper output)
{
    /// <summary>Minutes of packing and restoring; run it by name.</summary>
    [Fact(Explicit = true)]
    public async Task Packages_ServeAProjectAScriptAndATool()
    {
        using Scratch scratch = new();
        string packages = scratch["packages"];
        await RunAsync(Accepted.Root(), Path.Combine(Accepted.Root(), "david"), ["pack", packages]);
        Assert.Equal(
            ["Answering", "Core", "Figures", "Host", "Notebooks", "Plotly", "Tool"],
            Directory
                .GetFiles(packages, "*.nupkg")
                .Select(path => Path.GetFileName(path).Split('.')[2])
                .Order(StringComparer.Ordinal)
        );
        // The machine's own sources are asked for what is not there.
        scratch.Write(
            "nuget.config",
            $"""<configuration><packageSources><add key="local" value="{packages}" /></packageSources></configuration>"""
        );
        // What was restored before of the same version would hide what was packed now.
        Environment.SetEnvironmentVariable("NUGET_PACKAGES", scratch["cache"]);
        try
        {
            Directory.CreateDirectory(scratch["project"]);
            scratch.Write(
                "project/project.csproj",
                """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <ImplicitUsings>enable</ImplicitUsings>
                  </PropertyGroup>
                  <ItemGroup><PackageReference Include="David.Grpo.Host" Version="0.1.0" /></ItemGroup>
                </Project>
                """
            );
            scratch.Write("project/Program.cs", Snippet("csharp"));
            Assert.Contains("exact match", await RunAsync(scratch["project"], "dotnet", ["run", "-c", "Release"]));

            scratch.Write(
                "script.fsx",
                Snippet("fsharp").Replace("/path/to/packages", packages, StringComparison.Ordinal)
            );
            Assert.Contains("0.866", await RunAsync(scratch.Folder, "dotnet", ["fsi", "script.fsx"]));

            await RunAsync(
                scratch.Folder,
                "dotnet",
                ["tool", "install", "David.Grpo.Tool", "--tool-path", scratch["tool"], "--add-source", packages]
            );
            scratch.Write("notebook.ipynb", Notebook(Snippet("fsharp"), packages));
            await RunAsync(scratch.Folder, scratch["tool/david"], ["notebook", "run", "notebook.ipynb"]);
            Assert.Contains("0.866", File.ReadAllText(scratch["notebook.ipynb"]));
            string demo = await RunAsync(
                scratch.Folder,
                scratch["tool/david"],
                [
                    "demo",
                    "--arms",
                    "grpo",
                    "--seeds",
                    "1",
                    "--budget",
                    "72",
                    "--questions",
                    "5",
                    "--out",
                    scratch["demo"],
                ]
            );
            Assert.Contains("index.html", demo);
            Assert.Contains(
                "finished",
                await RunAsync(scratch.Folder, scratch["tool/david"], ["runs", scratch["demo"]])
            );
        }
        finally
        {
            Environment.SetEnvironmentVariable("NUGET_PACKAGES", null);
        }
    }

    /// <summary>The example in the packages' README, so that it works as it stands there.</summary>
    private static string Snippet(string language)
    {
        string text = File.ReadAllText(Path.Combine(Accepted.Root(), "src", "PACKAGE.md"));
        return text.Split($"```{language}\n")[1].Split("```")[0];
    }

    private static string Notebook(string cell, string packages) =>
        new JsonObject
        {
            ["cells"] = new JsonArray(
                new JsonObject
                {
                    ["cell_type"] = "code",
                    ["execution_count"] = null,
                    ["metadata"] = new JsonObject(),
                    ["outputs"] = new JsonArray(),
                    ["source"] = cell.Replace("/path/to/packages", packages, StringComparison.Ordinal),
                }
            ),
            ["metadata"] = new JsonObject
            {
                ["kernelspec"] = new JsonObject { ["name"] = "david-fsharp", ["language"] = "F#" },
            },
            ["nbformat"] = 4,
            ["nbformat_minor"] = 4,
        }.ToJsonString();

    private async Task<string> RunAsync(string folder, string program, string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        output.WriteLine($"{program} {string.Join(' ', arguments)}\n{text}{await error}");
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {text}{await error}");
        return text;
    }
}
