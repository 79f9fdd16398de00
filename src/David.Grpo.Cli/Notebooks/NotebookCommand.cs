using System.CommandLine;
using System.Globalization;
using David.Grpo.Notebooks;
using Microsoft.FSharp.Core;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david notebook</c>: notebooks without a browser.</summary>
public static class NotebookCommand
{
    public static Command Create() => new("notebook", "Notebooks (.ipynb) with F# and C# cells") { Run() };

    private static Command Run()
    {
        Argument<FileInfo> file = new("FILE.ipynb") { Description = "The notebook" };
        Option<FileInfo?> output = new("--out", "-o")
        {
            Description = "Where the notebook with its outputs goes; default: back into FILE",
            HelpName = "FILE",
        };
        Option<bool> noWrite = new("--no-write") { Description = "Write nothing: only see whether every cell runs" };
        Option<string[]> parameters = new("--param", "-p")
        {
            Description =
                "Another value for a name that the cell tagged `parameters` defines, of the type it has there; repeatable. "
                + "With --out or --no-write",
            HelpName = "NAME=VALUE",
        };
        Option<double?> timeout = new("--timeout")
        {
            Description = "The longest a cell may take, in seconds; default: no limit",
            HelpName = "SECONDS",
        };
        timeout.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is <= 0)
                result.AddError("--timeout must be above 0 seconds.");
        });
        parameters.Validators.Add(result =>
        {
            foreach (string given in result.GetValueOrDefault<string[]>() ?? [])
                if (given.IndexOf('=') < 1)
                    result.AddError($"--param is '{given}'; expected NAME=VALUE.");
        });
        Command command = new(
            "run",
            """
            Run a notebook's cells from the first to the last and write what they show back into it.

            Cells are F# or C# in .NET Interactive's dialect: the notebook's own language, unless a cell begins with #!fsharp or
            #!csharp; #!share and #!set hand values over; #r "nuget: Name, 1.2.3", #i "nuget: /path" (a folder of packages),
            #r "some.dll", #load. It ends at the first cell that fails, with exit code 1, or at Ctrl-C, with 130; what ran until
            then is written. Running it again changes only what came out differently.

            Examples:
              david notebook run notebooks/tour.ipynb
              david notebook run notebooks/tour.ipynb -p rollouts=40 -o /tmp/tour.ipynb
              david notebook run notebooks/tour.ipynb --no-write --timeout 120
            """
        )
        {
            file,
            output,
            noWrite,
            parameters,
            timeout,
        };
        command.Validators.Add(result =>
        {
            if (
                result.GetValue(parameters) is { Length: > 0 }
                && result.GetValue(output) is null
                && !result.GetValue(noWrite)
            )
                result.AddError(
                    "--param would put outputs of other values into the notebook; add --out FILE or --no-write."
                );
            if (result.GetValue(output) is not null && result.GetValue(noWrite))
                result.AddError("--out and --no-write exclude each other.");
        });
        command.SetAction(
            async (parsed, cancellation) =>
            {
                string path = parsed.GetRequiredValue(file).ToString();
                TextWriter error = Console.Error;
                Notebook notebook = Notebook.Read(path);
                NotebookOptions options = new(
                    [
                        .. (parsed.GetValue(parameters) ?? []).Select(given =>
                            KeyValuePair.Create(given[..given.IndexOf('=')], given[(given.IndexOf('=') + 1)..])
                        ),
                    ],
                    parsed.GetValue(timeout) is double seconds
                        ? FSharpValueOption<TimeSpan>.NewValueSome(TimeSpan.FromSeconds(seconds))
                        : FSharpValueOption<TimeSpan>.ValueNone
                );
                string target = parsed.GetValue(output)?.FullName ?? path;
                NotebookResult result;
                try
                {
                    result = await notebook
                        .RunAsync(options, progress => Tell(error, progress), cancellation)
                        .ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    if (parsed.GetValue(noWrite))
                        await error.WriteLineAsync("Stopped.");
                    else
                    {
                        notebook.Write(target);
                        await error.WriteLineAsync($"Stopped; what the cells before showed is in {target}.");
                    }
                    return Failure.Stopped;
                }
                if (!parsed.GetValue(noWrite))
                    notebook.Write(target);
                if (!result.Failed.IsSome)
                    return 0;
                await error.WriteLineAsync($"{path}: cell {result.Failed.Value} failed.\n{result.Fault}");
                return 1;
            }
        );
        return command;
    }

    private static void Tell(TextWriter error, CellProgress progress)
    {
        if (progress.Seconds.IsSome)
            error.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"[{progress.Number}/{progress.Count}] {progress.Seconds.Value, 6:F1} s  {progress.Title}"
                )
            );
    }
}
