using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace David.Grpo.Training;

/// <summary>A line of metrics.jsonl of kind "step": what one training step did.</summary>
public sealed record StepMetrics
{
    public string Kind => "step";

    /// <summary>From 1.</summary>
    public required int Step { get; init; }

    /// <summary>"imitation", "bootstrapping" or "main".</summary>
    public required string Phase { get; init; }

    /// <summary>Rollouts spent so far, continuations included.</summary>
    public required int Rollouts { get; init; }

    /// <summary>Tokens sampled so far.</summary>
    public required long GeneratedTokens { get; init; }

    /// <summary>Searches answered so far.</summary>
    public required long Searches { get; init; }

    /// <summary>Optimizer steps so far.</summary>
    public required int OptimizerSteps { get; init; }

    /// <summary>Means over this step's own rollouts, experts and continuations left out.</summary>
    public required double Reward { get; init; }
    public required double Answer { get; init; }
    public required double ExactMatch { get; init; }
    public required double Coverage { get; init; }

    /// <summary>Each term of the reward by itself, before weighing.</summary>
    public required IReadOnlyDictionary<string, double> Terms { get; init; }

    /// <summary>Of spending, at which this step's rewards were taken.</summary>
    public double Price { get; init; }
    public required double SearchesPerQuestion { get; init; }
    public required double TokensPerRollout { get; init; }

    /// <summary>The share of groups whose rewards are all equal, after experts and continuations.</summary>
    public required double DeadGroups { get; init; }

    /// <summary>Groups that an expert joined.</summary>
    public required int Experts { get; init; }

    /// <summary>Groups that were continued, and those in which a continuation took a member's place.</summary>
    public required int Continued { get; init; }
    public required int Replaced { get; init; }

    /// <summary>Trajectories dropped because no reward could be computed.</summary>
    public required int Dropped { get; init; }

    public required double Loss { get; init; }
    public required double GradientNorm { get; init; }
    public required double ClipFraction { get; init; }
    public required double ApproximateKl { get; init; }
    public required double Entropy { get; init; }

    /// <summary>KL(sampler‖learner) by token, k3, in nats; 0 where old log-probabilities are the sampler's own.</summary>
    public double SamplerKl { get; init; }

    /// <summary>Updates left out because a loss or a gradient was not finite.</summary>
    public required int Skipped { get; init; }

    /// <summary>Searches that failed and were told to the policy as such.</summary>
    public required int FailedSearches { get; init; }

    public required double RolloutSeconds { get; init; }
    public required double LearningSeconds { get; init; }

    /// <summary>Tokens of the sequences learned from, all epochs.</summary>
    public required long LearnedTokens { get; init; }
}

/// <summary>A line of metrics.jsonl of kind "evaluation".</summary>
public sealed record EvaluationMetrics
{
    public string Kind => "evaluation";

    /// <summary>Steps made before it.</summary>
    public required int Step { get; init; }

    /// <summary>Rollouts spent before it.</summary>
    public required int Rollouts { get; init; }
    public required int Questions { get; init; }

    /// <summary>Means over questions, in [0, 1] or in counts.</summary>
    public required double ExactMatch { get; init; }
    public required double F1 { get; init; }
    public required double Coverage { get; init; }
    public required double SearchesPerQuestion { get; init; }
    public required double GeneratedTokens { get; init; }
    public required double Answered { get; init; }

    /// <summary>
    /// 95 % percentile-bootstrap intervals over questions, [low, high], by the names of the means; empty for one question.
    /// </summary>
    public required IReadOnlyDictionary<string, double[]> Intervals { get; init; }

    /// <summary>Exact match by kind of question.</summary>
    public required IReadOnlyDictionary<string, double> ExactMatchByKind { get; init; }
    public required double Seconds { get; init; }

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
    public required string Id { get; init; }
    public required string Kind { get; init; }
    public required string Question { get; init; }
    public required string[] Answers { get; init; }

    /// <summary>Null where none was given.</summary>
    public required string? FinalAnswer { get; init; }
    public required double ExactMatch { get; init; }
    public required double F1 { get; init; }
    public required double Coverage { get; init; }
    public required int Searches { get; init; }
    public required int GeneratedTokens { get; init; }

    /// <summary>"answered", "unanswered" or "truncated".</summary>
    public required string Ending { get; init; }
    public required string[] Queries { get; init; }

    /// <summary>Ids, by search.</summary>
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
    public required int Step { get; init; }
    public required string Phase { get; init; }
    public required long Group { get; init; }

    /// <summary>Its place in the group; of a displaced one that which it had, candidates are numbered after the members.</summary>
    public required int Member { get; init; }
    public TrajectoryRole Role { get; init; }
    public string? QuestionId { get; init; }

    /// <summary>The data set's own kind of question.</summary>
    public string? Kind { get; init; }

    /// <summary>Searches that the question needs; 0 where unknown.</summary>
    public int Hops { get; init; }

    /// <summary>Ids and titles of the gold passages; empty where the data set has none.</summary>
    public string[] Gold { get; init; } = [];
    public string[] GoldTitles { get; init; } = [];
    public required string Question { get; init; }
    public required string[] Answers { get; init; }
    public required double Reward { get; init; }
    public required double Answer { get; init; }
    public required double Coverage { get; init; }

    /// <summary>Each term of the reward by itself, before weighing.</summary>
    public required IReadOnlyDictionary<string, double> Terms { get; init; }

    /// <summary>What each term is multiplied by.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>Of each trained token, in order; one number where all are equal. Empty where it was not learned from.</summary>
    public required double[] Advantage { get; init; }

    /// <summary>
    /// wₜÂₜ of each trained token, in order; one number where all are equal: what the update's policy term pushed its
    /// log-probability by, see <see cref="TokenSlopes.Of"/>. Null where unknown, empty where it was not learned from.
    /// </summary>
    public double[]? Slope { get; init; }
    public required bool Expert { get; init; }

    /// <summary>Segments taken over from another member; 0 for none.</summary>
    public required int KeptSegments { get; init; }

    /// <summary>"answered", "unanswered" or "truncated".</summary>
    public required string Ending { get; init; }
    public required string? FinalAnswer { get; init; }
    public required string[] Queries { get; init; }
    public required string[][] Passages { get; init; }

    /// <summary>Of the passages.</summary>
    public string[][] Titles { get; init; } = [];
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
            Reward = member.Reward,
            Answer = member.Parts.Answer,
            Coverage = member.Parts.Coverage,
            Terms = member.Parts.Terms.ToDictionary(term => term.Name, term => term.Value),
            Weights = member.Parts.Terms.ToDictionary(term => term.Name, term => term.Weight),
            Advantage = Short(advantages),
            Slope = Short(slopes),
            Expert = member.IsExpert,
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

/// <summary>A segment of a trajectory: its author, text and tokens, and the policy's log-probabilities and version.</summary>
public sealed record SegmentRecord(string Author, string Text, int[] Tokens, double[]? LogProbs, int? Version)
{
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

/// <summary>Wall time by part, in seconds, and what was learned from in it.</summary>
public sealed record RunTimes
{
    public double RolloutSeconds { get; init; }
    public double LearningSeconds { get; init; }
    public double EvaluationSeconds { get; init; }
    public double TotalSeconds { get; init; }

    /// <summary>Tokens of the sequences learned from, all epochs.</summary>
    public long LearnedTokens { get; init; }
}

/// <summary>How a finished run ended: result.json.</summary>
public sealed record RunResult
{
    public required string Arm { get; init; }
    public required long Seed { get; init; }
    public required int Steps { get; init; }
    public required Cost Spent { get; init; }
    public required int SkippedUpdates { get; init; }
    public required RunTimes Times { get; init; }

    /// <summary>The first and the last evaluation.</summary>
    public required EvaluationMetrics? Before { get; init; }
    public required EvaluationMetrics? After { get; init; }

    /// <summary>Ended by the user before the budget was spent.</summary>
    public required bool Stopped { get; init; }
}

/// <summary>How records are written: snake_case, one line, text unescaped.</summary>
public static class RunJson
{
    /// <summary>One line.</summary>
    public static JsonSerializerOptions Line { get; } = Make(indented: false);

    /// <summary>Indented.</summary>
    public static JsonSerializerOptions Document { get; } = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        };
}
