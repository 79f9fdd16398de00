using System.Diagnostics;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Training;

/// <summary>The same work as in the programs that ../shared/peers measures.</summary>
public sealed class PeerWorkloadTests(ITestOutputHelper output)
{
    [Fact]
    public void TokenIds_AreThePeers()
    {
        // peers/README.md
        Assert.Equal(16321491304643971414UL, PeerWorkload.Hash(1, 0, 0, 0));
        PeerWorkload workload = new("short", groups: 1, vocabulary: 512);
        Assert.Equal([474, 112, 77, 45, 79, 425, 400, 437], workload.Sequences[0].Tokens[..8]);
    }

    /// <summary>Half a minute to two of work; run it by name.</summary>
    [Fact(Explicit = true)]
    public void FirstLossAndGradientNorm_OfSmolLM2_EqualThePeers()
    {
        using Decoder policy = TestDecoder.Load(Shared.Path("models/smollm2-135m-instruct/model-q4_1.gguf"));
        policy.RequireGradients();
        PeerWorkload workload = new("hotpot", groups: 1, policy.Config.VocabularySize);
        int[] owner = [.. workload.Sequences.SelectMany((sequence, i) => sequence.Scored.Select(_ => i))];
        double loss = 0;
        long began = Stopwatch.GetTimestamp();
        PolicyPass.Accumulate(
            policy,
            workload.Sequences,
            new() { LogitRows = 128 },
            (logProbs, _) =>
            {
                // The old log-probabilities are the current ones.
                TokenBatch batch = TokenBatch.Create(
                    owner,
                    [.. workload.Sequences.Select(_ => 0)],
                    [.. owner.Select(i => workload.Advantages[i])],
                    logProbs,
                    []
                );
                Loss surrogate = Objective.ClippedSurrogate(
                    Clip.Symmetric(0.2),
                    Aggregation.Weights(Aggregation.TokenMean, batch),
                    batch,
                    logProbs
                );
                loss = surrogate.Value;
                return new Slopes(surrogate.Gradient);
            }
        );
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        int tokens = workload.Sequences.Sum(sequence => sequence.Tokens.Length);
        output.WriteLine(
            $"{tokens} tokens in {seconds:0.0} s: {tokens / seconds:0} tokens/s with {Torch.Threads} threads"
        );
        Near.Equal([-0.017084], [loss], 1e-6, 0, "loss");
        Near.Equal([2.749578], [Tensor.GradientNorm(policy.Parameters)], 0, 1e-3, "gradient norm");
    }
}
