using David.Grpo.Exits;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>Exits on episodes of a random policy, whose turns are drawn: searches, answers, refusals and stops.</summary>
public sealed class ExitPolicyTests : IDisposable
{
    // Log-probabilities of passes of other sizes: float32 sums in another order.
    private const double Rounding = 1e-4;

    private static readonly ConfidenceMeasure Sureness = ConfidenceMeasure.NewTokens(
        TokenMeasure.GeometricMean,
        FirstToken.Counted
    );

    private static readonly RolloutRequest[] Requests = DrawnProtocol.Requests(6, 4);

    private readonly Decoder _policy = TestDecoder.Random(DrawnProtocol.Config);

    public void Dispose() => _policy.Dispose();

    [Fact]
    public async Task AtAnInfiniteThreshold_TrajectoriesAreThoseWithoutChecks_BitForBit()
    {
        RolloutBatch plain = await RunAsync(null),
            watched = await RunAsync(Rule(double.PositiveInfinity));
        for (int i = 0; i < Requests.Length; i++)
            TrajectoryAssert.Same(plain.Trajectories[i], watched.Trajectories[i], rounding: 0);
        Assert.Empty(plain.Exits);
        Assert.All(watched.Exits, exit => Assert.False(exit.IsEarly));
        Assert.Equal(plain.Statistics.GeneratedTokens, watched.Statistics.GeneratedTokens);
        Assert.Equal(watched.Statistics.TrialTokens, watched.Statistics.ThrownTokens);
        Assert.Equal(0, plain.Statistics.TrialTokens);
    }

    [Fact]
    public async Task ChecksAreMade_BeforeTheFirstTurn_AndAfterEachObservation()
    {
        RolloutBatch run = await RunAsync(Rule(double.PositiveInfinity));
        Assert.Contains(run.Trajectories, trajectory => trajectory.RefusedSearches > 0);
        foreach ((Trajectory trajectory, EpisodeExit exit) in run.Trajectories.Zip(run.Exits))
        {
            int[] turns =
            [
                1,
                .. trajectory
                    .Segments.Index()
                    .Where(segment => segment.Item.IsObservation)
                    .Select(segment => segment.Index + 1),
            ];
            // No trial is forced where its opening, of 2 tokens, would leave no room in the response's 120.
            int Written(int segments) => trajectory.Segments[1..segments].Sum(segment => segment.Tokens.Length);
            Assert.Equal(turns.Where(segments => Written(segments) < 118), exit.Trials.Select(trial => trial.Segments));
            Assert.All(
                exit.Trials,
                trial =>
                    Assert.Equal(
                        trajectory.Searches.Count(search => search.SegmentsThrough <= trial.Segments),
                        trial.Searches
                    )
            );
        }
    }

    [Fact]
    public async Task ATrialAnswer_IsGreedy_AndHasTheLearnersLogProbs()
    {
        RolloutBatch run = await RunAsync(Rule(double.PositiveInfinity));
        List<ScoredSequence> sequences = [];
        List<double> decoded = [];
        foreach ((Trajectory trajectory, EpisodeExit exit) in run.Trajectories.Zip(run.Exits))
        foreach (TrialAnswer trial in exit.Trials)
        {
            int[] before = [.. trajectory.Segments.Take(trial.Segments).SelectMany(segment => segment.Tokens)];
            Assert.Equal([37, 41], trial.Tokens[..2]);
            sequences.Add(
                new ScoredSequence(
                    [.. before, .. trial.Tokens],
                    [.. Enumerable.Range(before.Length, trial.Tokens.Length)]
                )
            );
            decoded.AddRange(trial.LogProbs);
            int[] answer = trial.Tokens[2..];
            Assert.Equal(trial.Move.IsAnswer ? DrawnProtocol.Text(answer) : "", trial.Trial.Answer);
            Assert.Equal(trial.Move.IsAnswer ? answer.Length : 0, trial.Trial.Tokens.Length);
            for (int i = 0; i < trial.Trial.Tokens.Length; i++)
            {
                Assert.Equal(trial.LogProbs[i + 2], trial.Trial.Tokens[i].TopLogProb);
                Assert.True(trial.Trial.Tokens[i].SecondLogProb <= trial.Trial.Tokens[i].TopLogProb);
            }
        }
        Assert.Contains(run.Exits, exit => exit.Trials.Any(trial => trial.Move.IsAnswer));
        Near.Equal(
            PolicyPass.LogProbs(_policy, sequences, new(), out _),
            decoded,
            Rounding,
            Rounding,
            "log-probability"
        );
    }

    [Fact]
    public async Task AtThresholdZero_EveryEpisodeAnswersAtTheFirstCheck()
    {
        StandInSearch search = new();
        RolloutBatch run = await RunAsync(Rule(0), search: search);
        Assert.Empty(search.Queries);
        Assert.Equal(0, run.Statistics.GeneratedTokens);
        Assert.Contains(run.Trajectories, trajectory => trajectory.Ending.IsAnswered);
        foreach ((Trajectory trajectory, EpisodeExit exit) in run.Trajectories.Zip(run.Exits))
        {
            TrialAnswer trial = Assert.Single(exit.Trials);
            Assert.True(exit.IsEarly);
            Assert.Equal(0, exit.Thrown);
            Assert.Equal(2, trajectory.Segments.Length);
            Segment.Action action = Assert.IsType<Segment.Action>(trajectory.Segments[1]);
            Assert.Equal(trial.Tokens, action.tokens);
            Assert.Equal(trial.LogProbs, action.logProbs);
            Assert.Equal(
                trial.Move is Move.Answer answer ? Ending.NewAnswered(answer.answer) : Ending.Unanswered,
                trajectory.Ending
            );
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    public async Task PatienceAndFloor_AreKept(int patience, int floor)
    {
        int first = Math.Max(patience - 1, floor);
        RolloutBatch full = await RunAsync(Rule(double.PositiveInfinity)),
            run = await RunAsync(Rule(0, patience, floor));
        Assert.Contains(run.Exits, exit => exit.IsEarly);
        for (int i = 0; i < Requests.Length; i++)
        {
            bool reaches = full.Exits[i].Trials.Length > first;
            Assert.Equal(reaches, run.Exits[i].IsEarly);
            if (reaches)
                Assert.Equal(first + 1, run.Exits[i].Trials.Length);
            else
                TrajectoryAssert.Same(full.Trajectories[i], run.Trajectories[i], Rounding);
        }
    }

    [Theory]
    [InlineData(0.4)]
    [InlineData(0.8)]
    [InlineData(0.95)]
    public async Task Episodes_GoAsAReplayOfTheFullRunsSays(double quantile)
    {
        await SameAsReplay(ExitCriterion.NewConfidence(Sureness, 1, 0), quantile);
        await SameAsReplay(ExitCriterion.NewConfidence(Sureness, 2, 1), quantile / 2);
    }

    [Theory]
    [InlineData(0.4)]
    [InlineData(0.8)]
    [InlineData(0.95)]
    public async Task Gates_GoAsAReplayOfTheFullRunsSays(double quantile)
    {
        // Gains are above 0 throughout, so that every threshold is minus a price.
        GateWeights weights = new(bias: 1, scoreGap: 0, answerEntropy: 0.25, hopsLeft: 0.05, redundancy: -0.1);
        await SameAsReplay(ExitCriterion.NewGain(weights, 1), quantile);
    }

    [Fact]
    public async Task Tokens_AreInATrajectoryOrThrownAway()
    {
        foreach (ExitPolicy policy in (ExitPolicy[])[Rule(0.1), Rule(0.1, patience: 2), Gate(0.7), Gate(2)])
        {
            RolloutBatch run = await RunAsync(policy);
            Assert.Contains(run.Exits, exit => exit.IsEarly);
            Assert.Equal(
                run.Trajectories.Sum(trajectory => (long)Trajectory.GeneratedTokens(trajectory)),
                run.Statistics.GeneratedTokens + run.Statistics.TrialTokens - run.Statistics.ThrownTokens
            );
            Assert.Equal(run.Statistics.ThrownTokens, run.Exits.Sum(exit => exit.Thrown));
        }
    }

    [Fact]
    public async Task AGateThatFindsEverySearchTooDear_LetsNobodySearch()
    {
        StandInSearch search = new();
        RolloutBatch full = await RunAsync(null),
            run = await RunAsync(Gate(1e9), search: search);
        for (int i = 0; i < Requests.Length; i++)
        {
            bool asks = full.Trajectories[i].Searches.Length > 0;
            // Without a trial answer there is nothing to give in the search's place.
            if (asks && run.Exits[i].Trials[0].Move.IsAnswer)
            {
                Assert.True(run.Exits[i].IsEarly);
                Assert.Equal(2, run.Trajectories[i].Segments.Length);
                Assert.Equal(full.Trajectories[i].Segments[1].Tokens.Length, run.Exits[i].Thrown);
            }
            else if (!asks)
            {
                Assert.Empty(run.Exits[i].Trials);
                TrajectoryAssert.Same(full.Trajectories[i], run.Trajectories[i], Rounding);
            }
        }
        Assert.True(search.Queries.Count < full.Trajectories.Sum(trajectory => trajectory.Searches.Length));
    }

    [Fact]
    public async Task AGateThatFindsEverySearchWorthIt_ChangesNothing_BitForBit()
    {
        RolloutBatch plain = await RunAsync(null),
            run = await RunAsync(Gate(0, bias: 1, redundancy: double.PositiveInfinity));
        for (int i = 0; i < Requests.Length; i++)
            TrajectoryAssert.Same(plain.Trajectories[i], run.Trajectories[i], rounding: 0);
    }

    [Theory]
    [InlineData(1, 2048)]
    [InlineData(128, 1)]
    [InlineData(5, 16)]
    public async Task LimitsOfTheEngine_ChangeNoExit(int maxEpisodes, int maxPassTokens)
    {
        RolloutBatch expected = await RunAsync(Rule(0.15)),
            actual = await RunAsync(Rule(0.15), new() { MaxEpisodes = maxEpisodes, MaxPassTokens = maxPassTokens });
        for (int i = 0; i < Requests.Length; i++)
        {
            TrajectoryAssert.Same(expected.Trajectories[i], actual.Trajectories[i], Rounding);
            Assert.Equal(expected.Exits[i].Thrown, actual.Exits[i].Thrown);
        }
    }

    [Fact]
    public async Task TheResponsesLimit_HoldsForTrials()
    {
        DrawnProtocol protocol = new() { ResponseTokens = 25 };
        RolloutBatch run = await RunAsync(Rule(0.5), protocol: protocol);
        Assert.Contains(run.Exits, exit => exit.Trials.Length > 1);
        foreach ((Trajectory trajectory, EpisodeExit exit) in run.Trajectories.Zip(run.Exits))
        {
            Assert.InRange(Trajectory.Length(trajectory) - trajectory.Segments[0].Tokens.Length, 1, 25);
            foreach (TrialAnswer trial in exit.Trials)
            {
                int before = trajectory.Segments.Take(trial.Segments).Skip(1).Sum(segment => segment.Tokens.Length);
                Assert.InRange(before + trial.Tokens.Length, 3, 25);
            }
        }
    }

    [Fact]
    public async Task TheAllowance_HoldsForTrialsToo()
    {
        foreach (int tokens in (int[])[60, 120, 200])
        {
            RolloutBatch run = await RunAsync(
                Rule(double.PositiveInfinity),
                new() { MaxEpisodes = 2 },
                allowance: new Allowance(tokens, long.MaxValue)
            );
            Assert.InRange(run.Statistics.GeneratedTokens + run.Statistics.TrialTokens, 1, tokens);
            Assert.NotEmpty(run.Statistics.Cut);
        }
    }

    [Fact]
    public async Task NothingIsLeftInTheCache()
    {
        foreach (ExitPolicy policy in (ExitPolicy[])[Rule(0.15), Rule(double.PositiveInfinity), Gate(0.7)])
        {
            using RolloutEngine engine = Engine(policy);
            await engine.RunAsync(Requests, Sampler.AtTemperature(1), Seed.OfInt64(7), 0, Cancellation);
            Assert.Equal(0, engine.CachedTokens);
        }
    }

    [Fact]
    public void WhatCannotBeMeasured_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Engine(Rule(0.5) with { TrialTokens = 0 }));
        ArgumentException refused = Assert.Throws<ArgumentException>(() =>
            Engine(new ExitPolicy { Rule = new ExitThreshold(ConfidenceMeasure.VoteShare, 0.5, 1, 0) })
        );
        Assert.Contains("VoteShare", refused.Message);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ExitPolicy Rule(double threshold, int patience = 1, int floor = 0) =>
        new() { Rule = new ExitThreshold(Sureness, threshold, patience, floor) };

    private static ExitPolicy Gate(double price, double bias = 0, double redundancy = 1) =>
        new() { Gate = new SearchGate(new GateWeights(bias, 0, 0.25, 0, 0), 1, price, redundancy) };

    /// <param name="quantile">Of the checks' confidences, the threshold.</param>
    private async Task SameAsReplay(ExitCriterion criterion, double quantile)
    {
        RolloutBatch full = await RunAsync(ExitSettings.Recording(20));
        RecordedRun[] runs = [.. Result(full).Runs().Select(run => run.Run)];
        double[] confidences =
        [
            .. runs.SelectMany(run => ExitCalibration.Checks(criterion, run).SkipLast(1))
                .Select(check => check.Confidence)
                .Where(double.IsFinite),
        ];
        Threshold tau = Threshold.NewAt(0, Statistics.Quantile(quantile, confidences));
        ExitedRun[] replayed = ExitCalibration.Replay(criterion, tau, runs);
        RolloutBatch live = await RunAsync(ExitSettings.Policy(criterion, tau, 20));
        Assert.Contains(live.Exits, exit => exit.IsEarly);
        Assert.Contains(live.Exits, exit => !exit.IsEarly);
        foreach ((ExitedRun expected, ExitedRun actual) in replayed.Zip(Result(live).Runs()))
        {
            Assert.Equal(expected.IsEarly, actual.IsEarly);
            Assert.Equal(expected.Thrown, actual.Thrown);
            Assert.Equal(expected.Run.Spent, actual.Run.Spent);
            Assert.Equal(expected.Run.Score, actual.Run.Score);
        }
    }

    private RolloutEngine Engine(
        ExitPolicy? exits,
        EngineOptions? options = null,
        DrawnProtocol? protocol = null,
        StandInSearch? search = null
    ) => new(_policy, protocol ?? new() { MaxSearches = 3 }, search ?? new(), options, exits);

    private async Task<RolloutBatch> RunAsync(
        ExitPolicy? exits,
        EngineOptions? options = null,
        DrawnProtocol? protocol = null,
        StandInSearch? search = null,
        Allowance? allowance = null
    )
    {
        using RolloutEngine engine = Engine(exits, options, protocol, search);
        RolloutBatch batch = await engine.RunAsync(
            Requests,
            Sampler.AtTemperature(1),
            Seed.OfInt64(7),
            0,
            Cancellation,
            allowance
        );
        Assert.Equal(exits is null ? 0 : Requests.Length, batch.Exits.Count);
        return batch;
    }

    private static EvaluationResult Result(RolloutBatch batch) =>
        new(batch.Trajectories, [], null!) { Exits = batch.Exits };
}
