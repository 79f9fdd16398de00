using System.Numerics;

namespace David.Grpo.Tensors;

/// <summary>
/// Layers of a decoder on raw float32 memory, for passes that record nothing: one walk over the numbers each, where libtorch's
/// operations would make five to ten. Rows are shared out over the threads of <see cref="Torch.Threads"/>; the numbers do not depend on how many.
/// </summary>
internal static unsafe class Kernels
{
    /// <summary>Numbers below which a second thread costs more than it brings.</summary>
    private const long ShareFrom = 1 << 15;

    /// <summary>out = x / √(mean(x²) + ε) · weight for x [rows, width].</summary>
    public static void RmsNorm(float* x, float* weight, float epsilon, long rows, long width, float* result) =>
        Share(
            rows,
            width,
            (from, to) =>
            {
                for (long row = from; row < to; row++)
                {
                    float* line = x + row * width,
                        target = result + row * width;
                    float scale = 1 / MathF.Sqrt(Dot(line, line, width) / width + epsilon);
                    Vector<float> scales = new(scale);
                    long i = 0;
                    for (; i <= width - Vector<float>.Count; i += Vector<float>.Count)
                        Store(target + i, Load(line + i) * scales * Load(weight + i));
                    for (; i < width; i++)
                        target[i] = line[i] * scale * weight[i];
                }
            }
        );

    /// <summary>out[o] = Σ x[i] · weight[o, i] for x [width], weight [rows, width].</summary>
    public static void MultiplyRow(float* x, float* weight, long rows, long width, float* result) =>
        Share(
            rows,
            width,
            (from, to) =>
            {
                for (long row = from; row < to; row++)
                    result[row] = Dot(x, weight + row * width, width);
            }
        );

    /// <summary>out = silu(gate) · up, [count] each.</summary>
    public static void SiluMul(float* gate, float* up, long count, float* result) =>
        Share(
            (count + Block - 1) / Block,
            Block,
            (from, to) =>
            {
                long i = from * Block,
                    end = Math.Min(to * Block, count);
                for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
                {
                    Vector<float> x = Load(gate + i);
                    Store(result + i, x / (Vector<float>.One + Vector.Exp(-x)) * Load(up + i));
                }
                for (; i < end; i++)
                    result[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
            }
        );

    /// <summary>
    /// Rotary embedding of the halves: x [rows, heads, width], cosine and sine [rows, width];
    /// (a, b) of a pair becomes (a cos − b sin, b cos + a sin).
    /// </summary>
    public static void Rotate(float* x, float* cosine, float* sine, long rows, long heads, long width, float* result) =>
        Share(
            rows,
            heads * width,
            (from, to) =>
            {
                long half = width / 2;
                for (long line = from * heads; line < to * heads; line++)
                {
                    float* a = x + line * width,
                        cos = cosine + line / heads * width,
                        sin = sine + line / heads * width,
                        target = result + line * width;
                    long i = 0;
                    for (; i <= half - Vector<float>.Count; i += Vector<float>.Count)
                    {
                        Vector<float> first = Load(a + i),
                            second = Load(a + half + i);
                        Store(target + i, first * Load(cos + i) - second * Load(sin + i));
                        Store(target + half + i, second * Load(cos + half + i) + first * Load(sin + half + i));
                    }
                    for (; i < half; i++)
                    {
                        target[i] = a[i] * cos[i] - a[half + i] * sin[i];
                        target[half + i] = a[half + i] * cos[half + i] + a[i] * sin[half + i];
                    }
                }
            }
        );

    /// <summary>
    /// Attention of single queries, each over its own rows of a shared pool: query [rows, heads, width], keys and values
    /// [slots, keyHeads, width]; row b sees slots[offsets[b] .. offsets[b + 1]].
    /// </summary>
    public static void PooledAttention(
        float* query,
        float* keys,
        float* values,
        long* slots,
        long* offsets,
        float scale,
        (long Rows, long Heads, long KeyHeads, long Width) shape,
        float* result
    )
    {
        (long rows, long heads, long keyHeads, long width) = shape;
        long group = heads / keyHeads;
        Share(
            rows * keyHeads,
            rows == 0 ? 0 : 2 * group * width * (offsets[rows] - offsets[0]) / rows,
            (from, to) =>
            {
                float[] scores = [];
                for (long pair = from; pair < to; pair++)
                {
                    long row = pair / keyHeads,
                        keyHead = pair % keyHeads;
                    long* visible = slots + offsets[row];
                    int length = (int)(offsets[row + 1] - offsets[row]);
                    if (scores.Length < length)
                        scores = GC.AllocateUninitializedArray<float>(Math.Max(length, 2 * scores.Length));
                    fixed (float* weights = scores)
                        for (long g = 0; g < group; g++)
                        {
                            long head = (row * heads + keyHead * group + g) * width;
                            for (int t = 0; t < length; t++)
                                weights[t] =
                                    scale * Dot(query + head, keys + (visible[t] * keyHeads + keyHead) * width, width);
                            Softmax(weights, length);
                            new Span<float>(result + head, (int)width).Clear();
                            for (int t = 0; t < length; t++)
                                AddScaled(
                                    result + head,
                                    values + (visible[t] * keyHeads + keyHead) * width,
                                    weights[t],
                                    width
                                );
                        }
                }
            }
        );
    }

    /// <summary>
    /// Of each row of logits [rows, vocabulary], divided by the temperature: the first token at which Σ p reaches uniform · its last sum,
    /// or the likeliest where `uniform` is null; and its log-probability.
    /// </summary>
    public static void Sample(
        float* logits,
        float perTemperature,
        float* uniform,
        int[] tokens,
        double[] logProbs,
        long vocabulary
    ) =>
        Share(
            tokens.Length,
            vocabulary,
            (from, to) =>
            {
                float[] room = GC.AllocateUninitializedArray<float>((int)vocabulary);
                fixed (float* weights = room)
                    for (long row = from; row < to; row++)
                    {
                        float* line = logits + row * vocabulary;
                        int likeliest = IndexOfMax(line, (int)vocabulary);
                        double total = Exponentials(line, line[likeliest], perTemperature, (int)vocabulary, weights);
                        int token = likeliest;
                        if (uniform != null)
                        {
                            double sum = 0,
                                reached = uniform[row] * total;
                            for (int i = 0; i < vocabulary && sum < reached; i++)
                                if (weights[i] > 0)
                                {
                                    sum += weights[i];
                                    token = i;
                                }
                        }
                        tokens[row] = token;
                        logProbs[row] = (line[token] - line[likeliest]) * (double)perTemperature - Math.Log(total);
                    }
            }
        );

    /// <summary>
    /// One AdamW update (arXiv 1711.05101, as torch.optim.AdamW): p ← p (1 − ηλ); m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    /// p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
    /// </summary>
    public static void AdamW(
        float* parameter,
        float* gradient,
        float* first,
        float* second,
        long count,
        AdamWStep step
    ) =>
        Share(
            (count + Block - 1) / Block,
            Block,
            (from, to) =>
            {
                float kept = (float)(1 - step.LearningRate * step.WeightDecay),
                    beta1 = (float)step.Beta1,
                    rest1 = (float)(1 - step.Beta1),
                    beta2 = (float)step.Beta2,
                    rest2 = (float)(1 - step.Beta2),
                    rate = (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Number))),
                    root = (float)Math.Sqrt(1 - Math.Pow(step.Beta2, step.Number)),
                    epsilon = (float)step.Epsilon;
                long i = from * Block,
                    end = Math.Min(to * Block, count);
                for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
                {
                    Vector<float> g = Load(gradient + i);
                    Vector<float> m = Load(first + i) * beta1 + g * rest1;
                    Vector<float> v = Load(second + i) * beta2 + g * g * rest2;
                    Store(first + i, m);
                    Store(second + i, v);
                    Vector<float> below = Vector.SquareRoot(v) / new Vector<float>(root) + new Vector<float>(epsilon);
                    Store(parameter + i, Load(parameter + i) * kept - m / below * rate);
                }
                for (; i < end; i++)
                {
                    float g = gradient[i];
                    float m = first[i] = first[i] * beta1 + g * rest1;
                    float v = second[i] = second[i] * beta2 + g * g * rest2;
                    parameter[i] = parameter[i] * kept - m / (MathF.Sqrt(v) / root + epsilon) * rate;
                }
            }
        );

    /// <summary>Σ x², [count]: sums of blocks in float32, added up in float64 in their order.</summary>
    public static double SquaredNorm(float* x, long count)
    {
        double[] sums = new double[(count + Block - 1) / Block];
        Share(
            sums.Length,
            Block,
            (from, to) =>
            {
                for (long block = from; block < to; block++)
                {
                    float* start = x + block * Block;
                    sums[block] = Dot(start, start, Math.Min(Block, count - block * Block));
                }
            }
        );
        return sums.Sum();
    }

    private const long Block = 4096;

    /// <summary>Runs rows 0 … count in as many stretches as there are threads; `cost` is the numbers of a row.</summary>
    private static void Share(long count, long cost, Action<long, long> stretch)
    {
        long parts = Math.Min(Torch.Threads, Math.Min(count, count * cost / ShareFrom));
        if (parts <= 1)
            stretch(0, count);
        else
            Parallel.For(0, (int)parts, part => stretch(part * count / parts, (part + 1) * count / parts));
    }

    private static Vector<float> Load(float* from) => *(Vector<float>*)from;

    private static void Store(float* to, Vector<float> values) => *(Vector<float>*)to = values;

    private static float Dot(float* x, float* y, long count)
    {
        Vector<float> even = default,
            odd = default;
        long i = 0;
        for (; i <= count - 2 * Vector<float>.Count; i += 2 * Vector<float>.Count)
        {
            even = Vector.FusedMultiplyAdd(Load(x + i), Load(y + i), even);
            odd = Vector.FusedMultiplyAdd(Load(x + i + Vector<float>.Count), Load(y + i + Vector<float>.Count), odd);
        }
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            even = Vector.FusedMultiplyAdd(Load(x + i), Load(y + i), even);
        float sum = Vector.Sum(even + odd);
        for (; i < count; i++)
            sum += x[i] * y[i];
        return sum;
    }

    private static void AddScaled(float* to, float* x, float factor, long count)
    {
        Vector<float> factors = new(factor);
        long i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            Store(to + i, Vector.FusedMultiplyAdd(Load(x + i), factors, Load(to + i)));
        for (; i < count; i++)
            to[i] += x[i] * factor;
    }

    private static void Softmax(float* line, int length)
    {
        float share = (float)(1 / Exponentials(line, line[IndexOfMax(line, length)], 1, length, line));
        Vector<float> shares = new(share);
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            Store(line + i, Load(line + i) * shares);
        for (; i < length; i++)
            line[i] *= share;
    }

    /// <summary>out = exp((x − top) · factor), [length]; returns their sum.</summary>
    private static double Exponentials(float* x, float top, float factor, int length, float* result)
    {
        Vector<float> tops = new(top),
            totals = default;
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> e = Vector.Exp((Load(x + i) - tops) * factor);
            Store(result + i, e);
            totals += e;
        }
        double total = Vector.Sum(totals);
        for (; i < length; i++)
            total += result[i] = MathF.Exp((x[i] - top) * factor);
        return total;
    }

    /// <summary>The first place of the largest number; a NaN is never it.</summary>
    private static int IndexOfMax(float* x, int length)
    {
        int best = 0;
        for (int i = 1; i < length; i++)
            if (x[i] > x[best])
                best = i;
        return best;
    }
}

/// <summary>Numbers of one AdamW update.</summary>
/// <param name="Number">Updates made, this one counted: at least 1.</param>
/// <param name="LearningRate">η.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">λ, decoupled.</param>
public readonly record struct AdamWStep(
    long Number,
    double LearningRate,
    double Beta1,
    double Beta2,
    double Epsilon,
    double WeightDecay
);
