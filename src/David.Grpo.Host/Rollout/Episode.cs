using David.Grpo.Models;

namespace David.Grpo.Rollout;

/// <summary>What a search gave: passages, or why there are none.</summary>
internal readonly record struct SearchAnswer(Passage[]? Passages, string? Failure);

/// <summary>One episode under way: its tokens so far, who wrote them, and what it waits for.</summary>
internal sealed class Episode
{
    private readonly RolloutRequest _request;
    private readonly IAgentProtocol _protocol;
    private readonly string _promptText;
    private readonly List<Segment> _segments = [];
    private readonly List<SearchTurn> _searches = [];
    private readonly List<int> _action = [];
    private readonly List<double> _logProbs = [];
    private readonly List<TrialAnswer> _trials = [];
    private readonly int _promptLength;
    private int[] _tokens;
    private ITurn _turn;
    private Ending? _ending;
    private int _refused;
    private int _waited;
    private long _takenBack;
    private bool _isEarly;

    public Episode(RolloutRequest request, IAgentProtocol protocol, Seed seed)
    {
        _request = request;
        _protocol = protocol;
        Seed = seed;
        if (request.Parent is { } parent)
        {
            if (request.KeptSegments < 1 || request.KeptSegments > parent.Segments.Length)
                throw new ArgumentOutOfRangeException(
                    nameof(request),
                    $"KeptSegments is {request.KeptSegments}; of a parent with {parent.Segments.Length} segments at least "
                        + "the first (the prompt) and at most all are kept."
                );
            _promptText = parent.PromptText;
            _segments.AddRange(parent.Segments.Take(request.KeptSegments));
            _searches.AddRange(parent.Searches.Where(search => search.SegmentsThrough <= request.KeptSegments));
            _refused = _segments.Count(segment => segment.IsObservation) - _searches.Count;
            _promptLength = parent.Segments[0].Tokens.Length;
        }
        else
        {
            (int[] prompt, _promptText) = protocol.Prompt(request.Question);
            _segments.Add(Segment.NewPrompt(prompt));
            _promptLength = prompt.Length;
        }
        _tokens = new int[64];
        foreach (Segment segment in _segments)
            Add(segment.Tokens);
        _turn = StartTurn();
        if (ResponseLength >= protocol.ResponseTokens)
            _ending = Ending.Truncated;
    }

    /// <summary>Of this episode; the number of a token is its child by position.</summary>
    public Seed Seed { get; }

    public SequenceId Sequence { get; set; }

    public int Length { get; private set; }

    /// <summary>Tokens start … start + count.</summary>
    public ReadOnlyMemory<int> Tokens(int start, int count) => _tokens.AsMemory(start, count);

    public bool IsOver => _ending is not null;

    /// <summary>Tokens before the turn under way.</summary>
    public int TurnStart { get; private set; }

    /// <summary>Segments before the turn under way.</summary>
    public int TurnSegments { get; private set; }

    /// <summary>Whether the policy begins a turn with the next token, after the prompt or an observation.</summary>
    public bool IsAtTurn => !IsOver && Length == TurnStart && _segments[^1] is { IsTrained: false };

    /// <summary>Tokens that the response had room for when the turn began.</summary>
    public int RoomAtTurn => _protocol.ResponseTokens - (TurnStart - _promptLength);

    /// <summary>Trial answers, oldest first.</summary>
    public IReadOnlyList<TrialAnswer> Trials => _trials;

    /// <summary>The trial answer from before the turn under way; null where none was forced.</summary>
    public TrialAnswer? TurnTrial => _trials is [.., var last] && last.Segments == TurnSegments ? last : null;

    /// <summary>Queries of the searches answered so far.</summary>
    public string[] Queries => [.. _searches.Select(search => search.Query)];

    /// <summary>The query that the policy asked, until its answer is observed.</summary>
    public string? Query { get; private set; }

    public Task<SearchAnswer>? Answer { get; private set; }

    public bool IsWaiting => Answer is not null;

    /// <summary>Whether a search is to be made that was not asked yet.</summary>
    public bool IsAsking => Query is not null && !IsWaiting && !IsOver;

    public bool IsAnsweredAtOnce { get; private set; }

    /// <summary>Whether the others no longer wait for this one's search.</summary>
    public bool IsLate { get; set; }

    /// <summary>Steps since the search was asked.</summary>
    public int TickWait() => ++_waited;

    public void Wait(Task<SearchAnswer> answer, bool isAnsweredAtOnce)
    {
        Answer = answer;
        IsAnsweredAtOnce = isAnsweredAtOnce;
        IsLate = false;
        _waited = 0;
    }

    public bool SharesBeginning(Episode other) =>
        Length == other.Length && _tokens.AsSpan(0, Length).SequenceEqual(other._tokens.AsSpan(0, Length));

    /// <summary>A token that the policy sampled.</summary>
    public void Accept(int token, double logProb)
    {
        Add([token]);
        _action.Add(token);
        _logProbs.Add(logProb);
        switch (_turn.Append(token))
        {
            case Move.Answer answer:
                _ending = Ending.NewAnswered(answer.answer);
                break;
            case Move.Search search when _searches.Count < _protocol.MaxSearches:
                CloseAction();
                Query = search.query;
                break;
            case Move.Search when _refused == 0 && _protocol.Refusal is { } refusal:
                CloseAction();
                _refused++;
                Append(refusal);
                break;
            case Move.Search or { IsStop: true }:
                _ending = Ending.Unanswered;
                break;
        }
        if (_ending is null && ResponseLength >= _protocol.ResponseTokens)
            _ending = Ending.Truncated;
    }

    public void Add(TrialAnswer trial) => _trials.Add(trial);

    /// <summary>Ends the episode with a trial answer in place of the turn under way.</summary>
    public void AnswerWith(TrialAnswer trial)
    {
        _takenBack = Length - TurnStart;
        _segments.RemoveRange(TurnSegments, _segments.Count - TurnSegments);
        Length = TurnStart;
        Query = null;
        _action.Clear();
        _logProbs.Clear();
        Add(trial.Tokens);
        _action.AddRange(trial.Tokens);
        _logProbs.AddRange(trial.LogProbs);
        _ending = trial.Move is Move.Answer answer ? Ending.NewAnswered(answer.answer) : Ending.Unanswered;
        _isEarly = true;
    }

    /// <summary>The checks made.</summary>
    public EpisodeExit ToExit() =>
        new(
            [.. _trials],
            _isEarly,
            _takenBack + _trials.SkipLast(_isEarly ? 1 : 0).Sum(trial => (long)trial.Tokens.Length)
        );

    /// <summary>The answer of the search that was waited for; false where the policy is told that it failed.</summary>
    public bool Observe(SearchAnswer answer)
    {
        string query = Query!;
        Query = null;
        Answer = null;
        (Passage[]? passages, string? failure) = answer;
        int[]? observation = null;
        try
        {
            observation = passages is null ? null : _protocol.Observation(passages);
        }
        catch (Exception unreadable)
        {
            // Passages that the protocol cannot write are no better than none.
            (passages, failure) = (null, unreadable.Message);
        }
        _searches.Add(new SearchTurn(query, passages ?? [], _segments.Count + 1));
        Append(observation ?? _protocol.Failure(failure!));
        return failure is null;
    }

    public Trajectory ToTrajectory(int version)
    {
        // Segments that were kept bear their own version; the new ones this one's.
        CloseAction();
        Segment[] segments =
        [
            .. _segments.Select(
                (segment, index) =>
                    index >= _request.KeptSegments && segment is Segment.Action action
                        ? Segment.NewAction(action.tokens, action.logProbs, version)
                        : segment
            ),
        ];
        return new Trajectory(
            question: _request.Question,
            segments: segments,
            searches: [.. _searches],
            refusedSearches: _refused,
            ending: _ending ?? Ending.Truncated,
            response: string.Concat(segments.Skip(1).Select(segment => _protocol.Decode(segment.Tokens))),
            promptText: _promptText
        );
    }

    private int ResponseLength => Length - _promptLength;

    private void Append(int[] observation)
    {
        int room = _protocol.ResponseTokens - ResponseLength;
        int[] tokens = observation.Length <= room ? observation : observation[..Math.Max(0, room)];
        _segments.Add(Segment.NewObservation(tokens));
        Add(tokens);
        if (ResponseLength >= _protocol.ResponseTokens)
            _ending = Ending.Truncated;
        else
            _turn = StartTurn();
    }

    private ITurn StartTurn()
    {
        TurnStart = Length;
        TurnSegments = _segments.Count;
        return _protocol.StartTurn(_segments, _searches.Count + _refused);
    }

    private void CloseAction()
    {
        if (_action.Count == 0)
            return;
        _segments.Add(Segment.NewAction([.. _action], [.. _logProbs], 0));
        _action.Clear();
        _logProbs.Clear();
    }

    private void Add(ReadOnlySpan<int> tokens)
    {
        if (Length + tokens.Length > _tokens.Length)
            Array.Resize(ref _tokens, Math.Max(2 * _tokens.Length, Length + tokens.Length));
        tokens.CopyTo(_tokens.AsSpan(Length));
        Length += tokens.Length;
    }
}
