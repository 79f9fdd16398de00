using System.CommandLine;
using System.Text.Json;
using David.Grpo.Documents;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david index</c>: makes a corpus of a folder of documents.</summary>
internal static class IndexCommand
{
    public static Command Create()
    {
        Argument<string> folder = new("DOCS") { Description = "A folder of documents, or one" };
        DocumentFolderOptions documents = new();
        Option<string?> outFile = new("--out", "-o")
        {
            Description = "Also writes the passages as a corpus that david train and david eval read",
            HelpName = "FILE.jsonl",
        };
        Option<bool> json = new("--json") { Description = "Prints what was read as JSON" };
        Command command = new(
            "index",
            $"""
            Makes a corpus of own documents, and says what was read, what was skipped and why.

            Read are {string.Join(
                ' ',
                DocumentCorpus.Extensions
            )}, and files without an extension that hold text; with byte-order
            marks, in UTF-8, UTF-16 and Windows-1252. Documents are cut at headings and paragraphs; a passage bears its document's
            title and the headings above it. Only files whose content changed are read again. david ask does the same by itself.

            Examples:
              david index handbook/
              david index handbook/ --out handbook.jsonl
            """
        )
        {
            folder,
        };
        documents.AddTo(command);
        command.Options.Add(outFile);
        command.Options.Add(json);
        command.SetAction(
            (result, cancellationToken) =>
                Failure.GuardAsync(
                    result.InvocationConfiguration.Error,
                    () =>
                        Task.FromResult(
                            Run(
                                result.GetValue(folder)!,
                                documents.Index(result),
                                documents.Read(result),
                                result.GetValue(outFile),
                                result.GetValue(json),
                                result.InvocationConfiguration.Output,
                                result.InvocationConfiguration.Error,
                                cancellationToken
                            )
                        )
                )
        );
        return command;
    }

    private static int Run(
        string folder,
        string index,
        DocumentOptions options,
        string? outFile,
        bool json,
        TextWriter output,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        Screen screen = new(json ? error : output);
        using DocumentCorpus corpus = DocumentFolderOptions.Open(folder, index, options, screen, cancellationToken);
        if (outFile is not null)
            corpus.WriteTo(outFile);
        if (json)
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
