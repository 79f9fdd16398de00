// How much should evidence coverage weigh in the reward, r = λ · coverage + (1 − λ) · exact match?
//
//     ./david script scripts/ablation_lambda.csx --seeds 5 --lambda 0 0.25 0.5 0.75 1
//
// λ = 0 pays for the answer alone, λ = 1 for the evidence alone; the authors take 0.5. Expect coverage and searches to rise
// with λ up to 0.75, and exact match to differ little from 0.25 to 0.75: less than seeds do. Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--lambda 0.0 0.25 0.5 0.75 1.0 --arm david --seeds 3 --rollouts 500 --questions 300 --out runs/ablation-lambda",
    "--lambda 0.0 0.5 --seeds 1 --rollouts 36 --questions 8",
    async options =>
    {
        double[] lambdas = options.Numbers("lambda");
        Experiment experiment = options.Experiment(
            Variant.Each(options.Text("arm"), "lambda", lambdas, (method, λ) => method with { Lambda = λ })
        );
        ComparisonReport report = await experiment.RunAsync();

        Panel Over(string title, string label, string unit, double scale, Func<ArmSummary, Spread> measure) =>
            Panel.Curves(
                title,
                Axis.Linear("λ", ""),
                Axis.Linear(label, unit).Over(AxisRange.WithZero),
                [Curve.Estimates("", lambdas, report.Estimates(measure, scale))]
            );
        Figure figure = Figure.Page(
            "Weight of evidence coverage",
            "Exact match, evidence coverage and searches a question by λ, with 95 % intervals over seeds.",
            3,
            [
                Over("Exact match", "EM", "%", 100, arm => arm.ExactMatch),
                Over("Evidence coverage", "coverage", "%", 100, arm => arm.Coverage),
                Over("Searches", "searches a question", "", 1, arm => arm.SearchesPerQuestion),
            ]
        );
        await Publish(report, [("lambda", figure, "Scores by the weight λ of coverage, with 95 % intervals.")]);
    }
);
