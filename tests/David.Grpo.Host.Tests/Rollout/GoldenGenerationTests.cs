using System.Text.Json;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Host.Tests.Rollout;

/// <summary>Greedy text through the engine, equal to transformers' of golden/models.</summary>
public sealed class GoldenGenerationTests
{
    public static TheoryData<string> Names => GoldenModel.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task GreedyText_OfTheEngine_EqualsTransformers(string name)
    {
        using GoldenModel golden = new(name);
        await AssertGreedy(golden.Policy, golden.Numbers, "prompt", "continuation", tokens: 24);
    }

    /// <summary>The rows of "greedy", side by side in one run.</summary>
    internal static async Task AssertGreedy(
        Decoder policy,
        JsonElement numbers,
        string prompt,
        string continuation,
        int tokens
    )
    {
        JsonElement[] rows = [.. numbers.At("greedy").EnumerateArray()];
        GivenPrompts prompts = new([.. rows.Select(row => row.At(prompt).Ids())], tokens, endToken: 2);
        using RolloutEngine engine = new(policy, prompts, prompts);
        Trajectory[] trajectories = (
            await engine.RunAsync(
                prompts.Requests,
                Sampler.Greedy,
                Seed.OfInt64(1),
                version: 0,
                TestContext.Current.CancellationToken
            )
        ).Trajectories;
        List<ScoredSequence> sequences = [];
        List<double> sampled = [];
        for (int i = 0; i < rows.Length; i++)
        {
            Segment.Action action = Assert.IsType<Segment.Action>(trajectories[i].Segments[1]);
            Assert.Equal(rows[i].At(continuation).Ids(), action.tokens);
            Assert.Equal(action.tokens[^1] == 2 ? Ending.Unanswered : Ending.Truncated, trajectories[i].Ending);
            int start = trajectories[i].Segments[0].Tokens.Length;
            sequences.Add(
                new(
                    [.. trajectories[i].Segments[0].Tokens, .. action.tokens],
                    [.. Enumerable.Range(start, action.tokens.Length)]
                )
            );
            sampled.AddRange(action.logProbs);
        }
        Near.Equal(PolicyPass.LogProbs(policy, sequences, new() { LogitRows = 128 }, out _), sampled, 2e-3);
    }
}
