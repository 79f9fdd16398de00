namespace David.Grpo.Learning;

/// <summary>How hard an update pushes each token, for the log.</summary>
internal static class TokenSlopes
{
    /// <summary>
    /// wₜÂₜ of each trained token, [groups][members][tokens]: −∂L/∂log πₜ of the policy term L = Σ wₜℓₜ while π is still
    /// the policy that sampled. w are the aggregation's weights with all groups in one batch, 0 on a kept prefix that is not
    /// trained again. Divergence, entropy, corrections and masks of tokens are not in it.
    /// </summary>
    /// <param name="advantages">Of each trained token, [groups][members][tokens].</param>
    public static double[][][] Of(Arm arm, IReadOnlyList<Group> groups, double[][][] advantages)
    {
        Member[] members = [.. groups.SelectMany(group => group.Members)];
        int[] skipped = [.. members.Select(member => arm.TrainsKeptPrefix ? 0 : member.KeptTrained)];
        double[][] trained = [.. advantages.SelectMany(group => group).Select((own, i) => own[skipped[i]..])];
        double[] all = [.. trained.SelectMany(own => own)];
        double[] weights = Aggregation.Weights(
            arm.Objective.Aggregation,
            TokenBatch.Create(
                [.. trained.SelectMany((own, i) => Enumerable.Repeat(i, own.Length))],
                [.. groups.SelectMany((group, q) => Enumerable.Repeat(q, group.Members.Length))],
                all,
                new double[all.Length],
                []
            )
        );
        int sequence = 0;
        int at = 0;
        return
        [
            .. advantages.Select(group =>
                group
                    .Select(own =>
                    {
                        double[] slopes = new double[own.Length];
                        for (int t = skipped[sequence++]; t < own.Length; t++)
                            slopes[t] = weights[at++] * own[t];
                        return slopes;
                    })
                    .ToArray()
            ),
        ];
    }
}
