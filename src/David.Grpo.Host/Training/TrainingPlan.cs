using David.Grpo.Learning;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Training;

/// <summary>What a run's loop goes by.</summary>
internal static class TrainingPlan
{
    /// <param name="seed">Of the run.</param>
    public static LoopPlan Of(RunOptions options, Arm arm, TrainingTask task, Seed seed)
    {
        MethodOptions method = options.Method;
        return new LoopPlan(
            seed: Seed.Named("order", seed),
            budget: options.Limits,
            imitationSteps: arm.WarmUp == WarmUp.Imitation ? method.BootstrapSteps : 0,
            bootstrapSteps: arm.WarmUp == WarmUp.Bootstrapping ? method.BootstrapSteps : 0,
            expertQuestions: arm.WarmUp == WarmUp.None ? 0 : task.Experts.Count,
            mainSteps: arm.HasMain ? method.MainSteps : 0,
            trainingQuestions: task.Training.Questions.Count,
            shuffle: options.Shuffle,
            questionsPerStep: method.QuestionsPerStep,
            bootstrapGroupSize: method.BootstrapGroupSize,
            groupSize: arm.GroupSize,
            forks: arm.Exploration.MaxForks,
            price: method.PriceControl,
            allocation: arm.Allocation,
            evaluateEvery: options.Evaluation.Every,
            marks: options.Evaluation.At,
            checkpointEvery: options.CheckpointEvery
        );
    }
}
