using David.Grpo.Models;

namespace David.Grpo.Learning;

/// <summary>What the updates of one step did.</summary>
/// <param name="OptimizerSteps">Updates made.</param>
/// <param name="Skipped">Updates left out because a loss or a gradient was not finite.</param>
/// <param name="Loss">Mean over the updates.</param>
/// <param name="GradientNorm">Mean over the updates, before clipping.</param>
/// <param name="Diagnostics">Over all trained tokens of the updates by advantage.</param>
/// <param name="Tokens">Tokens of the sequences that were learned from, prompts and repeated prefixes included, all epochs.</param>
/// <param name="SamplerKl">KL(sampler‖learner) by token, k3, in nats; 0 where old log-probabilities are the sampler's.</param>
public sealed record UpdateReport(
    int OptimizerSteps,
    int Skipped,
    double Loss,
    double GradientNorm,
    Diagnostics Diagnostics,
    long Tokens,
    double SamplerKl = 0
)
{
    /// <summary>Of each trained token, [groups][members][tokens]; empty for supervised updates.</summary>
    public double[][][] Advantages { get; init; } = [];

    /// <summary>Both, the means weighted by the updates; the advantages are the first's.</summary>
    public static UpdateReport operator +(UpdateReport a, UpdateReport b)
    {
        int made = a.OptimizerSteps + b.OptimizerSteps;
        double Mean(double ofA, double ofB) => (ofA * a.OptimizerSteps + ofB * b.OptimizerSteps) / Math.Max(1, made);
        return new UpdateReport(
            made,
            a.Skipped + b.Skipped,
            Mean(a.Loss, b.Loss),
            Mean(a.GradientNorm, b.GradientNorm),
            a.Diagnostics,
            a.Tokens + b.Tokens,
            a.SamplerKl
        )
        {
            Advantages = a.Advantages,
        };
    }
}

/// <summary>Turns groups into optimizer steps: the core gives advantages, weights and slopes, this carries them out.</summary>
/// <param name="packTokens">Tokens of a pass at most, unless one group is longer.</param>
/// <param name="checkpointing">Whether layers are computed anew in the backward pass, to save memory.</param>
/// <param name="critic">Trained beside the policy where the arm has one; else null.</param>
public sealed class Learner(
    Decoder policy,
    Decoder? reference,
    AdamW optimizer,
    Critic? critic,
    Arm arm,
    MethodOptions method,
    int packTokens,
    bool checkpointing
)
{
    private readonly PassOptions _pass = new() { Temperature = method.Temperature, Checkpointing = checkpointing };

    /// <summary>The updates of one step.</summary>
    /// <param name="groups">At least one, each with at least one member.</param>
    /// <param name="seed">Decides which groups share a minibatch.</param>
    public UpdateReport Update(Phase phase, IReadOnlyList<Group> groups, Seed seed)
    {
        // The divergence from the reference belongs to the main phase (method.md, section 7).
        double kl = phase == Phase.Main && reference is not null ? method.KlCoefficient : 0;
        Regularisation regularisation = new(kl, Estimator.K2, Estimator.K2, method.EntropyCoefficient);
        bool regularised = kl > 0 || method.EntropyCoefficient > 0;
        double rate = phase == Phase.Bootstrapping ? method.BootstrapLearningRate : method.LearningRate;

        Clip clip = Clip.Symmetric(method.ClipEpsilon);

        if (critic is not null)
            groups = [.. groups.Select(group => Valued(critic, group))];
        double[][][] advantages = arm.Advantage.Of([.. groups]);
        Lesson[][] lessons = [.. groups.Select((group, q) => Lessons(group, q, advantages[q], kl > 0, regularised))];
        int minibatches = phase == Phase.Bootstrapping ? method.BootstrapMinibatches : method.Minibatches;
        Tally tally = new();
        Judge(lessons, tally);
        foreach (int[] part in Minibatches(groups.Count, minibatches, seed))
            Step(
                [.. part.Select(q => lessons[q])],
                arm.Objective.Aggregation,
                regularised,
                rate,
                tally,
                (weights, factors, batch, logProbs, entropies) =>
                {
                    tally.Add(Objective.Diagnose(clip, batch, logProbs, entropies));
                    return Objective.Regularised(
                        regularisation,
                        arm.Objective.Of(Aggregations.Scaled(factors, weights), batch, logProbs),
                        weights,
                        batch,
                        logProbs,
                        entropies
                    );
                }
            );
        if (critic is not null)
            Fit(critic, groups, minibatches, seed);
        return tally.ToReport() with { Advantages = advantages };
    }

    /// <summary>
    /// Updates of the critic towards what was paid from each token on, with PPO's clip of 0.5 as verl has it, each token of
    /// the same weight.
    /// </summary>
    private void Fit(Critic critic, IReadOnlyList<Group> groups, int minibatches, Seed seed)
    {
        foreach (int[] part in Minibatches(groups.Count, minibatches, seed))
        {
            Member[] members = [.. part.SelectMany(q => groups[q].Members)];
            double[] old = [.. members.SelectMany(member => member.Values)];
            double[] returns = [.. members.SelectMany(member => Returns.ToGo(1, AdvantageRules.TokenRewards(member)))];
            double[] weights = [.. returns.Select(_ => 1.0 / returns.Length)];
            critic.Accumulate(
                Sequences(members),
                now =>
                    Array.TrueForAll(now, double.IsFinite)
                        ? ValueObjective.Clipped(0.5, weights, old, returns, now).Gradient
                        : null
            );
            critic.Optimizer.Step(method.CriticLearningRate);
        }
    }

    private static Group Valued(Critic critic, Group group)
    {
        ScoredSequence[] sequences = Sequences(group.Members);
        return group.WithValues(Split(critic.Values(sequences), sequences));
    }

    private static ScoredSequence[] Sequences(IEnumerable<Member> members) =>
        [.. members.Select(member => ScoredSequence.Of(member.Trajectory))];

    /// <summary>Supervised updates on the expert's trajectories, each of the same weight.</summary>
    /// <param name="demonstrations">At least one.</param>
    public UpdateReport Imitate(IReadOnlyList<Trajectory> demonstrations, Seed seed)
    {
        Tally tally = new();
        ScoredSequence[] sequences = [.. demonstrations.Select(trajectory => ScoredSequence.Of(trajectory))];
        foreach (int[] part in Minibatches(sequences.Length, method.BootstrapMinibatches, seed))
            Imitate([.. part.Select(i => sequences[i])], method.BootstrapLearningRate, tally);
        return tally.ToReport();
    }

    /// <summary>One supervised update on trajectories that were solved before, each of the same weight.</summary>
    /// <param name="solved">At least one.</param>
    /// <remarks>Self-imitation (Oh et al., arXiv 1806.05635), without its value baseline: what is kept was solved.</remarks>
    public UpdateReport Rehearse(IReadOnlyList<ScoredSequence> solved)
    {
        Tally tally = new();
        Imitate(solved, method.LearningRate, tally);
        return tally.ToReport();
    }

    private void Imitate(IReadOnlyList<ScoredSequence> sequences, double rate, Tally tally)
    {
        Step(
            [
                .. sequences.Select(
                    (sequence, q) =>
                    {
                        double[] zeros = new double[sequence.Scored.Length];
                        return (Lesson[])[new Lesson(q, sequence, zeros, zeros, [])];
                    }
                ),
            ],
            Aggregation.SequenceMeanTokenMean,
            learnsFromAll: true,
            rate,
            tally,
            (weights, _, _, logProbs, _) =>
            {
                Loss loss = Objective.NegativeLogLikelihood(weights, logProbs);
                return new RegularisedLoss(loss.Value, loss.Value, 0, 0, loss.Gradient, new double[logProbs.Length]);
            }
        );
    }

    /// <summary>Which groups share an optimizer step, epoch after epoch.</summary>
    private IEnumerable<int[]> Minibatches(int groups, int wanted, Seed seed)
    {
        int minibatches = Math.Min(wanted, groups);
        for (int epoch = 0; epoch < method.Epochs; epoch++)
        {
            int[] order = Seeds.Permutation(groups, Seeds.Child(epoch, seed));
            for (int m = 0; m < minibatches; m++)
                yield return order[(groups * m / minibatches)..(groups * (m + 1) / minibatches)];
        }
    }

    /// <summary>Corrects the weights of tokens for the sampler's mismatch, and leaves out the certain ones, as the run wishes.</summary>
    private void Judge(Lesson[][] groups, Tally tally)
    {
        Lesson[] lessons = [.. groups.SelectMany(group => group).Where(lesson => !lesson.IsIdle)];
        if (lessons is [] || (!method.RecomputeOldLogProbs && method.LearnedShare == 1))
            return;
        TokenBatch batch = Batch(lessons);
        double[] sampler = [.. lessons.SelectMany(lesson => lesson.SamplerLogProbs)];
        double[] factors = [.. lessons.SelectMany(lesson => lesson.Factors)];
        if (method.RecomputeOldLogProbs)
            tally.SamplerKl = Mismatches.Measure(batch, batch.OldLogProbs, sampler).KlK3;
        if (method.SamplerWeight is { } rule)
            factors = ImportanceWeights.Weights(rule, batch, batch.OldLogProbs, sampler);
        if (method.LearnedShare < 1)
            factors = Aggregations.Kept(
                TokenMask.HighEntropy(method.LearnedShare, [.. lessons.SelectMany(lesson => lesson.Entropies)]),
                factors
            );
        int at = 0;
        foreach (Lesson lesson in lessons)
            lesson.Factors = factors[at..(at += lesson.Trained)];
    }

    /// <summary>One optimizer step over whole groups.</summary>
    /// <param name="learnsFromAll">Whether a sequence without an advantage has slopes too.</param>
    private void Step(
        Lesson[][] groups,
        Aggregation aggregation,
        bool learnsFromAll,
        double rate,
        Tally tally,
        Func<double[], double[], TokenBatch, double[], double[], RegularisedLoss> lossOf
    )
    {
        Lesson[] lessons = [.. groups.SelectMany(group => group)];
        TokenBatch batch = Batch(lessons);
        double[] weights = Aggregations.Weights(aggregation, batch);
        double[] factors = [.. lessons.SelectMany(lesson => lesson.Factors)];
        int[] first = new int[lessons.Length + 1]; // where each lesson's tokens begin
        for (int i = 0; i < lessons.Length; i++)
            first[i + 1] = first[i] + lessons[i].Trained;

        bool finite = true;
        double loss = 0;
        bool any = false;
        foreach (int[] pack in Packs(groups))
        {
            // A sequence without slopes need not be computed.
            int[] computed =
            [
                .. pack.Where(i =>
                    lessons[i].Trained > 0
                    && (learnsFromAll || Array.Exists(lessons[i].Advantages, advantage => advantage != 0))
                ),
            ];
            if (computed.Length == 0)
                continue;
            any = true;
            int[] tokens = [.. computed.SelectMany(i => Enumerable.Range(first[i], lessons[i].Trained))];
            TokenBatch part = batch.Pick(tokens);
            double[] shares = [.. tokens.Select(token => weights[token])];
            double[] own = [.. tokens.Select(token => factors[token])];
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
                    RegularisedLoss result = lossOf(shares, own, part, logProbs, entropies);
                    finite &= double.IsFinite(result.Value);
                    loss += result.Value;
                    return new Slopes(
                        result.Gradient,
                        Array.Exists(result.EntropyGradient, slope => slope != 0) ? result.EntropyGradient : null
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
            if (pack.Count > 0 && tokens + size > packTokens)
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

    private static TokenBatch Batch(Lesson[] lessons)
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
            [.. lessons.SelectMany(lesson => lesson.Advantages)],
            [.. lessons.SelectMany(lesson => lesson.OldLogProbs)],
            [.. lessons.SelectMany(lesson => lesson.ReferenceLogProbs)]
        );
    }

    /// <summary>The group's members with their advantages and fixed log-probabilities.</summary>
    private Lesson[] Lessons(Group group, int question, double[][] advantages, bool withReference, bool regularised)
    {
        bool idle = !regularised && advantages.All(own => own.All(advantage => advantage == 0));
        // Where what a fork took over is trained in its parent alone.
        int[] skipped = [.. group.Members.Select(member => arm.TrainsKeptPrefix ? 0 : member.KeptTrained)];
        ScoredSequence[] sequences =
        [
            .. group.Members.Select((member, i) => ScoredSequence.Of(member.Trajectory, skipped[i])),
        ];
        double[]?[] behaviour =
        [
            .. group.Members.Select(
                (member, i) => Trajectories.BehaviourLogProbsOrNull(member.Trajectory)?[skipped[i]..]
            ),
        ];
        bool recompute =
            !idle && (method.RecomputeOldLogProbs || method.LearnedShare < 1 || behaviour.Contains(null));
        double[] uncertain = [];
        double[][]? recomputed = recompute
            ? Split(PolicyPass.LogProbs(policy, sequences, _pass, out uncertain), sequences)
            : null;
        double[][]? entropies = recompute ? Split(uncertain, sequences) : null;
        double[][]? references =
            withReference && !idle ? Split(PolicyPass.LogProbs(reference!, sequences, _pass, out _), sequences) : null;
        return
        [
            .. sequences.Select(
                (sequence, i) =>
                    new Lesson(
                        question,
                        sequence,
                        advantages[i][skipped[i]..],
                            // An expert's old log-probabilities are the policy's own before the update, so its ratio starts at 1.
                            idle ? new double[sequence.Scored.Length]
                            : method.RecomputeOldLogProbs ? recomputed![i]
                            : behaviour[i] ?? recomputed![i],
                        references?[i] ?? (withReference ? new double[sequence.Scored.Length] : [])
                    )
                    {
                        IsIdle = idle,
                        SamplerLogProbs = behaviour[i] ?? recomputed?[i] ?? [],
                        Entropies = entropies?[i] ?? [],
                    }
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
        double[] Advantages,
        double[] OldLogProbs,
        double[] ReferenceLogProbs
    )
    {
        public int Trained => Sequence.Scored.Length;

        /// <summary>Whether its group teaches nothing; then no log-probability was computed.</summary>
        public bool IsIdle { get; init; }

        /// <summary>Under the sampler; those of the expert's tokens are the old ones.</summary>
        public double[] SamplerLogProbs { get; init; } = [];

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
    }

    private sealed class Tally
    {
        private readonly List<Diagnostics> _parts = [];
        private double _loss;
        private double _norm;
        private int _made;

        public int Skipped { get; set; }
        public double SamplerKl { get; set; }
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
                Tokens,
                SamplerKl
            );
    }
}
