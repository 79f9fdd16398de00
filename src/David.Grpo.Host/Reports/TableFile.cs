using David.Grpo.Figures;

namespace David.Grpo.Reports;

/// <summary>Tables as files.</summary>
public static class TableFile
{
    /// <summary>The kinds of file that <see cref="Write"/> knows.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".md", ".tex", ".csv", ".txt"];

    /// <summary>
    /// Writes tables one below the other: .md in GitHub's dialect, .tex with booktabs' rules, .csv with all digits, .txt for a
    /// terminal. The folder is made if it is not there.
    /// </summary>
    /// <param name="path">In .tex the tables' labels are tab:NAME-1, tab:NAME-2 … by the file's name; one alone is tab:NAME.</param>
    /// <exception cref="ArgumentException">The extension is none of these.</exception>
    public static void Write(string path, params IReadOnlyList<Table> tables)
    {
        string name = string.Concat(
            Path.GetFileNameWithoutExtension(path)
                .Select(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-' ? letter : '-')
        );
        string text = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".md" => string.Join("\n", tables.Select(Markdown.Render)),
            ".tex" => "% Needs \\usepackage{booktabs}.\n"
                + string.Join(
                    "\n",
                    tables.Select(
                        (table, i) => Latex.Render(tables.Count == 1 ? $"tab:{name}" : $"tab:{name}-{i + 1}", table)
                    )
                ),
            ".csv" => string.Join("\n", tables.Select(Csv.Render)),
            ".txt" => string.Join("\n", tables.Select(PlainText.Render)),
            _ => throw new ArgumentException(
                $"The table's file is {path}; its name must end in {string.Join(", ", Extensions)}.",
                nameof(path)
            ),
        };
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path, text);
    }
}
