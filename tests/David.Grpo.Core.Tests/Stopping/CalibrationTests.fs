module David.Grpo.Tests.CalibrationTests

open System.Text.Json
open FsCheck.FSharp
open Expecto
open David.Grpo

let private someAnswers =
    gen {
        let! count = Gen.choose (1, 25)
        let! confidences = Gen.choose (0, 20) |> Gen.listOfLength count
        let! correct = Gen.elements [ true; false ] |> Gen.listOfLength count
        return confidences |> List.map (fun k -> float k / 20.0) |> Array.ofList, Array.ofList correct
    }

let private flags (values: float[]) = values |> Array.map ((=) 1.0)

let private area known =
    match known with
    | Area.Known value -> value
    | Area.Undefined -> nan

[<Tests>]
let tests =
    testList "CalibrationTests" [
        test "one bin's error is the gap between mean confidence and accuracy" {
            lawFor someAnswers (fun (confidences, correct) ->
                let accuracy = correct |> Array.averageBy (fun right -> if right then 1.0 else 0.0)

                [ Binning.RightClosed 1; Binning.LeftClosed 1; Binning.EqualMass 1 ]
                |> List.forall (fun binning ->
                    Calibration.expectedError binning confidences correct
                    |> Golden.close 1e-12 (abs (accuracy - Array.average confidences))))
        }

        test "a rising map of the confidences moves neither AUROC nor AURC" {
            lawFor someAnswers (fun (confidences, correct) ->
                let mapped = confidences |> Array.map (fun c -> 0.25 + 0.5 * c * c)

                let same measure =
                    measure confidences correct = measure mapped correct

                same Calibration.auroc
                && same (Calibration.aurc TieOrder.Averaged)
                && same (Calibration.excessAurc TieOrder.Input))
        }

        test "calibration errors, areas and risk coverage are scikit-learn's and numpy's" {
            let cases = GoldenCase.all "golden/stats/calibration.json"
            isNotEmpty cases

            for case in cases do
                let confidences = GoldenCase.numbers "confidence" case.Inputs
                let correct = flags (GoldenCase.numbers "correct" case.Inputs)

                let error binning =
                    Calibration.expectedError binning confidences correct

                for name, ours in
                    [
                        "ece", error (Binning.RightClosed 10)
                        "ece_left_closed", error (Binning.LeftClosed 10)
                        "ece_equal_mass", error (Binning.EqualMass 10)
                        "auroc", area (Calibration.auroc confidences correct)
                        "aurc", Calibration.aurc TieOrder.Input confidences correct
                        "aurc_tie_averaged", Calibration.aurc TieOrder.Averaged confidences correct
                        "aurc_optimal", Calibration.optimalAurc correct
                        "eaurc", Calibration.excessAurc TieOrder.Input confidences correct
                    ] do
                    GoldenCase.assertClose $"{case.Name} {name}" 1e-9 (GoldenCase.number name case.Outputs) ours

                let curve = Calibration.riskCoverage TieOrder.Input confidences correct
                GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "risk" case.Outputs) curve.Risk
                GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "coverage" case.Outputs) curve.Coverage

                let theirs = (case.Outputs.GetProperty "bins").EnumerateArray() |> Array.ofSeq
                let bins = Calibration.bins (Binning.RightClosed 10) confidences correct

                bins.Length
                |> equals (theirs |> Array.filter (fun bin -> GoldenCase.number "count" bin > 0.0) |> Array.length)

                for bin in bins do
                    let expected = theirs[bin.Index]
                    bin.Count |> equals (int (GoldenCase.number "count" expected))
                    GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "confidence" expected) bin.Confidence
                    GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "accuracy" expected) bin.Accuracy
        }

        test "errors and areas stay in range" {
            lawFor someAnswers (fun (confidences, correct) ->
                let binnings = [ Binning.RightClosed 7; Binning.LeftClosed 7; Binning.EqualMass 7 ]

                let errorRate =
                    1.0 - (correct |> Array.averageBy (fun right -> if right then 1.0 else 0.0))

                binnings
                |> List.forall (fun binning ->
                    let expected = Calibration.expectedError binning confidences correct
                    let bins = Calibration.bins binning confidences correct

                    0.0 <= expected
                    && expected <= 1.0
                    && (bins |> Array.sumBy (fun (bin: CalibrationBin) -> bin.Count)) = correct.Length)
                && [ TieOrder.Input; TieOrder.Averaged ]
                   |> List.forall (fun ties ->
                       let area = Calibration.aurc ties confidences correct
                       let curve = Calibration.riskCoverage ties confidences correct

                       Calibration.optimalAurc correct - 1e-12 <= area
                       && area <= 1.0
                       && Golden.close 1e-12 errorRate (Array.last curve.Risk)))
        }

        test "a constant confidence orders nothing: AUROC is a half and the averaged AURC the error rate" {
            let correct = [| true; false; false; true; true |]
            let constant = Array.create 5 0.7
            Calibration.auroc constant correct |> equals (Area.Known 0.5)
            GoldenCase.assertClose "aurc" 1e-12 0.4 (Calibration.aurc TieOrder.Averaged constant correct)
            Calibration.auroc [| 0.5 |] [| true |] |> equals Area.Undefined
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> Calibration.auroc [| 1.5 |] [| true |]) |> containsText "confidences[0] is 1.5"

            refusal (fun () -> Calibration.auroc [| 0.5 |] [| true; true |])
            |> containsText "correct has 2 entries; expected 1"

            refusal (fun () -> Calibration.auroc [||] [||]) |> containsText "No confidence"

            refusal (fun () -> Calibration.bins (Binning.EqualMass 0) [| 0.5 |] [| true |])
            |> containsText "bins is 0"
        }
    ]
