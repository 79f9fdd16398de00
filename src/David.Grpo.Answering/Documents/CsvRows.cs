using System.Text;

namespace David.Grpo.Documents;

/// <summary>A row of a table.</summary>
/// <param name="Line">As it stands in the file.</param>
internal readonly record struct CsvRow(string[] Cells, string Line);

/// <summary>Cuts a text into the rows of a table.</summary>
internal static class CsvRows
{
    private const string Separators = ",;\t|";

    /// <summary>Lines that the separator is judged by.</summary>
    private const int Looked = 50;

    /// <summary>The separator that most lines have equally often; of equals the more frequent one.</summary>
    public static char Separator(string text)
    {
        string[] lines =
        [
            .. text.Split('\n').Where(line => !string.IsNullOrWhiteSpace(line)).Take(Looked).Select(WithoutQuoted),
        ];
        return Separators
            .Select(separator =>
                (
                    Separator: separator,
                    Best: lines
                        .Select(line => line.Count(character => character == separator))
                        .Where(count => count > 0)
                        .CountBy(count => count)
                        .OrderByDescending(count => count.Value)
                        .ThenByDescending(count => count.Key)
                        .FirstOrDefault()
                )
            )
            .OrderByDescending(candidate => candidate.Best.Value)
            .ThenByDescending(candidate => candidate.Best.Key)
            .First()
            .Separator;
    }

    /// <summary>Rows of at least one cell that is not empty.</summary>
    /// <param name="isLiteral">Whether a quote is a letter, if the rows then have one width.</param>
    public static CsvRow[] Read(string text, char separator, bool isLiteral)
    {
        if (!isLiteral)
            return [.. Rows(text, separator)];
        CsvRow[] literal =
        [
            .. text.Split('\n').Select(line => new CsvRow(line.Split(separator), line)).Where(IsFilled),
        ];
        if (!text.Contains('"') || Widths(literal) == 1)
            return literal;
        CsvRow[] quoted = [.. Rows(text, separator)];
        return Widths(quoted) == 1 && quoted.Length > 1 ? quoted : literal;
    }

    private static int Widths(CsvRow[] rows) => rows.Select(row => row.Cells.Length).Distinct().Count();

    private static bool IsFilled(CsvRow row) => Array.Exists(row.Cells, cell => !string.IsNullOrWhiteSpace(cell));

    private static string WithoutQuoted(string line)
    {
        StringBuilder kept = new();
        bool isQuoted = false;
        foreach (char character in line)
            if (character == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted)
                kept.Append(character);
        return kept.ToString();
    }

    private static IEnumerable<CsvRow> Rows(string text, char separator)
    {
        int width = 0;
        for (int at = 0; at < text.Length; )
        {
            (string[] cells, int end) = Row(text, at, separator, width);
            CsvRow row = new(cells, text[at..end].TrimEnd('\n'));
            at = Math.Max(end, at + 1);
            if (!IsFilled(row))
                continue;
            width = Math.Max(width, cells.Length);
            yield return row;
        }
    }

    /// <summary>The row at a place, and where the next begins.</summary>
    private static (string[] Cells, int End) Row(string text, int start, char separator, int width)
    {
        int line = text.IndexOf('\n', start);
        line = line < 0 ? text.Length : line;
        bool isWhole = Quoted(text, start, text.Length, separator, out List<string> cells, out int end);
        if (isWhole && (cells.Count == width || end <= line + 1))
            return ([.. cells], end);
        // Not as RFC 4180 has it, or over the end of the line, which may be an accident: the line by itself is the better reading
        // where the whole one is none, or where it alone has the width of the rows before.
        List<string> own = Cells(text[start..line], separator);
        return isWhole && own.Count != width ? ([.. cells], end) : ([.. own], Math.Min(line + 1, text.Length));
    }

    /// <summary>A row of RFC 4180; false where a quote closes amid a cell, or never.</summary>
    private static bool Quoted(string text, int start, int length, char separator, out List<string> cells, out int end)
    {
        cells = [];
        for (int at = start; ; at++)
        {
            int open = at;
            while (open < length && text[open] is ' ')
                open++;
            if (open < length && text[open] == '"')
            {
                StringBuilder cell = new();
                for (at = open + 1; at < length && (text[at] != '"' || (at + 1 < length && text[at + 1] == '"')); at++)
                {
                    cell.Append(text[at]);
                    at += text[at] == '"' ? 1 : 0;
                }
                end = at;
                if (at >= length)
                    return false;
                at++;
                while (at < length && text[at] is ' ' or '\t' && text[at] != separator)
                    at++;
                if (at < length && text[at] != separator && text[at] != '\n')
                    return false;
                cells.Add(cell.ToString());
            }
            else
            {
                int from = at;
                while (at < length && text[at] != separator && text[at] != '\n')
                    at++;
                cells.Add(text[from..at]);
            }
            if (at >= length || text[at] == '\n')
            {
                end = Math.Min(at + 1, length);
                return true;
            }
        }
    }

    /// <summary>The cells of a line; a cell is quoted where its quotes are around all of it.</summary>
    private static List<string> Cells(string line, char separator)
    {
        List<string> cells = [];
        for (int at = 0; at <= line.Length; )
        {
            int end = End(line, at, separator);
            string cell = line[at..end];
            string bare = cell.Trim(' ');
            cells.Add(
                bare is ['"', .. var inner, '"'] && !IsProse(inner)
                    ? inner.Replace("\"\"", "\"", StringComparison.Ordinal)
                    : cell
            );
            at = end + 1;
        }
        return cells;
    }

    /// <summary>Where the cell at a place ends: behind a closing quote where there is one, else at the separator.</summary>
    private static int End(string line, int start, char separator)
    {
        int plain = line.IndexOf(separator, start);
        plain = plain < 0 ? line.Length : plain;
        int open = start;
        while (open < line.Length && line[open] == ' ')
            open++;
        if (open >= line.Length || line[open] != '"')
            return plain;
        for (int at = open + 1; at < line.Length; at++)
        {
            if (line[at] != '"')
                continue;
            if (at + 1 < line.Length && line[at + 1] == '"')
            {
                at++;
                continue;
            }
            int after = at + 1;
            while (after < line.Length && line[after] == ' ')
                after++;
            if (after == line.Length || line[after] == separator)
                return after;
            // "Heroes" is a song: the quotes are around a word of the cell.
            if (line[at - 1] != ' ')
                return plain;
        }
        return plain;
    }

    /// <summary>Whether the first quote within closes what the one before opened: <c>"Heroes" and "Low"</c>.</summary>
    private static bool IsProse(string inner)
    {
        string without = inner.Replace("\"\"", "", StringComparison.Ordinal);
        int first = without.IndexOf('"', StringComparison.Ordinal);
        return first > 0 && without[first - 1] != ' ';
    }
}
