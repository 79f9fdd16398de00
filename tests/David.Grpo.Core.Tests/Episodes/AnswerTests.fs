module David.Grpo.Tests.AnswerTests

open System
open System.Text.Json
open FsCheck.FSharp
open Expecto
open David.Grpo

let private strings (array: JsonElement) =
    [| for item in array.EnumerateArray() -> string (item.GetString()) |]

let private pairs =
    lazy
        [|
            for row in Golden.jsonLines "golden/scoring/pairs.jsonl.gz" ->
                row, string (row.GetProperty("prediction").GetString()), strings (row.GetProperty "golds")
        |]

/// The rows on which the numbers of one project differ from ours.
let private differences (project: string) (numbers: string -> string[] -> (string * float) list) =
    [
        for row, prediction, golds in pairs.Value do
            for name, actual in numbers prediction golds do
                let expected = row.GetProperty(project).GetProperty(name).GetDouble()
                // Doubles of the same sums in another order of operations.
                if not (Golden.close 1e-12 expected actual) then
                    $"{project} {name} of {prediction} against %A{golds}: expected {expected}, got {actual}"
    ]

let private asNumber condition = if condition then 1.0 else 0.0

let private all (score: AnswerScore) =
    [
        "em", asNumber score.ExactMatch
        "f1", score.F1
        "precision", score.Precision
        "recall", score.Recall
    ]

/// Answers of few words, so that some are equal.
let private answer =
    Gen.elements [
        "the"
        "a"
        "Paris"
        "paris"
        "France"
        "yes"
        "no"
        "."
        " "
        "new-york"
        "é"
        "²"
    ]
    |> Gen.listOf
    |> Gen.map (String.concat " ")

let private scorers =
    [
        AnswerScorer.Standard
        AnswerScorer.HotpotQa
        AnswerScorer.Squad
        AnswerScorer.MuSiQue
        AnswerScorer.TwoWiki
    ]

let private question =
    Gen.zip answer (Gen.nonEmptyListOf answer |> Gen.map Array.ofList)

let private boxedRows = lazy (Golden.jsonLines "golden/scoring/boxed.jsonl")

let private textOf (row: JsonElement) (name: string) : string | null = row.GetProperty(name).GetString()

[<Tests>]
let tests =
    testList "AnswerTests" [
        test "normalised texts equal the scorers'" {
            for row, prediction, golds in pairs.Value do
                Answer.normalize prediction |> equals (string (row.GetProperty "normalized"))
                Array.map Answer.normalize golds |> equals (strings (row.GetProperty "normalized_golds"))
        }

        test "HotpotQA's numbers are HotpotQA's" {
            isEmpty (
                differences "hotpot" (fun prediction golds -> all (Answer.score AnswerScorer.HotpotQa prediction golds))
            )
        }

        test "SQuAD's numbers are SQuAD's" {
            isEmpty (
                differences "squad" (fun prediction golds ->
                    List.take 2 (all (Answer.score AnswerScorer.Squad prediction golds)))
            )
        }

        test "MuSiQue's numbers are MuSiQue's" {
            isEmpty (
                differences "musique" (fun prediction golds ->
                    List.take 2 (all (Answer.score AnswerScorer.MuSiQue prediction golds)))
            )
        }

        test "2Wiki's numbers are 2Wiki's" {
            isEmpty (
                differences "2wiki" (fun prediction golds -> all (Answer.score AnswerScorer.TwoWiki prediction golds))
            )
        }

        test "FlashRAG's numbers are FlashRAG's" {
            isEmpty (
                differences "flashrag" (fun prediction golds ->
                    ("acc", asNumber (Answer.containsGold prediction golds))
                    :: all (Answer.score AnswerScorer.TwoWiki prediction golds))
            )
        }

        test "Search-R1's numbers are Search-R1's" {
            isEmpty (
                differences "searchr1" (fun prediction golds ->
                    [
                        "em", asNumber (Answer.exactMatch prediction golds)
                        "subem", asNumber (Answer.containsGold prediction golds)
                    ])
            )
        }

        test "our F1 is the best of HotpotQA's over the gold answers" {
            for _, prediction, golds in pairs.Value do
                let best =
                    golds
                    |> Seq.map (fun gold -> (Answer.score AnswerScorer.HotpotQa prediction [| gold |]).F1)
                    |> Seq.max

                Answer.f1 prediction golds |> equals best
        }

        test "every number is between 0 and 1" {
            lawFor question (fun (prediction, golds) ->
                scorers
                |> List.forall (fun scorer ->
                    all (Answer.score scorer prediction golds)
                    |> List.forall (fun (_, number) -> number >= 0.0 && number <= 1.0)))
        }

        test "an exact match has F1 1 unless nothing is left of the words" {
            lawFor question (fun (prediction, golds) ->
                scorers
                |> List.forall (fun scorer ->
                    let score = Answer.score scorer prediction golds

                    not score.ExactMatch
                    || score.F1 = 1.0
                    || (Answer.normalize prediction = "" && scorer <> AnswerScorer.MuSiQue)))
        }

        test "F1 is symmetric for one gold answer" {
            lawFor (Gen.zip answer answer) (fun (left, right) ->
                Golden.close 1e-12 (Answer.f1 left [| right |]) (Answer.f1 right [| left |]))
        }

        test "a further gold answer never lowers our scores" {
            lawFor (Gen.zip question answer) (fun ((prediction, golds), further) ->
                let more = Array.append golds [| further |]

                Answer.f1 prediction more >= Answer.f1 prediction golds
                && (Answer.exactMatch prediction more || not (Answer.exactMatch prediction golds)))
        }

        test "normalising twice is normalising once" {
            lawFor PythonTextTests.awkwardText (fun text ->
                Answer.normalize (Answer.normalize text) = Answer.normalize text)
        }

        test "scoring against no gold answer says what to do" {
            let error =
                throws<ArgumentException>(fun () -> Answer.exactMatch "Paris" [||] |> ignore)

            error.Message |> containsText "at least 1 is needed"
        }

        test "all boxes are those that a careful reader finds" {
            isNotEmpty boxedRows.Value

            for row in boxedRows.Value do
                Answer.allBoxed (string (textOf row "text")) |> equals (strings (row.GetProperty "all"))
        }

        test "the last box is the one that a careful reader finds" {
            for row in boxedRows.Value do
                Answer.lastBoxed (string (textOf row "text")) |> equals (textOf row "last")
        }

        test "boxes, braces and backslashes in any order have a last box among all boxes" {
            let text =
                Gen.elements [
                    @"\boxed{"
                    @"\boxed"
                    "{"
                    "}"
                    @"\"
                    "a"
                    "</think>"
                    "<search_result>"
                    "</search_result>"
                ]
                |> Gen.listOf
                |> Gen.map (String.concat "")

            lawFor text (fun text ->
                let boxes = Answer.allBoxed text

                match Answer.lastBoxed text with
                | null -> boxes.Length = 0
                | last -> boxes.Length > 0 && last = Array.last boxes)
        }

        test "many open boxes take linear time" {
            let clock = Diagnostics.Stopwatch.StartNew()

            let text =
                String.replicate 200_000 @"\boxed{ <search_result> <information></information>"

            isEmpty (Answer.allBoxed text)
            // Quadratic work on these 10 million characters would take hours.
            isTrue (clock.Elapsed < TimeSpan.FromSeconds 60.0)
        }
    ]
