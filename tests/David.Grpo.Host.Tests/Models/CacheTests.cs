using David.Grpo.Formats;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Models;

public sealed class CacheTests : IDisposable
{
    // Logits are of size 10; the paths sum in another order.
    private const double Rounding = 2e-4;

    private readonly Decoder _policy = TestDecoder.Random(TestDecoder.Small);
    private readonly Random _random = new(1);

    private static ModelConfig Config => TestDecoder.Small;

    public void Dispose() => _policy.Dispose();

    [Fact]
    public void Fork_EqualsFreshPrefill()
    {
        int[] parentTokens = TestDecoder.Tokens(Config, 24, _random);
        using KeyValueCache cache = new(Config, slots: 16);
        SequenceId parent = cache.Create();
        _policy.Append(cache, (parent, parentTokens));
        for (int kept = 0; kept <= parentTokens.Length; kept++)
        {
            int[] suffix = TestDecoder.Tokens(Config, 5, _random);
            int[] whole = [.. parentTokens[..kept], .. suffix];
            SequenceId fork = cache.Fork(parent, kept);
            Assert.Equal(kept, cache.Length(fork));
            float[] forked = _policy.Append(cache, (fork, suffix));
            float[] fresh = _policy.Append(cache, (cache.Create(), whole));
            Near.Equal(fresh[^forked.Length..], forked, Rounding);
            Near.Equal(_policy.Logits(whole)[^forked.Length..], forked, Rounding);
        }
        // The parent was not disturbed.
        int[] more = TestDecoder.Tokens(Config, 3, _random);
        float[] continued = _policy.Append(cache, (parent, more));
        Near.Equal(_policy.Logits([.. parentTokens, .. more])[^continued.Length..], continued, Rounding);
    }

    [Fact]
    public void Fork_OfAForkWhoseAncestorsAreFreed_EqualsFreshPrefill()
    {
        int[] tokens = TestDecoder.Tokens(Config, 18, _random);
        using KeyValueCache cache = new(Config, slots: 4);
        SequenceId first = cache.Create();
        _policy.Append(cache, (first, tokens[..10]));
        SequenceId second = cache.Fork(first, 6);
        cache.Free(first);
        _policy.Append(cache, (second, tokens[6..12]));
        SequenceId third = cache.Fork(second, 9);
        cache.Free(second);
        // Slots that were freed are written anew beside it.
        _policy.Append(cache, (cache.Create(), TestDecoder.Tokens(Config, 20, _random)));
        float[] logits = _policy.Append(cache, (third, tokens[9..]));
        Near.Equal(_policy.Logits(tokens)[^logits.Length..], logits, Rounding);
    }

    [Fact]
    public void GatheredPath_PooledPath_AndNoCache_Agree()
    {
        // 120 tokens at once are 14,400 pairs: gathered. Halves have at most 7,200: pooled, row by row.
        int[] tokens = TestDecoder.Tokens(Config, 120, _random);
        float[] expected = _policy.Logits(tokens);
        foreach (int piece in (int[])[120, 60, 30, 1])
        {
            using KeyValueCache cache = new(Config);
            SequenceId sequence = cache.Create();
            List<float> logits = [];
            foreach (int[] part in tokens.Chunk(piece))
                logits.AddRange(_policy.Append(cache, (sequence, part)));
            Near.Equal(expected, logits.ToArray(), Rounding);
        }
    }

    [Fact]
    public void OnePass_MixesLongAndShortStretches()
    {
        int[][] tokens =
        [
            .. new[] { 3, 110, 1, 100, 95, 7 }.Select(count => TestDecoder.Tokens(Config, count, _random)),
        ];
        using KeyValueCache cache = new(Config, slots: 2);
        float[] logits = _policy.Append(cache, [.. tokens.Select(row => (cache.Create(), row))]);
        Near.Equal(tokens.SelectMany(row => _policy.Logits(row)).ToArray(), logits, Rounding);
    }

    [Fact]
    public void Pool_GrowsByItself_AndKeepsWhatItHolds()
    {
        int[] tokens = TestDecoder.Tokens(Config, 30, _random);
        using KeyValueCache cache = new(Config, slots: 1);
        Assert.Equal(1, cache.Capacity);
        SequenceId sequence = cache.Create();
        List<float> logits = [];
        foreach (int token in tokens)
            logits.AddRange(_policy.Append(cache, (sequence, [token])));
        Assert.Equal(32, cache.Capacity);
        Assert.Equal(30, cache.Used);
        Near.Equal(_policy.Logits(tokens), logits.ToArray(), Rounding);
    }

    [Fact]
    public void FreeSlots_AreUsedAgain()
    {
        using KeyValueCache cache = new(Config, slots: 32);
        for (int i = 0; i < 10; i++)
        {
            SequenceId sequence = cache.Create();
            int[] tokens = TestDecoder.Tokens(Config, 30, _random);
            Near.Equal(_policy.Logits(tokens), _policy.Append(cache, (sequence, tokens)), Rounding);
            Assert.Equal(30, cache.Used);
            cache.Free(sequence);
            cache.Free(sequence); // once more is no harm
            Assert.Equal(0, cache.Used);
        }
        Assert.Equal(32, cache.Capacity);
    }

    [Fact]
    public void SharedTokens_CountOnce()
    {
        using KeyValueCache cache = new(Config);
        SequenceId prompt = cache.Create();
        _policy.Append(cache, (prompt, TestDecoder.Tokens(Config, 20, _random)));
        SequenceId[] members = [.. Enumerable.Range(0, 5).Select(_ => cache.Fork(prompt, 20))];
        Assert.Equal(20, cache.Used);
        cache.Free(prompt);
        Assert.Equal(20, cache.Used);
        _policy.Append(cache, [.. members.Select(member => (member, TestDecoder.Tokens(Config, 3, _random)))]);
        Assert.Equal(20 + 5 * 3, cache.Used);
        foreach (SequenceId member in members[1..])
            cache.Free(member);
        Assert.Equal(23, cache.Used);
        cache.Clear();
        Assert.Equal(0, cache.Used);
    }

    [Fact]
    public void Fork_BeyondItsParent_IsRefused()
    {
        using KeyValueCache cache = new(Config);
        SequenceId parent = cache.Create();
        _policy.Append(cache, (parent, [3, 4, 5]));
        Assert.Contains(
            "4 tokens of a sequence of 3",
            Assert.Throws<ArgumentOutOfRangeException>(() => cache.Fork(parent, 4)).Message
        );
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Fork(parent, -1));
        Assert.Equal(3, cache.Used);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnyHistoryOfForksAppendsAndFrees_EqualsFreshPrefill(int seed)
    {
        Random random = new(seed);
        using KeyValueCache cache = new(Config, slots: 3);
        // Each token of a sequence with the slot's identity: an object that forks share.
        Dictionary<SequenceId, List<(int Token, object Slot)>> living = [];
        for (int i = 0; i < 60; i++)
        {
            SequenceId[] ids = [.. living.Keys];
            switch (random.Next(5))
            {
                case 0 or 1 when ids.Length > 0:
                    SequenceId[] chosen = [.. ids.Where(_ => random.Next(2) == 0)];
                    if (chosen.Length == 0)
                        continue;
                    int[][] added =
                    [
                        .. chosen.Select(_ =>
                            TestDecoder.Tokens(Config, random.Next(1, random.Next(2) == 0 ? 3 : 12), random)
                        ),
                    ];
                    float[] logits = _policy.Append(cache, [.. chosen.Zip(added)]);
                    List<float> expected = [];
                    for (int c = 0; c < chosen.Length; c++)
                    {
                        List<(int Token, object Slot)> tokens = living[chosen[c]];
                        tokens.AddRange(added[c].Select(token => (token, new object())));
                        float[] whole = _policy.Logits([.. tokens.Select(token => token.Token)]);
                        expected.AddRange(whole[^(added[c].Length * Config.VocabularySize)..]);
                    }
                    Near.Equal(expected.ToArray(), logits, Rounding);
                    break;
                case 2 when ids.Length > 0:
                    SequenceId parent = ids[random.Next(ids.Length)];
                    int kept = random.Next(living[parent].Count + 1);
                    living.Add(cache.Fork(parent, kept), living[parent][..kept]);
                    break;
                case 3 when ids.Length > 2:
                    SequenceId gone = ids[random.Next(ids.Length)];
                    living.Remove(gone);
                    cache.Free(gone);
                    break;
                default:
                    living.Add(cache.Create(), []);
                    break;
            }
            Assert.Equal(
                living.Values.SelectMany(tokens => tokens.Select(token => token.Slot)).Distinct().Count(),
                cache.Used
            );
            foreach ((SequenceId id, List<(int, object)> tokens) in living)
                Assert.Equal(tokens.Count, cache.Length(id));
        }
    }
}
