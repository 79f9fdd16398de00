using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Learning;

/// <summary>
/// A value function: a decoder of the policy's shape with one number instead of logits. It begins as the policy with a head
/// of zeros, so that its first values are 0.
/// </summary>
public sealed class Critic : IDisposable
{
    private readonly Decoder _body;
    private readonly Tensor _head; // [1, E]

    public Critic(Decoder policy, AdamWOptions options)
    {
        _body = policy.Clone();
        _body.RequireGradients();
        int width = policy.Config.HiddenSize;
        _head = TensorScope.Release(Tensor.From<float>(new float[width], [1, width], policy.Device));
        _head.RequireGradient();
        Parameters = [.. _body.Parameters, _head];
        ParameterNames = [.. _body.ParameterNames, "value_head.weight"];
        Optimizer = new AdamW(Parameters, options);
    }

    /// <summary>The body's and the head's.</summary>
    public Tensor[] Parameters { get; }

    /// <summary>Names of <see cref="Parameters"/>.</summary>
    public string[] ParameterNames { get; }

    /// <summary>Of its own parameters.</summary>
    public AdamW Optimizer { get; }

    /// <summary>[N] the values before the scored tokens of all sequences, without gradients.</summary>
    public double[] Values(IReadOnlyList<ScoredSequence> sequences)
    {
        using TensorScope scope = new();
        using GradientRecording recording = Torch.WithoutGradients();
        return [.. Forward(sequences).ToArray<float>().Select(value => (double)value)];
    }

    /// <summary>Forward, <paramref name="loss"/>, backward: adds the loss's gradient to <see cref="Parameters"/>.</summary>
    /// <param name="loss">From [N] values to slopes by them; null to leave the backward pass out.</param>
    public void Accumulate(IReadOnlyList<ScoredSequence> sequences, Func<double[], double[]?> loss)
    {
        using TensorScope scope = new();
        Tensor values = Forward(sequences); // [N, 1]
        if (loss([.. values.ToArray<float>().Select(value => (double)value)]) is not { } slopes)
            return;
        float[] column = [.. slopes.Select(slope => (float)slope)];
        Tensor.Backward([values], [Tensor.From<float>(column, [column.Length, 1], _body.Device)]);
    }

    /// <summary>The group with the values before its members' trained tokens.</summary>
    public Group Valued(Group group)
    {
        ScoredSequence[] sequences = Sequences(group.Members);
        return group.WithValues(Learner.Split(Values(sequences), sequences));
    }

    /// <summary>
    /// One update towards what was paid from each token on, with PPO's clip of 0.5 as verl has it, each token of the same weight.
    /// </summary>
    /// <param name="groups">With values, see <see cref="Valued"/>.</param>
    /// <param name="packTokens">Tokens of a pass at most, unless one group is longer.</param>
    public void Fit(Group[] groups, int packTokens, double rate)
    {
        int tokens = groups.Sum(group => group.Members.Sum(member => member.Values.Length));
        foreach (int[] pack in ScoredSequence.Packs([.. groups.Select(group => Sequences(group.Members))], packTokens))
        {
            Member[] members = [.. pack.SelectMany(g => groups[g].Members)];
            double[] old = [.. members.SelectMany(member => member.Values)];
            double[] returns = [.. members.SelectMany(member => Returns.ToGo(1, AdvantageRules.TokenRewards(member)))];
            double[] weights = [.. returns.Select(_ => 1.0 / tokens)];
            Accumulate(
                Sequences(members),
                now =>
                    Array.TrueForAll(now, double.IsFinite)
                        ? ValueObjective.Clipped(0.5, weights, old, returns, now).Gradient
                        : null
            );
        }
        Optimizer.Step(rate);
    }

    private static ScoredSequence[] Sequences(IEnumerable<Member> members) =>
        [.. members.Select(member => ScoredSequence.Of(member.Trajectory))];

    private Tensor Forward(IReadOnlyList<ScoredSequence> sequences)
    {
        ScoredPack pack = new(_body, sequences);
        return _body
            .Forward(pack.Tree.Tokens, pack.Tree.Positions, pack.Attention)
            .IndexSelect(0, pack.Rows)
            .Linear(_head);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _body.Dispose();
        _head.Dispose();
    }
}
