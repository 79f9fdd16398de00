using System.Text.Json;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;

namespace David.Grpo.Host.Tests.Training;

/// <summary>A workload of ../shared/peers: the sequences that every program learns from when speeds are compared.</summary>
internal sealed class PeerWorkload
{
    private readonly JsonElement[] _rows;
    private readonly ulong _seed;
    private readonly int _vocabulary;

    public PeerWorkload(string name, int groups, int vocabulary)
    {
        JsonElement file = GoldenJson.Read($"peers/workloads/{name}.json");
        _seed = file.At("seed").GetUInt64();
        _vocabulary = vocabulary;
        _rows = [.. file.At("sequences").EnumerateArray().Where(row => row.At("group").GetInt32() < groups)];
        Sequences = [.. _rows.Select(Sequence)];
        Advantages = [.. _rows.Select(row => row.At("advantage").Number())];
    }

    public ScoredSequence[] Sequences { get; }

    /// <summary>[B].</summary>
    public double[] Advantages { get; }

    private ScoredSequence Sequence(JsonElement row)
    {
        int at = row.At("prompt_len").GetInt32();
        int[] tokens = [.. Ids(row, stream: 0, 0, at), .. Response(row)];
        List<int> scored = [];
        foreach (JsonElement turn in row.At("turns").EnumerateArray())
        {
            int generated = turn.At("generate").GetInt32();
            scored.AddRange(Enumerable.Range(at, generated));
            at += generated + turn.At("observe").GetInt32();
        }
        return new ScoredSequence(tokens, [.. scored]);
    }

    /// <summary>A forked member repeats its sibling's response up to the fork.</summary>
    private IEnumerable<int> Response(JsonElement row)
    {
        int fork = row.TryGetProperty("fork_at", out JsonElement at) ? at.GetInt32() : 0;
        IEnumerable<int> own = Ids(row, 1 + row.At("member").GetInt32(), fork, row.At("response_len").GetInt32());
        return fork == 0
            ? own
            : Response(
                    _rows.Single(other =>
                        other.At("group").GetInt32() == row.At("group").GetInt32()
                        && other.At("member").GetInt32() == row.At("fork_of").GetInt32()
                    )
                )
                .Take(fork)
                .Concat(own);
    }

    private IEnumerable<int> Ids(JsonElement row, int stream, int begin, int end) =>
        Enumerable
            .Range(begin, end - begin)
            .Select(position =>
                3
                + (int)(
                    Hash(_seed, row.At("group").GetUInt64(), (ulong)stream, (ulong)position) % (ulong)(_vocabulary - 3)
                )
            );

    /// <summary>SplitMix64 folded over the keys.</summary>
    public static ulong Hash(params ReadOnlySpan<ulong> keys)
    {
        ulong hash = 0;
        foreach (ulong key in keys)
        {
            hash += key + 0x9E3779B97F4A7C15;
            hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
            hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
            hash ^= hash >> 31;
        }
        return hash;
    }
}
