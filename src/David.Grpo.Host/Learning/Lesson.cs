namespace David.Grpo.Learning;

/// <summary>A member of a group with its advantages and fixed log-probabilities; what is by token is [trained tokens].</summary>
internal sealed record Lesson(
    int Question,
    ScoredSequence Sequence,
    double[] Advantages,
    double[] OldLogProbs,
    double[] ReferenceLogProbs
)
{
    public int Trained => Sequence.Scored.Length;

    /// <summary>Whether its group teaches nothing; then no log-probability was computed.</summary>
    public bool IsIdle { get; init; }

    /// <summary>Under the sampler; those of the expert's tokens are the old ones.</summary>
    public double[] SamplerLogProbs { get; init; } = OldLogProbs;

    /// <summary>Of the distributions that the tokens were taken from, in nats, where they were computed.</summary>
    public double[] Entropies { get; init; } = [];

    /// <summary>What each token's weight in the policy term is multiplied by.</summary>
    public double[] Factors { get; set; } = Ones(Sequence.Scored.Length);

    private static double[] Ones(int length)
    {
        double[] ones = new double[length];
        Array.Fill(ones, 1);
        return ones;
    }

    /// <summary>Their tokens, flattened.</summary>
    public static TokenBatch Batch(Lesson[] lessons)
    {
        Dictionary<int, int> questions = [];
        return TokenBatch
            .Create(
                [.. lessons.SelectMany((lesson, i) => Enumerable.Repeat(i, lesson.Trained))],
                [
                    .. lessons.Select(lesson =>
                    {
                        if (!questions.TryGetValue(lesson.Question, out int index))
                            questions.Add(lesson.Question, index = questions.Count);
                        return index;
                    }),
                ],
                [.. lessons.SelectMany(lesson => lesson.Advantages)],
                [.. lessons.SelectMany(lesson => lesson.OldLogProbs)],
                [.. lessons.SelectMany(lesson => lesson.ReferenceLogProbs)]
            )
            .WithSampler([.. lessons.SelectMany(lesson => lesson.SamplerLogProbs)]);
    }
}
