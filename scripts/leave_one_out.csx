// What is each of David-GRPO's three mechanisms worth?
//
//     ./david script scripts/leave_one_out.csx --seeds 5
//
// David-GRPO against itself without expert bootstrapping, without the coverage reward, and without continuations, at equal
// budgets, paired by seed. Expect bootstrapping to be worth most at a small budget (some 10 to 15 points of exact match),
// the coverage reward to show in evidence coverage, continuation in little. With few seeds the intervals are wide: look at
// "detectable" before you believe a difference. Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--without bootstrap coverage continuation --seeds 3 --rollouts 500 --questions 300 --out runs/leave-one-out",
    "--without bootstrap --seeds 2 --rollouts 36 --questions 8",
    async options =>
    {
        Experiment experiment = options.Experiment([
            .. options.Texts("without").Select(mechanism => Variant.Of($"david_no_{mechanism}")),
            Variant.Of("david"),
        ]);
        ComparisonReport report = await experiment.RunAsync();

        // What is lost without each: David-GRPO minus the arm that lacks it.
        Panel Worth(string measure, string title) =>
            Panel.Dots(
                title,
                Axis.Linear("David-GRPO minus the arm without it", "points").Over(AxisRange.WithZero),
                [
                    .. from difference in report.Summary.End.Differences
                    where difference.Measure == measure
                    let points = SummaryTables.Estimate(difference.Difference, 100)
                    select Row.Of(report[difference.Other].Title, points),
                ]
            );
        Figure worth = Figure.Column(
            "What each mechanism is worth",
            "David-GRPO minus each of its ablations, paired by seed, with 95 % intervals over seeds.",
            [Worth("exact_match", "Exact match"), Worth("coverage", "Evidence coverage")]
        );
        await Publish(
            report,
            [("worth", worth.StyledBy(report.Titles), "David-GRPO minus each of its ablations, paired by seed.")]
        );
    }
);
