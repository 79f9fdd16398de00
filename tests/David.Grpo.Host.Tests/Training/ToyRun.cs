using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Training;

/// <summary>A run of a second on the embedded world, from the shipped base policy.</summary>
internal static class ToyRun
{
    /// <summary>Evaluated on 6 questions, before, during and after; a checkpoint a step.</summary>
    public static RunOptions Options(string arm, int rollouts, long seed = 5) =>
        WorldRuns.Options(new WorldMethodOptions { Arm = arm, BootstrapSteps = 1 }, seed, rollouts, 6) with
        {
            Evaluation = new EvaluationOptions
            {
                Every = 1,
                Questions = 6,
                QuestionsDuring = 4,
                Temperature = WorldRuns.EvaluationTemperature,
            },
            CheckpointEvery = 1,
        };

    /// <summary>Trains in a folder, or goes on there.</summary>
    public static async Task<RunResult> TrainAsync(
        string folder,
        RunOptions options,
        Action<RunEvent>? report = null,
        CancellationToken? stop = null
    )
    {
        using ModelFiles files = ModelFiles.Open(Path.Combine(AppContext.BaseDirectory, "base-policy"));
        using Decoder policy = Decoder.Load(files.Config, files.Weights);
        using Trainer trainer = new(
            policy,
            WorldTask.Create(options.Seed, WorldRuns.TrainingQuestions, options.Evaluation.Questions),
            options,
            new RunFolder(folder, "test"),
            new(),
            report ?? (_ => { })
        );
        return await trainer.RunAsync(stop ?? TestContext.Current.CancellationToken);
    }
}
