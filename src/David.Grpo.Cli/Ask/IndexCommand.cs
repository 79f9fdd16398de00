using System.CommandLine;
using System.ComponentModel;
using System.Text.Json;
using David.Grpo.Documents;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david index</c>: makes a corpus of a folder of documents.</summary>
internal static class IndexCommand
{
    private sealed record Request
    {
        public DocumentSource Documents { get; init; } = new();

        [Description("Also writes the passages as a corpus that david train and david eval read")]
        [Shown("FILE.jsonl", Alias = "-o")]
        public string? Out { get; init; }

        [Description("Prints what was read as JSON")]
        public bool Json { get; init; }
    }

    public static Command Create()
    {
        Argument<string> folder = new("DOCS") { Description = "A folder of documents, or one" };
        Command command = new(
            "index",
            $"""
            Makes a corpus of own documents, and says what was read, what was skipped and why.

            Read are {string.Join(
                ' ',
                DocumentCorpus.Extensions
            )}, and files without an extension that hold text; with byte-order
            marks, in UTF-8, UTF-16 and Windows-1252. Documents are cut at headings and paragraphs; a passage bears its document's
            title and the headings above it. A PDF is read in the order in which it was written: columns that were written line by line
            across a page come out so. Only files whose content changed are read again. david ask does the same by itself.

            Examples:
              david index handbook/
              david index handbook/ --out handbook.jsonl
            """
        )
        {
            folder,
        };
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
                Task.FromResult(
                    Run(
                        result.GetValue(folder)!,
                        options.Read(result),
                        result.InvocationConfiguration.Output,
                        result.InvocationConfiguration.Error,
                        cancellationToken
                    )
                )
        );
        return command;
    }

    private static int Run(
        string folder,
        Request request,
        TextWriter output,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        Screen screen = new(request.Json ? error : output);
        using DocumentCorpus corpus = request.Documents.Open(folder, screen, cancellationToken);
        if (request.Out is { } file)
            corpus.WriteTo(file);
        if (request.Json)
            output.WriteLine(
                JsonSerializer.Serialize(
                    new
                    {
                        corpus.Path,
                        corpus.Passages,
                        corpus.Sha256,
                        corpus.Files,
                        corpus.Gone,
                    },
                    RunJson.Document
                )
            );
        else
        {
            DocumentTable.Show(screen, corpus);
            screen.Line(DocumentTable.InWords(corpus).Replace(" (david index says why)", "", StringComparison.Ordinal));
            if (corpus.Passages > 0)
                screen.Line($"david ask {folder} \"your question\" answers from them");
        }
        return corpus.Passages > 0 ? 0 : Failure.ToMend;
    }
}
