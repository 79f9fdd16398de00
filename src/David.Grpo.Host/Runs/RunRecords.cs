using David.Grpo.Tasks;
using System.ComponentModel;
using David.Grpo.Training;

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

/// <summary>A line of an evaluation's outcomes: one question, what was answered and what it scored.</summary>
public sealed record OutcomeRecord
{
    /// <summary>The question's, unique within its data set.</summary>
    public required string Id { get; init; }

    /// <summary>The data set's own kind of question.</summary>
    public required string Kind { get; init; }

    /// <summary>Its text.</summary>
    public required string Question { get; init; }

    /// <summary>Accepted answers; the first is the official one.</summary>
    public required string[] Answers { get; init; }

    /// <summary>What was answered; null where nothing was.</summary>
    public required string? FinalAnswer { get; init; }

    /// <summary>1 if the answer is an accepted one, else 0.</summary>
    public required double ExactMatch { get; init; }

    /// <summary>Word overlap with the best accepted answer, in [0, 1].</summary>
    public required double F1 { get; init; }

    /// <summary>The share of the gold passages that were found, in [0, 1].</summary>
    public required double Coverage { get; init; }

    /// <summary>Answered searches.</summary>
    public required int Searches { get; init; }

    /// <summary>Tokens that the policy sampled.</summary>
    public required int GeneratedTokens { get; init; }

    /// <summary>"answered", "unanswered" or "truncated".</summary>
    public required string Ending { get; init; }

    /// <summary>What was searched for, in order.</summary>
    public required string[] Queries { get; init; }

    /// <summary>Ids of the passages found, by search, best first.</summary>
    public required string[][] Passages { get; init; }

    /// <summary>All that was written, results of searches included.</summary>
    public required string Response { get; init; }

    /// <summary>The outcomes of an evaluation, in the order of its questions.</summary>
    public static IEnumerable<OutcomeRecord> Of(EvaluationResult result) =>
        result.Trajectories.Zip(
            result.Outcomes,
            (trajectory, outcome) =>
                new OutcomeRecord
                {
                    Id = outcome.QuestionId,
                    Kind = outcome.Kind,
                    Question = trajectory.Question.Text,
                    Answers = trajectory.Question.Answers,
                    FinalAnswer = Trajectories.AnswerOrNull(trajectory),
                    ExactMatch = outcome.ExactMatch,
                    F1 = outcome.F1,
                    Coverage = outcome.Coverage,
                    Searches = trajectory.Searches.Length,
                    GeneratedTokens = Trajectories.GeneratedTokens(trajectory),
                    Ending = TrajectoryRecord.Name(trajectory.Ending),
                    Queries = [.. trajectory.Searches.Select(search => search.Query)],
                    Passages = TrajectoryRecord.Ids(trajectory),
                    Response = trajectory.Response,
                }
        );
}

/// <summary>What became of a trajectory in its group.</summary>
public enum TrajectoryRole
{
    /// <summary>It was learned from.</summary>
    Member,

    /// <summary>An expert or a fork took its place.</summary>
    Displaced,

    /// <summary>A fork that got no place.</summary>
    Candidate,

    /// <summary>The run's selection left it out.</summary>
    Unselected,
}

/// <summary>
/// A line of trajectories.jsonl.gz: one trajectory of a group, with all its tokens. Records of one step and group stand
/// together. What has a default here is not in the logs of earlier versions.
/// </summary>
public sealed record TrajectoryRecord
{
    /// <summary>The training step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>"bootstrapping" or "main".</summary>
    public required string Phase { get; init; }

    /// <summary>Names the question within the step: its index, experts' questions below 0.</summary>
    public required long Group { get; init; }

    /// <summary>
    /// Its place in the group as it was learned from, from 0; of a displaced one that which it had, candidates are numbered after
    /// the members.
    /// </summary>
    public required int Member { get; init; }

    /// <summary>What became of it.</summary>
    public TrajectoryRole Role { get; init; }

    /// <summary>The question's id in its data set; null where unknown.</summary>
    public string? QuestionId { get; init; }

    /// <summary>The data set's own kind of question.</summary>
    public string? Kind { get; init; }

    /// <summary>Searches that the question needs; 0 where unknown.</summary>
    public int Hops { get; init; }

    /// <summary>Ids of the gold passages; empty where the data set has none.</summary>
    public string[] Gold { get; init; } = [];

    /// <summary>Titles of the gold passages; empty where the data set has none.</summary>
    public string[] GoldTitles { get; init; } = [];

    /// <summary>The question's text.</summary>
    public required string Question { get; init; }

    /// <summary>Accepted answers; the first is the official one.</summary>
    public required string[] Answers { get; init; }

    /// <summary>The reward that the advantage was taken of.</summary>
    public required double Reward { get; init; }

    /// <summary>The answer term of the reward.</summary>
    public required double Answer { get; init; }

    /// <summary>The share of the gold passages that were found, in [0, 1].</summary>
    public required double Coverage { get; init; }

    /// <summary>Each term of the reward by itself, before weighing.</summary>
    public required IReadOnlyDictionary<string, double> Terms { get; init; }

    /// <summary>What each term is multiplied by.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>Of each trained token, in order; one number where all are equal. Empty where it was not learned from.</summary>
    public required double[] Advantage { get; init; }

    /// <summary>
    /// wₜÂₜ of each trained token, in order; one number where all are equal: what the update's policy term pushed its
    /// log-probability by. Null where unknown, empty where it was not learned from.
    /// </summary>
    public double[]? Slope { get; init; }

    /// <summary>Whether an expert wrote it.</summary>
    public required bool Expert { get; init; }

    /// <summary>Segments taken over from another member; 0 for none.</summary>
    public required int KeptSegments { get; init; }

    /// <summary>"answered", "unanswered" or "truncated".</summary>
    public required string Ending { get; init; }

    /// <summary>What was answered; null where nothing was.</summary>
    public required string? FinalAnswer { get; init; }

    /// <summary>What was searched for, in order.</summary>
    public required string[] Queries { get; init; }

    /// <summary>Ids of the passages found, by search, best first.</summary>
    public required string[][] Passages { get; init; }

    /// <summary>Of the passages.</summary>
    public string[][] Titles { get; init; } = [];

    /// <summary>What was written, in order; the first is the prompt.</summary>
    public required SegmentRecord[] Segments { get; init; }

    /// <summary>The record of a member of a group.</summary>
    /// <param name="advantages">Of each trained token; empty where it was not learned from.</param>
    /// <param name="slopes">Of each trained token; empty where it was not learned from.</param>
    public static TrajectoryRecord Of(
        Member member,
        int step,
        string phase,
        long group,
        int index,
        TrajectoryRole role,
        double[] advantages,
        double[] slopes,
        Rollout.IAgentProtocol protocol
    ) =>
        new()
        {
            Step = step,
            Phase = phase,
            Group = group,
            Member = index,
            Role = role,
            QuestionId = member.Trajectory.Question.Id,
            Kind = member.Trajectory.Question.Kind,
            Hops = member.Trajectory.Question.Hops,
            Gold = [.. member.Trajectory.Question.Gold.Select(id => id.Value)],
            GoldTitles = member.Trajectory.Question.GoldTitles,
            Question = member.Trajectory.Question.Text,
            Answers = member.Trajectory.Question.Answers,
            Reward = member.Reward.Total,
            Answer = member.Reward.Answer,
            Coverage = member.Reward.Coverage,
            Terms = member.Reward.Terms.ToDictionary(term => term.Name, term => term.Value),
            Weights = member.Reward.Terms.ToDictionary(term => term.Name, term => term.Weight),
            Advantage = Short(advantages),
            Slope = Short(slopes),
            Expert = member.Origin.IsExpert,
            KeptSegments = member.KeptSegments,
            Ending = Name(member.Trajectory.Ending),
            FinalAnswer = Trajectories.AnswerOrNull(member.Trajectory),
            Queries = [.. member.Trajectory.Searches.Select(search => search.Query)],
            Passages = Ids(member.Trajectory),
            Titles =
            [
                .. member.Trajectory.Searches.Select(search =>
                    search.Passages.Select(passage => passage.Title).ToArray()
                ),
            ],
            Segments = [.. member.Trajectory.Segments.Select(segment => SegmentRecord.Of(segment, protocol))],
        };

    private static double[] Short(double[] values) =>
        values.Distinct().Count() > 1 ? values : values[..Math.Min(1, values.Length)];

    internal static string Name(Ending ending) =>
        ending.IsAnswered ? "answered"
        : ending.IsTruncated ? "truncated"
        : "unanswered";

    internal static string[][] Ids(Trajectory trajectory) =>
        [.. trajectory.Searches.Select(search => search.Passages.Select(passage => passage.Id.Value).ToArray())];
}

/// <summary>A segment of a trajectory.</summary>
/// <param name="Author">"prompt", "policy", "observation" or "expert".</param>
/// <param name="Text">What it says, decoded by itself.</param>
/// <param name="Tokens">[n] ids.</param>
/// <param name="LogProbs">[n] at which the policy sampled them; null where it did not write them.</param>
/// <param name="Version">Optimizer steps that the sampling policy had seen; null where it did not write them.</param>
public sealed record SegmentRecord(string Author, string Text, int[] Tokens, double[]? LogProbs, int? Version)
{
    /// <summary>The record of a segment.</summary>
    public static SegmentRecord Of(Segment segment, Rollout.IAgentProtocol protocol)
    {
        string text = protocol.Decode(segment.Tokens);
        return segment switch
        {
            Segment.Action action => new SegmentRecord("policy", text, action.tokens, action.logProbs, action.version),
            Segment.Expert => new SegmentRecord("expert", text, segment.Tokens, null, null),
            Segment.Observation => new SegmentRecord("observation", text, segment.Tokens, null, null),
            _ => new SegmentRecord("prompt", text, segment.Tokens, null, null),
        };
    }
}
