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
