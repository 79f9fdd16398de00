module David.Grpo.Tests.ObjectiveTests

open Xunit
open David.Grpo

let private plain = Clip.Symmetric 0.2
let private dual c (clip: Clip) = { clip with Dual = DualClip.At c }
let private within bound (clip: Clip) = { clip with LogRatio = bound }

let private between low high (clip: Clip) =
    { clip with
        EpsilonLow = low
        EpsilonHigh = high
    }

let private unbounded = within LogRatioBound.Unbounded

let private clips =
    [
        plain
        plain |> between 0.1 0.28 |> dual 3.0
        unbounded plain
        plain |> dual 1.5 |> within (LogRatioBound.Within 2.0)
        plain |> between infinity infinity
    ]

let private weightsOf (sample: TokenBatches.Sample) =
    Aggregation.weights Aggregation.QuestionMean sample.Batch

let private surrogate clip (sample: TokenBatches.Sample) =
    Objective.clippedSurrogate clip (weightsOf sample) sample.Batch sample.LogProbs

/// The gradient of `loss` at `point` is that of central differences. With h = 1e-5 their error is h² |f‴| / 6 plus
/// rounding of f over h, both below 1e-8 where values and derivatives are below e³ · 2.
let private slopesAgree (loss: float[] -> float) (gradient: float[]) (point: float[]) =
    let h = 1e-5

    gradient
    |> Array.indexed
    |> Array.forall (fun (token, slope) ->
        let at by =
            loss (point |> Array.mapi (fun t x -> if t = token then x + by else x))

        abs ((at h - at -h) / (2.0 * h) - slope) <= 1e-6)

[<Fact>]
let ``slopes of the clipped surrogate are its derivatives`` () =
    lawFor TokenBatches.sample (fun sample ->
        clips
        |> List.forall (fun clip ->
            let loss logProbs =
                (surrogate clip { sample with LogProbs = logProbs }).Value

            slopesAgree loss (surrogate clip sample).Gradient sample.LogProbs))

[<Fact>]
let ``slopes of the negative log-likelihood are its derivatives`` () =
    lawFor TokenBatches.sample (fun sample ->
        let loss logProbs =
            Objective.negativeLogLikelihood (weightsOf sample) logProbs

        slopesAgree (fun logProbs -> (loss logProbs).Value) (loss sample.LogProbs).Gradient sample.LogProbs)

let private total regularisation (sample: TokenBatches.Sample) =
    let policy = surrogate plain sample
    Objective.regularised regularisation policy (weightsOf sample) sample.Batch sample.LogProbs sample.Entropies

let private regularisation estimator =
    {
        KlCoefficient = 0.3
        KlValue = estimator
        KlGradient = estimator
        EntropyCoefficient = 0.07
    }

[<Fact>]
let ``slopes of the regularised loss are its derivatives by log-probabilities and entropies`` () =
    lawFor TokenBatches.sample (fun sample ->
        [
            Estimator.K1
            Estimator.K2
            Estimator.K3
            Estimator.ClampedK3
            Estimator.Absolute
        ]
        |> List.forall (fun estimator ->
            let terms = regularisation estimator
            let here = total terms sample

            slopesAgree
                (fun logProbs -> (total terms { sample with LogProbs = logProbs }).Value)
                here.Gradient
                sample.LogProbs
            && slopesAgree
                (fun entropies -> (total terms { sample with Entropies = entropies }).Value)
                here.EntropyGradient
                sample.Entropies))

[<Fact>]
let ``a dual clip at infinity is the plain clip`` () =
    lawFor TokenBatches.sample (fun sample ->
        clips
        |> List.forall (fun clip ->
            surrogate (dual infinity clip) sample = surrogate { clip with Dual = DualClip.Off } sample))

[<Fact>]
let ``a bound on the log-ratio that nothing reaches is no bound`` () =
    lawFor TokenBatches.sample (fun sample -> surrogate plain sample = surrogate (unbounded plain) sample)

[<Fact>]
let ``an infinite epsilon is the plain policy gradient`` () =
    lawFor TokenBatches.sample (fun sample ->
        let ours = surrogate (unbounded (Clip.Symmetric infinity)) sample
        let batch = sample.Batch

        let terms =
            Array.init batch.Tokens (fun t ->
                -(weightsOf sample)[t] * batch.Advantages[t] * exp (sample.LogProbs[t] - batch.OldLogProbs[t]))

        Golden.close 1e-12 (Array.sum terms) ours.Value
        && Array.forall2 (Golden.close 1e-12) terms ours.Gradient)

[<Fact>]
let ``on policy every clip gives the advantages as slopes`` () =
    lawFor TokenBatches.sample (fun sample ->
        clips
        |> List.forall (fun clip ->
            let onPolicy =
                { sample with
                    LogProbs = sample.Batch.OldLogProbs
                }

            Array.forall2
                (Golden.close 1e-15)
                (Array.map2 (fun weight advantage -> -weight * advantage) (weightsOf sample) sample.Batch.Advantages)
                (surrogate clip onPolicy).Gradient))

[<Fact>]
let ``clipping is pessimistic, and a dual clip bounds the pessimism`` () =
    lawFor TokenBatches.sample (fun sample ->
        let free = (surrogate (Clip.Symmetric infinity) sample).Value
        let clipped = (surrogate plain sample).Value
        let held = (surrogate (dual 3.0 plain) sample).Value
        clipped >= free - 1e-12 && held <= clipped + 1e-12)

[<Fact>]
let ``without coefficients the regularised loss is the policy term`` () =
    lawFor TokenBatches.sample (fun sample ->
        let batch = sample.Batch

        let bare =
            TokenBatch.Create(batch.Sequence, batch.Question, batch.Advantages, batch.OldLogProbs, [||])

        let policy = surrogate plain sample

        let ours =
            Objective.regularised
                { regularisation Estimator.K2 with
                    KlCoefficient = 0.0
                    EntropyCoefficient = 0.0
                }
                policy
                (weightsOf sample)
                bare
                sample.LogProbs
                sample.Entropies

        ours.Value = policy.Value
        && ours.Gradient = policy.Gradient
        && Array.forall ((=) 0.0) ours.EntropyGradient
        && ours.KlTerm = 0.0
        && ours.EntropyTerm = 0.0)

[<Fact>]
let ``the loss is the sum of its three terms`` () =
    lawFor TokenBatches.sample (fun sample ->
        let ours = total (regularisation Estimator.K2) sample
        let weights = weightsOf sample

        let mean values =
            Array.map2 (*) weights values |> Array.sum

        let half =
            Array.map2 (fun now r -> 0.5 * (now - r) ** 2.0) sample.LogProbs sample.Batch.ReferenceLogProbs

        Golden.close 1e-12 (ours.PolicyTerm + ours.KlTerm + ours.EntropyTerm) ours.Value
        && Golden.close 1e-12 (0.3 * mean half) ours.KlTerm
        && Golden.close 1e-12 (-0.07 * mean sample.Entropies) ours.EntropyTerm)

[<Fact>]
let ``the order of the tokens moves no loss, and their slopes move with them`` () =
    lawFor TokenBatches.sample (fun sample ->
        let order, other = TokenBatches.reorder sample
        let ours = total (regularisation Estimator.K3) sample
        let theirs = total (regularisation Estimator.K3) other

        Golden.close 1e-12 ours.Value theirs.Value
        && (order |> Array.map (fun token -> ours.Gradient[token])) = theirs.Gradient)

[<Fact>]
let ``a batch twice has the same loss and half the slopes`` () =
    lawFor TokenBatches.sample (fun sample ->
        let once = total (regularisation Estimator.K3) sample
        let twice = total (regularisation Estimator.K3) (TokenBatches.duplicate sample)
        let halves = once.Gradient |> Array.map (fun slope -> 0.5 * slope)

        Golden.close 1e-12 once.Value twice.Value
        && Array.forall2 (Golden.close 1e-12) (Array.append halves halves) twice.Gradient)

[<Fact>]
let ``micro-batches add up to the batch`` () =
    lawFor TokenBatches.sample (fun sample ->
        let batch, weights = sample.Batch, weightsOf sample
        let whole = total (regularisation Estimator.K2) sample

        let parts =
            [| 0 .. batch.Sequences - 1 |]
            |> Array.map (fun sequence ->
                let tokens = batch.TokensOf [| sequence |]

                let pick (values: float[]) =
                    tokens |> Array.map (fun token -> values[token])

                let part, logProbs = batch.Pick tokens, pick sample.LogProbs
                let policy = Objective.clippedSurrogate plain (pick weights) part logProbs

                Objective.regularised
                    (regularisation Estimator.K2)
                    policy
                    (pick weights)
                    part
                    logProbs
                    (pick sample.Entropies),
                Objective.diagnose plain part logProbs (pick sample.Entropies))

        let pooled = Objective.pool (Array.map snd parts)
        let all = Objective.diagnose plain batch sample.LogProbs sample.Entropies

        Golden.close 1e-12 whole.Value (parts |> Array.sumBy (fun (part, _) -> part.Value))
        && whole.Gradient = (parts |> Array.collect (fun (part, _) -> part.Gradient))
        && pooled.Tokens = all.Tokens
        && Golden.close 1e-12 all.ClipFractionLow pooled.ClipFractionLow
        && Golden.close 1e-12 all.MeanRatio pooled.MeanRatio
        && Golden.close 1e-12 all.ApproximateKl pooled.ApproximateKl
        && Golden.close 1e-12 all.MeanEntropy pooled.MeanEntropy)

/// One token a sequence, with the given log-ratios and advantages.
let private tokens (logRatios: float[]) (advantages: float[]) =
    let indices = [| 0 .. logRatios.Length - 1 |]
    let zeros = Array.zeroCreate<float> logRatios.Length
    TokenBatch.Create(indices, indices, advantages, zeros, [||]), logRatios

[<Fact>]
let ``diagnostics count each token once, at the edge that holds it`` () =
    let clip = dual 3.0 plain
    // High clip, none (wrong side), low clip, none, dual clip, none.
    let batch, logProbs =
        tokens [| 1.0; 1.0; -1.0; -1.0; 2.0; 0.0 |] [| 1.0; -1.0; -1.0; 1.0; -1.0; -1.0 |]

    let entropies = [| 0.0; 1.0; 2.0; 3.0; 4.0; 5.0 |]
    let ours = Objective.diagnose clip batch logProbs entropies
    Assert.Equal(6, ours.Tokens)
    GoldenCase.assertClose "high" 1e-15 (1.0 / 6.0) ours.ClipFractionHigh
    GoldenCase.assertClose "low" 1e-15 (1.0 / 6.0) ours.ClipFractionLow
    GoldenCase.assertClose "dual" 1e-15 (1.0 / 6.0) ours.DualClipFraction
    GoldenCase.assertClose "KL" 1e-15 (-2.0 / 6.0) ours.ApproximateKl
    GoldenCase.assertClose "entropy" 1e-15 2.5 ours.MeanEntropy
    GoldenCase.assertClose "ratio" 1e-15 ((2.0 * exp 1.0 + 2.0 * exp -1.0 + exp 2.0 + 1.0) / 6.0) ours.MeanRatio

[<Fact>]
let ``extreme log-ratios give finite losses within the default bound`` () =
    let batch, logProbs =
        tokens [| 2000.0; 2000.0; 2000.0; -2000.0; -2000.0 |] [| 1.0; -1.0; 0.0; 1.0; -1.0 |]

    let weights = Aggregation.weights Aggregation.TokenMean batch
    let ours = Objective.clippedSurrogate plain weights batch logProbs
    Assert.True(System.Double.IsFinite ours.Value)
    Assert.Equal<float[]>(Array.zeroCreate 5, ours.Gradient)

[<Fact>]
let ``without a bound an extreme log-ratio is infinite only where the formula is, and never NaN`` () =
    let clip = unbounded plain

    let loss clip advantage =
        let batch, logProbs = tokens [| 2000.0 |] [| advantage |]
        Objective.clippedSurrogate clip [| 1.0 |] batch logProbs

    Assert.Equal({ Value = -1.2; Gradient = [| 0.0 |] }, loss clip 1.0)
    Assert.Equal({ Value = 0.0; Gradient = [| 0.0 |] }, loss clip 0.0)
    Assert.Equal(infinity, (loss clip -1.0).Value)
    Assert.Equal({ Value = 3.0; Gradient = [| 0.0 |] }, loss (dual 3.0 clip) -1.0)

[<Fact>]
let ``a token of weight zero has no say`` () =
    let clip = unbounded plain

    let batch =
        TokenBatch.Create([| 0; 0 |], [| 0 |], [| -1.0; 1.0 |], [| -900.0; -1.0 |], [| 0.0; -1.0 |])

    let weights, logProbs = [| 0.0; 1.0 |], [| -800.0; -1.0 |]
    let policy = Objective.clippedSurrogate clip weights batch logProbs

    let ours =
        Objective.regularised (regularisation Estimator.K3) policy weights batch logProbs [| 9.0; 0.0 |]

    Assert.Equal(-1.0, ours.Value)
    Assert.Equal<float[]>([| 0.0; -1.0 |], ours.Gradient)

[<Fact>]
let ``a batch without tokens has a loss of zero`` () =
    let batch, none = tokens [||] [||]
    let policy = Objective.clippedSurrogate plain [||] batch none

    let ours =
        Objective.regularised (regularisation Estimator.K2) policy [||] batch none none

    Assert.Equal(0.0, ours.Value)
    Assert.Empty ours.Gradient
    Assert.Equal(0, (Objective.diagnose plain batch none none).Tokens)

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let batch, logProbs = tokens [| 0.1; 0.2 |] [| 1.0; -1.0 |]
    let weights = [| 0.5; 0.5 |]

    let refusal clip weights logProbs =
        GoldenCase.refusal (fun () -> Objective.clippedSurrogate clip weights batch logProbs |> ignore)

    let contains (expected: string) (message: string) = Assert.Contains(expected, message)
    refusal plain weights [| 0.0; nan |] |> contains "logProbs[1] is NaN"
    refusal plain weights [| 0.0 |] |> contains "logProbs has 1 entries; expected 2"
    refusal plain [| -1.0; 1.0 |] logProbs |> contains "weights[0] is -1"
    refusal (between -0.1 0.2 plain) weights logProbs |> contains "EpsilonLow is -0.1"
    refusal (between 0.2 nan plain) weights logProbs |> contains "EpsilonHigh is NaN"
    refusal (dual 1.0 plain) weights logProbs |> contains "DualClip.At is 1"

    refusal (within (LogRatioBound.Within 0.0) plain) weights logProbs
    |> contains "LogRatioBound.Within is 0"

    let policy = Objective.clippedSurrogate plain weights batch logProbs

    let refusal beta bonus entropies =
        let terms =
            { regularisation Estimator.K2 with
                KlCoefficient = beta
                EntropyCoefficient = bonus
            }

        GoldenCase.refusal (fun () -> Objective.regularised terms policy weights batch logProbs entropies |> ignore)

    refusal 0.1 0.0 [| 0.0; 0.0 |] |> contains "has no ReferenceLogProbs"
    refusal -0.1 0.0 [| 0.0; 0.0 |] |> contains "KlCoefficient is -0.1"
    refusal 0.0 nan [| 0.0; 0.0 |] |> contains "EntropyCoefficient is NaN"
    refusal 0.0 0.0 [||] |> contains "entropies has 0 entries; expected 2"

/// The flat batch of a golden case: N tokens, its mask's rows as sequences.
let private goldenBatch (mask: float[][]) (advantages: float[]) (old: float[]) (reference: float[]) =
    TokenBatch.Create(Masked.rows mask, Array.create mask.Length 0, advantages, old, reference)

[<Fact>]
let ``the clipped surrogate is verl's, value, slopes and diagnostics`` () =
    let cases = GoldenCase.all "golden/rl/verl_loss_vanilla.json"
    Assert.Equal(110, cases.Length)

    for case in cases do
        let mask = GoldenCase.matrix "mask" case.Inputs

        let flat name record =
            GoldenCase.matrix name record |> Masked.flatten mask

        let parameters = case.Inputs.GetProperty "parameters"

        let epsilon name =
            if GoldenCase.has name parameters then
                GoldenCase.number name parameters
            else
                GoldenCase.number "clip_ratio" parameters

        let clip =
            {
                EpsilonLow = epsilon "clip_ratio_low"
                EpsilonHigh = epsilon "clip_ratio_high"
                Dual = DualClip.At(GoldenCase.number "clip_ratio_c" parameters)
                LogRatio = LogRatioBound.Within 20.0
            }

        let globally =
            if GoldenCase.has "global_batch_info" parameters then
                parameters.GetProperty "global_batch_info"
            else
                parameters

        let weights =
            let aggregated =
                VerlAggregation.weights (string (case.Inputs.GetProperty "loss_agg_mode")) mask globally

            // The sampler's importance weights are constants on the tokens' losses.
            if GoldenCase.has "rollout_is_weights" case.Inputs then
                Array.map2 (*) aggregated (flat "rollout_is_weights" case.Inputs)
            else
                aggregated

        let logProbs = flat "log_prob" case.Inputs

        let batch =
            goldenBatch mask (flat "advantages" case.Inputs) (flat "old_log_prob" case.Inputs) [||]

        let ours = Objective.clippedSurrogate clip weights batch logProbs
        GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "value" case.Outputs) ours.Value
        GoldenCase.assertAllClose case.Name 1e-9 (flat "grad_log_prob" case.Outputs) ours.Gradient

        // verl divides a count by n + 1e-8.
        let diagnostics =
            Objective.diagnose clip batch logProbs (Array.zeroCreate batch.Tokens)

        let metrics = case.Outputs.GetProperty "metrics"
        let share = float batch.Tokens / (float batch.Tokens + 1e-8)

        for name, value in
            [
                "pg_clipfrac", diagnostics.ClipFractionLow + diagnostics.ClipFractionHigh
                "pg_clipfrac_lower", diagnostics.DualClipFraction
                "ppo_kl", diagnostics.ApproximateKl
            ] do
            GoldenCase.assertClose $"{case.Name} {name}" 1e-9 (GoldenCase.number name metrics) (share * value)

[<Fact>]
let ``the token-level loss with k3 is TRL's, value, slopes and diagnostics`` () =
    // Covered: GRPO's own aggregation at token level with any epsilons, beta, accumulation and entropy bonus. Not built:
    // sequence-level ratios, delta, top entropy, the off-policy mask, sampler correction, the bias-corrected KL.
    let covered =
        GoldenCase.all "golden/rl/trl_loss_grpo.json"
        |> Array.filter (fun case ->
            let parameters = case.Inputs.GetProperty "parameters"

            let isOff name =
                not ((parameters.GetProperty(name: string)).GetBoolean())

            string (parameters.GetProperty "importance_sampling_level") = "token"
            && GoldenCase.number "top_entropy_quantile" parameters = 1.0
            && not (GoldenCase.has "delta" parameters)
            && not (GoldenCase.has "off_policy_mask_threshold" parameters)
            && isOff "use_vllm"
            && isOff "use_bias_correction_kl")

    // 12 batches; on three of them beta, epsilons, the bonus, two accumulations, eval and the first step.
    Assert.Equal(33, covered.Length)

    for case in covered do
        let parameters = case.Inputs.GetProperty "parameters"
        let mask = GoldenCase.matrix "mask" case.Inputs

        let flat name record =
            GoldenCase.matrix name record |> Masked.flatten mask

        let flatOr name fallback =
            if GoldenCase.has name case.Inputs then
                flat name case.Inputs
            else
                fallback

        let logProbs = flat "log_prob" case.Inputs

        let advantages =
            let given = case.Inputs.GetProperty "advantages"

            if given[0].ValueKind = System.Text.Json.JsonValueKind.Array then
                flat "advantages" case.Inputs
            else
                let byRow = GoldenCase.numbers "advantages" case.Inputs
                Masked.rows mask |> Array.map (fun row -> byRow[row])

        let batch =
            goldenBatch mask advantages (flatOr "old_log_prob" logProbs) (flatOr "ref_log_prob" [||])

        // TRL divides by all rows, those without tokens too, and by the accumulation steps while it trains.
        let accumulation =
            if GoldenCase.has "mode" parameters then
                1.0
            else
                GoldenCase.number "current_gradient_accumulation_steps" parameters

        let present = mask |> Array.filter (fun row -> Array.sum row > 0.0) |> Array.length

        let weights =
            Aggregation.weights Aggregation.SequenceMeanTokenMean batch
            |> Array.map (fun weight -> weight * float present / float mask.Length / accumulation)

        let clip =
            {
                EpsilonLow = GoldenCase.number "epsilon_low" parameters
                EpsilonHigh = GoldenCase.number "epsilon_high" parameters
                Dual = DualClip.Off
                LogRatio = LogRatioBound.Unbounded
            }

        let entropies = flatOr "entropies" (Array.zeroCreate batch.Tokens)
        let bonus = GoldenCase.number "entropy_coef" parameters

        let policy = Objective.clippedSurrogate clip weights batch logProbs

        let withKl =
            Objective.regularised
                {
                    KlCoefficient = GoldenCase.number "beta" parameters
                    KlValue = Estimator.K3
                    KlGradient = Estimator.K3
                    EntropyCoefficient = 0.0
                }
                policy
                weights
                batch
                logProbs
                entropies

        // The bonus is a token mean there, whatever the policy term's mean.
        let ours =
            Objective.regularised
                {
                    KlCoefficient = 0.0
                    KlValue = Estimator.K3
                    KlGradient = Estimator.K3
                    EntropyCoefficient = bonus / accumulation
                }
                {
                    Value = withKl.Value
                    Gradient = withKl.Gradient
                }
                (Aggregation.weights Aggregation.TokenMean batch)
                batch
                logProbs
                entropies

        GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "value" case.Outputs) ours.Value
        GoldenCase.assertAllClose case.Name 1e-9 (flat "grad_log_prob" case.Outputs) ours.Gradient

        if bonus > 0.0 then
            GoldenCase.assertAllClose case.Name 1e-9 (flat "grad_entropies" case.Outputs) ours.EntropyGradient

        // Their metrics are float32 means.
        let diagnostics = Objective.diagnose clip batch logProbs entropies
        let metrics = case.Outputs.GetProperty "metrics"

        let same name value =
            GoldenCase.assertClose $"{case.Name} {name}" 1e-6 (GoldenCase.number name metrics) value

        same "clip_ratio/low_mean" diagnostics.ClipFractionLow
        same "clip_ratio/high_mean" diagnostics.ClipFractionHigh
