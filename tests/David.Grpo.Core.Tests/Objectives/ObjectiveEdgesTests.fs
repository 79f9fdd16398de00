/// Where two sides of a rule meet: numbers that can be worked out in the head.
module David.Grpo.Tests.ObjectiveEdgesTests

open Expecto
open David.Grpo

/// One sequence, a token each of these: advantage, old log-probability.
let private tokens (items: (float * float) list) =
    let items = Array.ofList items
    let zeros = Array.zeroCreate<int> items.Length
    TokenBatch.Create(zeros, [| 0 |], Array.map fst items, Array.map snd items, [||])

[<Tests>]
let tests =
    testList "ObjectiveEdgesTests" [
        test "a region bounds probabilities that move the way of their advantage, each side by its own threshold" {
            let region: DivergenceRegion =
                {
                    Divergence = BinaryDivergence.TotalVariation
                    ThresholdLow = 0.25
                    ThresholdHigh = 0.125
                    Weight =
                        {
                            Level = RatioLevel.Token
                            LogRatio = LogRatioBound.Unbounded
                            Limit = RatioLimit.Unlimited
                        }
                }

            // From 1/2 to these.
            let kept advantage now =
                let batch = tokens [ advantage, log 0.5 ]
                (ReinforceObjective.withinRegion region batch [| log now |])[0]

            [ 0.1; 0.26; 0.4; 0.5; 0.62; 0.64; 0.9 ]
            |> List.map (kept 1.0)
            |> equals [ true; true; true; true; true; false; false ]

            [ 0.1; 0.24; 0.26; 0.4; 0.5; 0.64; 0.9 ]
            |> List.map (kept -1.0)
            |> equals [ false; false; true; true; true; true; true ]

            // No advantage counts as none above 0.
            [ 0.1; 0.26; 0.9 ] |> List.map (kept 0.0) |> equals [ false; true; true ]
        }

        test
            "a divergence's factor is coefficient times weight times ratio, and a weight of 0 drops even an infinite one" {
            let batch =
                TokenBatch.Create([| 0; 0 |], [| 0 |], [| 1.0; 1.0 |], [| -1.0; -1.0 |], [| -2.0; -1000.0 |])

            let loss coefficient weights =
                RatioObjective.biasCorrectedKl
                    RatioLevel.Token
                    LogRatioBound.Unbounded
                    Estimator.K1
                    coefficient
                    weights
                    batch
                    [| -1.0; -1.0 |]

            // k1 is log π − log π_ref: 1 and 999.
            (loss 1.0 [| 1.0; 0.0 |]).Value |> equals 1.0
            (loss 0.5 [| 2.0; 0.0 |]).Value |> equals 1.0
            (loss 0.5 [| 1.0; 0.0 |]).Value |> equals 0.5
            (loss 0.0 [| 1.0; 1.0 |]).Value |> equals 0.0

            let reference =
                TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [| 0.0 |])

            let infinite =
                RatioObjective.biasCorrectedKl
                    RatioLevel.Token
                    LogRatioBound.Unbounded
                    Estimator.K3
                    1.0
                    [| 0.0 |]
                    reference
                    [| -1000.0 |]

            infinite.Value |> equals 0.0
            infinite.Gradient |> equals [| 0.0 |]
        }

        test "an effective share is one of ratios, however large or small the weights" {
            for scale in [ 1e-200; 1.0; 1e200 ] do
                ImportanceWeight.effectiveShare [| scale; scale |] |> equals 1.0
                ImportanceWeight.effectiveShare [| scale; 0.0; 0.0; 0.0 |] |> equals 0.25
                // (1 + 3)² / (2 (1 + 9)).
                ImportanceWeight.effectiveShare [| scale; 3.0 * scale |] |> isNear 1e-12 0.8

            ImportanceWeight.effectiveShare [| 0.0; 0.0 |] |> equals 0.0
            ImportanceWeight.effectiveShare [||] |> equals 0.0
        }

        test "weights that are divided by their mean have the mean 1, unless it is hardly above 0" {
            let batch = tokens [ 1.0, -1.0; 1.0, -1.0 ]
            let normalised = ImportanceWeight.normalised RatioLevel.Token batch
            normalised [| 1.0; 3.0 |] |> equals [| 0.5; 1.5 |]
            normalised [| 0.0; 2e-8 |] |> equals [| 0.0; 2e-8 |]
            normalised [| 0.0; 3e-8 |] |> equals [| 0.0; 2.0 |]
            normalised [| 0.0; 0.0 |] |> equals [| 0.0; 0.0 |]
        }

        test "a batch takes one log-probability of the sampler for each token, neither fewer nor more" {
            let batch = tokens [ 1.0, -1.0; 1.0, -1.0 ]
            (batch.WithSampler [| -0.5; -2.0 |]).SamplerLogProbs |> equals [| -0.5; -2.0 |]

            for others in [ [| -0.5 |]; [| -0.5; -0.5; -0.5 |]; [||] ] do
                GoldenCase.refusal (fun () -> batch.WithSampler others |> ignore)
                |> startsWith $"samplerLogProbs has {others.Length} entries; expected 2"
        }

        test "a limit's ends belong to it" {
            let weights limit =
                ImportanceWeight.weights
                    {
                        Level = RatioLevel.Token
                        LogRatio = LogRatioBound.Unbounded
                        Limit = limit
                    }
                    (tokens [ for _ in 1..5 -> 0.0, -1.0 ])
                    [| log 0.25; log 0.5; 0.0; log 2.0; log 4.0 |]
                    (Array.zeroCreate 5)
                |> Array.map (fun weight -> System.Math.Round(weight, 12))

            let low, high = exp (log 0.5), exp (log 2.0)
            weights RatioLimit.Unlimited |> equals [| 0.25; 0.5; 1.0; 2.0; 4.0 |]
            weights (RatioLimit.Truncate(low, high)) |> equals [| 0.5; 0.5; 1.0; 2.0; 2.0 |]
            weights (RatioLimit.Mask(low, high)) |> equals [| 0.0; 0.5; 1.0; 2.0; 0.0 |]
        }
    ]
