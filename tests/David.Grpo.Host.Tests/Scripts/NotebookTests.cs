using System.Text.Json.Nodes;
using David.Grpo.Host.Tests.Formats;

namespace David.Grpo.Host.Tests.Scripts;

/// <summary>Every notebook of notebooks/: runs at toy size, and was committed with the outputs of a run.</summary>
[Collection(ScriptCollection.Name)]
public sealed class NotebookTests : IDisposable
{
    private static readonly string[] Toy = ["rollouts=36", "questions=8"];

    private readonly Scratch _scratch = new();

    private static string Repository => Path.Combine(ScriptCopies.Repository, "..", "notebooks");

    /// <summary>Notebook, and the parameters of its toy.</summary>
    public static TheoryData<string, string[]> Notebooks =>
        new()
        {
            { "01-tour", Toy },
            { "02-method", [] },
            { "03-budgets", [] },
            { "04-own-reward-and-environment", Toy },
            { "05-own-documents", [] },
            { "06-paper-figures", Toy },
            { "07-plotly-net", [] },
        };

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void EveryNotebook_IsTested() =>
        Assert.Equal(
            [.. Notebooks.Select(row => row.Data.Item1)],
            Directory.EnumerateFiles(Repository, "*.ipynb").Select(Path.GetFileNameWithoutExtension).Order()
        );

    [Theory]
    [MemberData(nameof(Notebooks))]
    public async Task AToy_RunsToItsEnd_AndSaysWhatTheCommittedOneSays(string name, string[] parameters)
    {
        string notebook = Copy(name);
        string result = _scratch[$"notebooks/{name}.out.ipynb"];

        await Tool.RunAsync(
            "dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "david.dll"),
                "notebook",
                "run",
                notebook,
                "--out",
                result,
                .. parameters.SelectMany(parameter => (string[])["--param", parameter]),
            ],
            TestContext.Current.CancellationToken
        );

        string[][] kinds = Kinds(result);
        Assert.DoesNotContain("error", kinds.SelectMany(cell => cell));
        Assert.Contains(kinds, cell => cell is not []);
        Assert.Equal(Kinds(notebook), kinds);
    }

    /// <summary>But those of Plotly.NET, which needs a newer FSharp.Core than .NET Interactive has.</summary>
    public static TheoryData<string, string[]> PortableNotebooks =>
        new(Notebooks.Select(row => row.Data).Where(row => row.Item1 != "07-plotly-net"));

    [Theory]
    [MemberData(nameof(PortableNotebooks))]
    public async Task AToy_RunsToItsEnd_UnderDotNetInteractive(string name, string[] parameters)
    {
        string? tool = (
            (string?[])[Tool.Find("dotnet-interactive"), InHome(".dotnet/tools/dotnet-interactive")]
        ).FirstOrDefault(File.Exists);
        string? python = Tool.Python("nbconvert");
        Assert.SkipWhen(
            tool is null,
            "needs .NET Interactive, which is not here (dotnet tool install --global Microsoft.dotnet-interactive)"
        );
        Assert.SkipWhen(python is null, "needs nbconvert, which is not here (Debian: jupyter-nbconvert)");
        string notebook = Copy(name);
        JsonNode content = JsonNode.Parse(File.ReadAllText(notebook))!;
        foreach (JsonNode? cell in content["cells"]!.AsArray())
            if (cell!["metadata"]!["tags"] is JsonArray)
                cell["source"]!.AsArray().Add($"\n{string.Concat(parameters.Select(parameter => parameter + ";"))}");
        File.WriteAllText(notebook, content.ToJsonString());
        string language = content["metadata"]!["kernelspec"]!["name"]!.GetValue<string>().Replace("david-", "");
        Directory.CreateDirectory(_scratch["kernels/official"]);
        _scratch.Write(
            "kernels/official/kernel.json",
            new JsonObject
            {
                ["argv"] = new JsonArray(tool, "jupyter", "--default-kernel", language, "{connection_file}"),
                ["display_name"] = "official",
                ["language"] = language,
                ["env"] = new JsonObject { ["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = "1" },
            }.ToJsonString()
        );

        // Ends with an error where a cell does.
        await Tool.RunAsync(
            "env",
            [
                $"JUPYTER_PATH={_scratch.Folder}",
                python!,
                "-m",
                "nbconvert",
                "--to",
                "notebook",
                "--execute",
                "--ExecutePreprocessor.kernel_name=official",
                "--output",
                $"{name}.out.ipynb",
                notebook,
            ],
            TestContext.Current.CancellationToken
        );

        // That kernel adds a script of its own to the first output of a notebook.
        string[][] kinds = Kinds(_scratch[$"notebooks/{name}.out.ipynb"]);
        Assert.All(Kinds(Copy(name)).Zip(kinds), cell => Assert.True(cell.First is [] || cell.Second is not []));
    }

    private static string InHome(string path) =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), path);

    /// <summary>Beside this program's assemblies, as notebooks lie beside .build/lib in a checkout.</summary>
    private string Copy(string name)
    {
        Directory.CreateDirectory(_scratch["notebooks"]);
        Directory.CreateDirectory(_scratch[".build"]);
        if (!Directory.Exists(_scratch[".build/lib"]))
        {
            Directory.CreateSymbolicLink(_scratch[".build/lib"], AppContext.BaseDirectory);
            Directory.CreateSymbolicLink(_scratch["scripts"], ScriptCopies.Repository);
        }
        string notebook = _scratch[$"notebooks/{name}.ipynb"];
        File.Copy(Path.Combine(Repository, $"{name}.ipynb"), notebook, overwrite: true);
        return notebook;
    }

    /// <summary>The kinds of the outputs of each code cell: the type, and for what is shown its richest form.</summary>
    private static string[][] Kinds(string notebook) =>
        [
            .. JsonNode.Parse(File.ReadAllText(notebook))!["cells"]!
                .AsArray()
                .Where(cell => (string)cell!["cell_type"]! == "code")
                .Select(cell =>
                {
                    Assert.NotNull(cell!["execution_count"]);
                    return cell["outputs"]!
                        .AsArray()
                        .Select(output =>
                            output!["data"] is JsonObject data ? data.First().Key : (string)output["output_type"]!
                        )
                        .ToArray();
                }),
        ];
}
