using David.Grpo.Host.Tests.Models;
using David.Grpo.Host.Tests.Training;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Tensors;

/// <summary>What TorchSharp would do if it were left alone, and does not.</summary>
[Collection(LiveTensorsCollection.Name)]
public sealed class LibTorchTests
{
    [Fact]
    public void Loading_CopiesNothing()
    {
        Assert.StartsWith(LibTorch.TorchVersion, Torch.Version, StringComparison.Ordinal);
        string beside = Path.GetDirectoryName(typeof(TorchSharp.torch).Assembly.Location)!;
        Assert.False(Directory.Exists(Path.Combine(beside, "cpu")));
        Assert.False(Directory.Exists(Path.Combine(beside, "cuda-12.8")));
    }

    [Fact]
    public void OneRequestOfALibrary_IsWeakened()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "runtimes/linux-x64/native/libLibTorchSharp.so");
        Assert.SkipUnless(File.Exists(file), $"{file} is for Linux on x86-64");
        byte[] image = File.ReadAllBytes(file),
            before = (byte[])image.Clone();
        Assert.False(ElfImage.WeakenVersion(image, "GLIBCXX_9.9.99"));
        Assert.Equal(before, image);
        Assert.True(ElfImage.WeakenVersion(image, "GLIBCXX_3.4.32"));
        Assert.Equal(1, image.Zip(before).Count(pair => pair.First != pair.Second));
    }

    [Fact]
    public void NumbersAndTensors_SurviveACollectorThatNeverRests()
    {
        using CancellationTokenSource end = new();
        Thread collector = new(() =>
        {
            while (!end.IsCancellationRequested)
                GC.Collect(0);
        });
        collector.Start();
        try
        {
            using TensorScope scope = new();
            Tensor x = Tensor.Full([64], 1);
            for (int i = 0; i < 3000; i++)
            {
                using TensorScope step = new();
                Tensor y =
                    (x * 3 + 2) * Tensor.Full([64], 2) - Tensor.Cat([Tensor.Full([32], 1), Tensor.Full([32], 1)]);
                Assert.Equal(9, y.ToArray<float>()[i % 64]);
            }
        }
        finally
        {
            end.Cancel();
            collector.Join();
        }
    }

    /// <summary>Runs side by side each keep their own number of threads, on which rounding may depend.</summary>
    [Fact]
    public async Task Threads_AreThoseOfTheCallsThatFollow()
    {
        int before = Torch.Threads;
        await Task.WhenAll(
            Enumerable
                .Range(1, 4)
                .Select(async threads =>
                {
                    Torch.Threads = threads;
                    for (int i = 0; i < 20; i++)
                    {
                        await Task.Yield();
                        using (TensorScope scope = new())
                            Tensor.Full([2], 1);
                        Assert.Equal(threads, Torch.Threads);
                        Assert.Equal(threads, TorchSharp.torch.get_num_threads());
                    }
                })
        );
        Assert.Equal(before, Torch.Threads);
    }

    [Fact]
    public void OneAndTwoThreads_GiveTheSameStep()
    {
        float[][] weights = [.. new[] { 1, 2 }.Select(Trained)];
        Assert.Equal(weights[0], weights[1]);

        static float[] Trained(int threads)
        {
            Torch.Threads = threads;
            using Decoder policy = TestDecoder.Random(TestDecoder.Small);
            policy.RequireGradients();
            using AdamW optimizer = new(policy.Parameters, new());
            int[][] sequences = RandomForest.Sequences(new Random(3));
            for (int i = 0; i < 3; i++)
            {
                PolicyPass.Accumulate(
                    policy,
                    [.. sequences.Select(TestDecoder.All)],
                    new(),
                    (logProbs, _) => new Slopes([.. logProbs.Select(_ => -1.0)])
                );
                optimizer.Step(1e-2);
            }
            return policy.Parameters[1].ToArray<float>();
        }
    }

    [Fact]
    public void Training_TakesNoMoreMemoryWithTime()
    {
        using Decoder policy = TestDecoder.Random(TestDecoder.Small);
        policy.RequireGradients();
        using AdamW optimizer = new(policy.Parameters, new());
        int[][] sequences = RandomForest.Sequences(new Random(3));
        long Steps(int count)
        {
            for (int i = 0; i < count; i++)
            {
                PolicyPass.Accumulate(
                    policy,
                    [.. sequences.Select(TestDecoder.All)],
                    new() { Checkpointing = i % 2 == 0 },
                    (logProbs, _) => new Slopes([.. logProbs.Select(_ => -1.0)])
                );
                optimizer.Step(1e-3);
            }
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Environment.WorkingSet;
        }
        long before = Steps(60);
        // A leak of one hidden state a step would be a hundred times this.
        Assert.InRange(Steps(200) - before, long.MinValue, 48L << 20);
    }
}
