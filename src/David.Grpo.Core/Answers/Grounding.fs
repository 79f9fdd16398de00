namespace David.Grpo

open System

/// A sentence of a passage that answers a question in its own words.
type Quote =
    {
        /// Of the passage among those that were given.
        Index: int
        /// Of that passage, as it stands there.
        Sentence: string
        /// The share of what the question asks about that the passage, and those read before it, speak of, in [0, 1].
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

    /// A line of at least so many characters that does not end a sentence is taken to go on in the next.
    [<Literal>]
    let private Wrapped = 60

    let private isUnspaced (character: char) =
        ContentWords.indexed(string character).Length > 1

    /// Whether a line is a field of a record, `name: value`.
    let private isField (line: string) =
        match line.IndexOf(": ", StringComparison.Ordinal) with
        | -1 -> false
        | at -> at <= 30 && line.Substring(0, at).Split(' ').Length <= 3

    /// Whether a line goes on in the next one, and with what between them.
    let private join (before: string) (line: string) =
        if line = "" || before = "" then
            None
        elif isField line && isField before then
            Some " · "
        else
            let last = before[before.Length - 1]
            let isUnspaced = isUnspaced last && isUnspaced line[0]
            let wrapped = if isUnspaced then Wrapped / 2 else Wrapped

            if before.Length < wrapped || last = ':' || Sentences.endsBefore (before + " " + line) before.Length then
                None
            elif isUnspaced then
                Some ""
            else
                Some " "

    /// Lines, those that were wrapped joined again, and the fields of a record in one; an empty line ends any.
    let private lines (text: string) =
        let joined = ResizeArray<string>()
        let mutable before = ""

        for line in text.Split '\n' do
            let line = line.Trim()

            match join before line with
            | Some mark -> joined[joined.Count - 1] <- joined[joined.Count - 1] + mark + line
            | None when line <> "" -> joined.Add line
            | None -> ()

            before <- line

        joined

    /// Whether an answer only says again what the question says, and the question offers no choice (with "or").
    [<CompiledName "IsEcho">]
    let isEcho (question: string) (answer: string) : bool =
        let asked = ContentWords.words question

        not (Array.contains "or" asked)
        && ContentWords.ofText answer |> Array.forall (fun word -> Array.contains word asked)

    let private denials =
        [| "not"; "no"; "never"; "without"; "nicht"; "kein"; "keine" |]

    /// Of a question that yes or no answers, by the verb that it begins with.
    let private asksWhether (question: string) =
        match ContentWords.words question with
        | [||] -> false
        | words ->
            Array.contains
                words[0]
                [|
                    "is"
                    "are"
                    "am"
                    "was"
                    "were"
                    "do"
                    "does"
                    "did"
                    "can"
                    "could"
                    "may"
                    "might"
                    "must"
                    "shall"
                    "should"
                    "has"
                    "have"
                    "had"
                    "will"
                    "would"
                |]

    /// Whether a sentence cannot answer a question: it asks itself, or holds no word that the question does not hold. One that
    /// denies tells something, and so does one that affirms what is asked with yes or no.
    let private tellsNothing (question: string) (asked: string[]) (sentence: string) (its: string[]) =
        Sentences.isQuestion sentence
        || (not (asksWhether question)
            && not (Array.contains "or" asked)
            && not (its |> Array.exists (fun word -> Array.contains word denials && not (Array.contains word asked)))
            && ContentWords.ofText sentence |> Array.forall (holds asked))

    /// Sentences of a passage, and lines, since records and lists have no full stops.
    let private sentences (text: string) =
        lines text |> Seq.collect Sentences.ofText |> Seq.toArray

    /// What a question word is worth among the passages found: ln(1 + (P − n + ½) / (n + ½)), n of P passages having it. So a
    /// word that nothing found speaks of weighs most.
    let private weights (question: string[]) (found: string[][]) =
        question
        |> Array.map (fun word ->
            let having =
                found |> Array.filter (fun words -> holds words word) |> Array.length |> float

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
    /// `passages` are those that searches found, best first; more than are shown, so that rarity means something. `chain` are those
    /// that were read before on the way to the answer, empty for the first: what they speak of hardly counts in the
    /// choice, and is not missed in the confidence. A sentence that asks, or that holds only words of the question, is no
    /// answer, unless the question wants yes or no. Null where no passage outside the chain shares a word with the
    /// question and has a sentence that can answer it. A reader without a model: it quotes, and draws no conclusion.
    [<CompiledName "QuoteOrNull">]
    let quoteOrNull (question: string) (chain: Passage[]) (passages: Passage[]) : Quote | null =
        let wordsOf (passage: Passage) =
            ContentWords.words (passage.Title + " " + passage.Text)

        let asked = ContentWords.ofText question
        let words = passages |> Array.map wordsOf
        let weights = weights asked words
        let every = ContentWords.words question |> Array.distinct
        let before = chain |> Array.collect wordsOf

        let left =
            Array.map2 (fun word weight -> if holds before word then 0.1 * weight else weight) asked weights

        let quotes =
            passages
            |> Array.indexed
            |> Array.filter (fun (_, passage) -> chain |> Array.forall (fun earlier -> earlier.Id <> passage.Id))
            |> Array.collect (fun (index, passage) ->
                let confidence = covered asked weights (Array.append before words[index])
                let own = covered asked left words[index]
                let title = ContentWords.words passage.Title

                sentences passage.Text
                |> Array.filter (fun _ -> own > 0.0)
                |> Array.map (fun sentence -> struct (sentence, ContentWords.words sentence))
                |> Array.filter (fun (struct (sentence, its)) -> not (tellsNothing question every sentence its))
                |> Array.map (fun (struct (sentence, its)) ->
                    let titled = covered asked left (Array.append title its)
                    // What the title says is no reason for one sentence before another; and of two that say the same, the one
                    // with more of the question's small words (above, before, not) is meant.
                    let alone = covered asked left its
                    let exact = every |> Array.filter (holds its) |> Array.length |> float

                    struct (own + titled + 0.25 * alone + 0.1 * exact / float (max 1 every.Length),
                            {
                                Index = index
                                Sentence = sentence
                                Confidence = confidence
                            })))

        match quotes with
        | [||] -> null
        | _ ->
            let struct (_, quote) = quotes |> Array.maxBy (fun (struct (score, _)) -> score)
            quote

    /// Of the quotes on the way to an answer, at least 1, in the order of reading, the one that answers: the last that holds the
    /// word that the question asks for (the first content word after which, what or how), or else the last.
    [<CompiledName "Answering">]
    let answering (question: string) (quotes: Quote[]) : Quote =
        let focus =
            ContentWords.words question
            |> Array.skipWhile (fun word -> not (Array.contains word [| "which"; "what"; "how" |]))
            |> Array.tryFind (fun word -> not (Array.contains word ContentWords.stopWords))

        let fits (quote: Quote) =
            match focus with
            | Some word -> holds (ContentWords.words quote.Sentence) word
            | None -> true

        quotes |> Array.tryFindBack fits |> Option.defaultWith (fun () -> Array.last quotes)

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

    let private isName (word: string) = word <> "" && Char.IsUpper word[0]

    /// Words of a sentence that begin with a capital letter, without what stands around them; not its first word unless a
    /// name follows it.
    let private names (sentence: string) =
        let words =
            sentence.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries)
            |> Array.map (fun word -> word.Trim(",.;:!?()[]\"'“”‘’„«»".ToCharArray()))

        words
        |> Array.indexed
        |> Array.filter (fun (at, word) -> isName word && (at > 0 || (words.Length > 1 && isName words[1])))
        |> Array.map snd

    /// The query of the search after those that did not suffice: names in the passages found that no query had yet, those of the
    /// sentences nearest to the question first, at most 4 words; and the words of the question that no title found has. So what
    /// was found leads to the next document. `queries` [at least 1] are those made so far, the first the question; `found`
    /// what they found, best first. The question where there is no new name.
    [<CompiledName "NextQuery">]
    let nextQuery (queries: string[]) (found: Passage[]) : string =
        let asked = ContentWords.ofText queries[0]
        let used = queries |> Array.collect ContentWords.words

        let titles =
            found |> Array.collect (fun passage -> ContentWords.words passage.Title)

        let isNew (name: string) =
            match ContentWords.ofText name with
            | [||] -> false
            | words ->
                words
                |> Array.forall (fun word -> not (holds used word || Array.contains word ContentWords.stopWords))

        let fresh =
            found
            |> Seq.collect (fun passage -> sentences passage.Text)
            |> Seq.map (fun sentence ->
                let its = ContentWords.words sentence
                struct (asked |> Array.filter (holds its) |> Array.length, sentence))
            |> Seq.sortByDescending (fun (struct (shared, _)) -> shared)
            |> Seq.collect (fun (struct (_, sentence)) -> names sentence)
            |> Seq.filter isNew
            |> Seq.distinct
            |> Seq.truncate 4
            |> Seq.toArray

        if fresh.Length = 0 then
            queries[0]
        else
            asked
            |> Array.filter (fun word -> not (holds titles word))
            |> Array.append fresh
            |> String.concat " "
