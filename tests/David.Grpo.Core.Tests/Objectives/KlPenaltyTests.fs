module David.Grpo.Tests.KlPenaltyTests

open Xunit
open David.Grpo

[<Fact>]
let ``the controller moves the coefficient towards its target, and not on it`` () =
    let now = KlController.Adaptive(0.2, 6.0, 10000.0)

    let after measured =
        KlPenalty.coefficient (KlPenalty.next measured 256 now)

    Assert.Equal(0.2, after 6.0)
    Assert.True(after 7.0 > 0.2)
    Assert.True(after 5.0 < 0.2)
    // Errors beyond 20 % count as 20 %.
    Assert.Equal(0.2 * (1.0 + 0.2 * 0.0256), after 60.0)
    Assert.Equal(now, KlPenalty.next 60.0 0 now)
    let held = KlController.Fixed 0.1
    Assert.Equal(held, KlPenalty.next 9.0 256 held)
    Assert.Equal(0.1, KlPenalty.coefficient held)

[<Fact>]
let ``wrong settings are refused by name`` () =
    let refuses (expected: string) controller =
        Assert.Contains(expected, GoldenCase.refusal (fun () -> KlPenalty.next 1.0 100 controller |> ignore))

    refuses "target is 0" (KlController.Adaptive(0.2, 0.0, 100.0))
    refuses "horizon is NaN" (KlController.Adaptive(0.2, 1.0, nan))
    refuses "coefficient is -1" (KlController.Adaptive(-1.0, 1.0, 100.0))

    Assert.Contains(
        "horizon is 10; expected at least a fifth of the samples, 100",
        GoldenCase.refusal (fun () -> KlPenalty.next 0.0 100 (KlController.Adaptive(0.2, 1.0, 10.0)) |> ignore)
    )

    let bare = TokenBatch.Create([| 0 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])

    Assert.Contains(
        "has no ReferenceLogProbs",
        GoldenCase.refusal (fun () -> KlPenalty.inReward Estimator.K1 0.1 bare [| 0.0 |] |> ignore)
    )

[<Fact>]
let ``without a coefficient the reward is the score`` () =
    lawFor TokenBatches.sample (fun sample ->
        KlPenalty.inReward Estimator.K3 0.0 sample.Batch sample.Entropies = sample.Entropies)

[<Fact>]
let ``on policy the corrected penalty has the plain one's value`` () =
    lawFor TokenBatches.sample (fun sample ->
        let batch, weights =
            sample.Batch, Aggregation.weights Aggregation.TokenMean sample.Batch

        let plain =
            Divergence.estimate Estimator.K3 Estimator.K3 batch.OldLogProbs batch.ReferenceLogProbs

        let corrected =
            KlPenalty.biasCorrected
                RatioLevel.Token
                LogRatioBound.Unbounded
                Estimator.K3
                0.3
                weights
                batch
                batch.OldLogProbs

        Golden.close
            1e-12
            (Array.map2 (fun weight value -> 0.3 * weight * value) weights plain.Values |> Array.sum)
            corrected.Value)

[<Fact>]
let ``the corrected penalty is unbiased for its value and its gradient off policy`` () =
    // Over all tokens of a small vocabulary drawn from another policy the expectation is a sum:
    // Σ π_old ρ k3 = KL(π‖π_ref), and of the slopes the KL's by each logit.
    let policy, old, reference =
        [| 0.5; 0.3; 0.2 |], [| 0.1; 0.6; 0.3 |], [| 0.2; 0.2; 0.6 |]

    let logs = Array.map log
    let indices = [| 0; 1; 2 |]

    let batch =
        TokenBatch.Create(indices, indices, [| 0.0; 0.0; 0.0 |], logs old, logs reference)

    let divergence =
        Array.map2 (fun p r -> p * log (p / r)) policy reference |> Array.sum

    for estimator in [ Estimator.K1; Estimator.K3 ] do
        let ours =
            KlPenalty.biasCorrected RatioLevel.Token LogRatioBound.Unbounded estimator 1.0 old batch (logs policy)

        GoldenCase.assertClose $"{estimator}" 1e-14 divergence ours.Value

        // ∂L/∂z_v = g_v − π_v Σ g, g the slopes by log-probabilities.
        let total = Array.sum ours.Gradient

        Array.map2 (fun slope p -> slope - p * total) ours.Gradient policy
        |> GoldenCase.assertAllClose
            $"{estimator} gradient"
            1e-14
            (Array.map2 (fun p r -> p * (log (p / r) - divergence)) policy reference)

[<Fact>]
let ``rewards with the penalty are verl's`` () =
    let cases = GoldenCase.all "golden/rl/verl_kl_in_reward.json"
    Assert.Equal(12, cases.Length)

    for case in cases do
        let flat name record =
            GoldenCase.matrix name record |> Array.concat

        let scores = flat "token_level_scores" case.Inputs
        let zeros = Array.zeroCreate<int> scores.Length

        let batch =
            TokenBatch.Create(
                zeros,
                [| 0 |],
                Array.zeroCreate scores.Length,
                flat "old_log_prob" case.Inputs,
                flat "ref_log_prob" case.Inputs
            )

        KlPenalty.inReward Estimator.K1 (GoldenCase.number "kl_ratio" case.Inputs) batch scores
        |> GoldenCase.assertAllClose case.Name 1e-9 (flat "token_level_rewards" case.Outputs)

[<Fact>]
let ``the controller's path is verl's`` () =
    let cases = GoldenCase.all "golden/rl/verl_kl_controller.json"
    Assert.Equal(9, cases.Length)

    for case in cases do
        let number name = GoldenCase.number name case.Inputs

        let start =
            KlController.Adaptive(number "init_kl_coef", number "target_kl", number "horizon")

        let measured = GoldenCase.numbers "current_kl" case.Inputs
        Assert.Equal(40, measured.Length)

        measured
        |> Array.scan (fun controller kl -> KlPenalty.next kl (int (number "n_steps")) controller) start
        |> Array.tail
        |> Array.map KlPenalty.coefficient
        |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "values" case.Outputs)
