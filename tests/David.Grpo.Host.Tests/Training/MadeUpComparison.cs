using David.Grpo.Comparisons;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Training;

/// <summary>
/// Folders of finished runs with made-up numbers: 4 questions, a budget of 20 rollouts and a mark at 10. Every run is
/// evaluated after 0, 8 and 20 rollouts; by then it has sampled 10 tokens and made 2 searches a rollout, in 0.5 s each.
/// </summary>
internal sealed class MadeUpComparison : IDisposable
{
    private readonly Scratch scratch = new();

    public string Folder => scratch.Folder;

    public List<ComparedRun> Runs { get; } = [];

    /// <summary>A run whose questions are right at 8 and at 20 rollouts as the digits say: "0110", "1111".</summary>
    /// <param name="name">Of the run, if not the arm's.</param>
    /// <param name="under">The part of the folder that it goes to.</param>
    public void Add(
        string arm,
        long seed,
        string atMark,
        string atEnd,
        int searches = 1,
        string? name = null,
        string under = ""
    )
    {
        ComparedRun run = new(
            name ?? arm,
            seed,
            WorldRuns.Options(new WorldMethodOptions { Arm = arm }, seed, 20, 4, 10)
        );
        Runs.Add(run);
        RunFolder folder = new(Path.Combine(Folder, under, run.Folder), "fingerprint");
        folder.AppendMetrics(Evaluate(folder, step: 0, rollouts: 0, "0001", searches: 0));
        folder.AppendMetrics(Step(1, rollouts: 8));
        folder.AppendMetrics(Evaluate(folder, step: 1, rollouts: 8, atMark, searches));
        folder.AppendMetrics(Step(2, rollouts: 20));
        EvaluationMetrics last = Evaluate(folder, step: 2, rollouts: 20, atEnd, searches);
        folder.AppendMetrics(last);
        folder.WriteResult(
            new RunResult
            {
                Arm = arm,
                Seed = seed,
                Steps = 2,
                Spent = Cost.Zero,
                SkippedUpdates = 0,
                Times = new RunTimes(),
                Before = null,
                After = last,
                Stopped = false,
            }
        );
    }

    public void Dispose() => scratch.Dispose();

    private static EvaluationMetrics Evaluate(RunFolder folder, int step, int rollouts, string right, int searches)
    {
        double share = right.Count(digit => digit == '1') / (double)right.Length;
        folder.WriteOutcomes(
            step,
            right.Select(
                (digit, i) =>
                    new OutcomeRecord
                    {
                        Id = $"q{i}",
                        Kind = i % 2 == 0 ? "1-hop" : "2-hop",
                        Question = "who",
                        Answers = ["x"],
                        FinalAnswer = digit == '1' ? "x" : null,
                        ExactMatch = digit - '0',
                        F1 = digit - '0',
                        Coverage = 0.5,
                        Searches = searches,
                        GeneratedTokens = 5 * (searches + 1),
                        Ending = digit == '1' ? "answered" : "unanswered",
                        Queries = [],
                        Passages = [],
                        Response = "",
                    }
            )
        );
        return new EvaluationMetrics
        {
            Step = step,
            Rollouts = rollouts,
            Questions = right.Length,
            ExactMatch = share,
            F1 = share,
            Coverage = 0.5,
            SearchesPerQuestion = searches,
            GeneratedTokens = 5 * (searches + 1),
            Answered = share,
            Intervals = new Dictionary<string, double[]>(),
            ExactMatchByKind = new Dictionary<string, double>
            {
                ["2-hop"] = (right[1] - '0' + right[3] - '0') / 2.0,
                ["1-hop"] = (right[0] - '0' + right[2] - '0') / 2.0,
            },
            Seconds = 1,
        };
    }

    private static StepMetrics Step(int step, int rollouts) =>
        new()
        {
            Step = step,
            Phase = "main",
            Rollouts = rollouts,
            GeneratedTokens = 10 * rollouts,
            Searches = 2 * rollouts,
            OptimizerSteps = step,
            Reward = 0.25 * step,
            Answer = 0,
            ExactMatch = 0,
            Coverage = 0,
            Terms = new Dictionary<string, double> { ["answer"] = 0.25 * step },
            SearchesPerQuestion = 1,
            TokensPerRollout = 10,
            DeadGroups = 0.5,
            Experts = 0,
            Continued = 0,
            Replaced = 0,
            Dropped = 0,
            Loss = 0,
            GradientNorm = 1,
            ClipFraction = 0,
            ApproximateKl = 0,
            Entropy = 1,
            Skipped = 0,
            FailedSearches = 0,
            RolloutSeconds = 0.3,
            LearningSeconds = 0.2,
            LearnedTokens = 0,
        };
}
