using System.CommandLine;
using System.Text.Json;
using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tensors;
using Spectre.Console;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david study</c>: whether a promise is kept, measured.</summary>
public static class StudyCommand
{
    private sealed record Plan(double[] Risks, double Delta, int Resamplings, int TrialTokens, string? File);

    public static Command Create() =>
        new Command("study", "Studies of what the library promises, each a table and a JSON file") { Exits() };

    private static Command Exits()
    {
        EvaluationOptions evaluation = new(
            EvalProtocol.World,
            count: 2000,
            world: 1,
            "The first evaluation world, with --protocol world; 250 questions each"
        );
        Option<double[]> risks = new("--risk")
        {
            Description = "Excess errors that are allowed, each a part of the table",
            DefaultValueFactory = _ => [0.05, 0.1],
            AllowMultipleArgumentsPerToken = true,
        };
        risks.Validators.Add(result =>
        {
            foreach (double risk in result.GetValueOrDefault<double[]>())
                if (risk is not (> 0 and < 1))
                    result.AddError($"--risk is {risk}; expected above 0 and below 1.");
        });
        Option<double?> delta = EvaluationOptions.Number(
            "--delta",
            "Probability with which learn then test may miss the risk [default: 0.1]",
            "above 0 and below 1",
            value => value is > 0 and < 1
        );
        Option<int> resamplings = EvaluationOptions.Whole("--resamplings", "Random splits into halves", 200, 1);
        Option<int> trialTokens = EvaluationOptions.Whole("--trial-tokens", "Tokens of a trial answer at most", 20, 1);
        Option<string?> outFile = new("--out", "-o")
        {
            Description = "Writes all that is measured",
            HelpName = "FILE.json",
        };
        Command command = new(
            "exits",
            """
            Whether early exits hold the risk that david calibrate is given, and what they save.

            Answers the questions once, to the end and with trial answers. Then, for each measure of confidence, splits them
            at random into calibration and test halves, picks a threshold on the one and measures it on the other: the share
            of splits whose excess error was held (to be at least 1 - delta for ltt), its mean (at most the risk for crc), and
            the searches and tokens saved (trial answers counted). A gain's weights are fitted to the first quarter of the
            questions, which the splits leave out. Then, for one split at the first risk, the searches that were needless
            (the trial answer before them was right) before and after, beside the difference of exact match.

            Example:
              david study exits --model runs/demo/david/seed-1 --count 2000 --resamplings 200 --risk 0.05 0.10
            """
        );
        evaluation.AddTo(command);
        foreach (Option option in (Option[])[risks, delta, resamplings, trialTokens, outFile])
            command.Options.Add(option);
        command.SetAction(
            (result, cancellationToken) =>
                Failure.GuardAsync(
                    result.InvocationConfiguration.Error,
                    () =>
                        RunAsync(
                            evaluation.Read(result),
                            new Plan(
                                result.GetValue(risks)!,
                                result.GetValue(delta) ?? 0.1,
                                result.GetValue(resamplings),
                                result.GetValue(trialTokens),
                                result.GetValue(outFile)
                            ),
                            new Screen(result.InvocationConfiguration.Output),
                            cancellationToken
                        )
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        EvaluationRequest request,
        Plan plan,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        Recording recording = await ExitRecorder
            .RecordAsync(request, plan.TrialTokens, screen, cancellationToken)
            .ConfigureAwait(false);
        RecordedRun[] runs = recording.Runs;
        if (runs.Length < 8)
            throw new InvalidDataException($"{runs.Length} questions cannot be split; give more with --count.");
        ExitStudy study = ExitStudy.Of(
            runs,
            recording.VocabularySize,
            plan.Risks,
            plan.Delta,
            plan.Resamplings,
            Seeds.Named("study", Seeds.OfInt64(request.Seed)),
            what => screen.Line($"            {what}")
        );
        if (plan.File is { } file)
            await File.WriteAllTextAsync(
                    file,
                    JsonSerializer.Serialize(new { conditions = recording.Conditions, study }, RunJson.Document),
                    cancellationToken
                )
                .ConfigureAwait(false);
        Show(screen, study);
        return 0;
    }

    private static void Show(Screen screen, ExitStudy study)
    {
        screen.Line();
        screen.Line(
            $"{study.Questions} questions to the end: exact match {ExitTables.Text(study.ExactMatch)}, "
                + $"{ExitTables.Text(study.Searches)} searches, {ExitTables.Text(study.GeneratedTokens)} generated and "
                + $"{ExitTables.Text(study.ObservedTokens)} observed tokens a question"
        );
        screen.Line();
        foreach (
            IGrouping<(double Risk, ExitMethod Method), RiskRow> part in study.Risks.GroupBy(row =>
                (row.Risk, row.Method)
            )
        )
        {
            string promise =
                part.Key.Method == ExitMethod.Ltt
                    ? $"to be held in at least {ExitTables.Text(1 - study.Delta)} of the splits"
                    : "to be held in the mean";
            Table table = ExitTables.New(
                $"{part.Key.Method.ToString().ToLowerInvariant()}: excess error {ExitTables.Text(part.Key.Risk)}, {promise}; "
                    + $"{study.Resamplings} splits, middle 95 % of them in brackets"
            );
            foreach (
                string column in (string[])
                    [
                        "excess error",
                        "held",
                        "EM difference",
                        "exited early",
                        "searches saved",
                        "generated saved",
                        "observed saved",
                    ]
            )
                table.AddColumn(ExitTables.Right(column));
            foreach (RiskRow row in part)
                table.AddRow([
                    row.Measure.ToString().ToLowerInvariant(),
                    .. (
                        (string[])
                            [
                                ExitTables.Text(row.ExcessRisk),
                                ExitTables.Text(row.Held),
                                ExitTables.Text(row.ScoreDifference.Mean),
                                ExitTables.Text(row.EarlyExits),
                                ExitTables.Text(row.SearchesSaved),
                                ExitTables.Text(row.GeneratedTokensSaved),
                                ExitTables.Text(row.ObservedTokensSaved),
                            ]
                    ).Select(Markup.Escape),
                ]);
            screen.Show(table);
        }
        Table selective = ExitTables.New(
            $"needless searches and evidence missing, at excess error {ExitTables.Text(study.Selectivity[0].Risk)} by ltt, one half"
        );
        foreach (
            string column in (string[])
                [
                    "needless before",
                    "after",
                    "wrong, evidence missing",
                    "after",
                    "searches saved, 95 %",
                    "EM difference, 95 %",
                ]
        )
            selective.AddColumn(ExitTables.Right(column));
        foreach (SelectivityRow row in study.Selectivity)
            selective.AddRow([
                row.Measure.ToString().ToLowerInvariant(),
                .. (
                    (string[])
                        [
                            ExitTables.Text(row.Report.FullOverSearch),
                            ExitTables.Text(row.Report.OverSearch),
                            ExitTables.Text(row.Report.FullUnderSearch),
                            ExitTables.Text(row.Report.UnderSearch),
                            ExitTables.Text(row.Report.SearchesSaved),
                            ExitTables.Text(row.Report.ScoreDifference),
                        ]
                ).Select(Markup.Escape),
            ]);
        screen.Show(selective);
        Table hops = ExitTables.New("the same by hops: searches to the end, with exits; |searches - needed|");
        foreach (HopsReport one in study.Selectivity[0].Report.Hops)
            hops.AddColumn(ExitTables.Right($"{one.Hops}-hop ({one.Questions})"));
        foreach (SelectivityRow row in study.Selectivity)
            hops.AddRow([
                row.Measure.ToString().ToLowerInvariant(),
                .. row.Report.Hops.Select(one =>
                    $"{ExitTables.Text(one.FullSearches)} → {ExitTables.Text(one.Searches)}; "
                    + $"{ExitTables.Text(one.FullGap)} → {ExitTables.Text(one.Gap)}"
                ),
            ]);
        screen.Show(hops);
        Table confidence = ExitTables.New("confidence of trial answers, all checks; regret to optimal stopping");
        foreach (
            string column in (string[])
                ["ECE", "AURC", "best possible", "AUROC", "EM - price", "regret", "regret to the end"]
        )
            confidence.AddColumn(ExitTables.Right(column));
        foreach (SelectivityRow row in study.Selectivity)
        {
            (ConfidenceReport judged, StoppingReport stopping) = (row.Report.Confidence, row.Report.Stopping);
            confidence.AddRow(
                row.Measure.ToString().ToLowerInvariant(),
                ExitTables.Text(judged.Ece),
                ExitTables.Text(judged.Aurc),
                ExitTables.Text(judged.Aurc - judged.ExcessAurc),
                judged.Auroc is { } auroc ? ExitTables.Text(auroc) : "none",
                ExitTables.Text(stopping.WithExits),
                ExitTables.Text(stopping.Regret),
                ExitTables.Text(stopping.Oracle - stopping.Full)
            );
        }
        screen.Show(confidence);
    }
}
