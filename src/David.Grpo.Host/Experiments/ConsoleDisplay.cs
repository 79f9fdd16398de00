using System.Diagnostics;
using System.Globalization;
using David.Grpo.Comparisons;
using David.Grpo.Reports;
using David.Grpo.Runs;

namespace David.Grpo.Experiments;

/// <summary>
/// How runs get on, with the time that is left: in a terminal a line that is overwritten, and one that stays for each finished
/// run; plain lines where output goes elsewhere, one for each finished run and one a minute between.
/// </summary>
public sealed class ConsoleDisplay : IComparisonDisplay
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly TextWriter _writer;
    private readonly bool _isTerminal;
    private readonly ComparisonProgress _progress;
    private readonly Dictionary<ComparedRun, EvaluationMetrics> _evaluated = [];
    private readonly HashSet<ComparedRun> _begun = [];
    private readonly int _width;
    private TimeSpan _told;
    private int _ended;
    private int _endedBefore;

    /// <param name="runs">All that will be run, finished ones too.</param>
    public ConsoleDisplay(IReadOnlyList<ComparedRun> runs)
        : this(runs, Console.Out, !Console.IsOutputRedirected) { }

    internal ConsoleDisplay(IReadOnlyList<ComparedRun> runs, TextWriter writer, bool isTerminal)
    {
        (_writer, _isTerminal) = (writer, isTerminal);
        _progress = new ComparisonProgress(runs);
        _width = runs.Max(run => run.Name.Length);
        Status($"{runs.Count} run{(runs.Count == 1 ? "" : "s")} of {_progress.Budget} rollouts");
    }

    public void Report(ComparedRun run, RunEvent happened)
    {
        lock (_lock)
        {
            _begun.Add(run);
            switch (happened)
            {
                case RunEvent.Evaluated { Metrics: var metrics }:
                    _evaluated[run] = metrics;
                    break;
                case RunEvent.Stepped { Metrics: var step }:
                    _progress.Spend(run, step.Rollouts);
                    Status(
                        $"{run.Name} seed {run.Seed}: {step.Rollouts}/{run.Options.Rollouts} rollouts, reward {Text("F2", step.Reward)}; {_progress.Whole(_clock.Elapsed)}"
                    );
                    break;
                case RunEvent.Resumed resumed:
                    _progress.Resume(run, resumed.Rollouts);
                    Line($"{Label(run)}goes on after {resumed.Rollouts} rollouts");
                    break;
            }
        }
    }

    public void End(ComparedRun run)
    {
        lock (_lock)
        {
            _progress.End(run);
            _ended++;
            if (!_begun.Contains(run))
                _endedBefore++;
            else if (_evaluated.TryGetValue(run, out EvaluationMetrics? last))
                Line(
                    $"{Label(run)}EM {Text("F1", 100 * last.ExactMatch)} %, coverage {Text("F1", 100 * last.Coverage)} %, {Text("F2", last.SearchesPerQuestion)} searches a question; {_progress.Whole(_clock.Elapsed)}"
                );
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            Erase();
            if (_endedBefore > 0)
                _writer.WriteLine(
                    _endedBefore == _ended
                        ? "All runs were finished before; nothing was run."
                        : $"{_endedBefore} of the {_ended} runs were finished before and not run again."
                );
            _writer.Flush();
        }
    }

    private string Label(ComparedRun run) => $"{run.Name.PadRight(_width)} seed {run.Seed, -3} ";

    private void Line(string text)
    {
        Erase();
        _writer.WriteLine(text);
        _writer.Flush();
        _told = _clock.Elapsed;
    }

    private void Status(string text)
    {
        if (_isTerminal)
        {
            int room = Math.Max(20, WindowWidth() - 1);
            _writer.Write("\r" + (text.Length > room ? text[..room] : text) + "\u001b[K");
            _writer.Flush();
        }
        else if (_clock.Elapsed - _told > Silence)
            Line(text);
    }

    private void Erase()
    {
        if (_isTerminal)
            _writer.Write("\r\u001b[K");
    }

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }

    private static string Text(string format, double value) => value.ToString(format, CultureInfo.InvariantCulture);
}
