using David.Grpo.Comparisons;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>One evaluation question, answered by the base policy and by a trained one.</summary>
/// <param name="After">The trajectory after training.</param>
/// <param name="Before">The trajectory before training.</param>
public sealed record BeforeAndAfter(Trajectory Before, Trajectory After)
{
    /// <summary>
    /// The first question with the most hops that the base policy got wrong and the trained one got right; if there is none,
    /// the first question.
    /// </summary>
    /// <param name="files">The base policy.</param>
    /// <param name="runFolder">Of the trained one; its last checkpoint is taken.</param>
    /// <param name="task">Its first 60 evaluation questions are asked.</param>
    /// <returns>Null where the run left no checkpoint.</returns>
    public static async Task<BeforeAndAfter?> FindAsync(ModelFiles files, string runFolder, TrainingTask task)
    {
        if (ComparedRun.LastCheckpoint(runFolder) is not { } last)
            return null;
        async Task<EvaluationResult> Answer(ModelFiles model)
        {
            using Decoder policy = Decoder.Load(model.Config, model.Weights);
            return await Evaluator.RunAsync(policy, task, 60, 0.6, Seed.OfInt64(0), new());
        }
        using ModelFiles trained = ModelFiles.Open(last);
        EvaluationResult before = await Answer(files),
            after = await Answer(trained);
        int chosen = Enumerable
            .Range(0, after.Outcomes.Length)
            .Where(i => before.Outcomes[i].ExactMatch == 0 && after.Outcomes[i].ExactMatch == 1)
            .OrderByDescending(i => after.Trajectories[i].Question.Hops)
            .FirstOrDefault();
        return new BeforeAndAfter(before.Trajectories[chosen], after.Trajectories[chosen]);
    }
}
