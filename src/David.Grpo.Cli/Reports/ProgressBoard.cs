using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using David.Grpo.Training;
using Spectre.Console;

namespace David.Grpo.Cli.Reports;

/// <summary>Live progress of many runs: a bar a run in a terminal, a line a step elsewhere.</summary>
internal sealed class ProgressBoard : IDisposable
{
    private readonly ConcurrentDictionary<ComparedRun, string> _latest = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly IReadOnlyList<ComparedRun> _runs;
    private readonly ConcurrentDictionary<ComparedRun, int> _spent = new();
    private readonly ConcurrentDictionary<ComparedRun, double> _exactMatch = new();
    private readonly Dictionary<ComparedRun, ProgressTask> _tasks = [];
    private readonly TaskCompletionSource _end = new();
    private readonly Task _display = Task.CompletedTask;
    private readonly bool _bars;

    private ProgressBoard(IReadOnlyList<ComparedRun> runs)
    {
        _runs = runs;
        _bars = AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected;
        if (!_bars)
            return;
        TaskCompletionSource ready = new();
        _display = AnsiConsole
            .Progress()
            .AutoClear(false)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = 20 },
                new PercentageColumn(),
                new RemainingTimeColumn()
            )
            .StartAsync(async context =>
            {
                foreach (ComparedRun run in runs)
                    _tasks.Add(run, context.AddTask(Label(run), maxValue: Math.Max(1, run.Options.Rollouts)));
                ready.SetResult();
                await _end.Task;
            });
        ready.Task.Wait();
    }

    public static ProgressBoard Start(IReadOnlyList<ComparedRun> runs) => new(runs);

    /// <summary>Shows an event of a run; may be called from any thread.</summary>
    public void Report(ComparedRun run, RunEvent happened)
    {
        switch (happened)
        {
            case RunEvent.Evaluated { Metrics: var metrics }:
                _exactMatch[run] = metrics.ExactMatch;
                if (!_bars)
                    Line(
                        run,
                        $"evaluated {metrics.Questions} questions: EM {Percent(metrics.ExactMatch)}, coverage {Percent(metrics.Coverage)}, {Number(metrics.SearchesPerQuestion)} searches a question"
                    );
                break;
            case RunEvent.Stepped { Metrics: var metrics }:
                _spent[run] = metrics.Rollouts;
                _latest[run] =
                    $"step {metrics.Step, 2}  reward {Number(metrics.Reward)}  EM {(_exactMatch.TryGetValue(run, out double em) ? Percent(em) : "–")}  {Number(metrics.SearchesPerQuestion)} searches";
                if (!_bars)
                    Line(run, $"{_latest[run]}  {metrics.Rollouts}/{run.Options.Rollouts} rollouts  {Left()}");
                break;
            case RunEvent.Resumed resumed:
                _spent[run] = resumed.Rollouts;
                if (!_bars)
                    Line(run, $"goes on after step {resumed.Step}");
                break;
        }
        if (_bars && _tasks.TryGetValue(run, out ProgressTask? task))
        {
            task.Description = Label(run);
            task.Value = _spent.GetValueOrDefault(run);
        }
    }

    public void Dispose()
    {
        foreach (ProgressTask task in _tasks.Values)
            task.StopTask();
        _end.TrySetResult();
        _display.Wait();
    }

    private string Label(ComparedRun run) =>
        $"{run.Name, -13} seed {run.Seed, -3} {_latest.GetValueOrDefault(run, "waiting"), -48}";

    private void Line(ComparedRun run, string text) => Console.WriteLine($"{run.Name, -13} seed {run.Seed, -3} {text}");

    /// <summary>Time left by rollouts done, over all runs.</summary>
    private string Left()
    {
        double share = _spent.Values.Sum() / (double)Math.Max(1, _runs.Sum(run => run.Options.Rollouts));
        return share < 0.02
            ? ""
            : $"about {TimeSpan.FromSeconds(_clock.Elapsed.TotalSeconds * (1 - share) / share):m\\:ss} left";
    }

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
