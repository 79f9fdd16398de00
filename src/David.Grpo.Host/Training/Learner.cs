using David.Grpo.Models;

namespace David.Grpo.Training;

/// <summary>What the updates of one step did.</summary>
/// <param name="OptimizerSteps">Updates made.</param>
/// <param name="Skipped">Updates left out because a loss or a gradient was not finite.</param>
/// <param name="Loss">Mean over the updates.</param>
/// <param name="GradientNorm">Mean over the updates, before clipping.</param>
/// <param name="Diagnostics">Over all trained tokens of all updates.</param>
/// <param name="Tokens">Tokens of the sequences that were learned from, prompts and repeated prefixes included, all epochs.</param>
public sealed record UpdateReport(
    int OptimizerSteps,
    int Skipped,
    double Loss,
    double GradientNorm,
    Diagnostics Diagnostics,
    long Tokens
);

/// <summary>Turns groups into optimizer steps: the core gives advantages, weights and slopes, this carries them out.</summary>
public sealed class Learner(Decoder policy, Decoder? reference, AdamW optimizer, RunOptions options)
{
    private readonly MethodOptions _method = options.Method;

    private readonly PassOptions _pass = new()
    {
        Temperature = options.Method.Temperature,
        Checkpointing = options.GradientCheckpointing,
    };

    private readonly Aggregation _aggregation = options.Method.Mean switch
    {
        Mean.Token => Aggregation.TokenMean,
        Mean.Sequence => Aggregation.SequenceMeanTokenMean,
        _ => Aggregation.QuestionMean,
    };

    /// <summary>The updates of one step.</summary>
    /// <param name="groups">At least one, each with at least one member.</param>
    /// <param name="seed">Decides which groups share a minibatch.</param>
    public UpdateReport Update(Phase phase, IReadOnlyList<Group> groups, Seed seed)
    {
        // The divergence from the reference belongs to the main phase (method.md, section 7).
        double kl = phase == Phase.Main && reference is not null ? _method.KlCoefficient : 0;
        Regularisation regularisation = new(kl, Estimator.K2, Estimator.K2, _method.EntropyCoefficient);
        bool regularised = kl > 0 || _method.EntropyCoefficient > 0;
        double rate = phase == Phase.Bootstrapping ? _method.BootstrapLearningRate : _method.LearningRate;

        Lesson[][] lessons = [.. groups.Select((group, q) => Lessons(group, q, kl > 0, regularised))];
        Tally tally = new();
        for (int epoch = 0; epoch < _method.Epochs; epoch++)
        {
            int[] order = Seeds.Permutation(groups.Count, Seeds.Child(epoch, seed));
            int wanted = phase == Phase.Bootstrapping ? _method.BootstrapMinibatches : _method.Minibatches;
            int minibatches = Math.Min(wanted, groups.Count);
            for (int m = 0; m < minibatches; m++)
            {
                int from = groups.Count * m / minibatches;
                int to = groups.Count * (m + 1) / minibatches;
                Step([.. order[from..to].Select(q => lessons[q])], regularisation, regularised, rate, tally);
            }
        }
        return tally.ToReport();
    }

    /// <summary>One optimizer step over whole groups.</summary>
    private void Step(Lesson[][] groups, Regularisation regularisation, bool regularised, double rate, Tally tally)
    {
        Lesson[] lessons = [.. groups.SelectMany(group => group)];
        TokenBatch batch = Batch(lessons, regularisation.KlCoefficient > 0);
        double[] weights = Aggregations.Weights(_aggregation, batch);
        Clip clip = Clip.Symmetric(_method.ClipEpsilon);
        int[] first = new int[lessons.Length + 1]; // where each lesson's tokens begin
        for (int i = 0; i < lessons.Length; i++)
            first[i + 1] = first[i] + lessons[i].Trained;

        bool finite = true;
        double loss = 0;
        bool any = false;
        foreach (int[] pack in Packs(groups))
        {
            // Without regularisation a sequence of advantage 0 has no slope: it need not be computed.
            int[] computed = [.. pack.Where(i => lessons[i].Trained > 0 && (regularised || lessons[i].Advantage != 0))];
            if (computed.Length == 0)
                continue;
            any = true;
            int[] tokens = [.. computed.SelectMany(i => Enumerable.Range(first[i], lessons[i].Trained))];
            TokenBatch part = batch.Pick(tokens);
            double[] shares = [.. tokens.Select(token => weights[token])];
            PolicyPass.Accumulate(
                policy,
                [.. computed.Select(i => lessons[i].Sequence)],
                _pass,
                (logProbs, entropies) =>
                {
                    if (!Array.TrueForAll(logProbs, double.IsFinite) || !Array.TrueForAll(entropies, double.IsFinite))
                    {
                        finite = false;
                        return null;
                    }
                    RegularisedLoss result = Objective.Regularised(
                        regularisation,
                        Objective.ClippedSurrogate(clip, shares, part, logProbs),
                        shares,
                        part,
                        logProbs,
                        entropies
                    );
                    finite &= double.IsFinite(result.Value);
                    loss += result.Value;
                    tally.Add(Objective.Diagnose(clip, part, logProbs, entropies));
                    return new Slopes(
                        result.Gradient,
                        regularisation.EntropyCoefficient > 0 ? result.EntropyGradient : null
                    );
                }
            );
            tally.Tokens += computed.Sum(i => (long)lessons[i].Sequence.Tokens.Length);
        }
        if (!any)
            return;
        if (!finite)
        {
            optimizer.ClearGradients();
            tally.Skipped++;
            return;
        }
        double norm = optimizer.Step(rate);
        if (double.IsFinite(norm))
            tally.Made(loss, norm);
        else
            tally.Skipped++;
    }

    /// <summary>Indices of lessons, whole groups together, up to the limit of tokens.</summary>
    private IEnumerable<int[]> Packs(Lesson[][] groups)
    {
        List<int> pack = [];
        int tokens = 0;
        int at = 0;
        foreach (Lesson[] group in groups)
        {
            int size = group.Sum(lesson => lesson.Sequence.Tokens.Length);
            if (pack.Count > 0 && tokens + size > options.PackTokens)
            {
                yield return [.. pack];
                pack.Clear();
                tokens = 0;
            }
            pack.AddRange(Enumerable.Range(at, group.Length));
            tokens += size;
            at += group.Length;
        }
        if (pack.Count > 0)
            yield return [.. pack];
    }

    private static TokenBatch Batch(Lesson[] lessons, bool withReference)
    {
        Dictionary<int, int> questions = [];
        return TokenBatch.Create(
            [.. lessons.SelectMany((lesson, i) => Enumerable.Repeat(i, lesson.Trained))],
            [
                .. lessons.Select(lesson =>
                {
                    if (!questions.TryGetValue(lesson.Question, out int index))
                        questions.Add(lesson.Question, index = questions.Count);
                    return index;
                }),
            ],
            [.. lessons.SelectMany(lesson => Enumerable.Repeat(lesson.Advantage, lesson.Trained))],
            [.. lessons.SelectMany(lesson => lesson.OldLogProbs)],
            withReference ? [.. lessons.SelectMany(lesson => lesson.ReferenceLogProbs)] : []
        );
    }

    /// <summary>The group's members with their advantages and fixed log-probabilities.</summary>
    private Lesson[] Lessons(Group group, int question, bool withReference, bool regularised)
    {
        double[] advantages = Advantage.GroupRelative(
            Scale.NewSampleDeviation(_method.AdvantageEpsilon),
            group.Rewards
        );
        bool idle = group.IsDead && !regularised;
        ScoredSequence[] sequences =
        [
            .. group.Members.Select(member => new ScoredSequence(member.Tokens, member.Trained)),
        ];
        bool recompute =
            !idle && (_method.RecomputeOldLogProbs || group.Members.Any(member => member.BehaviourLogProbs is null));
        double[][]? recomputed = recompute
            ? Split(PolicyPass.LogProbs(policy, sequences, _pass, out _), sequences)
            : null;
        double[][]? references =
            withReference && !idle ? Split(PolicyPass.LogProbs(reference!, sequences, _pass, out _), sequences) : null;
        return
        [
            .. group.Members.Select(
                (member, i) =>
                    new Lesson(
                        question,
                        sequences[i],
                        advantages[i],
                            // An expert's old log-probabilities are the policy's own before the update, so its ratio starts at 1.
                            idle ? new double[member.Trained.Length]
                            : _method.RecomputeOldLogProbs ? recomputed![i]
                            : member.BehaviourLogProbs ?? recomputed![i],
                        references?[i] ?? (withReference ? new double[member.Trained.Length] : [])
                    )
            ),
        ];
    }

    private static double[][] Split(double[] values, ScoredSequence[] sequences)
    {
        int at = 0;
        return
        [
            .. sequences.Select(sequence =>
            {
                double[] own = values[at..(at + sequence.Scored.Length)];
                at += own.Length;
                return own;
            }),
        ];
    }

    private sealed record Lesson(
        int Question,
        ScoredSequence Sequence,
        double Advantage,
        double[] OldLogProbs,
        double[] ReferenceLogProbs
    )
    {
        public int Trained => Sequence.Scored.Length;
    }

    private sealed class Tally
    {
        private readonly List<Diagnostics> _parts = [];
        private double _loss;
        private double _norm;
        private int _made;

        public int Skipped { get; set; }
        public long Tokens { get; set; }

        public void Add(Diagnostics part) => _parts.Add(part);

        public void Made(double loss, double norm)
        {
            _made++;
            _loss += loss;
            _norm += norm;
        }

        public UpdateReport ToReport() =>
            new(
                _made,
                Skipped,
                _loss / Math.Max(1, _made),
                _norm / Math.Max(1, _made),
                Objective.Pool([.. _parts]),
                Tokens
            );
    }
}
