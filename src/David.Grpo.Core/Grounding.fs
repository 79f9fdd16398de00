namespace David.Grpo

open System

/// A sentence of a passage that answers a question in its own words.
type Quote =
    {
        /// Of the passage among those that were given.
        Index: int
        Sentence: string
        /// The share of what the question asks about that the passage speaks of, in [0, 1].
        Confidence: float
    }

/// Whether what was found bears out an answer, and where.
[<RequireQualifiedAccess>]
module Grounding =

    let private isVerdict (answer: string) =
        match Answer.normalize answer with
        | "yes"
        | "no" -> true
        | _ -> false

    let private holds (words: string[]) word =
        words |> Array.exists (ContentWords.areForms word)

    /// For each passage, [P] → [P], the share of the answer's content words that stand in it (title and text), in [0, 1]. Yes
    /// and no stand in no passage and cannot be checked: 1 for every passage. An answer without words: 0. Our own measure:
    /// it tells that the words are there, not that the passage says so.
    [<CompiledName "Shares">]
    let shares (answer: string) (passages: Passage[]) : float[] =
        match ContentWords.ofText answer with
        | [||] -> Array.zeroCreate passages.Length
        | _ when isVerdict answer -> Array.replicate passages.Length 1.0
        | wanted ->
            passages
            |> Array.map (fun passage ->
                let there = ContentWords.words (passage.Title + " " + passage.Text)
                float (wanted |> Array.filter (holds there) |> Array.length) / float wanted.Length)

    /// Sentences of a passage, and lines, since records and lists have no full stops.
    let private sentences (text: string) =
        [|
            for line in text.Split('\n', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
                let mutable start = 0

                for at in 1 .. line.Length - 1 do
                    if Char.IsWhiteSpace line[at] && ".!?".Contains line[at - 1] && at - start > 3 then
                        line.Substring(start, at - start).Trim()
                        start <- at + 1

                if start < line.Length then
                    line.Substring(start).Trim()
        |]
        |> Array.filter (fun sentence -> sentence <> "")

    /// What a question word is worth among the passages found: ln(1 + (P − n + ½) / (n + ½)), n of P passages having it. So a
    /// word that nothing found speaks of weighs most.
    let private weights (question: string[]) (found: string[][]) =
        question
        |> Array.map (fun word ->
            let having = found |> Array.filter (fun words -> holds words word) |> Array.length |> float
            log (1.0 + (float found.Length - having + 0.5) / (having + 0.5)))

    let private covered (question: string[]) (weights: float[]) words =
        let total = Array.sum weights

        if total <= 0.0 then
            0.0
        else
            Array.zip question weights
            |> Array.sumBy (fun (word, weight) -> if holds words word then weight else 0.0)
            |> fun sum -> min 1.0 (sum / total)

    /// The sentence that speaks most of what the question asks about: words of the question weighed by their rarity among
    /// the passages; a passage counts half by itself and half by its best sentence, and the first of equals is taken.
    /// `passages` are those of a search, best first; more than are shown, so that rarity means something. Null where none
    /// shares a word with the question. A reader without a model: it quotes, and draws no conclusion.
    [<CompiledName "QuoteOrNull">]
    let quoteOrNull (question: string) (passages: Passage[]) : Quote | null =
        let asked = ContentWords.ofText question

        let words =
            passages
            |> Array.map (fun passage -> ContentWords.words (passage.Title + " " + passage.Text))

        let weights = weights asked words

        let quotes =
            passages
            |> Array.mapi (fun index passage ->
                let confidence = covered asked weights words[index]
                let title = ContentWords.words passage.Title

                sentences passage.Text
                |> Array.map (fun sentence ->
                    let alone = covered asked weights (Array.append title (ContentWords.words sentence))
                    // What the title says is no reason for one sentence before another.
                    let own = covered asked weights (ContentWords.words sentence)

                    struct (confidence + alone + 0.25 * own,
                            {
                                Index = index
                                Sentence = sentence
                                Confidence = confidence
                            })))
            |> Array.concat
            |> Array.filter (fun (struct (_, quote)) -> quote.Confidence > 0.0)

        match quotes with
        | [||] -> null
        | _ ->
            let struct (_, quote) = quotes |> Array.maxBy (fun (struct (score, _)) -> score)
            quote

    /// The sentence of a passage that holds most of the answer's words, of equals the first; the whole text where it has
    /// no sentence. What a citation shows.
    [<CompiledName "Excerpt">]
    let excerpt (answer: string) (passage: Passage) : string =
        let wanted = ContentWords.ofText answer

        match sentences passage.Text with
        | [||] -> passage.Text
        | all ->
            all
            |> Array.maxBy (fun sentence ->
                let there = ContentWords.words sentence
                wanted |> Array.filter (holds there) |> Array.length)

    /// A query for the next search after one that did not suffice: the question's words and those words of the best passage's
    /// title that it lacks. The names of what was found lead to the next document.
    [<CompiledName "NextQuery">]
    let nextQuery (question: string) (found: Passage[]) : string =
        let asked = ContentWords.ofText question

        found
        |> Seq.collect (fun passage -> ContentWords.ofText passage.Title)
        |> Seq.filter (fun word -> not (holds asked word))
        |> Seq.distinct
        |> Seq.truncate 6
        |> Seq.append asked
        |> String.concat " "
