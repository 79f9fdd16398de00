using System.CommandLine;
using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tensors;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david calibrate</c>: picks the threshold at which a policy may answer early.</summary>
public static class CalibrateCommand
{
    /// <summary>Of the questions, those that a gate's weights are fitted to.</summary>
    public const double FittingShare = 1.0 / 3;

    private sealed record Choice(ExitSettings Settings, ExitMethod Method, double Risk, double Delta, string File)
    {
        public RiskMethod Risks =>
            Method == ExitMethod.Ltt ? RiskMethod.NewLearnThenTest(Risk, Delta) : RiskMethod.NewConformal(Risk);
    }

    public static Command Create()
    {
        EvaluationOptions evaluation = new(
            EvalProtocol.Text,
            count: 1000,
            world: 1,
            "The first evaluation world of the calibration, with --protocol world; 250 questions each"
        );
        Option<double?> risk = Share("--risk", "Excess error that is allowed [default: 0.05]");
        Option<double?> delta = Share(
            "--delta",
            "Probability with which learn then test may miss it, over calibration questions [default: 0.1]"
        );
        Option<ExitMethod> method = new("--method")
        {
            Description =
                "ltt: learn then test, the risk is held with probability 1 - delta; crc: conformal risk control, it is held "
                + "in the mean",
            DefaultValueFactory = _ => ExitMethod.Ltt,
        };
        Option<ExitMeasure> measure = new("--measure")
        {
            Description =
                "min, mean or geometric: of the trial answer's token probabilities; entropy; margin; stability: turns that it "
                + "stays the same; gain: what the search that is asked promises, a gate on searches",
            DefaultValueFactory = _ => ExitMeasure.Margin,
        };
        Option<int> patience = EvaluationOptions.Whole("--patience", "Checks in a row that must be sure", 1, 1);
        Option<int> floor = EvaluationOptions.Whole("--floor", "Searches before which nothing exits", 0, 0);
        Option<bool> skipFirst = new("--skip-first")
        {
            Description = "Leaves a trial answer's first token out of the confidence, as DEER does",
        };
        Option<int> turns = EvaluationOptions.Whole("--stable-turns", "Checks alike for full stability", 2, 1);
        Option<double?> redundancy = EvaluationOptions.Number(
            "--redundancy",
            "By gain, a query as like an earlier one as this (Jaccard index of words) is never searched; 0: no such cut "
                + "[default: 1]",
            "a number of at least 0",
            value => value >= 0
        );
        Option<int> trialTokens = EvaluationOptions.Whole("--trial-tokens", "Tokens of a trial answer at most", 20, 1);
        Option<string> outFile = new("--out", "-o")
        {
            Description = "The file for david eval --exit",
            HelpName = "FILE.json",
            DefaultValueFactory = _ => "exit.json",
        };
        Command command = new(
            "calibrate",
            """
            Picks the threshold at which a policy that searches may answer early, so that few questions are lost by it.

            Answers calibration questions to the end, with a trial answer before the first turn and after each search. The
            excess error of a threshold is the share of questions that are answered right at the end and wrong at the exit.
            The least cautious threshold of a fixed grid is picked whose excess error is held to --risk; where none can be
            vouched for (too few questions), nothing will exit. It holds for this policy, at these settings, on questions
            from the same source, none of which was used here: in the world, take other worlds than david eval does.

            A gain is estimated from the entropy of the trial answer, the searches made and the likeness of the query to
            earlier ones, with weights fitted to the first third of the questions; the others pick the price.

            Examples:
              david calibrate --model runs/demo/david/seed-1 --protocol world --risk 0.05 --out exit.json
              david calibrate --model runs/hotpotqa --config runs/hotpotqa/config.yaml --first 500 --count 1000
            """
        );
        evaluation.AddTo(command);
        foreach (
            Option option in (Option[])
                [risk, delta, method, measure, patience, floor, skipFirst, turns, redundancy, trialTokens, outFile]
        )
            command.Options.Add(option);
        command.SetAction(
            (result, cancellationToken) =>
                Failure.GuardAsync(
                    result.InvocationConfiguration.Error,
                    () =>
                        RunAsync(
                            evaluation.Read(result),
                            new Choice(
                                new ExitSettings
                                {
                                    Measure = result.GetValue(measure),
                                    SkipFirst = result.GetValue(skipFirst),
                                    StableTurns = result.GetValue(turns),
                                    Patience = result.GetValue(patience),
                                    Floor = result.GetValue(floor),
                                    Redundancy = result.GetValue(redundancy) switch
                                    {
                                        null => 1,
                                        0 => null,
                                        { } cut => cut,
                                    },
                                    TrialTokens = result.GetValue(trialTokens),
                                },
                                result.GetValue(method),
                                result.GetValue(risk) ?? 0.05,
                                result.GetValue(delta) ?? 0.1,
                                result.GetValue(outFile)!
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
        Choice choice,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        Recording recording = await ExitRecorder
            .RecordAsync(request, choice.Settings.TrialTokens, screen, cancellationToken)
            .ConfigureAwait(false);
        RecordedRun[] all = recording.Runs;
        bool isGain = choice.Settings.Measure == ExitMeasure.Gain;
        int fitted = isGain ? (int)(FittingShare * all.Length) : 0;
        GateWeights? weights = isGain ? ExitRecorder.Fit(all[..fitted]) : null;
        RecordedRun[] runs = all[fitted..];
        if (runs.Length == 0)
            throw new InvalidDataException("No question is left to pick the threshold; give more with --count.");
        ExitCriterion criterion = choice.Settings.Criterion(recording.VocabularySize, weights);
        Threshold threshold = ExitCalibration.Pick(choice.Risks, criterion, runs);
        ExitedRun[] exited = ExitCalibration.Replay(criterion, threshold, runs);
        ExitReport report = ExitReport.Of(criterion, threshold, runs, exited, ExitTables.DefaultPrice);
        ExitFile file = new()
        {
            Settings = choice.Settings,
            Gate = weights is null ? null : GateFit.Of(weights, fitted),
            Threshold = threshold is Threshold.At at ? at.tau : null,
            Method = choice.Method,
            Risk = choice.Risk,
            Delta = choice.Method == ExitMethod.Ltt ? choice.Delta : null,
            Questions = runs.Length,
            ExcessRisk = report.Summary.ExcessRisk,
            EarlyExits = report.Summary.EarlyExits,
            Conditions = recording.Conditions,
        };
        file.Write(choice.File);
        screen.Line();
        ExitTables.Show(screen, file, report);
        screen.Line();
        screen.Line(
            $"{choice.File}: picked on these {runs.Length} questions"
                + (fitted > 0 ? $", weights fitted to {fitted} others" : "")
                + $"; what it does to others, see david eval --exit {choice.File}"
        );
        return 0;
    }

    private static Option<double?> Share(string name, string description) =>
        EvaluationOptions.Number(name, description, "above 0 and below 1", value => value is > 0 and < 1);
}
