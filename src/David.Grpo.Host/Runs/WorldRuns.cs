using David.Grpo.Learning;

namespace David.Grpo.Runs;

/// <summary>
/// What a run on the embedded world learns by. Learning rate, epochs and minibatches are shared by the arms, taken from a
/// prototype (notebooks/LOG.md); `david compare` tunes the learning rate of each arm alike where it is asked to.
/// </summary>
public sealed record WorldMethodOptions : MethodOptions
{
    public WorldMethodOptions()
    {
        BootstrapSteps = 5;
        MainSteps = int.MaxValue;
        QuestionsPerStep = 12;
        GroupSize = 6;
        Continuations = 1;
        BootstrapMinibatches = 2;
        Epochs = 4;
        Temperature = 1;
        LearningRate = 3e-4;
        BootstrapLearningRate = 3e-4;
        CriticLearningRate = 1e-3;
        KlCoefficient = 0;
        EntropyCoefficient = 0;
        RecomputeOldLogProbs = false;
        WeightDecay = 0;
        Beta2 = 0.95;
    }
}

/// <summary>Runs on the embedded world, alike for every arm but for what makes the arm.</summary>
public static class WorldRuns
{
    /// <summary>Questions that a run may train on.</summary>
    public const int TrainingQuestions = 600;

    /// <summary>Sampling temperature of evaluations.</summary>
    public const double EvaluationTemperature = 0.6;

    /// <summary>A run of an arm at a budget, with the world's settings.</summary>
    public static RunOptions Options(string arm, long seed, int rollouts, int evaluationQuestions) =>
        Options(new WorldMethodOptions { Arm = arm }, seed, rollouts, evaluationQuestions) with
        {
            Evaluation = new EvaluationOptions
            {
                Every = 2,
                Questions = evaluationQuestions,
                QuestionsDuring = Math.Min(150, evaluationQuestions),
                Temperature = EvaluationTemperature,
            },
        };

    /// <summary>A run of a method at a budget, compared at its end and at <paramref name="marks"/>.</summary>
    /// <remarks>
    /// A step costs every arm the same at most, questions_per_step × group_size: 12 groups of 6, or of 5 and one continuation,
    /// or as the arm's method divides them.
    /// </remarks>
    public static RunOptions Options(
        MethodOptions method,
        long seed,
        int rollouts,
        int evaluationQuestions,
        params int[] marks
    ) =>
        new()
        {
            Seed = seed,
            Rollouts = rollouts,
            Method = Fit(method),
            Evaluation = new EvaluationOptions
            {
                Every = 0,
                At = marks,
                Questions = evaluationQuestions,
                Temperature = EvaluationTemperature,
            },
            CheckpointEvery = 4,
        };

    private static MethodOptions Fit(MethodOptions method)
    {
        Arm arm = method.Create(TaskRewards.OfTags(_ => null));
        int stepCost = method.QuestionsPerStep * method.GroupSize;
        // Where forks come out of the group's rollouts, fewer members are independent.
        bool isFree = arm.GroupSize == method.GroupSize;
        int members = isFree ? Math.Max(1, method.GroupSize - arm.Exploration.MaxForks) : arm.GroupSize;
        return method with { GroupSize = members, QuestionsPerStep = stepCost / (members + arm.Exploration.MaxForks) };
    }
}
