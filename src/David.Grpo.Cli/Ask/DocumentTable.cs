using David.Grpo.Documents;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>What was read of own documents, in words and as a table.</summary>
internal static class DocumentTable
{
    /// <summary>Such as <c>handbook: 12 documents, 87 passages; 2 changed, 1 skipped (david index says why)</c>.</summary>
    public static string InWords(DocumentCorpus corpus)
    {
        DocumentFile[] read = [.. corpus.Files.Where(file => file.Skipped is null)];
        int added = read.Count(file => file.Change == FileChange.Added);
        int changed = read.Count(file => file.Change == FileChange.Changed);
        int skipped = corpus.Files.Count - read.Length;
        string[] news =
        [
            .. (
                (string?[])
                    [
                        added > 0 && added < read.Length ? $"{added} new" : null,
                        changed > 0 ? $"{changed} changed" : null,
                        corpus.Gone.Count > 0 ? $"{corpus.Gone.Count} gone" : null,
                        skipped > 0 ? $"{skipped} skipped (david index says why)" : null,
                    ]
            ).OfType<string>(),
        ];
        return $"{Visible(corpus.Path)}: {Count(read.Length, "document")}, {Count(corpus.Passages, "passage")}"
            + (news.Length == 0 ? "" : $"; {string.Join(", ", news)}");
    }

    /// <summary>Documents with their passages, and below it what was skipped or dropped, with the reason.</summary>
    public static void Show(Screen screen, DocumentCorpus corpus)
    {
        DocumentFile[] read = [.. corpus.Files.Where(file => file.Skipped is null)];
        DocumentFile[] skipped = [.. corpus.Files.Where(file => file.Skipped is not null)];
        if (read.Length > 0)
        {
            Table table = new Table().Border(TableBorder.Simple).BorderColor(Color.Grey);
            table.AddColumn("document");
            table.AddColumn("title");
            table.AddColumn(new TableColumn("passages").RightAligned());
            table.AddColumn(new TableColumn("kB").RightAligned());
            table.AddColumn("");
            foreach (DocumentFile file in read)
                table.AddRow(
                    new Text(Ending(Visible(file.Path))),
                    new Text(Visible(file.Title)),
                    new Text($"{file.Passages:N0}"),
                    new Text($"{file.Bytes / 1000.0:N1}"),
                    new Text(
                        file.Change switch
                        {
                            FileChange.Added => "new",
                            FileChange.Changed => "changed",
                            _ => "",
                        },
                        new Style(Color.Green)
                    )
                );
            screen.Show(table);
        }
        foreach (DocumentFile file in read)
        foreach (DroppedText dropped in file.Dropped)
            screen.Line(
                $"  left out   {Visible(file.Path)}: {dropped.What}"
                    + (dropped.Characters > 0 ? $", {Count(dropped.Characters, "character")}" : "")
            );
        foreach (DocumentFile file in skipped)
            screen.Line($"  skipped    {Visible(file.Path)}: {file.Skipped}");
        foreach (string gone in corpus.Gone)
            screen.Line($"  gone       {Visible(gone)}");
        if (skipped.Length + corpus.Gone.Count + read.Sum(file => file.Dropped.Count) > 0)
            screen.Line();
    }

    /// <summary>A file's name may hold line ends and other control characters.</summary>
    public static string Visible(string name) =>
        string.Concat(name.Select(character => char.IsControl(character) ? $"\\u{(int)character:x4}" : $"{character}"));

    /// <summary>Of a long path the end, which tells files apart.</summary>
    private static string Ending(string path) => path.Length <= 80 ? path : $"…{path[^79..]}";

    public static string Count(int number, string what) => $"{number:N0} {what}{(number == 1 ? "" : "s")}";
}
