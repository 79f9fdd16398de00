module David.Grpo.Tests.AuthorsRewardTests

open System
open System.Text.Json
open FsCheck.FSharp
open Expecto
open David.Grpo

let private textOf (row: JsonElement) (name: string) =
    string (row.GetProperty(name).GetString())

let private numberOf (row: JsonElement) (name: string) = row.GetProperty(name).GetDouble()

let private texts (array: JsonElement) =
    [| for item in array.EnumerateArray() -> string (item.GetString()) |]

let private golds (row: JsonElement) =
    (textOf row "ground_truth").Split "<ans_split>"

let private cases =
    lazy [| yield! (Golden.json "golden/david/trajectories.json.gz").EnumerateArray() |]

let private prompt =
    "Search with <begin_search> query </end_search>, results come as <search_result> … </search_result>. Think inside <think></think>, answer as \\boxed{answer}.\nQuestion?\n"

let private titles = [| "Łódź"; "Tom & Jerry"; "The Who" |]

let private turn (number: int) (found: string) =
    $"I search. <begin_search>query {number}</end_search>\n\n<search_result> result 1: \"{found}\"\nText. </search_result>\n\n\n\n"

let private foundTitles =
    Gen.elements [ "Łódź"; "TOM &amp; jerry"; "the who!"; "Paris"; "\U0001f642" ] |> Gen.listOf

let private searching (found: string list) =
    found |> List.mapi turn |> String.concat ""

let private reward response =
    AuthorsReward.training prompt response [| "Freddie Mercury" |] titles

[<Tests>]
let tests =
    testList "AuthorsRewardTests" [
        test "normalised answers and titles are the authors'" {
            let golden = Golden.json "golden/david/normalisation.json.gz"

            for kind, normalize, count in
                [
                    "answers", AuthorsReward.normalizeAnswer, 623
                    "titles", AuthorsReward.normalizeTitle, 515
                ] do
                let rows = golden.GetProperty kind
                rows.GetArrayLength() |> equals count

                for row in rows.EnumerateArray() do
                    let pair = texts row
                    normalize pair[0] |> equals pair[1]
        }

        test "training rewards are the authors'" {
            cases.Value.Length |> equals 1500

            for row in cases.Value do
                let score =
                    AuthorsReward.training
                        (textOf row "prompt")
                        (textOf row "response")
                        (golds row)
                        (texts (row.GetProperty "gold_titles"))

                // The very numbers: halves, quarters and sums of them.
                score.Total |> equals (numberOf row "training_reward")
                0.5 * score.Coverage + score.Answer |> equals score.Total
                isTrue ((score.Gate = AuthorsGate.Passed) || score.Total = 0.0)
        }

        test "validation scores are the authors'" {
            for row in cases.Value do
                let score =
                    AuthorsReward.validation (textOf row "prompt") (textOf row "response") (golds row)

                score.Total |> equals (numberOf row "validation_score")
        }

        test "coverage of the response is the authors'" {
            for row in cases.Value do
                let coverage =
                    AuthorsReward.coverage (textOf row "response") (texts (row.GetProperty "gold_titles"))

                0.5 * coverage |> equals (numberOf row "half_coverage_of_response")
        }

        test "strict answers are the authors'" {
            for row in cases.Value do
                AuthorsReward.strictAnswer (textOf row "prompt") (textOf row "response")
                |> equals (row.GetProperty("strict_answer_normalised").GetString())
        }

        test "cuts and searches left are the authors'" {
            for row in cases.Value do
                let response = textOf row "response"

                let cut =
                    AuthorsReward.cut (textOf row "prompt") response (texts (row.GetProperty "gold_titles")) 10

                cut.CodePoints |> equals (row.GetProperty("cut_offset_in_response").GetInt32())
                PythonText.codePoints response 0 cut.Offset |> equals cut.CodePoints
                cut.SearchesLeft |> equals (row.GetProperty("searches_left_of_10_after_cut").GetInt32())
        }

        test "group decisions are the authors'" {
            let groups = Golden.json "golden/david/groups.json.gz"
            groups.GetArrayLength() |> equals 300

            for row in groups.EnumerateArray() do
                let prompt = textOf row "prompt"
                let responses = texts (row.GetProperty "responses")
                let titles = texts (row.GetProperty "gold_titles")

                let rewards =
                    responses
                    |> Array.map (fun response ->
                        (AuthorsReward.training prompt response [| textOf row "ground_truth" |] titles).Total)

                let expected =
                    [|
                        for reward in row.GetProperty("rewards").EnumerateArray() -> reward.GetDouble()
                    |]

                rewards |> equals expected

                let group = AuthorsReward.group rewards
                group.Best |> equals (row.GetProperty("best").GetInt32())
                group.Worst |> equals (row.GetProperty("worst").GetInt32())
                group.Expand |> equals (row.GetProperty("expand").GetBoolean())

                if group.Expand then
                    let cut = AuthorsReward.cut prompt responses[group.Best] titles 10
                    cut.CodePoints |> equals (row.GetProperty("cut_offset_in_best").GetInt32())
                    cut.SearchesLeft |> equals (row.GetProperty("searches_left_of_10").GetInt32())
        }

        test "rewards are between 0 and 1, and 1 only with all evidence" {
            let pieces =
                Gen.elements [
                    "<think>"
                    "</think>"
                    "<begin_search>q"
                    "<begin_search>"
                    "</end_search>"
                    "<search_result>"
                    "</search_result>"
                    "result 1: \"Łódź\""
                    "\\boxed{Freddie Mercury}"
                    "\\boxed{}"
                    turn 7 "Tom & Jerry"
                    turn 8 "The Who"
                ]
                |> Gen.listOf
                |> Gen.map (String.concat " ")

            lawFor pieces (fun response ->
                let training = reward response
                let validation = AuthorsReward.validation prompt response [| "Freddie Mercury" |]

                training.Total >= 0.0
                && training.Total <= 1.0
                && (training.Total < 1.0 || training.Coverage = 1.0)
                && validation.Total >= 0.0
                && validation.Total <= 1.0
                && (training.Gate <> AuthorsGate.Passed || validation.Total = 2.0 * training.Answer))
        }

        test "coverage never falls by further results" {
            lawFor (Gen.zip foundTitles foundTitles) (fun (first, further) ->
                AuthorsReward.coverage (searching (first @ further)) titles
                >= AuthorsReward.coverage (searching first) titles)
        }

        test "coverage does not depend on order or repetition" {
            lawFor foundTitles (fun found ->
                AuthorsReward.coverage (searching (List.rev found @ found)) titles =
                    AuthorsReward.coverage (searching found) titles)
        }

        test "the kept part has all the evidence of the whole, and is cut no further" {
            lawFor foundTitles (fun found ->
                let response = searching found + "</think> \\boxed{x}"
                let cut = AuthorsReward.cut prompt response titles 10
                let kept = response.Substring(0, cut.Offset)

                AuthorsReward.coverage kept titles = AuthorsReward.coverage response titles
                && AuthorsReward.cut prompt kept titles 10 = cut
                && (cut.Offset = 0 || kept.EndsWith("\n\n", StringComparison.Ordinal)))
        }

        test "the searches that are left and those that are kept add up to the limit" {
            lawFor foundTitles (fun found ->
                let response = searching found
                let cut = AuthorsReward.cut prompt response titles 100
                let kept = response.Substring(0, cut.Offset)
                cut.SearchesLeft = 100 - (kept.Split("</search_result>").Length - 1))
        }

        test "an empty line is reached over 32 code points and no more" {
            let cutAfter (gap: string) =
                let response = (turn 0 "Łódź").TrimEnd() + gap + "\n\nmore"
                (AuthorsReward.cut prompt response titles 10).Offset - (response.Length - "more".Length)

            cutAfter (String('x', 32)) |> equals 0
            cutAfter (String('x', 33)) |> equals -35
            cutAfter (String.replicate 32 "\U0001f642") |> equals 0
        }

        test "without gold titles nothing is cut, without a find everything" {
            let response = searching [ "Paris"; "Łódź" ]
            (AuthorsReward.cut prompt response [||] 10).Offset |> equals response.Length
            (AuthorsReward.cut prompt response [| "London" |] 10).Offset |> equals 0
            AuthorsReward.coverage response [||] |> equals 0.0
        }

        test "each gate closes" {
            let good = searching [ "Łódź" ] + "</think> \\boxed{Freddie Mercury}"
            let gateOf (response: string) = (reward response).Gate

            gateOf good |> equals AuthorsGate.Passed
            gateOf (good.Replace("\\boxed", "boxed")) |> equals AuthorsGate.NoBox
            gateOf (searching [ "Łódź" ] + good) |> equals AuthorsGate.RepeatedQuery
            gateOf ("<think></end_search>" + good) |> equals AuthorsGate.UnbalancedTags
            gateOf "<think></think> \\boxed{Freddie Mercury}" |> equals AuthorsGate.NoSearch
            gateOf (good + "<search_result>") |> equals AuthorsGate.SearchAfterThinking
            gateOf (good.Replace("</think>", "")) |> equals AuthorsGate.SearchAfterThinking

            (AuthorsReward.training "Question?" (good.Replace("</think>", "")) [| "x" |] titles).Gate
            |> equals AuthorsGate.NeverStopsThinking

            (AuthorsReward.training prompt good [| "" |] titles).Gate |> equals AuthorsGate.NoGold
        }

        test "validation lets unbalanced tags and repeated queries pass" {
            let good = searching [ "Łódź" ] + "</think> \\boxed{Freddie Mercury}"

            for response in [ searching [ "Łódź" ] + good; "<think></end_search>" + good ] do
                let score = AuthorsReward.validation prompt response [| "Freddie Mercury" |]
                score.Gate |> equals AuthorsGate.Passed
                score.Total |> equals 1.0
        }

        testTheory
            "the answer earns what the authors pay, holes included"
            [
                "Freddie Mercury", 0.5
                "The freddie mercury.", 0.5
                "Mercury, Freddie", 0.5
                "", 0.25
                "e", 0.25
                "Brian May, Roger Taylor or Freddie Mercury", 0.25
                "Brian May", 0.0
            ]
            (fun (answer: string, points: float) ->
                let response = searching [ "Łódź" ] + "</think> \\boxed{" + answer + "}"
                (reward response).Answer |> equals points)

        test "a title with a quote in it is never found" {
            let title = "\"Heroes\" (David Bowie album)"
            AuthorsReward.coverage (turn 0 title) [| title |] |> equals 0.0
        }

        test "several gold answers pay for the best of them" {
            let response = searching [] + turn 0 "Łódź" + "</think> \\boxed{Freddie Mercury}"

            for golds in [ [| "x"; "Freddie Mercury" |]; [| "Freddie Mercury"; "" |] ] do
                (AuthorsReward.training prompt response golds titles).Answer |> equals 0.5
        }

        test "normalising twice is normalising once" {
            lawFor PythonTextTests.awkwardText (fun text ->
                let answer, title =
                    AuthorsReward.normalizeAnswer text, AuthorsReward.normalizeTitle text

                AuthorsReward.normalizeAnswer answer = answer && AuthorsReward.normalizeTitle title = title)
        }

        test "normalising an answer twice can differ only where corner brackets hid a word" {
            AuthorsReward.normalizeAnswer "t「he" |> equals "the"
            AuthorsReward.normalizeAnswer "the" |> equals ""
        }

        test "best and worst are the first of equals" {
            AuthorsReward.group [| 0.25; 0.75; 0.25; 0.75 |] |> equals { Best = 1; Worst = 0; Expand = true }
            AuthorsReward.group [| 0.0; 0.0 |] |> equals { Best = 0; Worst = 0; Expand = true }
            AuthorsReward.group [| 0.5; 1.0 |] |> equals { Best = 1; Worst = 0; Expand = false }
        }

        test "an empty group and a negative limit say what to do" {
            (throws<ArgumentException>(fun () -> AuthorsReward.group [||] |> ignore)).Message
            |> containsText "at least 1"

            (throws<ArgumentException>(fun () -> AuthorsReward.cut prompt "" titles -1 |> ignore)).Message
            |> containsText "at least 0"
        }
    ]
