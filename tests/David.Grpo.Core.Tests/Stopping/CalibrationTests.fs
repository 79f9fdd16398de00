module David.Grpo.Tests.CalibrationTests

open System.Text.Json
open FsCheck.FSharp
open Xunit
open David.Grpo

let private area known =
    match known with
    | Area.Known value -> value
    | Area.Undefined -> nan

let private flags (values: float[]) = values |> Array.map ((=) 1.0)

let private someAnswers =
    gen {
        let! count = Gen.choose (1, 25)
        let! confidences = Gen.choose (0, 20) |> Gen.listOfLength count
        let! correct = Gen.elements [ true; false ] |> Gen.listOfLength count
        return confidences |> List.map (fun k -> float k / 20.0) |> Array.ofList, Array.ofList correct
    }

[<Fact>]
let ``calibration errors, scores and risk coverage are scikit-learn's and numpy's`` () =
    let cases = GoldenCase.all "golden/stats/calibration.json"
    Assert.Equal(7, cases.Length)

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
                "mce", Calibration.maximumError (Binning.RightClosed 10) confidences correct
                "brier", Calibration.brier confidences correct
                "log_loss", Calibration.logLoss confidences correct
                "auroc", area (Calibration.auroc confidences correct)
                "average_precision", area (Calibration.averagePrecision confidences correct)
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

        Assert.Equal(
            theirs |> Array.filter (fun bin -> GoldenCase.number "count" bin > 0.0) |> Array.length,
            bins.Length
        )

        for bin in bins do
            let expected = theirs[bin.Index]
            Assert.Equal(int (GoldenCase.number "count" expected), bin.Count)
            GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "confidence" expected) bin.Confidence
            GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "accuracy" expected) bin.Accuracy

[<Fact>]
let ``temperatures are those of a polished minimiser`` () =
    let cases = GoldenCase.all "golden/stats/temperature_scaling.json"
    Assert.Equal(4, cases.Length)

    for case in cases do
        let rows =
            (case.Inputs.GetProperty "logits").EnumerateArray()
            |> Seq.map (fun row ->
                if row.ValueKind = JsonValueKind.Array then
                    row.EnumerateArray() |> Seq.map _.GetDouble() |> Array.ofSeq
                else
                    [| 0.0; row.GetDouble() |])
            |> Array.ofSeq

        match Calibration.fitTemperature rows (GoldenCase.numbers "labels" case.Inputs |> Array.map int) with
        | TemperatureFit.At(temperature, loss) ->
            GoldenCase.assertClose case.Name 1e-7 (GoldenCase.number "temperature" case.Outputs) temperature
            GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "nll" case.Outputs) loss
        | other -> Assert.Fail $"{case.Name}: {other}"

[<Fact>]
let ``isotonic regressions are scikit-learn's`` () =
    let cases = GoldenCase.all "golden/stats/isotonic.json"
    Assert.Equal(7, cases.Length)

    for case in cases do
        let y = GoldenCase.numbers "y" case.Inputs
        let ones = Array.create y.Length 1.0

        let expect name =
            GoldenCase.assertAllClose $"{case.Name} {name}" 1e-9 (GoldenCase.numbers name case.Outputs)

        expect "increasing" (Calibration.isotonic ones y)
        expect "decreasing" (Calibration.isotonic ones (Array.map (~-) y) |> Array.map (~-))

        if GoldenCase.has "weights" case.Inputs then
            let weights = GoldenCase.numbers "weights" case.Inputs
            expect "increasing_weighted" (Calibration.isotonic weights y)
            expect "bounded" (Calibration.isotonic ones y |> Array.map (fun v -> System.Math.Clamp(v, 0.2, 0.8)))
            let curve = Calibration.fitIsotonic weights (GoldenCase.numbers "x" case.Inputs) y
            expect "predict" (GoldenCase.numbers "probe" case.Inputs |> Array.map (Calibration.predict curve))
            expect "fit_y" (GoldenCase.numbers "fit_x" case.Outputs |> Array.map (Calibration.predict curve))

[<Fact>]
let ``errors and areas stay in range`` () =
    lawFor someAnswers (fun (confidences, correct) ->
        let binnings = [ Binning.RightClosed 7; Binning.LeftClosed 7; Binning.EqualMass 7 ]

        let errorRate =
            1.0 - (correct |> Array.averageBy (fun right -> if right then 1.0 else 0.0))

        binnings
        |> List.forall (fun binning ->
            let expected = Calibration.expectedError binning confidences correct
            let bins = Calibration.bins binning confidences correct

            0.0 <= expected
            && expected <= Calibration.maximumError binning confidences correct + 1e-12
            && (bins |> Array.sumBy (fun (bin: CalibrationBin) -> bin.Count)) = correct.Length)
        && [ TieOrder.Input; TieOrder.Averaged ]
           |> List.forall (fun ties ->
               let area = Calibration.aurc ties confidences correct
               let curve = Calibration.riskCoverage ties confidences correct

               Calibration.optimalAurc correct - 1e-12 <= area
               && area <= 1.0
               && Golden.close 1e-12 errorRate (Array.last curve.Risk)))

[<Fact>]
let ``one bin's error is the gap between mean confidence and accuracy`` () =
    lawFor someAnswers (fun (confidences, correct) ->
        let accuracy = correct |> Array.averageBy (fun right -> if right then 1.0 else 0.0)

        [ Binning.RightClosed 1; Binning.LeftClosed 1; Binning.EqualMass 1 ]
        |> List.forall (fun binning ->
            Calibration.expectedError binning confidences correct
            |> Golden.close 1e-12 (abs (accuracy - Array.average confidences))))

[<Fact>]
let ``a rising map of the confidences moves neither AUROC nor AURC`` () =
    lawFor someAnswers (fun (confidences, correct) ->
        let mapped = confidences |> Array.map (fun c -> 0.25 + 0.5 * c * c)

        let same measure =
            measure confidences correct = measure mapped correct

        same Calibration.auroc
        && same (Calibration.aurc TieOrder.Averaged)
        && same (Calibration.excessAurc TieOrder.Input))

[<Fact>]
let ``a constant confidence orders nothing: AUROC is a half and the averaged AURC the error rate`` () =
    let correct = [| true; false; false; true; true |]
    let constant = Array.create 5 0.7
    Assert.Equal(Area.Known 0.5, Calibration.auroc constant correct)
    GoldenCase.assertClose "aurc" 1e-12 0.4 (Calibration.aurc TieOrder.Averaged constant correct)
    Assert.Equal(Area.Undefined, Calibration.auroc [| 0.5 |] [| true |])
    Assert.Equal(Area.Undefined, Calibration.averagePrecision [| 0.5 |] [| false |])

[<Fact>]
let ``logits divided by the fitted temperature need none`` () =
    let someLogits =
        gen {
            let! count = Gen.choose (6, 20)
            let! logits = Gen.choose (-30, 30) |> Gen.listOfLength (3 * count)
            let! labels = Gen.choose (0, 2) |> Gen.listOfLength count

            return
                logits
                |> List.map (fun k -> float k / 10.0)
                |> List.chunkBySize 3
                |> List.map Array.ofList
                |> Array.ofList,
                Array.ofList labels
        }

    lawFor someLogits (fun (logits, labels) ->
        match Calibration.fitTemperature logits labels with
        | TemperatureFit.At(temperature, loss) when temperature < 1e3 ->
            let divided = logits |> Array.map (Array.map (fun z -> z / temperature))

            match Calibration.fitTemperature divided labels with
            | TemperatureFit.At(again, sameLoss) -> Golden.close 1e-6 1.0 again && Golden.close 1e-9 loss sameLoss
            | _ -> false
        | _ -> true)

[<Fact>]
let ``logits that all but say nothing give no temperature, and no error`` () =
    // In sum they speak neither for the labels nor against them, but for rounding.
    let logits =
        [|
            [| -2.6; 2.2; 0.7 |]
            [| 1.0; 1.9; 2.7 |]
            [| -1.4; 0.0; 1.7 |]
            [| 1.1; -0.1; 0.6 |]
            [| 0.9; -0.9; 2.1 |]
            [| 0.1; 1.6; -0.5 |]
            [| 1.4; 0.0; -2.1 |]
            [| 0.4; 2.6; -1.7 |]
            [| -0.2; 2.0; -0.4 |]
            [| 0.1; -1.7; 0.1 |]
            [| 1.2; -2.7; 1.6 |]
            [| 0.1; -1.5; -0.3 |]
            [| -1.1; 2.6; -1.9 |]
        |]

    Assert.Equal(
        TemperatureFit.Uninformative,
        Calibration.fitTemperature logits [| 0; 2; 0; 1; 1; 1; 0; 1; 1; 0; 0; 1; 2 |]
    )

[<Fact>]
let ``no temperature is best where labels always win, or where logits say the opposite`` () =
    let logits = [| [| 0.0; 1.0 |]; [| 2.0; 1.0 |] |]
    Assert.Equal(TemperatureFit.Separable, Calibration.fitTemperature logits [| 1; 0 |])
    Assert.Equal(TemperatureFit.Uninformative, Calibration.fitTemperature logits [| 0; 1 |])
    GoldenCase.assertAllClose "softmax" 1e-12 [| 0.25; 0.75 |] (Calibration.softmaxAt 2.0 [| 0.0; 2.0 * log 3.0 |])

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains("confidences[0] is 1.5", refusal (fun () -> Calibration.brier [| 1.5 |] [| true |]))

    Assert.Contains(
        "correct has 2 entries; expected 1",
        refusal (fun () -> Calibration.brier [| 0.5 |] [| true; true |])
    )

    Assert.Contains("No confidence", refusal (fun () -> Calibration.logLoss [||] [||]))
    Assert.Contains("bins is 0", refusal (fun () -> Calibration.bins (Binning.EqualMass 0) [| 0.5 |] [| true |]))
    Assert.Contains("labels[0] is 2", refusal (fun () -> Calibration.fitTemperature [| [| 0.0; 1.0 |] |] [| 2 |]))
    Assert.Contains("weights[0] is 0", refusal (fun () -> Calibration.isotonic [| 0.0 |] [| 1.0 |]))
    Assert.Contains("temperature is 0", refusal (fun () -> Calibration.softmaxAt 0.0 [| 1.0 |]))
