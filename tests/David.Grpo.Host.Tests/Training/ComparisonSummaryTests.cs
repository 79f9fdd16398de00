using David.Grpo.Comparisons;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Training;

public sealed class ComparisonSummaryTests
{
    /// <summary>EM by seed at the end: grpo ¼ ½ ¼, search_r1 ¼ ¼ ¼, david ½ ¾ 1.</summary>
    private static MadeUpComparison ThreeArms()
    {
        MadeUpComparison made = new();
        string[] grpo = ["0001", "0011", "0001"],
            david = ["0011", "0111", "1111"];
        for (int seed = 1; seed <= 3; seed++)
        {
            made.Add("grpo", seed, "0001", grpo[seed - 1]);
            made.Add("search_r1", seed, "0001", "1000");
            made.Add("david", seed, "0011", david[seed - 1], searches: 2);
        }
        return made;
    }

    [Fact]
    public void Of_KnownRuns_GivesTheirMeansAndCosts()
    {
        using MadeUpComparison made = ThreeArms();
        ComparisonSummary summary = ComparisonSummary.Of(made.Folder, made.Runs, "david");

        Assert.Equal([1, 2, 3], summary.Seeds);
        Assert.Equal([10, 20], summary.Marks.Select(mark => mark.Rollouts));
        Assert.Equal(["grpo", "search_r1", "david"], summary.End.Arms.Select(arm => arm.Arm));
        Assert.Equal(0.25, summary.Before.ExactMatch);
        ArmSummary david = summary.End.Arms[2];
        Assert.Equal(0.75, david.ExactMatch.Mean, 12);
        Assert.Equal([0.5, 0.75, 1], david.ExactMatch.BySeed);
        Assert.Equal(0.75, david.InterquartileMean, 12);
        Assert.Equal(0.75, david.Answered.Mean, 12);
        Assert.Equal(2, david.SearchesPerQuestion.Mean);
        Assert.Equal(15, david.TokensPerQuestion.Mean);
        Assert.Equal((20, 200, 40, 1), Cost(david));
        // Three seeds that deviate by ¼: Student's t with 2 degrees of freedom.
        double half = 4.302652729749464 * 0.25 / Math.Sqrt(3);
        Assert.Equal(0.75 - half, david.ExactMatch.Low!.Value, 12);
        Assert.Equal(0.75 + half, david.ExactMatch.High!.Value, 12);
        // At the mark stands the last evaluation within it, and what had been spent by then.
        ArmSummary early = summary.Marks[0].Arms[2];
        Assert.Equal(0.5, early.ExactMatch.Mean);
        Assert.Equal((8, 80, 16, 0.5), Cost(early));
    }

    [Fact]
    public void Of_KnownRuns_GivesKindsOfQuestions()
    {
        using MadeUpComparison made = ThreeArms();
        ComparisonSummary summary = ComparisonSummary.Of(made.Folder, made.Runs, "david");

        Assert.Equal([KeyValuePair.Create("1-hop", 0.0), KeyValuePair.Create("2-hop", 0.5)], summary.KindsBefore);
        KindSummary[] david = summary.End.Arms[2].Kinds;
        Assert.Equal([("1-hop", 2), ("2-hop", 2)], david.Select(kind => (kind.Kind, kind.Questions)));
        Assert.Equal([0.5, 0.5, 1], david[0].ExactMatch.BySeed);
        Assert.Equal([0.5, 1, 1], david[1].ExactMatch.BySeed);
        Assert.Equal(2, david[1].SearchesPerQuestion.Mean);
        KindDifference[] against = [.. summary.End.KindDifferences.Where(difference => difference.Other == "grpo")];
        Assert.Equal(["1-hop", "2-hop"], against.Select(difference => difference.Kind));
        Assert.Equal([0.5, 0, 1], against[0].Difference.BySeed);
        Assert.Equal(0.5 - 4.302652729749464 * 0.5 / Math.Sqrt(3), against[0].Difference.Low!.Value, 12);
        Assert.Equal([0, 0.5, 0.5], against[1].Difference.BySeed);
    }

    [Fact]
    public void Of_AMarkThatWasNotEvaluated_IsRefused()
    {
        using MadeUpComparison made = ThreeArms();
        ComparedRun[] shorter =
        [
            .. made.Runs.Select(run =>
                run with
                {
                    Options = run.Options with { Rollouts = 25, Evaluation = run.Options.Evaluation with { At = [7] } },
                }
            ),
        ];
        // Before any step stands the evaluation of the untrained policy, which is no result at 7 rollouts.
        Assert.Equal(0.25, ComparisonSummary.Of(made.Folder, shorter, "david").Marks[0].Arms[0].ExactMatch.Mean);
        string metrics = Path.Combine(made.Folder, shorter[0].Folder, "metrics.jsonl");
        File.WriteAllLines(
            metrics,
            File.ReadAllLines(metrics).Where(line => !(line.Contains("evaluation") && line.Contains("\"rollouts\":8")))
        );
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() =>
            ComparisonSummary.Of(made.Folder, made.Runs, "david")
        );
        Assert.Contains("was not evaluated at 10 rollouts, but at 0, 20", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_KnownRuns_GivesPairedDifferences()
    {
        using MadeUpComparison made = ThreeArms();
        PairedDifference[] differences =
        [
            .. ComparisonSummary
                .Of(made.Folder, made.Runs, "david")
                .End.Differences.Where(difference => difference.Measure == "exact_match"),
        ];
        Assert.Equal(["grpo", "search_r1"], differences.Select(difference => difference.Other));
        // ¼ ¼ ¾: mean 5/12, t = 2.5 with 2 degrees of freedom.
        PairedDifference grpo = differences[0];
        Assert.Equal(5.0 / 12, grpo.Difference.Mean, 12);
        Assert.Equal(5.0 / 12 - 4.302653 / 6, grpo.Difference.Low!.Value, 5);
        Assert.Equal(1 - 2.5 / Math.Sqrt(2.5 * 2.5 + 2), grpo.PValue!.Value, 9);
        // Of the nine pairs david wins eight and draws one.
        Assert.Equal(8.5 / 9, grpo.ProbabilityOfImprovement, 12);
        // ¼ ½ ¾: t = √12, p doubled by Holm; the other p is below that, and takes it.
        double least = 1 - Math.Sqrt(12.0 / 14);
        Assert.Equal(least, differences[1].PValue!.Value, 9);
        Assert.Equal(2 * least, differences[1].AdjustedPValue!.Value, 9);
        Assert.Equal(2 * least, grpo.AdjustedPValue!.Value, 9);
        Assert.True(differences[1].DetectableEffect > 0.5);
    }

    [Fact]
    public void Of_KnownRuns_FindsTheFronts()
    {
        using MadeUpComparison made = ThreeArms();
        MarkSummary end = ComparisonSummary.Of(made.Folder, made.Runs, "david").End;
        Assert.Equal(["grpo", "david"], end.FrontBySearches);
        Assert.Equal(["grpo", "david"], end.FrontByTokens);
    }

    [Fact]
    public void Of_OneSeedOfOneArm_HasNoDifferences()
    {
        using MadeUpComparison made = new();
        made.Add("grpo", 1, "0001", "0011");
        MarkSummary end = ComparisonSummary.Of(made.Folder, made.Runs, "grpo").End;
        Assert.Equal(0.5, Assert.Single(end.Arms).ExactMatch.Mean);
        Assert.Null(end.Arms[0].Seconds.Low);
        Assert.Empty(end.Differences);
    }

    [Fact]
    public void LearningCurve_IsTheMeanOfSeedsOverWhatAllReached()
    {
        LearningCurve curve = LearningCurve.Of([
            ([0.0, 10.0, 20.0], [0.0, 10.0, 10.0]),
            ([0.0, 5.0, 15.0], [2.0, 2.0, 12.0]),
            ([], []),
        ])!;
        Assert.Equal([0, 5, 10, 15], curve.Spent);
        Assert.Equal([1, 3.5, 8.5, 11], curve.Values.Select(value => value.Mean));
        Assert.NotNull(curve.Values[0].Low);
        Assert.Null(LearningCurve.Of([]));
        double[] many = [.. Enumerable.Range(0, 200).Select(i => (double)i)];
        LearningCurve longer = LearningCurve.Of([(many, many)])!;
        Assert.Equal(60, longer.Spent.Length);
        Assert.Equal(199, longer.Values[^1].Mean, 9);
        // What costs nothing of a currency, such as imitation's tokens, is a point: where it ended.
        LearningCurve free = LearningCurve.Of([([0.0, 0.0], [1.0, 2.0])])!;
        Assert.Equal([0.0], free.Spent);
        Assert.Equal(2, Assert.Single(free.Values).Mean);
    }

    private static (double, double, double, double) Cost(ArmSummary arm) =>
        (arm.Rollouts.Mean, arm.TrainingTokens.Mean, arm.TrainingSearches.Mean, arm.Seconds.Mean);
}
