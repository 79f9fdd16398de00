using System.CommandLine;
using David.Grpo.Cli;
using Spectre.Console;

// A file or a pipe gets text without colours.
if (Console.IsOutputRedirected)
    AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No });

RootCommand root = new(
    """
    David.Grpo teaches small language models to answer multi-hop questions with a search tool, on a small budget.
    It implements David-GRPO (arXiv 2601.21699) and the methods it is compared with.

    Begin with `david demo`; it needs no download and no GPU.
    """
)
{
    DemoCommand.Create(),
    CompareCommand.Create(),
    TrainCommand.Create(),
    EvalCommand.Create(),
    CalibrateCommand.Create(),
    AskCommand.Create(),
    IndexCommand.Create(),
    StudyCommand.Create(),
    ExportCommand.Create(),
    RunsCommand.Create(),
    ReportCommand.Create(),
    WorldCommand.Create(),
    ScriptCommand.Create(),
    NotebookCommand.Create(),
    KernelCommand.Create(),
};
try
{
    return await root.Parse(ScriptCommand.KeepArguments(args))
        .InvokeAsync(
            new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                // Ctrl-C asks a run to end at its next safe point; it takes longer than the default two seconds.
                ProcessTerminationTimeout = TimeSpan.FromMinutes(2),
            }
        );
}
catch (Exception failure) when (Failure.CodeOf(failure) is { } code)
{
    Console.Error.WriteLine(Failure.MessageOf(failure));
    return code;
}
