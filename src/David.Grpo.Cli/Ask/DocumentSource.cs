using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Documents;
using David.Grpo.Tasks;

namespace David.Grpo.Cli;

/// <summary>How own documents are read: options of commands that do.</summary>
internal sealed record DocumentSource
{
    [Description("Characters of a passage at most; 800 are about 200 tokens")]
    [Range(80, int.MaxValue)]
    public int PassageChars { get; init; } = new DocumentOptions().PassageCharacters;

    [Description("A larger file is skipped")]
    [Range(1, int.MaxValue)]
    public int MaxFileMb { get; init; } = (int)(new DocumentOptions().MaxFileBytes >> 20);

    [Description("Where indices lie [default: ~/.cache/david-grpo]")]
    [Shown("FOLDER")]
    public string? Index { get; init; }

    /// <summary>Documents as they lie now, read with a bar where it takes long.</summary>
    public DocumentCorpus Open(string path, Screen screen, CancellationToken cancellationToken) =>
        screen.WithBar(
            $"reading {Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}",
            tell =>
                DocumentCorpus.Open(
                    path,
                    TextData.IndexFolder(Index),
                    new DocumentOptions { PassageCharacters = PassageChars, MaxFileBytes = (long)MaxFileMb << 20 },
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
