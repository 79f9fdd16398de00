using TorchSharp;
using Native = TorchSharp.torch.Tensor;

namespace David.Grpo.Tensors;

public sealed unsafe partial class Tensor
{
    // Layers. Where nothing is recorded and the numbers lie as float32 on the host, the kernels compute them; elsewhere libtorch.

    /// <summary>Rows of this [V, D] by ids [N]: [N, D].</summary>
    public Tensor Embedding(Tensor ids) =>
        Take("embedding", this, ids, static (weight, ids) => weight.index_select(0, ids));

    /// <summary>this [N, I], weight [O, I], bias [O] → [N, O].</summary>
    public Tensor Linear(Tensor weight, Tensor? bias = null)
    {
        // A product with one row is a walk over the weights, which libtorch's preparations would dwarf in a small model.
        if (
            IsPlain
            && weight.IsPlain
            && bias is null
            && Shape.Length == 2
            && Shape[0] == 1
            && weight.Shape.Length == 2
            && weight.Shape[1] == Shape[1]
        )
        {
            Tensor result = new(torch.empty([1, weight.Shape[0]], torch.ScalarType.Float32));
            Kernels.MultiplyRow(Floats, weight.Floats, weight.Shape[0], Shape[1], result.Floats);
            KeepAlive(this, weight);
            return result;
        }
        return Take("linear", [this, weight, bias], static x => torch.nn.functional.linear(x[0], x[1], x[2]));
    }

    /// <summary>x / √(mean(x², last) + ε) · weight.</summary>
    public Tensor RmsNorm(Tensor weight, double epsilon)
    {
        if (IsPlain && weight.IsPlain && weight.Count == Shape[^1])
        {
            Tensor result = EmptyLike();
            Kernels.RmsNorm(Floats, weight.Floats, (float)epsilon, Count / weight.Count, weight.Count, result.Floats);
            KeepAlive(this, weight);
            return result;
        }
        return Take(
            "rms_norm",
            [this, weight],
            tensors =>
            {
                using Scalar term = epsilon.ToScalar();
                using Native squares = tensors[0].square();
                using Native mean = squares.mean([-1], keepdim: true);
                using Native moved = mean.add(term);
                using Native scale = moved.rsqrt();
                using Native scaled = tensors[0].mul(scale);
                return scaled.mul(tensors[1]);
            }
        );
    }

    /// <summary>silu(this) · up.</summary>
    public Tensor SiluMul(Tensor up)
    {
        if (IsPlain && up.IsPlain && up.Shape.SequenceEqual(Shape))
        {
            Tensor result = EmptyLike();
            Kernels.SiluMul(Floats, up.Floats, Count, result.Floats);
            KeepAlive(this, up);
            return result;
        }
        return Take(
            "silu_mul",
            this,
            up,
            static (gate, up) =>
            {
                using Native activated = gate.silu();
                return activated.mul(up);
            }
        );
    }

    /// <summary>Rotary embedding of the halves of this [N, H, D] by cosine and sine [N, D].</summary>
    public Tensor Rotate(Tensor cosine, Tensor sine)
    {
        if (
            IsPlain
            && cosine.IsPlain
            && sine.IsPlain
            && Shape.Length == 3
            && cosine.Shape.SequenceEqual([Shape[0], Shape[2]])
            && sine.Shape.SequenceEqual(cosine.Shape)
        )
        {
            Tensor result = EmptyLike();
            Kernels.Rotate(Floats, cosine.Floats, sine.Floats, Shape[0], Shape[1], Shape[2], result.Floats);
            KeepAlive(this, cosine, sine);
            return result;
        }
        return Take(
            "rotate",
            [this, cosine, sine],
            static tensors =>
            {
                Native x = tensors[0];
                long half = x.size(-1) / 2;
                using Native first = x.narrow(-1, 0, half);
                using Native second = x.narrow(-1, half, half);
                using Native negative = second.neg();
                using Native turned = torch.cat([negative, first], -1);
                using Native cosines = tensors[1].unsqueeze(-2);
                using Native sines = tensors[2].unsqueeze(-2);
                using Native straight = x.mul(cosines);
                using Native crossed = turned.mul(sines);
                return straight.add(crossed);
            }
        );
    }

    /// <summary>
    /// Causal attention of the last Q of K positions: this [Q, H, D], key and value [K, J, D], J a divisor of H, Q ≤ K →
    /// [Q, H, D]. Query i sees keys 0 … K − Q + i.
    /// </summary>
    public Tensor CausalAttention(Tensor key, Tensor value, double scale) =>
        Take(
            "causal_attention",
            [this, key, value],
            tensors =>
            {
                long[] q = tensors[0].size(),
                    k = tensors[1].size();
                if (
                    q.Length != 3
                    || k.Length != 3
                    || !k.AsSpan().SequenceEqual(tensors[2].size())
                    || q[2] != k[2]
                    || k[1] == 0
                    || q[1] % k[1] != 0
                    || q[0] > k[0]
                )
                    throw new ArgumentException("wants [Q, H, D], [K, J, D], [K, J, D] with J dividing H and Q <= K");
                return CausalAttention(tensors[0], tensors[1], tensors[2], scale, q[0], k[0], k[1]);
            }
        );

    private static Native CausalAttention(
        Native query,
        Native key,
        Native value,
        double scale,
        long queries,
        long keys,
        long keyHeads
    )
    {
        long heads = query.size(1),
            width = query.size(2),
            group = heads / keyHeads;
        // The heads of a key head are a batch: keys and values are seen by all of it, not copied.
        using Native grouped = query.reshape(queries, keyHeads, group, width);
        using Native q = grouped.permute(2, 1, 0, 3); // [G, J, Q, D]
        using Native k = Batched(key, group); // [G, J, K, D]
        using Native v = Batched(value, group);
        // libtorch scales by 1 / √D.
        double rest = scale * Math.Sqrt(width);
        using Scalar factor = rest.ToScalar();
        using Native? scaled = Math.Abs(rest - 1) > 1e-12 ? q.mul(factor) : null;
        using Native? seen = queries > 1 && queries < keys ? Seen(queries, keys, query.device) : null;
        using Native result = torch.nn.functional.scaled_dot_product_attention(
            scaled ?? q,
            k,
            v,
            seen,
            is_casual: queries > 1 && queries == keys
        ); // [G, J, Q, D]
        using Native ordered = result.permute(2, 1, 0, 3); // [Q, J, G, D]
        return ordered.reshape(queries, heads, width);
    }

    /// <summary>[K, J, D] as [G, J, K, D], the same for each g.</summary>
    private static Native Batched(Native pool, long group)
    {
        using Native heads = pool.transpose(0, 1);
        using Native one = heads.unsqueeze(0);
        return one.expand(group, -1, -1, -1);
    }

    /// <summary>[Q, K]: query i sees keys 0 … K − Q + i.</summary>
    private static Native Seen(long queries, long keys, torch.Device device)
    {
        using Native all = torch.ones(queries, keys, dtype: torch.ScalarType.Bool, device: device);
        return all.tril(keys - queries);
    }

    /// <summary>
    /// Attention of single queries [B, H, D], each over its own rows of a shared pool [S, J, D]: row b sees
    /// slots[offsets[b] .. offsets[b + 1]]. Not recorded by autograd.
    /// </summary>
    public Tensor PooledAttention(
        Tensor keys,
        Tensor values,
        ReadOnlySpan<long> slots,
        ReadOnlySpan<long> offsets,
        double scale
    )
    {
        using GradientRecording recording = Torch.WithoutGradients();
        if (
            Shape.Length != 3
            || keys.Shape.Length != 3
            || !keys.Shape.SequenceEqual(values.Shape)
            || keys.Shape[2] != Shape[2]
            || keys.Shape[1] == 0
            || Shape[1] % keys.Shape[1] != 0
            || offsets.Length != Shape[0] + 1
        )
            throw new TensorException(
                $"pooled_attention({Show(this)}, {Show(keys)}, {Show(values)}): wants [B, H, D], [S, J, D], [S, J, D] with J "
                    + $"dividing H, and {Shape[0] + 1} offsets; got {offsets.Length}"
            );
        if (!IsPlain || !keys.IsPlain || !values.IsPlain)
            return PooledAttentionByGathering(keys, values, slots, offsets, scale);
        Tensor result = EmptyLike();
        fixed (long* slotData = slots)
        fixed (long* offsetData = offsets)
            Kernels.PooledAttention(
                Floats,
                keys.Floats,
                values.Floats,
                slotData,
                offsetData,
                (float)scale,
                (Shape[0], Shape[1], keys.Shape[1], Shape[2]),
                result.Floats
            );
        KeepAlive(this, keys, values);
        return result;
    }

    /// <summary>The same on any device: a padded [B, K] window of the pool, of which what lies beyond a row's end is hidden.</summary>
    internal Tensor PooledAttentionByGathering(
        Tensor keys,
        Tensor values,
        ReadOnlySpan<long> slots,
        ReadOnlySpan<long> offsets,
        double scale
    )
    {
        long rows = Shape[0],
            heads = Shape[1],
            width = Shape[2],
            keyHeads = keys.Shape[1],
            longest = 0;
        for (int b = 0; b < rows; b++)
            longest = Math.Max(longest, offsets[b + 1] - offsets[b]);
        long[] window = new long[rows * longest];
        float[] hidden = new float[rows * longest];
        hidden.AsSpan().Fill(float.NegativeInfinity);
        for (int b = 0; b < rows; b++)
        {
            int length = (int)(offsets[b + 1] - offsets[b]);
            slots.Slice((int)offsets[b], length).CopyTo(window.AsSpan(b * (int)longest));
            hidden.AsSpan(b * (int)longest, length).Clear();
        }
        using TensorScope scope = new();
        Tensor places = From<long>(window, [rows * longest], Device);
        Tensor mask = From<float>(hidden, [rows, 1, 1, longest], Device);
        return scope.Keep(
            Take(
                "pooled_attention",
                [this, keys, values, places, mask],
                tensors =>
                {
                    Native Gather(Native pool)
                    {
                        using Native chosen = pool.index_select(0, tensors[3]);
                        using Native windows = chosen.view(rows, longest, keyHeads, width);
                        return windows.transpose(1, 2); // [B, J, K, D]
                    }
                    using Scalar factor = scale.ToScalar();
                    using Native grouped = tensors[0].reshape(rows, keyHeads, heads / keyHeads, width);
                    using Native scaled = grouped.mul(factor);
                    using Native seenKeys = Gather(tensors[1]);
                    using Native across = seenKeys.transpose(2, 3);
                    using Native scores = scaled.matmul(across);
                    using Native open = scores.add(tensors[4]);
                    using Native weights = open.softmax(-1);
                    using Native seenValues = Gather(tensors[2]);
                    using Native result = weights.matmul(seenValues);
                    return result.reshape(rows, heads, width);
                }
            )
        );
    }

    /// <summary>Whether the kernels can compute with it: nothing is recorded, and it is float32 in order on the host.</summary>
    private bool IsPlain => !Torch.RecordsGradients && Floats != null;

    /// <summary>Where its numbers lie, if they are float32 in order on the host; else null.</summary>
    private float* Floats => (float*)(_floats ??= IsFloatInOrder(Value) ? (nint)Memory(Value) : 0);

    private static bool IsFloatInOrder(Native tensor) =>
        tensor.dtype == torch.ScalarType.Float32 && tensor.device_type == DeviceType.CPU && tensor.is_contiguous();

    private Tensor EmptyLike() => new(torch.empty(Shape, torch.ScalarType.Float32));

    private static void KeepAlive(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
            GC.KeepAlive(tensor);
    }
}
