module David.Grpo.Tests.GroundingTests

open Expecto
open David.Grpo

let private passage id title text =
    {
        Id = { Value = id }
        Title = title
        Text = text
    }

let private travel =
    passage
        "travel"
        "Travel policy › Hotels"
        "A hotel room may cost up to 140 euro a night in Bergen. Breakfast is included."

let private clock =
    passage "clock" "The tidal clock" "It is named Old Ferrand. Old Ferrand was built by the clockmaker Edda Varga."

let private varga =
    passage "varga" "Edda Varga" "Edda Varga learned her trade in the town of Lisk."

[<Tests>]
let tests =
    testList "GroundingTests" [
        test "support is the share of the answer's words that one passage holds" {
            Grounding.shares "140 euro" [| travel; clock |] |> equals [| 1.0; 0.0 |]
            Grounding.shares "140 dollars" [| travel |] |> equals [| 0.5 |]
            Grounding.shares "Yes." [| travel |] |> equals [| 1.0 |]
            Grounding.shares "…" [| travel |] |> equals [| 0.0 |]
        }

        test "numbers are no forms of each other, inflected words are" {
            isTrue (ContentWords.areForms "reimburse" "reimbursement")
            isTrue (ContentWords.areForms "euro" "euros")
            isFalse (ContentWords.areForms "20261" "20262")
            isFalse (ContentWords.areForms "cat" "car")
            isTrue (ContentWords.areForms "" "")
        }

        test "an answer that says the question again is an echo, unless it chooses" {
            isTrue (Grounding.isEcho "Who runs the archive at Sandviken?" "Sandviken")
            isFalse (Grounding.isEcho "Who runs the archive at Sandviken?" "Marit Lunde")
            isFalse (Grounding.isEcho "Which is older, Lisk or Ostmere?" "Lisk")
        }

        test "the quote is the sentence that the question asks for" {
            match Grounding.quoteOrNull "How much may a hotel room cost in Bergen?" [||] [| clock; travel; varga |] with
            | null -> failwith "no quote"
            | quote ->
                quote.Index |> equals 1
                quote.Sentence |> equals "A hotel room may cost up to 140 euro a night in Bergen."
                quote.Confidence |> isBetween 0.7 1.0
        }

        test "what no passage speaks of weighs most against the quote" {
            let sure question =
                match Grounding.quoteOrNull question [||] [| travel; clock; varga |] with
                | null -> 0.0
                | quote -> quote.Confidence

            isTrue (sure "hotel room Bergen" > sure "hotel room Tromsø")
            sure "dentist insurance" |> equals 0.0
        }

        test "what the chain speaks of is not missed, and not quoted again" {
            let question = "In which town did the builder of Old Ferrand learn her trade?"

            match Grounding.quoteOrNull question [| clock |] [| clock; varga; travel |] with
            | null -> failwith "no quote"
            | quote -> quote.Sentence |> equals "Edda Varga learned her trade in the town of Lisk."
        }

        test "of several quotes the one with the word asked for answers" {
            let quote sentence =
                {
                    Index = 0
                    Sentence = sentence
                    Confidence = 1.0
                }

            let lisk, clock =
                quote "She learned her trade in the town of Lisk.", quote "The clock is named Old Ferrand."

            let answer question =
                (Grounding.answering question [| lisk; clock |]).Sentence

            answer "In which town did the builder of Old Ferrand learn her trade?" |> equals lisk.Sentence
            answer "Who is it?" |> equals clock.Sentence
        }

        test "the next query has the names that were found and drops what a title has" {
            Grounding.nextQuery [| "In which town did the builder of Old Ferrand learn her trade?" |] [| clock |]
            |> equals "Edda Varga town builder old ferrand learn trade"
            // Where nothing new is named, it is the question.
            Grounding.nextQuery [| "what is new" |] [||] |> equals "what is new"
        }

        test "wrapped lines are one sentence, the fields of a record are one" {
            let wrapped =
                passage
                    "w"
                    "Contracts"
                    "Contracts above 10,000 euro are signed by two persons of the company: the managing\ndirector and the head of finance."

            Grounding.excerpt "managing director" wrapped |> endsWith "head of finance."

            let record = passage "r" "T-1041" "id: T-1041\nstatus: open\nasset: PR-207"
            Grounding.excerpt "open" record |> equals "id: T-1041 · status: open · asset: PR-207"
        }

        let quoted question passages =
            match Grounding.quoteOrNull question [||] passages with
            | null -> ""
            | quote -> quote.Sentence

        test "a quote does not end at an abbreviation" {
            let signing =
                passage
                    "s"
                    "Signing"
                    "Reports above approx. 500 euro are signed by Mrs. Holt of the sales team.\nThe U.S. office is in Boston."

            quoted "Who signs reports above 500 euro?" [| signing |]
            |> equals "Reports above approx. 500 euro are signed by Mrs. Holt of the sales team."

            quoted "Where is the U.S. office?" [| signing |] |> equals "The U.S. office is in Boston."
        }

        test "what only says or asks the question again is no answer" {
            let limits =
                passage
                    "l"
                    "Limits"
                    "Limit for Bergen\n\nWhat is the limit in euro for Bergen?\n\nIn Bergen it is 120 euro."

            quoted "What is the limit in euro for Bergen?" [| limits |] |> equals "In Bergen it is 120 euro."

            quoted "How much may a hotel cost?" [|
                passage "h" "Hotels" "How much may a hotel in Bergen cost?\nIt may cost 120 euro."
            |]
            |> equals "It may cost 120 euro."

            quoted "What is the limit?" [| passage "l" "Limit" "Limit" |] |> equals ""

            quoted "Is smoking allowed here?" [| passage "r" "Rules" "Smoking is allowed here." |]
            |> equals "Smoking is allowed here."

            quoted "Where is smoking allowed?" [| passage "r" "Rules" "Smoking is not allowed." |]
            |> equals "Smoking is not allowed."
        }

        test "languages without blanks are quoted by the sentence" {
            let tokyo = passage "t" "日本" "东京是日本的首都。大阪位于关西地区。"
            let turku = passage "u" "芬兰" "图尔库位于芬兰。"

            match Grounding.quoteOrNull "日本的首都是哪里？" [||] [| turku; tokyo |] with
            | null -> failwith "no quote"
            | quote ->
                quote.Sentence |> equals "东京是日本的首都。"
                quote.Confidence |> isBetween 0.9 1.0

            quoted "เมืองหลวงของประเทศไทยคืออะไร" [| passage "b" "ไทย" "กรุงเทพเป็นเมืองหลวงของประเทศไทย" |]
            |> equals "กรุงเทพเป็นเมืองหลวงของประเทศไทย"
        }

        test "these verbs ask whether, and a sentence of their words answers" {
            let answers (verb: string) =
                quoted $"{verb} smoking allowed" [| passage "r" "Rules" "Smoking allowed." |] <> ""

            for verb in
                "is are am was were do does did can could may might must shall should has have had will would".Split ' ' do
                Expect.isTrue (answers verb) verb

            for other in "it where be been being who the let".Split ' ' do
                Expect.isFalse (answers other) other
        }

        test "a sentence that denies what is asked answers, and one with a choice" {
            // The question has a form of the denial itself, so that nothing else is new.
            for denial in "not no never without nicht kein keine".Split ' ' do
                let answer = $"Smoking {denial} allowed."
                Expect.equal (quoted $"where smoking {denial}s allowed" [| passage "r" "Rules" answer |]) answer denial
                Expect.equal (quoted $"where smoking {denial} allowed" [| passage "r" "Rules" answer |]) "" denial

            quoted "where smoking allowed or drinking" [| passage "r" "Rules" "Smoking allowed." |]
            |> equals "Smoking allowed."

            quoted "" [| passage "r" "Rules" "Smoking allowed." |] |> equals ""
        }

        test "the word that is asked for stands behind which, what or how" {
            let quote sentence =
                {
                    Index = 0
                    Sentence = sentence
                    Confidence = 1.0
                }

            let quotes = [| quote "The town is Lisk."; quote "The clock is old." |]

            for word in [ "which"; "what"; "how"; "in which" ] do
                (Grounding.answering $"{word} town has it" quotes).Sentence |> equals quotes[0].Sentence
                (Grounding.answering $"the town that has {word} clock" quotes).Sentence |> equals quotes[1].Sentence

            for word in [ "where"; "who"; "whose" ] do
                (Grounding.answering $"{word} town has it" quotes).Sentence |> equals quotes[1].Sentence
        }

        test "a line goes on in the next from 60 letters on, 30 where there are no blanks" {
            let first (lines: string list) =
                Grounding.excerpt "xy" (passage "w" "" (String.concat "\n" lines))

            let sixty = String.replicate 10 "four " + "fourteenxy"
            sixty.Length |> equals 60
            first [ sixty; "more" ] |> equals (sixty + " more")
            let less = sixty.Substring 1
            first [ less; "more" ] |> equals less
            // Not over an empty line, nor behind a colon or a sentence.
            first [ sixty; ""; "more" ] |> equals sixty
            first [ sixty + ":"; "more" ] |> equals (sixty + ":")
            first [ sixty + "."; "More" ] |> equals (sixty + ".")

            let han count = String.replicate count "中"
            Grounding.excerpt "中中" (passage "w" "" (han 30 + "\n国")) |> equals (han 30 + "国")
            Grounding.excerpt "中中" (passage "w" "" (han 29 + "\n国")) |> equals (han 29)
            Grounding.excerpt "中中" (passage "w" "" (han 30 + "\nxy")) |> equals (han 30)
        }

        test "a field is a label of at most three words and 30 letters" {
            let joined (first: string) (second: string) =
                Grounding.excerpt "xyz" (passage "w" "" $"{first}\n{second}") = $"{first} · {second}"

            let label = String.replicate 30 "x"
            isTrue (joined "xyz: 1" "b: 2")
            isTrue (joined "xyz a b: 1" "b: 2")
            isFalse (joined "xyz a b c: 1" "b: 2")
            isTrue (joined "xyz: 1" $"{label}: 2")
            isFalse (joined "xyz: 1" $"x{label}: 2")
            isFalse (joined "xyz: 1" "b 2")
            isFalse (joined "xyz 1" "b: 2")
            isFalse (joined "xyz: 1" "b:2")
            isTrue (joined "xyz: 1" ": 2")
        }

        test "an excerpt of a passage without a sentence is its whole text" {
            Grounding.excerpt "xyz" (passage "w" "" " \n ") |> equals " \n "
            Grounding.excerpt "xyz" (passage "w" "" "") |> equals ""
        }

        test "words alike in four letters, three fifths of the longer, are forms of one" {
            for left, right in
                [
                    "cats", "cat"
                    "abcd", "abcdef"
                    "abcdef", "abcdefghij"
                    "xbcd", "abcd"
                    "abcd1", "abcd"
                ] do
                Expect.equal
                    (ContentWords.areForms left right, ContentWords.areForms right left)
                    ((left.StartsWith "abcd" && not (left.EndsWith '1')),
                     (left.StartsWith "abcd" && not (left.EndsWith '1')))
                    $"{left} {right}"

            isFalse (ContentWords.areForms "abcdef" "abcdefghijk")
            isFalse (ContentWords.areForms "abcdxx" "abcdyyy")
        }
    ]
