/// The objectives that a user names, on verl's golden losses that have their constants.
module David.Grpo.Tests.VerlNamesTests

open Expecto
open David.Grpo

/// A seed that draws the case's first candidate first.
let private seedOf (tokens: GoldenTokens) =
    match VerlLosses.permutation tokens with
    | [||] -> Seed.ofInt64 0L
    | order ->
        Seq.initInfinite (int64 >> Seed.ofInt64)
        |> Seq.find (fun seed -> (Seed.permutation order.Length seed)[0] = order[0])

/// Whether the tokens of each sequence have one weighted advantage, so that both of GSPO's gradients are the same.
let private isBySequence weights (tokens: GoldenTokens) =
    Array.map2 (*) (weights tokens) tokens.Batch.Advantages
    |> Array.zip tokens.Batch.Sequence
    |> Array.groupBy fst
    |> Array.forall (fun (_, own) -> own |> Array.forall (fun (_, value) -> Golden.close 1e-12 (snd own[0]) value))

/// What a user names agrees with the cases of the file that have its constants, and reports verl's clip fractions.
let private agreesByName name clip file constants tolerance weights =
    let meant =
        GoldenCase.all $"golden/rl/verl_loss_{file}.json"
        |> Array.map GoldenTokens.read
        |> Array.filter (fun tokens ->
            constants
            |> List.forall (fun (key, value) ->
                GoldenCase.has key (VerlLosses.parameters tokens) && VerlLosses.number key tokens = value)
            && (name <> "gspo" || isBySequence weights tokens))

    Expect.isNonEmpty meant name

    for tokens in meant do
        let rule = ObjectiveRules.create name clip Aggregation.TokenMean

        let context =
            {
                Weights = weights tokens
                Batch = tokens.Batch
                LogProbs = tokens.LogProbs
                Entropies = Array.zeroCreate tokens.Batch.Tokens
                Seed = seedOf tokens
            }

        rule.Loss context |> GoldenTokens.assertLoss tolerance tokens
        let ours = rule.Diagnose context

        if GoldenCase.has "metrics" tokens.Case.Outputs then
            let metrics = tokens.Case.Outputs.GetProperty "metrics"

            let clipped = ours.ClipFractionLow + ours.ClipFractionHigh

            match name with
            // verl counts what its covariance drops, and what is outside the clip though nothing holds it; ours what PPO's
            // clip holds, and what gmpo's does.
            | "clip_cov"
            | "gmpo" -> ()
            | "clipped_surrogate"
            | "dapo"
            | "dual_clip" ->
                VerlLosses.assertShare tokens "pg_clipfrac" clipped
                VerlLosses.assertShare tokens "pg_clipfrac_lower" ours.DualClipFraction
            | _ when GoldenCase.has "pg_clipfrac" metrics -> VerlLosses.assertShare tokens "pg_clipfrac" clipped
            | _ -> clipped |> equals 0.0

[<Tests>]
let tests =
    testList "VerlNamesTests" [
        test "the objectives that a user names are verl's, with its clip fractions" {
            // What a rule has as its own is wrong here, so that it cannot come from the run.
            let run =
                {
                    EpsilonLow = 0.1
                    EpsilonHigh = 0.1
                    Dual = DualClip.Off
                    LogRatio = LogRatioBound.Within 20.0
                }

            let given =
                { Clip.Symmetric 0.2 with
                    LogRatio = LogRatioBound.Within 20.0
                }

            let three = DualClip.At 3.0

            let ofMode tokens =
                VerlLosses.weightsBy (VerlLosses.modeOf tokens) tokens

            let low value = "clip_ratio_low", value
            let high value = "clip_ratio_high", value
            let c value = "clip_ratio_c", value

            for name, clip, file, constants in
                [
                    "clipped_surrogate", { given with Dual = three }, "vanilla", [ low 0.2; high 0.2; c 3.0 ]
                    "dapo", { run with Dual = three }, "vanilla", [ low 0.2; high 0.28; c 3.0 ]
                    "dual_clip", given, "vanilla", [ low 0.2; high 0.2; c 3.0 ]
                    "gspo",
                    { run with
                        LogRatio = LogRatioBound.AtMost 10.0
                    },
                    "gspo",
                    [ low 3e-4; high 4e-4 ]
                    "cispo", given, "cispo", [ low 0.2; high 0.2 ]
                    "reinforce", run, "reinforce", []
                    "dppo", run, "dppo_tv", [ low 0.15; high 0.15; c 20.0 ]
                    "dro", run, "dro", [ "dro_beta", 0.05 ]
                    "kl_cov", run, "kl_cov", [ "kl_cov_ratio", 0.0002; "ppo_kl_coef", 1.0 ]
                    "clip_cov",
                    { given with
                        LogRatio = LogRatioBound.Unbounded
                    },
                    "clip_cov",
                    [ "clip_cov_ratio", 0.0002; "clip_cov_lb", 1.0; "clip_cov_ub", 5.0 ]
                ] do
                agreesByName name clip file constants 1e-9 ofMode

            agreesByName "gmpo" run "geo_mean" [ low 0.4; high 0.4 ] 5e-7 VerlLosses.gmpoWeights

            agreesByName "sapo" run "sapo" [ "tau_pos", 1.0; "tau_neg", 1.05 ] 1e-9 (fun tokens ->
                VerlLosses.weightsBy "seq-mean-token-mean" tokens)
        }
    ]
