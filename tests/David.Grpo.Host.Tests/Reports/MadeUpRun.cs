using David.Grpo.Host.Tests.Formats;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>A run's folder whose trajectories were never sampled: episodes of the embedded world as an expert would act.</summary>
internal sealed class MadeUpRun : IDisposable
{
    public const int Members = 5;

    private readonly Scratch _scratch = new();

    /// <param name="groups">Of five members each, 20 a step.</param>
    public MadeUpRun(int groups)
    {
        TrainingTask task = WorldTask.Create(seed: 1, trainingQuestions: 400, evaluationQuestions: 1, experts: 40);
        RunFolder folder = new(Folder, "made up");
        for (int first = 0; first < groups; first += 20)
        {
            int step = first / 20 + 1;
            folder.AppendMetrics(Metrics(step, task));
            folder.AppendTrajectories(
                Enumerable
                    .Range(first, Math.Min(20, groups - first))
                    .SelectMany(group =>
                        Enumerable.Range(0, Members).Select(member => Record(task, step, group, member))
                    )
            );
        }
    }

    public string Folder => _scratch.Folder;

    public void Dispose() => _scratch.Dispose();

    /// <summary>Of each group the first is right and the second answers nothing, the others are wrong.</summary>
    public static TrajectoryRecord Record(TrainingTask task, int step, int group, int member)
    {
        Trajectory expert = task.Experts[group % task.Experts.Count];
        int[] wrong = World.Tokenize("Jadon");
        Segment[] segments =
        [
            .. expert.Segments.Select(
                (segment, i) =>
                    segment.IsExpert
                        ? Act(
                            member > 1 && i == expert.Segments.Length - 1
                                ? [WorldTag.AnswerOpen, .. wrong, WorldTag.AnswerClose]
                                : segment.Tokens
                        )
                        : segment
            ),
        ];
        Trajectory trajectory = new(
            question: expert.Question,
            segments: member == 1 ? segments[..^1] : segments,
            searches: expert.Searches,
            refusedSearches: 0,
            ending: member switch
            {
                0 => expert.Ending,
                1 => Ending.Unanswered,
                _ => Ending.NewAnswered("Jadon"),
            },
            response: "",
            promptText: expert.PromptText
        );
        double answer = member == 0 ? 1 : 0;
        RewardParts parts = new(
            0.5 + answer / 2,
            answer,
            1,
            [new RewardTerm("coverage", 0.5, 1), new RewardTerm("exact_match", 0.5, answer)],
            []
        );
        int trained = Trajectory.TrainedTokens(trajectory);
        double advantage = member == 0 ? 2 : -0.5;
        return TrajectoryRecord.Of(
            new Member(trajectory, parts, tree: 0, Origin.Sampled, values: []),
            step,
            "main",
            group,
            member,
            TrajectoryRole.Member,
            [.. Enumerable.Repeat(advantage, trained)],
            [.. Enumerable.Repeat(advantage / (100 * trained), trained)],
            task.Protocol
        );
    }

    private static Segment Act(int[] tokens) =>
        Segment.NewAction(tokens, [.. tokens.Select((_, i) => -0.05 - 0.7 * (i % 4))], 3);

    private static StepMetrics Metrics(int step, TrainingTask task) =>
        new()
        {
            Step = step,
            Phase = "main",
            Rollouts = step * 20 * Members,
            GeneratedTokens = step * 1000,
            Searches = step * 200,
            OptimizerSteps = step,
            Reward = 0.6,
            Answer = 0.2,
            ExactMatch = 0.2,
            Coverage = 1,
            Terms = new Dictionary<string, double> { ["coverage"] = 1, ["exact_match"] = 0.2 },
            SearchesPerQuestion = 2,
            TokensPerRollout = 10,
            DeadGroups = 0,
            Experts = 0,
            Continued = 0,
            Replaced = 0,
            Dropped = 0,
            Loss = 0,
            GradientNorm = 1,
            ClipFraction = 0,
            ApproximateKl = 0,
            Entropy = 0.5,
            Skipped = 0,
            FailedSearches = 0,
            RolloutSeconds = 1,
            LearningSeconds = 1,
            LearnedTokens = 1000,
        };
}
