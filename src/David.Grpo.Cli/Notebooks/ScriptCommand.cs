using System.CommandLine;
using David.Grpo.Notebooks;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david script</c>: C# scripts in dotnet-script's dialect.</summary>
public static class ScriptCommand
{
    private const string Name = "script";

    public static Command Create()
    {
        Argument<FileInfo> file = new("FILE.csx") { Description = "The script" };
        Argument<string[]> arguments = new("ARGUMENTS")
        {
            Description = "All that follows, options too, is the script's `Args`",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Command command = new(
            Name,
            """
            Run a C# script (.csx) in the dialect of the public `dotnet script` tool, under which it runs unchanged.

            A script has `#r "some.dll"`, `#r "nuget: Name, 1.2.3"`, `#load "other.csx"`, `Args`, `await` anywhere, and
            `return n` as its exit code. `#load "david.csx"` (from scripts/) brings the library and its names. What was compiled
            is kept, so that an unchanged script starts at once.

            Examples:
              david script scripts/NAME.csx --help       what the script can do
              david script my.csx --seeds 5 out.svg      Args is --seeds, 5, out.svg
              dotnet script my.csx -- --seeds 5 out.svg  the same under the public tool
            """
        )
        {
            file,
            arguments,
        };
        // Synchronous, so that Ctrl-C is the script's own: it ends the program, or calls its Console.CancelKeyPress.
        command.SetAction(parsed =>
        {
            try
            {
                return Script.Run(
                    parsed.GetRequiredValue(file).ToString(),
                    parsed.GetValue(arguments) ?? [],
                    CancellationToken.None
                );
            }
            catch (ScriptException failure)
            {
                Console.Out.Flush();
                Console.Error.WriteLine(failure.Message);
                return 1;
            }
        });
        return command;
    }

    /// <summary>The same command line, where what follows a script's file is no option of ours.</summary>
    public static string[] KeepArguments(string[] line) =>
        line is [Name, [not '-', ..], var next, ..] && next != "--" ? [.. line[..2], "--", .. line[2..]] : line;
}
