// What does it cost to reach a score: in rollouts, sampled tokens, searches, seconds?
//
//     ./david script scripts/learning_curve.csx --arms grpo david --target 40
//
// The arms are evaluated after each step; the table says what each had spent when the mean of its seeds first reached the
// target. Expect an order by rollouts that shrinks by tokens and seconds: David-GRPO's trajectories search more and are
// longer. Figures by each currency lie in OUT/figures/learning.svg. Two arms over three seeds take some 5 minutes on 2 cores.
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

        // The cost at which the mean curve of an arm's seeds first reaches the target.
        Cell Reached(ReportedArm arm, Func<RunCost, double> cost)
        {
            LearningCurve curve = LearningCurve.Of(
                from run in report.Lines.Where((_, i) => report.Runs[i].Name == arm.Name)
                let costs = run.Evaluations.Select(own => cost(run.SpentAfter(own.Step)))
                select (costs.ToArray(), run.Evaluations.Select(own => 100 * own.ExactMatch).ToArray())
            )!;
            int at = Array.FindIndex(curve.Values, score => score.Mean >= options.Number("target"));
            return at < 0 ? Cell.Missing : Cell.NewNumber(Estimate.Exact(curve.Spent[at]));
        }
        TableColumn Cost(string name, int decimals) => TableColumn.Numbers(name, "", decimals, Best.Lowest);
        Table table = new(
            $"Spent when the mean exact match first reached {options.Number("target")} %; – where it did not.",
            [TableColumn.Words("arm"), Cost("rollouts", 0), Cost("tokens", 0), Cost("searches", 0), Cost("seconds", 1)],
            [
                .. report.Arms.Select(arm =>
                    (Cell[])
                        [
                            Cell.NewWords(arm.Title),
                            Reached(arm, own => own.Rollouts),
                            Reached(arm, own => own.GeneratedTokens),
                            Reached(arm, own => own.Searches),
                            Reached(arm, own => own.Seconds),
                        ]
                ),
            ]
        );
        WriteLine(PlainText.Render(table));
        foreach (string extension in (string[])[".md", ".tex", ".csv"])
            TableFile.Write(Path.Combine(experiment.Folder, "target" + extension), table);
        WriteLine($"Figures, tables and curves: {await report.WriteAsync()}");
    }
);
