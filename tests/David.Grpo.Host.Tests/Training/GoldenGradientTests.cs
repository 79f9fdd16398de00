using System.Text.Json;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Learning;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Training;

/// <summary>Gradients and training steps, equal to transformers' and torch's numbers of golden/models.</summary>
public sealed class GoldenGradientTests
{
    // The tolerance that golden/models/README.md gives for float32 sums of another order.
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Names => GoldenModel.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientOfLogProbs_EqualsAutograd(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement expected = golden.Numbers.At("gradient");
        ScoredSequence[] sequences = [.. expected.At("ids").EnumerateArray().Select(row => TestDecoder.All(row.Ids()))];
        foreach (bool checkpointing in (bool[])[false, true])
            AssertGradients(
                golden.Policy,
                expected,
                sequences,
                checkpointing,
                (_, _) => new Slopes(expected.At("slopes").Numbers())
            );
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EntropiesAndTheirGradient_EqualAutograd(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement expected = golden.Numbers.At("entropy");
        // The entropy of every position: one token more, so that the last position is asked too.
        ScoredSequence[] sequences =
        [
            .. golden
                .Numbers.At("gradient")
                .At("ids")
                .EnumerateArray()
                .Select(row => TestDecoder.All([.. row.Ids(), 3])),
        ];
        foreach (bool checkpointing in (bool[])[false, true])
            AssertGradients(
                golden.Policy,
                expected,
                sequences,
                checkpointing,
                (logProbs, entropies) =>
                {
                    Near.Equal(expected.At("values").Numbers(), entropies, Tolerance, Tolerance, "entropy");
                    double share = 1.0 / entropies.Length;
                    return new Slopes(new double[logProbs.Length], [.. entropies.Select(_ => share)]);
                }
            );
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void FiveTrainingSteps_EqualTorch(string name)
    {
        using GoldenModel golden = new(name);
        JsonElement training = golden.Numbers.At("training");
        JsonElement constants = training.At("adamw");
        int[][] ids = [.. training.At("ids").EnumerateArray().Select(row => row.Ids())];
        double[][] mask = [.. training.At("mask").EnumerateArray().Select(row => row.Numbers())];
        double[] advantages = training.At("advantages").Numbers();
        ScoredSequence[] sequences =
        [
            .. ids.Select(
                (row, i) =>
                    new ScoredSequence(row, [.. Enumerable.Range(1, row.Length - 1).Where(t => mask[i][t - 1] == 1)])
            ),
        ];
        int[] owner = [.. sequences.SelectMany((sequence, i) => sequence.Scored.Select(_ => i))];
        double[] old = PolicyPass.LogProbs(golden.Policy, sequences, new(), out _);
        TokenBatch batch = TokenBatch.Create(owner, [0, 1, 2, 3], [.. owner.Select(i => advantages[i])], old, []);
        double[] weights = Aggregation.Weights(Aggregation.TokenMean, batch);
        Clip clip = new(
            epsilonLow: training.At("epsilon_low").Number(),
            epsilonHigh: training.At("epsilon_high").Number(),
            dual: DualClip.Off,
            logRatio: LogRatioBound.Unbounded
        );

        golden.Policy.RequireGradients();
        using AdamW optimizer = new(
            golden.Policy.Parameters,
            new()
            {
                Beta1 = constants.At("beta1").Number(),
                Beta2 = constants.At("beta2").Number(),
                Epsilon = constants.At("eps").Number(),
                WeightDecay = constants.At("weight_decay").Number(),
                MaxGradientNorm = training.At("clip_norm").Number(),
            }
        );
        int number = 0;
        foreach (JsonElement step in training.At("steps").EnumerateArray())
        {
            string at = $"step {++number}: ";
            double value = double.NaN;
            PolicyPass.Accumulate(
                golden.Policy,
                sequences,
                new() { Checkpointing = number % 2 == 0, LogitRows = 17 },
                (logProbs, _) =>
                {
                    Near.Equal(Masked(step.At("log_probs"), mask), logProbs, Tolerance, Tolerance, at + "log-prob");
                    Loss loss = Objective.ClippedSurrogate(clip, weights, batch, logProbs);
                    value = loss.Value;
                    return new Slopes(loss.Gradient);
                }
            );
            Near.Equal([step.At("loss").Number()], [value], Tolerance, Tolerance, at + "loss");
            double norm = optimizer.Step(constants.At("lr").Number());
            Near.Equal(
                [step.At("gradient_norm_before_clip").Number()],
                [norm],
                Tolerance,
                Tolerance,
                at + "gradient norm"
            );
        }
        Assert.Equal(5, number);
        double[] after = PolicyPass.LogProbs(golden.Policy, [.. ids.Select(TestDecoder.All)], new(), out _);
        Near.Equal(training.At("log_probs_after").Numbers(), after, Tolerance, Tolerance, "log-probability after");
    }

    private static double[] Masked(JsonElement rows, double[][] mask) =>
        [.. rows.EnumerateArray().SelectMany((row, i) => row.Numbers().Where((_, t) => mask[i][t] == 1))];

    /// <summary>Norms and first numbers of each parameter's gradient.</summary>
    private static void AssertGradients(
        Decoder policy,
        JsonElement expected,
        ScoredSequence[] sequences,
        bool checkpointing,
        Func<double[], double[], Slopes> loss
    )
    {
        policy.RequireGradients();
        float[][] gradients = policy.GradientsOf(() =>
            PolicyPass.Accumulate(policy, sequences, new() { Checkpointing = checkpointing }, loss)
        );
        for (int i = 0; i < gradients.Length; i++)
        {
            string parameter = policy.ParameterNames[i];
            double norm = expected.At("norms").At(parameter).Number();
            Near.Equal(
                [norm],
                [Math.Sqrt(gradients[i].Sum(slope => (double)slope * slope))],
                Tolerance,
                Tolerance,
                $"norm of {parameter}, number"
            );
            // Numbers of a sum that cancels are as exact as its addends, so the norm gives the scale.
            if (expected.TryGetProperty("first8", out JsonElement first))
                Near.Equal(first.At(parameter).Numbers(), gradients[i][..8], Tolerance * (1 + norm), 0, parameter);
        }
    }
}
