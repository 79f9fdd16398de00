module David.Grpo.Tests.TokenMaskTests

open Expecto
open David.Grpo

let private rule level estimator lowest highest =
    {
        Level = level
        Estimator = estimator
        Lowest = lowest
        Highest = highest
    }

/// [N] whether a golden matrix, by token or one column by row, is above 0.
let private keeps (mask: float[][]) (matrix: float[][]) =
    let byToken =
        if matrix[0].Length = mask[0].Length then
            Masked.flatten mask matrix
        else
            Masked.rows mask |> Array.map (fun row -> matrix[row][0])

    byToken |> Array.map (fun keep -> keep > 0.0)

[<Tests>]
let tests =
    testList "TokenMaskTests" [
        test "the share of high entropies is kept, all of it at one" {
            TokenMask.highEntropy 0.5 [| 1.0; 3.0; 2.0; 4.0 |] |> equals [| false; true; false; true |]
            TokenMask.highEntropy 1.0 [| 1.0; 3.0 |] |> equals [| true; true |]
            TokenMask.highEntropy 0.0 [| 1.0; 3.0 |] |> equals [| false; true |]
            TokenMask.highEntropy 0.2 [| 3.0; 3.0 |] |> equals [| true; true |]
            isEmpty (TokenMask.highEntropy 0.2 [||])
        }

        test "off-policy sequences lose their tokens of negative advantage alone" {
            let batch =
                TokenBatch.Create([| 0; 0; 1 |], [| 0; 0 |], [| -1.0; 1.0; -1.0 |], [| -1.0; -1.0; -1.0 |], [||])

            let mask threshold =
                TokenMask.offPolicy threshold batch batch.OldLogProbs [| -2.0; -1.0; -1.0 |]

            mask 0.1 |> equals [| false; true; true |]
            mask 0.5 |> equals [| true; true; true |]
            mask infinity |> equals [| true; true; true |]
        }

        test "rules without bounds accept all, and more rules accept less" {
            let levels =
                [|
                    RejectionLevel.Token
                    RejectionLevel.SequenceSum
                    RejectionLevel.SequenceMean
                    RejectionLevel.SequenceMaximum
                |]

            lawFor TokenBatches.sample (fun sample ->
                let accepted rules =
                    TokenMask.accepted
                        rules
                        LogRatioBound.Unbounded
                        sample.Batch
                        sample.LogProbs
                        sample.Batch.OldLogProbs

                let strict = levels |> Array.map (fun level -> rule level Estimator.K3 0.0 0.3)

                Array.forall id (accepted [||])
                && Array.forall
                    id
                    (accepted (levels |> Array.map (fun level -> rule level Estimator.K1 -infinity infinity)))
                && accepted strict =
                    (strict |> Array.map (Array.singleton >> accepted) |> Array.reduce (Array.map2 (&&))))
        }

        test "a sequence is judged by its sum, its mean or its largest token" {
            let batch =
                TokenBatch.Create([| 0; 0; 2 |], [| 0; 0; 0 |], [| 1.0; 1.0; 1.0 |], [| -1.0; -1.0; -1.0 |], [||])

            // k1 of the sampler from the learner: 1, -0.6, 0.3.
            let accepted level =
                TokenMask.accepted [| rule level Estimator.K1 -0.5 0.35 |] LogRatioBound.Unbounded batch [|
                    -2.0
                    -0.4
                    -1.3
                |] [| -1.0; -1.0; -1.0 |]

            accepted RejectionLevel.Token |> equals [| false; false; true |]
            accepted RejectionLevel.SequenceSum |> equals [| false; false; true |]
            accepted RejectionLevel.SequenceMean |> equals [| true; true; true |]
            accepted RejectionLevel.SequenceMaximum |> equals [| false; false; true |]
        }

        test "wrong settings are refused by name" {
            let batch = TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])
            let one = [| -1.0 |]

            let refuses (expected: string) action =
                GoldenCase.refusal action |> containsText expected

            refuses "share is 1.5" (fun () -> TokenMask.highEntropy 1.5 one |> ignore)
            refuses "threshold is NaN" (fun () -> TokenMask.offPolicy nan batch one one |> ignore)

            refuses "Lowest is 1; expected at most Highest, 0" (fun () ->
                TokenMask.accepted
                    [| rule RejectionLevel.Token Estimator.K1 1.0 0.0 |]
                    LogRatioBound.Unbounded
                    batch
                    one
                    one
                |> ignore)
        }

        test "the high-entropy mask is TRL's" {
            let cases = GoldenCase.all "golden/rl/trl_high_entropy_mask.json"
            isNotEmpty cases

            for case in cases do
                let mask = GoldenCase.matrix "mask" case.Inputs

                // TRL's argument is the quantile, one less the share that is kept.
                let ours =
                    GoldenCase.matrix "entropies" case.Inputs
                    |> Masked.flatten mask
                    |> TokenMask.highEntropy (1.0 - GoldenCase.number "threshold" case.Inputs)

                Expect.isTrue (keeps mask (GoldenCase.matrix "mask" case.Outputs) = ours) case.Name
        }

        test "the off-policy mask is TRL's" {
            let cases = GoldenCase.all "golden/rl/trl_off_policy_mask.json"
            isNotEmpty cases

            for tokens in cases |> Array.map GoldenTokens.read do
                let ours =
                    TokenMask.offPolicy
                        (GoldenCase.number "threshold" tokens.Case.Inputs)
                        tokens.Batch
                        (GoldenTokens.flat "sampling_log_prob" tokens.Case.Inputs tokens)
                        tokens.LogProbs

                Expect.isTrue (keeps tokens.Mask (GoldenCase.matrix "keep" tokens.Case.Outputs) = ours) tokens.Case.Name
        }
    ]
