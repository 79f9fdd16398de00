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
        }
    ]
