using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

public sealed class RolloutEngineTests : IDisposable
{
    // Log-probabilities of passes of other sizes: float32 sums in another order.
    private const double Rounding = 1e-4;

    private static readonly Sampler Plain = Sampler.AtTemperature(1);
    private static readonly Seed Seed = Seed.OfInt64(7);

    private readonly Decoder _policy = TestDecoder.Random(DrawnProtocol.Config);

    public void Dispose() => _policy.Dispose();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Trajectories_HoldWhatWasWritten()
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(6, 4);
        Trajectory[] trajectories = await Run(requests, version: 9);
        Assert.Equal(requests.Length, trajectories.Length);
        Assert.Contains(trajectories, trajectory => trajectory.Searches.Length >= 2);
        Assert.Contains(trajectories, trajectory => trajectory.Ending.IsAnswered);
        for (int i = 0; i < trajectories.Length; i++)
        {
            Trajectory trajectory = trajectories[i];
            Assert.Same(requests[i].Question, trajectory.Question);
            Assert.Equal(requests[i].Question.Text, trajectory.PromptText);
            Assert.Equal(
                DrawnProtocol.Ids(trajectory.PromptText),
                Assert.IsType<Segment.Prompt>(trajectory.Segments[0]).tokens
            );
            int searches = 0;
            foreach (Segment segment in trajectory.Segments[1..])
                switch (segment)
                {
                    case Segment.Action action:
                        Assert.Equal(9, action.version);
                        Assert.Equal(action.tokens.Length, action.logProbs.Length);
                        Assert.All(action.logProbs, logProb => Assert.InRange(logProb, -50, 0));
                        // What ends a turn stands at its end and nowhere else.
                        Assert.All(
                            action.tokens[..^1],
                            token => Assert.False(token == 2 || token % 5 == 0 || token % 17 == 0)
                        );
                        break;
                    case Segment.Observation observation when trajectory.RefusedSearches == 0:
                        SearchTurn turn = trajectory.Searches[searches++];
                        int[] whole = [1, .. turn.Passages.SelectMany(passage => DrawnProtocol.Ids(passage.Text)), 1];
                        // The last one may be cut at the limit of the response.
                        bool isCut = trajectory.Ending.IsTruncated && observation == trajectory.Segments[^1];
                        Assert.Equal(isCut ? whole[..observation.tokens.Length] : whole, observation.tokens);
                        Assert.Same(observation, trajectory.Segments[turn.SegmentsThrough - 1]);
                        Assert.Equal(
                            turn.Query,
                            DrawnProtocol.Text(trajectory.Segments[turn.SegmentsThrough - 2].Tokens)
                        );
                        break;
                }
            Assert.Equal(
                string.Concat(trajectory.Segments.Skip(1).Select(segment => DrawnProtocol.Text(segment.Tokens) + " ")),
                trajectory.Response
            );
            if (trajectory.Ending is Ending.Answered answered)
                Assert.Equal(DrawnProtocol.Text(trajectory.Segments[^1].Tokens), answered.answer);
        }
    }

    [Fact]
    public async Task ATrajectory_IsTheSameAloneAndBesideOthers()
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(5, 4);
        Trajectory[] together = await Run(requests);
        for (int i = 0; i < requests.Length; i++)
            Same(together[i], Assert.Single(await Run([requests[i]])));
        Trajectory[] backwards = await Run([.. requests.Reverse()]);
        for (int i = 0; i < requests.Length; i++)
            Same(together[i], backwards[^(i + 1)]);
    }

    [Theory]
    [InlineData(1, 2048, 4)]
    [InlineData(3, 2048, 0)]
    [InlineData(128, 1, 4)]
    [InlineData(128, 7, 1)]
    [InlineData(5, 16, 50)]
    public async Task LimitsOfTheEngine_ChangeNoTrajectory(int maxEpisodes, int maxPassTokens, int searchSteps)
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(4, 3);
        Trajectory[] expected = await Run(requests);
        Trajectory[] actual = await Run(
            requests,
            options: new()
            {
                MaxEpisodes = maxEpisodes,
                MaxPassTokens = maxPassTokens,
                SearchSteps = searchSteps,
            }
        );
        for (int i = 0; i < expected.Length; i++)
            Same(expected[i], actual[i]);
    }

    [Fact]
    public async Task TheSameSeed_GivesTheSameTrajectories_BitForBit()
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(4, 3);
        using RolloutEngine engine = new(_policy, new DrawnProtocol(), new StandInSearch());
        Trajectory[] first = (await engine.RunAsync(requests, Plain, Seed, 0, Cancellation)).Trajectories;
        await engine.RunAsync(requests, Plain, Seed.OfInt64(8), 0, Cancellation);
        Trajectory[] again = (await engine.RunAsync(requests, Plain, Seed, 0, Cancellation)).Trajectories;
        for (int i = 0; i < first.Length; i++)
            Same(first[i], again[i], rounding: 0);
    }

    [Fact]
    public async Task SearchesThatTakeAWhile_GiveTheSameTrajectories_BitForBit()
    {
        // Whether a task is done when it is first looked at is chance; batches must not depend on it.
        RolloutRequest[] requests = DrawnProtocol.Requests(4, 3);
        Task<Trajectory[]> Run(Func<string, CancellationToken, ValueTask<Passage[][]>> manner) =>
            this.Run(requests, search: new StandInSearch(manner));
        Trajectory[] done = await Run((query, _) => new(Task.FromResult(StandInSearch.Passages(query))));
        Trajectory[] slow = await Run(
            async (query, cancellation) =>
            {
                await Task.Delay(1 + query.Length % 7, cancellation);
                return StandInSearch.Passages(query);
            }
        );
        Trajectory[] pooled = await Run(
            (query, cancellation) => new(Task.Run(() => StandInSearch.Passages(query), cancellation))
        );
        for (int i = 0; i < requests.Length; i++)
        {
            Same(done[i], slow[i], rounding: 0);
            Same(done[i], pooled[i], rounding: 0);
        }
    }

    [Fact]
    public async Task MembersOfAGroup_AndSeeds_Differ()
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(1, 6);
        Trajectory[] members = await Run(requests);
        Trajectory[] others = await Run(requests, seed: Seed.OfInt64(8));
        Assert.Equal(12, members.Concat(others).Select(trajectory => trajectory.Response).Distinct().Count());
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.6)]
    [InlineData(1.5)]
    public async Task BehaviourLogProbs_EqualTheLearnersAtThatTemperature(double temperature)
    {
        Trajectory[] trajectories = await Run(
            DrawnProtocol.Requests(5, 3),
            sampler: Sampler.AtTemperature(temperature)
        );
        List<ScoredSequence> sequences = [];
        List<double> sampled = [];
        foreach (Trajectory trajectory in trajectories)
        {
            List<int> tokens = [],
                scored = [];
            foreach (Segment segment in trajectory.Segments)
            {
                if (segment is Segment.Action action)
                {
                    scored.AddRange(Enumerable.Range(tokens.Count, action.tokens.Length));
                    sampled.AddRange(action.logProbs);
                }
                tokens.AddRange(segment.Tokens);
            }
            sequences.Add(new ScoredSequence([.. tokens], [.. scored]));
        }
        Near.Equal(
            PolicyPass.LogProbs(_policy, sequences, new() { Temperature = temperature }, out _),
            sampled,
            Rounding,
            Rounding,
            "log-probability"
        );
    }

    [Fact]
    public async Task Statistics_CountWhatWasDone()
    {
        using RolloutEngine engine = new(_policy, new DrawnProtocol(), new StandInSearch());
        List<(int Done, int All)> progress = [];
        engine.Progress = (done, all) => progress.Add((done, all));
        (Trajectory[] trajectories, _, RolloutStatistics statistics) = await engine.RunAsync(
            DrawnProtocol.Requests(4, 3),
            Plain,
            Seed,
            0,
            Cancellation
        );
        Assert.Equal(12, statistics.Episodes);
        Assert.Equal(
            trajectories.Sum(trajectory => Trajectory.GeneratedTokens(trajectory)),
            statistics.GeneratedTokens
        );
        Assert.Equal(0, statistics.FailedSearches);
        // A prompt but its last token is computed once a group; of each member everything else but its last segment's end.
        long shared = trajectories.Chunk(3).Sum(group => group[0].Segments[0].Tokens.Length - 1);
        long own = trajectories.Sum(trajectory =>
            Trajectory.Length(trajectory)
            - (trajectory.Segments[0].Tokens.Length - 1)
            - (trajectory.Segments[^1].IsObservation ? trajectory.Segments[^1].Tokens.Length : 0)
            - 1
        );
        Assert.Equal(shared + own, statistics.ComputedTokens);
        Assert.Equal((12, 12), progress[^1]);
        Assert.Equal(progress.Select(step => step.Done).Distinct().Order(), progress.Select(step => step.Done));

        RolloutBatch none = await engine.RunAsync([], Plain, Seed, 0, Cancellation);
        Assert.Empty(none.Trajectories);
        Assert.Equal(0, none.Statistics.ComputedTokens);
    }

    [Fact]
    public async Task TheLimitOfTheResponse_Truncates()
    {
        DrawnProtocol protocol = new() { ResponseTokens = 25 };
        Trajectory[] trajectories = await Run(DrawnProtocol.Requests(6, 4), protocol: protocol);
        Assert.Contains(trajectories, trajectory => trajectory.Ending.IsTruncated);
        Assert.Contains(trajectories, trajectory => trajectory.Segments[^1].IsObservation);
        foreach (Trajectory trajectory in trajectories)
        {
            int response = Trajectory.Length(trajectory) - trajectory.Segments[0].Tokens.Length;
            Assert.InRange(response, 1, 25);
            if (trajectory.Ending.IsTruncated)
                Assert.Equal(25, response);
        }
    }

    [Fact]
    public async Task ASearchAtTheLimitOfTheResponse_IsNotAsked()
    {
        foreach (int limit in Enumerable.Range(1, 12))
        {
            StandInSearch search = new();
            Trajectory[] trajectories = await Run(
                DrawnProtocol.Requests(3, 3),
                protocol: new() { ResponseTokens = limit },
                search: search
            );
            Assert.Equal(trajectories.Sum(trajectory => trajectory.Searches.Length), search.Queries.Count);
        }
    }

    [Fact]
    public async Task ASearchBeyondTheLimit_IsRefusedOnce_ThenEndsTheEpisode()
    {
        Trajectory[] trajectories = await Run(DrawnProtocol.Requests(8, 4), protocol: new() { MaxSearches = 1 });
        Trajectory[] refused = [.. trajectories.Where(trajectory => trajectory.RefusedSearches > 0)];
        Assert.NotEmpty(refused);
        foreach (Trajectory trajectory in refused)
        {
            Assert.Equal(1, trajectory.RefusedSearches);
            Assert.Single(trajectory.Searches);
            Segment[] observations = [.. trajectory.Segments.Where(segment => segment.IsObservation)];
            Assert.Equal(2, observations.Length);
            Assert.Equal([1, 31, 1], observations[1].Tokens);
        }
        Assert.Contains(
            refused,
            trajectory =>
                trajectory.Ending.IsUnanswered && trajectory.Segments[^1].Tokens[^1] is int last && last % 5 == 0
        );
    }

    [Fact]
    public async Task WithoutARefusal_ASearchBeyondTheLimitEndsTheEpisode()
    {
        StandInSearch search = new();
        Trajectory[] trajectories = await Run(
            DrawnProtocol.Requests(6, 3),
            protocol: new() { MaxSearches = 0, Refusal = null },
            search: search
        );
        Assert.Empty(search.Queries);
        foreach (Trajectory trajectory in trajectories)
        {
            Assert.Equal(2, trajectory.Segments.Length);
            Assert.Equal(0, trajectory.RefusedSearches);
        }
        Assert.Contains(trajectories, trajectory => trajectory.Ending.IsUnanswered);
    }

    [Fact]
    public async Task Cancellation_StopsTheRun_AndTheEngineCanBeUsedAgain()
    {
        using CancellationTokenSource cancelled = new();
        using RolloutEngine engine = new(
            _policy,
            new DrawnProtocol(),
            new StandInSearch(
                (query, _) =>
                {
                    cancelled.Cancel();
                    return ValueTask.FromResult(StandInSearch.Passages(query));
                }
            )
        );
        RolloutRequest[] requests = DrawnProtocol.Requests(4, 3);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            engine.RunAsync(requests, Plain, Seed, 0, cancelled.Token)
        );
        Trajectory[] expected = await Run(requests),
            after = (await engine.RunAsync(requests, Plain, Seed, 0, Cancellation)).Trajectories;
        for (int i = 0; i < requests.Length; i++)
            Same(expected[i], after[i]);
    }

    [Fact]
    public void OptionsOutOfRange_AreRefused()
    {
        foreach (
            EngineOptions options in (EngineOptions[])
                [
                    new() { MaxEpisodes = 0 },
                    new() { MaxPassTokens = 0 },
                    new() { SearchSteps = -1 },
                    new() { SearchPatience = TimeSpan.FromSeconds(-1) },
                    new() { SearchDeadline = TimeSpan.Zero },
                ]
        )
            Assert.Throws<ArgumentOutOfRangeException>(() =>
                new RolloutEngine(_policy, new DrawnProtocol(), new StandInSearch(), options)
            );
    }

    private async Task<Trajectory[]> Run(
        RolloutRequest[] requests,
        DrawnProtocol? protocol = null,
        StandInSearch? search = null,
        EngineOptions? options = null,
        Sampler? sampler = null,
        Seed? seed = null,
        int version = 0
    )
    {
        using RolloutEngine engine = new(_policy, protocol ?? new(), search ?? new(), options);
        return (await engine.RunAsync(requests, sampler ?? Plain, seed ?? Seed, version, Cancellation)).Trajectories;
    }

    private static void Same(Trajectory expected, Trajectory actual, double rounding = Rounding) =>
        TrajectoryAssert.Same(expected, actual, rounding);
}
