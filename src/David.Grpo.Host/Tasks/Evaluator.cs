using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Tasks;

/// <summary>Trajectories of an evaluation with their outcomes.</summary>
/// <param name="Outcomes">By question.</param>
/// <param name="Summary">Means over questions.</param>
/// <param name="Trajectories">By question.</param>
public sealed record EvaluationResult(Trajectory[] Trajectories, Outcome[] Outcomes, Summary Summary)
{
    /// <summary>Tokens that the policy wrote for each question and that are in no trajectory, and how it came to answer.</summary>
    public IReadOnlyList<EpisodeExit> Exits { get; init; } = [];

    /// <summary>The trajectories with the trial answers that were forced, for <see cref="ExitCalibration"/>.</summary>
    public ExitedRun[] Runs() =>
        [
            .. Trajectories.Zip(
                Exits,
                (trajectory, exit) =>
                    new ExitedRun(
                        ExitCalibration.Record(
                            trajectory,
                            [
                                .. exit.Trials.Select(trial => new ForcedAnswer(
                                    trial.Trial,
                                    trial.Segments,
                                    trial.Tokens.Length
                                )),
                            ]
                        ),
                        exit.IsEarly,
                        exit.Thrown
                    )
            ),
        ];
}

/// <summary>Answers the evaluation's questions once each, without exploration.</summary>
public static class Evaluator
{
    /// <summary>Answers the first questions of a task's evaluation pool, once each.</summary>
    /// <param name="questions">How many of the pool's questions, from the first on.</param>
    /// <param name="temperature">0 is greedy.</param>
    /// <param name="seed">The same for all that are compared, so that they share their random numbers.</param>
    /// <param name="exits">When questions are answered early; default: never.</param>
    public static async Task<EvaluationResult> RunAsync(
        Decoder policy,
        TrainingTask task,
        int questions,
        double temperature,
        Seed seed,
        EngineOptions engineOptions,
        Action<int, int>? progress = null,
        CancellationToken cancellationToken = default,
        ExitPolicy? exits = null
    )
    {
        using RolloutEngine engine = new(policy, task.Protocol, task.Evaluation.Search, engineOptions, exits)
        {
            Progress = progress,
        };
        RolloutBatch batch = await engine
            .RunAsync(
                [
                    .. task
                        .Evaluation.Questions.Take(questions)
                        .Select((question, i) => new RolloutRequest(question, i, 0)),
                ],
                temperature == 0 ? Sampler.Greedy : Sampler.AtTemperature(temperature),
                Seed.Named("evaluation", seed),
                version: 0,
                cancellationToken
            )
            .ConfigureAwait(false);
        Outcome[] outcomes = [.. batch.Trajectories.Select(Grpo.Evaluation.Outcome)];
        return new EvaluationResult(
            batch.Trajectories,
            outcomes,
            Grpo.Evaluation.Summarize(0.95, Seed.Named("bootstrap", seed), outcomes)
        )
        {
            Exits = batch.Exits,
        };
    }
}
