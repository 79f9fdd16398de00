// Does the policy know when it knows: how many answers are lost when it answers early, and how many searches saved?
//
//     ./david script scripts/risk_coverage.csx --model runs/demo/david/seed-1/checkpoints/step-000007
//
// Trains David-GRPO first where no --model is given. Then questions are answered to the end, with a trial answer before
// each search; the figure has risk–coverage curves of these by measure of confidence, and what exits save and lose. The
// table picks thresholds on half of the questions and tests them on the other, over random splits: "lost" must stay below
// the risk. Expect the measures of probability alike and stability far behind; at a risk of 5 % they save some 12 to 16 % of
// the searches, a gate by gain 20 to 23 %.
#load "david.csx"

return await RunScript(
    Args,
    "--risk 0.05 0.1 --count 1000 --splits 100 --seeds 1 --rollouts 500 --questions 100 --out runs/risk-coverage",
    "--risk 0.2 --count 32 --splits 4 --rollouts 36 --questions 8",
    async options =>
    {
        string? model = options.TextOrNull("model");
        if (model is null)
        {
            Experiment experiment = options.Experiment(Variant.Of("david"));
            await experiment.RunAsync();
            model = experiment.Runs[0].CheckpointIn(experiment.Folder);
        }
        using ModelFiles files = BasePolicy.Open(model);
        using Decoder policy = Decoder.Load(files.Config, files.Weights);
        // Worlds on which nothing was trained or evaluated before.
        RecordedRun[] runs = await ExitRecording.RunAsync(
            policy,
            ExitRecording.Worlds(options.Integer("count"), firstWorld: 1),
            WorldRuns.EvaluationTemperature,
            Seed.OfInt64(0)
        );
        int vocabulary = files.Config.VocabularySize;
        ExitStudy study = ExitStudy.Of(
            runs,
            vocabulary,
            options.Numbers("risk"),
            delta: 0.1,
            options.Integer("splits"),
            Seed.OfInt64(1)
        );
        Table table = ExitFigures.OfRisks(study);
        WriteLine(PlainText.Render(table));
        string place = Path.Combine(options.Text("out"), "risk-coverage");
        foreach (string extension in (string[])[".md", ".tex", ".csv"])
            TableFile.Write(place + extension, table);
        Figure figure = ExitFigures.RiskCoverage(
            runs,
            vocabulary,
            ExitMeasure.Min,
            ExitMeasure.Margin,
            ExitMeasure.Stability
        );
        FigureFile.Write(figure, place + ".svg");
        WritePaper(figure, place + ".pdf");
        WriteLine($"Figure and table: {place}.svg");
    }
);
