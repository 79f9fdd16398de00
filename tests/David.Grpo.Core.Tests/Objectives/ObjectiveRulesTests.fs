/// What holds of every objective that a user can name, and what each of them reports.
module David.Grpo.Tests.ObjectiveRulesTests

open Expecto
open David.Grpo

let private clip = Clip.Symmetric 0.2

let private named name =
    ObjectiveRules.create name clip Aggregation.SequenceMeanTokenMean

let private scoped scopes =
    ObjectiveRules.names
    |> Array.map named
    |> Array.filter (fun rule -> List.contains rule.Scope scopes)

let private contextOf (rule: ObjectiveRule) (sample: TokenBatches.Sample) =
    TokenBatches.context (Aggregation.weights rule.Aggregation sample.Batch) sample

/// The context of one token a sequence, with the given log-ratios and advantages.
let private tokens (logRatios: float[]) (advantages: float[]) : TokenBatches.Sample =
    let indices = [| 0 .. logRatios.Length - 1 |]

    {
        Batch =
            TokenBatch.Create(
                indices,
                indices,
                advantages,
                logRatios |> Array.map (fun logRatio -> -1.0 - logRatio),
                [||]
            )
        LogProbs = Array.replicate logRatios.Length -1.0
        Entropies = Array.zeroCreate logRatios.Length
    }

let private diagnose name sample =
    let rule = named name
    rule.Diagnose(contextOf rule sample)

/// Shares of tokens at the lower bound, at the upper and at the dual clip.
let private shares name sample =
    let ours = diagnose name sample
    ours.ClipFractionLow, ours.ClipFractionHigh, ours.DualClipFraction

[<Tests>]
let tests =
    testList "ObjectiveRulesTests" [
        test "what a name makes of a batch far from its old policy" {
            let logRatios = [| 0.01; 0.25; -0.3; 1.5; -1.5; 0.0003; 2.5 |]
            let logProbs = [| -0.9; -0.5; -1.2; -0.1; -2.0; -1.0; -0.2 |]

            let sample: TokenBatches.Sample =
                {
                    Batch =
                        TokenBatch
                            .Create(
                                [| 0; 0; 1; 1; 2; 2; 2 |],
                                [| 0; 0; 1 |],
                                [| 1.0; 1.0; -0.5; -0.5; 2.0; -1.5; -1.5 |],
                                Array.map2 (-) logProbs logRatios,
                                [||]
                            )
                            .WithSampler(logProbs |> Array.mapi (fun i own -> own - 0.1 * float (i - 2)))
                    LogProbs = logProbs
                    Entropies = Array.init 7 (fun i -> 0.125 * float i)
                }

            let numbers (items: float seq) =
                items |> Seq.map (fun item -> $"%.3f{item}") |> String.concat " "

            [
                for rule in ObjectiveRules.names |> Array.map named do
                    let loss, seen =
                        rule.Loss(contextOf rule sample), rule.Diagnose(contextOf rule sample)

                    let shares =
                        numbers [ seen.ClipFractionLow; seen.ClipFractionHigh; seen.DualClipFraction ]

                    let means = numbers [ seen.MeanRatio; seen.ApproximateKl; seen.MeanEntropy ]

                    $"{rule.Name} %A{rule.Aggregation} %A{rule.Scope} {rule.CorrectsSampler}: {numbers [ loss.Value ]} | {numbers loss.Gradient} | {shares} | {means}"
            ]
            |> equals [
                "clipped_surrogate SequenceMeanTokenMean Advantaged False: 2.219 | -0.168 0.000 0.000 0.373 -0.050 0.167 2.030 | 0.143 0.143 0.000 | 2.989 -0.351 0.375"
                "dapo TokenMean Advantaged False: 2.811 | -0.144 0.000 0.000 0.320 -0.064 0.214 2.611 | 0.143 0.143 0.000 | 2.989 -0.351 0.375"
                "dual_clip SequenceMeanTokenMean Advantaged False: 0.565 | -0.168 0.000 0.000 0.000 -0.050 0.167 0.000 | 0.143 0.143 0.286 | 2.989 -0.351 0.375"
                "gspo SequenceMeanTokenMean Advantaged False: 0.213 | 0.000 0.000 0.152 0.152 0.155 0.155 0.155 | 0.000 0.429 0.000 | 1.444 -0.351 0.375"
                "cispo TokenMean Advantaged False: 0.330 | -0.144 -0.171 0.057 0.086 -0.229 0.214 0.257 | 0.286 0.429 0.000 | 2.989 -0.351 0.375"
                "gmpo SequenceMeanTokenMean Advantaged False: 0.079 | -0.190 -0.190 0.152 0.152 0.052 0.052 0.052 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
                "sapo SequenceMeanTokenMean Advantaged False: 0.404 | -0.168 -0.210 0.061 0.037 -0.043 0.167 0.000 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
                "reinforce SequenceMeanTokenMean Advantaged False: 0.369 | -0.167 -0.167 0.083 0.083 -0.222 0.167 0.167 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
                "dppo SequenceMeanTokenMean Advantaged True: 0.357 | -0.136 -0.151 0.083 0.092 -0.271 0.225 0.249 | 0.000 0.000 0.000 | 1.127 -0.100 0.375"
                "vespo TokenMean Advantaged True: -0.026 | -0.171 -0.171 0.078 0.078 -0.022 0.172 0.172 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
                "dro SequenceMeanTokenMean Sequences False: 0.403 | -0.167 -0.165 0.081 0.096 -0.231 0.167 0.181 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
                "clip_cov SequenceMeanTokenMean Update False: 2.219 | -0.168 0.000 0.000 0.373 -0.050 0.167 2.030 | 0.143 0.143 0.000 | 2.989 -0.351 0.375"
                "kl_cov SequenceMeanTokenMean Update False: 2.242 | -0.168 -0.047 0.062 0.373 -0.050 0.167 2.030 | 0.000 0.000 0.000 | 2.989 -0.351 0.375"
            ]
        }

        test "parts of whole sequences add up to the update, loss, slopes and diagnostics" {
            for rule in scoped [ ObjectiveScope.Advantaged; ObjectiveScope.Sequences ] do
                lawFor TokenBatches.sample (fun sample ->
                    let whole = contextOf rule sample

                    let odd, even =
                        [| 0 .. sample.Batch.Sequences - 1 |] |> Array.partition (fun s -> s % 2 = 1)

                    let places = [| odd; even |] |> Array.map sample.Batch.TokensOf

                    let parts =
                        places
                        |> Array.map (fun places ->
                            TokenBatches.pick places sample
                            |> TokenBatches.context (places |> Array.map (fun place -> whole.Weights[place])))

                    let losses = parts |> Array.map rule.Loss

                    let all, pooled =
                        rule.Diagnose whole, Objective.pool (parts |> Array.map rule.Diagnose)

                    let gradient = Array.zeroCreate sample.Batch.Tokens

                    for places, loss in Array.zip places losses do
                        Array.iter2 (fun place slope -> gradient[place] <- slope) places loss.Gradient

                    Golden.close 1e-11 (rule.Loss whole).Value (losses |> Array.sumBy _.Value)
                    && Array.forall2 (Golden.close 1e-11) (rule.Loss whole).Gradient gradient
                    && all.Tokens = pooled.Tokens
                    && Golden.close 1e-12 all.ClipFractionLow pooled.ClipFractionLow
                    && Golden.close 1e-12 all.ClipFractionHigh pooled.ClipFractionHigh
                    && Golden.close 1e-12 all.DualClipFraction pooled.DualClipFraction
                    && Golden.close 1e-12 all.MeanRatio pooled.MeanRatio)
        }

        test "objectives of advantaged sequences have no slopes without an advantage" {
            for rule in scoped [ ObjectiveScope.Advantaged ] do
                lawFor TokenBatches.sample (fun sample ->
                    let batch = sample.Batch

                    let idle =
                        { sample with
                            Batch =
                                TokenBatch.Create(
                                    batch.Sequence,
                                    batch.Question,
                                    Array.zeroCreate batch.Tokens,
                                    batch.OldLogProbs,
                                    [||]
                                )
                        }

                    let loss = rule.Loss(contextOf rule idle)
                    loss.Value = 0.0 && Array.forall ((=) 0.0) loss.Gradient)
        }

        test "a penalty on leaving the old policy holds without an advantage too, and so the scope says" {
            let idle = tokens [| 0.5; -0.5 |] [| 0.0; 0.0 |]

            for name, scope in [ "dro", ObjectiveScope.Sequences; "kl_cov", ObjectiveScope.Update ] do
                let rule = named name
                rule.Scope |> equals scope
                (rule.Loss(contextOf rule idle)).Gradient |> containsAny (fun slope -> slope <> 0.0)
        }

        test "clip_cov draws its candidate by the update's seed, among all of the update" {
            // Two tokens of covariance 2.25, two of −0.75, below the candidates.
            let sample: TokenBatches.Sample =
                {
                    Batch =
                        TokenBatch.Create(
                            [| 0; 1; 2; 3 |],
                            [| 0; 0; 0; 0 |],
                            [| 1.5; 1.5; -1.5; -1.5 |],
                            [| -1.0; -1.0; -3.0; -3.0 |],
                            [||]
                        )
                    LogProbs = [| -1.0; -1.0; -3.0; -3.0 |]
                    Entropies = Array.zeroCreate 4
                }

            let rule = named "clip_cov"
            rule.Scope |> equals ObjectiveScope.Update

            let dropped seed =
                let loss =
                    rule.Loss
                        { contextOf rule sample with
                            Seed = Seed.ofInt64 seed
                        }

                loss.Gradient |> Array.indexed |> Array.filter (fun (_, slope) -> slope = 0.0) |> Array.map fst

            let drawn = [ for seed in 1L .. 20L -> dropped seed ]
            drawn |> Seq.iter (hasLength 1)
            drawn |> Seq.distinct |> hasLength 4
            dropped 7L |> equals (dropped 7L)
        }

        test "clip fractions are those of the objective's own clip" {
            // Ratios 1.35, 1.25, 0.75, 3.5 against the advantage and 1.25 where nothing is to be clipped.
            let sample =
                tokens [| log 1.35; log 1.25; log 0.75; log 3.5; log 1.25 |] [| 1.0; 1.0; -1.0; -1.0; 0.0 |]

            shares "clipped_surrogate" sample |> equals (0.2, 0.4, 0.0)
            shares "clip_cov" sample |> equals (0.2, 0.4, 0.0)
            shares "dapo" sample |> equals (0.2, 0.2, 0.0)
            shares "dual_clip" sample |> equals (0.2, 0.4, 0.2)
            // CISPO truncates whatever the advantage.
            shares "cispo" sample |> equals (0.2, 0.8, 0.0)
            // e^0.4 is 1.49, e^−0.4 0.67.
            shares "gmpo" sample |> equals (0.0, 0.0, 0.0)

            shares "gmpo" (tokens [| 0.5; -0.5; 0.5 |] [| 1.0; -1.0; -1.0 |])
            |> equals (1.0 / 3.0, 1.0 / 3.0, 0.0)
        }

        test "gspo counts the tokens of the sequences whose mean ratio is clipped" {
            // Mean log-ratios 5e-4, 3.5e-4 and −3.5e-4; each token by itself is far outside.
            let logRatios = [| 0.5; -0.499; 0.3; -0.2993; -0.3; 0.2993 |]

            let sample: TokenBatches.Sample =
                {
                    Batch =
                        TokenBatch.Create(
                            [| 0; 0; 1; 1; 2; 2 |],
                            [| 0; 0; 0 |],
                            [| 1.0; 1.0; 1.0; 1.0; -1.0; -1.0 |],
                            logRatios |> Array.map (~-),
                            [||]
                        )
                    LogProbs = Array.zeroCreate 6
                    Entropies = Array.zeroCreate 6
                }

            shares "gspo" sample |> equals (1.0 / 3.0, 1.0 / 3.0, 0.0)
        }

        test "dppo counts what it masks, since sampling and not since the old policy" {
            let batch =
                TokenBatch
                    .Create([| 0; 0; 0; 0 |], [| 0 |], [| 1.0; -1.0; 1.0; 0.0 |], Array.replicate 4 (log 0.5), [||])
                    .WithSampler([| log 0.3; log 0.7; log 0.4; log 0.3 |])

            let sample: TokenBatches.Sample =
                {
                    Batch = batch
                    LogProbs = Array.replicate 4 (log 0.5)
                    Entropies = Array.zeroCreate 4
                }

            shares "dppo" sample |> equals (0.25, 0.25, 0.0)

            Expect.floatClose
                Accuracy.high
                (diagnose "dppo" sample).ApproximateKl
                (-(log (0.5 / 0.3) * 2.0 + log (0.5 / 0.7) + log (0.5 / 0.4)) / 4.0)
                ""

            let rule = named "dppo"

            (rule.Loss(contextOf rule sample)).Gradient
            |> Array.map (fun slope -> System.Math.Round(slope, 12))
            |> equals [| 0.0; 0.0; -0.3125; 0.0 |]
        }

        test "vespo weighs by the sampler's ratio" {
            let sample = tokens [| 0.0 |] [| 1.0 |]
            let rule = named "vespo"

            let slope sampler =
                let batch = sample.Batch.WithSampler [| sampler |]
                (rule.Loss(contextOf rule { sample with Batch = batch })).Gradient[0]

            slope -1.0 |> equals -1.0
            // W = e^0.2: e³ W² e^(−3W).
            slope -1.2 |> isNear 1e-12 -(exp (3.0 + 0.4 - 3.0 * exp 0.2))
        }

        test "what clips nothing reports no clip, but how far it went" {
            let sample = tokens [| 2.0; -2.0 |] [| 1.0; -1.0 |]

            for name in [ "reinforce"; "sapo"; "vespo"; "dro"; "kl_cov" ] do
                shares name sample |> equals (0.0, 0.0, 0.0)
                (diagnose name sample).MeanRatio |> isNear 1e-12 (cosh 2.0)
        }
    ]
