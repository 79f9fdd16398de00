namespace David.Grpo

open System
open MathNet.Numerics.LinearAlgebra.Double

/// So many of so many; a share without a denominator has none. `Statistics.wilson` gives its interval.
[<Struct>]
type Tally =
    {
        /// At least 0.
        Hits: int
        /// At least 0. Hits may exceed it only where it counts something else, as in `Selectivity.toolProductivity`.
        Total: int
    }

/// How alike two queries are, over their words after `Answer.normalize`.
[<RequireQualifiedAccess>]
type QuerySimilarity =
    /// |shared words| / |all words|, as sets.
    | Jaccard
    /// Harmonic mean of precision and recall, as bags.
    | TokenF1

/// One reasoning step, judged afterwards.
[<RequireQualifiedAccess>]
type JudgedStep =
    /// The policy searched. `couldAnswer`: it answers the same sub-question rightly without the search.
    | Searched of couldAnswer: bool
    /// The policy went on from what it knew. `wasRight`: what it wrote was right.
    | Recalled of wasRight: bool

/// What a decision to search may look at.
[<Struct>]
type GateState =
    {
        /// Best less second-best retrieval score of the last search; 0 before any.
        ScoreGap: float
        /// Entropy of the trial answer's first token, in nats.
        AnswerEntropy: float
        /// Estimated hops of the question less the searches done.
        HopsLeft: float
        /// The largest likeness of the query that is asked to an earlier one, in [0, 1].
        Redundancy: float
    }

/// A linear estimate of what one more search gains, in the unit of the score.
type GateWeights =
    {
        /// Of 1.
        Bias: float
        /// Of the gap between the retriever's first scores.
        ScoreGap: float
        /// Of the entropy of the trial answer, in nats.
        AnswerEntropy: float
        /// Of the searches that the question still needs.
        HopsLeft: float
        /// Of the query's likeness to earlier ones, in [0, 1].
        Redundancy: float
    }

/// What stands between a query that the policy asks and its search.
type SearchGate =
    {
        /// Of the expected gain.
        Weights: GateWeights
        /// λ, at least 0: what the search budget makes of the price. 1 where there is no such budget.
        Multiplier: float
        /// What one search costs, in the unit of the score, at least 0.
        Price: float
        /// A query as like an earlier one of its trajectory as this (Jaccard index of the words) is not searched: 1 for the
        /// same words, for which a search by words finds the same passages; above 1 for no such cut. Above 0.
        Redundancy: float
    }

/// What a gate says of a query.
[<RequireQualifiedAccess>]
type GateDecision =
    /// The query goes to the search.
    | Search
    /// Give the trial answer in place of the turn that asked.
    | Answer

/// Which searches were worth making. Measures "by search" are in the order of the trajectory's answered searches, [searches].
[<RequireQualifiedAccess>]
module Selectivity =

    let private similarity measure (query: string) (earlier: string) =
        match measure with
        // MuSiQue's rules: two texts without words are alike, and "yes" is a word like others.
        | QuerySimilarity.TokenF1 -> (Answer.score AnswerScorer.MuSiQue query [| earlier |]).F1
        | QuerySimilarity.Jaccard ->
            let words text =
                Answer.normalize text |> PythonText.split |> Set.ofArray

            let one, other = words query, words earlier
            let all = Set.union one other

            if all.IsEmpty then
                1.0
            else
                float (Set.intersect one other).Count / float all.Count

    /// The largest likeness of a query to the `earlier` ones, in [0, 1]; 0 where there is none.
    [<CompiledName "QueryRedundancy">]
    let queryRedundancy (measure: QuerySimilarity) (earlier: string[]) (query: string) : float =
        earlier |> Array.fold (fun most other -> max most (similarity measure query other)) 0.0

    let private tally isHit (items: 'item[]) =
        {
            Hits = items |> Array.filter isHit |> Array.length
            Total = items.Length
        }

    /// Over-search: of all steps that searched, those whose sub-question the policy answers without. Pool the steps of all
    /// trajectories. Source: HiPRAG (arXiv 2510.07794), where an LLM judges.
    [<CompiledName "OverSearch">]
    let overSearch (steps: JudgedStep[]) : Tally =
        steps
        |> Array.choose (function
            | JudgedStep.Searched couldAnswer -> Some couldAnswer
            | JudgedStep.Recalled _ -> None)
        |> tally id

    /// Under-search: of all steps that did not search, those that were wrong. Source: as for `overSearch`.
    [<CompiledName "UnderSearch">]
    let underSearch (steps: JudgedStep[]) : Tally =
        steps
        |> Array.choose (function
            | JudgedStep.Recalled wasRight -> Some wasRight
            | JudgedStep.Searched _ -> None)
        |> tally not

    /// The expected gain of one more search, bias + w · state, in the unit of the score; weights are fitted elsewhere, say to
    /// `marginalRecall`.
    [<CompiledName "ExpectedGain">]
    let expectedGain (weights: GateWeights) (state: GateState) : float =
        let gain =
            weights.Bias
            + weights.ScoreGap * state.ScoreGap
            + weights.AnswerEntropy * state.AnswerEntropy
            + weights.HopsLeft * state.HopsLeft
            + weights.Redundancy * state.Redundancy

        Check.range "expected gain" "a finite number, from finite weights and features" (Double.IsFinite gain) gain
        gain

    /// The selectivity gate: search iff gain − λ · price > 0. `multiplier` is λ, at least 0 (a Lagrange multiplier of the
    /// search budget), `price` what one search costs, at least 0. At equality it does not search.
    [<CompiledName "SearchPays">]
    let searchPays (multiplier: float) (price: float) (gain: float) : bool =
        Check.notNegative (nameof multiplier) [| multiplier |]
        Check.notNegative (nameof price) [| price |]
        Statistics.checkValues (nameof gain) [| gain |]
        gain - multiplier * price > 0.0

    /// The state in which a policy that would answer with `trial` asks `query`, having searched with the queries `earlier`.
    /// Nobody estimates the hops, so their estimate is 0 and what it should be lies in the bias; the entropy is that of the
    /// answer's first token, 0 where it has none.
    [<CompiledName "StateOf">]
    let stateOf (trial: Trial) (earlier: string[]) (query: string) : GateState =
        {
            ScoreGap = trial.Retrieval.Gap
            AnswerEntropy =
                match trial.Tokens with
                | [||] -> 0.0
                | tokens -> tokens[0].Entropy
            HopsLeft = -(float earlier.Length)
            Redundancy = queryRedundancy QuerySimilarity.Jaccard earlier query
        }

    /// How little the search of `query` promises, for thresholds as an exit rule's: minus its expected gain, +∞ where it is
    /// at least as redundant as `cut`, −∞ where there is no trial answer to give in its place.
    [<CompiledName "Idleness">]
    let idleness (weights: GateWeights) (cut: float) (trial: Trial) (earlier: string[]) (query: string) : float =
        Check.range "Redundancy" "above 0; 1 for the same words" (cut > 0.0) cut
        let state = stateOf trial earlier query

        if trial.Answer = "" then -infinity
        elif state.Redundancy >= cut then infinity
        else -(expectedGain weights state)

    /// What the gate says of `query`: answer where the query is redundant or the search does not pay (`searchPays`), but
    /// never without a trial answer.
    [<CompiledName "JudgeSearch">]
    let judgeSearch (gate: SearchGate) (trial: Trial) (earlier: string[]) (query: string) : GateDecision =
        match idleness gate.Weights gate.Redundancy trial earlier query with
        | idle when Double.IsNegativeInfinity idle -> GateDecision.Search
        | idle when Double.IsPositiveInfinity idle -> GateDecision.Answer
        | idle when searchPays gate.Multiplier gate.Price -idle -> GateDecision.Search
        | _ -> GateDecision.Answer

    /// Weight of the squared weights in `fitGate`, which decides only where the states do not.
    let private ridge = 1e-9

    /// The weights of the linear estimate nearest to `gains` [n] at `states` [n], n at least 1, in squares: ridge regression
    /// with a vanishing penalty, so that a feature that never varies gets 0.
    [<CompiledName "FitGate">]
    let fitGate (states: GateState[]) (gains: float[]) : GateWeights =
        Check.length (nameof gains) states.Length "one for each state" gains
        Statistics.checkValues (nameof gains) gains

        if states.Length = 0 then
            invalidArg (nameof states) "No state, so nothing to fit; at least 1 is needed."

        let features =
            states
            |> Array.map (fun state -> [| state.ScoreGap; state.AnswerEntropy; state.HopsLeft; state.Redundancy |])

        features
        |> Array.iteri (fun index ->
            Check.finite $"states[{index}]" "Gap, entropy, hops and redundancy of a state are finite numbers.")

        let centre = Array.transpose features |> Array.map Numerics.mean
        let level = Numerics.mean gains

        let rows =
            features
            |> Array.map (Array.map2 (fun mean value -> value - mean) centre)
            |> DenseMatrix.OfRowArrays

        let penalty =
            DenseMatrix.CreateDiagonal(centre.Length, centre.Length, ridge * float states.Length)

        let target = gains |> Array.map (fun gain -> gain - level) |> DenseVector.OfArray

        let weights =
            (rows.TransposeThisAndMultiply rows + penalty).Cholesky().Solve(rows.TransposeThisAndMultiply target)

        {
            Bias = level - (DenseVector.OfArray centre).DotProduct weights
            ScoreGap = weights[0]
            AnswerEntropy = weights[1]
            HopsLeft = weights[2]
            Redundancy = weights[3]
        }
