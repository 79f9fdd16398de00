using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
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

    private sealed record Request : EvaluationRequest
    {
        public Request() => (Count, World) = (1000, 1);

        [Description("Excess error that is allowed")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        public double Risk { get; init; } = 0.05;

        [Description("Probability with which learn then test may miss it, over calibration questions")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        public double Delta { get; init; } = 0.1;

        [Description(
            "How the risk is held. ltt: learn then test, the risk is held with probability 1 - delta; crc: conformal risk control, it is held "
                + "in the mean"
        )]
        public ExitMethod Method { get; init; } = ExitMethod.Ltt;

        [Description(
            "Of confidence. min, mean or geometric: of the trial answer's token probabilities; entropy; margin; stability: turns that it "
                + "stays the same; gain: what the search that is asked promises, a gate on searches"
        )]
        [Shown("MEASURE")]
        public ExitMeasure Measure { get; init; } = ExitMeasure.Margin;

        [Description("Checks in a row that must be sure")]
        [Range(1, int.MaxValue)]
        public int Patience { get; init; } = 1;

        [Description("Searches before which nothing exits")]
        [Range(0, int.MaxValue)]
        public int Floor { get; init; }

        [Description("Leaves a trial answer's first token out of the confidence, as DEER does")]
        public bool SkipFirst { get; init; }

        [Description("Checks alike for full stability")]
        [Range(1, int.MaxValue)]
        public int StableTurns { get; init; } = 2;

        [Description(
            "By gain, a query as like an earlier one as this (Jaccard index of words) is never searched; 0: no such cut"
        )]
        [Range(0.0, double.PositiveInfinity)]
        public double Redundancy { get; init; } = 1;

        [Description("Tokens of a trial answer at most")]
        [Range(1, int.MaxValue)]
        public int TrialTokens { get; init; } = 20;

        [Description("The file for david eval --exit")]
        [Shown("FILE.json", Alias = "-o")]
        public string Out { get; init; } = "exit.json";

        public ExitSettings Settings =>
            new()
            {
                Measure = Measure,
                SkipFirst = SkipFirst,
                StableTurns = StableTurns,
                Patience = Patience,
                Floor = Floor,
                Redundancy = Redundancy == 0 ? null : Redundancy,
                TrialTokens = TrialTokens,
            };

        public RiskMethod Risks =>
            Method == ExitMethod.Ltt ? RiskMethod.NewLearnThenTest(Risk, Delta) : RiskMethod.NewConformal(Risk);
    }

    public static Command Create()
    {
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
              david calibrate --model runs/demo/david/seed-1 --protocol world \
                --risk 0.05 --out exit.json
              david calibrate --model runs/hotpotqa --config runs/hotpotqa/config.yaml \
                --first 500 --count 1000
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
        ExitSettings settings = request.Settings;
        RecordedRun[] all = recording.Runs;
        bool isGain = settings.Measure == ExitMeasure.Gain;
        int fitted = isGain ? (int)(FittingShare * all.Length) : 0;
        GateWeights? weights = isGain ? ExitRecorder.Fit(all[..fitted]) : null;
        RecordedRun[] runs = all[fitted..];
        if (runs.Length == 0)
            throw new InvalidDataException("No question is left to pick the threshold; give more with --count.");
        ExitCriterion criterion = settings.Criterion(recording.VocabularySize, weights);
        Threshold threshold = ExitCalibration.Pick(request.Risks, criterion, runs);
        ExitedRun[] exited = ExitCalibration.Replay(criterion, threshold, runs);
        ExitReport report = ExitReport.Of(criterion, threshold, runs, exited, ExitTables.DefaultPrice);
        ExitFile file = new()
        {
            Settings = settings,
            Gate = weights is null ? null : GateFit.Of(weights, fitted),
            Threshold = threshold is Threshold.At at ? at.tau : null,
            Method = request.Method,
            Risk = request.Risk,
            Delta = request.Method == ExitMethod.Ltt ? request.Delta : null,
            Questions = runs.Length,
            ExcessRisk = report.Summary.ExcessRisk,
            EarlyExits = report.Summary.EarlyExits,
            Conditions = recording.Conditions,
        };
        file.Write(request.Out);
        screen.Line();
        ExitTables.Show(screen, file, report);
        screen.Line();
        screen.Line(
            $"{request.Out}: picked on these {runs.Length} questions"
                + (fitted > 0 ? $", weights fitted to {fitted} others" : "")
                + $"; what it does to others, see david eval --exit {request.Out}"
        );
        return 0;
    }
}
