namespace David.Grpo.Host.Tests.Models;

/// <summary>Numbers that agree but for rounding.</summary>
internal static class Near
{
    /// <summary>|actual − expected| ≤ absolute + relative · |expected| everywhere; says where it is worst.</summary>
    public static void Equal(
        IReadOnlyList<double> expected,
        IReadOnlyList<double> actual,
        double absolute,
        double relative = 0,
        string what = "number"
    )
    {
        Assert.Equal(expected.Count, actual.Count);
        int worst = -1;
        double excess = 0;
        for (int i = 0; i < expected.Count; i++)
        {
            if (expected[i].Equals(actual[i]))
                continue;
            double over = Math.Abs(actual[i] - expected[i]) - absolute - relative * Math.Abs(expected[i]);
            if (double.IsNaN(over) || over > excess)
                (worst, excess) = (i, double.IsNaN(over) ? double.PositiveInfinity : over);
        }
        Assert.True(
            worst < 0,
            worst < 0 ? "" : $"{what} {worst} of {expected.Count} is {actual[worst]:R}; expected {expected[worst]:R}."
        );
    }

    public static void Equal(
        IReadOnlyList<double> expected,
        float[] actual,
        double absolute,
        double relative = 0,
        string what = "number"
    ) => Equal(expected, [.. actual.Select(value => (double)value)], absolute, relative, what);

    public static void Equal(float[] expected, float[] actual, double absolute, double relative = 0) =>
        Equal([.. expected.Select(value => (double)value)], actual, absolute, relative);

    /// <summary>|actual − expected| ≤ tolerance · max(1, |expected|).</summary>
    public static void Close(
        IReadOnlyList<double> expected,
        IReadOnlyList<double> actual,
        double tolerance,
        string what = "number"
    )
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
            Assert.True(
                expected[i].Equals(actual[i])
                    || Math.Abs(actual[i] - expected[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"{what} {i} of {expected.Count} is {actual[i]:R}; expected {expected[i]:R}."
            );
    }
}
