using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using David.Grpo.Reports;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david report RUN</c>: a run's page and its trajectory microscope, written anew.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        Argument<string[]> folders = new("RUN")
        {
            Description = "Folders of runs, finished or not",
            Arity = ArgumentArity.OneOrMore,
        };
        Command command = new(
            "report",
            """
            Writes a run's page anew, also of a run that is under way, was stopped or has crashed.

            RUN/index.html has what the run reached with intervals, its learning curves, costs and budgets, faults,
            configuration, environment, and questions before and after training. RUN/microscope/index.html shows every
            trajectory token by token: who wrote it, how likely it was, what it was worth and how hard it was pushed, the
            group's tree, and the passages that were found. Both open from disk in any browser, without the net.

            Examples:
              david report runs/smollm2
              david report runs/demo/*/seed-1
            """
        )
        {
            folders,
        };
        command.SetAction(parse =>
        {
            foreach (string folder in parse.GetValue(folders)!)
            {
                Stopwatch clock = Stopwatch.StartNew();
                string page = RunReport.Write(folder);
                parse.InvocationConfiguration.Output.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"{page} ({clock.Elapsed.TotalSeconds:0.0} s)")
                );
            }
            return 0;
        });
        return command;
    }
}
