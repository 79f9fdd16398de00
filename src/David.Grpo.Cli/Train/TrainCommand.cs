using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using David.Grpo.Configuration;
using David.Grpo.Experiments;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Reports;
using David.Grpo.Runs;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david train FILE.yaml</c>: a run on real questions, from the file to the table of before and after.</summary>
public static class TrainCommand
{
    public static Command Create()
    {
        Argument<string> file = new("FILE")
        {
            Description = "The run's options, YAML. An example is scripts/hotpotqa.yaml; --keys lists every key",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> outFolder = new("--out", "-o")
        {
            Description = "The run's folder, in place of the file's \"out\"",
            HelpName = "FOLDER",
        };
        Option<string[]> settings = new("--set", "-s")
        {
            Description = "Puts another value in place of the file's; can be repeated. Paths are relative to the file",
            HelpName = "key=value",
            DefaultValueFactory = _ => [],
        };
        Option<bool> plan = new("--plan") { Description = "Shows the plan and the memory forecast, and ends" };
        Option<bool> keys = new("--keys")
        {
            Description = "Shows every key with its default, type, range and meaning, and ends",
        };
        Command command = new(
            "train",
            """
            Trains a model to search and answer, on real questions over a real corpus.

            The run is evaluated before and after. Its folder holds config.yaml, environment.json, metrics.jsonl (a line a
            step), trajectories.jsonl.gz (all that was sampled), evaluations/ (a line a question), checkpoints/ (Hugging Face
            folders with the optimizer's state), result.json and index.html, the run's page (see david report).

            The same command goes on where a stopped or killed run was, at its last checkpoint. Ctrl-C ends the run there and
            writes one; a second Ctrl-C ends it at once.

            Examples:
              david train scripts/hotpotqa.yaml
              david train scripts/hotpotqa.yaml --out runs/lambda03 \
                --set method.lambda=0.3 --set seed=2
              david train --keys > my.yaml
            """
        )
        {
            file,
            outFolder,
            settings,
            plan,
            keys,
        };
        // Not asynchronous: an asynchronous action is given up two seconds after Ctrl-C, before its checkpoint is written.
        command.SetAction(result =>
        {
            Screen screen = new(result.InvocationConfiguration.Output);
            if (result.GetValue(keys))
            {
                screen.Text(ConfigurationReference.Describe<RunFile>().TrimEnd());
                return 0;
            }
            if (result.GetValue(file) is not { } path)
                throw new InvalidDataException(
                    "Name a file of options: david train FILE.yaml (see david train --help)."
                );
            RunFile options = RunFile.Load(path, result.GetValue(settings)!);
            if (result.GetValue(outFolder) is { } folder)
                options = options with { Out = Path.GetFullPath(folder) };
            return RunAsync(options, result.GetValue(plan), screen).GetAwaiter().GetResult();
        });
        return command;
    }

    private static async Task<int> RunAsync(RunFile options, bool onlyPlan, Screen screen)
    {
        using Interruption stop = new(onFirst: () =>
            screen.Line("stopping at the next safe point; once more ends at once")
        );
        using TextRun run = TextRun.Open(options, screen.Indexing(options.Corpus), stop.Token);
        options.Method.Check(options.Method.Create(run.Task.Rewards));
        ShowPlan(run, screen);
        if (onlyPlan)
            return 0;
        string held = Path.Combine(options.Out, "checkpoints");
        run.Forecast.CheckDisk(
            options.Out,
            MemoryForecast.Free(options.Out),
            Directory.Exists(held)
                ? new DirectoryInfo(held).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length)
                : 0
        );
        RunFolder folder = run.Folder();
        if (folder.Result is { Stopped: false } finished)
        {
            screen.Line("This run is finished already; choose another folder (--out) or seed for a new one.");
            screen.Line();
            ShowResult(finished, folder, screen);
            WritePage(folder, screen);
            return 0;
        }
        using Decoder policy = run.Model.Load(Device.Parse(options.Device));
        RunLog log = new(options, run.Task, screen);
        using Trainer trainer = new(policy, run.Task, options, folder, run.Engine, log.Tell);
        RunResult result = await screen.WithStatusAsync(() => trainer.RunAsync(stop.Token)).ConfigureAwait(false);
        screen.Line();
        if (result.Stopped)
        {
            screen.Line($"Stopped after step {result.Steps}. The same command goes on from there.");
            WritePage(folder, screen);
            return Failure.Stopped;
        }
        ShowResult(result, folder, screen);
        WritePage(folder, screen);
        return 0;
    }

    private static void ShowPlan(TextRun run, Screen screen)
    {
        RunFile file = run.File;
        MethodOptions method = file.Method;
        Arm arm = method.Create(run.Task.Rewards);
        int experts = run.Task.Experts.Count;
        screen.Line(
            $"model       {run.Model.Path}: {run.Forecast.Weights / sizeof(float):N0} parameters, "
                + $"vocabulary {run.Model.Config.VocabularySize:N0}"
        );
        screen.Line($"corpus      {file.Corpus}: {run.Index.Passages:N0} passages");
        screen.Line(
            $"questions   {run.Task.Training.Questions.Count} to train on, {run.Task.Evaluation.Questions.Count} to evaluate on, "
                + $"{experts} with an expert"
        );
        if (arm.WarmUp != WarmUp.None && method.BootstrapSteps > 0)
            screen.Line(
                (
                    arm.WarmUp == WarmUp.Bootstrapping
                        ? $"bootstrap   {method.BootstrapSteps} steps of {experts} × {method.BootstrapGroupSize} rollouts, "
                        : $"imitation   {method.BootstrapSteps} supervised steps on {experts} trajectories, "
                ) + $"learning rate {Number(method.BootstrapLearningRate)}"
            );
        screen.Line(
            $"main        {method.MainSteps} steps of {method.QuestionsPerStep} × {arm.GroupSize} rollouts"
                + (
                    arm.Exploration.MaxForks > 0
                        ? $" a question and up to {arm.Exploration.MaxForks} by {arm.Exploration.Name}"
                        : ""
                )
                + $", learning rate {Number(method.LearningRate)}"
        );
        screen.Line($"budget      {file.Rollouts:N0} rollouts");
        screen.Line(
            $"memory      at most {MemoryForecast.Size(run.Forecast.Total)} of {MemoryForecast.Size(MemoryForecast.Available)}"
        );
        screen.Line($"            {run.Forecast}");
        screen.Line(
            $"disk        at most {MemoryForecast.Size(run.Forecast.Disk)} of {MemoryForecast.Size(MemoryForecast.Free(file.Out))} that are free: "
                + $"checkpoints ({file.CheckpointsKept} kept, one being written)"
        );
        screen.Line($"out         {file.Out}");
        screen.Line();
    }

    private static void ShowResult(RunResult result, RunFolder folder, Screen screen)
    {
        if (result is { Before: { } before, After: { } after })
            screen.Show(EvaluationTable.Of(before, after, Outcomes(folder, before), Outcomes(folder, after)));
        double other =
            result.Times.TotalSeconds
            - result.Times.RolloutSeconds
            - result.Times.LearningSeconds
            - result.Times.EvaluationSeconds;
        screen.Line(
            $"{result.Steps} steps, {result.Spent.Rollouts} rollouts, {result.Spent.GeneratedTokens:N0} tokens sampled, "
                + $"{result.Spent.Searches:N0} searches, {result.Times.LearnedTokens:N0} tokens learned from"
        );
        screen.Line(
            $"{RunLog.Time(result.Times.TotalSeconds)}: rollouts {RunLog.Time(result.Times.RolloutSeconds)}"
                + $" ({Rate(result.Spent.GeneratedTokens, result.Times.RolloutSeconds)} tokens/s), learning {RunLog.Time(result.Times.LearningSeconds)}"
                + $" ({Rate(result.Times.LearnedTokens, result.Times.LearningSeconds)} tokens/s), evaluation {RunLog.Time(result.Times.EvaluationSeconds)}"
                + (other > 0 ? $", the rest {RunLog.Time(other)}" : "")
        );
        if (PeakMemory() is { } peak)
            screen.Line($"peak memory {MemoryForecast.Size(peak)}");
        screen.Line($"policy      {folder.Saved().LastOrDefault() ?? folder.Path}");
    }

    private static void WritePage(RunFolder folder, Screen screen)
    {
        if (RunReport.TryWrite(folder.Path, screen.Line) is { } page)
            screen.Line($"page        {page}");
    }

    private static OutcomeRecord[] Outcomes(RunFolder folder, EvaluationMetrics metrics) =>
        File.Exists(folder.Outcomes(metrics.Step))
            ?
            [
                .. File.ReadLines(folder.Outcomes(metrics.Step))
                    .Select(line => JsonSerializer.Deserialize<OutcomeRecord>(line, RunJson.Line)!),
            ]
            : [];

    /// <summary>The most memory that this process had at once, in bytes (Linux).</summary>
    private static long? PeakMemory() =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status")
            .FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            is { } line
        && long.TryParse(line.AsSpan(6).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture, out long kibibytes)
            ? kibibytes * 1024
            : null;

    private static string Rate(long tokens, double seconds) =>
        seconds > 0 ? (tokens / seconds).ToString("0", CultureInfo.InvariantCulture) : "0";

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
