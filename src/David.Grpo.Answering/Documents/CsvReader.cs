using System.Globalization;
using System.Text.RegularExpressions;

namespace David.Grpo.Documents;

/// <summary>Comma-separated values (RFC 4180), or set apart by semicolons, tabs or bars: a section a row.</summary>
/// <remarks>
/// The separator is the one that most lines have equally often, or that a first line <c>sep=;</c> names. What stands above the
/// first row as wide as the table (a title, remarks) is text. That row names the fields unless it looks like the data below
/// it; a field without a name is <c>column 1</c>, a second one of a name <c>name 2</c>. In a .tsv file a quote is a letter
/// (IANA text/tab-separated-values), unless only as quotes of RFC 4180 they give rows of one width. A quote that nothing
/// closes, or that closes amid its cell, is a letter as well.
/// </remarks>
internal sealed partial class CsvReader : IDocumentReader
{
    /// <summary>Rows that header and width are judged by.</summary>
    private const int Looked = 50;

    public string[] Extensions => [".csv"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken) =>
        Read(name, TextDecoding.Decode(content), isTsv: false, cancellationToken);

    /// <param name="isTsv">Whether a quote is a letter.</param>
    public static ReadDocument Read(string name, string text, bool isTsv, CancellationToken cancellationToken)
    {
        List<DroppedText> dropped = [];
        char? given = null;
        if (SeparatorLine().Match(text) is { Success: true } hint)
        {
            given = hint.Groups["separator"].Value[0];
            dropped.Add(new DroppedText("line that names the separator", hint.Value.TrimEnd().Length));
            text = text[hint.Length..];
        }
        char separator = given ?? (isTsv && text.Contains('\t') ? '\t' : CsvRows.Separator(text));
        CsvRow[] rows = CsvRows.Read(text, separator, isTsv && separator == '\t');
        int width = Width(rows);
        int first = 0;
        while (first < rows.Length - 1 && IsAbove(rows, first, width))
            first++;
        // R's write.table has no name above the names of rows.
        if (rows.Length > 0 && IsShortHeader(rows, first, width) && rows[first + 1].Cells[^1].Trim().Length > 0)
            rows[first] = rows[first] with { Cells = ["", .. rows[first].Cells] };
        RecordSections records = new();
        string above = string.Join('\n', rows.Take(first).Select(row => row.Line));
        if (above.Length > 0)
            records.AddText(above);
        string[] header = rows.Length > 0 && IsHeader(rows[first], rows[(first + 1)..]) ? Named(rows[first]) : [];
        records.Name(header);
        foreach (CsvRow row in rows.Skip(header.Length > 0 ? first + 1 : first))
        {
            cancellationToken.ThrowIfCancellationRequested();
            records.Add(
                row.Cells.Select((cell, i) => new RecordField(i < header.Length ? header[i] : Column(i), cell))
            );
        }
        if (header.Length == 0)
            records.Name(Enumerable.Range(0, width).Select(Column));
        return records.Document(name, [.. dropped]);
    }

    /// <summary>Cells of a row: of the widths that rows have, the one that most of them share, the greater of equals.</summary>
    private static int Width(CsvRow[] rows) =>
        rows.Take(Looked)
            .CountBy(row => row.Cells.Length)
            .OrderByDescending(width => width.Value)
            .ThenByDescending(width => width.Key)
            .Select(width => width.Key)
            .FirstOrDefault(1);

    /// <summary>Whether a row is a title or a remark, not of the table.</summary>
    private static bool IsAbove(CsvRow[] rows, int at, int width) =>
        IsRemark(rows, at, width) || (rows[at].Cells.Length < width && !IsShortHeader(rows, at, width));

    /// <summary>Names of all columns but one: below, a row ends with a separator or begins with its own name.</summary>
    private static bool IsShortHeader(CsvRow[] rows, int at, int width) =>
        rows[at].Cells.Length is > 1 and var count
        && count == width - 1
        && at + 1 < rows.Length
        && rows[at + 1].Cells.Length == width
        && AreNames(rows[at])
        && !AreNames(rows[at + 1]);

    /// <summary>Whether all cells are different words.</summary>
    private static bool AreNames(CsvRow row) =>
        row.Cells.Select(cell => cell.Trim()).Distinct().Count() == row.Cells.Length
        && row.Cells.All(cell => cell.Trim().Length > 0 && !IsNumber(cell.Trim()));

    /// <summary>A line after #, unless it has the names itself: <c>#chrom start end</c>.</summary>
    private static bool IsRemark(CsvRow[] rows, int at, int width)
    {
        if (!rows[at].Line.StartsWith('#'))
            return false;
        bool hasNumbers = Array.Exists(rows[at + 1].Cells, cell => IsNumber(cell.Trim()));
        return rows[at].Cells.Length != width
            || rows[at + 1].Line.StartsWith('#')
            || (
                !hasNumbers && (rows[at].Line.StartsWith("# ", StringComparison.Ordinal) || NamesNumbers(rows, at + 1))
            );
    }

    /// <summary>Whether a word stands above numbers.</summary>
    private static bool NamesNumbers(CsvRow[] rows, int at) =>
        rows[at]
            .Cells.Index()
            .Any(named =>
                rows.Length > at + 1
                && rows[(at + 1)..]
                    .Take(Looked)
                    .All(row => named.Index < row.Cells.Length && IsNumber(row.Cells[named.Index].Trim()))
            );

    /// <summary>
    /// Whether a row names fields. It does where its cells are different words; else where more of its cells differ in kind from
    /// those below than are alike.
    /// </summary>
    private static bool IsHeader(CsvRow row, CsvRow[] below)
    {
        if (AreNames(row))
            return true;
        string[] cells = Array.ConvertAll(row.Cells, cell => cell.Trim());
        double votes = 0;
        for (int i = 0; i < cells.Length; i++)
        {
            string[] column =
            [
                .. below
                    .Take(Looked)
                    .Where(other => i < other.Cells.Length)
                    .Select(other => other.Cells[i].Trim())
                    .Where(cell => cell.Length > 0),
            ];
            bool isNumeric = column.Length > 0 && column.All(IsNumber);
            votes +=
                cells[i].Length == 0 ? 0
                : IsNumber(cells[i])
                    ? IsYear(cells[i]) && !column.All(IsYear) || (column.Length > 0 && !isNumeric) ? 0
                        : -1
                : isNumeric ? 1
                : column.Contains(cells[i]) ? -1
                : 0.5;
        }
        return votes > 0;
    }

    private static string[] Named(CsvRow row)
    {
        Dictionary<string, int> seen = new(StringComparer.OrdinalIgnoreCase);
        return
        [
            .. row.Cells.Select(
                (cell, i) =>
                {
                    string name = DocumentText.OneLine(i == 0 ? cell.TrimStart('#') : cell);
                    if (name.Length == 0)
                        return Column(i);
                    int times = seen[name] = seen.GetValueOrDefault(name) + 1;
                    return times == 1 ? name : $"{name} {times}";
                }
            ),
        ];
    }

    private static string Column(int index) => $"column {index + 1}";

    /// <summary>With marks of thousands, signs of money and percent, or a decimal comma.</summary>
    private static bool IsNumber(string cell) => Number().IsMatch(cell);

    private static bool IsYear(string cell) =>
        int.TryParse(cell, NumberStyles.None, CultureInfo.InvariantCulture, out int year)
        && year is >= 1800 and <= 2200;

    [GeneratedRegex(@"\A(?:""?sep=(?<separator>.)""?)[ \t]*(?:\n|\z)", RegexOptions.IgnoreCase)]
    private static partial Regex SeparatorLine();

    [GeneratedRegex(
        @"\A[-+]?\p{Sc}?\s?[-+]?(?:[0-9][0-9.,'\u00A0\u202F ]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s?[%\p{Sc}]?\z"
    )]
    private static partial Regex Number();
}

/// <summary>Tab-separated values: as <see cref="CsvReader"/>, but that a quote is a letter.</summary>
internal sealed class TsvReader : IDocumentReader
{
    public string[] Extensions => [".tsv"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken) =>
        CsvReader.Read(name, TextDecoding.Decode(content), isTsv: true, cancellationToken);
}
