using System.ComponentModel;
using David.Grpo.Tasks;

namespace David.Grpo.Runs;

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
                    FinalAnswer = Trajectory.AnswerOrNull(trajectory),
                    ExactMatch = outcome.ExactMatch,
                    F1 = outcome.F1,
                    Coverage = outcome.Coverage,
                    Searches = trajectory.Searches.Length,
                    GeneratedTokens = Trajectory.GeneratedTokens(trajectory),
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

    /// <summary>
    /// Names the group within the step: its question's index, and 2³² for each earlier group of the same question; experts'
    /// questions below 0.
    /// </summary>
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
            FinalAnswer = Trajectory.AnswerOrNull(member.Trajectory),
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
