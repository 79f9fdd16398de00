using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Training;

namespace David.Grpo.Cli.Commands;

/// <summary>Runs to the end with trial answers at every check, for commands that pick thresholds.</summary>
internal static class ExitRecorder
{
    /// <returns>A run for each question, those of the first task first.</returns>
    public static async Task<RecordedRun[]> RecordAsync(
        Decoder policy,
        TrainingTask[] tasks,
        EvaluationRequest request,
        int trialTokens,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        List<RecordedRun> runs = [];
        int all = tasks.Sum(task => task.Evaluation.Questions.Count);
        await screen
            .WithStatusAsync(async () =>
            {
                foreach ((int number, TrainingTask task) in tasks.Index())
                {
                    EvaluationResult result = await Evaluator
                        .RunAsync(
                            policy,
                            task,
                            task.Evaluation.Questions.Count,
                            request.Temperature,
                            Seeds.Child(number, Seeds.OfInt64(request.Seed)),
                            new EngineOptions { MaxEpisodes = request.Episode.Concurrent },
                            (done, _) => screen.Status($"{runs.Count + done} of {all} questions to the end"),
                            cancellationToken,
                            ExitSettings.Recording(trialTokens)
                        )
                        .ConfigureAwait(false);
                    runs.AddRange(result.Runs().Select(run => run.Run));
                }
                return runs.Count;
            })
            .ConfigureAwait(false);
        return [.. runs];
    }

    /// <summary>A gate's weights; a policy that never searches has none, which is the user's to mend.</summary>
    public static GateWeights Fit(RecordedRun[] runs)
    {
        try
        {
            return ExitCalibration.FitGate(runs);
        }
        catch (ArgumentException nothing)
        {
            throw new InvalidDataException(
                $"{nothing.Message} Give more questions with --count, or another --measure.",
                nothing
            );
        }
    }
}
