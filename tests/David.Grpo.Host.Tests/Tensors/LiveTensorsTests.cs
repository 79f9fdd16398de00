using David.Grpo.Formats;
using David.Grpo.Host.Tests.Models;
using David.Grpo.Host.Tests.Rollout;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Tensors;

/// <summary>Counts of the whole process: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LiveTensorsCollection
{
    public const string Name = "live tensors";
}

[Collection(LiveTensorsCollection.Name)]
public sealed class LiveTensorsTests
{
    public LiveTensorsTests()
    {
        // What other tests left to the finalizers.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void Scope_FreesWhatWasMadeInIt()
    {
        long before = Torch.LiveTensors;
        using (TensorScope scope = new())
        {
            Tensor one = Tensor.Full([4], 1);
            _ = (one + one) * 3;
            Assert.Equal(before + 3, Torch.LiveTensors);
        }
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public void Scope_FreesAlsoAfterAnError()
    {
        long before = Torch.LiveTensors;
        Assert.Throws<TensorException>(() =>
        {
            using TensorScope scope = new();
            Tensor.Full([2, 3], 1).Linear(Tensor.Full([2, 2], 1));
        });
        Assert.Equal(before, Torch.LiveTensors);
        using (TensorScope again = new())
            Tensor.Full([2], 1);
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public void AKeptTensor_MovesToTheScopeOutside()
    {
        long before = Torch.LiveTensors;
        using (TensorScope outer = new())
        {
            Tensor kept;
            using (TensorScope inner = new())
            {
                Tensor.Full([2], 1);
                kept = inner.Keep(Tensor.Full([2], 5));
            }
            Assert.Equal(before + 1, Torch.LiveTensors);
            Assert.Equal([5, 5], kept.ToArray<float>());
        }
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public void AReleasedTensor_OutlivesEveryScope()
    {
        long before = Torch.LiveTensors;
        Tensor released;
        using (TensorScope outer = new())
        using (TensorScope inner = new())
            released = TensorScope.Release(Tensor.Full([2], 5));
        Assert.Equal(before + 1, Torch.LiveTensors);
        Assert.Equal([5, 5], released.ToArray<float>());
        released.Dispose();
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public void Decoder_FreesItsParameters()
    {
        long before = Torch.LiveTensors;
        using (Decoder policy = TestDecoder.Random(TestDecoder.Small))
        using (Decoder copy = policy.Clone())
            policy.Logits([3, 4, 5]);
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Fact]
    public void PolicyPasses_LeaveNothingBehind()
    {
        using Decoder policy = TestDecoder.Random(TestDecoder.Small);
        policy.RequireGradients();
        using AdamW optimizer = new(policy.Parameters, new());
        int[][] sequences = RandomForest.Sequences(new Random(2));
        void Step(bool checkpointing)
        {
            PolicyPass.LogProbs(policy, [.. sequences.Select(TestDecoder.All)], new(), out _);
            PolicyPass.Accumulate(
                policy,
                [.. sequences.Select(TestDecoder.All)],
                new() { Checkpointing = checkpointing, LogitRows = 5 },
                (logProbs, _) => new Slopes([.. logProbs.Select(_ => -1.0)])
            );
            optimizer.Step(1e-3);
        }

        Step(false);
        long after = Torch.LiveTensors;
        for (int i = 0; i < 6; i++)
        {
            Step(checkpointing: i % 2 == 0);
            Assert.Equal(after, Torch.LiveTensors);
        }
    }

    [Fact]
    public void PolicyPass_LeavesNothingBehind_WhenTheLossFails()
    {
        using Decoder policy = TestDecoder.Random(TestDecoder.Small);
        policy.RequireGradients();
        policy.Logits([3, 4, 5]);
        long before = Torch.LiveTensors;
        foreach (bool checkpointing in (bool[])[false, true])
            Assert.Throws<InvalidOperationException>(() =>
                PolicyPass.Accumulate(
                    policy,
                    [TestDecoder.All([3, 4, 5])],
                    new() { Checkpointing = checkpointing },
                    (_, _) => throw new InvalidOperationException()
                )
            );
        Assert.Equal(before, Torch.LiveTensors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EngineRuns_LeaveNothingBehind(bool exits)
    {
        using Decoder policy = TestDecoder.Random(DrawnProtocol.Config);
        ExitPolicy exit = new() { Rule = new ExitThreshold(ConfidenceMeasure.NewStability(2), 1, 1, 1) };
        using RolloutEngine engine = new(policy, new DrawnProtocol(), new StandInSearch(), exits: exits ? exit : null);
        RolloutRequest[] requests = DrawnProtocol.Requests(questions: 3, members: 2);
        await engine.RunAsync(
            requests,
            Sampler.AtTemperature(1),
            Seed.OfInt64(1),
            0,
            TestContext.Current.CancellationToken
        );
        long after = Torch.LiveTensors;
        for (int i = 0; i < 4; i++)
        {
            await engine.RunAsync(
                requests,
                Sampler.AtTemperature(1),
                Seed.OfInt64(i),
                0,
                TestContext.Current.CancellationToken
            );
            Assert.Equal(after, Torch.LiveTensors);
        }
    }
}
