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
    /// <summary>The commands by name, each with what it does in a line of 80 columns, in the order of the help.</summary>
    internal static readonly (string Name, string Brief, Func<Command> Create)[] Commands =
    [
        ("demo", "train and compare three arms on the embedded world", DemoCommand.Create),
        ("compare", "compare arms over seeds at equal budgets", CompareCommand.Create),
        ("train", "train a model on questions over a corpus", TrainCommand.Create),
        ("eval", "answer questions with a model, and score", EvalCommand.Create),
        ("calibrate", "find when a policy may answer early", CalibrateCommand.Create),
        ("ask", "answer a question from your own documents", AskCommand.Create),
        ("index", "make a corpus of documents, and say what was read", IndexCommand.Create),
        ("study", "check what the library promises", StudyCommand.Create),
        ("export", "write a run's model as a Hugging Face folder", ExportCommand.Create),
        ("runs", "list, compare and prune runs", RunsCommand.Create),
        ("report", "write a run's page and microscope anew", ReportCommand.Create),
        ("world", "pretrain or measure the world's base policy", WorldCommand.Create),
        ("script", "run a C# script (.csx)", ScriptCommand.Create),
        ("notebook", "run a notebook of F# and C# cells", NotebookCommand.Create),
        ("kernel", "the Jupyter kernel: install or remove it", KernelCommand.Create),
    ];

    /// <summary>What the launcher of a checkout does itself, for the help.</summary>
    private static readonly (string Name, string Brief)[] Launcher =
    [
        ("test", "run the tests, or those with a word in their name"),
        ("docs", "write the documentation as pages"),
        ("pack", "make NuGet packages of libraries and command line"),
    ];

    /// <summary>As the program was started: "./david" from a checkout, "david" where it is installed.</summary>
    private static string Self =>
        Environment.GetEnvironmentVariable("DAVID_COMMAND") is { Length: > 0 } typed ? typed : "david";

    /// <summary>A text in which the program is named as it was started, so that what it says to type can be pasted.</summary>
    internal static string AsTyped(string text) => Self == "david" ? text : Invocation().Replace(text, Self);

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
        foreach ((string name, _, Func<Command> create) in Commands)
            if (name == first || Array.TrueForAll(Commands, command => command.Name != first))
                root.Add(create());
        if (Self != "david")
            foreach ((string name, string brief) in Launcher)
                root.Add(new Command(name, brief));
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
                await error.WriteLineAsync(AsTyped(message)).ConfigureAwait(false);
            await error.WriteLineAsync(AsTyped($"See {Path(command)} --help.")).ConfigureAwait(false);
            return Failure.ToMend;
        }
        if (parsed.Action is HelpAction help && Console.IsOutputRedirected)
            help.MaxWidth = Screen.LogWidth;
        command.Description = AsTyped(Flowing(command.Description));
        foreach (Command other in command.Subcommands)
            other.Description =
                Array.Find(Commands, own => command is RootCommand && own.Name == other.Name).Brief
                ?? FirstSentence().Match(Flowing(other.Description)).Value;
        // A line a command: what each takes, its own help says.
        if (command is RootCommand)
            foreach (Command other in command.Subcommands)
            foreach (Argument argument in other.Arguments)
                argument.Hidden = true;
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
            await error.WriteLineAsync(AsTyped(Failure.MessageOf(failure))).ConfigureAwait(false);
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

    [GeneratedRegex(
        @"(?<![\w/.-])david(?= (-|demo\b|compare\b|train\b|eval\b|calibrate\b|ask\b|index\b|study\b|export\b|runs\b|report\b|world\b|script\b|notebook\b|kernel\b|knows\b))"
    )]
    private static partial Regex Invocation();

    [GeneratedRegex(@"(?<=\S)\n(?=\S)")]
    private static partial Regex WithinParagraph();

    [GeneratedRegex(@"^.*?(?=\.\s|\.$|$)", RegexOptions.Singleline)]
    private static partial Regex FirstSentence();
}
