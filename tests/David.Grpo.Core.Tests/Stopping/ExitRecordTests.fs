module David.Grpo.Tests.ExitRecordTests

open Expecto
open David.Grpo
open David.Grpo.Tests.ExitCalibrationTests

[<Tests>]
let tests =
    testList "ExitRecordTests" [
        test "what is picked, replayed and summarised of the runs of a seed is what was recorded" {
            let runs = world 120 11L
            let number (value: float) = $"%.6f{value}"

            let told (summary: ExitSummary) =
                [
                    float summary.Questions
                    summary.EarlyExits
                    summary.Score
                    summary.FullScore
                    summary.ExcessRisk
                    summary.Searches
                    summary.SearchesSaved
                    summary.GeneratedTokens
                    summary.GeneratedTokensSaved
                    summary.ObservedTokens
                    summary.ObservedTokensSaved
                ]
                |> List.map number
                |> String.concat " "

            let thresholdOf threshold =
                match threshold with
                | Threshold.At(index, tau) -> $"{index} {number tau}"
                | Threshold.NoneSafe -> "none"

            let fitted = ExitCalibration.fitGate runs

            [
                $"%.6f{fitted.Bias} %.6f{fitted.AnswerEntropy} %.6f{fitted.HopsLeft} %.6f{fitted.Redundancy}"
                $"{ExitCalibration.judgedSteps runs |> Selectivity.overSearch} {ExitCalibration.judgedSteps runs |> Selectivity.underSearch}"

                for criterion in
                    [
                        confidence
                        ExitCriterion.Confidence(
                            ConfidenceMeasure.Tokens(TokenMeasure.Margin, FirstToken.Counted),
                            2,
                            1
                        )
                        ExitCriterion.Confidence(ConfidenceMeasure.Stability 2, 1, 1)
                        gain
                        ExitCriterion.Gain(fitted, 0.5)
                    ] do
                    ExitCalibration.grid criterion |> Array.map number |> String.concat " "

                    for run in Array.truncate 5 runs do
                        $"%A{ExitCalibration.checks criterion run}"

                    for tau in [ 0.3; 0.8; -0.2 ] do
                        let exited = ExitCalibration.replay criterion (at tau) runs
                        ExitCalibration.summarize runs exited |> told

                        for own in Array.truncate 20 exited do
                            $"{own.Run.Score} {own.Run.Coverage} {own.Run.Checks.Length} {own.IsEarly} {own.Thrown}"

                    for method in [ RiskMethod.LearnThenTest(0.15, 0.1); RiskMethod.Conformal 0.15 ] do
                        let picked = ExitCalibration.pick method criterion runs
                        thresholdOf picked
                        ExitCalibration.replay criterion picked runs |> ExitCalibration.summarize runs |> told

                        for resampled in ExitCalibration.resample method criterion 0.5 3 (Seed.ofInt64 2L) runs do
                            $"{thresholdOf resampled.Threshold} {told resampled.Test}"
            ]
            |> areRecorded "c37389f77e568efa"
        }
    ]
