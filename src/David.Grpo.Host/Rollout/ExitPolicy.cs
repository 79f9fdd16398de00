namespace David.Grpo.Rollout;

/// <summary>When the engine makes an episode answer before it would by itself. For the use of a policy, not for training.</summary>
/// <remarks>
/// A check forces a trial answer: the protocol's opening of an answer and what the policy decodes greedily after it, on a fork
/// of the episode's keys and values that is freed again. An exit ends the episode with the trial answer, which is then an
/// action of the trajectory. Thresholds come from <see cref="ExitCalibration"/>, never by hand.
/// </remarks>
public sealed record ExitPolicy
{
    /// <summary>
    /// Checked before the first action and after each observation; null: never. At threshold +∞ trial answers are recorded
    /// and no episode is changed.
    /// </summary>
    public ExitThreshold? Rule { get; init; }

    /// <summary>
    /// Asked whenever the policy asks a search; null: every search is made. Where it says no, the turn that asked is taken
    /// back and the trial answer from before it is given. (A refusal in words would cost tokens, and the embedded world has no
    /// words for one.) Without a rule, trials are forced only where a search is asked.
    /// </summary>
    public SearchGate? Gate { get; init; }

    /// <summary>Tokens of a trial answer after its opening, at least 1. One that is not closed by then is no answer.</summary>
    public int TrialTokens { get; init; } = 20;

    internal ExitPolicy Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(TrialTokens, 1);
        if (
            Rule?.Measure
            is ConfidenceMeasure { IsVoteShare: true }
                or ConfidenceMeasure { IsEvidenceReliance: true }
                or ConfidenceMeasure { IsSufficiency: true }
        )
            throw new ArgumentException(
                $"The exit rule's measure is {Rule.Measure}, which needs more than one greedy trial answer. "
                    + "Take one of its tokens, or Stability.",
                nameof(Rule)
            );
        return this;
    }
}

/// <summary>A trial answer of an episode.</summary>
/// <param name="Trial">Without tokens to judge by where it is no answer.</param>
/// <param name="Segments">Segments of the trajectory before it.</param>
/// <param name="Searches">Searches answered before it.</param>
/// <param name="Tokens">The opening and what was decoded.</param>
/// <param name="LogProbs">Of each token, at temperature 1.</param>
/// <param name="Move">An answer, or Stop.</param>
public sealed record TrialAnswer(Trial Trial, int Segments, int Searches, int[] Tokens, double[] LogProbs, Move Move);

/// <summary>The checks of an episode, and how they ended.</summary>
/// <param name="Trials">Oldest first.</param>
/// <param name="IsEarly">Whether the episode was ended by a rule or a gate.</param>
/// <param name="Thrown">
/// Tokens that the policy wrote and that are not in the trajectory: trial answers that were not given, and a turn that was
/// taken back.
/// </param>
public sealed record EpisodeExit(TrialAnswer[] Trials, bool IsEarly, long Thrown);
