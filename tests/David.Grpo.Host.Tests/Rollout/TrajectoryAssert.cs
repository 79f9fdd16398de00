using David.Grpo.Host.Tests.Models;

namespace David.Grpo.Host.Tests.Rollout;

internal static class TrajectoryAssert
{
    /// <summary>Equal in everything, log-probabilities but for rounding.</summary>
    public static void Same(Trajectory expected, Trajectory actual, double rounding)
    {
        Assert.Equal(expected.Question.Id, actual.Question.Id);
        Assert.Equal(expected.Ending, actual.Ending);
        Assert.Equal(expected.Response, actual.Response);
        Assert.Equal(expected.PromptText, actual.PromptText);
        Assert.Equal(expected.RefusedSearches, actual.RefusedSearches);
        Assert.Equal(expected.Searches, actual.Searches);
        Same(expected.Segments, actual.Segments, rounding);
    }

    public static void Same(Segment[] expected, Segment[] actual, double rounding)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Tag, actual[i].Tag);
            Assert.Equal(expected[i].Tokens, actual[i].Tokens);
            if (expected[i] is Segment.Action sampled && actual[i] is Segment.Action other)
            {
                Assert.Equal(sampled.version, other.version);
                Near.Equal(sampled.logProbs, other.logProbs, rounding, 0, "log-probability");
            }
        }
    }
}
