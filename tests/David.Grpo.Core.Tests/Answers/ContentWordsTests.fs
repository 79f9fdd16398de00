module David.Grpo.Tests.ContentWordsTests

open Expecto
open David.Grpo

let private wordsOf (text: string) =
    ContentWords.words text |> String.concat " "

let private tellingOf (text: string) =
    ContentWords.ofText text |> String.concat " "

[<Tests>]
let tests =
    testList "ContentWordsTests" [
        test "invisible characters are in no word and part none" {
            wordsOf "Reise\u00ADkosten\u00ADabrechnung" |> equals "reisekostenabrechnung"
            wordsOf "Donau\u200Bdampf\u2060schiff\uFEFF" |> equals "donaudampfschiff"
            wordsOf "کتاب\u200Cها" |> equals "کتابها"
            wordsOf "a\uFE0Fb\u200Ec\U000E0041d" |> equals "abcd"
        }

        test "ligatures and full-width letters are letters" {
            wordsOf "o\uFB03ce \uFB01rst \uFB05art" |> equals "office first start"
            wordsOf "ＮＡＳ１２" |> equals "nas12"
            wordsOf "ﻻ" |> equals "لا"
        }

        test "Chinese and Japanese words are neighbouring letters, Thai ones three" {
            wordsOf "东京都" |> equals "东京 京都"
            wordsOf "NAS设备3台" |> equals "nas 设备 3 台"
            wordsOf "東京タワーの" |> equals "東京 タワ ワー の"
            wordsOf "เมือง" |> equals "เมือ มือง"
        }

        test "what a question asks with is left out in any of these languages" {
            tellingOf "日本的首都是哪里？" |> equals "日本 首都"
            tellingOf "日本の首都はどこですか" |> equals "日本 首都"
            tellingOf "さくらはどこですか" |> equals "さく くら"
            tellingOf "ใครคือหมอ" |> equals "หมอ"
            tellingOf "什么" |> equals "什么"
            tellingOf "Where is the NAS?" |> equals "nas"
        }

        test "a word of few letters is found in one that holds it" {
            isTrue (ContentWords.areForms "日" "日本")
            isFalse (ContentWords.areForms "日本" "本日")
            isFalse (ContentWords.areForms "a" "ab")
        }

        test "an index gets each letter of these scripts by itself, and other texts as they are" {
            ContentWords.indexed "Plain text, 12." |> equals "Plain text, 12."
            ContentWords.indexed "Straße" |> equals "Straße"
            ContentWords.indexed "NAS设备" |> equals "NAS 设  备 "
            ContentWords.indexed "co\u00ADop" |> equals "coop"
        }

        test "a clean text has nothing that is not seen, but spelling and pictures stay" {
            CleanText.ofText "Reise\u00ADkosten e\uFB03zient\u200B \uFEFF✓\uFE0F"
            |> equals "Reisekosten effizient ✓"

            CleanText.ofText "Auf\u200Clage und کتاب\u200Cها" |> equals "Auflage und کتاب\u200Cها"
            CleanText.ofText "👩\u200D💻 x\u200Dy" |> equals "👩\u200D💻 xy"
            CleanText.ofText "ไทย\u200Bแลนด์ a\u200Bb" |> equals "ไทย\u200Bแลนด์ ab"
        }
    ]
