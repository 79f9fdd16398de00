using System.ComponentModel;
using David.Grpo.Tasks;

namespace David.Grpo.Runs;

/// <summary>A line of metrics.jsonl of kind "step": what one training step did.</summary>
public sealed record StepMetrics
{
    /// <summary>What the line is.</summary>
    public string Kind => "step";

    /// <summary>From 1.</summary>
    public required int Step { get; init; }

    /// <summary>"imitation", "bootstrapping" or "main".</summary>
    public required string Phase { get; init; }

    /// <summary>Rollouts spent so far, continuations included.</summary>
    [Category(Spent)]
    public required int Rollouts { get; init; }

    /// <summary>Tokens sampled so far.</summary>
    [Category(Spent)]
    public required long GeneratedTokens { get; init; }

    /// <summary>Searches answered so far.</summary>
    [Category(Spent)]
    public required long Searches { get; init; }

    /// <summary>Optimizer steps so far.</summary>
    [Category(Spent)]
    public required int OptimizerSteps { get; init; }

    /// <summary>
    /// Mean reward of this step's own rollouts; experts and continuations are left out, as in all means of a step.
    /// </summary>
    [Category(Rollout)]
    public required double Reward { get; init; }

    /// <summary>Mean of the reward's answer term, as the arm scores an answer.</summary>
    [Category(Rollout)]
    public required double Answer { get; init; }

    /// <summary>The share of rollouts whose answer is an accepted one, normalised as SQuAD does.</summary>
    [Category(Rollout)]
    public required double ExactMatch { get; init; }

    /// <summary>Mean evidence coverage: the share of the gold passages that were found, in [0, 1].</summary>
    [Category(Rollout)]
    public required double Coverage { get; init; }

    /// <summary>Means of the terms of the reward, each by itself, before weighing.</summary>
    [Category(RewardTerms)]
    public required IReadOnlyDictionary<string, double> Terms { get; init; }

    /// <summary>Of spending, at which this step's rewards were taken: what a unit takes off the reward.</summary>
    [Category(Rollout)]
    public double Price { get; init; }

    /// <summary>Mean answered searches of a rollout.</summary>
    [Category(Rollout)]
    public required double SearchesPerQuestion { get; init; }

    /// <summary>Mean tokens that the policy sampled in a rollout.</summary>
    [Category(Rollout)]
    public required double TokensPerRollout { get; init; }

    /// <summary>The share of groups whose rewards are all equal, after experts and continuations; they teach nothing.</summary>
    [Category(Groups)]
    public required double DeadGroups { get; init; }

    /// <summary>Groups that an expert joined.</summary>
    [Category(Groups)]
    public required int Experts { get; init; }

    /// <summary>Groups that were continued.</summary>
    [Category(Groups)]
    public required int Continued { get; init; }

    /// <summary>Groups in which a continuation took a member's place.</summary>
    [Category(Groups)]
    public required int Replaced { get; init; }

    /// <summary>Trajectories dropped because no reward could be computed.</summary>
    [Category(Groups)]
    public required int Dropped { get; init; }

    /// <summary>Mean loss of this step's updates.</summary>
    [Category(Updates)]
    public required double Loss { get; init; }

    /// <summary>Mean Euclidean norm of the gradient of this step's updates, before clipping.</summary>
    [Category(Updates)]
    public required double GradientNorm { get; init; }

    /// <summary>The share of trained tokens whose ratio was clipped, on either side.</summary>
    [Category(Updates)]
    public required double ClipFraction { get; init; }

    /// <summary>Estimated divergence of the policy from the one that sampled, a token, in nats.</summary>
    [Category(Updates)]
    public required double ApproximateKl { get; init; }

    /// <summary>Mean entropy of the policy at the trained tokens, in nats; 0 where it was not computed.</summary>
    [Category(Updates)]
    public required double Entropy { get; init; }

    /// <summary>KL(sampler‖learner) by token, k3, in nats; 0 where old log-probabilities are the sampler's own.</summary>
    [Category(Updates)]
    public double SamplerKl { get; init; }

    /// <summary>Updates left out because a loss or a gradient was not finite.</summary>
    [Category(Updates)]
    public required int Skipped { get; init; }

    /// <summary>Searches that failed and were told to the policy as such.</summary>
    [Category(Rollout)]
    public required int FailedSearches { get; init; }

    /// <summary>Seconds of sampling in this step.</summary>
    [Category(Seconds)]
    public required double RolloutSeconds { get; init; }

    /// <summary>Seconds of learning in this step.</summary>
    [Category(Seconds)]
    public required double LearningSeconds { get; init; }

    /// <summary>Tokens of the sequences learned from in this step, all epochs.</summary>
    [Category(Updates)]
    public required long LearnedTokens { get; init; }

    private const string Spent = "spent";
    private const string Rollout = "rollouts";
    private const string RewardTerms = "reward_terms";
    private const string Groups = "groups";
    private const string Updates = "updates";
    private const string Seconds = "seconds";
}

/// <summary>A line of metrics.jsonl of kind "evaluation".</summary>
public sealed record EvaluationMetrics
{
    /// <summary>What the line is.</summary>
    public string Kind => "evaluation";

    /// <summary>Steps made before it.</summary>
    public required int Step { get; init; }

    /// <summary>Rollouts spent before it.</summary>
    public required int Rollouts { get; init; }

    /// <summary>Questions that were answered, the first ones of the evaluation's.</summary>
    public required int Questions { get; init; }

    /// <summary>The share of questions answered with an accepted answer.</summary>
    [Category(Group)]
    public required double ExactMatch { get; init; }

    /// <summary>Mean word overlap with the best accepted answer, in [0, 1].</summary>
    [Category(Group)]
    public required double F1 { get; init; }

    /// <summary>Mean evidence coverage: the share of the gold passages that were found, in [0, 1].</summary>
    [Category(Group)]
    public required double Coverage { get; init; }

    /// <summary>Mean answered searches of a question.</summary>
    [Category(Group)]
    public required double SearchesPerQuestion { get; init; }

    /// <summary>Mean tokens that the policy sampled for a question.</summary>
    [Category(Group)]
    public required double GeneratedTokens { get; init; }

    /// <summary>The share of questions with a final answer.</summary>
    [Category(Group)]
    public required double Answered { get; init; }

    /// <summary>
    /// 95 % percentile-bootstrap intervals over questions, [low, high], by the names of the means; empty for one question.
    /// </summary>
    [Category(Group + "_intervals")]
    public required IReadOnlyDictionary<string, double[]> Intervals { get; init; }

    /// <summary>Exact match by kind of question.</summary>
    [Category(Group + "_exact_match")]
    public required IReadOnlyDictionary<string, double> ExactMatchByKind { get; init; }

    /// <summary>Seconds that the evaluation took.</summary>
    [Category("seconds")]
    [DisplayName("evaluation_seconds")]
    public required double Seconds { get; init; }

    private const string Group = "evaluation";

    /// <summary>The metrics of an evaluation that was made at a point of a run.</summary>
    public static EvaluationMetrics Of(EvaluationResult result, int step, int rollouts, double seconds)
    {
        Summary summary = result.Summary;
        (string Name, MeanEstimate Mean)[] means =
        [
            ("exact_match", summary.ExactMatch),
            ("f1", summary.F1),
            ("coverage", summary.Coverage),
            ("searches_per_question", summary.Searches),
            ("generated_tokens", summary.GeneratedTokens),
            ("answered", summary.Answered),
        ];
        Dictionary<string, double[]> intervals = [];
        foreach ((string name, MeanEstimate mean) in means)
            if (mean.Interval is Interval.Between between)
                intervals.Add(name, [between.low, between.high]);
        return new EvaluationMetrics
        {
            Step = step,
            Rollouts = rollouts,
            Questions = summary.Questions,
            ExactMatch = summary.ExactMatch.Mean,
            F1 = summary.F1.Mean,
            Coverage = summary.Coverage.Mean,
            SearchesPerQuestion = summary.Searches.Mean,
            GeneratedTokens = summary.GeneratedTokens.Mean,
            Answered = summary.Answered.Mean,
            Intervals = intervals,
            ExactMatchByKind = result
                .Outcomes.GroupBy(outcome => outcome.Kind)
                .OrderBy(kind => kind.Key, StringComparer.Ordinal)
                .ToDictionary(kind => kind.Key, kind => kind.Average(outcome => outcome.ExactMatch)),
            Seconds = seconds,
        };
    }
}
