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
        // Beside this program's assemblies, as notebooks lie beside .build/lib in a checkout.
        Directory.CreateDirectory(_scratch["notebooks"]);
        Directory.CreateDirectory(_scratch[".build"]);
        Directory.CreateSymbolicLink(_scratch[".build/lib"], AppContext.BaseDirectory);
        Directory.CreateSymbolicLink(_scratch["scripts"], ScriptCopies.Repository);
        string notebook = _scratch[$"notebooks/{name}.ipynb"];
        string result = _scratch[$"notebooks/{name}.out.ipynb"];
        File.Copy(Path.Combine(Repository, $"{name}.ipynb"), notebook);

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
