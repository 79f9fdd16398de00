using System.Text.Json;

namespace David.Grpo.Runs;

/// <summary>What a run had spent at some point.</summary>
/// <param name="Seconds">Of sampling and learning.</param>
/// <param name="Rollouts">Spent, continuations included.</param>
/// <param name="GeneratedTokens">Sampled.</param>
/// <param name="Searches">Answered.</param>
public sealed record RunCost(int Rollouts, long GeneratedTokens, long Searches, double Seconds);

/// <summary>A run at a point of its budget.</summary>
/// <param name="Outcomes">By question.</param>
/// <param name="Spent">Until then.</param>
public sealed record RunPoint(RunCost Spent, OutcomeRecord[] Outcomes);

/// <summary>What a run left in its folder.</summary>
/// <param name="Evaluations">In the order made.</param>
/// <param name="Steps">In the order made.</param>
/// <param name="Folder">Of the run.</param>
public sealed record RunLines(string Folder, EvaluationMetrics[] Evaluations, StepMetrics[] Steps)
{
    /// <summary>Reads a run's metrics.jsonl.</summary>
    public static RunLines Read(string folder) =>
        new(
            folder,
            [.. RunFolder.ReadMetrics<EvaluationMetrics>(folder, "evaluation")],
            [.. RunFolder.ReadMetrics<StepMetrics>(folder, "step")]
        );

    /// <summary>Its last whole evaluation within a budget of rollouts.</summary>
    public RunPoint At(int rollouts)
    {
        EvaluationMetrics point = Evaluations.Last(evaluation =>
            evaluation.Rollouts <= rollouts && evaluation.Questions == Evaluations[0].Questions
        );
        return new RunPoint(
            SpentAfter(point.Step) with
            {
                Rollouts = point.Rollouts,
            },
            [
                .. File.ReadLines(RunFolder.Outcomes(Folder, point.Step))
                    .Select(line => JsonSerializer.Deserialize<OutcomeRecord>(line, RunJson.Line)!),
            ]
        );
    }

    /// <summary>What it had spent after some steps.</summary>
    public RunCost SpentAfter(int step)
    {
        StepMetrics[] before = [.. Steps.Where(own => own.Step <= step)];
        return before is []
            ? new RunCost(0, 0, 0, 0)
            : new RunCost(
                before[^1].Rollouts,
                before[^1].GeneratedTokens,
                before[^1].Searches,
                before.Sum(own => own.RolloutSeconds + own.LearningSeconds)
            );
    }
}
