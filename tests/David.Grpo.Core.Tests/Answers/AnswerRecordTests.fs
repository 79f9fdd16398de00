/// What a small handbook is cut into, and what of it answers some questions.
module David.Grpo.Tests.AnswerRecordTests

open Expecto
open David.Grpo

let private sections: DocumentSection[] =
    [|
        {
            Headings = [| "Travel"; "Hotels" |]
            Text =
                "A hotel room may cost up to 140 euro a night in Bergen. Abroad, ask Ingrid Solheim! Is breakfast included?\n"
                + "Yes; where it can be… Rooms above that limit need the approval of the head of finance, who is\n"
                + "Ingrid Solheim of the office in Oslo, before the booking\n\nPhone: 22 10 40\nMail: travel@norrvik.example\n"
                + "Opening hours of the desk on the second floor: nine to four\n- one\n- two: three\n"
        }
        {
            Headings = [| "Travel"; "Trains  and\tflights" |]
            Text =
                "Trains before planes. Marit Lunde books them, not the traveller; The Who is no company.\n\n\n"
                + "Incomprehensibilities-and-counterrevolutionaries are one word. Journeys of 5 hours go by train."
        }
        {
            Headings = [| "Travel"; "Marks" |]
            Text =
                "one~two~three ~ four~ five\nThirtylettersinthewordsof alabel: yes\nThirtylettersinthewordsofa alabel: no\n"
                + "A label of words: a\nA label of more words: b\n: c\n\n"
                + "This line is as long as a line that was wrapped by a program is:\nand this is the next\n"
                + "Sixty letters are in this line, and it goes on in the next ab\nline. No. So it is! Eh? 1. 2. 3. x"
        }
        {
            Headings = [| "Travel"; "Empty" |]
            Text = " \n "
        }
        { Headings = [| "Notes" |]; Text = "" }
        {
            Headings = [| "Notes"; "notes" |]
            Text =
                "東京へ行く。大阪も!京都？ e\u0301a\u0301u\u0301 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f642\U0001f642 end"
        }
        {
            Headings = [| "Notes"; "notes" |]
            Text = "Lisk is a town. Lisk is a town. It lies by the river Ost.\nEdda Varga lives in Lisk."
        }
        {
            Headings = [| "Notes"; "notes" |]
            Text = "Lisk is a town. Lisk is a town. It lies by the river Ost.\nEdda Varga lives in Lisk."
        }
    |]

let private questions =
    [|
        "It is the the it"
        "Which label is of words, not a label of more words?"
        "How much may a hotel room cost in Bergen?"
        "Who approves rooms above the limit before the booking?"
        "What is the phone number of the travel desk?"
        "Which town does Edda Varga live in, and by which river does it lie?"
        "Are journeys of five hours made by trains or planes?"
        "The Who"
        "Is it the"
        "Where is the counterrevolutionary?"
        "Nothing of the sort, perhaps"
    |]

let private passages limit =
    Chunking.passages limit "handbook.md" "Norrvik  handbook" sections |> Array.concat

/// Sentences and questions of few words, in which much is alike.
let private drawn (count: int) (length: int) (seed: Seed) : string =
    let words =
        "office offices run running Marit Lunde Oslo Bergen the of in by a above not Edda station stationery euro 140 141 hotel"
            .Split
            ' '

    let sentence seed =
        Array.init length (fun i -> words[Seed.below words.Length (Seed.child (int64 i) seed)])
        |> String.concat " "

    Array.init count (fun i -> sentence (Seed.child (int64 i) seed)) |> String.concat ". "

[<Tests>]
let tests =
    testList "AnswerRecordTests" [
        test "the passages of a handbook are those that were recorded" {
            [
                for limit in [ 2; 7; 24; 60; 120; Chunking.DefaultCharacters ] do
                    for passage in passages limit do
                        $"{passage.Id.Value} | {passage.Title} | {passage.Text}"

                    for section in sections do
                        $"%A{Chunking.ranges limit section.Text}"
            ]
            |> areRecorded "4866109be3c80bff"
        }

        test "words, quotes, excerpts and next searches in it are those that were recorded" {
            [
                for limit in [ 60; 160; 800 ] do
                    let passages = passages limit

                    for question in questions do
                        String.concat "," (ContentWords.words question)
                        + ";"
                        + String.concat "," (ContentWords.ofText question)

                        for chain in [ [||]; passages[..0]; passages[1..2] ] do
                            match Grounding.quoteOrNull question chain passages with
                            | null -> "none"
                            | quote -> $"{quote.Index} %.4f{quote.Confidence} {quote.Sentence}"

                            Grounding.nextQuery [| question |] chain
                            Grounding.nextQuery [| question; "Oslo" |] (Array.append chain passages[..1])

                        let quotes =
                            passages
                            |> Array.mapi (fun i passage ->
                                {
                                    Index = i
                                    Sentence = Grounding.excerpt question passage
                                    Confidence = 0.5
                                })

                        yield! quotes |> Array.map _.Sentence
                        $"{(Grounding.answering question quotes).Index}"

                        for answer in questions do
                            Grounding.shares answer passages
                            |> Array.map (fun share -> $"%.4f{share}")
                            |> String.concat " "

                            $"{Grounding.isEcho question answer}"

                let words =
                    sections |> Array.collect (fun section -> ContentWords.words section.Text)

                for word in words do
                    words |> Array.filter (ContentWords.areForms word) |> String.concat " "
            ]
            |> areRecorded "8d520c71762bca94"
        }
    ]
