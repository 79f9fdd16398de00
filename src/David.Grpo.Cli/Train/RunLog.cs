using System.Globalization;
using David.Grpo.Learning;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Cli;

/// <summary>A run's events as lines.</summary>
internal sealed class RunLog(RunFile file, TrainingTask task, Screen screen)
{
    private int _stepped;
    private double _stepSeconds;
    private double _evaluationSeconds;
    private int _step;
    private int _dead; // steps in a row in which no group taught anything
    private long? _generated = 0; // up to the last step; unknown after a resumption

    /// <summary>Of which it is told.</summary>
    private const int DeadSteps = 3;

    private int Steps =>
        file.Method.MainSteps
        + (
            file.Method.Create(task.Rewards).WarmUp != WarmUp.None && task.Experts.Count > 0
                ? file.Method.BootstrapSteps
                : 0
        );

    public void Tell(RunEvent happened)
    {
        switch (happened)
        {
            case RunEvent.Working working:
                screen.Progress(
                    Text(
                        $"step {Math.Min(_step + 1, Steps)}/{Steps}: {working.What}, {working.Done:N0} of {working.Of:N0} {working.Unit}"
                    )
                );
                break;
            case RunEvent.Resumed resumed:
                (_step, _generated) = (resumed.Step, null);
                screen.Line($"going on after step {resumed.Step} ({resumed.Rollouts} rollouts spent)");
                break;
            case RunEvent.Evaluated { Metrics: var metrics }:
                _evaluationSeconds = metrics.Seconds;
                screen.Line(
                    Text(
                        $"evaluation  after step {metrics.Step}: {metrics.Questions} questions, EM {metrics.ExactMatch:0.000}, F1 {metrics.F1:0.000}, coverage {metrics.Coverage:0.000}, searches {metrics.SearchesPerQuestion:0.00}, tokens {metrics.GeneratedTokens:0}, answered {metrics.Answered:P0}, {Time(metrics.Seconds)}"
                    )
                );
                if (metrics is { Answered: 0, SearchesPerQuestion: 0 })
                    screen.Line(
                        "            No episode searched or answered: the model does not follow the protocol, and rewards stay 0. "
                            + "Show it how: experts with method.bootstrap_steps above 0; or begin from a model that was taught to search."
                    );
                break;
            case RunEvent.Stepped { Metrics: var step, Budget: var budget }:
                Stepped(step, budget);
                break;
            case RunEvent.Saved saved:
                screen.Status($"checkpoint after step {saved.Step}");
                break;
        }
    }

    private void Stepped(StepMetrics step, int budget)
    {
        _dead = step.DeadGroups >= 1 ? _dead + 1 : 0;
        double seconds = step.RolloutSeconds + step.LearningSeconds;
        long? generated = step.GeneratedTokens - _generated;
        _stepped++;
        _stepSeconds += seconds;
        (_step, _generated) = (step.Step, step.GeneratedTokens);
        double left = (_stepSeconds / _stepped * (Steps - step.Step)) + _evaluationSeconds;
        screen.Line(
            Text(
                $"step {step.Step, 3}/{Steps} {step.Phase, -13} reward {step.Reward:0.000}, EM {step.ExactMatch:0.000}, coverage {step.Coverage:0.000}, searches {step.SearchesPerQuestion:0.00}, dead {step.DeadGroups:P0}"
            )
                + (step.Experts > 0 ? $", experts {step.Experts}" : "")
                + (step.Continued > 0 ? $", continued {step.Continued}, replaced {step.Replaced}" : "")
                + (step.Skipped > 0 ? $", SKIPPED {step.Skipped}" : "")
                + (step.FailedSearches > 0 ? $", failed searches {step.FailedSearches}" : "")
                + Text($", rollouts {step.Rollouts}/{budget}")
                + (
                    generated is not null
                        ? Text($", sampled {generated / Math.Max(1e-9, step.RolloutSeconds):0}/s")
                        : ""
                )
                + Text(
                    $", learned {step.LearnedTokens / Math.Max(1e-9, step.LearningSeconds):0}/s, {Time(seconds)}, left {Time(left)}"
                )
        );
        if (_dead == DeadSteps)
            screen.Line(
                Text(
                    $"            In {DeadSteps} steps all members of each group earned the same, so nothing was learned from rewards. "
                )
                    + "More rollouts a group, a higher temperature, easier questions or experts' examples may tell them apart; "
                    + "stop_after_dead_steps ends such a run."
            );
    }

    /// <summary>Seconds as people say them.</summary>
    public static string Time(double seconds) =>
        seconds switch
        {
            < 99.5 => Text($"{seconds:0.0} s"),
            < 3600 => Text($"{(int)seconds / 60} min {(int)seconds % 60} s"),
            _ => Text($"{(int)seconds / 3600} h {(int)seconds / 60 % 60} min"),
        };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
