namespace David.Grpo

/// How the losses of N tokens become one number: five means that the literature all calls "the loss". Below, n_s is the
/// number of trained tokens of sequence s. Only what has a trained token counts: a sequence without one is in no
/// denominator (so in verl and in the authors' code; TRL divides by all rows).
[<RequireQualifiedAccess>]
type Aggregation =
    /// 1 / N: every token the same (DAPO, arXiv 2503.14476; verl's `token-mean`).
    | TokenMean
    /// 1 / (B n_s), B the number of sequences with tokens: every sequence the same (GRPO, arXiv 2402.03300; verl's
    /// `seq-mean-token-mean`, which adds 1e-8 to n_s).
    | SequenceMeanTokenMean
    /// 1 / B: the sum over a sequence, averaged over sequences (verl's `seq-mean-token-sum`).
    | SequenceMeanTokenSum
    /// 1 / divisor, a constant above 0 that no length moves. With divisor = B · (longest response allowed) Dr. GRPO (arXiv
    /// 2503.20783; verl's `seq-mean-token-sum-norm`), with 1 the plain sum (`token-sum`). It is also the way to a
    /// denominator that is fixed across batches.
    | TokenSum of divisor: float
    /// 1 / (Q n_q n_s), n_q the sequences with tokens of the token's question, Q the number of such questions: every
    /// question the same. Source: David-GRPO's authors' code of September 2026 (balanced weights).
    | QuestionMean

/// Weights, so that a loss is Σₜ wₜ ℓₜ.
[<RequireQualifiedAccess>]
module Aggregation =

    /// The weight of each token, [N], at least 0. The means' weights add up to 1, to n̄ = N / B for SequenceMeanTokenSum
    /// and to N / divisor for TokenSum. No tokens, no weights.
    /// Raises ArgumentException where the divisor is not a finite number above 0.
    [<CompiledName "Weights">]
    let weights (aggregation: Aggregation) (batch: TokenBatch) : float[] =
        let tokensOf = Array.zeroCreate<int> batch.Sequences

        for sequence in batch.Sequence do
            tokensOf[sequence] <- tokensOf[sequence] + 1

        let present =
            [| 0 .. batch.Sequences - 1 |] |> Array.filter (fun sequence -> tokensOf[sequence] > 0)

        let sequences = float present.Length

        match aggregation with
        | Aggregation.TokenMean -> Array.replicate batch.Tokens (1.0 / float batch.Tokens)
        | Aggregation.SequenceMeanTokenMean ->
            batch.Sequence |> Array.map (fun sequence -> 1.0 / (sequences * float tokensOf[sequence]))
        | Aggregation.SequenceMeanTokenSum -> Array.replicate batch.Tokens (1.0 / sequences)
        | Aggregation.TokenSum divisor ->
            Check.range
                (nameof divisor)
                "a finite number above 0"
                (System.Double.IsFinite divisor && divisor > 0.0)
                divisor

            Array.replicate batch.Tokens (1.0 / divisor)
        | Aggregation.QuestionMean ->
            let sequencesOf =
                present |> Array.countBy (fun sequence -> batch.Question[sequence]) |> dict

            batch.Sequence
            |> Array.map (fun sequence ->
                let siblings = sequencesOf[batch.Question[sequence]]
                1.0 / (float sequencesOf.Count * float siblings * float tokensOf[sequence]))
