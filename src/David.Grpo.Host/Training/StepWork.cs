using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Training;

/// <summary>A trajectory of a group that is not learned from.</summary>
/// <param name="Index">Its place in the group, or its number behind the members.</param>
internal sealed record Unlearned(long Group, int Index, TrajectoryRole Role, Member Member);

/// <summary>What the step under way has done so far.</summary>
internal sealed class StepWork
{
    public Phase Phase { get; init; }
    public List<Member> Sampled { get; } = [];

    /// <summary>What was sampled and is not learned from: another took its place, or it got none.</summary>
    public List<Unlearned> Unlearned { get; } = [];
    public int Experts { get; set; }
    public int Continued { get; set; }
    public int Replaced { get; set; }
    public int Dropped { get; set; }
    public int FailedSearches { get; set; }
    public double RolloutSeconds { get; set; }

    public StepMetrics ToMetrics(int step, Cost spent, UpdateReport report, double deadGroups, double learningSeconds)
    {
        double Mean(Func<Member, double> pick) => Sampled.Count == 0 ? 0 : Sampled.Average(pick);
        return new StepMetrics
        {
            Step = step,
            Phase = Phase switch
            {
                Phase.Bootstrapping => "bootstrapping",
                Phase.Imitation => "imitation",
                _ => "main",
            },
            Rollouts = spent.Rollouts,
            GeneratedTokens = spent.GeneratedTokens,
            Searches = spent.Searches,
            OptimizerSteps = spent.OptimizerSteps + report.OptimizerSteps,
            Reward = Mean(member => member.Reward),
            Answer = Mean(member => member.Parts.Answer),
            ExactMatch = Mean(member =>
                Trajectories.AnswerOrNull(member.Trajectory) is { } answer
                && Grpo.Answer.ExactMatch(answer, member.Trajectory.Question.Answers)
                    ? 1
                    : 0
            ),
            Terms = Sampled
                .SelectMany(member => member.Parts.Terms)
                .GroupBy(term => term.Name)
                .ToDictionary(terms => terms.Key, terms => terms.Average(term => term.Value)),
            Coverage = Mean(member => member.Parts.Coverage),
            SearchesPerQuestion = Mean(member => member.Trajectory.Searches.Length),
            TokensPerRollout = Mean(member => Trajectories.GeneratedTokens(member.Trajectory)),
            DeadGroups = deadGroups,
            Experts = Experts,
            Continued = Continued,
            Replaced = Replaced,
            Dropped = Dropped,
            Loss = report.Loss,
            GradientNorm = report.GradientNorm,
            ClipFraction = report.Diagnostics.ClipFractionLow + report.Diagnostics.ClipFractionHigh,
            ApproximateKl = report.Diagnostics.ApproximateKl,
            SamplerKl = report.SamplerKl,
            Entropy = report.Diagnostics.MeanEntropy,
            Skipped = report.Skipped,
            FailedSearches = FailedSearches,
            RolloutSeconds = RolloutSeconds,
            LearningSeconds = learningSeconds,
            LearnedTokens = report.Tokens,
        };
    }
}
