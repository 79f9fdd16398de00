using David.Grpo.Learning;
using David.Grpo.Rollout;
using David.Grpo.Runs;

namespace David.Grpo.Training;

/// <summary>A trajectory of a group that is not learned from.</summary>
/// <param name="Index">Its place in the group, or its number behind the members.</param>
internal sealed record Unlearned(long Group, int Index, TrajectoryRole Role, Member Member);

/// <summary>What a step, or a part of one, has done.</summary>
internal sealed record StepWork
{
    public IReadOnlyList<Member> Sampled { get; init; } = [];

    /// <summary>What was sampled and is not learned from: another took its place, or it got none.</summary>
    public IReadOnlyList<Unlearned> Unlearned { get; init; } = [];
    public int Experts { get; init; }
    public int Continued { get; init; }
    public int Replaced { get; init; }
    public int Dropped { get; init; }
    public int FailedSearches { get; init; }
    public double RolloutSeconds { get; init; }

    public static StepWork operator +(StepWork a, StepWork b) =>
        new()
        {
            Sampled = [.. a.Sampled, .. b.Sampled],
            Unlearned = [.. a.Unlearned, .. b.Unlearned],
            Experts = a.Experts + b.Experts,
            Continued = a.Continued + b.Continued,
            Replaced = a.Replaced + b.Replaced,
            Dropped = a.Dropped + b.Dropped,
            FailedSearches = a.FailedSearches + b.FailedSearches,
            RolloutSeconds = a.RolloutSeconds + b.RolloutSeconds,
        };

    public StepMetrics ToMetrics(
        int step,
        Phase phase,
        Cost spent,
        UpdateReport report,
        double deadGroups,
        double learningSeconds
    )
    {
        double Mean(Func<Member, double> pick) => Sampled.Count == 0 ? 0 : Sampled.Average(pick);
        return new StepMetrics
        {
            Step = step,
            Phase = phase switch
            {
                Phase.Bootstrapping => "bootstrapping",
                Phase.Imitation => "imitation",
                _ => "main",
            },
            Rollouts = spent.Rollouts,
            GeneratedTokens = spent.GeneratedTokens,
            Searches = spent.Searches,
            OptimizerSteps = spent.OptimizerSteps + report.OptimizerSteps,
            Reward = Mean(member => member.Reward.Total),
            Answer = Mean(member => member.Reward.Answer),
            ExactMatch = Mean(member => member.IsRight ? 1 : 0),
            Terms = Sampled
                .SelectMany(member => member.Reward.Terms)
                .GroupBy(term => term.Name)
                .ToDictionary(terms => terms.Key, terms => terms.Average(term => term.Value)),
            Coverage = Mean(member => member.Reward.Coverage),
            SearchesPerQuestion = Mean(member => member.Trajectory.Searches.Length),
            TokensPerRollout = Mean(member => Trajectory.GeneratedTokens(member.Trajectory)),
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

    /// <summary>What trajectories.jsonl.gz says of the step: the groups' members as they were learned from, then what was not.</summary>
    public IEnumerable<TrajectoryRecord> ToTrajectories(
        IReadOnlyList<Group> groups,
        double[][][] advantages,
        double[][][] slopes,
        StepMetrics step,
        IAgentProtocol protocol
    )
    {
        ILookup<long, Unlearned> unlearned = Unlearned.ToLookup(left => left.Group);
        TrajectoryRecord Record(
            long group,
            Member member,
            int index,
            TrajectoryRole role,
            double[] advantage,
            double[] slope
        ) => TrajectoryRecord.Of(member, step.Step, step.Phase, group, index, role, advantage, slope, protocol);
        for (int g = 0; g < groups.Count; g++)
        {
            for (int i = 0; i < groups[g].Members.Length; i++)
                yield return Record(
                    groups[g].Key,
                    groups[g].Members[i],
                    i,
                    TrajectoryRole.Member,
                    advantages[g][i],
                    slopes[g][i]
                );
            foreach (Unlearned left in unlearned[groups[g].Key])
                yield return Record(left.Group, left.Member, left.Index, left.Role, [], []);
        }
        HashSet<long> learned = [.. groups.Select(group => group.Key)];
        foreach (Unlearned left in unlearned.Where(own => !learned.Contains(own.Key)).SelectMany(own => own))
            yield return Record(left.Group, left.Member, left.Index, left.Role, [], []);
    }
}
