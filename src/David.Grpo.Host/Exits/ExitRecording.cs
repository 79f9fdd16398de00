using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Exits;

/// <summary>Runs to their end with a trial answer at every check: what exits are calibrated, replayed and studied on.</summary>
public static class ExitRecording
{
    /// <summary>Questions of one evaluation world, where many are asked; a world has about 1,600.</summary>
    private const int QuestionsOfWorld = 250;

    /// <summary>
    /// Questions of the embedded world from as many evaluation worlds as it takes, 250 each, so that what is measured does not
    /// hang on the names of one.
    /// </summary>
    /// <param name="count">Of all, at least 1.</param>
    /// <param name="firstWorld">The number of the first evaluation world. Runs are evaluated in world 0 by default.</param>
    public static TrainingTask[] Worlds(int count, int firstWorld)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return
        [
            .. Enumerable
                .Range(0, (count + QuestionsOfWorld - 1) / QuestionsOfWorld)
                .Select(i =>
                    WorldTask.Create(
                        seed: 0,
                        trainingQuestions: 1,
                        evaluationQuestions: Math.Min(QuestionsOfWorld, count - i * QuestionsOfWorld),
                        evaluationWorld: firstWorld + i,
                        experts: 1
                    )
                ),
        ];
    }

    /// <summary>Answers questions to the end, with a trial answer at each check.</summary>
    /// <param name="tasks">Their evaluation questions are asked.</param>
    /// <param name="temperature">0 is greedy.</param>
    /// <param name="trialTokens">Of a trial answer, at least 1.</param>
    /// <param name="progress">Told questions done of all.</param>
    /// <returns>A run for each question, those of the first task first.</returns>
    public static async Task<RecordedRun[]> RunAsync(
        Decoder policy,
        IReadOnlyList<TrainingTask> tasks,
        double temperature,
        Seed seed,
        int trialTokens = 20,
        EngineOptions? engineOptions = null,
        Action<int, int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        List<RecordedRun> runs = [];
        int all = tasks.Sum(task => task.Evaluation.Questions.Count);
        foreach ((int number, TrainingTask task) in tasks.Index())
        {
            EvaluationResult result = await Evaluator
                .RunAsync(
                    policy,
                    task,
                    task.Evaluation.Questions.Count,
                    temperature,
                    Seed.Child(number, seed),
                    engineOptions ?? new EngineOptions(),
                    (done, _) => progress?.Invoke(runs.Count + done, all),
                    cancellationToken,
                    ExitSettings.Recording(trialTokens)
                )
                .ConfigureAwait(false);
            runs.AddRange(result.Runs().Select(run => run.Run));
        }
        return [.. runs];
    }
}
