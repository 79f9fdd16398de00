using System.Text.Json;
using David.Grpo.Host.Tests.Rollout;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Models;

/// <summary>The real SmolLM2-135M-Instruct, loaded from its GGUF file once for all tests of a class.</summary>
public sealed class SmolLM2 : IDisposable
{
    private readonly Lazy<Decoder> _policy = new(() =>
        TestDecoder.Load(Shared.Path("models/smollm2-135m-instruct/model-q4_1.gguf"))
    );

    /// <summary>Skips the running test where the model is absent.</summary>
    public Decoder Policy => _policy.Value;

    public void Dispose()
    {
        if (_policy.IsValueCreated)
            _policy.Value.Dispose();
    }
}

/// <summary>Equal to transformers' numbers; the tolerance is that of golden/models/README.md.</summary>
public sealed class SmolLM2Tests(SmolLM2 model) : IClassFixture<SmolLM2>
{
    private const double Tolerance = 2e-3;

    private static readonly Lazy<JsonElement> s_golden = new(() => GoldenJson.Read("golden/models/smollm2.json.gz"));

    [Fact]
    public void LogProbsAndEntropies_OfPassages_EqualTransformers()
    {
        JsonElement[] texts = [.. s_golden.Value.At("texts").EnumerateArray()];
        Assert.Equal(134_515_008, model.Policy.ParameterCount);
        // The entropy of every position: one token more, so that the last position is asked too.
        double[] logProbs = PolicyPass.LogProbs(
            model.Policy,
            [.. texts.Select(text => TestDecoder.All([.. text.At("ids").Ids(), 2]))],
            new() { LogitRows = 128 },
            out double[] entropies
        );
        int start = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            int count = texts[i].At("ids").GetArrayLength();
            Near.Equal(
                texts[i].At("log_probs").Numbers(),
                logProbs[start..(start + count - 1)],
                Tolerance,
                0,
                $"text {i}, log-probability"
            );
            Near.Equal(
                texts[i].At("entropies").Numbers(),
                entropies[start..(start + count)],
                Tolerance,
                0,
                $"text {i}, entropy"
            );
            start += count;
        }
        Assert.Equal(start, logProbs.Length);
    }

    [Fact]
    public void LikeliestNextTokens_OfPassages_EqualTransformers()
    {
        using KeyValueCache cache = new(model.Policy.Config, slots: 512);
        foreach (JsonElement text in s_golden.Value.At("texts").EnumerateArray().Take(4))
        {
            using TensorScope scope = new();
            using GradientRecording recording = Torch.WithoutGradients();
            int[] ids = text.At("ids").Ids();
            IAttention attention = cache.Append([(cache.Create(), ids.Length)]);
            Tensor hidden = model.Policy.Forward(ids, [.. Enumerable.Range(0, ids.Length)], attention);
            float[] logits = model.Policy.Logits(hidden.Narrow(0, ids.Length - 1, 1)).ToArray<float>();
            int[] best = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(10)];
            Near.Equal(
                text.At("last_top10_logits").Numbers(),
                [.. best.Select(id => (double)logits[id])],
                Tolerance,
                0,
                "logit"
            );
            Assert.Equal(text.At("last_top10_ids").Ids(), best);
            cache.Clear();
        }
    }

    [Fact]
    public async Task GreedyAnswers_ThroughTheEngine_EqualTransformers() =>
        await GoldenGenerationTests.AssertGreedy(
            model.Policy,
            s_golden.Value,
            "prompt_ids",
            "continuation_ids",
            tokens: 64
        );
}
