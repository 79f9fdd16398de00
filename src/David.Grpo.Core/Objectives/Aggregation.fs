namespace David.Grpo

/// How the losses of N tokens become one number: means that the literature all calls "the loss". Below, n_s is the
/// number of trained tokens of sequence s. Only what has a trained token counts: a sequence without one is in no
/// denominator (so in verl and in the authors' code; TRL divides by all rows).
/// Weights, so that a loss is Σₜ wₜ ℓₜ.
[<RequireQualifiedAccess>]
type Aggregation =
    /// 1 / N: every token the same (DAPO, arXiv 2503.14476; verl's `token-mean`; TRL's `bnpo`).
    | TokenMean
    /// 1 / (B n_s), B the number of sequences with tokens: every sequence the same (GRPO, arXiv 2402.03300; verl's
    /// `seq-mean-token-mean`, which adds 1e-8 to n_s).
    | SequenceMeanTokenMean
    /// 1 / B: the sum over a sequence, averaged over sequences (verl's `seq-mean-token-sum`).
    | SequenceMeanTokenSum
    /// 1 / (divisor n_s): the sum over sequences of their tokens' means, by a constant above 0. With divisor = B it is
    /// SequenceMeanTokenMean; with all sequences, those without tokens too, TRL's `grpo` and `sapo`; with the sequences of
    /// the whole batch / workers, verl's `global_batch_size`.
    | SequenceSumTokenMean of divisor: float
    /// 1 / divisor, a constant above 0 that no length moves. With divisor = B · (longest response allowed) Dr. GRPO (arXiv
    /// 2503.20783; verl's `seq-mean-token-sum-norm`; TRL's `dr_grpo`, where B counts all sequences), with 1 the plain sum
    /// (`token-sum`), with all sequences TRL's `luspo`, with num_items_in_batch · (accumulation steps) / (steps per
    /// generation) TRL's `dapo`, `cispo` and `vespo`. It is the way to a denominator that is fixed across batches.
    | TokenSum of divisor: float
    /// 1 / (Q n_q n_s), n_q the sequences with tokens of the token's question, Q the number of such questions: every
    /// question the same. Source: David-GRPO's authors' code of September 2026 (balanced weights).
    | QuestionMean

    /// The weight of each token, [N], at least 0. The means' weights add up to 1, to n̄ = N / B for SequenceMeanTokenSum,
    /// to B / divisor for SequenceSumTokenMean and to N / divisor for TokenSum. No tokens, no weights.
    /// Raises ArgumentException where the divisor is not a finite number above 0.
    [<CompiledName "Weights">]
    static member weights (aggregation: Aggregation) (batch: TokenBatch) : float[] =
        let tokensOf = Array.zeroCreate<int> batch.Sequences

        for sequence in batch.Sequence do
            tokensOf[sequence] <- tokensOf[sequence] + 1

        let present =
            [| 0 .. batch.Sequences - 1 |] |> Array.filter (fun sequence -> tokensOf[sequence] > 0)

        let sequences = float present.Length

        let checkDivisor (divisor: float) =
            Check.range
                (nameof divisor)
                "a finite number above 0"
                (System.Double.IsFinite divisor && divisor > 0.0)
                divisor

        match aggregation with
        | Aggregation.TokenMean -> Array.replicate batch.Tokens (1.0 / float batch.Tokens)
        | Aggregation.SequenceMeanTokenMean ->
            batch.Sequence |> Array.map (fun sequence -> 1.0 / (sequences * float tokensOf[sequence]))
        | Aggregation.SequenceSumTokenMean divisor ->
            checkDivisor divisor
            batch.Sequence |> Array.map (fun sequence -> 1.0 / (divisor * float tokensOf[sequence]))
        | Aggregation.SequenceMeanTokenSum -> Array.replicate batch.Tokens (1.0 / sequences)
        | Aggregation.TokenSum divisor ->
            checkDivisor divisor
            Array.replicate batch.Tokens (1.0 / divisor)
        | Aggregation.QuestionMean ->
            let sequencesOf =
                present |> Array.countBy (fun sequence -> batch.Question[sequence]) |> dict

            batch.Sequence
            |> Array.map (fun sequence ->
                let siblings = sequencesOf[batch.Question[sequence]]
                1.0 / (float sequencesOf.Count * float siblings * float tokensOf[sequence]))

    /// Weights [N] times factors [N], such as importance weights. The denominators stay as they were. Both are finite and
    /// at least 0; raises ArgumentException otherwise.
    [<CompiledName "Scaled">]
    static member scaled (factors: float[]) (weights: float[]) : float[] =
        Check.length (nameof factors) weights.Length "one for each weight" factors
        Check.notNegative (nameof factors) factors
        Check.notNegative (nameof weights) weights
        Array.map2 (*) weights factors

    /// Weights [N] with those of the tokens that are not kept at 0. The denominators still count these tokens (so TRL's
    /// masks); where they shall not, take the weights of `batch.Pick` of the kept tokens (so verl's rejection).
    [<CompiledName "Kept">]
    static member kept (keep: bool[]) (weights: float[]) : float[] =
        Check.length (nameof keep) weights.Length "one for each weight" keep
        Array.map2 (fun keep weight -> if keep then weight else 0.0) keep weights
