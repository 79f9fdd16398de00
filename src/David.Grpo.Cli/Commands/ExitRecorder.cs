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
        return await screen
            .WithStatusAsync(() =>
                ExitRecording.RunAsync(
                    policy,
                    tasks,
                    request.Temperature,
                    Seeds.OfInt64(request.Seed),
                    trialTokens,
                    new EngineOptions { MaxEpisodes = request.Episode.Concurrent },
                    (done, all) => screen.Progress($"{done} of {all} questions to the end"),
                    cancellationToken
                )
            )
            .ConfigureAwait(false);
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
