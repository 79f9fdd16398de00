using David.Grpo.Models;

namespace David.Grpo.Learning;

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
    private long _done; // of the tokens of an update, all epochs
    private long _toDo;

    /// <summary>Told of the tokens of an update that are done, and of all: those of its sequences, every epoch.</summary>
    public Action<long, long>? Progress { get; init; }

    /// <summary>The updates of one step.</summary>
    /// <param name="groups">At least one, each with at least one member.</param>
    /// <param name="seed">Decides which groups share a minibatch, and what the objective draws.</param>
    /// <exception cref="ArgumentException">
    /// A token was sampled by another version of the policy than the one that learns.
    /// </exception>
    public UpdateReport Update(Phase phase, IReadOnlyList<Group> groups, Seed seed)
    {
        CheckVersions(groups);
        // The divergence from the reference belongs to the main phase (method.md, section 7).
        double kl = phase == Phase.Main && reference is not null ? method.KlCoefficient : 0;
        Regularisation regularisation = new(kl, Estimator.K2, Estimator.K2, method.EntropyCoefficient);
        bool regularised = kl > 0 || method.EntropyCoefficient > 0;
        double rate = phase == Phase.Bootstrapping ? method.BootstrapLearningRate : method.LearningRate;

        ObjectiveScope scope =
            regularised && arm.Objective.Scope == ObjectiveScope.Advantaged
                ? ObjectiveScope.Sequences
                : arm.Objective.Scope;

        if (critic is not null)
            groups = [.. groups.Select(critic.Valued)];
        double[][][] advantages = arm.Advantage.Of([.. groups]);
        Lesson[][] lessons = [.. groups.Select((group, q) => Lessons(group, q, advantages[q], kl > 0, scope))];
        int minibatches = phase == Phase.Bootstrapping ? method.BootstrapMinibatches : method.Minibatches;
        UpdateTally tally = new();
        (_done, _toDo) = (
            0,
            method.Epochs * lessons.Sum(group => group.Sum(lesson => (long)lesson.Sequence.Tokens.Length))
        );
        Progress?.Invoke(_done, _toDo);
        Judge(lessons, tally);
        Seed draws = Seed.Named("objective", seed);
        foreach ((int update, int[] part) in Minibatches(groups.Count, minibatches, seed).Index())
            Step(
                [.. part.Select(q => lessons[q])],
                arm.Objective.Aggregation,
                scope,
                rate,
                tally,
                (weights, factors, batch, logProbs, entropies) =>
                {
                    ObjectiveContext context = new(
                        Aggregation.Scaled(factors, weights),
                        batch,
                        logProbs,
                        entropies,
                        Seed.Child(update, draws)
                    );
                    tally.Add(arm.Objective.DiagnosticsOf(context));
                    return Objective.Regularised(
                        regularisation,
                        arm.Objective.Of(context),
                        weights,
                        batch,
                        logProbs,
                        entropies
                    );
                }
            );
        if (critic is not null)
            foreach (int[] part in Minibatches(groups.Count, minibatches, seed))
                critic.Fit([.. part.Select(q => groups[q])], packTokens, method.CriticLearningRate);
        return tally.ToReport() with { Advantages = advantages };
    }

    /// <summary>
    /// What was sampled, kept prefixes too, is of the policy as it enters the step: its own updates by minibatch and epoch
    /// come after. An expert's tokens have no version.
    /// </summary>
    private void CheckVersions(IReadOnlyList<Group> groups)
    {
        foreach (Group group in groups)
        foreach (Member member in group.Members)
        foreach (Segment segment in member.Trajectory.Segments)
            if (segment is Segment.Action { version: var version } && version != optimizer.Steps)
                throw new ArgumentException(
                    $"A trajectory of question {group.Question.Id} was sampled by the policy after {version} updates, but {optimizer.Steps} were made. Learn from rollouts before the next update, or sample them anew.",
                    nameof(groups)
                );
    }

    /// <summary>Supervised updates on the expert's trajectories, each of the same weight.</summary>
    /// <param name="demonstrations">At least one.</param>
    public UpdateReport Imitate(IReadOnlyList<Trajectory> demonstrations, Seed seed)
    {
        UpdateTally tally = new();
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
        UpdateTally tally = new();
        Imitate(solved, method.LearningRate, tally);
        return tally.ToReport();
    }

    private void Imitate(IReadOnlyList<ScoredSequence> sequences, double rate, UpdateTally tally)
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
            ObjectiveScope.Sequences,
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
            int[] order = Seed.Permutation(groups, Seed.Child(epoch, seed));
            for (int m = 0; m < minibatches; m++)
                yield return order[(groups * m / minibatches)..(groups * (m + 1) / minibatches)];
        }
    }

    /// <summary>Corrects the weights of tokens for the sampler's mismatch, and leaves out the certain ones, as the run wishes.</summary>
    private void Judge(Lesson[][] groups, UpdateTally tally)
    {
        Lesson[] lessons = [.. groups.SelectMany(group => group).Where(lesson => !lesson.IsIdle)];
        if (lessons is [] || (!method.RecomputeOldLogProbs && method.LearnedShare == 1))
            return;
        TokenBatch batch = Lesson.Batch(lessons);
        double[] factors = [.. lessons.SelectMany(lesson => lesson.Factors)];
        if (method.RecomputeOldLogProbs)
            tally.SamplerKl = Mismatch.Measure(batch, batch.OldLogProbs, batch.SamplerLogProbs).KlK3;
        if (method.SamplerWeight is { } rule)
            factors = ImportanceWeight.Weights(rule, batch, batch.OldLogProbs, batch.SamplerLogProbs);
        if (method.LearnedShare < 1)
            factors = Aggregation.Kept(
                TokenMask.HighEntropy(method.LearnedShare, [.. lessons.SelectMany(lesson => lesson.Entropies)]),
                factors
            );
        int at = 0;
        foreach (Lesson lesson in lessons)
            lesson.Factors = factors[at..(at += lesson.Trained)];
    }

    /// <summary>One optimizer step over whole groups.</summary>
    private void Step(
        Lesson[][] groups,
        Aggregation aggregation,
        ObjectiveScope scope,
        double rate,
        UpdateTally tally,
        Func<double[], double[], TokenBatch, double[], double[], RegularisedLoss> lossOf
    )
    {
        Lesson[] lessons = [.. groups.SelectMany(group => group)];
        TokenBatch batch = Lesson.Batch(lessons);
        double[] weights = Aggregation.Weights(aggregation, batch);
        double[] factors = [.. lessons.SelectMany(lesson => lesson.Factors)];
        int[] first = new int[lessons.Length + 1]; // where each lesson's tokens begin
        for (int i = 0; i < lessons.Length; i++)
            first[i + 1] = first[i] + lessons[i].Trained;

        int[] start = [0, .. groups.Select(group => group.Length)]; // where each group's lessons begin
        for (int g = 0; g < groups.Length; g++)
            start[g + 1] += start[g];
        int[][] passes =
        [
            .. ScoredSequence
                .Packs([.. groups.Select(group => Array.ConvertAll(group, lesson => lesson.Sequence))], packTokens)
                .Select(pack =>
                    pack.SelectMany(g => Enumerable.Range(start[g], groups[g].Length))
                        .Where(i => lessons[i].Trained > 0 && Learns(lessons[i], scope))
                        .ToArray()
                )
                .Where(pass => pass.Length > 0),
        ];
        if (passes.Length == 0)
        {
            Advance(lessons.Sum(lesson => (long)lesson.Sequence.Tokens.Length));
            return;
        }
        ScoredSequence[] SequencesOf(int[] pass) => [.. pass.Select(i => lessons[i].Sequence)];

        bool finite = true;
        double loss = 0;
        Slopes? SlopesOf(int[] tokens, double[] logProbs, double[] entropies)
        {
            finite = Array.TrueForAll(logProbs, double.IsFinite) && Array.TrueForAll(entropies, double.IsFinite);
            if (!finite)
                return null;
            RegularisedLoss result = lossOf(
                [.. tokens.Select(token => weights[token])],
                [.. tokens.Select(token => factors[token])],
                batch.Pick(tokens),
                logProbs,
                entropies
            );
            finite = double.IsFinite(result.Value);
            loss += result.Value;
            return new Slopes(
                result.Gradient,
                Array.Exists(result.EntropyGradient, slope => slope != 0) ? result.EntropyGradient : null
            );
        }

        Slopes? whole = null;
        if (scope == ObjectiveScope.Update && passes.Length > 1)
        {
            List<double> logProbs = [];
            List<double> entropies = [];
            foreach (int[] pass in passes)
            {
                logProbs.AddRange(PolicyPass.LogProbs(policy, SequencesOf(pass), _pass, out double[] own));
                entropies.AddRange(own);
            }
            whole = SlopesOf([.. Enumerable.Range(0, batch.Tokens)], [.. logProbs], [.. entropies]);
        }
        foreach (int[] pass in passes)
        {
            if (!finite)
                break;
            int[] tokens = [.. pass.SelectMany(i => Enumerable.Range(first[i], lessons[i].Trained))];
            PolicyPass.Accumulate(
                policy,
                SequencesOf(pass),
                _pass,
                (logProbs, entropies) => whole?.At(tokens) ?? SlopesOf(tokens, logProbs, entropies)
            );
            long size = pass.Sum(i => (long)lessons[i].Sequence.Tokens.Length);
            tally.Tokens += size;
            Advance(size);
        }
        // Those that teach nothing are done without a pass.
        Advance(
            lessons
                .Except(passes.SelectMany(pass => pass).Select(i => lessons[i]))
                .Sum(lesson => (long)lesson.Sequence.Tokens.Length)
        );
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

    private void Advance(long tokens)
    {
        _done += tokens;
        if (tokens > 0 && _done <= _toDo)
            Progress?.Invoke(_done, _toDo);
    }

    /// <summary>A sequence without slopes need not be computed.</summary>
    private static bool Learns(Lesson lesson, ObjectiveScope scope) =>
        scope != ObjectiveScope.Advantaged || Array.Exists(lesson.Advantages, advantage => advantage != 0);

    /// <summary>The group's members with their advantages and fixed log-probabilities.</summary>
    private Lesson[] Lessons(Group group, int question, double[][] advantages, bool withReference, ObjectiveScope scope)
    {
        bool idle = scope == ObjectiveScope.Advantaged && advantages.All(own => own.All(advantage => advantage == 0));
        // Where what a fork took over is trained in its parent alone.
        int[] skipped = [.. group.Members.Select(member => arm.TrainsKeptPrefix ? 0 : member.KeptTrained)];
        ScoredSequence[] sequences =
        [
            .. group.Members.Select((member, i) => ScoredSequence.Of(member.Trajectory, skipped[i])),
        ];
        double[]?[] behaviour =
        [
            .. group.Members.Select(
                (member, i) => Trajectory.BehaviourLogProbsOrNull(member.Trajectory)?[skipped[i]..]
            ),
        ];
        bool recompute = !idle && (method.RecomputeOldLogProbs || method.LearnedShare < 1 || behaviour.Contains(null));
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
                        SamplerLogProbs = behaviour[i] ?? recomputed?[i] ?? new double[sequence.Scored.Length],
                        Entropies = entropies?[i] ?? [],
                    }
            ),
        ];
    }

    internal static double[][] Split(double[] values, ScoredSequence[] sequences)
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
}
