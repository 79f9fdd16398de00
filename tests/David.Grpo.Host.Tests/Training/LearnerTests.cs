using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Training;

public sealed class LearnerTests
{
    private static readonly MethodOptions Method = new()
    {
        Arm = "grpo",
        Minibatches = 2,
        LearningRate = 1e-2,
        KlCoefficient = 0,
        EntropyCoefficient = 0,
        Temperature = 1,
    };

    [Fact]
    public void TokensOfAnotherVersion_AreRefused_KeptPrefixesToo()
    {
        using Bench bench = new(Method, packTokens: 1000);
        Assert.Equal(2, bench.Update(Groups(version: 0)).OptimizerSteps);
        Assert.Equal(2, bench.Update(Groups(version: 2)).OptimizerSteps);

        ArgumentException refused = Assert.Throws<ArgumentException>(() => bench.Update(Groups(version: 3)));
        Assert.Contains("after 3 updates, but 4 were made", refused.Message, StringComparison.Ordinal);

        Group[] groups = Groups(version: 4);
        Member fork = groups[1].Members[0];
        groups[1] = groups[1]
            .With([
                new Member(Written(fork.Trajectory, 2, 4), fork.Reward, fork.Tree, Origin.NewContinued(2), []),
                groups[1].Members[1],
            ]);
        refused = Assert.Throws<ArgumentException>(() => bench.Update(groups));
        Assert.Contains("after 2 updates, but 4 were made", refused.Message, StringComparison.Ordinal);
        Assert.Equal(4, bench.Optimizer.Steps);
    }

    /// <summary>kl_cov's choice is among all of an update, clip_cov's draw too: where the packs end moves nothing.</summary>
    [Theory]
    [InlineData("clipped_surrogate")]
    [InlineData("gspo")]
    [InlineData("dppo")]
    [InlineData("vespo")]
    [InlineData("dro")]
    [InlineData("clip_cov")]
    [InlineData("kl_cov")]
    public void PacksOfAnySize_MakeTheSameUpdate(string objective)
    {
        MethodOptions method = Method with
        {
            Objective = objective,
            Epochs = 2,
            LearningRate = 1e-3,
            // On policy kl_cov's |log ρ| has the slope of whatever rounding left of 0.
            RecomputeOldLogProbs = objective != "kl_cov",
        };
        using Bench small = new(method, packTokens: 1);
        using Bench large = new(method, packTokens: 1000);

        UpdateReport ofSmall = small.Update(Groups(version: 0));
        UpdateReport ofLarge = large.Update(Groups(version: 0));

        Assert.Equal(4, ofLarge.OptimizerSteps);
        // Sums of float32 in another order, four updates after one another.
        Assert.Equal(ofLarge.Loss, ofSmall.Loss, 1e-4);
        Assert.Equal(ofLarge.GradientNorm, ofSmall.GradientNorm, 1e-3 * ofLarge.GradientNorm);
        Assert.Equal(ofLarge.Diagnostics.Tokens, ofSmall.Diagnostics.Tokens);
        Assert.Equal(ofLarge.Diagnostics.MeanRatio, ofSmall.Diagnostics.MeanRatio, 1e-3);
    }

    [Fact]
    public void PacksOfAnySize_MakeTheSameCritic()
    {
        MethodOptions method = Method with { Arm = "step_search", CriticLearningRate = 1e-3, Minibatches = 1 };
        using Bench small = new(method, packTokens: 1);
        using Bench large = new(method, packTokens: 1000);
        ScoredSequence[] sequences =
        [
            .. Groups(version: 0).SelectMany(group => group.Trajectories).Select(own => ScoredSequence.Of(own)),
        ];
        double[] before = large.Critic!.Values(sequences);

        small.Update(Groups(version: 0));
        large.Update(Groups(version: 0));

        double[] after = large.Critic.Values(sequences);
        Assert.All(before, value => Assert.Equal(0, value));
        Assert.True(after.Max(Math.Abs) > 1e-3);
        Assert.All(after.Zip(small.Critic!.Values(sequences)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Equal(1, small.Critic.Optimizer.Steps);
    }

    [Fact]
    public void ClipFractions_AreTheObjectivesOwn()
    {
        // The second epoch is far from the policy that sampled: tokens are outside of PPO's clip, sequences of gspo's.
        UpdateReport Of(string objective)
        {
            using Bench bench = new(Method with { Objective = objective, Epochs = 4 }, packTokens: 1000);
            return bench.Update(Groups(version: 0));
        }
        double Share(string objective) =>
            Of(objective).Diagnostics is var own ? own.ClipFractionLow + own.ClipFractionHigh : 0;
        Assert.True(Share("gspo") > Share("clipped_surrogate"));
        Assert.Equal(0, Share("reinforce"));
        Assert.True(Of("reinforce").Diagnostics.ApproximateKl != 0);
    }

    [Fact]
    public void AnObjectiveThatCorrectsForTheSampler_IsNotCorrectedTwice()
    {
        foreach (string objective in (string[])["dppo", "vespo"])
        {
            MethodOptions method = Method with { SamplerCorrection = SamplerCorrection.TokenTruncate };
            Assert.NotNull(method.Create(TaskRewards.OfTags(_ => null)));
            ArgumentException refused = Assert.Throws<ArgumentException>(() =>
                (method with { Objective = objective }).Create(TaskRewards.OfTags(_ => null))
            );
            Assert.Contains($"the objective {objective} corrects", refused.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Four questions of two members, one of which is right.</summary>
    private static Group[] Groups(int version) =>
        [
            .. Enumerable
                .Range(0, 4)
                .Select(question =>
                {
                    Question asked = new($"q{question}", "?", ["right"], [], [], "", 1);
                    return Group.Open(question, false, asked).Grown([Of(asked, 0), Of(asked, 1)], 2);

                    Member Of(Question asked, int place)
                    {
                        Trajectory bare = new(
                            asked,
                            [Segment.NewPrompt([3, 4 + question]), .. Actions(question, place)],
                            [],
                            0,
                            Ending.Unanswered,
                            "",
                            ""
                        );
                        double total = place;
                        RewardParts paid = new(total, total, 0, [], []);
                        return new Member(Written(bare, version, version), paid, place, Origin.Sampled, []);
                    }
                }),
        ];

    private static Segment[] Actions(int question, int place)
    {
        Random random = new(10 * question + place);
        return
        [
            .. Enumerable
                .Range(0, 2)
                .Select(_ =>
                {
                    int[] tokens = TestDecoder.Tokens(TestDecoder.Small, 3 + place, random);
                    return Segment.NewAction(tokens, [.. tokens.Select(_ => -4.0)], 0);
                }),
        ];
    }

    /// <summary>The same, its first action sampled by one version and what follows by another.</summary>
    private static Trajectory Written(Trajectory trajectory, int first, int later)
    {
        int actions = 0;
        Segment[] segments =
        [
            .. trajectory.Segments.Select(segment =>
                segment is Segment.Action action
                    ? Segment.NewAction(action.tokens, action.logProbs, actions++ == 0 ? first : later)
                    : segment
            ),
        ];
        return new Trajectory(
            trajectory.Question,
            segments,
            trajectory.Searches,
            trajectory.RefusedSearches,
            trajectory.Ending,
            trajectory.Response,
            trajectory.PromptText
        );
    }

    private sealed class Bench : IDisposable
    {
        private readonly Decoder _policy = TestDecoder.Random(TestDecoder.Small);
        private readonly Learner _learner;

        public Bench(MethodOptions method, int packTokens)
        {
            _policy.RequireGradients();
            Optimizer = new AdamW(_policy.Parameters, new());
            Arm arm = method.Create(TaskRewards.OfTags(_ => null));
            if (arm.HasCritic)
                Critic = new Critic(_policy, new());
            _learner = new Learner(_policy, null, Optimizer, Critic, arm, method, packTokens, checkpointing: false);
        }

        public Critic? Critic { get; }

        public AdamW Optimizer { get; }

        public UpdateReport Update(Group[] groups) => _learner.Update(Phase.Main, groups, Seed.OfInt64(1));

        public void Dispose()
        {
            Critic?.Dispose();
            Optimizer.Dispose();
            _policy.Dispose();
        }
    }
}
