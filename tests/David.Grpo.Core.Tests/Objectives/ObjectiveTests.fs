module David.Grpo.Tests.ObjectiveTests

open Expecto
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
/// rounding of f over h, both below 1e-10 times values and derivatives, which stay below some hundred times the loss.
let slopesAgree (loss: float[] -> float) (gradient: float[]) (point: float[]) : bool =
    let h = 1e-5
    let tolerance = 1e-6 * max 1.0 (abs (loss point))

    gradient
    |> Array.indexed
    |> Array.forall (fun (token, slope) ->
        let at by =
            loss (point |> Array.mapi (fun t x -> if t = token then x + by else x))

        abs ((at h - at -h) / (2.0 * h) - slope) <= tolerance)

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

/// One token a sequence, with the given log-ratios and advantages.
let private tokens (logRatios: float[]) (advantages: float[]) =
    let indices = [| 0 .. logRatios.Length - 1 |]
    let zeros = Array.zeroCreate<float> logRatios.Length
    TokenBatch.Create(indices, indices, advantages, zeros, [||]), logRatios

[<Tests>]
let tests =
    testList "ObjectiveTests" [
        test "slopes of the clipped surrogate are its derivatives" {
            lawFor TokenBatches.sample (fun sample ->
                clips
                |> List.forall (fun clip ->
                    let loss logProbs =
                        (surrogate clip { sample with LogProbs = logProbs }).Value

                    slopesAgree loss (surrogate clip sample).Gradient sample.LogProbs))
        }

        test "slopes of the negative log-likelihood are its derivatives" {
            lawFor TokenBatches.sample (fun sample ->
                let loss logProbs =
                    Objective.negativeLogLikelihood (weightsOf sample) logProbs

                slopesAgree (fun logProbs -> (loss logProbs).Value) (loss sample.LogProbs).Gradient sample.LogProbs)
        }

        test "slopes of the regularised loss are its derivatives by log-probabilities and entropies" {
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
        }

        test "a dual clip at infinity is the plain clip" {
            lawFor TokenBatches.sample (fun sample ->
                clips
                |> List.forall (fun clip ->
                    surrogate (dual infinity clip) sample = surrogate { clip with Dual = DualClip.Off } sample))
        }

        test "a bound on the log-ratio that nothing reaches is no bound" {
            lawFor TokenBatches.sample (fun sample -> surrogate plain sample = surrogate (unbounded plain) sample)
        }

        test "an infinite epsilon is the plain policy gradient" {
            lawFor TokenBatches.sample (fun sample ->
                let ours = surrogate (unbounded (Clip.Symmetric infinity)) sample
                let batch = sample.Batch

                let terms =
                    Array.init batch.Tokens (fun t ->
                        -(weightsOf sample)[t] * batch.Advantages[t] * exp (sample.LogProbs[t] - batch.OldLogProbs[t]))

                Golden.close 1e-12 (Array.sum terms) ours.Value
                && Array.forall2 (Golden.close 1e-12) terms ours.Gradient)
        }

        test "on policy every clip gives the advantages as slopes" {
            lawFor TokenBatches.sample (fun sample ->
                clips
                |> List.forall (fun clip ->
                    let onPolicy =
                        { sample with
                            LogProbs = sample.Batch.OldLogProbs
                        }

                    Array.forall2
                        (Golden.close 1e-15)
                        (Array.map2
                            (fun weight advantage -> -weight * advantage)
                            (weightsOf sample)
                            sample.Batch.Advantages)
                        (surrogate clip onPolicy).Gradient))
        }

        test "clipping is pessimistic, and a dual clip bounds the pessimism" {
            lawFor TokenBatches.sample (fun sample ->
                let free = (surrogate (Clip.Symmetric infinity) sample).Value
                let clipped = (surrogate plain sample).Value
                let held = (surrogate (dual 3.0 plain) sample).Value
                clipped >= free - 1e-12 && held <= clipped + 1e-12)
        }

        test "without coefficients the regularised loss is the policy term" {
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
        }

        test "the loss is the sum of its three terms" {
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
        }

        test "the order of the tokens moves no loss, and their slopes move with them" {
            lawFor TokenBatches.sample (fun sample ->
                let order, other = TokenBatches.reorder sample
                let ours = total (regularisation Estimator.K3) sample
                let theirs = total (regularisation Estimator.K3) other

                Golden.close 1e-12 ours.Value theirs.Value
                && (order |> Array.map (fun token -> ours.Gradient[token])) = theirs.Gradient)
        }

        test "a batch twice has the same loss and half the slopes" {
            lawFor TokenBatches.sample (fun sample ->
                let once = total (regularisation Estimator.K3) sample
                let twice = total (regularisation Estimator.K3) (TokenBatches.duplicate sample)
                let halves = once.Gradient |> Array.map (fun slope -> 0.5 * slope)

                Golden.close 1e-12 once.Value twice.Value
                && Array.forall2 (Golden.close 1e-12) (Array.append halves halves) twice.Gradient)
        }

        test "micro-batches add up to the batch" {
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
        }

        test "diagnostics count each token once, at the edge that holds it" {
            let clip = dual 3.0 plain
            // High clip, none (wrong side), low clip, none, dual clip, none.
            let batch, logProbs =
                tokens [| 1.0; 1.0; -1.0; -1.0; 2.0; 0.0 |] [| 1.0; -1.0; -1.0; 1.0; -1.0; -1.0 |]

            let entropies = [| 0.0; 1.0; 2.0; 3.0; 4.0; 5.0 |]
            let ours = Objective.diagnose clip batch logProbs entropies
            ours.Tokens |> equals 6
            GoldenCase.assertClose "high" 1e-15 (1.0 / 6.0) ours.ClipFractionHigh
            GoldenCase.assertClose "low" 1e-15 (1.0 / 6.0) ours.ClipFractionLow
            GoldenCase.assertClose "dual" 1e-15 (1.0 / 6.0) ours.DualClipFraction
            GoldenCase.assertClose "KL" 1e-15 (-2.0 / 6.0) ours.ApproximateKl
            GoldenCase.assertClose "entropy" 1e-15 2.5 ours.MeanEntropy
            GoldenCase.assertClose "ratio" 1e-15 ((2.0 * exp 1.0 + 2.0 * exp -1.0 + exp 2.0 + 1.0) / 6.0) ours.MeanRatio
        }

        test "extreme log-ratios give finite losses within the default bound" {
            let batch, logProbs =
                tokens [| 2000.0; 2000.0; 2000.0; -2000.0; -2000.0 |] [| 1.0; -1.0; 0.0; 1.0; -1.0 |]

            let weights = Aggregation.weights Aggregation.TokenMean batch
            let ours = Objective.clippedSurrogate plain weights batch logProbs
            isTrue (System.Double.IsFinite ours.Value)
            ours.Gradient |> equals (Array.zeroCreate 5)
        }

        test "without a bound an extreme log-ratio is infinite only where the formula is, and never NaN" {
            let clip = unbounded plain

            let loss clip advantage =
                let batch, logProbs = tokens [| 2000.0 |] [| advantage |]
                Objective.clippedSurrogate clip [| 1.0 |] batch logProbs

            loss clip 1.0 |> equals { Value = -1.2; Gradient = [| 0.0 |] }
            loss clip 0.0 |> equals { Value = 0.0; Gradient = [| 0.0 |] }
            (loss clip -1.0).Value |> equals infinity
            loss (dual 3.0 clip) -1.0 |> equals { Value = 3.0; Gradient = [| 0.0 |] }
        }

        test "a token of weight zero has no say" {
            let clip = unbounded plain

            let batch =
                TokenBatch.Create([| 0; 0 |], [| 0 |], [| -1.0; 1.0 |], [| -900.0; -1.0 |], [| 0.0; -1.0 |])

            let weights, logProbs = [| 0.0; 1.0 |], [| -800.0; -1.0 |]
            let policy = Objective.clippedSurrogate clip weights batch logProbs

            let ours =
                Objective.regularised (regularisation Estimator.K3) policy weights batch logProbs [| 9.0; 0.0 |]

            ours.Value |> equals -1.0
            ours.Gradient |> equals [| 0.0; -1.0 |]
        }

        test "a batch without tokens has a loss of zero" {
            let batch, none = tokens [||] [||]
            let policy = Objective.clippedSurrogate plain [||] batch none

            let ours =
                Objective.regularised (regularisation Estimator.K2) policy [||] batch none none

            ours.Value |> equals 0.0
            isEmpty ours.Gradient
            (Objective.diagnose plain batch none none).Tokens |> equals 0
        }

        test "wrong arguments are refused by name" {
            let batch, logProbs = tokens [| 0.1; 0.2 |] [| 1.0; -1.0 |]
            let weights = [| 0.5; 0.5 |]

            let refusal clip weights logProbs =
                GoldenCase.refusal (fun () -> Objective.clippedSurrogate clip weights batch logProbs |> ignore)

            let contains (expected: string) (message: string) = message |> containsText expected
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

                GoldenCase.refusal (fun () ->
                    Objective.regularised terms policy weights batch logProbs entropies |> ignore)

            refusal 0.1 0.0 [| 0.0; 0.0 |] |> contains "has no ReferenceLogProbs"
            refusal -0.1 0.0 [| 0.0; 0.0 |] |> contains "KlCoefficient is -0.1"
            refusal 0.0 nan [| 0.0; 0.0 |] |> contains "EntropyCoefficient is NaN"
            refusal 0.0 0.0 [||] |> contains "entropies has 0 entries; expected 2"
        }
    ]
