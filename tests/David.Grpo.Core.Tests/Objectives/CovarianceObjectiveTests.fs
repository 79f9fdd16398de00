module David.Grpo.Tests.CovarianceObjectiveTests

open Expecto
open David.Grpo

let private clip = Clip.Symmetric 0.2

let private free =
    { Clip.Symmetric infinity with
        LogRatio = LogRatioBound.Unbounded
    }

// Thresholds that no covariance of the generated grids stands upon.
let private covarianceClip share =
    {
        Clip = clip
        Share = share
        Above = 0.1234567
        Below = 5.1234567
    }

let private drawn = CandidateOrder.Drawn(Seed.ofInt64 5L)

let private apply loss (sample: TokenBatches.Sample) : Loss =
    loss (Aggregation.weights Aggregation.TokenMean sample.Batch) sample.Batch sample.LogProbs

/// Two losses agree to rounding.
let private same (left: Loss) (right: Loss) =
    Golden.close 1e-11 left.Value right.Value
    && Array.forall2 (Golden.close 1e-11) left.Gradient right.Gradient

[<Tests>]
let tests =
    testList "CovarianceObjectiveTests" [
        test "KL-Cov of no tokens is the unclipped surrogate, of all its sum with the drift" {
            lawFor TokenBatches.sample (fun sample ->
                let plain = apply (Objective.clippedSurrogate free) sample

                let klCov share coefficient =
                    CovarianceObjective.klCov
                        {
                            Share = share
                            Coefficient = coefficient
                        }

                let all = klCov 1.0 0.7

                same plain (apply (klCov 0.0 0.7) sample)
                && same plain (apply (klCov 0.5 0.0) sample)
                && ObjectiveTests.slopesAgree
                    (fun logProbs -> (apply all { sample with LogProbs = logProbs }).Value)
                    (apply all sample).Gradient
                    sample.LogProbs)
        }

        test "KL-Cov holds the tokens of the largest covariance" {
            let batch =
                TokenBatch.Create(
                    [| 0; 0; 1; 1 |],
                    [| 0; 0 |],
                    [| 1.0; 1.0; -1.0; -1.0 |],
                    Array.replicate 4 -2.0,
                    [||]
                )

            // Covariances 1.5, -0.5, 1, 0 and, for the last, 0.
            let logProbs = [| -1.0; -3.0; -3.5; -2.5 |]

            GoldenCase.assertAllClose
                "covariances"
                1e-15
                [| 1.5; -0.5; 1.0; 0.0 |]
                (CovarianceObjective.covariances batch logProbs)

            let penalised share =
                let ours =
                    CovarianceObjective.klCov
                        { Share = share; Coefficient = 1.0 }
                        (Array.replicate 4 1.0)
                        batch
                        logProbs

                let plain = Objective.clippedSurrogate free (Array.replicate 4 1.0) batch logProbs
                Array.map2 (-) ours.Gradient plain.Gradient |> Array.map (fun slope -> round slope)

            penalised 2e-4 |> equals [| 1.0; 0.0; 0.0; 0.0 |]
            penalised 0.5 |> equals [| 1.0; 0.0; -1.0; 0.0 |]
            penalised 0.75 |> equals [| 1.0; 0.0; -1.0; -1.0 |]
        }

        test "Clip-Cov of no tokens or no candidates is the clipped surrogate" {
            lawFor TokenBatches.sample (fun sample ->
                let plain = apply (Objective.clippedSurrogate clip) sample

                plain = apply (CovarianceObjective.clipCov (covarianceClip 0.0) drawn) sample
                && plain =
                    apply
                        (CovarianceObjective.clipCov
                            { covarianceClip 0.5 with
                                Above = infinity
                            }
                            drawn)
                        sample)
        }

        test "Clip-Cov drops the first candidates of its order, as many as the share asks for" {
            lawFor TokenBatches.sample (fun sample ->
                [ 2e-4; 0.3; 1.0 ]
                |> List.forall (fun share ->
                    let settings = covarianceClip share

                    let candidates =
                        CovarianceObjective.candidates settings sample.Batch sample.LogProbs

                    let plain = apply (Objective.clippedSurrogate clip) sample

                    let under order =
                        apply (CovarianceObjective.clipCov settings order) sample

                    let last = CandidateOrder.Given(Array.rev [| 0 .. candidates.Length - 1 |])
                    let wanted = max 1 (int (share * float sample.Batch.Tokens))
                    let dropped = Array.truncate wanted (Array.rev candidates)

                    (under last).Gradient =
                        (plain.Gradient |> Array.mapi (fun t slope -> if Array.contains t dropped then 0.0 else slope))
                    && under drawn = under drawn
                    && under drawn =
                        under (CandidateOrder.Given(Seed.permutation candidates.Length (Seed.ofInt64 5L)))))
        }

        test "on policy KL-Cov has the policy gradient's slopes" {
            lawFor TokenBatches.sample (fun sample ->
                let onPolicy =
                    { sample with
                        LogProbs = sample.Batch.OldLogProbs
                    }

                Array.forall2
                    (Golden.close 1e-14)
                    (apply ReinforceObjective.policyGradient onPolicy).Gradient
                    (apply (CovarianceObjective.klCov { Share = 0.5; Coefficient = 1.0 }) onPolicy).Gradient)
        }

        test "batches without tokens have losses of zero" {
            let batch = TokenBatch.Create([||], [| 0 |], [||], [||], [||])
            let zero = { Value = 0.0; Gradient = [||] }
            CovarianceObjective.clipCov (covarianceClip 0.5) drawn [||] batch [||] |> equals zero
            CovarianceObjective.klCov { Share = 0.5; Coefficient = 1.0 } [||] batch [||] |> equals zero
        }

        test "wrong settings are refused by name" {
            let batch = TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])

            let refuses (expected: string) (loss: float[] -> TokenBatch -> float[] -> Loss) =
                GoldenCase.refusal (fun () -> loss [| 1.0 |] batch [| -1.0 |] |> ignore) |> containsText expected

            refuses "Share is 2" (CovarianceObjective.klCov { Share = 2.0; Coefficient = 1.0 })
            refuses "Coefficient is -1" (CovarianceObjective.klCov { Share = 0.5; Coefficient = -1.0 })

            refuses
                "expected a permutation of 0 to -1"
                (CovarianceObjective.clipCov (covarianceClip 0.5) (CandidateOrder.Given [| 0 |]))
        }
    ]
