using TorchSharp;
using Native = TorchSharp.torch.Tensor;

namespace David.Grpo.Tensors;

public sealed unsafe partial class Tensor
{
    // Optimisation

    /// <summary>The Euclidean norm over all gradients of these tensors; one without a gradient counts as zero.</summary>
    public static double GradientNorm(ReadOnlySpan<Tensor> parameters)
    {
        double squares = 0;
        foreach (Tensor parameter in parameters)
        {
            using Native? gradient = parameter.Value.grad;
            if (gradient is null)
                continue;
            using Native? narrow = IsFloatInOrder(gradient) ? null : gradient.norm();
            squares += narrow is null
                ? Kernels.SquaredNorm((float*)Memory(gradient), gradient.NumberOfElements)
                : Math.Pow(narrow.ToDouble(), 2);
            GC.KeepAlive(parameter);
        }
        return Math.Sqrt(squares);
    }

    /// <summary>Multiplies the gradients of parameters.</summary>
    public static void ScaleGradients(ReadOnlySpan<Tensor> parameters, double factor)
    {
        using GradientRecording recording = Torch.WithoutGradients();
        using Scalar scalar = factor.ToScalar();
        foreach (Tensor parameter in parameters)
        {
            using Native? gradient = parameter.Value.grad;
            gradient?.mul_(scalar);
            GC.KeepAlive(parameter);
        }
    }

    /// <summary>One AdamW update of this parameter from its gradient; nothing where it has none.</summary>
    /// <param name="first">The running mean of the gradient.</param>
    /// <param name="second">The running mean of its square.</param>
    /// <param name="step">The update's numbers.</param>
    public void AdamWInPlace(Tensor first, Tensor second, AdamWStep step)
    {
        using GradientRecording recording = Torch.WithoutGradients();
        using Native? gradient = Value.grad;
        if (gradient is null)
            return;
        if (!first.Shape.SequenceEqual(Shape) || !second.Shape.SequenceEqual(Shape))
            throw new TensorException(
                $"adamw_({Show(this)}, {Show(first)}, {Show(second)}): wants moments of the parameter's shape"
            );
        if (IsPlain && first.IsPlain && second.IsPlain && IsFloatInOrder(gradient))
            Kernels.AdamW(Floats, (float*)Memory(gradient), first.Floats, second.Floats, Count, step);
        else
            AdamWByOperations(gradient, first.Value, second.Value, step);
        KeepAlive(this, first, second);
    }

    /// <summary>The same by libtorch's operations, on any device.</summary>
    private void AdamWByOperations(Native gradient, Native first, Native second, AdamWStep step)
    {
        double correction1 = 1 - Math.Pow(step.Beta1, step.Number),
            correction2 = 1 - Math.Pow(step.Beta2, step.Number);
        using Scalar kept = (1 - step.LearningRate * step.WeightDecay).ToScalar();
        using Scalar beta1 = step.Beta1.ToScalar();
        using Scalar rest1 = (1 - step.Beta1).ToScalar();
        using Scalar beta2 = step.Beta2.ToScalar();
        using Scalar rest2 = (1 - step.Beta2).ToScalar();
        using Scalar perRoot = (1 / Math.Sqrt(correction2)).ToScalar();
        using Scalar epsilon = step.Epsilon.ToScalar();
        using Scalar rate = (-step.LearningRate / correction1).ToScalar();
        Value.mul_(kept);
        first.mul_(beta1).add_(gradient, rest1);
        second.mul_(beta2).addcmul_(gradient, gradient, rest2);
        using Native root = second.sqrt();
        root.mul_(perRoot).add_(epsilon);
        Value.addcdiv_(first, root, rate);
    }
}
