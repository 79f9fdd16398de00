using System.Runtime.InteropServices;
using David.Grpo.Formats;
using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>Names a sequence of a <see cref="KeyValueCache"/>.</summary>
/// <param name="Value">The number that the cache knows it by.</param>
public readonly record struct SequenceId(int Value);

/// <summary>
/// Keys and values of sequences under generation. They lie in one pool of slots, a slot a token; a sequence is a list of
/// slots, so a fork shares its parent's memory and costs a list. Grows by itself.
/// </summary>
/// <remarks>Holds for one set of weights: <see cref="Clear"/> it after an update.</remarks>
public sealed class KeyValueCache : IDisposable
{
    /// <summary>Up to this many (new token, visible token) pairs a stretch goes through the pooled kernel row by row.</summary>
    private const long PooledPairs = 8192;

    private readonly ModelConfig _config;
    private readonly Device _device;
    private readonly double _scale;
    private readonly Tensor[] _keys; // by layer, [S, J, D]
    private readonly Tensor[] _values;
    private readonly Dictionary<SequenceId, List<long>> _sequences = [];
    private readonly Stack<long> _free = [];
    private int[] _users = [];
    private int _next;

    public KeyValueCache(ModelConfig config, Device device = default, int slots = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        _config = config;
        _device = device;
        _scale = 1 / Math.Sqrt(config.HeadDimension);
        _keys = new Tensor[config.Layers];
        _values = new Tensor[config.Layers];
        Grow(slots);
    }

    /// <summary>Tokens that the pool has room for.</summary>
    public int Capacity => _users.Length;

    /// <summary>Tokens that lie in the pool; shared ones count once.</summary>
    public int Used => _users.Length - _free.Count;

    /// <summary>A new, empty sequence.</summary>
    public SequenceId Create()
    {
        SequenceId id = new(_next++);
        _sequences.Add(id, []);
        return id;
    }

    /// <summary>A sequence that shares the first <paramref name="keptTokens"/> positions of <paramref name="parent"/>.</summary>
    /// <remarks>Logits of the fork equal those of a fresh prefill of the same tokens.</remarks>
    public SequenceId Fork(SequenceId parent, int keptTokens)
    {
        List<long> slots = _sequences[parent];
        if (keptTokens < 0 || keptTokens > slots.Count)
            throw new ArgumentOutOfRangeException(
                nameof(keptTokens),
                $"The fork keeps {keptTokens} tokens of a sequence of {slots.Count}."
            );
        SequenceId id = Create();
        List<long> kept = slots.GetRange(0, keptTokens);
        foreach (long slot in kept)
            _users[slot]++;
        _sequences[id] = kept;
        return id;
    }

    /// <summary>Forgets a sequence; slots that no other uses become free.</summary>
    public void Free(SequenceId id)
    {
        if (!_sequences.Remove(id, out List<long>? slots))
            return;
        foreach (long slot in slots)
            if (--_users[slot] == 0)
                _free.Push(slot);
    }

    /// <summary>Forgets every sequence.</summary>
    public void Clear()
    {
        foreach (SequenceId id in _sequences.Keys.ToArray())
            Free(id);
    }

    /// <summary>Tokens that a sequence holds.</summary>
    public int Length(SequenceId id) => _sequences[id].Count;

    /// <summary>
    /// The attention of a pack that appends tokens to sequences: the pack's tokens are those of the first stretch, then
    /// of the second, and so on. To be used for one forward pass, without autograd.
    /// </summary>
    public IAttention Append(IReadOnlyList<(SequenceId Sequence, int Tokens)> stretches)
    {
        int total = stretches.Sum(stretch => stretch.Tokens);
        while (_free.Count < total)
            Grow(2 * Capacity);

        long[] added = new long[total];
        int at = 0;
        List<Run> runs = [];
        foreach ((SequenceId id, int tokens) in stretches)
        {
            List<long> slots = _sequences[id];
            int start = at;
            for (int i = 0; i < tokens; i++)
            {
                long slot = _free.Pop();
                _users[slot] = 1;
                slots.Add(slot);
                added[at++] = slot;
            }
            if ((long)tokens * slots.Count > PooledPairs && tokens > 1)
            {
                runs.Add(new Run(start, tokens, [.. slots], null));
                continue;
            }
            if (runs.Count == 0 || runs[^1].Offsets is null)
                runs.Add(new Run(start, 0, [], [0]));
            Run rows = runs[^1];
            ReadOnlySpan<long> visible = CollectionsMarshal.AsSpan(slots);
            for (int i = 0; i < tokens; i++)
            {
                rows.Slots.AddRange(visible[..(slots.Count - tokens + i + 1)]);
                rows.Offsets!.Add(rows.Slots.Count);
            }
            runs[^1] = rows with { Length = rows.Length + tokens };
        }
        return new Attention(this, added, runs);
    }

    private void Grow(int slots)
    {
        int former = Capacity;
        ReadOnlySpan<long> shape = [slots, _config.KeyValueHeads, _config.HeadDimension];
        foreach (Tensor[] pool in (Tensor[][])[_keys, _values])
            for (int layer = 0; layer < pool.Length; layer++)
            {
                using TensorScope scope = new();
                Tensor grown = TensorScope.Release(Tensor.Full(shape, 0, device: _device));
                if (former > 0)
                {
                    grown.Narrow(0, 0, former).CopyInPlace(pool[layer]);
                    pool[layer].Dispose();
                }
                pool[layer] = grown;
            }
        Array.Resize(ref _users, slots);
        for (int slot = slots - 1; slot >= former; slot--)
            _free.Push(slot);
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _keys.Concat(_values))
            tensor.Dispose();
    }

    /// <summary>
    /// Tokens Start … Start + Length of a pack. With offsets: rows of the pooled kernel, token i sees
    /// Slots[Offsets[i] .. Offsets[i + 1]]. Without: one stretch of a long sequence, whose last tokens they are.
    /// </summary>
    private sealed record Run(int Start, int Length, List<long> Slots, List<long>? Offsets);

    private sealed class Attention : IAttention
    {
        private readonly KeyValueCache _cache;
        private readonly List<Run> _runs;
        private readonly long[] _added; // [N]
        private readonly Tensor?[] _gathered; // by run, [K]

        public Attention(KeyValueCache cache, long[] added, List<Run> runs)
        {
            _cache = cache;
            _runs = runs;
            _added = added;
            _gathered =
            [
                .. runs.Select(run =>
                    run.Offsets is null
                        ? Tensor.From<long>(CollectionsMarshal.AsSpan(run.Slots), [run.Slots.Count], cache._device)
                        : null
                ),
            ];
        }

        public Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
        {
            Tensor keys = _cache._keys[layer],
                values = _cache._values[layer];
            keys.CopyRowsInPlace(_added, key);
            values.CopyRowsInPlace(_added, value);
            Tensor[] seen = new Tensor[_runs.Count];
            for (int i = 0; i < seen.Length; i++)
            {
                Run run = _runs[i];
                Tensor rows = _runs.Count == 1 ? query : query.Narrow(0, run.Start, run.Length);
                seen[i] = _gathered[i] is { } gathered
                    ? rows.CausalAttention(
                        keys.IndexSelect(0, gathered),
                        values.IndexSelect(0, gathered),
                        _cache._scale
                    )
                    : rows.PooledAttention(
                        keys,
                        values,
                        CollectionsMarshal.AsSpan(run.Slots),
                        CollectionsMarshal.AsSpan(run.Offsets),
                        _cache._scale
                    );
            }
            return seen.Length == 1 ? seen[0] : Tensor.Cat(seen);
        }
    }
}
