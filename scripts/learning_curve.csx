// What does it cost to reach a score: in rollouts, sampled tokens, searches, seconds?
//
//     ./david script scripts/learning_curve.csx --arms grpo david --target 40
//
// The arms are evaluated after each step; the table says what each had spent when the mean of its seeds first reached the
// target. Expect an order by rollouts that shrinks by tokens and seconds: David-GRPO's trajectories search more and are
// longer. Figures by each currency lie in OUT/figures/learning.svg. Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--arms grpo david --target 40.0 --seeds 3 --rollouts 750 --questions 300 --out runs/learning-curve",
    "--target 10.0 --seeds 1 --rollouts 72 --questions 8",
    async options =>
    {
        Experiment experiment = options.Experiment([.. options.Texts("arms").Select(Variant.Of)]) with
        {
            EvaluateEvery = 1,
        };
        ComparisonReport report = await experiment.RunAsync();

        double target = options.Number("target");
        // The cost at which the mean curve of an arm's seeds first reaches the target.
        Cell Reached(ReportedArm arm, Func<RunCost, double> cost)
        {
            LearningCurve curve = LearningCurve.Of(
                from run in report.LinesOf(arm.Name)
                let costs = run.Evaluations.Select(own => cost(run.SpentAfter(own.Step)))
                select (costs.ToArray(), run.Evaluations.Select(own => 100 * own.ExactMatch).ToArray())
            );
            int at = Array.FindIndex(curve.Values, score => score.Mean >= target);
            return at < 0 ? Cell.Missing : Cell.NewNumber(Estimate.Exact(curve.Spent[at]));
        }
        (string Name, int Decimals, Func<RunCost, double> Of)[] costs =
        [
            ("rollouts", 0, own => own.Rollouts),
            ("tokens", 0, own => own.GeneratedTokens),
            ("searches", 0, own => own.Searches),
            ("seconds", 1, own => own.Seconds),
        ];
        Table table = new(
            $"Spent when the mean exact match first reached {target} %; – where it did not.",
            [
                TableColumn.Words("arm"),
                .. costs.Select(cost => TableColumn.Numbers(cost.Name, "", cost.Decimals, Best.Lowest)),
            ],
            [
                .. report.Arms.Select(arm =>
                    (Cell[])[Cell.NewWords(arm.Title), .. costs.Select(cost => Reached(arm, cost.Of))]
                ),
            ]
        );
        await Publish(report, tables: [("target", table)]);
    }
);
