using David.Grpo.Host.Tests.Models;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>What happens where a budget ends among episodes.</summary>
public sealed class AllowanceTests : IDisposable
{
    private static readonly Seed Seed = Seed.OfInt64(7);
    private readonly Decoder _policy = TestDecoder.Random(DrawnProtocol.Config);
    private readonly RolloutRequest[] _requests = DrawnProtocol.Requests(6, 4);

    public void Dispose() => _policy.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(25)]
    [InlineData(60)]
    public async Task NoTokenIsSampledBeyondTheAllowance(int tokens)
    {
        (Trajectory[] all, _) = await RunAsync(Allowance.Unlimited);
        (Trajectory[] cut, RolloutStatistics statistics) = await RunAsync(
            Allowance.Unlimited with
            {
                GeneratedTokens = tokens,
            }
        );

        Assert.True(all.Sum(Trajectory.GeneratedTokens) > 60);
        Assert.InRange(cut.Sum(Trajectory.GeneratedTokens), 0, tokens);
        Assert.NotEmpty(statistics.Cut);
        for (int i = 0; i < cut.Length; i++)
            if (statistics.Cut.Contains(i))
                Assert.True(cut[i].Ending.IsTruncated);
            else
                Assert.Equal(all[i].Response, cut[i].Response);
    }

    [Fact]
    public async Task NoSearchIsAskedBeyondTheAllowance()
    {
        (Trajectory[] cut, RolloutStatistics statistics) = await RunAsync(Allowance.Unlimited with { Searches = 5 });

        Assert.InRange(cut.Sum(trajectory => trajectory.Searches.Length), 0, 5);
        Assert.NotEmpty(statistics.Cut);
    }

    [Fact]
    public async Task WithEnough_NothingIsCut()
    {
        (Trajectory[] all, RolloutStatistics statistics) = await RunAsync(Allowance.Unlimited);
        (Trajectory[] enough, RolloutStatistics same) = await RunAsync(
            new Allowance(
                statistics.GeneratedTokens + _requests.Length,
                all.Sum(trajectory => trajectory.Searches.Length)
            )
        );

        Assert.Empty(statistics.Cut);
        Assert.Empty(same.Cut);
        Assert.Equal(all.Select(trajectory => trajectory.Response), enough.Select(trajectory => trajectory.Response));
    }

    private async Task<(Trajectory[] Trajectories, RolloutStatistics Statistics)> RunAsync(Allowance allowance)
    {
        using RolloutEngine engine = new(_policy, new DrawnProtocol(), new StandInSearch());
        RolloutBatch batch = await engine.RunAsync(
            _requests,
            Sampler.AtTemperature(1),
            Seed,
            version: 0,
            TestContext.Current.CancellationToken,
            allowance
        );
        return (batch.Trajectories, batch.Statistics);
    }
}
