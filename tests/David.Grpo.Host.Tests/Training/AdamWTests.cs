using System.Text.Json;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Training;

/// <summary>Updates and clipping, equal to torch's numbers of golden/rl.</summary>
public sealed class AdamWTests
{
    [Fact]
    public void Updates_EqualTorch()
    {
        int cases = 0;
        foreach (JsonElement row in GoldenJson.Read("golden/rl/torch_adamw.json").At("cases").EnumerateArray())
        {
            using TensorScope scope = new();
            string name = row.At("name").GetString()!;
            JsonElement inputs = row.At("inputs"),
                outputs = row.At("outputs"),
                settings = inputs.At("settings"),
                rates = inputs.At("lr_per_step"),
                clip = inputs.At("max_grad_norm");
            bool isSingle = inputs.At("dtype").GetString() == "float32";
            double tolerance = isSingle ? 1e-6 : 1e-12; // golden/rl/README.md
            Tensor[] parameters = [.. inputs.At("start").EnumerateArray().Select(value => From(value, isSingle))];
            foreach (Tensor parameter in parameters)
                parameter.RequireGradient();
            using AdamW optimizer = new(
                parameters,
                new()
                {
                    Beta1 = settings.At("betas")[0].Number(),
                    Beta2 = settings.At("betas")[1].Number(),
                    Epsilon = settings.At("eps").Number(),
                    WeightDecay = settings.At("weight_decay").Number(),
                    MaxGradientNorm = clip.ValueKind == JsonValueKind.Null ? 0 : clip.Number(),
                }
            );

            for (int step = 0; step < inputs.At("gradients").GetArrayLength(); step++)
            {
                SetGradients(parameters, inputs.At("gradients")[step], isSingle);
                double rate = rates.ValueKind == JsonValueKind.Null ? settings.At("lr").Number() : rates[step].Number();
                double norm = optimizer.Step(rate);
                if (outputs.At("grad_norms") is { ValueKind: JsonValueKind.Array } norms && norms.GetArrayLength() > 0)
                    Near.Close([norms[step].Number()], [norm], tolerance, $"{name}, step {step + 1}: norm");
                for (int i = 0; i < parameters.Length; i++)
                {
                    Near.Close(
                        outputs.At("parameters_after_each_step")[step][i].Numbers(),
                        Numbers(parameters[i]),
                        tolerance,
                        $"{name}, step {step + 1}, parameter {i}: number"
                    );
                    Assert.Null(parameters[i].Gradient());
                }
            }
            Assert.Equal(12, optimizer.Steps);
            cases++;
        }
        Assert.Equal(55, cases);
    }

    [Fact]
    public void Clipping_EqualsTorch()
    {
        int cases = 0;
        foreach (JsonElement row in GoldenJson.Read("golden/rl/torch_grad_norm.json").At("cases").EnumerateArray())
        {
            JsonElement inputs = row.At("inputs"),
                outputs = row.At("outputs");
            double expected = outputs.At("norm").Number();
            if (inputs.At("norm_type").Number() != 2 || !double.IsFinite(expected))
                continue;
            using TensorScope scope = new();
            JsonElement gradients = inputs.At("gradients");
            Tensor[] parameters = Leaves(gradients);
            // With betas of 0 the moment after one step is the clipped gradient.
            using AdamW optimizer = new(
                parameters,
                new() { Beta1 = 0, MaxGradientNorm = inputs.At("max_norm").Number() }
            );
            SetGradients(parameters, gradients, isSingle: false);
            string name = row.At("name").GetString()!;
            Near.Close([expected], [optimizer.Step(0)], 1e-12, $"{name}: norm");
            for (int i = 0; i < parameters.Length; i++)
                Near.Close(
                    outputs.At("clipped")[i].Numbers(),
                    Numbers(optimizer.FirstMoments[i]),
                    1e-12,
                    $"{name}, tensor {i}: number"
                );
            cases++;
        }
        Assert.Equal(12, cases);
    }

    [Fact]
    public void AGradientThatIsNotFinite_UpdatesNothing()
    {
        int cases = 0;
        foreach (JsonElement row in GoldenJson.Read("golden/rl/torch_grad_norm.json").At("cases").EnumerateArray())
        {
            double expected = row.At("outputs").At("norm").Number();
            if (double.IsFinite(expected))
                continue;
            using TensorScope scope = new();
            JsonElement gradients = row.At("inputs").At("gradients");
            Tensor[] parameters = Leaves(gradients);
            using AdamW optimizer = new(parameters, new());
            SetGradients(parameters, gradients, isSingle: false);
            double[][] before = [.. parameters.Select(Numbers)];
            Assert.Equal(expected, optimizer.Step(0.1));
            Assert.Equal(before, [.. parameters.Select(Numbers)]);
            Assert.Equal(0, optimizer.Steps);
            Assert.All(
                optimizer.FirstMoments.ToArray(),
                moment => Assert.All(Numbers(moment), value => Assert.Equal(0, value))
            );
            Assert.All(parameters, parameter => Assert.Null(parameter.Gradient()));

            // The next, finite, gradient makes the first step.
            SetGradients(
                parameters,
                JsonDocument.Parse("[" + string.Join(",", Ones(gradients)) + "]").RootElement,
                false
            );
            Assert.True(double.IsFinite(optimizer.Step(0.1)));
            Assert.Equal(1, optimizer.Steps);
            cases++;
        }
        Assert.Equal(2, cases);
    }

    [Fact]
    public void AParameterWithoutGradient_StaysAsItIs()
    {
        using TensorScope scope = new();
        Tensor used = Tensor.From<float>([1, 2], [2]),
            unused = Tensor.From<float>([3, 4], [2]);
        used.RequireGradient();
        unused.RequireGradient();
        using AdamW optimizer = new([used, unused], new() { WeightDecay = 0.5 });
        Tensor.Backward([used * 1.0], [Tensor.From<float>([3, 4], [2])]);
        Assert.Equal(5, optimizer.Step(0.1), 6);
        Assert.Equal([3, 4], unused.ToArray<float>());
        Assert.NotEqual([1, 2], used.ToArray<float>());
    }

    [Fact]
    public void StateThatIsCopied_ContinuesBitForBit()
    {
        using TensorScope scope = new();
        float[] start = [0.5f, -1.25f, 3];
        Tensor straight = Tensor.From<float>(start, [3]),
            resumed = Tensor.From<float>(start, [3]);
        straight.RequireGradient();
        resumed.RequireGradient();
        using AdamW uninterrupted = new([straight], new());
        AdamW first = new([resumed], new());
        for (int step = 1; step <= 6; step++)
        {
            if (step == 4)
            {
                AdamW second = new([resumed], new()) { Steps = first.Steps };
                second.FirstMoments[0].CopyInPlace(first.FirstMoments[0]);
                second.SecondMoments[0].CopyInPlace(first.SecondMoments[0]);
                first.Dispose();
                first = second;
            }
            foreach (Tensor parameter in (Tensor[])[straight, resumed])
                Tensor.Backward([parameter * parameter], [Tensor.From<float>([1, 0.5f, step], [3])]);
            Assert.Equal(uninterrupted.Step(0.01), first.Step(0.01));
        }
        first.Dispose();
        Assert.Equal(straight.ToArray<float>(), resumed.ToArray<float>());
    }

    private static Tensor[] Leaves(JsonElement gradients)
    {
        Tensor[] leaves =
        [
            .. gradients.EnumerateArray().Select(value => Tensor.Full(value.Extents(), 1, ElementType.Float64)),
        ];
        foreach (Tensor leaf in leaves)
            leaf.RequireGradient();
        return leaves;
    }

    private static IEnumerable<string> Ones(JsonElement gradients) =>
        gradients
            .EnumerateArray()
            .Select(value => System.Text.RegularExpressions.Regex.Replace(value.GetRawText(), @"[^\[\],\s]+", "1"));

    private static void SetGradients(Tensor[] parameters, JsonElement gradients, bool isSingle)
    {
        for (int i = 0; i < parameters.Length; i++)
            Tensor.Backward([parameters[i] * 1.0], [From(gradients[i], isSingle)]);
    }

    private static Tensor From(JsonElement value, bool isSingle)
    {
        double[] numbers = value.Numbers();
        return isSingle
            ? Tensor.From<float>([.. numbers.Select(number => (float)number)], value.Extents())
            : Tensor.From<double>(numbers, value.Extents());
    }

    private static double[] Numbers(Tensor tensor) =>
        tensor.Type == ElementType.Float32
            ? [.. tensor.ToArray<float>().Select(value => (double)value)]
            : tensor.ToArray<double>();
}
