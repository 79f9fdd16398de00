module David.Grpo.Tests.ChunkingTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo

/// Texts of paragraphs, long words, records, emoji and combining marks.
let private texts =
    Gen.elements [
        "A hotel room may cost up to 140 euro. "
        "Breakfast is included! "
        "\n\n"
        "\n"
        "status: open\n"
        " "
        "x"
        String('w', 37)
        "Trondheim und Tromsø 🧭🧭 "
        "e\u0301e\u0301"
        "京都は古い。"
    ]
    |> Gen.listOf
    |> Gen.map (String.concat "")

let private limits = Gen.choose (2, 120)

let private solid (text: string) =
    text |> String.filter (Char.IsWhiteSpace >> not)

let private sections =
    Gen.zip (Gen.elements [ "Hotels"; "Meals"; "Trains" ]) texts
    |> Gen.listOf
    |> Gen.map (fun parts ->
        [|
            for heading, text in parts do
                {
                    Headings = [| heading |]
                    Text = text
                }
        |])

let private ids sections =
    Chunking.passages 60 "travel.md" "Travel" sections |> Array.concat |> Array.map _.Id.Value

[<Tests>]
let tests =
    testList "ChunkingTests" [
        test "every character that is no white space is in exactly one part, in order" {
            lawFor (Gen.zip limits texts) (fun (limit, text) ->
                Chunking.ranges limit text
                |> Array.map (fun (struct (first, last)) -> text.Substring(first, last - first))
                |> String.concat ""
                |> solid
                |> (=) (solid text))
        }

        test "no part exceeds the limit, begins or ends with white space, or cuts a surrogate pair" {
            lawFor (Gen.zip limits texts) (fun (limit, text) ->
                Chunking.ranges limit text
                |> Array.forall (fun (struct (first, last)) ->
                    last - first <= limit
                    && last > first
                    && not (Char.IsWhiteSpace text[first] || Char.IsWhiteSpace text[last - 1])
                    && not (Char.IsLowSurrogate text[first])))
        }

        test "a text within the limit is one part, and paragraphs are kept whole where they fit" {
            lawFor texts (fun text -> (Chunking.ranges (max 2 text.Length) text).Length <= 1)

            let paragraphs = [| String('a', 40); String('b', 50); String('c', 60) |]

            let parts =
                let text = String.Join("\n\n", paragraphs)

                Chunking.ranges 100 text
                |> Array.map (fun (struct (first, last)) -> text.Substring(first, last - first))

            parts |> equals [| paragraphs[0] + "\n\n" + paragraphs[1]; paragraphs[2] |]
        }

        test "a text is cut at the best places that suffice, and no character that is seen as one is cut" {
            for limit, text, expected in
                [
                    // Before a joined picture, a mark on a letter.
                    5, "ab👩\u200D💻", [ "ab"; "👩\u200D💻" ]
                    3, "xye\u0301", [ "xy"; "e\u0301" ]
                    3, "xya\u20DD", [ "xy"; "a\u20DD" ]
                    3, "xyक\u093F", [ "xy"; "क\u093F" ]
                    // Longer than the limit it is cut all the same.
                    2, "👩\u200D💻", [ "👩"; "\u200D"; "💻" ]
                    // Paragraphs, lines, sentences, words.
                    9, "aa bb\ncc\n\ndd ee", [ "aa bb\ncc"; "dd ee" ]
                    7, "aa bb\ncc dd", [ "aa bb"; "cc dd" ]
                    8, "Aa bb. Cc dd", [ "Aa bb."; "Cc dd" ]
                    8, "Aa bb; cc dd", [ "Aa bb;"; "cc dd" ]
                    8, "Aa bb: cc dd", [ "Aa bb:"; "cc dd" ]
                    8, "Aa bb, cc dd", [ "Aa bb,"; "cc dd" ]
                    7, "; abc def", [ ";"; "abc def" ]
                    5, "京都は。古い。", [ "京都は。"; "古い。" ]
                    4, "abcdef", [ "abcd"; "ef" ]
                    6, "abcdef", [ "abcdef" ]
                ] do
                Chunking.ranges limit text
                |> Array.map (fun (struct (first, last)) -> text.Substring(first, last - first))
                |> List.ofArray
                |> equals expected
        }

        test "ids are unique" {
            lawFor sections (fun sections -> let ids = ids sections in (Array.distinct ids).Length = ids.Length)
        }

        test "an edit of one section leaves the ids of the others" {
            lawFor (Gen.zip sections texts) (fun (sections, other) ->
                let before = ids sections

                let edit =
                    {
                        Headings = [| "Insurance" |]
                        Text = other
                    }

                let after = ids (Array.append [| edit |] sections)
                Array.forall (fun id -> Array.contains id after) before)
        }

        test "a title has the document and the headings, each once in a row" {
            Chunking.title "Travel" [| "travel"; "Hotels"; " Bergen\n" |] |> equals "Travel › Hotels › Bergen"
            Chunking.title "Travel" [||] |> equals "Travel"
        }

        test "a heading with nothing below it is a passage, one with subsections is in their titles" {
            let passages =
                Chunking.passages 200 "x.md" "X" [|
                    {
                        Headings = [| "Upper" |]
                        Text = "\n"
                    }
                    {
                        Headings = [| "Upper"; "Lower" |]
                        Text = "words"
                    }
                    { Headings = [| "Bare" |]; Text = "" }
                |]

            passages
            |> Array.concat
            |> Array.map (fun passage -> passage.Title, passage.Text)
            |> equals [| "X › Upper › Lower", "words"; "X › Bare", "Bare" |]
        }
    ]
