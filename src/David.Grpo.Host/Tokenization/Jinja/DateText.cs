using System.Globalization;
using System.Text.RegularExpressions;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>Python's <c>strftime</c>, in English, of a time that is given: nothing here reads a clock.</summary>
internal static partial class DateText
{
    private static readonly Dictionary<char, string> Formats = new()
    {
        ['Y'] = "yyyy",
        ['y'] = "yy",
        ['m'] = "MM",
        ['B'] = "MMMM",
        ['b'] = "MMM",
        ['h'] = "MMM",
        ['d'] = "dd",
        ['A'] = "dddd",
        ['a'] = "ddd",
        ['H'] = "HH",
        ['I'] = "hh",
        ['M'] = "mm",
        ['S'] = "ss",
        ['f'] = "ffffff",
        ['p'] = "tt",
        ['F'] = "yyyy-MM-dd",
        ['T'] = "HH:mm:ss",
        ['R'] = "HH:mm",
        ['D'] = "MM/dd/yy",
        ['x'] = "MM/dd/yy",
        ['X'] = "HH:mm:ss",
        ['c'] = "ddd MMM d HH:mm:ss yyyy",
    };

    /// <summary><c>strftime_now</c>, as if it were this time.</summary>
    /// <param name="time">A day or a time of ISO 8601, such as 2026-11-29 or 2026-11-29T12:30.</param>
    public static Function Now(string time) =>
        DateTime.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTime now)
            ? new Function("strftime_now", arguments => Write(now, arguments))
            : throw new ChatTemplateException(
                $"'strftime_now' is \"{time}\"; expected a day or a time, such as 2026-11-29."
            );

    private static string Write(DateTime now, CallArguments arguments) =>
        Directive()
            .Replace(
                arguments.Text(0, "format"),
                directive =>
                {
                    char kind = directive.Value[^1];
                    string text = kind switch
                    {
                        '%' => "%",
                        'n' => "\n",
                        't' => "\t",
                        'j' => $"{now.DayOfYear:000}",
                        'e' => $"{now.Day, 2}",
                        'u' => $"{((int)now.DayOfWeek + 6) % 7 + 1}",
                        'w' => $"{(int)now.DayOfWeek}",
                        'Z' or 'z' => "",
                        _ when Formats.TryGetValue(kind, out string? format) => now.ToString(
                            format,
                            CultureInfo.InvariantCulture
                        ),
                        _ => throw arguments.Wrong($"does not know '{directive.Value}'"),
                    };
                    // %-d, as on Unix: without a leading zero.
                    return directive.Value[1] == '-' && text.TrimStart('0', ' ') is { Length: > 0 } bare ? bare : text;
                }
            );

    [GeneratedRegex("%-?[a-zA-Z%]")]
    private static partial Regex Directive();
}
