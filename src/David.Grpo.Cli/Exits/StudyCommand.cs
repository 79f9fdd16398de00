using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tensors;
using Spectre.Console;

namespace David.Grpo.Cli;

using static David.Grpo.Cli.ExitTables;
using Command = System.CommandLine.Command;

/// <summary><c>david study</c>: whether a promise is kept, measured.</summary>
public static class StudyCommand
{
    private sealed record Request : EvaluationRequest
    {
        public Request() => (Protocol, Count, World) = (EvalProtocol.World, 2000, 1);

        [Description("Excess errors that are allowed, each a part of the table")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        [Shown(Name = "risk", IsGreedy = true)]
        public double[] Risks { get; init; } = [0.05, 0.1];

        [Description("Probability with which learn then test may miss the risk")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        public double Delta { get; init; } = 0.1;

        [Description("Random splits into halves")]
        [Range(1, int.MaxValue)]
        public int Resamplings { get; init; } = 200;

        [Description("Tokens of a trial answer at most")]
        [Range(1, int.MaxValue)]
        public int TrialTokens { get; init; } = 20;

        [Description("Writes all that is measured")]
        [Shown("FILE.json", Alias = "-o")]
        public string? Out { get; init; }
    }

    public static Command Create() =>
        new Command("study", "Studies of what the library promises, each a table and a JSON file") { Exits() };

    private static Command Exits()
    {
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
              david study exits --model runs/demo/david/seed-1 --risk 0.05 0.10
            """
        );
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
                RunAsync(
                    EvaluationRequest.Read(options, result),
                    new Screen(result.InvocationConfiguration.Output),
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(Request request, Screen screen, CancellationToken cancellationToken)
    {
        Recording recording = await ExitRecorder
            .RecordAsync(request, request.TrialTokens, screen, cancellationToken)
            .ConfigureAwait(false);
        RecordedRun[] runs = recording.Runs;
        if (runs.Length < 8)
            throw new InvalidDataException($"{runs.Length} questions cannot be split; give more with --count.");
        ExitStudy study = ExitStudy.Of(
            runs,
            recording.VocabularySize,
            request.Risks,
            request.Delta,
            request.Resamplings,
            Seed.Named("study", Seed.OfInt64(request.Sampling.Seed)),
            what => screen.Line($"            {what}")
        );
        if (request.Out is { } file)
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
            $"{study.Questions} questions to the end: exact match {Text(study.ExactMatch)}, "
                + $"{Text(study.Searches)} searches, {Text(study.GeneratedTokens)} generated and "
                + $"{Text(study.ObservedTokens)} observed tokens a question"
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
                    ? $"to be held in at least {Text(1 - study.Delta)} of the splits"
                    : "to be held in the mean";
            screen.Show(
                WordTable.Of(
                    $"{ExitTables.Name(part.Key.Method)}: excess error {Text(part.Key.Risk)}, {promise}; "
                        + $"{study.Resamplings} splits, middle 95 % of them in brackets",
                    [
                        "",
                        "excess error",
                        "held",
                        "EM difference",
                        "exited early",
                        "searches saved",
                        "generated saved",
                        "observed saved",
                    ],
                    part.Select(row =>
                        (string[])
                            [
                                ExitTables.Name(row.Measure),
                                Text(row.ExcessRisk),
                                Text(row.Held),
                                Text(row.ScoreDifference.Mean),
                                Text(row.EarlyExits),
                                Text(row.SearchesSaved),
                                Text(row.GeneratedTokensSaved),
                                Text(row.ObservedTokensSaved),
                            ]
                    )
                )
            );
        }
        void Selective(string caption, string[] heads, Func<SelectivityRow, IEnumerable<string>> cells) =>
            screen.Show(
                WordTable.Of(
                    caption,
                    ["", .. heads],
                    study.Selectivity.Select(row => (string[])[ExitTables.Name(row.Measure), .. cells(row)])
                )
            );
        ExitReport first = study.Selectivity[0].Report;
        Selective(
            $"needless searches and evidence missing, at excess error {Text(study.Selectivity[0].Risk)} by ltt, one half",
            [
                "needless before",
                "after",
                "wrong, evidence missing",
                "after",
                "searches saved, 95 %",
                "EM difference, 95 %",
            ],
            row =>
                [
                    Text(row.Report.FullOverSearch),
                    Text(row.Report.OverSearch),
                    Text(row.Report.FullUnderSearch),
                    Text(row.Report.UnderSearch),
                    Text(row.Report.SearchesSaved),
                    Text(row.Report.ScoreDifference),
                ]
        );
        Selective(
            "the same by hops: searches to the end, with exits; |searches - needed|",
            [.. first.Hops.Select(one => $"{one.Hops}-hop ({one.Questions})")],
            row =>
                row.Report.Hops.Select(one =>
                    $"{Text(one.FullSearches)} → {Text(one.Searches)}; {Text(one.FullGap)} → {Text(one.Gap)}"
                )
        );
        Selective(
            "confidence of trial answers, all checks; regret to optimal stopping",
            ["ECE", "AURC", "best possible", "AUROC", "EM - price", "regret", "regret to the end"],
            row =>
            {
                (ConfidenceReport judged, StoppingReport stopping) = (row.Report.Confidence, row.Report.Stopping);
                return
                [
                    Text(judged.Ece),
                    Text(judged.Aurc),
                    Text(judged.Aurc - judged.ExcessAurc),
                    judged.Auroc is { } auroc ? Text(auroc) : "none",
                    Text(stopping.WithExits),
                    Text(stopping.Regret),
                    Text(stopping.Oracle - stopping.Full),
                ];
            }
        );
    }
}
