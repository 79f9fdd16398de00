module David.Grpo.Tests.ValueObjectiveTests

open Expecto
open David.Grpo

/// Values, old values and returns from a sample's numbers, off the clip's edges.
let private loss range (sample: TokenBatches.Sample) =
    ValueObjective.clipped
        range
        (Aggregation.weights Aggregation.TokenMean sample.Batch)
        sample.Batch.OldLogProbs
        sample.Batch.Advantages
        sample.LogProbs

[<Tests>]
let tests =
    testList "ValueObjectiveTests" [
        test "slopes are the derivatives of the value" {
            lawFor TokenBatches.sample (fun sample ->
                ObjectiveTests.slopesAgree
                    (fun values -> (loss 0.2 { sample with LogProbs = values }).Value)
                    (loss 0.2 sample).Gradient
                    sample.LogProbs)
        }

        test "without a range it is half the mean square, and a range is never below that" {
            lawFor TokenBatches.sample (fun sample ->
                let squares =
                    Array.map2
                        (fun value target -> 0.5 * (value - target) ** 2.0)
                        sample.LogProbs
                        sample.Batch.Advantages

                Golden.close 1e-12 (Array.average squares) (loss infinity sample).Value
                && (loss 0.2 sample).Value >= (loss infinity sample).Value - 1e-12)
        }

        test "wrong arguments are refused by name" {
            let one = [| 1.0 |]

            let refuses (expected: string) range oldValues values =
                GoldenCase.refusal (fun () -> ValueObjective.clipped range one oldValues one values |> ignore)
                |> containsText expected

            refuses "range is -1" -1.0 one one
            refuses "oldValues has 0 entries; expected 1" 0.2 [||] one
            refuses "values[0] is NaN" 0.2 one [| nan |]
        }

        test "the value loss is verl's" {
            let cases = GoldenCase.all "golden/rl/verl_loss_value.json"
            isNotEmpty cases

            for case in cases do
                let mask = GoldenCase.matrix "mask" case.Inputs

                let flat name record =
                    GoldenCase.matrix name record |> Masked.flatten mask

                let batch = Masked.shape (Array.create mask.Length 0) mask

                let ours =
                    ValueObjective.clipped
                        (GoldenCase.number "cliprange_value" case.Inputs)
                        (Aggregation.weights Aggregation.TokenMean batch)
                        (flat "values" case.Inputs)
                        (flat "returns" case.Inputs)
                        (flat "vpreds" case.Inputs)

                GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "value" case.Outputs) ours.Value
                GoldenCase.assertAllClose case.Name 1e-9 (flat "grad_vpreds" case.Outputs) ours.Gradient
        }
    ]
