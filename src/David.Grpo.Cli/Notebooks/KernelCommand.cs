using System.CommandLine;
using David.Grpo.Notebooks;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david kernel</c>: the Jupyter kernel.</summary>
public static class KernelCommand
{
    private static readonly CellLanguage[] Languages = [CellLanguage.FSharp, CellLanguage.CSharp];

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
            Register two kernels with Jupyter, david-fsharp and david-csharp: cells are F# in the one and C# in the other; a cell that begins
            with #!csharp or #!fsharp is what that says.

            A kernel starts the program that this checkout has built last: after a change, restart it in Jupyter. It has
            completion, inspection, interruption, rich output and errors with the line; it cannot ask for input (stdin).

            Examples:
              david kernel install
              jupyter notebook notebooks/
              jupyter nbconvert --to html --execute notebooks/01-tour.ipynb
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
            foreach (CellLanguage language in Languages)
            {
                string[] program = ["dotnet", ProgramFile(), "kernel", "run", "--language", language.Name];
                string folder = KernelSpec.Install(kernels, language, program);
                Console.WriteLine($"Installed {Path.Combine(folder, "kernel.json")}");
            }
            return 0;
        });
        return command;
    }

    private static Command Run()
    {
        Argument<FileInfo> connection = new("CONNECTION") { Description = "The connection file that Jupyter writes" };
        Option<string> language = new("--language")
        {
            Description = "Of cells that name none",
            DefaultValueFactory = _ => Languages[0].Name,
        };
        language.AcceptOnlyFromAmong([.. Languages.Select(one => one.Name)]);
        Command command = new("run", "Be the kernel: what Jupyter calls") { connection, language };
        // Synchronous, so that an interruption (SIGINT) is the cell's and never the program's end.
        command.SetAction(parsed =>
        {
            FileInfo file = parsed.GetRequiredValue(connection);
            if (!file.Exists)
                throw new ScriptException($"There is no connection file {file.FullName}.");
            CellLanguage own = Languages.First(one => one.Name == parsed.GetValue(language));
            string version = typeof(KernelCommand).Assembly.GetName().Version!.ToString(3);
            JupyterKernel.RunAsync(file.FullName, own, version, CancellationToken.None).GetAwaiter().GetResult();
            return 0;
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
