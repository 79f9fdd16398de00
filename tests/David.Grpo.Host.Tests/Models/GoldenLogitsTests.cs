using System.Text.Json;
using David.Grpo.Formats;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Models;

/// <summary>What decoders say, equal to transformers' numbers of golden/models.</summary>
public sealed class GoldenLogitsTests
{
    // The tolerance that golden/models/README.md gives for float32 sums of another order.
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Names => GoldenModel.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Logits_EqualTransformers(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement single = golden.Numbers.At("single");
        Near.Equal(
            single.At("logits").Numbers(),
            golden.Policy.Logits(single.At("ids").Ids()),
            Tolerance,
            Tolerance,
            "logit"
        );
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void HiddenStates_OfEachLayer_EqualTransformers(string name)
    {
        using GoldenModel golden = new(name);
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        Decoder policy = golden.Policy;
        JsonElement single = golden.Numbers.At("single");
        PrefixTree tree = new([single.At("ids").Ids()]);
        TreeAttention attention = new(tree, policy.Config.HeadDimension);
        (Tensor cosine, Tensor sine) = policy.Rotary(tree.Positions);
        List<Tensor> states = [policy.Embed(tree.Tokens)];
        for (int i = 0; i < policy.LayerCount; i++)
            states.Add(policy.RunLayer(i, states[^1], cosine, sine, attention));
        states[^1] = policy.FinalNorm(states[^1]); // transformers gives the last one after the norm

        JsonElement expected = single.At("hidden_last_token_by_layer");
        Assert.Equal(expected.GetArrayLength(), states.Count);
        for (int i = 0; i < states.Count; i++)
        {
            long last = states[i].Shape[0] - 1;
            Near.Equal(
                expected[i].Numbers(),
                states[i].Narrow(0, last, 1).ToArray<float>(),
                Tolerance,
                Tolerance,
                $"after {i} layers, number"
            );
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Logits_ThroughTheCache_EqualTransformers(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement single = golden.Numbers.At("single");
        int[] ids = single.At("ids").Ids();
        double[] expected = single.At("logits").Numbers();
        foreach (
            int[] pieces in (int[][])
                [
                    [33],
                    [.. Enumerable.Repeat(1, 33)],
                    [7, 1, 1, 12, 1, 11],
                ]
        )
        {
            using KeyValueCache cache = new(golden.Policy.Config, slots: 8);
            SequenceId sequence = cache.Create();
            List<float> logits = [];
            foreach (int piece in pieces)
                logits.AddRange(golden.Policy.Append(cache, (sequence, ids[cache.Length(sequence)..][..piece])));
            Near.Equal(expected, logits.ToArray(), Tolerance, Tolerance, "logit");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LongContext_EqualsTransformers(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement sample = golden.Numbers.At("long");
        int[] ids = sample.At("ids").Ids();
        double[] packed = PolicyPass.LogProbs(golden.Policy, [TestDecoder.All(ids)], new(), out _);
        Near.Equal(sample.At("log_probs").Numbers(), packed, Tolerance, Tolerance, "log-probability");

        // Through the cache: a prefill of 250 (gathered), then stretches and single tokens (pooled).
        using KeyValueCache cache = new(golden.Policy.Config, slots: 16);
        SequenceId sequence = cache.Create();
        List<float> logits = [];
        foreach (int piece in (int[])[250, 20, 1, 1, 1, 27])
            logits.AddRange(golden.Policy.Append(cache, (sequence, ids[cache.Length(sequence)..][..piece])));
        Near.Equal(sample.At("log_probs").Numbers(), LogProbs(logits.ToArray(), ids), Tolerance, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void RaggedBatch_EqualsEachSequenceByItself(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement[] rows = [.. golden.Numbers.At("ragged").EnumerateArray()];
        int[][] sequences = [.. rows.Select(row => row.At("ids").Ids())];
        double[] expected = [.. rows.SelectMany(row => row.At("log_probs").Numbers())];
        Near.Equal(
            expected,
            PolicyPass.LogProbs(golden.Policy, [.. sequences.Select(TestDecoder.All)], new(), out _),
            Tolerance,
            Tolerance,
            "log-probability"
        );

        using KeyValueCache cache = new(golden.Policy.Config, slots: 4);
        float[] logits = golden.Policy.Append(cache, [.. sequences.Select(row => (cache.Create(), row))]);
        int vocabulary = golden.Policy.Config.VocabularySize;
        int start = 0;
        List<double> cached = [];
        foreach (int[] row in sequences)
        {
            cached.AddRange(LogProbs(logits.AsSpan(start * vocabulary, row.Length * vocabulary).ToArray(), row));
            start += row.Length;
        }
        Near.Equal(expected, cached, Tolerance, Tolerance, "log-probability");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GreedyText_OfTheLearnersPass_EqualsTransformers(string name)
    {
        using GoldenModel golden = new(name);
        int vocabulary = golden.Policy.Config.VocabularySize;
        foreach (JsonElement row in golden.Numbers.At("greedy").EnumerateArray())
        {
            List<int> tokens = [.. row.At("prompt").Ids()];
            int[] expected = row.At("continuation").Ids();
            for (int i = 0; i < expected.Length; i++)
            {
                float[] last = golden.Policy.Logits([.. tokens])[^vocabulary..];
                tokens.Add(Array.IndexOf(last, last.Max()));
            }
            Assert.Equal(expected, tokens[^expected.Length..]);
        }
    }

    [Fact]
    public void Gguf_OfEveryType_EqualsTransformers()
    {
        foreach (
            JsonElement row in GoldenJson.Read("golden/models/tiny-gguf/golden.json.gz").At("cases").EnumerateArray()
        )
        {
            using Decoder policy = TestDecoder.Load(
                Shared.Path("golden/models/tiny-gguf/" + row.At("file").GetString())
            );
            Near.Equal(
                row.At("logits").Numbers(),
                policy.Logits(row.At("ids").Ids()),
                Tolerance,
                Tolerance,
                $"{row.At("type")}: logit"
            );
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void WrittenFolder_GivesTheSameLogits_BitForBit(string name)
    {
        using GoldenModel golden = new(name);
        using Scratch scratch = new();
        ModelFolder.Write(scratch["export"], golden.Policy, tokenizerFolder: null);
        using Decoder again = TestDecoder.Load(scratch["export"]);
        Assert.Equal(golden.Policy.Config.ToJson(), again.Config.ToJson());
        int[] ids = golden.Numbers.At("single").At("ids").Ids();
        Assert.Equal(golden.Policy.Logits(ids), again.Logits(ids));
    }

    [Fact]
    public void WrittenFolder_OfAGguf_GivesTheSameLogits_BitForBit()
    {
        using Decoder policy = TestDecoder.Load(Shared.Path("golden/models/tiny-gguf/tiny-q4_1.gguf"));
        using Scratch scratch = new();
        ModelFolder.Write(scratch["export"], policy);
        using Decoder again = TestDecoder.Load(scratch["export"]);
        int[] ids = [5, 17, 3, 120, 44, 9];
        Assert.Equal(policy.Logits(ids), again.Logits(ids));
    }

    [Fact]
    public void WrittenFolder_BringsTheTokenizerAlong()
    {
        using Decoder policy = TestDecoder.Random(TestDecoder.Small);
        using Scratch scratch = new();
        Directory.CreateDirectory(scratch["from"]);
        scratch.Write("from/tokenizer.json", "{}");
        scratch.Write("from/chat_template.jinja", "{{ x }}");
        scratch.Write("from/notes.txt", "not a tokenizer's");
        ModelFolder.Write(scratch["to"], policy, scratch["from"]);
        ModelFolder.Write(scratch["to"], policy, scratch["from"]); // files of the same names are overwritten
        Assert.Equal(
            ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"],
            Directory.EnumerateFiles(scratch["to"]).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    /// <summary>[T − 1] log-probabilities of each next token, from [T · V] logits, in float64.</summary>
    private static double[] LogProbs(float[] logits, int[] ids)
    {
        int vocabulary = logits.Length / ids.Length;
        double[] logProbs = new double[ids.Length - 1];
        for (int t = 0; t < logProbs.Length; t++)
        {
            ReadOnlySpan<float> row = logits.AsSpan(t * vocabulary, vocabulary);
            double sum = 0;
            foreach (float logit in row)
                sum += Math.Exp(logit);
            logProbs[t] = row[ids[t + 1]] - Math.Log(sum);
        }
        return logProbs;
    }
}
