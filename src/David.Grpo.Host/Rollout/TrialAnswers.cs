using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Rollout;

/// <summary>Runs tokens of sequences through the policy; logits [R, V] of the given rows.</summary>
internal delegate Tensor? ComputeLogits(
    List<(SequenceId Sequence, ReadOnlyMemory<int> Tokens, int Start)> stretches,
    List<int> rows
);

/// <summary>Forces trial answers of episodes on forks of their sequences, and ends those that should answer.</summary>
internal sealed class TrialAnswers(
    ExitPolicy policy,
    IAgentProtocol protocol,
    KeyValueCache cache,
    ComputeLogits compute,
    int maxPassTokens
)
{
    /// <summary>Rows of logits at once: 512 of a large vocabulary take some hundred MB.</summary>
    private const int MaxRows = 512;

    private readonly int[] _opening = protocol.AnswerOpening;

    /// <summary>Tokens that one trial may take.</summary>
    public int MostTokens => _opening.Length + policy.TrialTokens;

    /// <summary>Tokens of the trials so far, openings included.</summary>
    public long Tokens { get; private set; }

    public void Clear() => Tokens = 0;

    /// <summary>Checks those episodes that are about to begin a turn.</summary>
    public void CheckTurns(IReadOnlyList<Episode> episodes)
    {
        if (policy.Rule is not { } rule)
            return;
        Episode[] due = [.. episodes.Where(episode => episode.IsAtTurn)];
        Force(due);
        foreach (Episode episode in due)
            if (
                episode.TurnTrial is { } trial
                && EarlyExit.DecideOnTrials(rule, [.. episode.Trials.Select(earlier => earlier.Trial)]).IsExit
            )
                episode.AnswerWith(trial);
    }

    /// <summary>Judges the searches that these episodes ask.</summary>
    public void CheckSearches(IReadOnlyList<Episode> asking)
    {
        if (policy.Gate is not { } gate)
            return;
        Force([.. asking.Where(episode => episode.TurnTrial is null)]);
        foreach (Episode episode in asking)
            if (
                episode.TurnTrial is { } trial
                && Selectivity.JudgeSearch(gate, trial.Trial, episode.Queries, episode.Query!).IsAnswer
            )
                episode.AnswerWith(trial);
    }

    /// <summary>All together, in one batch unless there are too many rows for one.</summary>
    private void Force(Episode[] episodes)
    {
        int rows = Math.Max(1, Math.Min(MaxRows, maxPassTokens) / (_opening.Length + 1));
        foreach (Episode[] batch in episodes.Where(episode => Room(episode) > 0).Chunk(rows))
        {
            Forced[] open =
            [
                .. batch.Select(episode => new Forced(
                    episode,
                    // The last token is computed again, for the log-probability of what comes after it.
                    cache.Fork(episode.Sequence, episode.TurnStart - 1),
                    protocol.StartAnswer(),
                    Room(episode)
                )),
            ];
            try
            {
                Decode(open);
            }
            finally
            {
                foreach (Forced forced in open)
                    cache.Free(forced.Fork);
            }
            foreach (Forced forced in open)
            {
                TrialAnswer trial = forced.ToTrial();
                Tokens += trial.Tokens.Length;
                forced.Episode.Add(trial);
            }
        }
    }

    private int Room(Episode episode) => Math.Min(policy.TrialTokens, episode.RoomAtTurn - _opening.Length);

    private void Decode(Forced[] open)
    {
        int width = _opening.Length + 1;
        using (TensorScope scope = new())
        {
            Tensor logits = compute(
                [
                    .. open.Select(forced =>
                        (
                            forced.Fork,
                            (ReadOnlyMemory<int>)
                                (int[])[forced.Episode.Tokens(forced.Episode.TurnStart - 1, 1).Span[0], .. _opening],
                            forced.Episode.TurnStart - 1
                        )
                    ),
                ],
                [.. Enumerable.Range(0, open.Length * width)]
            )!; // [B * width, V]
            Tensor logProbs = logits.LogSoftmax();
            long[] next = [.. open.SelectMany(_ => _opening.Select(token => (long)token).Append(0))];
            float[] opening = logProbs
                .Gather(1, Tensor.From<long>(next, [next.Length, 1], logProbs.Device))
                .ToArray<float>();
            for (int i = 0; i < open.Length; i++)
                open[i].Open(_opening, opening.AsSpan(i * width, width - 1));
            long[] ends = [.. open.Select((_, i) => (long)(i * width + width - 1))];
            Accept(open, logProbs.IndexSelect(0, Tensor.From<long>(ends, [ends.Length], logProbs.Device)));
        }
        for (Forced[] left = Left(open); left.Length > 0; left = Left(left))
        {
            using TensorScope scope = new();
            Tensor logits = compute(
                [
                    .. left.Select(forced =>
                        (forced.Fork, (ReadOnlyMemory<int>)(int[])[forced.Last], cache.Length(forced.Fork))
                    ),
                ],
                [.. Enumerable.Range(0, left.Length)]
            )!;
            Accept(left, logits.LogSoftmax());
        }
    }

    private static Forced[] Left(Forced[] open) => [.. open.Where(forced => !forced.IsClosed)];

    /// <param name="logProbs">[B, V].</param>
    private static void Accept(Forced[] open, Tensor logProbs)
    {
        long[] tokens = logProbs.ArgMax().ToArray<long>();
        float[] all = logProbs.ToArray<float>();
        int vocabulary = all.Length / open.Length;
        for (int i = 0; i < open.Length; i++)
            open[i].Accept((int)tokens[i], Confidence.OfDistribution(all.AsSpan(i * vocabulary, vocabulary)));
    }

    /// <summary>A trial answer under way.</summary>
    private sealed class Forced(Episode episode, SequenceId fork, ITurn turn, int room)
    {
        private readonly List<int> _tokens = [];
        private readonly List<double> _logProbs = [];
        private readonly List<TrialToken> _judged = [];
        private Move _move = Move.Continue;

        public Episode Episode => episode;
        public SequenceId Fork => fork;
        public int Last => _tokens[^1];
        public bool IsClosed => !_move.IsContinue || _judged.Count >= room;

        public void Open(int[] opening, ReadOnlySpan<float> logProbs)
        {
            _tokens.AddRange(opening);
            foreach (float logProb in logProbs)
                _logProbs.Add(logProb);
        }

        public void Accept(int token, TrialToken judged)
        {
            _tokens.Add(token);
            _logProbs.Add(judged.TopLogProb);
            _judged.Add(judged);
            _move = turn.Append(token);
        }

        public TrialAnswer ToTrial()
        {
            string answer = (_move as Move.Answer)?.answer ?? "";
            bool isAnswer = answer.Length > 0;
            return new TrialAnswer(
                new Trial(answer, isAnswer ? [.. _judged] : [], [], [], [], default),
                episode.TurnSegments,
                episode.Queries.Length,
                [.. _tokens],
                [.. _logProbs],
                _move.IsContinue ? Move.Stop : _move
            );
        }
    }
}
