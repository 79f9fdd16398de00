namespace David.Grpo

open System
open System.Collections.Generic

/// What each search of a trajectory brought, [searches] each.
type StepSearchSteps =
    {
        /// New likeness to the gold paragraphs, in [0, 1]; over all searches at most 1.
        Gains: float[]
        /// The share of the passages that had been returned before, in [0, 1]; 0 for a search without passages.
        Redundancies: float[]
    }

/// The reward of StepSearch: what a search found is paid at that search, the answer at the end.
/// Source: repository Zillwang/StepSearch, `qa_step.py`, `submodule.py` and `main_ppo.py` at commit 43215ba.
[<RequireQualifiedAccess>]
module StepSearch =

    /// What the released code in effect multiplies a step reward by: it writes the rewards into a tensor in place and then
    /// adds 0.6 times that tensor to itself.
    [<CompiledName "ReleasedScale">]
    let releasedScale: float = 1.6

    /// How often each term occurs: terms are runs of at least two word characters of the normalised text.
    let private termCounts (text: string) : Dictionary<string, float> =
        let counts = Dictionary(StringComparer.Ordinal)

        Answer.normalize text
        |> PythonText.mapWords (fun word ->
            if PythonText.codePoints word 0 word.Length >= 2 then
                counts[word] <- counts.GetValueOrDefault(word, 0.0) + 1.0

            word)
        |> ignore

        counts

    /// The TF-IDF cosine of a passage with each gold paragraph, [paragraphs] → [paragraphs], each in [0, 1]; 0 where either
    /// has no term. Over the n = 1 + paragraphs texts, of which df(w) contain the term w,
    ///     x(w) = count(w) · (ln((1 + n) / (1 + df(w))) + 1),   cos(x, y) = x·y / (|x| |y|).
    /// The weights are fitted on this passage and the paragraphs, so that cosines of different passages are not quite
    /// comparable: so it is in the released code. Source: its `subm_tfidf_cosine`, scikit-learn's `TfidfVectorizer` with its
    /// defaults.
    [<CompiledName "Similarities">]
    let similarities (paragraphs: string[]) (passage: string) : float[] =
        let texts = Array.append [| passage |] paragraphs |> Array.map termCounts
        let containing = Dictionary(StringComparer.Ordinal)

        for text in texts do
            for word in text.Keys do
                containing[word] <- containing.GetValueOrDefault(word, 0) + 1

        let weight (text: Dictionary<string, float>) word =
            match text.TryGetValue word with
            | true, count -> count * (log (float (1 + texts.Length) / float (1 + containing[word])) + 1.0)
            | _ -> 0.0

        let dot (left: Dictionary<string, float>) right =
            left.Keys |> Seq.sumBy (fun word -> weight left word * weight right word)

        let norm text = sqrt (dot text text)
        let passage = texts[0]

        texts[1..]
        |> Array.map (fun paragraph ->
            match norm passage * norm paragraph with
            | 0.0 -> 0.0
            // Rounding may leave equal texts a little above 1.
            | norms -> min 1.0 (dot passage paragraph / norms))

    /// Gain and redundancy of each search, where Dₜ are the passages of search t and g the gold paragraphs:
    ///     cₜ(g) = max over d ∈ Dₜ of cos(d, g),     gainₜ = mean over g of max(0, cₜ(g) − max over s < t of cₛ(g)),
    ///     redundancyₜ = |{d ∈ Dₜ returned before}| / |Dₜ|,  before in the same search, too.
    /// Cosines are of the passages' texts without titles. Passages are compared by id; the released code compares texts.
    /// Without gold paragraphs all gains are 0.
    [<CompiledName "Steps">]
    let steps (paragraphs: string[]) (searches: Passage[][]) : StepSearchSteps =
        let best (left: float[]) right = Array.map2 max left right
        let nothing = Array.replicate paragraphs.Length 0.0

        let likeness =
            searches
            |> Array.map (Array.map (fun passage -> similarities paragraphs passage.Text) >> Array.fold best nothing)

        let gains =
            likeness
            |> Array.scan best nothing
            |> Array.pairwise
            |> Array.map (fun (before, after) ->
                match before with
                | [||] -> 0.0
                | _ -> Array.map2 (-) after before |> Array.average)

        let known =
            searches
            |> Array.scan
                (fun known passages -> passages |> Seq.map _.Id |> Set.ofSeq |> Set.union known)
                Set.empty<PassageId>

        let redundancies =
            Array.map2
                (fun (before: Set<PassageId>) (passages: Passage[]) ->
                    match passages.Length with
                    | 0 -> 0.0
                    | returned ->
                        let fresh =
                            passages
                            |> Array.distinctBy _.Id
                            |> Array.filter (fun passage -> not (before.Contains passage.Id))

                        float (returned - fresh.Length) / float returned)
                known[.. searches.Length - 1]
                searches

        {
            Gains = gains
            Redundancies = redundancies
        }

    /// The texts of the gold passages, or the id of the first that has none.
    let private goldTexts (textOf: Func<PassageId, string | null>) (question: Question) : Result<string[], PassageId> =
        question.Gold
        |> Array.distinct
        |> Array.fold
            (fun texts id ->
                texts
                |> Result.bind (fun texts ->
                    match textOf.Invoke id with
                    | null -> Error id
                    | text -> Ok(Array.append texts [| text |])))
            (Ok [||])

    /// The reward of a trajectory that answered,
    ///     after search t:  scale · (gainₜ − redundancyₜ),     at the end:  token F1 of the answer,
    /// and −1 at the end of one that did not, whose searches then earn nothing; the terms are logged all the same. Total is
    /// at most 1 + scale and at least −scale · searches or −1. F1 is the best over the gold answers, without a rule
    /// for yes and no (`AnswerScorer.Squad`).
    ///
    /// `scale` is `nominalScale`, `releasedScale` or another number of at least 0. `textOf` gives a passage's text without
    /// its title, null where there is none: a gold paragraph counts even if no search returned it, since another passage may
    /// resemble it. A trajectory of a question with a gold passage of no text is `Failed`; one of a question without gold
    /// passages has no step rewards.
    ///
    /// Departures from the released code: its key term, 0.618 · (how well queries match annotated sub-questions), is left
    /// out, since our questions have no sub-questions; F1 is not rounded to four digits; in the text protocol words may
    /// follow the box, while there nothing may follow the answer; passages are compared by id.
    [<CompiledName "Reward">]
    let reward (scale: float) (textOf: Func<PassageId, string | null>) : RewardRule =
        Check.range (nameof scale) "a finite number of at least 0" (Double.IsFinite scale && scale >= 0.0) scale

        {
            Name = "step_search"
            Score =
                fun trajectory ->
                    let question = trajectory.Question

                    match goldTexts textOf question with
                    | Error id ->
                        RewardOutcome.Failed
                            $"question {question.Id} has the gold passage {id.Value}, whose text is not known"
                    | Ok paragraphs ->
                        let found = steps paragraphs (trajectory.Searches |> Array.map _.Passages)

                        let scored =
                            if paragraphs.Length > 0 then
                                found
                            else
                                { found with
                                    Redundancies = Array.map (fun _ -> 0.0) found.Redundancies
                                }

                        let f1, turns =
                            match trajectory.Ending with
                            | Ending.Answered answer ->
                                let f1 = (Answer.score AnswerScorer.Squad answer question.Answers).F1

                                let rewards =
                                    Array.map2
                                        (fun gain redundancy -> scale * (gain - redundancy))
                                        scored.Gains
                                        scored.Redundancies

                                f1, Array.append rewards [| f1 |]
                            | _ -> 0.0, Array.append (Array.map (fun _ -> 0.0) scored.Gains) [| -1.0 |]

                        let term name weight value : RewardTerm =
                            {
                                Name = name
                                Weight = weight
                                Value = value
                            }

                        RewardOutcome.Scored
                            {
                                Total = Numerics.sum turns
                                Answer = f1
                                Coverage = Evidence.coverage trajectory
                                Terms =
                                    [|
                                        term "gain" scale (Numerics.sum scored.Gains)
                                        term "redundancy" -scale (Numerics.sum scored.Redundancies)
                                        term "f1" 1.0 f1
                                        term "unanswered" -1.0 (if trajectory.Ending.IsAnswered then 0.0 else 1.0)
                                    |]
                                Turns = turns
                            }
        }
