using David.Grpo.Host.Tests.Models;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>Trajectories that go on from a parent's cut.</summary>
public sealed class ContinuationTests : IDisposable
{
    private const double Rounding = 1e-4;

    private static readonly Sampler Plain = Sampler.AtTemperature(1);
    private static readonly Seed Seed = Seed.OfInt64(5);

    private readonly Decoder _policy = TestDecoder.Random(DrawnProtocol.Config);

    public void Dispose() => _policy.Dispose();

    [Fact]
    public async Task TheKeptPart_StaysAsItWas_AndTheRestIsNew()
    {
        int cuts = 0;
        foreach ((RolloutRequest request, Trajectory parent) in await Parents())
        foreach (SearchTurn turn in parent.Searches)
        {
            int kept = turn.SegmentsThrough;
            RolloutRequest[] members =
            [
                .. Enumerable
                    .Range(20, 3)
                    .Select(member => request with { Member = member, Parent = parent, KeptSegments = kept }),
            ];
            Trajectory[] children = await Run(members, version: 8);
            foreach (Trajectory child in children)
            {
                TrajectoryAssert.Same(parent.Segments[..kept], child.Segments[..kept], rounding: 0);
                Assert.Equal(
                    parent.Searches.TakeWhile(search => search.SegmentsThrough <= kept),
                    child.Searches.TakeWhile(search => search.SegmentsThrough <= kept)
                );
                Assert.All(child.Segments[kept..].OfType<Segment.Action>(), action => Assert.Equal(8, action.version));
                Assert.All(child.Segments[..kept].OfType<Segment.Action>(), action => Assert.Equal(4, action.version));
                Assert.Equal(parent.PromptText, child.PromptText);
                Assert.InRange(child.Searches.Length, 0, 4);
                Assert.Equal(
                    string.Concat(child.Segments.Skip(1).Select(segment => DrawnProtocol.Text(segment.Tokens) + " ")),
                    child.Response
                );
            }
            cuts++;
        }
        Assert.True(cuts > 5);
    }

    [Fact]
    public async Task WithTheParentsOwnRandomNumbers_TheParentComesOutAgain()
    {
        foreach ((RolloutRequest request, Trajectory parent) in await Parents())
        foreach (SearchTurn turn in parent.Searches)
        {
            RolloutRequest again = request with { Parent = parent, KeptSegments = turn.SegmentsThrough };
            TrajectoryAssert.Same(parent, Assert.Single(await Run([again], version: 4)), Rounding);
        }
    }

    [Fact]
    public async Task TwoRequestsThatWouldBeOneRollout_AreRefused()
    {
        RolloutRequest request = DrawnProtocol.Requests(1, 1)[0];
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() =>
            Run([request, request], version: 4)
        );
        Assert.Contains("the same rollout twice", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FromThePromptAlone_ItIsAFreshTrajectory()
    {
        foreach ((RolloutRequest request, Trajectory parent) in await Parents())
        {
            RolloutRequest fresh = request with { Member = 30 };
            Trajectory[] alone = await Run([fresh], version: 4);
            Trajectory[] continued = await Run([fresh with { Parent = parent, KeptSegments = 1 }], version: 4);
            TrajectoryAssert.Same(alone[0], continued[0], Rounding);
        }
    }

    [Fact]
    public async Task ARefusalThatIsKept_Counts()
    {
        DrawnProtocol limited = new() { MaxSearches = 1 };
        RolloutRequest[] requests = DrawnProtocol.Requests(8, 4);
        Trajectory[] parents = await Run(requests, version: 4, limited);
        int index = Array.FindIndex(parents, parent => parent.RefusedSearches == 1);
        Assert.True(index >= 0);
        Trajectory parent = parents[index];
        int kept = Array.FindLastIndex(parent.Segments, segment => segment.IsObservation) + 1;
        limited.TurnSearches.Clear();
        Trajectory child = Assert.Single(
            await Run([requests[index] with { Parent = parent, KeptSegments = kept }], version: 4, limited)
        );
        TrajectoryAssert.Same(parent, child, Rounding);
        Assert.Equal([2], limited.TurnSearches); // one answered, one refused
    }

    [Fact]
    public async Task APartThatFillsTheResponse_IsNotGoneOnWith()
    {
        DrawnProtocol limited = new() { ResponseTokens = 25 };
        RolloutRequest[] requests = DrawnProtocol.Requests(6, 4);
        Trajectory[] parents = await Run(requests, version: 4, limited);
        int index = Array.FindIndex(parents, parent => parent.Segments[^1].IsObservation);
        Assert.True(index >= 0);
        RolloutRequest again = requests[index] with
        {
            Member = 30,
            Parent = parents[index],
            KeptSegments = parents[index].Segments.Length,
        };
        TrajectoryAssert.Same(parents[index], Assert.Single(await Run([again], version: 8, limited)), rounding: 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1000)]
    public async Task ACutOutsideTheParent_IsRefused(int kept)
    {
        (RolloutRequest request, Trajectory parent) = (await Parents())[0];
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            Run([request with { Parent = parent, KeptSegments = kept }], version: 4)
        );
        Assert.Contains($"KeptSegments is {kept}", error.Message, StringComparison.Ordinal);
    }

    private async Task<(RolloutRequest Request, Trajectory Parent)[]> Parents()
    {
        RolloutRequest[] requests = DrawnProtocol.Requests(4, 3);
        return [.. requests.Zip(await Run(requests, version: 4)).Where(pair => pair.Second.Searches.Length > 0)];
    }

    private async Task<Trajectory[]> Run(RolloutRequest[] requests, int version, DrawnProtocol? protocol = null)
    {
        using RolloutEngine engine = new(_policy, protocol ?? new(), new StandInSearch());
        return (
            await engine.RunAsync(requests, Plain, Seed, version, TestContext.Current.CancellationToken)
        ).Trajectories;
    }
}
