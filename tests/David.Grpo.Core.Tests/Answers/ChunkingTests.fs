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
