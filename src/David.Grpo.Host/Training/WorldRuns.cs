namespace David.Grpo.Training;

/// <summary>Settings of runs on the embedded world, the same for every arm but for what makes the arm.</summary>
public static class WorldRuns
{
    /// <summary>Questions that a run may train on, and rollouts of a step: 12 questions × 6.</summary>
    public const int TrainingQuestions = 600;

    /// <summary>Rollouts of a group, whatever the arm makes of them.</summary>
    private const int GroupCost = 6;

    /// <summary>Rollouts of a step at most.</summary>
    private const int StepCost = 12 * GroupCost;

    /// <summary>A run of an arm at a budget.</summary>
    /// <remarks>
    /// A main step costs every arm 72 rollouts at most: 12 groups of 6, or of 5 and one continuation, or as the arm's
    /// method divides them. Learning rate, epochs and minibatches are shared, taken from a prototype and tuned for none of
    /// them (notebooks/LOG.md).
    /// </remarks>
    public static RunOptions Options(string arm, long seed, int rollouts, int evaluationQuestions)
    {
        MethodOptions method = new()
        {
            Arm = arm,
            Lambda = 0.5,
            BootstrapSteps = 5,
            BootstrapGroupSize = 5,
            MainSteps = int.MaxValue,
            GroupSize = GroupCost,
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
        };
        return new()
        {
            Seed = seed,
            Rollouts = rollouts,
            Method = Fit(method),
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

    /// <summary>Groups and steps of an arm's own shape at the same cost.</summary>
    private static MethodOptions Fit(MethodOptions method)
    {
        Arm arm = method.Create(Reward.Gated);
        // Where forks come out of the group's rollouts, fewer members are independent.
        bool isFree = arm.GroupSize == method.GroupSize;
        int members = isFree ? GroupCost - arm.Exploration.MaxForks : arm.GroupSize;
        return method with { GroupSize = members, QuestionsPerStep = StepCost / (members + arm.Exploration.MaxForks) };
    }
}
