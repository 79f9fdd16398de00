using System.CommandLine;
using David.Grpo.Documents;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>The options of commands that read own documents.</summary>
internal sealed class DocumentFolderOptions
{
    private readonly Option<int> _passage = EvaluationOptions.Whole(
        "--passage-chars",
        "Characters of a passage at most; 800 are about 200 tokens",
        new DocumentOptions().PassageCharacters,
        80
    );

    private readonly Option<int> _largest = EvaluationOptions.Whole(
        "--max-file-mb",
        "A larger file is skipped",
        (int)(new DocumentOptions().MaxFileBytes >> 20),
        1
    );

    private readonly Option<string?> _index = new("--index")
    {
        Description = "Where indices lie [default: ~/.cache/david-grpo]",
        HelpName = "FOLDER",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_passage, _largest, _index])
            command.Options.Add(option);
    }

    public DocumentOptions Read(ParseResult result) =>
        new() { PassageCharacters = result.GetValue(_passage), MaxFileBytes = (long)result.GetValue(_largest) << 20 };

    public string Index(ParseResult result) => TextData.IndexFolder(result.GetValue(_index));

    /// <summary>Documents as they lie now, read with a bar where it takes long.</summary>
    public static DocumentCorpus Open(
        string path,
        string index,
        DocumentOptions options,
        Screen screen,
        CancellationToken cancellationToken
    ) =>
        screen.WithBar(
            $"reading {Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}",
            tell =>
                DocumentCorpus.Open(
                    path,
                    index,
                    options,
                    new Telling(progress =>
                    {
                        if (progress.Of >= 200)
                            tell((double)progress.Done / progress.Of);
                    }),
                    cancellationToken
                )
        );

    /// <summary>Reports on the thread that makes progress, in order.</summary>
    private sealed class Telling(Action<FolderProgress> tell) : IProgress<FolderProgress>
    {
        public void Report(FolderProgress value) => tell(value);
    }
}
