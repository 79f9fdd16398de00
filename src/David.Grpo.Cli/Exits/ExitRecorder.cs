using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Tasks;
using David.Grpo.Tensors;

namespace David.Grpo.Cli;

/// <summary>What was recorded, and of what.</summary>
/// <param name="Runs">One a question, those of the first task first.</param>
/// <param name="VocabularySize">The policy's.</param>
internal sealed record Recording(RecordedRun[] Runs, int VocabularySize, ExitConditions Conditions);

/// <summary>Runs to the end with trial answers at every check, for commands that pick thresholds.</summary>
internal static class ExitRecorder
{
    /// <summary>Opens what the request names and answers its questions.</summary>
    public static async Task<Recording> RecordAsync(
        EvaluationRequest request,
        int trialTokens,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        Device device = request.Sampling.Open();
        using ModelSource model = ModelSource.Open(request.Model);
        (TrainingTask[] tasks, IDisposable? corpus) = request.OpenMany(model, screen, cancellationToken);
        using (corpus)
        using (Decoder policy = model.Load(device))
        {
            screen.Line($"model       {model.Path}: {policy.ParameterCount:N0} parameters");
            RecordedRun[] runs = await screen
                .WithStatusAsync(() =>
                    ExitRecording.RunAsync(
                        policy,
                        tasks,
                        request.Sampling.Temperature,
                        Seed.OfInt64(request.Sampling.Seed),
                        trialTokens,
                        new EngineOptions { MaxEpisodes = request.Episode.Concurrent },
                        (done, all) => screen.Progress($"{done} of {all} questions to the end"),
                        cancellationToken
                    )
                )
                .ConfigureAwait(false);
            return new Recording(runs, model.Config.VocabularySize, request.Conditions(model, tasks[0].Protocol));
        }
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
