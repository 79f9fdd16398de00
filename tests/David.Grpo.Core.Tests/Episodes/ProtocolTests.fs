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
        test "limits and texts of the protocols are the authors' and the embedded world's" {
            TextProtocol.defaults
            |> equals
                {
                    MaxSearches = 10
                    FirstTurnTokens = 2048
                    TurnTokens = 1024
                    ResponseTokens = 8192
                    TopK = 3
                }

            TagProtocol.defaults
            |> equals
                {
                    MaxSearches = 4
                    QueryWords = 6
                    AnswerWords = 5
                    TopK = 2
                }

            tags |> Seq.iter (fun tag -> TextProtocol.neutral tag |> equals ("‹" + tag.Substring 1))
            TextProtocol.neutral @"so \boxed{a} <b> </think>" |> equals @"so ＼boxed{a} <b> ‹/think>"

            for tag in tags do
                TextProtocol.instruction |> containsText tag

            TextProtocol.userMessage TextProtocol.instruction "who <think>?"
            |> equals (TextProtocol.instruction + "\nwho ‹think>?")

            TextProtocol.instruction |> endsWith "\nQuestion:"

            TextProtocol.observation [| passage "A" "one"; passage "B" "two" |]
            |> equals "\n\n<search_result> result 1: \"A\"\none\nresult 2: \"B\"\ntwo </search_result>\n\n\n\n"

            TextProtocol.refusal
            |> equals "\n\n<search_result> Reach the limit of search times. </search_result>\n\n"

            TextProtocol.failure "no <think> net"
            |> equals "\n\n<search_result> Retrieval failed: no ‹think> net </search_result>\n\n\n\n"
        }

        test "a turn in the embedded world ends where its tag closes, its words run out or a tag stands inside" {
            let search words close =
                [| 3; yield! Array.replicate words 20; yield! close |]

            let answer words close =
                [| 7; yield! Array.replicate words 20; yield! close |]

            move [||] |> equals Move.Continue
            move [| 20 |] |> equals Move.Stop
            move (search 0 []) |> equals Move.Continue
            move (search 0 [ 4 ]) |> equals (Move.Search "")
            move (search 6 []) |> equals Move.Continue
            move (search 6 [ 4 ]) |> equals (Move.Search "20 20 20 20 20 20")
            move (search 7 []) |> equals Move.Stop
            move (search 1 [ 8 ]) |> equals Move.Stop
            move (answer 5 []) |> equals Move.Continue
            move (answer 5 [ 8 ]) |> equals (Move.Answer "20 20 20 20 20")
            move (answer 6 []) |> equals Move.Stop
            move (answer 1 [ 4 ]) |> equals Move.Stop
        }

        test "a turn goes on until its search is closed" {
            TextProtocol.move "I think <begin_search> who" "I think <begin_search> who" false
            |> equals Move.Continue
        }

        test "the query is what stands in the first pair of tags, stripped" {
            let turn = "so <begin_search> who was it </end_search>"
            TextProtocol.move turn turn false |> equals (Move.Search "who was it")
            let dense = "<begin_search>who</end_search><begin_search>x</end_search>"
            TextProtocol.move dense dense false |> equals (Move.Search "who")
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
