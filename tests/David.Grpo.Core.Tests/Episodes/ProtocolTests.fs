module David.Grpo.Tests.ProtocolTests

open Expecto
open David.Grpo

let private passage title text =
    {
        Id = { Value = "p" }
        Title = title
        Text = text
    }

let private tags =
    [|
        "<begin_search>"
        "</end_search>"
        "<search_result>"
        "</search_result>"
        "<think>"
        "</think>"
    |]

// The embedded world's protocol.

let private worldTags: TagProtocol.Tags =
    {
        SearchOpen = 3
        SearchClose = 4
        AnswerOpen = 7
        AnswerClose = 8
        Special = set [ 0..9 ]
    }

let private render =
    System.Func<int[], string>(fun ids -> ids |> Array.map string |> String.concat " ")

let private move turn =
    TagProtocol.move TagProtocol.defaults worldTags render turn

[<Tests>]
let tests =
    testList "ProtocolTests" [
        test "a turn goes on until its search is closed" {
            TextProtocol.move "I think <begin_search> who" "I think <begin_search> who" false
            |> equals Move.Continue
        }

        test "the query is what stands in the first pair of tags, stripped" {
            let turn = "so <begin_search> who was it </end_search>"
            TextProtocol.move turn turn false |> equals (Move.Search "who was it")
        }

        test "a search after the end of thinking is none" {
            let turn = "done </think> <begin_search> again </end_search>"
            TextProtocol.move turn turn false |> equals Move.Stop
        }

        test "an empty query ends the episode" {
            let turn = "<begin_search>   </end_search>"
            TextProtocol.move turn turn false |> equals Move.Stop
        }

        test "the answer is the last box after thinking" {
            let turn = @"so \boxed{no} </think> It is \boxed{Paris}."
            TextProtocol.move turn turn true |> equals (Move.Answer "Paris")
        }

        test "a box before the end of thinking is no answer" {
            let turn = @"maybe \boxed{Paris}"
            TextProtocol.move turn turn true |> equals Move.Stop
        }

        test "thinking that ended in an earlier turn still counts for the answer" {
            TextProtocol.move @"\boxed{7}" @"</think> wait \boxed{7}" true |> equals (Move.Answer "7")
        }

        test "whatever a passage says, its observation holds no tag but its own block" {
            law (fun (pieces: byte[]) ->
                let hostile =
                    pieces
                    |> Array.map (fun piece ->
                        if int piece % 8 < 6 then
                            tags[int piece % 8]
                        else
                            @" \boxed{x} <")
                    |> String.concat ""

                let text = TextProtocol.observation [| passage hostile hostile |]
                let body = text.Replace("<search_result>", "", System.StringComparison.Ordinal)

                let count (tag: string) =
                    (text.Length - text.Replace(tag, "").Length) / tag.Length

                count "<search_result>" = 1
                && count "</search_result>" = 1
                && not (body.Contains "<begin_search>")
                && not (body.Contains "</end_search>")
                && not (body.Contains "</think>")
                && not (text.Contains @"\boxed"))
        }

        test "neutral text of neutral text is itself" {
            law (fun (pieces: byte[]) ->
                let text =
                    pieces |> Array.map (fun piece -> tags[int piece % 6]) |> String.concat "<"

                let once = TextProtocol.neutral text
                TextProtocol.neutral once = once)
        }

        test "titles of an observation are those that the authors' reward reads" {
            let text =
                TextProtocol.observation [| passage "Paris" "a city"; passage "Lyon" "another" |]

            AuthorsReward.coverage ("<think>" + text) [| "paris"; "lyon" |] |> equals 1.0
        }

        test "words between the tags of a search are its query" {
            move [| 3; 20; 21; 4 |] |> equals (Move.Search "20 21")
        }

        test "words between the tags of an answer are the answer" { move [| 7; 30; 8 |] |> equals (Move.Answer "30") }

        test "a tag within a query stops the episode" {
            for tag in [ 3; 7; 8; 5; 1 ] do
                move [| 3; 20; tag |] |> equals Move.Stop
        }

        test "a turn that begins with a word stops the episode" { move [| 20 |] |> equals Move.Stop }

        test "one word too many stops the episode" {
            move (Array.append [| 3 |] (Array.create 6 20)) |> equals Move.Continue
            move (Array.append [| 3 |] (Array.create 7 20)) |> equals Move.Stop
            move (Array.append [| 7 |] (Array.create 6 20)) |> equals Move.Stop
        }

        testTheory
            "a forced answer is what closes the box"
            ([
                "Jaws", null
                "Jaws}", "Jaws"
                "Jaws}. Or not", "Jaws"
                "\\text{Jaws}", null
                "\\text{Jaws}}", "\\text{Jaws}"
                "", null
            ]
            : (string * (string | null)) list)
            (fun (text: string, expected: string | null) ->
                TextProtocol.forcedAnswerOrNull text |> equals expected
                // And what the policy had written before does not matter.
                TextProtocol.answerOrNull (
                    "\\boxed{no} <begin_search>x</end_search>" + TextProtocol.AnswerOpening + text
                )
                |> equals expected)
    ]
