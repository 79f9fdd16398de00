using System.CommandLine;
using David.Grpo.Notebooks;

namespace David.Grpo.Cli.Commands;

using Command = System.CommandLine.Command;

/// <summary><c>david kernel</c>: the Jupyter kernel.</summary>
public static class KernelCommand
{
    public static Command Create() =>
        new("kernel", "The Jupyter kernel of F# and C# cells: install it, so that Jupyter and VS Code start it")
        {
            Install(),
            Run(),
        };

    private static Command Install()
    {
        Option<bool> user = new("--user") { Description = "For this user (the default)" };
        Option<string?> prefix = new("--prefix")
        {
            Description = "For all who use the Jupyter under this folder, such as /usr/local",
            HelpName = "FOLDER",
        };
        Command command = new(
            "install",
            """
            Register the kernel with Jupyter. Cells are F#; those that begin with #!csharp are C#.

            The kernel starts the program that this checkout has built last: after a change, restart it in Jupyter. It has
            completion, inspection, interruption, rich output and errors with the line; it cannot ask for input (stdin).

            Examples:
              david kernel install
              jupyter notebook notebooks/
              jupyter nbconvert --to html --execute notebooks/tour.ipynb
            """
        )
        {
            user,
            prefix,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(user) && result.GetValue(prefix) is not null)
                result.AddError("--user and --prefix exclude each other.");
        });
        command.SetAction(parsed =>
        {
            string kernels = parsed.GetValue(prefix) is { } given ? KernelSpec.underPrefix(given) : KernelSpec.ofUser();
            string folder = KernelSpec.Install(kernels, ["dotnet", ProgramFile(), "kernel", "run"]);
            Console.WriteLine($"Installed {Path.Combine(folder, "kernel.json")}");
            return 0;
        });
        return command;
    }

    private static Command Run()
    {
        Argument<FileInfo> connection = new("CONNECTION") { Description = "The connection file that Jupyter writes" };
        Command command = new("run", "Be the kernel: what Jupyter calls") { connection };
        // Synchronous, so that an interruption (SIGINT) is the cell's and never the program's end.
        command.SetAction(parsed =>
        {
            FileInfo file = parsed.GetRequiredValue(connection);
            try
            {
                if (!file.Exists)
                    throw new ScriptException($"There is no connection file {file.FullName}.");
                string version = typeof(KernelCommand).Assembly.GetName().Version!.ToString(3);
                JupyterKernel.RunAsync(file.FullName, version, CancellationToken.None).GetAwaiter().GetResult();
                return 0;
            }
            catch (ScriptException failure)
            {
                Console.Error.WriteLine(failure.Message);
                return Failure.ToMend;
            }
        });
        return command;
    }

    // A checkout's builds come and go; .build/lib is the newest.
    private static string ProgramFile()
    {
        string folder = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string newest = Path.GetFullPath("../../lib", folder);
        return Path.Combine(Directory.Exists(newest) && Same(newest, folder) ? newest : folder, "david.dll");
    }

    private static bool Same(string link, string folder) =>
        new DirectoryInfo(link).ResolveLinkTarget(true)?.FullName == folder;
}
