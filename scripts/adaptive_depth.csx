// Can a policy learn to search as deep as the question needs, and no deeper?
//
//     ./david script scripts/adaptive_depth.csx --price 0 0.05 0.15 --seeds 5
//
// The reward loses the price for each search more or less than the group's own evidence needed; no cost ever puts a right
// answer below a wrong one. Price 0 is David-GRPO. Expect little at this budget: at 1,000
// rollouts the gain was within the noise of five seeds (notebooks/LOG.md). Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--price 0.0 0.15 --seeds 3 --rollouts 750 --questions 300 --out runs/adaptive-depth-script",
    "--price 0.0 0.15 --seeds 1 --rollouts 36 --questions 12",
    async options =>
    {
        Experiment experiment = options.Experiment(
            Variant.Each(
                "david",
                "price",
                options.Numbers("price"),
                (method, price) =>
                    method with
                    {
                        Spending = price > 0 ? Spending.DepthGap : Spending.Free,
                        Price = price,
                    }
            )
        );
        ComparisonReport report = await experiment.RunAsync();

        // Searches by kind of question at the end: the mean of each seed, then over seeds.
        Estimate Searches(string arm, string kind) =>
            SummaryTables.Estimate(
                Spread.Of(
                    from run in report.LinesOf(arm)
                    select run.At(int.MaxValue).Outcomes.Where(own => own.Kind == kind).Average(own => own.Searches)
                ),
                scale: 1
            );
        IEnumerable<string> kinds = report.OutcomesOf(report.Arms[0].Name).Select(own => own.Kind).Distinct().Order();
        Figure depth = Figure.Column(
            "Searches by kind of question",
            "Searches a question at the end of training, by what the question needs, with 95 % intervals over seeds.",
            [
                Panel.Bars(
                    "",
                    Axis.Linear("searches a question", ""),
                    [
                        .. from kind in kinds
                        from arm in report.Arms
                        select new Row(kind, arm.Title, Searches(arm.Name, kind)),
                    ]
                ),
            ]
        );
        await Publish(
            report,
            [
                (
                    "depth",
                    depth.StyledBy(report.Titles),
                    "Searches a question by what it needs, with 95 % intervals over seeds."
                ),
            ]
        );
    }
);
