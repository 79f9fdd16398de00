module David.Grpo.Tests.DivergenceTests

open Expecto
open David.Grpo

let private estimators =
    [
        Estimator.K1
        Estimator.K2
        Estimator.K3
        Estimator.ClampedK3
        Estimator.Absolute
    ]

let private reference (sample: TokenBatches.Sample) = sample.Batch.ReferenceLogProbs

[<Tests>]
let tests =
    testList "DivergenceTests" [
        test "slopes are the derivatives of the values" {
            // Central differences at 1e-5: their error is h² |f‴| / 6, below 1e-8 here, where e³ bounds the derivatives.
            let h = 1e-5

            lawFor TokenBatches.sample (fun sample ->
                estimators
                |> List.forall (fun estimator ->
                    let at by =
                        (Divergence.estimate
                            estimator
                            estimator
                            (sample.LogProbs |> Array.map ((+) by))
                            (reference sample))

                    let differences =
                        Array.map2 (fun up down -> (up - down) / (2.0 * h)) (at h).Values (at -h).Values

                    Array.forall2 (Golden.close 1e-7) differences (at 0.0).Slopes))
        }

        test "a policy equal to its reference diverges by nothing" {
            for estimator in estimators do
                let none =
                    Divergence.estimate estimator Estimator.K2 [| -1.5; -30.0 |] [| -1.5; -30.0 |]

                none.Values |> equals [| 0.0; 0.0 |]
                none.Slopes |> equals [| 0.0; 0.0 |]
        }

        test "all but k1 are never negative" {
            lawFor TokenBatches.sample (fun sample ->
                estimators
                |> List.filter ((<>) Estimator.K1)
                |> List.forall (fun estimator ->
                    (Divergence.estimate estimator estimator sample.LogProbs (reference sample)).Values
                    |> Array.forall (fun value -> value >= 0.0)))
        }

        test "the value comes from one estimator and the slope from the other" {
            lawFor TokenBatches.sample (fun sample ->
                List.allPairs estimators estimators
                |> List.forall (fun (value, gradient) ->
                    let mixed = Divergence.estimate value gradient sample.LogProbs (reference sample)

                    mixed.Values = (Divergence.estimate value value sample.LogProbs (reference sample)).Values
                    && mixed.Slopes =
                        (Divergence.estimate gradient gradient sample.LogProbs (reference sample)).Slopes))
        }

        test "k1 and k3 are unbiased, and k2 has the right gradient on policy" {
            // Over all tokens of a small vocabulary the expectations are sums: of the values Σ π kᵢ = KL(π‖π_ref), of the loss's
            // slopes Σ π k′ ∂log π/∂z = ∂KL/∂z by each logit z.
            let policy, reference = [| 0.5; 0.3; 0.2 |], [| 0.2; 0.2; 0.6 |]
            let logs = Array.map log

            let expectation values =
                Array.map2 (*) policy values |> Array.sum

            let divergence = expectation (Array.map2 (-) (logs policy) (logs reference))

            for estimator in [ Estimator.K1; Estimator.K3 ] do
                let values =
                    (Divergence.estimate estimator estimator (logs policy) (logs reference)).Values

                GoldenCase.assertClose (string estimator) 1e-14 divergence (expectation values)

            /// Σ_v π_v slope_v (1[v = z] − π_z)
            let gradientOf estimator =
                let slopes =
                    (Divergence.estimate estimator estimator (logs policy) (logs reference)).Slopes

                let mean = expectation slopes
                Array.map2 (fun p slope -> p * (slope - mean)) policy slopes

            let exact =
                Array.map2 (fun p r -> p * (log p - log r - divergence)) policy reference

            GoldenCase.assertAllClose "k2" 1e-14 exact (gradientOf Estimator.K2)
            GoldenCase.assertAllClose "k1" 1e-14 [| 0.0; 0.0; 0.0 |] (gradientOf Estimator.K1)
            gradientOf Estimator.K3 |> differsFrom exact
        }

        test "k3 of a tiny log-ratio keeps its digits" {
            let tiny = Divergence.estimate Estimator.K3 Estimator.K3 [| 1e-9 |] [| 0.0 |]
            isTrue (abs (tiny.Values[0] / 5e-19 - 1.0) < 1e-8)
            isTrue (abs (tiny.Slopes[0] / 1e-9 - 1.0) < 1e-8)
        }

        test "the clamped k3 is finite for any log-ratio" {
            let far =
                Divergence.estimate Estimator.ClampedK3 Estimator.ClampedK3 [| -2000.0; 0.0 |] [| 0.0; -2000.0 |]

            far.Values |> equals [| 10.0; 10.0 |]
            far.Slopes |> equals [| 0.0; 0.0 |]
        }

        test "arrays of different lengths are refused" {
            GoldenCase.refusal (fun () ->
                Divergence.estimate Estimator.K1 Estimator.K1 [| 0.0; 0.0 |] [| 0.0 |] |> ignore)
            |> containsText "referenceLogProbs has 1 entries; expected 2"
        }

        test "all kinds of verl have their values and slopes" {
            for case in GoldenCase.all "golden/rl/verl_kl_penalty.json" do
                let kind = string (case.Inputs.GetProperty "kl_penalty")

                let value =
                    match kind.TrimEnd '+' with
                    | "kl"
                    | "k1" -> Estimator.K1
                    | "abs" -> Estimator.Absolute
                    | "mse"
                    | "k2" -> Estimator.K2
                    | "low_var_kl"
                    | "k3" -> Estimator.ClampedK3
                    | other -> failwith $"unknown kind {other}"

                let gradient = if kind.EndsWith '+' then Estimator.K2 else value
                let mask = GoldenCase.matrix "mask" case.Inputs

                let flat name record =
                    GoldenCase.matrix name record |> Masked.flatten mask

                let ours =
                    Divergence.estimate value gradient (flat "log_prob" case.Inputs) (flat "ref_log_prob" case.Inputs)

                let weights =
                    Masked.shape (Array.create mask.Length 0) mask |> Aggregation.weights Aggregation.TokenMean

                GoldenCase.assertAllClose $"{case.Name} value" 1e-9 (flat "kl" case.Outputs) ours.Values

                Array.map2 (*) weights ours.Values
                |> Array.sum
                |> GoldenCase.assertClose $"{case.Name} mean" 1e-9 (GoldenCase.number "mean_value" case.Outputs)

                // grad_sum is of the whole matrix; the tokens kept have the slopes of their own.
                GoldenCase.assertAllClose $"{case.Name} slope" 1e-9 (flat "grad_sum" case.Outputs) ours.Slopes

                Array.map2 (*) weights ours.Slopes
                |> GoldenCase.assertAllClose $"{case.Name} mean slope" 1e-9 (flat "grad_mean" case.Outputs)
        }
    ]
