/// Which characters mean what to the reader of documents: tables by code point, to be held against Unicode's charts.
module David.Grpo.Tests.CharactersTests

open System.Text
open Expecto
open David.Grpo

/// All of the planes that have letters, and the one of tags.
let private runes =
    lazy
        [|
            for value in Seq.append (seq { 0..0x40000 }) (seq { 0xDFFF0..0xE1010 }) do
                if Rune.IsValid value then
                    Rune value
        |]

/// `first-last` of the runs of code points for which something holds.
let private ranges (holds: Rune -> bool) =
    let found = ResizeArray<struct (int * int)>()

    for rune in runes.Value do
        if holds rune then
            match found.Count with
            | 0 -> found.Add(struct (rune.Value, rune.Value))
            | count ->
                let struct (first, last) = found[count - 1]

                if last = rune.Value - 1 then
                    found[count - 1] <- struct (first, rune.Value)
                else
                    found.Add(struct (rune.Value, rune.Value))

    found
    |> Seq.map (fun (struct (first, last)) -> if first = last then $"{first:X}" else $"{first:X}-{last:X}")
    |> String.concat " "

let private isKeptIn (joiner: string) (before: Rune) (after: Rune) =
    (CleanText.ofText $"{before}{joiner}{after}").Contains(joiner, System.StringComparison.Ordinal)

/// Whether a character and a letter are written together.
let private joins (letter: string) (rune: Rune) =
    match ContentWords.words $"{rune}{letter}" with
    | [| word |] -> word.Length > letter.Length
    | _ -> false

[<Tests>]
let tests =
    testList "CharactersTests" [
        test "what nobody sees is left out, alone and within a word" {
            let unseen =
                "AD 34F 61C 180B-180F 200B-200F 202A-202E 2060-206F FE00-FE0F FEFF FFF9-FFFB E0000-E0FFF"

            ranges CleanText.isInvisible |> equals unseen
            ranges (fun rune -> CleanText.ofText $"a{rune}b" = "ab") |> equals unseen
        }

        test "what is written otherwise are ligatures and the forms of Arabic letters" {
            ranges (fun rune ->
                let own = rune.ToString()
                CleanText.ofText own <> own && not (CleanText.isInvisible rune))
            |> equals "FB00-FB06 FE80-FEFC"

            [ 0xFB00..0xFB06 ]
            |> List.map (fun value -> CleanText.ofText (string (Rune(value: int))))
            |> equals [ "ff"; "fi"; "fl"; "ffi"; "ffl"; "st"; "st" ]

            // Each letter with the number of its forms, in the chart's order.
            let letters =
                "ء1 آ2 أ2 ؤ2 إ2 ئ4 ا2 ب4 ة2 ت4 ث4 ج4 ح4 خ4 د2 ذ2 ر2 ز2 س4 ش4 ص4 ض4 ط4 ظ4 ع4 غ4 ف4 ق4 ك4 ل4 م4 ن4 ه4 و2 ى2 ي4 لآ2 لأ2 لإ2 لا2"
                    .Split
                    ' '
                |> Array.collect (fun forms ->
                    Array.replicate (int (forms[forms.Length - 1] - '0')) forms[.. forms.Length - 2])

            [| 0xFE80..0xFEFC |]
            |> Array.map (fun value -> CleanText.ofText (string (Rune(value: int))))
            |> equals letters
        }

        test "a zero-width space stays in the scripts of Southeast Asia, between two of their letters" {
            ranges (fun rune -> isKeptIn "\u200B" rune rune)
            |> equals "E00-EFF 1000-109F 1780-17FF 1950-19DF 1A20-1AAF A9E0-A9FF AA60-AA7F"

            isFalse (isKeptIn "\u200B" (Rune 'ก') (Rune 'a'))
            isFalse (isKeptIn "\u200B" (Rune 'a') (Rune 'ก'))
        }

        test "joiners stay between letters from Arabic to Mongolian, and between pictures" {
            let letters = [ 0x620; 0x1DBF ] |> List.map (fun value -> Rune(value: int))

            let others =
                [ 0x5F2; 0x660; 0x1E00; 0x61 ] |> List.map (fun value -> Rune(value: int))

            for joiner in [ "\u200C"; "\u200D" ] do
                for one in letters do
                    for other in letters do
                        isTrue (isKeptIn joiner one other)

                    for other in others do
                        isFalse (isKeptIn joiner one other)
                        isFalse (isKeptIn joiner other one)

            ranges (fun rune -> rune.Value > 0x1DFF && isKeptIn "\u200D" rune rune)
            |> equals "2190-2BFF 1F000-1FAFF"

            let picture = Rune 0x1F467
            isFalse (isKeptIn "\u200C" picture picture)

            for letter in letters do
                isFalse (isKeptIn "\u200D" letter picture)
                isFalse (isKeptIn "\u200D" picture letter)

            // What nobody sees does not part what a joiner joins, on either side.
            CleanText.ofText "👩\uFE0F\u200D\uFE0F💻" |> equals "👩\u200D💻"
            // A joiner at an end joins nothing.
            CleanText.ofText "\u200D👩\u200D" |> equals "👩"
        }

        test "scripts without blanks are these, and each is a word of its own" {
            ranges (joins "中")
            |> equals "2E80-2FDF 3005 3007 303B 3105-312F 3400-4DBF 4E00-9FFF F900-FAFF 20000-3FFFF"

            ranges (joins "あ") |> equals "3041-309A 309D-309F"
            ranges (joins "ア") |> equals "30A1-30FA 30FC-30FF 31F0-31FF FF66-FF9F"

            // The mark of a long vowel belongs to what it stands behind.
            ContentWords.words "らーめん" |> equals [| "らー"; "ーめ"; "めん" |]
            ContentWords.words "ラーめん" |> equals [| "ラー"; "めん" |]
            ContentWords.words "中ーめ" |> equals [| "中"; "ー"; "め" |]

            // A mark is part of the letter that it stands on: two and three of them here.
            ContentWords.words "か\u3099き\u3099" |> equals [| "か\u3099き\u3099" |]
            ContentWords.words "ก็กก" |> equals [| "ก็กก" |]
            ContentWords.words "\u0E31กกก" |> equals [| "\u0E31กก"; "กกก" |]

            for letter in [ "ก"; "ກ"; "က"; "ក"; "ꩠ"; "\u0E31"; "\u102B" ] do
                Expect.isTrue (joins "ก" (Rune.GetRuneAt(letter, 0))) letter

            // Of the same blocks, but no letters.
            for other in [ "฿"; "๏"; "၊"; "។" ] do
                Expect.isFalse (joins "ก" (Rune.GetRuneAt(other, 0))) other
        }

        test "letters, digits, marks and numbers of one character are in words" {
            for inside in [ "c"; "7"; "é"; "\u0301"; "\u0903"; "Ⅳ"; "½"; "²" ] do
                Expect.hasLength (ContentWords.words $"a{inside}b") 1 inside

            for outside in [ " "; "-"; "_"; "$"; "'"; "\u20DD"; "☺"; "\u3000" ] do
                Expect.equal (ContentWords.words $"a{outside}b") [| "a"; "b" |] outside

            for digit in 0..9 do
                ContentWords.words (string (Rune(0xFF10 + digit))) |> equals [| string digit |]

            for letter in 0..25 do
                ContentWords.words (string (Rune(0xFF21 + letter))) |> equals [| string ('a' + char letter) |]
                ContentWords.words (string (Rune(0xFF41 + letter))) |> equals [| string ('a' + char letter) |]
        }

        test "an index parts the letters of these scripts alone, and leaves out their marks of punctuation" {
            ContentWords.indexed "a中b・ー。c" |> equals "a 中 b・ ー 。c"
            ContentWords.indexed "ก็ก" |> equals " ก  ก "
            ContentWords.indexed "\u0E31" |> equals ""
            ContentWords.indexed "ab\u0DFFc" |> equals "ab\u0DFFc"
        }
    ]
