using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david runs</c>: lists, compares and prunes runs, and says what their files hold.</summary>
internal static class RunsCommand
{
    private const string DefaultFolder = "runs";

    public static Command Create()
    {
        Argument<string[]> folders = new("FOLDER")
        {
            Description = "A run's folder, or one with runs in it, however deep; default: runs",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Option<RunState?> state = new("--state") { Description = "Only runs that stand so" };
        Option<bool> json = Json();
        Command command = new(
            "runs",
            """
            Lists runs: arm, seed, how they stand, what they spent and what they reached. EM and searches are those of the last
            evaluation; the EM before training stands before the arrow.

            A run is finished, running (a process works on it now), stopped (ended by its user) or crashed (its process ended
            without a word). The command that began a stopped or crashed run goes on with it.

            Examples:
              david runs
              david runs runs/demo --state crashed
              david runs --json | jq '.[] | select(.last.exact_match > 0.4) | .folder'
              david runs compare runs/demo/grpo runs/demo/david
              david runs prune --failed
              david runs schema
            """
        )
        {
            folders,
            state,
            json,
            Compare(),
            Prune(),
            Schema(),
        };
        command.SetAction(parse =>
        {
            Screen screen = ScreenOf(parse);
            string[] given = parse.GetValue(folders) is { Length: > 0 } some ? some : [DefaultFolder];
            RunOverview[] runs =
            [
                .. Find(given).Where(run => parse.GetValue(state) is not { } wanted || run.State == wanted),
            ];
            if (parse.GetValue(json))
                screen.Text(JsonSerializer.Serialize(runs, RunJson.Document));
            else if (runs is [])
                screen.Line($"No such runs under {string.Join(", ", given)}. `david demo` makes some.");
            else
                RunsTables.Show(runs, DateTimeOffset.UtcNow, screen);
            return 0;
        });
        return command;
    }

    private static Command Compare()
    {
        Argument<string[]> sides = new("SIDE")
        {
            Description = "Two or more: a run's folder, or one whose runs are the seeds of one method",
            Arity = new ArgumentArity(2, 100),
        };
        Option<int?> at = new("--at")
        {
            Description =
                "Rollouts at which runs are compared: the last whole evaluation within them. Default: the last one",
        };
        Option<bool> json = Json();
        Command command = new(
            "compare",
            """
            Compares runs with the first one, on the questions that both answered. 95 % intervals are over seeds, Student's t:
            paired where the seeds are the same, Welch's where they are not, and over questions (bootstrap) where a side has
            one seed. Ends with the options in which they differ.

            The intervals are not corrected for looking at many runs. A comparison that is planned beforehand is david compare.

            Examples:
              david runs compare runs/demo/grpo runs/demo/david
              david runs compare runs/a runs/b runs/c --at 500
              david runs compare runs/demo/grpo/seed-1 runs/demo/david/seed-1 --json
            """
        )
        {
            sides,
            at,
            json,
        };
        command.SetAction(parse =>
        {
            Screen screen = ScreenOf(parse);
            string[] folders = parse.GetValue(sides)!;
            RunContrast contrast = RunContrast.Of(
                [.. Names(folders).Zip(folders, (name, folder) => (name, Finished(folder)))],
                parse.GetValue(at)
            );
            if (parse.GetValue(json))
                screen.Text(JsonSerializer.Serialize(contrast, RunJson.Document));
            else
                ContrastTables.Show(contrast, screen);
            return 0;
        });
        return command;
    }

    private sealed record PruneRequest
    {
        [Description("Checkpoints that each run keeps, its last ones; a run that is not finished keeps at least 1")]
        [Range(0, int.MaxValue)]
        public int Keep { get; init; } = 1;

        [Description("Remove the optimizer's state of finished runs too, which nobody goes on from")]
        public bool Optimizer { get; init; }

        [Description("Remove stopped and crashed runs whole")]
        public bool Failed { get; init; }

        [Description("Only runs in which nothing was written for so many days")]
        [Range(0, int.MaxValue)]
        [Shown("DAYS")]
        public int OlderThan { get; init; }

        [Description("Do it; without this, only what would be removed is said")]
        public bool Delete { get; init; }

        [Description("Print JSON instead of a table")]
        public bool Json { get; init; }
    }

    private static Command Prune()
    {
        Argument<string[]> folders = new("FOLDER")
        {
            Description = "A run's folder, or one with runs in it; default: runs",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Command command = new(
            "prune",
            """
            Removes old checkpoints, and with --failed the runs that came to nothing. Says what it would remove and frees
            nothing until --delete is given. A run that a process works on is never touched.

            Examples:
              david runs prune
              david runs prune runs/demo --keep 1 --optimizer --delete
              david runs prune --failed --older-than 7
            """
        )
        {
            folders,
        };
        CommandOptions<PruneRequest> options = new(command);
        command.SetAction(parse =>
        {
            Screen screen = ScreenOf(parse);
            PruneRequest request = options.Read(parse);
            RunOverview[] runs = [.. Find(parse.GetValue(folders) is { Length: > 0 } some ? some : [DefaultFolder])];
            IReadOnlyList<Removal> removals =
            [
                .. RunPruning.Plan(
                    runs,
                    new PruningOptions(
                        request.Keep,
                        request.Optimizer,
                        request.Failed,
                        TimeSpan.FromDays(request.OlderThan)
                    ),
                    DateTimeOffset.UtcNow
                ),
            ];
            if (request.Delete)
                removals = RunPruning.Remove(removals);
            if (request.Json)
                screen.Text(JsonSerializer.Serialize(removals, RunJson.Document));
            else
                RunsTables.Show(removals, request.Delete, screen);
            return 0;
        });
        return command;
    }

    private static Command Schema()
    {
        Argument<string> name = new("NAME")
        {
            Description = $"{string.Join(", ", RunSchema.Names)}, or tensorboard for the names of its event files",
            DefaultValueFactory = _ => "metrics",
        };
        name.CompletionSources.Add([.. RunSchema.Names, "tensorboard"]);
        Command command = new(
            "schema",
            """
            Says what stands in a run's files, field by field, as JSON Schema (draft 2020-12): metrics (metrics.jsonl), outcomes
            (evaluations/step-N.jsonl), trajectories (trajectories.jsonl.gz) or result (result.json). With tensorboard: a table of
            the names under which TensorBoard shows a run.

            Examples:
              david runs schema > metrics.schema.json
              david runs schema tensorboard
            """
        )
        {
            name,
        };
        command.SetAction(parse =>
        {
            Screen screen = ScreenOf(parse);
            string wanted = parse.GetValue(name)!;
            if (wanted == "tensorboard")
                RunsTables.Show(RunSchema.TensorBoard, screen);
            else if (RunSchema.Names.Contains(wanted))
                screen.Text(RunSchema.Of(wanted).TrimEnd());
            else
                throw new InvalidDataException(
                    $"There is no schema \"{wanted}\"; there are {string.Join(", ", RunSchema.Names)} and tensorboard."
                );
            return 0;
        });
        return command;
    }

    private static Option<bool> Json() => new("--json") { Description = "Print JSON instead of a table" };

    private static Screen ScreenOf(ParseResult parse) => new(parse.InvocationConfiguration.Output);

    /// <summary>The runs under some folders, each once.</summary>
    private static IEnumerable<RunOverview> Find(IEnumerable<string> folders) =>
        folders.SelectMany(RunOverview.Under).DistinctBy(run => run.Folder);

    private static RunOverview[] Finished(string folder)
    {
        RunOverview[] runs = [.. RunOverview.Under(folder)];
        if (runs is [])
            throw new InvalidDataException($"There is no run in {folder}. `david runs` lists those there are.");
        // One run is compared as far as it came; of several, only what is whole.
        RunOverview[] whole = runs is [_] ? runs : [.. runs.Where(run => run.State == RunState.Finished)];
        if (whole is [])
            throw new InvalidDataException(
                $"No run in {folder} is finished. Name one of its runs to compare it as far as it came."
            );
        if (whole.Select(run => run.Arm).Distinct().Skip(1).Any())
            throw new InvalidDataException(
                $"{folder} holds runs of {string.Join(", ", whole.Select(run => run.Arm ?? "an unknown arm").Distinct())}; "
                    + "name a folder for each, such as its subfolders."
            );
        return whole;
    }

    /// <summary>Paths without the folders that all of them begin with.</summary>
    private static string[] Names(string[] folders)
    {
        string[][] parts =
        [
            .. folders.Select(folder =>
                Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)).Split(Path.DirectorySeparatorChar)
            ),
        ];
        int shared = 0;
        while (parts.All(path => shared < path.Length - 1 && path[shared] == parts[0][shared]))
            shared++;
        return [.. parts.Select(path => string.Join(Path.DirectorySeparatorChar, path[shared..]))];
    }
}
