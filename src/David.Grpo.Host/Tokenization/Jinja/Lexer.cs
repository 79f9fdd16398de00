using System.Text;
using System.Text.RegularExpressions;

namespace David.Grpo.Tokenization.Jinja;

internal enum TokenKind
{
    /// <summary>Text between tags; the token's text is shown as it is.</summary>
    Data,
    TagStart,
    TagEnd,
    OutputStart,
    OutputEnd,
    Name,
    Text,
    Integer,
    Real,
    Operator,
    End,
}

/// <summary>A token of a template.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line);

/// <summary>
/// Cuts a template into tokens, with jinja2's <c>trim_blocks</c> (the newline after a tag goes) and <c>lstrip_blocks</c>
/// (spaces before a tag that is first on its line go), and the marks <c>-</c> and <c>+</c> inside delimiters. As in jinja2,
/// newlines become \n and one at the very end is dropped. Source: <c>jinja2.lexer</c>, by its documented rules.
/// </summary>
internal sealed partial class Lexer
{
    private static readonly string[] Operators =
    [
        "**",
        "//",
        "==",
        "!=",
        "<=",
        ">=",
        .. "+-*/%~<>=.:|,;()[]{}".Select(sign => sign.ToString()),
    ];

    private readonly string source;
    private readonly List<Token> tokens = [];
    private int at;
    private int line = 1;

    /// <summary>Whether nothing stands between the start of the line and here, as far as was read.</summary>
    private bool lineStarts = true;

    private Lexer(string source)
    {
        string lines = source.Replace("\r\n", "\n").Replace('\r', '\n');
        this.source = lines.EndsWith('\n') ? lines[..^1] : lines;
    }

    public static List<Token> Read(string source)
    {
        Lexer lexer = new(source);
        while (lexer.at < lexer.source.Length)
            lexer.ReadPart();
        lexer.Add(TokenKind.End, "");
        return lexer.tokens;
    }

    /// <summary>Text up to a delimiter, and what the delimiter opens.</summary>
    private void ReadPart()
    {
        int open = NextDelimiter(at);
        string data = source[at..open];
        bool ends = open == source.Length;
        char mark = open + 2 < source.Length ? source[open + 2] : ' ';
        bool output = !ends && source[open + 1] == '{';
        string shown =
            ends ? data
            : mark == '-' ? TrimEnd(data)
            : mark == '+' || output ? data
            : WithoutIndentation(data);
        if (shown != "")
            Add(TokenKind.Data, shown);
        Advance(open);
        if (ends)
            return;

        int opened = line;
        bool comment = source[open + 1] == '#';
        Advance(open + (mark is '-' or '+' ? 3 : 2));
        if (comment)
        {
            int close = source.IndexOf("#}", at, StringComparison.Ordinal);
            if (close < 0)
                throw ChatTemplateException.At(opened, "the comment '{#' has no end '#}'.");
            Advance(close > at && source[close - 1] is '-' or '+' ? close - 1 : close);
            Close("#}", trimsNewline: true);
        }
        else if (output)
            ReadCode(TokenKind.OutputStart, TokenKind.OutputEnd, "}}", opened);
        else if (RawTag() is int rawEnd)
            ReadRaw(rawEnd, opened);
        else
            ReadCode(TokenKind.TagStart, TokenKind.TagEnd, "%}", opened);
    }

    private void ReadCode(TokenKind start, TokenKind end, string delimiter, int opened)
    {
        tokens.Add(new Token(start, "", opened));
        int nesting = 0;
        while (true)
        {
            while (at < source.Length && IsSpace(source[at]))
                Advance(at + 1);
            if (at >= source.Length)
                throw ChatTemplateException.At(opened, $"a tag has no end '{delimiter}'.");
            if (nesting == 0 && Closes(delimiter))
                break;
            ReadToken(ref nesting);
        }
        Add(end, "");
        Close(delimiter, trimsNewline: end == TokenKind.TagEnd);
    }

    private bool Closes(string delimiter) =>
        StartsWith(delimiter)
        || (source[at] is '-' or '+' && string.CompareOrdinal(source, at + 1, delimiter, 0, 2) == 0);

    private void ReadToken(ref int nesting)
    {
        char first = source[at];
        if (char.IsLetter(first) || first == '_')
        {
            int end = at;
            while (end < source.Length && (char.IsLetterOrDigit(source[end]) || source[end] == '_'))
                end++;
            Take(TokenKind.Name, end);
        }
        else if (char.IsAsciiDigit(first))
            ReadNumber();
        else if (first is '\'' or '"')
            ReadText(first);
        else if (Operators.FirstOrDefault(StartsWith) is { } sign)
        {
            nesting +=
                sign is "(" or "[" or "{" ? 1
                : sign is ")" or "]" or "}" ? -1
                : 0;
            Take(TokenKind.Operator, at + sign.Length);
        }
        else
            throw ChatTemplateException.At(line, $"'{first}' stands where no such character can.");
    }

    /// <summary>After a dot a number is an item's place, so that <c>a.0.1</c> is two.</summary>
    private void ReadNumber()
    {
        Match number = Number().Match(source, at);
        bool isPlace = at > 0 && source[at - 1] == '.';
        bool isReal = number.Groups["real"].Success && !isPlace;
        Take(
            isReal ? TokenKind.Real : TokenKind.Integer,
            at + (isReal ? number.Length : number.Groups["whole"].Length)
        );
    }

    [GeneratedRegex(
        @"\G(?:(?<whole>0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)|(?<whole>[0-9](?:_?[0-9])*)(?<real>(?:\.[0-9](?:_?[0-9])*)?[eE][+-]?[0-9](?:_?[0-9])*|\.[0-9](?:_?[0-9])*)?)"
    )]
    private static partial Regex Number();

    private void ReadText(char quote)
    {
        StringBuilder text = new();
        int opened = line;
        int end = at + 1;
        for (; end < source.Length && source[end] != quote; end++)
            if (source[end] == '\\' && end + 1 < source.Length)
                end = Escape(end + 1, text, opened);
            else
                text.Append(source[end]);
        if (end >= source.Length)
            throw ChatTemplateException.At(opened, $"a text has no closing {quote}.");
        Add(TokenKind.Text, text.ToString());
        Advance(end + 1);
    }

    /// <summary>Python's escapes. Gives the place of the last character that was read.</summary>
    private int Escape(int letter, StringBuilder text, int opened)
    {
        int digits = source[letter] switch
        {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if (digits > 0)
        {
            string code = letter + digits < source.Length ? source.Substring(letter + 1, digits) : "";
            if (
                !int.TryParse(code, System.Globalization.NumberStyles.AllowHexSpecifier, null, out int point)
                || !Rune.IsValid(point)
            )
                throw ChatTemplateException.At(opened, $"'\\{source[letter]}{code}' is no character.");
            text.Append(new Rune(point).ToString());
            return letter + digits;
        }
        text.Append(
            source[letter] switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                'b' => "\b",
                'f' => "\f",
                'v' => "\v",
                'a' => "\a",
                '0' => "\0",
                '\n' => "",
                '\\' or '\'' or '"' => source[letter].ToString(),
                var other => $"\\{other}",
            }
        );
        return letter;
    }

    /// <summary>The place after <c>raw %}</c> if a raw block opens here.</summary>
    private int? RawTag() => EndOfTag(at, "raw");

    private void ReadRaw(int start, int opened)
    {
        bool trimsAfter = source[start - 3] == '-';
        for (int open = start; open < source.Length - 1; open++)
        {
            if (source[open] != '{' || source[open + 1] != '%')
                continue;
            bool trims = open + 2 < source.Length && source[open + 2] == '-';
            if (EndOfTag(open + (trims ? 3 : 2), "endraw") is not int end)
                continue;
            string text = source[start..open];
            text =
                trimsAfter ? text.TrimStart()
                : text.StartsWith('\n') ? text[1..]
                : text;
            Add(TokenKind.Data, trims ? TrimEnd(text) : WithoutIndentation(text));
            Advance(end - (source[end - 3] == '-' ? 3 : 2));
            Close("%}", trimsNewline: true);
            return;
        }
        throw ChatTemplateException.At(opened, "'raw' has no 'endraw'.");
    }

    private int? EndOfTag(int from, string name)
    {
        int index = from;
        while (index < source.Length && IsSpace(source[index]))
            index++;
        if (string.CompareOrdinal(source, index, name, 0, name.Length) != 0)
            return null;
        index += name.Length;
        while (index < source.Length && IsSpace(source[index]))
            index++;
        if (index < source.Length && source[index] == '-')
            index++;
        return string.CompareOrdinal(source, index, "%}", 0, 2) == 0 ? index + 2 : null;
    }

    /// <summary>Passes a closing delimiter, and the white space that it takes with it.</summary>
    private void Close(string delimiter, bool trimsNewline)
    {
        char mark = source[at];
        bool marked = mark is '-' or '+';
        int end = at + delimiter.Length + (marked ? 1 : 0);
        if (mark == '-')
            while (end < source.Length && IsSpace(source[end]))
                end++;
        else if (!marked && trimsNewline && end < source.Length && source[end] == '\n')
            end++;
        Advance(end);
        lineStarts = source[end - 1] == '\n';
    }

    private string WithoutIndentation(string data)
    {
        int start = data.LastIndexOf('\n') + 1;
        bool first = start > 0 || lineStarts;
        return first && data.AsSpan(start).Trim().IsEmpty ? data[..start] : data;
    }

    private int NextDelimiter(int from)
    {
        for (
            int open = source.IndexOf('{', from);
            open >= 0 && open + 1 < source.Length;
            open = source.IndexOf('{', open + 1)
        )
            if (source[open + 1] is '{' or '%' or '#')
                return open;
        return source.Length;
    }

    private bool StartsWith(string sign) => string.CompareOrdinal(source, at, sign, 0, sign.Length) == 0;

    private void Take(TokenKind kind, int end)
    {
        Add(kind, source[at..end]);
        Advance(end);
    }

    private void Add(TokenKind kind, string text) => tokens.Add(new Token(kind, text, line));

    private void Advance(int to)
    {
        line += source.AsSpan(at, to - at).Count('\n');
        at = to;
    }

    private static bool IsSpace(char unit) => PythonText.IsSpace(unit);

    private static string TrimEnd(string data) => PythonText.Strip(data, null, start: false, end: true);
}
