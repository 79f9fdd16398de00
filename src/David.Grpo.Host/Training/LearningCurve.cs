namespace David.Grpo.Training;

/// <summary>A quantity over what was spent: means over seeds with their intervals.</summary>
/// <param name="Spent">[points], ascending.</param>
/// <param name="Values">[points].</param>
public sealed record LearningCurve(double[] Spent, Spread[] Values)
{
    private const int Points = 26;

    /// <summary>
    /// The curves of seeds, each linear between its points, at equal distances over what all of them reached; one point
    /// where they have no more in common. Null where no seed has a point.
    /// </summary>
    /// <param name="seeds">Of each seed its costs, ascending, and its values there.</param>
    public static LearningCurve? Of(IEnumerable<(double[] Costs, double[] Values)> seeds)
    {
        (double[] Costs, double[] Values)[] known = [.. seeds.Where(seed => seed.Costs.Length > 0)];
        if (known is [])
            return null;
        double from = known.Max(seed => seed.Costs[0]),
            to = known.Min(seed => seed.Costs[^1]);
        double[] spent =
            to > from ? [.. Enumerable.Range(0, Points).Select(i => from + (to - from) * i / (Points - 1))] : [from];
        return new LearningCurve(
            spent,
            [
                .. spent.Select(at =>
                    Spread.Of(known.Select(seed => Evaluation.Interpolate(seed.Costs, seed.Values, at)))
                ),
            ]
        );
    }
}
