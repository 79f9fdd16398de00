using David.Grpo.Formats;
using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>
/// Cosines and sines of the rotary position embedding (RoFormer, arXiv 2104.09864), with Llama 3's scaling of the low
/// frequencies where the configuration has it. Grows with the longest position that was asked for.
/// </summary>
/// <remarks>Angles are products of float32 numbers, as in transformers, so that long contexts agree with it.</remarks>
internal sealed class RotaryTable(ModelConfig config, Device device) : IDisposable
{
    private readonly float[] _frequencies = Frequencies(config);
    private Tensor? _cosine; // [P, D]
    private Tensor? _sine;
    private int _length;

    /// <summary>[N, D] cosines and sines of [N] positions.</summary>
    public (Tensor Cosine, Tensor Sine) At(ReadOnlySpan<int> positions)
    {
        int needed = 1;
        foreach (int position in positions)
            needed = Math.Max(needed, position + 1);
        if (needed > _length)
            Grow(Math.Max(needed, 2 * _length));
        Tensor index = Tensor.From(positions, device);
        return (_cosine!.IndexSelect(0, index), _sine!.IndexSelect(0, index));
    }

    private void Grow(int length)
    {
        int half = _frequencies.Length;
        float[] cosine = new float[length * 2 * half];
        float[] sine = new float[length * 2 * half];
        for (int position = 0; position < length; position++)
        for (int i = 0; i < half; i++)
        {
            float angle = position * _frequencies[i];
            int at = position * 2 * half + i;
            cosine[at] = cosine[at + half] = MathF.Cos(angle);
            sine[at] = sine[at + half] = MathF.Sin(angle);
        }
        Dispose();
        _cosine = TensorScope.Release(Tensor.From<float>(cosine, [length, 2 * half], device));
        _sine = TensorScope.Release(Tensor.From<float>(sine, [length, 2 * half], device));
        _length = length;
    }

    private static float[] Frequencies(ModelConfig config)
    {
        float[] frequencies = new float[config.HeadDimension / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double frequency = 1 / Math.Pow(config.RopeTheta, 2.0 * i / config.HeadDimension);
            frequencies[i] = (float)(config.RopeScaling is { } scaling ? Scale(frequency, scaling) : frequency);
        }
        return frequencies;
    }

    /// <summary>
    /// Llama 3's rule: frequencies with a wavelength above context / low are divided by the factor, those below
    /// context / high stay, between them it is interpolated.
    /// </summary>
    private static double Scale(double frequency, Llama3RopeScaling scaling)
    {
        double turns = scaling.OriginalContext * frequency / (2 * Math.PI);
        double share = Math.Clamp(
            (turns - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor),
            0,
            1
        );
        return (1 - share) * frequency / scaling.Factor + share * frequency;
    }

    public void Dispose()
    {
        _cosine?.Dispose();
        _sine?.Dispose();
    }
}
