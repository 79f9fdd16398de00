namespace David.Grpo

/// What an objective needs to know about N trained tokens of B sequences, flattened: everything but the log-probabilities
/// under the policy in training. There is no mask: a token that is not trained (prompt, observation, padding) is not in
/// the batch, so it cannot carry a slope. Tokens may stand in any order.
[<Sealed>]
type TokenBatch
    private
    (
        sequence: int[],
        question: int[],
        advantages: float[],
        oldLogProbs: float[],
        samplerLogProbs: float[],
        referenceLogProbs: float[]
    ) =

    /// [N] index of the sequence that each token belongs to, in [0, B).
    member _.Sequence = sequence
    /// [B] index of the question that each sequence answers, at least 0. A sequence without any token is allowed.
    member _.Question = question
    /// [N] advantages, finite.
    member _.Advantages = advantages
    /// [N] log-probabilities (nats) under the policy before the first optimizer step of the batch, finite.
    member _.OldLogProbs = oldLogProbs
    /// [N] log-probabilities (nats) that the sampler gave its tokens, finite; OldLogProbs where no others were given.
    member _.SamplerLogProbs = samplerLogProbs
    /// [N] log-probabilities (nats) under the reference policy, finite; empty where there is no reference.
    member _.ReferenceLogProbs = referenceLogProbs
    /// N, the number of trained tokens.
    member _.Tokens = sequence.Length
    /// B, the number of sequences, those without tokens included.
    member _.Sequences = question.Length
    /// Whether reference log-probabilities were given. A batch without tokens needs none.
    member _.HasReference = referenceLogProbs.Length = sequence.Length

    /// A batch, its arrays copied and checked once.
    /// `sequence` [N] in [0, B), `question` [B] at least 0, `advantages` [N] and `oldLogProbs` [N] finite,
    /// `referenceLogProbs` [N] finite, or empty where there is no reference.
    /// Raises ArgumentException naming the array, the entry, what it got and what it expected.
    static member Create
        (sequence: int[], question: int[], advantages: float[], oldLogProbs: float[], referenceLogProbs: float[])
        : TokenBatch =
        let tokens, sequences = sequence.Length, question.Length
        let perToken = "one for each trained token, as in sequence"
        Check.length (nameof advantages) tokens perToken advantages
        Check.length (nameof oldLogProbs) tokens perToken oldLogProbs

        if referenceLogProbs.Length > 0 then
            Check.length
                (nameof referenceLogProbs)
                tokens
                $"{perToken}, or none where there is no reference"
                referenceLogProbs

        match sequence |> Array.tryFindIndex (fun index -> index < 0 || index >= sequences) with
        | Some token ->
            invalidArg
                (nameof sequence)
                $"sequence[{token}] is {sequence[token]}; expected 0 to {sequences - 1}, an index into question, which has {sequences} entries."
        | None -> ()

        match question |> Array.tryFindIndex (fun index -> index < 0) with
        | Some index ->
            invalidArg (nameof question) $"question[{index}] is {question[index]}; expected an index of at least 0."
        | None -> ()

        let modelAdvice =
            "The model gave it: look for an overflow in its logits, or a token that it rules out."

        Check.finite (nameof advantages) "Compute it with Advantage.GroupRelative from finite rewards." advantages
        Check.finite (nameof oldLogProbs) modelAdvice oldLogProbs
        Check.finite (nameof referenceLogProbs) modelAdvice referenceLogProbs

        TokenBatch(
            Array.copy sequence,
            Array.copy question,
            Array.copy advantages,
            Array.copy oldLogProbs,
            Array.copy oldLogProbs,
            Array.copy referenceLogProbs
        )

    /// The same with the sampler's own log-probabilities [N], finite: they differ from OldLogProbs by kernel, precision or
    /// engine where the old ones were computed anew.
    member batch.WithSampler(samplerLogProbs: float[]) : TokenBatch =
        Check.length (nameof samplerLogProbs) batch.Tokens "one for each trained token of the batch" samplerLogProbs

        Check.finite
            (nameof samplerLogProbs)
            "Give the old log-probability of a token that nobody sampled."
            samplerLogProbs

        TokenBatch(sequence, question, advantages, oldLogProbs, Array.copy samplerLogProbs, referenceLogProbs)

    /// The same with the sampler as the old policy.
    member _.SinceSampling: TokenBatch =
        TokenBatch(sequence, question, advantages, samplerLogProbs, samplerLogProbs, referenceLogProbs)

    /// The positions, ascending, of all tokens of the given sequences.
    member _.TokensOf(sequences: int[]) : int[] =
        let wanted = System.Collections.Generic.HashSet sequences
        [| 0 .. sequence.Length - 1 |] |> Array.filter (fun token -> wanted.Contains sequence[token])

    /// The batch of the tokens at the given positions, in that order; sequences and questions keep their indices.
    /// With `TokensOf` this cuts an optimizer batch into micro-batches. Take the weights once from the whole batch and
    /// pick them along, then the micro-batches' losses add up to the whole batch's.
    member _.Pick(tokens: int[]) : TokenBatch =
        let pick (values: 'value[]) =
            tokens |> Array.map (fun token -> values[token])

        TokenBatch(
            pick sequence,
            question,
            pick advantages,
            pick oldLogProbs,
            pick samplerLogProbs,
            (if referenceLogProbs.Length = 0 then
                 referenceLogProbs
             else
                 pick referenceLogProbs)
        )

/// Checks of what stands on the tokens of a batch.
[<RequireQualifiedAccess>]
module internal TokenCheck =

    let perToken = "one for each trained token of the batch"

    /// `values` are [N] log-probabilities that a model gave.
    let logProbs (name: string) (tokens: int) (values: float[]) : unit =
        Check.length name tokens perToken values

        Check.finite
            name
            "The model gave it: look for an overflow in its logits, and skip the step rather than train on it."
            values

    /// `values` are [N], finite and at least 0.
    let weights (name: string) (tokens: int) (values: float[]) : unit =
        Check.length name tokens perToken values
        Check.notNegative name values

    /// A single number is finite and at least 0.
    let coefficient (name: string) (value: float) : unit =
        Check.range name "a finite number of at least 0" (System.Double.IsFinite value && value >= 0.0) value

/// Sums of tokens by sequence, [N] → [B], and back.
[<RequireQualifiedAccess>]
module internal BySequence =

    let sums (batch: TokenBatch) (values: float[]) : float[] =
        let totals = Array.zeroCreate<float> batch.Sequences

        for token in 0 .. batch.Tokens - 1 do
            let sequence = batch.Sequence[token]
            totals[sequence] <- totals[sequence] + values[token]

        totals

    /// [B] n_s, the number of trained tokens.
    let counts (batch: TokenBatch) : float[] =
        sums batch (Array.replicate batch.Tokens 1.0)

    /// [B] means over the trained tokens, 0 for a sequence without any.
    let means (batch: TokenBatch) (values: float[]) : float[] =
        Array.map2 (fun total count -> total / max count 1.0) (sums batch values) (counts batch)

    /// [B] largest values, −∞ for a sequence without trained tokens.
    let maxima (batch: TokenBatch) (values: float[]) : float[] =
        let largest = Array.replicate batch.Sequences -infinity

        for token in 0 .. batch.Tokens - 1 do
            let sequence = batch.Sequence[token]
            largest[sequence] <- max largest[sequence] values[token]

        largest

    /// [B] → [N]: each token gets its sequence's value.
    let spread (batch: TokenBatch) (values: float[]) : float[] =
        batch.Sequence |> Array.map (fun sequence -> values[sequence])
