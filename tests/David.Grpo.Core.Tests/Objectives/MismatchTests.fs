module David.Grpo.Tests.MismatchTests

open Expecto
open David.Grpo

[<Tests>]
let tests =
    testList "MismatchTests" [
        test "equal distributions do not diverge" {
            lawFor TokenBatches.sample (fun sample ->
                let ours = Mismatch.measure sample.Batch sample.LogProbs sample.LogProbs

                ours.Tokens = sample.Batch.Tokens
                && ours.Kl = 0.0
                && ours.KlK3 = 0.0
                && ours.TokenChiSquare = 0.0
                && ours.SequenceChiSquare = 0.0
                && ours.LogPerplexityGap = 0.0
                && ours.LearnerPerplexity = ours.SamplerPerplexity)
        }

        test "expectations over a vocabulary are the divergences" {
            // Tokens in the proportions of the sampler: 1, 2 and 1 of 4.
            let sampler, learner = [| 0.25; 0.5; 0.5; 0.25 |], [| 0.5; 0.2; 0.2; 0.3 |]
            let indices = [| 0..3 |]
            let zeros = Array.zeroCreate<float> 4
            let batch = TokenBatch.Create(indices, indices, zeros, zeros, [||])
            let ours = Mismatch.measure batch (Array.map log learner) (Array.map log sampler)

            let kl = 0.25 * log (0.25 / 0.5) + 0.5 * log (0.5 / 0.2) + 0.25 * log (0.25 / 0.3)

            GoldenCase.assertClose "KL" 1e-14 kl ours.Kl
            GoldenCase.assertClose "k3" 1e-14 kl ours.KlK3
            let chiSquare = 0.25 / 0.25 + 0.04 / 0.5 + 0.09 / 0.25 - 1.0
            GoldenCase.assertClose "tokens" 1e-14 chiSquare ours.TokenChiSquare
            GoldenCase.assertClose "sequences" 1e-14 chiSquare ours.SequenceChiSquare
            GoldenCase.assertClose "perplexity" 1e-14 ((2.0 + 5.0 + 5.0 + 1.0 / 0.3) / 4.0) ours.LearnerPerplexity
        }

        test "no tokens have no mismatch" {
            let batch = TokenBatch.Create([||], [| 0 |], [||], [||], [||])
            let ours = Mismatch.measure batch [||] [||]
            ours.Tokens |> equals 0
            ours.SequenceChiSquare |> equals 0.0
            ours.LearnerPerplexity |> equals 0.0
        }

        test "the mismatch is verl's" {
            let cases =
                GoldenCase.all "golden/rl/verl_rollout_correction.json"
                |> Array.filter (fun case -> case.Name.EndsWith "_metrics_only")

            isNotEmpty cases

            for case in cases do
                let mask = GoldenCase.matrix "mask" case.Inputs

                let flat name =
                    GoldenCase.matrix name case.Inputs |> Masked.flatten mask

                let batch = Masked.shape (Array.create mask.Length 0) mask
                let ours = Mismatch.measure batch (flat "log_prob") (flat "rollout_log_prob")
                let rows = float mask.Length

                let empty =
                    mask |> Array.filter (fun row -> Array.sum row = 0.0) |> Array.length |> float

                // verl's means over rows count one without tokens as `without`; row means divide by n + 1e-8.
                let ofRows without value =
                    ((rows - empty) * value + empty * without) / rows

                let metrics = case.Outputs.GetProperty "metrics"

                for name, value in
                    [
                        "kl", ours.Kl
                        "k3_kl", ours.KlK3
                        "chi2_token", ours.TokenChiSquare
                        "chi2_seq", ofRows 0.0 ours.SequenceChiSquare
                        "training_ppl", ofRows 1.0 ours.LearnerPerplexity
                        "rollout_ppl", ofRows 1.0 ours.SamplerPerplexity
                        "log_ppl_abs_diff", ofRows 0.0 ours.LogPerplexityGap
                    ] do
                    GoldenCase.assertClose $"{case.Name} {name}" 1e-6 (GoldenCase.number name metrics) value
        }
    ]
