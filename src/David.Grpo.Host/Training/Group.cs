namespace David.Grpo.Training;

/// <summary>One member of a group, scored.</summary>
/// <param name="Trajectory">What was written.</param>
/// <param name="Parts">Its reward.</param>
/// <param name="Tree">Which of the group's trees it is a leaf of: the member whose chain it goes back to.</param>
/// <param name="IsExpert">Written by the expert.</param>
/// <param name="KeptSegments">Segments that were taken over from another member; 0 for none.</param>
public sealed record Member(
    Trajectory Trajectory,
    RewardParts Parts,
    int Tree = 0,
    bool IsExpert = false,
    int KeptSegments = 0
)
{
    /// <summary>The name of the term that spending takes off the reward.</summary>
    public const string SpendingTerm = "spending";

    private int[]? _tokens;
    private int[]? _trained;

    /// <summary>Its total.</summary>
    public double Reward => Parts.Total;

    /// <summary>The same with another reward; the change is a term of its own, paid at the end.</summary>
    public Member WithTotal(double total, string term)
    {
        if (total == Parts.Total)
            return this;
        double[] turns = [.. Parts.Turns];
        if (turns.Length > 0)
            turns[^1] += total - Parts.Total;
        return this with
        {
            Parts = new RewardParts(
                total,
                Parts.Answer,
                Parts.Coverage,
                [.. Parts.Terms, new RewardTerm(term, 1, total - Parts.Total)],
                turns
            ),
        };
    }

    /// <summary>All tokens, in order.</summary>
    public int[] Tokens => _tokens ??= [.. Trajectory.Segments.SelectMany(segment => segment.Tokens)];

    /// <summary>Positions of the tokens that are trained: those of the policy and of the expert.</summary>
    public int[] Trained => _trained ??= [.. Positions()];

    /// <summary>
    /// Log-probabilities of <see cref="Trained"/> under the behaviour policy; null where an expert wrote some of them.
    /// </summary>
    public double[]? BehaviourLogProbs =>
        Trajectory.Segments.Any(segment => segment.IsExpert)
            ? null
            : [.. Trajectory.Segments.OfType<Segment.Action>().SelectMany(action => action.logProbs)];

    /// <summary>The number of <see cref="Trained"/> tokens that were taken over from another member.</summary>
    public int KeptTrained =>
        Trajectory
            .Segments.Take(KeptSegments)
            .Where(segment => segment.IsTrained)
            .Sum(segment => segment.Tokens.Length);

    private IEnumerable<int> Positions()
    {
        int at = 0;
        foreach (Segment segment in Trajectory.Segments)
        {
            int length = segment.Tokens.Length;
            if (segment.IsTrained)
                for (int i = 0; i < length; i++)
                    yield return at + i;
            at += length;
        }
    }
}

/// <summary>The members that answer one question in one step; advantages are taken among them.</summary>
/// <param name="Key">Names the question in random numbers and reports: its index, experts' questions below 0.</param>
/// <param name="Question">What was asked.</param>
/// <param name="Members">At least 1.</param>
public sealed record Group(long Key, Question Question, IReadOnlyList<Member> Members)
{
    /// <summary>The members as a rule of spending sees them.</summary>
    public SpendingMember[] Spenders =>
        [
            .. Members.Select(member => new SpendingMember(
                member.Trajectory,
                member.Reward,
                Grpo.Answer.ExactMatchOf(member.Trajectory) == 1
            )),
        ];

    /// <summary>By member.</summary>
    public double[] Rewards => [.. Members.Select(member => member.Reward)];

    /// <summary>Whether all rewards are equal, so that the group teaches nothing.</summary>
    public bool IsDead => Members.All(member => member.Reward == Members[0].Reward);
}
