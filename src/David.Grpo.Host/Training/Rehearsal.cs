using System.IO.Compression;
using System.Text.Json;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Training;

/// <summary>
/// The policy's own solved trajectories, one a question: the shortest so far. It is no state of its own: a run that goes on
/// reads it back from what it logged.
/// </summary>
internal sealed class Rehearsal
{
    private readonly SortedDictionary<long, ScoredSequence> _solved = [];

    public int Count => _solved.Count;

    /// <summary>Keeps what of a group was solved.</summary>
    public void Add(Group group)
    {
        foreach (Member member in group.Members)
            if (!member.Origin.IsExpert && member.Reward.Total >= Exploration.Solved)
                Add(group.Key, ScoredSequence.Of(member.Trajectory));
    }

    /// <summary>At most <paramref name="count"/> of them, drawn without replacement.</summary>
    public ScoredSequence[] Draw(int count, Seed seed)
    {
        ScoredSequence[] all = [.. _solved.Values];
        return [.. Seed.Permutation(all.Length, seed).Take(count).Select(i => all[i])];
    }

    /// <summary>What the trajectories of a run's log amount to.</summary>
    public static Rehearsal Of(string log)
    {
        Rehearsal rehearsal = new();
        if (!File.Exists(log))
            return rehearsal;
        using GZipStream stream = new(File.OpenRead(log), CompressionMode.Decompress);
        using StreamReader lines = new(stream);
        for (int number = 1; lines.ReadLine() is { } line; number++)
        {
            TrajectoryRecord record = RunJson.ReadLine<TrajectoryRecord>(line, $"{log}, line {number}");
            double earned = record.Reward - record.Terms.GetValueOrDefault(SpendingRule.Term);
            if (record.Role == TrajectoryRole.Member && !record.Expert && earned >= Exploration.Solved)
                rehearsal.Add(record.Group, Sequence(record));
        }
        return rehearsal;
    }

    private void Add(long question, ScoredSequence sequence)
    {
        if (!_solved.TryGetValue(question, out ScoredSequence? known) || sequence.Tokens.Length < known.Tokens.Length)
            _solved[question] = sequence;
    }

    private static ScoredSequence Sequence(TrajectoryRecord record)
    {
        List<int> tokens = [],
            scored = [];
        foreach (SegmentRecord segment in record.Segments)
        {
            if (segment.Author is "policy" or "expert")
                scored.AddRange(Enumerable.Range(tokens.Count, segment.Tokens.Length));
            tokens.AddRange(segment.Tokens);
        }
        return new ScoredSequence([.. tokens], [.. scored]);
    }
}
