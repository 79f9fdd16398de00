using David.Grpo.Search;

namespace David.Grpo.Tasks;

/// <summary>Questions with the corpus that answers them.</summary>
/// <param name="Search">What they are answered with.</param>
/// <param name="Questions">In the order of the data.</param>
public sealed record QuestionPool(IReadOnlyList<Question> Questions, ISearchEnvironment Search);

/// <summary>All that a run works on, besides its policy.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="Evaluation">What is evaluated on; shares no question with training.</param>
/// <param name="Experts">Trajectories of an expert on questions of the training corpus; empty for none.</param>
/// <param name="Protocol">How policy and environment talk.</param>
/// <param name="Rewards">What the arms reward by.</param>
public sealed record TrainingTask(
    QuestionPool Training,
    QuestionPool Evaluation,
    IReadOnlyList<Trajectory> Experts,
    Rollout.IAgentProtocol Protocol,
    TaskRewards Rewards
);

/// <summary>The embedded world as a task.</summary>
public static class WorldTask
{
    /// <summary>One world to train in and, shared by all seeds, another to be evaluated in.</summary>
    /// <param name="seed">Chooses the training world.</param>
    /// <param name="trainingQuestions">Questions to train on.</param>
    /// <param name="evaluationQuestions">Questions to evaluate on.</param>
    /// <param name="evaluationWorld">Chooses the evaluation world.</param>
    /// <param name="experts">Questions that the expert answers, one of each kind first.</param>
    public static TrainingTask Create(
        long seed,
        int trainingQuestions,
        int evaluationQuestions,
        long evaluationWorld = 0,
        int experts = 4
    )
    {
        Seed training = World.TrainingSeed(seed);
        EmbeddedWorld world = World.Generate(training);
        WorldIndex index = WorldSearch.Index(world.Passages);
        WorldQuestion[] shown = WorldQuestions.Draw(world, experts, Seed.Named("experts", training));

        Dictionary<PassageId, string> texts = world.Passages.ToDictionary(
            passage => passage.Id,
            passage => passage.Text
        );
        EmbeddedWorld other = World.Generate(World.EvaluationSeed(evaluationWorld));
        return new TrainingTask(
            new QuestionPool(
                [
                    .. WorldQuestions
                        .Draw(world, trainingQuestions, Seed.Named("questions", training))
                        .Select(q => q.Question),
                ],
                new WorldSearchEnvironment(index)
            ),
            new QuestionPool(
                [
                    .. WorldQuestions
                        .Draw(
                            other,
                            evaluationQuestions,
                            Seed.Named("questions", World.EvaluationSeed(evaluationWorld))
                        )
                        .Select(q => q.Question),
                ],
                new WorldSearchEnvironment(WorldSearch.Index(other.Passages))
            ),
            [.. shown.Select(question => WorldEpisode.Expert(index, question))],
            new Rollout.WorldAgentProtocol(),
            TaskRewards.OfTags(id => texts.GetValueOrDefault(id))
        );
    }
}
