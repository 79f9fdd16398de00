namespace David.Grpo

open System.Collections.Generic

/// What one word adds to a passage's score.
[<Struct>]
type internal Posting = { Passage: int; Score: float }

/// An inverted index over the passages of a world, with all scores worked out.
type WorldIndex =
    private
        {
            Passages: Passage[]
            Postings: Dictionary<int, Posting[]>
        }

/// The retriever of the embedded world.
[<RequireQualifiedAccess>]
module WorldSearch =

    [<Literal>]
    let private K1 = 1.2

    [<Literal>]
    let private B = 0.75

    /// Times that a word of the title counts.
    [<Literal>]
    let private TitleWeight = 3

    /// The index of passages. Only content words (`World.isContent`) count, those of the title three times. The score of
    /// passage d for a query is BM25 (Robertson and Zaragoza 2009, section 3.4; idf as Lucene has it, never negative),
    ///     Σ over the query's words w:   ln(1 + (N − n_w + ½) / (n_w + ½)) · f (k₁ + 1) / (f + k₁ (1 − b + b |d| / mean |d|)),
    /// f being the count of w in d, n_w the number of passages with w, N of all; k₁ = 1.2, b = .75.
    /// A word outside the vocabulary is an ArgumentException.
    [<CompiledName "Index">]
    let index (passages: Passage[]) : WorldIndex =
        let contentOf text =
            World.tokenize text |> Array.filter World.isContent

        let documents =
            passages
            |> Array.map (fun passage ->
                Array.append
                    (contentOf passage.Title |> Array.replicate TitleWeight |> Array.concat)
                    (contentOf passage.Text))

        let meanLength =
            if documents.Length = 0 then
                1.0
            else
                max 1.0 (documents |> Array.averageBy (fun document -> float document.Length))

        let frequencies = Dictionary<int, ResizeArray<struct (int * int)>>()

        documents
        |> Array.iteri (fun number document ->
            for word, frequency in Array.countBy id document do
                match frequencies.TryGetValue word with
                | true, found -> found.Add(struct (number, frequency))
                | _ -> frequencies.Add(word, ResizeArray [ struct (number, frequency) ]))

        let postings = Dictionary<int, Posting[]>(frequencies.Count)

        for entry in frequencies do
            let holding = float entry.Value.Count
            let rarity = log (1.0 + (float passages.Length - holding + 0.5) / (holding + 0.5))

            postings.Add(
                entry.Key,
                [|
                    for struct (number, frequency) in entry.Value do
                        let frequency = float frequency
                        let length = float documents[number].Length / meanLength

                        {
                            Passage = number
                            Score = rarity * frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length))
                        }
                |]
            )

        {
            Passages = passages
            Postings = postings
        }

    /// The `topK` passages of the highest scores, best first; of equal ones those that come first in the corpus. A word counts
    /// once however often the query has it; words that are unknown, punctuation or function words are passed over. Only
    /// passages with a word of the query are found, so that fewer than `topK` come back where no more match, and none for a
    /// query without content words. `topK` is at least 1.
    [<CompiledName "Search">]
    let search (index: WorldIndex) (topK: int) (query: string) : Passage[] =
        if topK < 1 then
            invalidArg (nameof topK) $"topK is {topK}; it must be at least 1."

        let scores = Array.zeroCreate<float> index.Passages.Length

        for word in World.contentWords query |> Array.distinct do
            match index.Postings.TryGetValue word with
            | true, postings ->
                for posting in postings do
                    scores[posting.Passage] <- scores[posting.Passage] + posting.Score
            | _ -> ()

        [|
            for number in 0 .. scores.Length - 1 do
                if scores[number] > 0.0 then
                    number
        |]
        |> Array.sortBy (fun number -> struct (-scores[number], number))
        |> Array.truncate topK
        |> Array.map (fun number -> index.Passages[number])
