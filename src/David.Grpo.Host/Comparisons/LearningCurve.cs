using David.Grpo.Runs;

namespace David.Grpo.Comparisons;

/// <summary>A quantity over what was spent: means over seeds with their intervals.</summary>
/// <param name="Spent">Ascending, [points].</param>
/// <param name="Values">One a point, [points].</param>
public sealed record LearningCurve(double[] Spent, Spread[] Values)
{
    /// <summary>A curve of more points is drawn at equal distances.</summary>
    private const int Most = 60;

    /// <summary>
    /// The curves of seeds, each linear between its points, over what all of them reached: at the points of any seed, or at
    /// 60 equal distances where there are more. Null where no seed has a point.
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
        [
            .. known
                .SelectMany(seed => seed.Costs)
                .Append(from)
                .Append(Math.Max(from, to))
                .Where(cost => cost >= from && cost <= Math.Max(from, to))
                .Distinct()
                .Order(),
        ];
        if (spent.Length > Most)
            spent = [.. Enumerable.Range(0, Most).Select(i => from + (to - from) * i / (Most - 1))];
        return new LearningCurve(
            spent,
            [
                .. spent.Select(at =>
                    Spread.Of(
                        known.Select(seed =>
                            // Where the last points cost the same, the last one counts.
                            at >= seed.Costs[^1]
                                ? seed.Values[^1]
                                : Evaluation.Interpolate(seed.Costs, seed.Values, at)
                        )
                    )
                ),
            ]
        );
    }
}
