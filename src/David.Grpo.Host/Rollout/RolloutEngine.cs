using David.Grpo.Models;
using David.Grpo.Search;
using David.Grpo.Tensors;

namespace David.Grpo.Rollout;

/// <summary>A trajectory to be sampled.</summary>
/// <param name="Question">What is asked.</param>
/// <param name="Key">Names the question in the random numbers; two requests of a call differ in key or member.</param>
/// <param name="Member">The number in the group.</param>
/// <param name="Parent">A trajectory to continue, or null to begin at the prompt.</param>
/// <param name="KeptSegments">How many of the parent's segments are kept, at least 1.</param>
public sealed record RolloutRequest(
    Question Question,
    long Key,
    int Member,
    Trajectory? Parent = null,
    int KeptSegments = 0
);

/// <summary>Limits of the engine's work.</summary>
public sealed record EngineOptions
{
    /// <summary>Episodes under way at once, at least 1.</summary>
    public int MaxEpisodes { get; init; } = 128;

    /// <summary>Tokens of one forward pass at most; longer prefills are cut into pieces.</summary>
    public int MaxPassTokens { get; init; } = 2048;

    /// <summary>
    /// Decoding steps after which the answer of a search is waited for. A fixed number makes the batches, and so the
    /// rounding, independent of the clock.
    /// </summary>
    public int SearchSteps { get; init; } = 4;

    /// <summary>
    /// How long the others wait for a search that is due, at least 0. After that they go on without it, and the batches
    /// (so the rounding, nothing else) depend on the clock.
    /// </summary>
    public TimeSpan SearchPatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a search may take before the policy is told that it failed, above 0.</summary>
    public TimeSpan SearchDeadline { get; init; } = TimeSpan.FromSeconds(30);

    internal EngineOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEpisodes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPassTokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(SearchSteps);
        ArgumentOutOfRangeException.ThrowIfLessThan(SearchPatience, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(SearchDeadline, TimeSpan.Zero);
        return this;
    }
}

/// <summary>What a call of the engine did, for reports.</summary>
/// <param name="Episodes">Episodes that ended.</param>
/// <param name="FailedSearches">Searches that failed and were told to the policy as such.</param>
/// <param name="ComputedTokens">Tokens that the model computed, prompts included.</param>
/// <param name="GeneratedTokens">Tokens that were sampled.</param>
public sealed record RolloutStatistics(int Episodes, long GeneratedTokens, long ComputedTokens, int FailedSearches)
{
    /// <summary>Nothing was done.</summary>
    public static readonly RolloutStatistics Zero = new(0, 0, 0, 0);

    /// <summary>Tokens of trial answers, their openings included; generated tokens do not count them.</summary>
    public long TrialTokens { get; init; }

    /// <summary>
    /// Generated and trial tokens that are in no trajectory: what is left of both is what the trajectories' actions hold.
    /// </summary>
    public long ThrownTokens { get; init; }

    /// <summary>Indices of the episodes that ended because the allowance did.</summary>
    public IReadOnlySet<int> Cut { get; init; } = new HashSet<int>();
}

/// <summary>What a call of the engine gave.</summary>
/// <param name="Trajectories">[B], in the order of the requests. Those whose end the allowance was are truncated.</param>
/// <param name="Exits">[B], the checks of the episodes; none without an exit policy.</param>
/// <param name="Statistics">What it took.</param>
public sealed record RolloutBatch(
    Trajectory[] Trajectories,
    IReadOnlyList<EpisodeExit> Exits,
    RolloutStatistics Statistics
);

/// <summary>What a call of the engine may use; at the first that is used up every episode under way is cut.</summary>
/// <param name="GeneratedTokens">Tokens that the policy may sample, those of trial answers included.</param>
/// <param name="Searches">Searches that may be asked.</param>
public sealed record Allowance(long GeneratedTokens, long Searches)
{
    /// <summary>No bound on anything.</summary>
    public static readonly Allowance Unlimited = new(long.MaxValue, long.MaxValue);
}

/// <summary>
/// Runs the episodes of many questions together. Episodes with the same beginning share its keys and values; one that
/// waits for a search lets the others go on; each step computes just the tokens that are new.
/// </summary>
/// <remarks>
/// The random number of a token depends on the seed, the question's key, the member and the position alone, so a
/// trajectory does not depend on what runs beside it, but for rounding where two tokens all but tie.
/// </remarks>
public sealed class RolloutEngine : IDisposable
{
    private readonly Decoder _policy;
    private readonly IAgentProtocol _protocol;
    private readonly ISearchEnvironment _search;
    private readonly EngineOptions _options;
    private readonly KeyValueCache _cache;
    private readonly TrialAnswers? _trials;
    private RolloutStatistics _statistics = RolloutStatistics.Zero; // of the call under way

    /// <param name="exits">When episodes are made to answer early; default: never, and no trial answer is forced.</param>
    public RolloutEngine(
        Decoder policy,
        IAgentProtocol protocol,
        ISearchEnvironment search,
        EngineOptions? options = null,
        ExitPolicy? exits = null
    )
    {
        _options = (options ?? new()).Checked();
        (_policy, _protocol, _search) = (policy, protocol, search);
        exits = exits?.Checked();
        _cache = new KeyValueCache(policy.Config, policy.Device);
        _trials = exits is null ? null : new TrialAnswers(exits, protocol, _cache, Compute, _options.MaxPassTokens);
    }

    /// <summary>Tokens that the keys and values of episodes under way take.</summary>
    internal int CachedTokens => _cache.Used;

    /// <summary>Called with the number of finished and of all episodes, whenever an episode ends.</summary>
    public Action<int, int>? Progress { get; set; }

    /// <summary>Samples a trajectory for each request.</summary>
    /// <param name="requests">[B], those of a group next to each other.</param>
    /// <param name="seed">The seed of this step.</param>
    /// <param name="version">Optimizer steps that the policy has seen; it is written on each token.</param>
    /// <param name="allowance">What may be used; default: any amount.</param>
    public async Task<RolloutBatch> RunAsync(
        IReadOnlyList<RolloutRequest> requests,
        Sampler sampler,
        Seed seed,
        int version,
        CancellationToken cancellationToken = default,
        Allowance? allowance = null
    )
    {
        if (requests.DistinctBy(request => (request.Key, request.Member)).Count() < requests.Count)
            throw new ArgumentException(
                "Two requests have the same key and member, so they would be the same rollout twice. Number them apart.",
                nameof(requests)
            );
        (long tokensLeft, long searchesLeft) = allowance ?? Allowance.Unlimited;
        _statistics = RolloutStatistics.Zero;
        _cache.Clear();
        _trials?.Clear();
        Episode[] episodes =
        [
            .. requests.Select(request => new Episode(
                request,
                _protocol,
                Seed.Path([request.Key, request.Member], seed)
            )),
        ];
        List<Episode> running = [];
        int admitted = 0;
        Progress?.Invoke(0, episodes.Length);
        while (running.Count > 0 || admitted < episodes.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (admitted < episodes.Length && running.Count < _options.MaxEpisodes)
            {
                int end = Math.Min(episodes.Length, admitted + _options.MaxEpisodes - running.Count);
                Admit(episodes.AsSpan(admitted, end - admitted));
                running.AddRange(episodes[admitted..end]);
                admitted = end;
            }

            await JoinSearchesAsync(running, cancellationToken).ConfigureAwait(false);
            Episode[] going = [.. running.Where(episode => !episode.IsWaiting)];
            long most = going.Length * (1L + (_trials?.MostTokens ?? 0));
            if (_statistics.GeneratedTokens + (_trials?.Tokens ?? 0) + most > tokensLeft)
                break; // the next step might sample more than is left
            Step(going, sampler);
            Episode[] asking = [.. running.Where(episode => episode.IsAsking)];
            _trials?.CheckSearches(asking);
            asking = [.. asking.Where(episode => episode.IsAsking)];
            if (asking.Length > searchesLeft)
                break;
            searchesLeft -= asking.Length;
            foreach (Episode episode in asking)
                Ask(episode, episode.Query!, cancellationToken);
            int before = running.Count;
            foreach (Episode episode in running.Where(episode => episode.IsOver))
                _cache.Free(episode.Sequence);
            running.RemoveAll(episode => episode.IsOver);
            if (running.Count < before)
                Progress?.Invoke(admitted - running.Count, episodes.Length);
        }
        EpisodeExit[] exits = _trials is null ? [] : [.. episodes.Select(episode => episode.ToExit())];
        return new RolloutBatch(
            [.. episodes.Select(episode => episode.ToTrajectory(version))],
            exits,
            _statistics with
            {
                Episodes = episodes.Length,
                TrialTokens = _trials?.Tokens ?? 0,
                ThrownTokens = exits.Sum(exit => exit.Thrown),
                Cut = running.Count == 0 && admitted == episodes.Length ? _statistics.Cut : Unfinished(episodes),
            }
        );
    }

    private static HashSet<int> Unfinished(Episode[] episodes) =>
        [.. episodes.Index().Where(episode => !episode.Item.IsOver).Select(episode => episode.Index)];

    /// <summary>Computes the common beginnings of new episodes once each, and forks the episodes off.</summary>
    private void Admit(ReadOnlySpan<Episode> episodes)
    {
        for (int start = 0; start < episodes.Length; )
        {
            int end = start + 1;
            while (end < episodes.Length && episodes[end].SharesBeginning(episodes[start]))
                end++;
            SequenceId root = _cache.Create();
            // The last token is left to each member, whose first logits it gives.
            ReadOnlyMemory<int> tokens = episodes[start].Tokens(0, episodes[start].Length - 1);
            for (int at = 0; at < tokens.Length; at += _options.MaxPassTokens)
            {
                int count = Math.Min(_options.MaxPassTokens, tokens.Length - at);
                Compute([(root, tokens.Slice(at, count), at)], []);
            }
            for (int i = start; i < end; i++)
                episodes[i].Sequence = _cache.Fork(root, tokens.Length);
            _cache.Free(root);
            start = end;
        }
    }

    /// <summary>
    /// Takes up the answers of searches that are due, and waits for them within the patience; where nobody can go on, for
    /// the first that comes.
    /// </summary>
    private async Task JoinSearchesAsync(List<Episode> running, CancellationToken cancellationToken)
    {
        Episode[] waiting = [.. running.Where(episode => episode.IsWaiting)];
        if (waiting.Length == 0)
            return;
        bool anyCanGoOn = waiting.Length < running.Count;
        Episode[] due = anyCanGoOn
            ? [.. waiting.Where(episode => episode.TickWait() >= _options.SearchSteps || episode.IsAnsweredAtOnce)]
            : waiting;
        Task onTime = Task.WhenAll(due.Where(episode => !episode.IsLate).Select(episode => episode.Answer!));
        if (!onTime.IsCompleted)
            await Task.WhenAny(onTime, Task.Delay(_options.SearchPatience, cancellationToken)).ConfigureAwait(false);
        if (!anyCanGoOn)
            await Task.WhenAny(due.Select(episode => episode.Answer!)).ConfigureAwait(false);
        foreach (Episode episode in due)
            if (!episode.Answer!.IsCompleted)
                episode.IsLate = true;
            else if (!episode.Observe(await episode.Answer.ConfigureAwait(false)))
                _statistics = _statistics with { FailedSearches = _statistics.FailedSearches + 1 };
    }

    private void Ask(Episode episode, string query, CancellationToken cancellationToken)
    {
        CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ValueTask<Passage[][]> answer;
        try
        {
            answer = _search.SearchAsync([query], _protocol.TopK, deadline.Token).Preserve();
        }
        catch (Exception failure)
        {
            answer = ValueTask.FromException<Passage[][]>(failure);
        }
        // Only an environment that answers without a task answers at once: whether a task is done already is chance.
        bool isAtOnce = answer.IsCompletedSuccessfully && answer == ValueTask.FromResult(answer.Result);
        if (!isAtOnce)
            deadline.CancelAfter(_options.SearchDeadline);
        episode.Wait(AnswerAsync(answer, deadline, cancellationToken), isAtOnce);
    }

    /// <summary>A dead tool is an observation, never a stopped run.</summary>
    private async Task<SearchAnswer> AnswerAsync(
        ValueTask<Passage[][]> answer,
        CancellationTokenSource deadline,
        CancellationToken cancellationToken
    )
    {
        using (deadline)
            try
            {
                Passage[][] found = answer.IsCompletedSuccessfully
                    ? answer.Result
                    : await answer.AsTask().WaitAsync(deadline.Token).ConfigureAwait(false);
                return found is [{ } passages]
                    ? new SearchAnswer(passages, null)
                    : new SearchAnswer(null, "the search gave no list of passages");
            }
            catch (OperationCanceledException)
                when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                return new SearchAnswer(null, $"no answer within {_options.SearchDeadline.TotalSeconds:0.#} seconds");
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                return new SearchAnswer(null, failure.Message);
            }
    }

    /// <summary>One forward pass over what is new in these episodes, and one token for each that is up to date.</summary>
    private void Step(IReadOnlyList<Episode> episodes, Sampler sampler)
    {
        List<(SequenceId, ReadOnlyMemory<int>, int)> stretches = [];
        List<Episode> due = [];
        List<int> rows = [];
        int total = 0;
        foreach (Episode episode in episodes.Where(episode => !episode.IsOver))
        {
            int known = _cache.Length(episode.Sequence);
            int count = Math.Min(episode.Length - known, Math.Max(1, _options.MaxPassTokens - total));
            if (total > 0 && total + count > _options.MaxPassTokens)
                break;
            stretches.Add((episode.Sequence, episode.Tokens(known, count), known));
            total += count;
            if (known + count == episode.Length)
            {
                due.Add(episode);
                rows.Add(total - 1);
            }
        }
        if (stretches.Count == 0)
            return;

        using TensorScope scope = new();
        Tensor? logits = Compute(stretches, rows);
        if (logits is null)
            return;
        Seed[] seeds = [.. due.Select(episode => Seed.Child(episode.Length, episode.Seed))];
        (int[] tokens, double[] logProbs) = sampler.Sample(logits, seeds);
        // Between the pass and the next token, so that the passes of episodes that go on are as without checks.
        _trials?.CheckTurns(due);
        int accepted = 0;
        for (int i = 0; i < due.Count; i++)
            if (!due[i].IsOver)
            {
                due[i].Accept(tokens[i], logProbs[i]);
                accepted++;
            }
        _statistics = _statistics with { GeneratedTokens = _statistics.GeneratedTokens + accepted };
    }

    /// <summary>Runs the pack of these stretches through the policy; logits [R, V] of the given rows, null for none.</summary>
    private Tensor? Compute(
        List<(SequenceId Sequence, ReadOnlyMemory<int> Tokens, int Start)> stretches,
        List<int> rows
    )
    {
        int[] tokens = new int[stretches.Sum(stretch => stretch.Tokens.Length)];
        int[] positions = new int[tokens.Length];
        int at = 0;
        foreach ((_, ReadOnlyMemory<int> part, int start) in stretches)
        {
            part.Span.CopyTo(tokens.AsSpan(at));
            for (int i = 0; i < part.Length; i++)
                positions[at++] = start + i;
        }
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        IAttention attention = _cache.Append([
            .. stretches.Select(stretch => (stretch.Sequence, stretch.Tokens.Length)),
        ]);
        Tensor hidden = _policy.Forward(tokens, positions, attention);
        _statistics = _statistics with { ComputedTokens = _statistics.ComputedTokens + tokens.Length };
        if (rows.Count == 0)
            return null;
        if (rows.Count < tokens.Length)
            hidden = hidden.IndexSelect(
                0,
                Tensor.From(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows), _policy.Device)
            );
        return scope.Keep(_policy.Logits(hidden));
    }

    public void Dispose() => _cache.Dispose();
}
