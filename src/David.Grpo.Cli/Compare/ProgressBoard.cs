using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Figures;
using David.Grpo.Reports;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>
/// Live progress of many runs. In a terminal a bar for the comparison and one for each run under way; a line a step elsewhere.
/// </summary>
internal sealed class ProgressBoard : IComparisonDisplay
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ComparisonProgress _progress;
    private readonly ConcurrentDictionary<ComparedRun, double> _exactMatch = new();
    private readonly ConcurrentDictionary<ComparedRun, ProgressTask> _bars = new();
    private readonly TaskCompletionSource _end = new();
    private readonly Task _display = Task.CompletedTask;
    private readonly ProgressContext? _context;
    private readonly ProgressTask? _whole;

    private ProgressBoard(IReadOnlyList<ComparedRun> runs)
    {
        _progress = new ComparisonProgress(runs);
        if (!AnsiConsole.Profile.Capabilities.Interactive || Console.IsOutputRedirected)
            return;
        TaskCompletionSource<ProgressContext> ready = new();
        _display = AnsiConsole
            .Progress()
            .AutoClear(false)
            .HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 })
            .StartAsync(async context =>
            {
                ready.SetResult(context);
                await _end.Task;
            });
        _context = ready.Task.Result;
        // One more than there is, so that it is never complete, which would hide it.
        _whole = _context.AddTask(Whole(), maxValue: _progress.Budget + 1);
    }

    public static ProgressBoard Start(IReadOnlyList<ComparedRun> runs) => new(runs);

    /// <summary>Shows an event of a run; may be called from any thread.</summary>
    public void Report(ComparedRun run, RunEvent happened)
    {
        switch (happened)
        {
            case RunEvent.Evaluated { Metrics: var metrics }:
                _exactMatch[run] = metrics.ExactMatch;
                Tell(
                    run,
                    $"evaluated {metrics.Questions} questions: EM {Percent(metrics.ExactMatch)}, coverage {Percent(metrics.Coverage)}, {Number(metrics.SearchesPerQuestion)} searches a question",
                    $"EM {Percent(metrics.ExactMatch)}"
                );
                break;
            case RunEvent.Stepped { Metrics: var metrics }:
                _progress.Spend(run, metrics.Rollouts);
                string latest =
                    $"step {metrics.Step, 2}  reward {Number(metrics.Reward)}  EM {(_exactMatch.TryGetValue(run, out double em) ? Percent(em) : "–")}  {Number(metrics.SearchesPerQuestion)} searches";
                Tell(
                    run,
                    $"{latest}  {metrics.Rollouts}/{run.Options.Rollouts} rollouts  {Whole()}",
                    latest,
                    metrics.Rollouts
                );
                break;
            case RunEvent.Resumed resumed:
                _progress.Resume(run, resumed.Rollouts);
                Tell(run, $"goes on after step {resumed.Step}", $"step {resumed.Step, 2}", resumed.Rollouts);
                break;
        }
    }

    /// <summary>Shows that a run is finished; may be called from any thread.</summary>
    public void End(ComparedRun run)
    {
        _progress.End(run);
        if (_bars.TryRemove(run, out ProgressTask? bar))
            bar.StopTask();
        ShowWhole();
    }

    public void Dispose()
    {
        foreach (ProgressTask bar in _bars.Values)
            bar.StopTask();
        _end.TrySetResult();
        _display.Wait();
    }

    /// <summary>A line, or what stands at the run's bar.</summary>
    private void Tell(ComparedRun run, string line, string latest, int? rollouts = null)
    {
        if (_context is null)
        {
            Console.WriteLine($"{run.Name, -13} seed {run.Seed, -3} {line}");
            return;
        }
        ProgressTask bar = _bars.GetOrAdd(
            run,
            started => _context.AddTask(Markup.Escape(started.Name), maxValue: started.Options.Rollouts + 1)
        );
        string name = PlainText.Shorten(20, [run.Name])[0];
        bar.Description = Markup.Escape($"{name, -20} seed {run.Seed, -3} {latest, -44}");
        bar.Value = rollouts ?? bar.Value;
        ShowWhole();
    }

    private void ShowWhole()
    {
        if (_whole is null)
            return;
        _whole.Description = Whole();
        _whole.Value = _progress.Done;
    }

    private string Whole() => _progress.Whole(_clock.Elapsed);

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
