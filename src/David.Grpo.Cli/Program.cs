using David.Grpo.Cli;
using Spectre.Console;

// A file or a pipe gets text without colours.
if (Console.IsOutputRedirected)
    AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No });

return await CommandLine.RunAsync(
    CommandLine.Root(args.FirstOrDefault()),
    ScriptCommand.KeepArguments(args),
    Console.Out,
    Console.Error
);
