using David.Grpo.Figures;

namespace David.Grpo.Cli;

/// <summary>Tables whose cells are written already.</summary>
internal static class WordTable
{
    /// <summary>A table whose first column stands to the left and the others to the right.</summary>
    public static Table Of(string caption, string[] heads, IEnumerable<string[]> rows) =>
        new(
            caption,
            [
                TableColumn.Words(heads[0]),
                .. heads[1..].Select(head => TableColumn.Numbers(head, "", 0, Best.Unmarked)),
            ],
            [.. rows.Select(row => row.Select(Cell.NewWords).ToArray())]
        );
}
