using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Learning;

/// <summary>A sequence some of whose tokens are looked at.</summary>
/// <param name="Tokens">[T] ids.</param>
/// <param name="Scored">Positions whose token's log-probability is wanted, each at least 1, ascending.</param>
public sealed record ScoredSequence(int[] Tokens, int[] Scored)
{
    /// <summary>A trajectory's tokens that may be trained, but for the first <paramref name="skipped"/> of them.</summary>
    public static ScoredSequence Of(Trajectory trajectory, int skipped = 0) =>
        new(Trajectory.Tokens(trajectory), Trajectory.TrainedPositions(trajectory)[skipped..]);

    /// <summary>Indices of groups that go through a model together, up to a limit of tokens.</summary>
    internal static IEnumerable<int[]> Packs(ScoredSequence[][] groups, int most)
    {
        List<int> pack = [];
        int tokens = 0;
        foreach ((int g, ScoredSequence[] group) in groups.Index())
        {
            int size = group.Sum(sequence => sequence.Tokens.Length);
            if (pack.Count > 0 && tokens + size > most)
            {
                yield return [.. pack];
                pack.Clear();
                tokens = 0;
            }
            pack.Add(g);
            tokens += size;
        }
        if (pack.Count > 0)
            yield return [.. pack];
    }
}

/// <summary>Slopes of a loss by what a <see cref="PolicyPass"/> gave out, [N] each.</summary>
/// <param name="LogProbs">By the log-probabilities.</param>
/// <param name="Entropies">By the entropies; null where the loss does not depend on them.</param>
public sealed record Slopes(double[] LogProbs, double[]? Entropies = null)
{
    /// <summary>Those of the tokens at these places, in that order.</summary>
    public Slopes At(int[] places) => new(Pick(LogProbs, places), Entropies is null ? null : Pick(Entropies, places));

    private static double[] Pick(double[] values, int[] places) => [.. places.Select(place => values[place])];
}

/// <summary>How <see cref="PolicyPass"/> spends memory and time.</summary>
public sealed record PassOptions
{
    /// <summary>What logits are divided by, above 0.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the layers' inputs only and computes each layer anew in the backward pass: less memory, a third more time.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>Rows of logits that exist at once, at least 1.</summary>
    public int LogitRows { get; init; } = 512;
}

/// <summary>
/// The seam between model and method: log-probabilities of the scored tokens (and entropies) come out, slopes of a loss
/// by them go in. Sequences with common beginnings are packed as a <see cref="PrefixTree"/>: nothing is padded, and a
/// shared prefix is computed once.
/// </summary>
/// <remarks>Letters: N scored tokens of all sequences, in order; E hidden size; V vocabulary.</remarks>
public static class PolicyPass
{
    /// <summary>[N] log-probabilities, without gradients.</summary>
    public static double[] LogProbs(
        Decoder policy,
        IReadOnlyList<ScoredSequence> sequences,
        PassOptions options,
        out double[] entropies
    )
    {
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        ScoredPack pack = new(policy, sequences);
        Tensor hidden = policy.Forward(pack.Tree.Tokens, pack.Tree.Positions, pack.Attention).IndexSelect(0, pack.Rows);
        (double[] logProbs, entropies) = Values(policy, hidden, pack, options);
        return logProbs;
    }

    /// <summary>
    /// Forward, <paramref name="loss"/>, backward: adds the loss's gradient to the policy's parameters.
    /// </summary>
    /// <param name="loss">
    /// From [N] log-probabilities and [N] entropies to slopes; null to leave the backward pass out.
    /// </param>
    public static void Accumulate(
        Decoder policy,
        IReadOnlyList<ScoredSequence> sequences,
        PassOptions options,
        Func<double[], double[], Slopes?> loss
    )
    {
        using TensorScope scope = new();
        ScoredPack pack = new(policy, sequences);
        if (options.Checkpointing)
            AccumulateCheckpointed(policy, pack, options, loss);
        else
        {
            Tensor hidden = policy
                .Forward(pack.Tree.Tokens, pack.Tree.Positions, pack.Attention)
                .IndexSelect(0, pack.Rows); // [N, E]
            if (HeadBackward(policy, hidden, pack, options, loss) is { } gradient)
                Tensor.Backward([hidden], [gradient]);
        }
    }

    private static void AccumulateCheckpointed(
        Decoder policy,
        ScoredPack pack,
        PassOptions options,
        Func<double[], double[], Slopes?> loss
    )
    {
        ReadOnlySpan<int> tokens = pack.Tree.Tokens;
        (Tensor cosine, Tensor sine) = policy.Rotary(pack.Tree.Positions);
        Tensor[] inputs = new Tensor[policy.LayerCount + 1]; // [N, E] before each layer, and after the last
        using (Torch.WithoutGradients())
        {
            inputs[0] = policy.Embed(tokens);
            for (int i = 0; i < policy.LayerCount; i++)
            {
                using TensorScope layer = new();
                inputs[i + 1] = layer.Keep(policy.RunLayer(i, inputs[i], cosine, sine, pack.Attention));
            }
        }

        Tensor top = Leaf(inputs[^1]);
        Tensor hidden = policy.FinalNorm(top).IndexSelect(0, pack.Rows);
        if (HeadBackward(policy, hidden, pack, options, loss) is not { } gradient)
            return;
        Tensor.Backward([hidden], [gradient]);
        Tensor slope = top.Gradient()!;
        for (int i = policy.LayerCount - 1; i >= 0; i--)
        {
            using TensorScope layer = new();
            Tensor input = Leaf(inputs[i]);
            Tensor.Backward([policy.RunLayer(i, input, cosine, sine, pack.Attention)], [slope]);
            slope = layer.Keep(input.Gradient()!);
        }
        Tensor.Backward([policy.Embed(tokens)], [slope]);
    }

    /// <summary>The loss's gradient by the hidden states [N, E]; that by the output matrix is added to it.</summary>
    private static Tensor? HeadBackward(
        Decoder policy,
        Tensor hidden,
        ScoredPack pack,
        PassOptions options,
        Func<double[], double[], Slopes?> loss
    )
    {
        double[] logProbs,
            entropies;
        using (Torch.WithoutGradients())
            (logProbs, entropies) = Values(policy, hidden, pack, options);
        if (loss(logProbs, entropies) is not { } slopes)
            return null;

        Tensor leaf = Leaf(hidden);
        for (int start = 0; start < pack.Count; start += options.LogitRows)
        {
            using TensorScope scope = new();
            int count = Math.Min(options.LogitRows, pack.Count - start);
            (Tensor taken, Tensor entropy) = Taken(
                policy,
                leaf,
                pack,
                start,
                count,
                options,
                slopes.Entropies is not null
            );
            Tensor byLogProb = Column(slopes.LogProbs, start, count, policy.Device);
            if (slopes.Entropies is null)
                Tensor.Backward([taken], [byLogProb]);
            else
                Tensor.Backward([taken, entropy], [byLogProb, Column(slopes.Entropies, start, count, policy.Device)]);
        }
        return leaf.Gradient();
    }

    private static (double[] LogProbs, double[] Entropies) Values(
        Decoder policy,
        Tensor hidden,
        ScoredPack pack,
        PassOptions options
    )
    {
        double[] logProbs = new double[pack.Count];
        double[] entropies = new double[pack.Count];
        for (int start = 0; start < pack.Count; start += options.LogitRows)
        {
            using TensorScope scope = new();
            int count = Math.Min(options.LogitRows, pack.Count - start);
            (Tensor taken, Tensor entropy) = Taken(policy, hidden, pack, start, count, options, true);
            Widen(taken.ToArray<float>(), logProbs, start);
            Widen(entropy.ToArray<float>(), entropies, start);
        }
        return (logProbs, entropies);
    }

    /// <summary>Log-probabilities [C, 1] of the tokens start … start + count, and entropies [C, 1].</summary>
    private static (Tensor LogProbs, Tensor Entropies) Taken(
        Decoder policy,
        Tensor hidden,
        ScoredPack pack,
        int start,
        int count,
        PassOptions options,
        bool withEntropy
    )
    {
        Tensor logits = policy.Logits(hidden.Narrow(0, start, count));
        Tensor all = (options.Temperature == 1 ? logits : logits * (1 / options.Temperature)).LogSoftmax(); // [C, V]
        Tensor taken = all.Gather(1, pack.Targets.Narrow(0, start, count));
        return (taken, withEntropy ? (all.Exp() * all).Sum(1).Reshape(count, 1) * -1 : taken);
    }

    private static Tensor Leaf(Tensor tensor)
    {
        Tensor leaf = tensor.Detach();
        leaf.RequireGradient();
        return leaf;
    }

    private static Tensor Column(double[] values, int start, int count, Device device)
    {
        float[] column = new float[count];
        for (int i = 0; i < count; i++)
            column[i] = (float)values[start + i];
        return Tensor.From<float>(column, [count, 1], device);
    }

    private static void Widen(float[] from, double[] to, int start)
    {
        for (int i = 0; i < from.Length; i++)
            to[start + i] = from[i];
    }
}

/// <summary>
/// Sequences packed as a <see cref="PrefixTree"/>, with the places where their scored tokens are predicted.
/// </summary>
internal sealed class ScoredPack
{
    public ScoredPack(Decoder policy, IReadOnlyList<ScoredSequence> sequences)
    {
        Tree = new PrefixTree([.. sequences.Select(sequence => sequence.Tokens)]);
        Attention = new TreeAttention(Tree, policy.Config.HeadDimension);
        List<int> rows = [];
        List<long> targets = [];
        for (int i = 0; i < sequences.Count; i++)
            foreach (int position in sequences[i].Scored)
            {
                rows.Add(Tree.Place(i)[position - 1]);
                targets.Add(sequences[i].Tokens[position]);
            }
        Count = rows.Count;
        Rows = Tensor.From([.. rows], policy.Device);
        Targets = Tensor.From<long>(targets.ToArray(), [Count, 1], policy.Device);
    }

    public PrefixTree Tree { get; }
    public TreeAttention Attention { get; }

    /// <summary>N.</summary>
    public int Count { get; }

    /// <summary>[N] where in the pack each scored token is predicted.</summary>
    public Tensor Rows { get; }

    /// <summary>[N, 1] ids of the scored tokens.</summary>
    public Tensor Targets { get; }
}
