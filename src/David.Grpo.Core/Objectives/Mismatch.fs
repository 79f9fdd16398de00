namespace David.Grpo

/// How far the sampler's probabilities of the tokens that it drew are from the learner's. All 0 for no tokens. Sequences
/// without tokens are not counted.
type Mismatch =
    {
        /// N.
        Tokens: int
        /// Mean of log π_sampler − log π_learner in nats: KL(sampler‖learner) by k1.
        Kl: float
        /// The same KL by k3, at least 0.
        KlK3: float
        /// Mean of ρ² − 1 over tokens, ρ = π_learner / π_sampler, log ρ within ±20: the χ² divergence by token.
        TokenChiSquare: float
        /// Mean over sequences of (Πρ)² − 1, the logarithm of the product within ±20: the χ² divergence of sequences. The
        /// variance of sequence weights, and 1 / (1 + it) the share of samples that they leave.
        SequenceChiSquare: float
        /// Mean over sequences of exp(−mean log π_learner).
        LearnerPerplexity: float
        /// Mean over sequences of exp(−mean log π_sampler).
        SamplerPerplexity: float
        /// Mean over sequences of the absolute difference of the two mean log-probabilities, in nats.
        LogPerplexityGap: float
    }

/// Measures the mismatch between sampler and learner.
[<RequireQualifiedAccess>]
module Mismatch =

    /// The mismatch on a batch's tokens; both arrays are [N] log-probabilities in nats. With one model and one precision all
    /// but the perplexities are near 0; in an importance correction look at SequenceChiSquare first.
    /// Source: verl 0.9.1 compute_offpolicy_metrics, whose means over sequences count those without tokens too.
    [<CompiledName "Measure">]
    let measure (batch: TokenBatch) (learnerLogProbs: float[]) (samplerLogProbs: float[]) : Mismatch =
        TokenCheck.logProbs (nameof learnerLogProbs) batch.Tokens learnerLogProbs
        TokenCheck.logProbs (nameof samplerLogProbs) batch.Tokens samplerLogProbs

        let mean values =
            if Array.isEmpty values then 0.0 else Numerics.mean values

        let counts = BySequence.counts batch

        /// The mean of what is by sequence.
        let meanOfSequences (values: float[]) =
            Array.zip counts values |> Array.filter (fun (count, _) -> count > 0.0) |> Array.map snd |> mean

        let divergence estimator =
            (Divergence.estimate estimator estimator samplerLogProbs learnerLogProbs).Values |> mean

        let drift = Array.map2 (-) learnerLogProbs samplerLogProbs

        let squared logRatio =
            exp (2.0 * System.Math.Clamp(logRatio, -20.0, 20.0)) - 1.0

        let learner = BySequence.means batch learnerLogProbs
        let sampler = BySequence.means batch samplerLogProbs

        {
            Tokens = batch.Tokens
            Kl = divergence Estimator.K1
            KlK3 = divergence Estimator.K3
            TokenChiSquare = drift |> Array.map squared |> mean
            SequenceChiSquare = BySequence.sums batch drift |> Array.map squared |> meanOfSequences
            LearnerPerplexity = learner |> Array.map (fun mean -> exp -mean) |> meanOfSequences
            SamplerPerplexity = sampler |> Array.map (fun mean -> exp -mean) |> meanOfSequences
            LogPerplexityGap = Array.map2 (fun left right -> abs (left - right)) learner sampler |> meanOfSequences
        }
