using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>An arm or variant of a comparison as reports show it.</summary>
/// <param name="Name">In the comparison, in files.</param>
/// <param name="Title">On pages and in tables; no other has it.</param>
/// <param name="Arm">The method as a value, of which pages tell source and deviations.</param>
/// <param name="Method">The options that it ran with.</param>
public sealed record ReportedArm(string Name, string Title, Arm Arm, MethodOptions Method)
{
    /// <summary>The arms of a comparison in the order of its runs. A variant's title is its name.</summary>
    public static ReportedArm[] Of(IReadOnlyList<ComparedRun> runs)
    {
        ReportedArm[] arms =
        [
            .. runs.DistinctBy(run => run.Name)
                .Select(run =>
                {
                    MethodOptions method = run.Options.Method;
                    Arm arm =
                        run.Arm
                        ?? method.Create(
                            run.Options.IsText ? TaskRewards.OfText(_ => null) : TaskRewards.OfTags(_ => null)
                        );
                    return new ReportedArm(run.Name, run.Name == arm.Name ? arm.Title : run.Name, arm, method);
                }),
        ];
        return
        [
            .. arms.Select(arm =>
                arms.Count(other => other.Title == arm.Title) > 1 ? arm with { Title = arm.Name } : arm
            ),
        ];
    }
}

/// <summary>What the learning rates of a tuning reached, in exact match; [rates] in the order tried.</summary>
public sealed record TunedArm(string Arm, double Best, double[] ExactMatch);

/// <summary>How learning rates were chosen, on seeds and a world of its own.</summary>
public sealed record TuningResult(double[] LearningRates, int Seeds, TunedArm[] Arms);
