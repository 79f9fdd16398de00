// How much should evidence coverage weigh in the reward, r = λ · coverage + (1 − λ) · exact match?
//
//     ./david script scripts/ablation_lambda.csx --seeds 5 --lambda 0 0.25 0.5 0.75 1
//
// λ = 0 pays for the answer alone, λ = 1 for the evidence alone; the authors take 0.5. Expect coverage and searches to rise
// with λ, and exact match to be flat in the middle and to fall at 1, where nothing rewards the right answer. Five values
// over three seeds take some 12 minutes on 2 cores.
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
        WriteLine(report);

        Panel Over(string title, string unit, double scale, Func<ArmSummary, Spread> pick)
        {
            Estimate[] values = [.. report.Summary.End.Arms.Select(arm => SummaryTables.Estimate(pick(arm), scale))];
            return Panel.Curves(
                title,
                Axis.Linear("weight λ of coverage", ""),
                Axis.Linear(title.ToLower(), unit).Over(AxisRange.WithZero),
                [
                    Curve.Band(
                        options.Text("arm"),
                        lambdas,
                        [.. values.Select(v => v.Value)],
                        [.. values.Select(v => v.Low)],
                        [.. values.Select(v => v.High)]
                    ),
                ]
            );
        }
        Figure figure = Figure.Page(
            "Weight of evidence coverage",
            "Exact match, evidence coverage and searches a question by λ, with 95 % intervals over seeds and questions.",
            3,
            [
                Over("Exact match", "%", 100, arm => arm.ExactMatch),
                Over("Evidence coverage", "%", 100, arm => arm.Coverage),
                Over("Searches a question", "", 1, arm => arm.SearchesPerQuestion),
            ]
        );
        string page = await report.WriteAsync();
        FigureFile.Write(figure, Path.Combine(experiment.Folder, "figures", "lambda.svg"));
        WriteLine($"Figures, tables and curves: {page}");
    }
);
