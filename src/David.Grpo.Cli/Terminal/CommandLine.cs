using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using David.Grpo.Configuration;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>All commands, and how one is run.</summary>
internal static partial class CommandLine
{
    /// <summary>The commands by name, in the order of the help.</summary>
    internal static readonly (string Name, Func<Command> Create)[] Commands =
    [
        ("demo", DemoCommand.Create),
        ("compare", CompareCommand.Create),
        ("train", TrainCommand.Create),
        ("eval", EvalCommand.Create),
        ("calibrate", CalibrateCommand.Create),
        ("ask", AskCommand.Create),
        ("index", IndexCommand.Create),
        ("study", StudyCommand.Create),
        ("export", ExportCommand.Create),
        ("runs", RunsCommand.Create),
        ("report", ReportCommand.Create),
        ("world", WorldCommand.Create),
        ("script", ScriptCommand.Create),
        ("notebook", NotebookCommand.Create),
        ("kernel", KernelCommand.Create),
    ];

    /// <param name="first">The first argument. Where it names a command, only that one is made: options cost time to make.</param>
    public static RootCommand Root(string? first = null)
    {
        RootCommand root = new(
            """
            David.Grpo teaches small language models to answer multi-hop questions with a search tool, on a small budget.
            It implements David-GRPO (arXiv 2601.21699) and the methods it is compared with.

            Begin with `david demo`; it needs no download and no GPU.
            """
        );
        foreach ((string name, Func<Command> create) in Commands)
            if (name == first || Array.TrueForAll(Commands, command => command.Name != first))
                root.Add(create());
        return root;
    }

    /// <summary>Runs a command. What the user can mend is said in a message, without a stack trace and without the help.</summary>
    /// <returns>The exit code, see <see cref="Failure"/>.</returns>
    public static async Task<int> RunAsync(
        Command root,
        IReadOnlyList<string> arguments,
        TextWriter output,
        TextWriter error,
        CancellationToken cancellationToken = default
    )
    {
        ParseResult parsed = root.Parse(arguments);
        Command command = parsed.CommandResult.Command;
        if (parsed.Action is ParseErrorAction && command.Action is null && parsed.UnmatchedTokens is [])
            parsed = root.Parse([.. arguments, "--help"]);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (string message in Messages(parsed))
                await error.WriteLineAsync(message).ConfigureAwait(false);
            await error.WriteLineAsync($"See {Path(command)} --help.").ConfigureAwait(false);
            return Failure.ToMend;
        }
        if (parsed.Action is HelpAction help && Console.IsOutputRedirected)
            help.MaxWidth = Screen.LogWidth;
        command.Description = Flowing(command.Description);
        foreach (Command other in command.Subcommands)
            other.Description = FirstSentence().Match(Flowing(other.Description)).Value;
        try
        {
            return await parsed
                .InvokeAsync(
                    new InvocationConfiguration
                    {
                        Output = output,
                        Error = error,
                        EnableDefaultExceptionHandler = false,
                        // Ctrl-C asks a run to end at its next safe point; it takes longer than the default two seconds.
                        ProcessTerminationTimeout = TimeSpan.FromMinutes(2),
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (Failure.CodeOf(failure) is { } code)
        {
            await error.WriteLineAsync(Failure.MessageOf(failure)).ConfigureAwait(false);
            return code;
        }
    }

    /// <summary>What is wrong with a command line; of words that nothing takes, the first.</summary>
    private static IEnumerable<string> Messages(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens is not [var word, ..])
            return parsed.Errors.Select(error => error.Message).Distinct();
        Command command = parsed.CommandResult.Command;
        string? nearest = NearestWord.To(
            word,
            word.StartsWith('-')
                ? command.Options.Select(option => option.Name)
                : command.Subcommands.Select(other => other.Name)
        );
        return
        [
            $"{Path(command)} knows no {(word.StartsWith('-') ? "option" : "command or argument")} {word}."
                + (nearest is null ? "" : $" Did you mean {nearest}?"),
        ];
    }

    /// <summary>Such as "david ask calibrate".</summary>
    private static string Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{Path(parent)} {command.Name}"
        : command is RootCommand ? "david"
        : command.Name;

    /// <summary>A text without the line ends within its paragraphs, so that help breaks lines where the terminal ends.</summary>
    private static string Flowing(string? text) => WithinParagraph().Replace(text ?? "", " ");

    [GeneratedRegex(@"(?<=\S)\n(?=\S)")]
    private static partial Regex WithinParagraph();

    [GeneratedRegex(@"^.*?(?=\.\s|\.$|$)", RegexOptions.Singleline)]
    private static partial Regex FirstSentence();
}
