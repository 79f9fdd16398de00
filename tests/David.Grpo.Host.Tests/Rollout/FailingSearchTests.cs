using David.Grpo.Host.Tests.Models;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>A dead tool is an observation, never a stopped run.</summary>
public sealed class FailingSearchTests : IDisposable
{
    private const double Rounding = 1e-4;

    private static readonly Sampler Plain = Sampler.AtTemperature(1);
    private static readonly Seed Seed = Seed.OfInt64(3);
    private static readonly RolloutRequest[] Requests = DrawnProtocol.Requests(4, 3);

    private readonly Decoder _policy = TestDecoder.Random(DrawnProtocol.Config);

    public void Dispose() => _policy.Dispose();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Manners =>
        new()
        {
            { "throws at once", "no route to host" },
            { "throws later", "no route to host" },
            { "throws an aggregate", "no route to host" },
            { "cancels by itself", "the client gave up" },
            { "gives null", "no list of passages" },
            { "gives no list", "no list of passages" },
            { "gives two lists", "no list of passages" },
            { "gives a null list", "no list of passages" },
            { "gives passages that cannot be written", "not in a correct format" },
            { "hangs", "no answer within 0.2 seconds" },
            { "hangs and heeds the deadline", "no answer within 0.2 seconds" },
        };

    [Theory]
    [MemberData(nameof(Manners))]
    public async Task AFailedSearch_IsObserved_AndTheOthersGoOn(string manner, string reason)
    {
        // Queries that begin with an even token fail; without the failing ones the run is as it always was.
        static bool Fails(string query) => DrawnProtocol.Ids(query)[0] % 2 == 0;
        DrawnProtocol protocol = new();
        StandInSearch search = new(
            (query, cancellation) =>
                Fails(query) ? Fail(manner, cancellation) : ValueTask.FromResult(StandInSearch.Passages(query))
        );
        using RolloutEngine engine = new(
            _policy,
            protocol,
            search,
            new() { SearchDeadline = TimeSpan.FromSeconds(0.2), SearchPatience = TimeSpan.FromSeconds(0.05) }
        );
        RolloutBatch batch = await engine.RunAsync(Requests, Plain, Seed, 0, Cancellation);
        Trajectory[] trajectories = batch.Trajectories;

        int failed = 0;
        foreach (Trajectory trajectory in trajectories)
        foreach (SearchTurn turn in trajectory.Searches)
        {
            int[] observation = trajectory.Segments[turn.SegmentsThrough - 1].Tokens;
            if (Fails(turn.Query))
            {
                failed++;
                Assert.Empty(turn.Passages);
                Assert.Equal([1, 41, 1], observation);
            }
            else
                Assert.NotEmpty(turn.Passages);
        }
        Assert.NotEqual(0, failed);
        Assert.Equal(failed, batch.Statistics.FailedSearches);
        Assert.Equal(failed, protocol.Failures.Count);
        Assert.All(protocol.Failures, failure => Assert.Contains(reason, failure, StringComparison.Ordinal));
        Assert.Contains(trajectories, trajectory => trajectory.Ending.IsAnswered);

        using RolloutEngine sound = new(_policy, new DrawnProtocol(), new StandInSearch());
        Trajectory[] expected = (await sound.RunAsync(Requests, Plain, Seed, 0, Cancellation)).Trajectories;
        int untouched = 0;
        for (int i = 0; i < expected.Length; i++)
            if (!expected[i].Searches.Any(turn => Fails(turn.Query)))
            {
                untouched++;
                TrajectoryAssert.Same(expected[i], trajectories[i], Rounding);
            }
        Assert.NotEqual(0, untouched);
    }

    [Fact]
    public async Task ASearchThatIsLate_KeepsNobodyElse()
    {
        // The first query is answered when everybody else has finished; its deadline is far away.
        TaskCompletionSource others = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int asked = 0;
        StandInSearch search = new(
            (query, _) =>
                Interlocked.Increment(ref asked) > 1
                    ? ValueTask.FromResult(StandInSearch.Passages(query))
                    : new(others.Task.ContinueWith(_ => StandInSearch.Passages(query), TaskScheduler.Default))
        );
        using RolloutEngine engine = new(
            _policy,
            new DrawnProtocol(),
            search,
            new() { SearchDeadline = TimeSpan.FromMinutes(1), SearchPatience = TimeSpan.FromMilliseconds(20) }
        )
        {
            Progress = (done, all) =>
            {
                if (done == all - 1)
                    others.SetResult();
            },
        };
        RolloutBatch batch = await engine.RunAsync(Requests, Plain, Seed, 0, Cancellation);
        Trajectory[] trajectories = batch.Trajectories;
        Assert.Equal(0, batch.Statistics.FailedSearches);

        using RolloutEngine sound = new(_policy, new DrawnProtocol(), new StandInSearch());
        Trajectory[] expected = (await sound.RunAsync(Requests, Plain, Seed, 0, Cancellation)).Trajectories;
        for (int i = 0; i < expected.Length; i++)
            TrajectoryAssert.Same(expected[i], trajectories[i], Rounding);
    }

    [Fact]
    public async Task WhereEverySearchHangs_EveryEpisodeEnds()
    {
        using RolloutEngine engine = new(
            _policy,
            new DrawnProtocol { MaxSearches = 2 },
            new StandInSearch((_, _) => new(new TaskCompletionSource<Passage[][]>().Task)),
            new() { SearchDeadline = TimeSpan.FromSeconds(0.1), SearchPatience = TimeSpan.Zero }
        );
        RolloutBatch batch = await engine.RunAsync(Requests, Plain, Seed, 0, Cancellation);
        Trajectory[] trajectories = batch.Trajectories;
        Assert.Equal(trajectories.Sum(trajectory => trajectory.Searches.Length), batch.Statistics.FailedSearches);
        Assert.All(trajectories, trajectory => Assert.All(trajectory.Searches, turn => Assert.Empty(turn.Passages)));
    }

    [Fact]
    public async Task Cancellation_DoesNotWaitForASearch()
    {
        using CancellationTokenSource cancelled = new();
        using RolloutEngine engine = new(
            _policy,
            new DrawnProtocol(),
            new StandInSearch(
                (_, _) =>
                {
                    cancelled.CancelAfter(20);
                    return new(new TaskCompletionSource<Passage[][]>().Task);
                }
            ),
            new() { SearchDeadline = TimeSpan.FromMinutes(5), SearchPatience = TimeSpan.FromMinutes(5) }
        );
        await Assert
            .ThrowsAnyAsync<OperationCanceledException>(() =>
                engine.RunAsync(Requests, Plain, Seed, 0, cancelled.Token)
            )
            .WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
    }

    private static ValueTask<Passage[][]> Fail(string manner, CancellationToken cancellation)
    {
        Passage unreadable = new(new PassageId("p"), "title", "no number");
        return manner switch
        {
            "throws at once" => throw new IOException("no route to host"),
            "throws later" => Later(),
            "throws an aggregate" => new(
                Task.Run(() => Task.WhenAll(Later().AsTask(), Later().AsTask()))
                    .ContinueWith<Passage[][]>(failed => throw failed.Exception!, TaskScheduler.Default)
            ),
            "cancels by itself" => throw new TaskCanceledException("the client gave up"),
            "gives null" => ValueTask.FromResult<Passage[][]>(null!),
            "gives no list" => ValueTask.FromResult<Passage[][]>([]),
            "gives two lists" => ValueTask.FromResult<Passage[][]>([
                [],
                [],
            ]),
            "gives a null list" => ValueTask.FromResult<Passage[][]>([null!]),
            "gives passages that cannot be written" => ValueTask.FromResult<Passage[][]>([
                [unreadable],
            ]),
            "hangs" => new(new TaskCompletionSource<Passage[][]>().Task),
            "hangs and heeds the deadline" => Heeding(cancellation),
            _ => throw new ArgumentOutOfRangeException(nameof(manner), manner, "unknown"),
        };
    }

    private static async ValueTask<Passage[][]> Later()
    {
        await Task.Delay(5, CancellationToken.None);
        throw new IOException("no route to host");
    }

    private static async ValueTask<Passage[][]> Heeding(CancellationToken cancellation)
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        return [];
    }
}
