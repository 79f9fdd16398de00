using System.Text.Json;
using David.Grpo.Comparisons;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>What a method is, in words.</summary>
/// <param name="Source">Paper and code that it follows.</param>
/// <param name="Deviations">Where it departs from them.</param>
/// <param name="WarmUp">What comes before the main phase: "expert bootstrapping", "nothing".</param>
/// <param name="Reward">"gated, λ 0.5".</param>
/// <param name="Objective">With the mean over tokens: "clipped surrogate, question mean".</param>
/// <param name="Advantage">How rewards become advantages.</param>
/// <param name="Exploration">What is added to a group.</param>
public sealed record ArmFacts(
    string Source,
    string[] Deviations,
    string WarmUp,
    string Reward,
    string Exploration,
    string Advantage,
    string Objective
)
{
    /// <summary>The facts of a method.</summary>
    public static ArmFacts Of(Arm arm)
    {
        static string Words(string name) => name.Replace('_', ' ');
        return new ArmFacts(
            arm.Source,
            arm.Deviations,
            arm.WarmUp switch
            {
                Grpo.WarmUp.Bootstrapping => "expert bootstrapping",
                Grpo.WarmUp.Imitation => arm.HasMain ? "imitation" : "imitation only",
                _ => "nothing",
            },
            Words(arm.Reward.Name),
            Words(arm.Exploration.Name),
            Words(arm.Advantage.Name) + (arm.HasCritic ? " of a critic" : ""),
            $"{Words(arm.Objective.Name)}, {Words(JsonNamingPolicy.SnakeCaseLower.ConvertName(arm.Objective.Aggregation.ToString()))}"
        );
    }
}

/// <summary>An arm or variant of a comparison as reports show it.</summary>
/// <param name="Name">In the comparison, in files.</param>
/// <param name="Title">On pages and in tables; no other has it.</param>
/// <param name="Method">The options that it ran with.</param>
/// <param name="Facts">What the arm is.</param>
public sealed record ReportedArm(string Name, string Title, ArmFacts Facts, MethodOptions Method)
{
    /// <summary>The arms of a comparison in the order of its runs. A variant's title is its name, if it has none of its own.</summary>
    public static ReportedArm[] Of(IReadOnlyList<ComparedRun> runs)
    {
        ReportedArm[] arms =
        [
            .. runs.DistinctBy(run => run.Name)
                .Select(run =>
                {
                    MethodOptions method = run.Options.Method;
                    Arm arm = run.Arm(
                        run.Options.IsText ? TaskRewards.OfText(_ => null) : TaskRewards.OfTags(_ => null)
                    );
                    return new ReportedArm(
                        run.Name,
                        run.Title ?? (run.Name == arm.Name ? arm.Title : run.Name),
                        ArmFacts.Of(arm),
                        method
                    );
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
/// <param name="Best">The learning rate that was taken.</param>
/// <param name="ExactMatch">By learning rate, means over seeds.</param>
/// <param name="Arm">Its name.</param>
public sealed record TunedArm(string Arm, double Best, double[] ExactMatch);

/// <summary>How learning rates were chosen, on seeds and a world of its own.</summary>
/// <param name="Arms">Each with its rates.</param>
/// <param name="LearningRates">That were tried.</param>
/// <param name="Seeds">Of the trials.</param>
public sealed record TuningResult(double[] LearningRates, int Seeds, TunedArm[] Arms);
