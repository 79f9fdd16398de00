namespace David.Grpo.Training;

/// <summary>Settings of runs on the embedded world, the same for every arm but for what makes the arm.</summary>
public static class WorldRuns
{
    /// <summary>Questions that a run may train on, and rollouts of a step: 12 questions × 6.</summary>
    public const int TrainingQuestions = 600;

    /// <summary>A run of an arm at a budget.</summary>
    /// <remarks>
    /// A main step costs every arm 72 rollouts at most: 12 groups of 6, or of 5 and one continuation. Learning rate,
    /// epochs and minibatches are shared, taken from a prototype and tuned for none of them (notebooks/LOG.md).
    /// </remarks>
    public static RunOptions Options(Arm arm, long seed, int rollouts, int evaluationQuestions) =>
        new()
        {
            Seed = seed,
            Rollouts = rollouts,
            Method = new MethodOptions
            {
                Arm = arm,
                Lambda = 0.5,
                BootstrapSteps = 5,
                BootstrapGroupSize = 5,
                MainSteps = int.MaxValue,
                QuestionsPerStep = 12,
                GroupSize = arm == Arm.David ? 5 : 6,
                Continuations = 1,
                Minibatches = 2,
                BootstrapMinibatches = 2,
                Epochs = 4,
                Temperature = 1,
                LearningRate = 3e-4,
                BootstrapLearningRate = 3e-4,
                KlCoefficient = 0,
                EntropyCoefficient = 0,
                RecomputeOldLogProbs = false,
                WeightDecay = 0,
                Beta2 = 0.95,
            },
            Evaluation = new EvaluationOptions
            {
                Every = 2,
                Questions = evaluationQuestions,
                QuestionsDuring = Math.Min(150, evaluationQuestions),
                Temperature = 0.6,
            },
            CheckpointEvery = 2,
        };
}
