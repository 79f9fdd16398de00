module David.Grpo.Tests.SentencesTests

open Expecto
open David.Grpo

/// Sentences stand between bars, | for a blank and ¦ for none.
let private fact name (examples: string list) =
    test name {
        for marked in examples do
            let text = marked.Replace("|", " ").Replace("¦", "")
            let expected = marked.Split([| '|'; '¦' |])
            Sentences.ofText text |> equals expected
    }

[<Tests>]
let tests =
    testList "SentencesTests" [
        fact "marks end sentences" [
            "It is open.|Is it?|Yes!|Come in."
            "He said \"no.\"|Then he left."
            "Done (at last.)|Next."
        ]

        fact "abbreviations end none" [
            "Reports above approx. 500 euro are signed by Mrs. Holt of the sales team.|Others are not."
            "The review is led by Dr. Anna Vik, who works in Turku."
            "The U.S. office is in Boston.|It is small."
            "Ask Prof. Lind, Sen. Ruiz or St. Olav."
            "Take tools, e.g. a lamp, i.e. the small one, etc. and no. 7 of vol. 3 (cf. p. 12)."
            "Hotels, restaurants etc.|The rest is paid."
            "He moved to the U.S.|The office followed."
            "Acme Inc. and Holt Ltd. merged on Sept. 3."
            "Es gilt z. B. für Reisen, d. h. immer, bzw. fast immer."
            "Die Fa. Holt hat ca. 50 Mitarbeiter.|Hr. Vik leitet sie."
        ]

        fact "initials end none" [
            "J. R. R. Tolkien wrote it.|George W. Bush read it."
            "Take plan B.|The other failed."
        ]

        fact "ordinals end none, numbers do" [
            "Der Vertrag endet am 3. Mai 2026.|Dann gilt ein neuer."
            "Im 19. Jahrhundert stand hier ein Turm.|Er fiel."
            "The meeting is on 3. May.|Bring no. 5."
            "It costs 50.|Bergen costs more."
            "It was built in 1990.|The tower fell."
            "1. Open the door."
        ]

        fact "numbers of how many digits end none" [
            "It costs 150.|7 came."
            "It costs 50. 7 came."
            "Sie feiert den 100. Geburtstag."
            "Das war der Turm 1000.|Geburtstag feiern wir."
            "Er kam im 199. Haus an."
            "Er kam im 1990.|Haus und Hof blieben."
            "Er kam am 3.|Der Rest blieb."
            "Wir lesen Seite 30.|Haus und Hof blieben."
            "Wir lesen den 1. Band, das 3. Kapitel, die 2. Auflage."
            "It was no 5. of many."
        ]

        test "what begins a line is no sentence's end" {
            for item in
                [
                    "1. Open the door."
                    "x\n2. Open the door."
                    "x\n\t3. Open the door."
                    "x\n \t 4. Open the door."
                ] do
                Sentences.ofText item |> equals [| item |]

            for item in [ "A. The first."; "x\nB. The second." ] do
                Sentences.ofText item |> equals [| item |]
        }

        test "whether a line is of small letters is seen by its own first" {
            Sentences.ofText "Big line\nwe are closed. come back."
            |> equals [| "Big line\nwe are closed."; "come back." |]

            Sentences.ofText "small line\nWe are closed. come back."
            |> equals [| "small line\nWe are closed. come back." |]

            Sentences.ofText "we are closed! come back." |> equals [| "we are closed!"; "come back." |]
            Sentences.ofText "We are closed! come back." |> equals [| "We are closed! come back." |]
            Sentences.ofText "- \"we are closed. come back." |> equals [| "- \"we are closed."; "come back." |]
            Sentences.ofText "\n. x" |> equals [| ". x" |]
        }

        fact "letters between full stops are an abbreviation, longer parts and digits are none" [
            "The U.S. Office is there."
            "The U.S.|The rest is there."
            "The U.S. the rest is there."
            "The Ph.D. Office is there."
            "The www.vik.no.|Office hours follow."
            "The a.bcd.|Office hours follow."
            "The a..b.|Office hours follow."
            "The v1.2.|Office hours follow."
            "The ab.cd. 5 follow."
        ]

        fact "single letters end a sentence where a word follows that begins one" [
            "Take plan B.|The other failed."
            "Take plan b. The other failed."
            "Take plan B. Other plans failed."
        ]

        fact "others end a sentence where a word follows that begins one" [
            "Acme Inc.|The others left."
            "Acme Inc. the others left."
            "Acme Inc.|The: others left."
            "Acme Inc.|The; others left."
            "Acme Inc.|Then, others left."
            "Acme Inc. Others left."
            "It was in Sept.|The others left."
            "It was in Sept. 3 of them left."
            "See fig.|The others are lost."
            "See fig. 3."
            "See fig. a."
            "See p. Holt."
            "See p.|The others are lost."
        ]

        fact "what a quotation or a bracket closes" [
            "He said “no.”|Then he left."
            "(So it is.)|[So it was.]|Next."
            "It ends (here).|Next."
            "彼は「行く？」そして去った。"
            "彼は「行く。」ぁ言った。"
            "彼は「行く。」ゟ言った。"
            "彼は「行く。」¦゠言った。"
            "番号は１．２です．¦次。"
            "Is it so?”|Yes."
        ]

        fact "a sentence does not begin with a small letter, unless all do" [
            "Version 2.5 of Yahoo! is here. iPads too."
            "we are closed.|come back tomorrow."
            "Wait ... there is more.|Much more..."
        ]

        fact "no is a word, and so is art" [ "The answer is no.|He left."; "She loves art.|He does not." ]

        fact "sentences of scripts without blanks end at their marks" [
            "东京是日本的首都。¦大阪位于关西地区。"
            "東京は首都です。¦京都は？！¦古都です！"
            "彼は「行く。」と言った。¦そして去った。"
            "他说：“好。”¦她走了。"
        ]

        fact "marks of other scripts end sentences" [ "यह घर है।|वह दुकान है।"; "أين المكتب؟|هو هنا." ]

        test "a question is told by its mark" {
            isTrue (Sentences.isQuestion "Who signs?")
            isTrue (Sentences.isQuestion "“誰ですか？”")
            isFalse (Sentences.isQuestion "Who signs? Holt.")
            isTrue (Sentences.isQuestion "是谁？」 ")
            isTrue (Sentences.isQuestion "من؟")
            isFalse (Sentences.isQuestion "")
            isFalse (Sentences.isQuestion "?x")
        }
    ]
