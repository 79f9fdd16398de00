namespace David.Grpo

open System

/// One token of a trial answer: what the model thought where it was written, in nats.
[<Struct>]
type TrialToken =
    {
        /// Of the most likely token; at most 0.
        TopLogProb: float
        /// Of the second most likely token; at most `TopLogProb`.
        SecondLogProb: float
        /// Of the whole next-token distribution; at least 0.
        Entropy: float
    }

/// What of a trial answer's tokens becomes the confidence. pₖ is the top probability at token k.
[<RequireQualifiedAccess>]
type TokenMeasure =
    /// minₖ pₖ (DEER's `min`).
    | Least
    /// (1/n) Σ pₖ (DEER's `avg1`, its default).
    | ArithmeticMean
    /// exp((1/n) Σ log pₖ) (DEER's `avg2`).
    | GeometricMean
    /// 1 − (1/n) Σ Hₖ / log V, for a vocabulary of V tokens, at least 2.
    | NormalizedEntropy of vocabulary: int
    /// (1/n) Σ (top − second probability).
    | Margin

/// Whether a trial answer's first token counts.
[<RequireQualifiedAccess>]
type FirstToken =
    /// It is weighted as the others are.
    | Counted
    /// Left out, as DEER does: it often only opens the answer.
    | Skipped

/// What retrieval says about the evidence gathered so far.
[<Struct>]
type RetrievalFeatures =
    {
        /// The best score of the last search, in the retriever's unit.
        Best: float
        /// The best less the second-best score, at least 0.
        Gap: float
        /// The share of the last search's passages that no earlier search returned, in [0, 1].
        Fresh: float
    }

/// A linear model of log-odds over retrieval features, fitted elsewhere.
type SufficiencyWeights =
    {
        /// Of 1.
        Bias: float
        /// Of the best score of a passage.
        Best: float
        /// Of the gap between the first scores.
        Gap: float
        /// Of the share of passages not seen before.
        Fresh: float
    }

/// A trial answer and what was measured beside it, at one check. Fields that the measure in use does not read may be empty.
type Trial =
    {
        /// The greedy trial answer; empty where there is none.
        Answer: string
        /// Its tokens.
        Tokens: TrialToken[]
        /// Sampled trial answers, for the vote.
        Votes: string[]
        /// log p of the trial answer's tokens with the evidence in the prompt, [n].
        LogProbsWith: float[]
        /// log p of the same tokens without the evidence, [n].
        LogProbsWithout: float[]
        /// Scores of the last search, best first.
        Retrieval: RetrievalFeatures
    }

/// How sure the policy is of its trial answer.
[<RequireQualifiedAccess>]
type ConfidenceMeasure =
    /// From the trial answer's token probabilities, in [0, 1].
    | Tokens of measure: TokenMeasure * first: FirstToken
    /// The share of the sampled trial answers that agree with the most frequent one, in [0, 1].
    | VoteShare
    /// How long the trial answer has stayed the same, min(1, turns alike / turns), in [0, 1]; `turns` at least 1.
    | Stability of turns: int
    /// How much the evidence raises the answer's log-probability, in nats, any sign.
    | EvidenceReliance
    /// The chance, by the weights, that the evidence is enough, in (0, 1).
    | Sufficiency of weights: SufficiencyWeights

/// Confidence in a trial answer: answer tag appended, decoded greedily, cache kept. Small models judge themselves poorly,
/// so read it with `Calibration` and choose thresholds with `RiskControl`, never by hand.
[<RequireQualifiedAccess>]
module Confidence =

    /// What a next-token distribution says where its likeliest token is taken, from all its log-probabilities [V], in nats;
    /// V at least 2. A log-probability that rounding left above 0 counts as 0, one of −∞ adds nothing to the entropy.
    [<CompiledName "OfDistribution">]
    let ofDistribution (logProbs: ReadOnlySpan<float32>) : TrialToken =
        Check.range (nameof logProbs) "at least 2 log-probabilities" (logProbs.Length >= 2) (float logProbs.Length)
        let mutable top = Double.NegativeInfinity
        let mutable second = Double.NegativeInfinity
        let mutable entropy = 0.0

        for i in 0 .. logProbs.Length - 1 do
            let logProb = min 0.0 (float logProbs[i])

            if logProb > top then
                second <- top
                top <- logProb
            elif logProb > second then
                second <- logProb

            if logProb > Double.NegativeInfinity then
                entropy <- entropy - exp logProb * logProb

        {
            TopLogProb = top
            SecondLogProb = second
            Entropy = entropy
        }

    let private checkToken name index (token: TrialToken) =
        if
            not (token.TopLogProb <= 1e-9 && token.SecondLogProb <= token.TopLogProb && token.Entropy >= 0.0)
            || Double.IsInfinity token.TopLogProb
            || Double.IsInfinity token.Entropy
        then
            invalidArg
                name
                $"{name}[{index}] is {token}; expected a finite top log-probability of at most 0, a second of at most that, and a finite entropy of at least 0."

    /// The confidence in a trial answer of `tokens` [n], in [0, 1]. No token left to judge by is no confidence, 0 (DEER's
    /// release has 0 for no token at all, 1 by `min` and a division by zero by the means for a single one that is skipped).
    /// Source: DEER (arXiv 2504.15895), section 3 and its release `calculate_average_max_prob_from_logprobs`, which cuts
    /// log pₖ at log 1e-10 and we do not; entropy and margin are the standard forms.
    [<CompiledName "OfTokens">]
    let ofTokens (measure: TokenMeasure) (first: FirstToken) (tokens: TrialToken[]) : float =
        tokens |> Array.iteri (checkToken (nameof tokens))

        let judged =
            match first with
            | FirstToken.Counted -> tokens
            | FirstToken.Skipped -> Array.skip (min 1 tokens.Length) tokens

        let mean pick =
            judged |> Array.map pick |> Numerics.mean

        let value () =
            match measure with
            | TokenMeasure.Least -> judged |> Array.map (fun token -> exp token.TopLogProb) |> Array.min
            | TokenMeasure.ArithmeticMean -> mean (fun token -> exp token.TopLogProb)
            | TokenMeasure.GeometricMean -> exp (mean _.TopLogProb)
            | TokenMeasure.NormalizedEntropy vocabulary ->
                Check.range (nameof vocabulary) "at least 2" (vocabulary >= 2) (float vocabulary)
                1.0 - mean _.Entropy / log (float vocabulary)
            | TokenMeasure.Margin -> mean (fun token -> exp token.TopLogProb - exp token.SecondLogProb)

        if judged.Length = 0 then
            0.0
        else
            Math.Clamp(value (), 0.0, 1.0)

    /// The share of `answers` that equal the most frequent one after `Answer.normalize`, in (0, 1]; 0 for none. Answers
    /// that normalise to nothing count in the total and never win. Source: self-consistency (arXiv 2203.11171), section 2.
    [<CompiledName "VoteShare">]
    let voteShare (answers: string[]) : float =
        let counts =
            answers |> Array.map Answer.normalize |> Array.filter ((<>) "") |> Array.countBy id

        if counts.Length = 0 then
            0.0
        else
            float (counts |> Array.map snd |> Array.max) / float answers.Length

    /// How many trial answers at the end of `answers` (oldest first) are the same after `Answer.normalize`: 0 where the last
    /// one is empty or there is none, 1 where it has just changed.
    [<CompiledName "TurnsAlike">]
    let turnsAlike (answers: string[]) : int =
        let normalized = answers |> Array.map Answer.normalize

        match Array.tryLast normalized with
        | None
        | Some "" -> 0
        | Some last -> normalized |> Array.rev |> Seq.takeWhile ((=) last) |> Seq.length

    /// log p(a | with evidence) − log p(a | without), in nats: the sum over the same answer tokens [n]. About 0 where the
    /// model knows or does not know regardless of what it read; 0 for no token.
    [<CompiledName "EvidenceReliance">]
    let evidenceReliance (logProbsWith: float[]) (logProbsWithout: float[]) : float =
        Check.length
            (nameof logProbsWithout)
            logProbsWith.Length
            "one for each token of the same answer"
            logProbsWithout

        Check.finite (nameof logProbsWith) "A token of probability 0 cannot have been decoded." logProbsWith
        Check.finite (nameof logProbsWithout) "Floor the log-probability, and say so." logProbsWithout
        Numerics.sum logProbsWith - Numerics.sum logProbsWithout

    /// 1 / (1 + exp(−(bias + w · features))), in [0, 1]. Our own definition.
    [<CompiledName "Sufficiency">]
    let sufficiency (weights: SufficiencyWeights) (features: RetrievalFeatures) : float =
        let logOdds =
            weights.Bias
            + weights.Best * features.Best
            + weights.Gap * features.Gap
            + weights.Fresh * features.Fresh

        Check.range "log-odds" "a finite number, from finite weights and features" (Double.IsFinite logOdds) logOdds
        1.0 / (1.0 + exp -logOdds)

    /// The confidence after the last of the `trials` [at least 1], oldest first, by a measure.
    [<CompiledName "AfterTrials">]
    let afterTrials (measure: ConfidenceMeasure) (trials: Trial[]) : float =
        if trials.Length = 0 then
            invalidArg (nameof trials) "No trial answer, so no confidence; at least 1 is needed."

        let last = Array.last trials

        match measure with
        | ConfidenceMeasure.Tokens(tokenMeasure, first) -> ofTokens tokenMeasure first last.Tokens
        | ConfidenceMeasure.VoteShare -> voteShare last.Votes
        | ConfidenceMeasure.Stability turns ->
            Check.range (nameof turns) "at least 1" (turns >= 1) (float turns)
            min 1.0 (float (trials |> Array.map _.Answer |> turnsAlike) / float turns)
        | ConfidenceMeasure.EvidenceReliance -> evidenceReliance last.LogProbsWith last.LogProbsWithout
        | ConfidenceMeasure.Sufficiency weights -> sufficiency weights last.Retrieval
