module David.Grpo.Tests.ProtocolTests

open Xunit
open David.Grpo

[<Fact>]
let ``a turn goes on until its search is closed`` () =
    Assert.Equal(Move.Continue, TextProtocol.move "I think <begin_search> who" "I think <begin_search> who" false)

[<Fact>]
let ``the query is what stands in the first pair of tags, stripped`` () =
    let turn = "so <begin_search> who was it </end_search>"
    Assert.Equal(Move.Search "who was it", TextProtocol.move turn turn false)

[<Fact>]
let ``a search after the end of thinking is none`` () =
    let turn = "done </think> <begin_search> again </end_search>"
    Assert.Equal(Move.Stop, TextProtocol.move turn turn false)

[<Fact>]
let ``an empty query ends the episode`` () =
    let turn = "<begin_search>   </end_search>"
    Assert.Equal(Move.Stop, TextProtocol.move turn turn false)

[<Fact>]
let ``the answer is the last box after thinking`` () =
    let turn = @"so \boxed{no} </think> It is \boxed{Paris}."
    Assert.Equal(Move.Answer "Paris", TextProtocol.move turn turn true)

[<Fact>]
let ``a box before the end of thinking is no answer`` () =
    let turn = @"maybe \boxed{Paris}"
    Assert.Equal(Move.Stop, TextProtocol.move turn turn true)

[<Fact>]
let ``thinking that ended in an earlier turn still counts for the answer`` () =
    Assert.Equal(Move.Answer "7", TextProtocol.move @"\boxed{7}" @"</think> wait \boxed{7}" true)

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

[<Fact>]
let ``whatever a passage says, its observation holds no tag but its own block`` () =
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

[<Fact>]
let ``neutral text of neutral text is itself`` () =
    law (fun (pieces: byte[]) ->
        let text =
            pieces |> Array.map (fun piece -> tags[int piece % 6]) |> String.concat "<"

        let once = TextProtocol.neutral text
        TextProtocol.neutral once = once)

[<Fact>]
let ``titles of an observation are those that the authors' reward reads`` () =
    let text =
        TextProtocol.observation [| passage "Paris" "a city"; passage "Lyon" "another" |]

    Assert.Equal(1.0, AuthorsReward.coverage ("<think>" + text) [| "paris"; "lyon" |])

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

[<Fact>]
let ``words between the tags of a search are its query`` () =
    Assert.Equal(Move.Search "20 21", move [| 3; 20; 21; 4 |])

[<Fact>]
let ``words between the tags of an answer are the answer`` () =
    Assert.Equal(Move.Answer "30", move [| 7; 30; 8 |])

[<Fact>]
let ``a tag within a query stops the episode`` () =
    for tag in [ 3; 7; 8; 5; 1 ] do
        Assert.Equal(Move.Stop, move [| 3; 20; tag |])

[<Fact>]
let ``a turn that begins with a word stops the episode`` () = Assert.Equal(Move.Stop, move [| 20 |])

[<Fact>]
let ``one word too many stops the episode`` () =
    Assert.Equal(Move.Continue, move (Array.append [| 3 |] (Array.create 6 20)))
    Assert.Equal(Move.Stop, move (Array.append [| 3 |] (Array.create 7 20)))
    Assert.Equal(Move.Stop, move (Array.append [| 7 |] (Array.create 6 20)))

[<Theory>]
[<InlineData("Jaws", null)>]
[<InlineData("Jaws}", "Jaws")>]
[<InlineData("Jaws}. Or not", "Jaws")>]
[<InlineData("\\text{Jaws}", null)>]
[<InlineData("\\text{Jaws}}", "\\text{Jaws}")>]
[<InlineData("", null)>]
let ``a forced answer is what closes the box`` (text: string) (expected: string | null) =
    Assert.Equal(expected, TextProtocol.forcedAnswerOrNull text)
    // And what the policy had written before does not matter.
    Assert.Equal(
        expected,
        TextProtocol.answerOrNull ("\\boxed{no} <begin_search>x</end_search>" + TextProtocol.AnswerOpening + text)
    )
