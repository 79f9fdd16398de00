using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Learning;

/// <summary>Constants of <see cref="AdamW"/>; the defaults are torch's.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled, a step and unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The Euclidean norm that gradients are scaled down to; 0 leaves them as they are.</summary>
    public double MaxGradientNorm { get; init; } = 1;
}

/// <summary>AdamW with clipping of the gradient's norm, equal to torch's `AdamW` and `clip_grad_norm_`.</summary>
public sealed class AdamW : IDisposable
{
    private readonly AdamWOptions _options;
    private readonly Tensor[] _parameters;
    private readonly Tensor[] _first;
    private readonly Tensor[] _second;

    public AdamW(ReadOnlySpan<Tensor> parameters, AdamWOptions options)
    {
        _options = options;
        _parameters = parameters.ToArray();
        _first = [.. _parameters.Select(Zeros)];
        _second = [.. _parameters.Select(Zeros)];
    }

    /// <summary>Updates made so far.</summary>
    public long Steps { get; set; }

    /// <summary>Running means of the gradient, in the parameters' order.</summary>
    public ReadOnlySpan<Tensor> FirstMoments => _first;

    /// <summary>Running means of the squared gradient, in the parameters' order.</summary>
    public ReadOnlySpan<Tensor> SecondMoments => _second;

    /// <summary>
    /// Updates the parameters from their gradients and clears them. Where the gradient's norm is not finite nothing is
    /// updated.
    /// </summary>
    /// <returns>The gradient's norm before clipping.</returns>
    public double Step(double learningRate)
    {
        double norm = Tensor.GradientNorm(_parameters);
        if (double.IsFinite(norm))
        {
            if (_options.MaxGradientNorm > 0 && _options.MaxGradientNorm / (norm + 1e-6) is < 1 and var factor)
                Tensor.ScaleGradients(_parameters, factor);
            Steps++;
            AdamWStep step = new(
                Steps,
                learningRate,
                _options.Beta1,
                _options.Beta2,
                _options.Epsilon,
                _options.WeightDecay
            );
            for (int i = 0; i < _parameters.Length; i++)
                _parameters[i].AdamWInPlace(_first[i], _second[i], step);
        }
        ClearGradients();
        return norm;
    }

    /// <summary>Forgets gradients that were added up.</summary>
    public void ClearGradients()
    {
        foreach (Tensor parameter in _parameters)
            parameter.ClearGradient();
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _first.Concat(_second))
            tensor.Dispose();
    }

    private static Tensor Zeros(Tensor like) => TensorScope.Release(Tensor.Full(like.Shape, 0, like.Type, like.Device));
}
