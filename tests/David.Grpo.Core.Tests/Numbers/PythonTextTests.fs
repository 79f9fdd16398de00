module David.Grpo.Tests.PythonTextTests

open System
open System.Text
open FsCheck.FSharp
open Expecto
open David.Grpo

/// Text of the characters that .NET and Python see differently, among ordinary ones.
let awkwardText =
    Gen.elements [
        "a"
        "the"
        "An"
        "B"
        "1"
        "_"
        " "
        "\t"
        "\u001c"
        "\u0085"
        "\u00a0"
        "\u200b"
        "\u3000"
        "."
        "-"
        "'"
        "\""
        "—"
        "²"
        "½"
        "\u0301"
        "\u200d"
        "İ"
        "Σ"
        "Α"
        "ß"
        "東"
        "\U00010400"
        "\U0001f642"
        "\ud800"
    ]
    |> Gen.listOf
    |> Gen.map (String.concat "")

[<Tests>]
let tests =
    testList "PythonTextTests" [
        test "a sigma ends its word beside every character as in Python" {
            let newerThanUnicode14 = set [ 0x897; 0xECE; 0x1C89; 0x1C8A ]

            // Python 3.11: FNV-1a over 16 i and a bit each for ς in AΣi, in AΣiB, at the end of iΣ and at that of AiΣ.
            let mutable hash = 0xCBF29CE484222325UL

            for value in
                Seq.concat [ seq { 0..0x2FFF }; seq { 0xFE00..0xFFFF }; seq { 0x1F100..0x1F1FF } ]
                |> Seq.filter (newerThanUnicode14.Contains >> not) do
                let own = Rune(value).ToString()
                let isSecond (text: string) = (PythonText.lower text)[1] = 'ς'
                let isLast (text: string) = (PythonText.lower text).EndsWith 'ς'

                let bits =
                    [
                        isSecond ("AΣ" + own)
                        isSecond ("AΣ" + own + "B")
                        isLast (own + "Σ")
                        isLast ("A" + own + "Σ")
                    ]
                    |> List.mapi (fun i isFinal -> if isFinal then 1 <<< i else 0)
                    |> List.sum

                hash <- (hash ^^^ uint64 (16 * value + bits)) * 0x100000001B3UL

            hash |> equals 0xCF6AE49CE22AF3B3UL
        }

        testCase "lower maps every single code point as Python does" (fun () ->
            // Python 3.11, chr(i).lower() of the 1,432 code points that have another one: FNV-1a over (i, lower).
            let newerThanUnicode14 value =
                (value >= 0x10D50 && value <= 0x10D65)
                || List.contains value [ 0x1C89; 0xA7CB; 0xA7CC; 0xA7CE; 0xA7D2; 0xA7D4; 0xA7DA; 0xA7DC ]
                || (value >= 0x16EA0 && value <= 0x16EB8)

            let mutable hash = 0xCBF29CE484222325UL
            let mutable count = 0

            for value in Seq.append (seq { 0..0xD7FF }) (seq { 0xE000..0x10FFFF }) do
                let text = Rune(value).ToString()
                let lowered = PythonText.lower text

                if lowered <> text && value <> 0x130 && not (newerThanUnicode14 value) then
                    count <- count + 1

                    for part in [ value; Rune.GetRuneAt(lowered, 0).Value ] do
                        hash <- (hash ^^^ uint64 part) * 0x100000001B3UL

            count |> equals 1432
            hash |> equals 0x14D60F63AB3924D8UL)

        testTheory
            "lower knows the full mapping"
            [
                "İstanbul", "i\u0307stanbul"
                "ΟΔΟΣ", "οδος"
                "ΟΔΟΣ Α", "οδος α"
                "ΟΔΟΣ'", "οδος'"
                "ΟΔΟΣ'Α", "οδοσ'α"
                "ΣΑΣ", "σας"
                "Σ", "σ"
                "1Σ", "1σ"
                "ⒶΣ", "ⓐς"
                "\U00010400Σ\U00010400", "\U00010428σ\U00010428"
                "STRASSE ẞ", "strasse ß"
            ]
            (fun (text: string, expected: string) -> PythonText.lower text |> equals expected)

        test "lower is idempotent" {
            lawFor awkwardText (fun text -> PythonText.lower (PythonText.lower text) = PythonText.lower text)
        }

        test "lower keeps half a surrogate pair" { PythonText.lower "A\ud800B" |> equals "a\ud800b" }

        test "the spaces are Python's 29" {
            let spaces = Seq.filter PythonText.isSpace (seq { '\u0000' .. '\uffff' })

            let expected =
                "\u0009\u000a\u000b\u000c\u000d\u001c\u001d\u001e\u001f\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

            String.Concat spaces |> equals expected
        }

        test "punctuation is string.punctuation" {
            let punctuation = Seq.filter PythonText.isPunctuation (seq { '\u0000' .. '\uffff' })
            String.Concat punctuation |> equals "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
        }

        test "word characters are letters, numbers and the underscore" {
            let isWord (text: string) =
                PythonText.isWord (Rune.GetRuneAt(text, 0))

            [ "a"; "é"; "_"; "7"; "²"; "½"; "Ⅷ"; "東"; "ʰ"; "\U00010400" ]
            |> Seq.iter (fun text -> isTrue (isWord text))

            [ "\u0301"; "\u200c"; "\u200d"; "‿"; "-"; " "; "’"; "\U0001f642"; "ⓐ" ]
            |> Seq.iter (fun text -> isFalse (isWord text))
        }

        test "split joins back to the collapsed text" {
            lawFor awkwardText (fun text ->
                let pieces = PythonText.split text

                pieces |> Array.forall (fun piece -> piece <> "" && not (Seq.exists PythonText.isSpace piece))
                && String.Join(' ', pieces) = PythonText.collapseSpaces text
                && PythonText.split (PythonText.strip text) = pieces
                && PythonText.collapseSpaces (PythonText.collapseSpaces text) = PythonText.collapseSpaces text)
        }

        test "strip leaves nothing to strip" {
            lawFor awkwardText (fun text ->
                let stripped = PythonText.strip text

                text.Contains(stripped, StringComparison.Ordinal)
                && (stripped = ""
                    || not (PythonText.isSpace stripped[0] || PythonText.isSpace stripped[stripped.Length - 1])))
        }

        test "mapping words to themselves changes nothing" {
            lawFor awkwardText (fun text -> PythonText.mapWords id text = text)
        }

        test "the words that are mapped hold word characters only" {
            lawFor awkwardText (fun text ->
                let words = ResizeArray()

                PythonText.mapWords
                    (fun word ->
                        words.Add word
                        word)
                    text
                |> ignore

                words |> Seq.forall (fun word -> PythonText.keepWordsAndSpaces word = word)
                && String.Concat words = String.filter (PythonText.isSpace >> not) (PythonText.keepWordsAndSpaces text))
        }

        test "a mark ends a word and a superscript does not" {
            let drop = PythonText.mapWords (fun word -> if word = "a" then "" else word)
            drop "a\u0301" |> equals "\u0301"
            drop "a²" |> equals "a²"
            drop "a\u200db" |> equals "\u200db"
        }

        test "code points are counted as Python counts" {
            lawFor awkwardText (fun text ->
                let withoutPairs = text.Replace("\U00010400", "x").Replace("\U0001f642", "x").Length

                PythonText.codePoints text 0 text.Length = withoutPairs)
        }
    ]
