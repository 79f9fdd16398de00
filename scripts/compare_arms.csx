// Which method learns most from a small budget?
//
//     ./david script scripts/compare_arms.csx --arms grpo search_r1 david --seeds 5
//
// All arms start from the same base policy of the embedded world and may spend the same rollouts; they are evaluated on the
// same questions of another world, at smaller budgets (--marks) too. The last arm is compared with each other one, seed by
// seed. Expect David-GRPO some 15 points of exact match ahead of GRPO at 500 rollouts, and the lead gone at 1,000. Some
// minutes on 2 cores. Finished runs are not run again: add seeds or arms with the same --out.
#load "david.csx"

return await RunScript(
    Args,
    "--arms grpo grpo_coverage david --seeds 3 --rollouts 500 --marks 250 125 --questions 300 --out runs/compare-arms",
    "--arms grpo david --seeds 1 --rollouts 72 --marks 36 --questions 8",
    async options =>
    {
        Experiment experiment = options.Experiment([.. options.Texts("arms").Select(Variant.Of)]) with
        {
            Marks = [.. options.Integers("marks").Where(mark => mark < options.Integer("rollouts")).Order()],
        };
        ComparisonReport report = await experiment.RunAsync();

        // Exact match at each budget: do the arms keep their order?
        Figure budgets = Figure.Column(
            "Exact match by budget",
            "Exact match of each arm at each budget of rollouts, with 95 % intervals.",
            [
                Panel.Dots(
                    "",
                    Axis.Linear("exact match", "%").Over(AxisRange.WithZero),
                    [
                        .. from mark in report.Summary.Marks
                        from arm in mark.Arms
                        let score = SummaryTables.Estimate(arm.ExactMatch, 100)
                        select new Row($"{mark.Rollouts} rollouts", report[arm.Arm].Title, score),
                    ]
                ),
            ]
        );
        await Publish(
            report,
            [("budgets", budgets.StyledBy(report.Titles), "Exact match at each budget, with 95 % intervals.")]
        );
    }
);
