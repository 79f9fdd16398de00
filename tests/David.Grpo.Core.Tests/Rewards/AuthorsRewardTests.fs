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

            for kind, normalize in [ "answers", AuthorsReward.normalizeAnswer; "titles", Evidence.normalizeTitle ] do
                let rows = golden.GetProperty kind
                isNotEmpty (rows.EnumerateArray())

                for row in rows.EnumerateArray() do
                    let pair = texts row
                    normalize pair[0] |> equals pair[1]
        }

        test "training rewards are the authors'" {
            isNotEmpty cases.Value

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
                let answer, title = AuthorsReward.normalizeAnswer text, Evidence.normalizeTitle text

                AuthorsReward.normalizeAnswer answer = answer && Evidence.normalizeTitle title = title)
        }

        test "numbers in words become digits, and fillers go" {
            AuthorsReward.normalizeAnswer "Zero one two three four, five six seven eight nine ten"
            |> equals "0 1 2 3 4 5 6 7 8 9 ten"

            AuthorsReward.normalizeAnswer "Well so basically, actually literally simply just um uh Paris"
            |> equals "paris"
        }

        test "normalising an answer twice can differ only where corner brackets hid a word" {
            AuthorsReward.normalizeAnswer "t「he" |> equals "the"
            AuthorsReward.normalizeAnswer "the" |> equals ""
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

                training.Total >= 0.0 && training.Total <= 1.0 && (training.Total < 1.0 || training.Coverage = 1.0))
        }
    ]
