module David.Grpo.Tests.SearchR1Tests

open System.Text.Json
open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests
open David.Grpo.Tests.WorldReader

let private parts rule t =
    match Reward.scoreOf rule t with
    | RewardOutcome.Scored parts -> parts
    | RewardOutcome.Failed reason -> failwith reason

/// One turn of a trajectory in the text protocol.
type internal TextTurn =
    /// The policy's text up to its search, the passages that came back.
    | Asks of written: string * found: Passage list
    /// The policy's text up to a search that is refused.
    | IsRefused of written: string
    /// The policy's last text.
    | Ends of written: string

let internal passage id title text : Passage =
    {
        Id = { Value = id }
        Title = title
        Text = text
    }

/// A trajectory in the text protocol, as a rollout would record it. The gold answer is "Paris".
let internal textTrajectory (turns: TextTurn list) : Trajectory =
    let written =
        turns
        |> List.map (function
            | Asks(text, _)
            | IsRefused text
            | Ends text -> text)

    let observations =
        turns
        |> List.map (function
            | Asks(_, found) -> TextProtocol.observation (Array.ofList found)
            | IsRefused _ -> TextProtocol.refusal
            | Ends _ -> "")

    let searches =
        turns
        |> List.indexed
        |> List.choose (function
            | i, Asks(text, found) ->
                Some
                    {
                        Query = text
                        Passages = Array.ofList found
                        SegmentsThrough = 3 + 2 * i
                    }
            | _ -> None)

    { trajectory [ "a"; "b" ] [] Ending.Unanswered with
        Question =
            { (trajectory [ "a"; "b" ] [] Ending.Unanswered).Question with
                Answers = [| "Paris" |]
            }
        Segments =
            [|
                Segment.Prompt [| 1 |]
                for turn in turns do
                    Segment.Action([| 2 |], [| -1.0 |], 0)

                    match turn with
                    | Ends _ -> ()
                    | _ -> Segment.Observation [| 3 |]
            |]
        Searches = Array.ofList searches
        RefusedSearches =
            turns
            |> List.sumBy (function
                | IsRefused _ -> 1
                | _ -> 0)
        Ending =
            match TextProtocol.answerOrNull (String.concat "" written) with
            | null -> Ending.Unanswered
            | answer -> Ending.Answered answer
        Response = List.map2 (+) written observations |> String.concat ""
        PromptText = "Think inside <think></think>.\n"
    }

let private text (row: JsonElement) (name: string) =
    string (row.GetProperty(name).GetString())

/// The facts of a transcript that Search-R1's reward depends on, as a trajectory of the tag protocol; its form is broken by a
/// refused search.
let private withFactsOf (row: JsonElement) : Trajectory =
    let texts (name: string) =
        [
            for item in row.GetProperty(name).EnumerateArray() -> string (item.GetString())
        ]

    let ending =
        match row.GetProperty("extracted").GetString() with
        | null -> Ending.Unanswered
        | answer -> Ending.Answered answer

    let t = trajectory [] (texts "information" |> List.map List.singleton) ending

    { t with
        Question =
            { t.Question with
                Answers = Array.ofList (texts "golds")
            }
        RefusedSearches =
            if row.GetProperty("valid_sequence").GetBoolean() then
                0
            else
                1
    }

let private france = passage "a" "France" "The capital is Paris."
let private italy = passage "c" "Italy" "The capital is Rome."

let private asks found =
    Asks("I wonder. <begin_search> capital </end_search>", found)

let private scores protocol t =
    (parts (SearchR1.reward SearchR1.withRetrieval protocol) t).Total,
    (parts (SearchR1.reward SearchR1.withoutRetrieval protocol) t).Total

let private answers wording (t: Trajectory) =
    { t with
        Question =
            { t.Question with
                Answers = [| wording |]
            }
    }

let private generatedTrajectories =
    gen {
        let! found = Gen.listOf (Gen.listOf (Gen.elements [ "a"; "b"; "right"; "c" ]))

        let! ending =
            Gen.elements [
                Ending.Answered "right"
                Ending.Answered "wrong"
                Ending.Answered ""
                Ending.Unanswered
                Ending.Truncated
            ]

        let! refused = Gen.elements [ 0; 0; 1 ]

        return
            { trajectory [ "a"; "b" ] found ending with
                RefusedSearches = refused
            }
    }

[<Tests>]
let tests =
    testList "SearchR1Tests" [
        test "the rewards of Search-R1's transcripts are Search-R1's" {
            let rows = Golden.jsonLines "golden/scoring/transcripts.jsonl.gz"
            isNotEmpty rows

            for row in rows do
                let t = withFactsOf row
                let theirs = row.GetProperty("structure_reward").GetDouble()

                // Their answer is the second in prompt and response, so without a prompt a valid form may have none; ours has one.
                if t.Ending.IsAnswered || t.RefusedSearches = 1 then
                    (parts (SearchR1.reward SearchR1.withRetrieval TranscriptProtocol.Tag) t).Total |> equals theirs
        }

        test "in the text protocol each branch of the reward is reached" {
            let rewards turns =
                scores TranscriptProtocol.Text (textTrajectory turns)

            let right, wrong =
                Ends "So. </think> It is \\boxed{Paris}", Ends "So. </think> \\boxed{Rome}"

            rewards [ asks [ italy ]; right ] |> equals (1.0, 1.0)
            rewards [ right ] |> equals (1.0, 1.0)
            rewards [ asks [ italy ]; asks [ france ]; wrong ] |> equals (0.2 + 0.1, 0.2)
            rewards [ asks [ italy ]; asks []; wrong ] |> equals (0.2, 0.2)
            rewards [ wrong ] |> equals (0.2, 0.2)
            rewards [ asks [ france ]; IsRefused "<begin_search>x</end_search>"; right ] |> equals (0.8, 0.8)
            rewards [ asks [ france ]; IsRefused "<begin_search>x</end_search>"; wrong ] |> equals (0.1, 0.1)
            rewards [ asks [ france ]; Ends "So. </think> Paris" ] |> equals (0.0, 0.0)
        }

        test "in the text protocol whatever is stray breaks the form" {
            let isInForm turns =
                SearchR1.isInForm TranscriptProtocol.Text (textTrajectory turns)

            let right = Ends "So. </think> \\boxed{Paris}"

            for turns in
                [
                    [ right ]
                    [ Ends "</think>\\boxed{Paris}" ]
                    [ Ends "<think>\nSo. </think> It is \\boxed{Paris}, since 987." ]
                    [ asks [ france ]; Asks("<begin_search>x</end_search>\n", [ italy ]); right ]
                ] do
                Expect.isTrue (isInForm turns) $"{turns}"

            for turns in
                [
                    // Two answers, an answer while thinking, a search after thinking.
                    [ Ends "</think> \\boxed{Rome} \\boxed{Paris}" ]
                    [ Ends "\\boxed{Rome} </think> \\boxed{Paris}" ]
                    [ Ends "</think> \\boxed{Paris} <begin_search>x</end_search>" ]
                    [ Asks("\\boxed{Paris} <begin_search>x</end_search>", [ france ]); right ]
                    // Thinking begun late or twice, ended twice.
                    [ Ends "Well, <think> so. </think> \\boxed{Paris}" ]
                    [ Ends "<think><think></think> \\boxed{Paris}" ]
                    [ Ends "</think></think> \\boxed{Paris}" ]
                    // A search in a search, an unfinished one, an empty one, words after one, a closing tag alone.
                    [ Asks("<begin_search> a <begin_search> b </end_search>", [ france ]); right ]
                    [ Ends "<begin_search> a </think> \\boxed{Paris}" ]
                    [ Asks("<begin_search></end_search>", [ france ]); right ]
                    [ Asks("<begin_search>x</end_search> and", [ france ]); right ]
                    [ Asks("</end_search> <begin_search>x</end_search>", [ france ]); right ]
                    // Results that the policy wrote itself.
                    [ Ends "<search_result> Paris </search_result> </think> \\boxed{Paris}" ]
                    [
                        Ends "<begin_search>x</end_search><search_result>y</search_result> </think> \\boxed{Paris}"
                    ]
                ] do
                Expect.isFalse (isInForm turns) $"{turns}"
        }

        test "in the tag protocol each branch of the reward is reached" {
            let rewards found answered =
                scores TranscriptProtocol.Tag (trajectory [ "a" ] found answered)

            let right, wrong = Ending.Answered "right", Ending.Answered "wrong"

            rewards [ [ "a" ]; [ "b" ] ] right |> equals (1.0, 1.0)
            rewards [] right |> equals (1.0, 1.0)
            // The title of a passage holds the answer, also inside a word.
            rewards [ [ "a" ]; [ "upright one" ] ] wrong |> equals (0.2 + 0.1, 0.2)
            rewards [ [ "a" ] ] wrong |> equals (0.2, 0.2)
            // What ends without an answer is out of form.
            rewards [ [ "right" ] ] Ending.Unanswered |> equals (0.0, 0.0)
            rewards [ [ "right" ] ] Ending.Truncated |> equals (0.0, 0.0)

            let refused t = { t with RefusedSearches = 1 }
            scores TranscriptProtocol.Tag (refused (trajectory [] [ [ "right" ] ] right)) |> equals (0.8, 0.8)
            scores TranscriptProtocol.Tag (refused (trajectory [] [ [ "right" ] ] wrong)) |> equals (0.1, 0.1)
        }

        test "policy and environment write in turns" {
            let t = trajectory [] [ [ "x" ]; [ "y" ] ] (Ending.Answered "right")

            let isInForm segments =
                SearchR1.isInForm TranscriptProtocol.Tag { t with Segments = segments }

            isTrue (isInForm t.Segments)
            // A turn may be written in two pieces, an expert's and the policy's.
            isTrue (isInForm (Array.insertAt 1 (Segment.Expert [| 9 |]) t.Segments))

            for segments in
                [
                    Array.removeAt 1 t.Segments
                    Array.removeAt 2 t.Segments
                    Array.removeAt 5 t.Segments
                    Array.truncate 1 t.Segments
                    Array.append t.Segments [| Segment.Observation [| 5 |]; Segment.Action([| 7 |], [| 0.0 |], 0) |]
                ] do
                Expect.isFalse (isInForm segments) $"{segments}"
        }

        test "the embedded world's experts are in form, and with a wrong answer they retrieved the right one" {
            let world, index = firstWorld ()

            for question in WorldQuestions.ofMix evenMix world 40 (Seed.ofInt64 5L) do
                let expert = WorldEpisode.expert index question
                scores TranscriptProtocol.Tag expert |> equals (1.0, 1.0)

                let wrong =
                    { expert with
                        Ending = Ending.Answered "none"
                    }

                scores TranscriptProtocol.Tag wrong |> equals (0.2 + 0.1, 0.2)
                scores TranscriptProtocol.Tag (answers "nowhere" wrong) |> equals (0.2, 0.2)
        }

        test "the reward has six values, is the sum of its terms and 1 only with a right answer" {
            lawFor generatedTrajectories (fun t ->
                let parts = parts (SearchR1.reward SearchR1.withRetrieval TranscriptProtocol.Tag) t

                let sum = parts.Terms |> Array.sumBy (fun term -> term.Weight * term.Value)
                let values = [ 0.0; 0.1; 0.2; 0.2 + 0.1; 0.8; 1.0 ]

                List.contains parts.Total values
                && parts.Total = sum
                && (parts.Total < 0.5 || parts.Answer = 1.0)
                && parts.Turns.Length = 0)
        }

        test "order and repetition of passages and searches change nothing" {
            lawFor generatedTrajectories (fun t ->
                let rule = SearchR1.reward SearchR1.withRetrieval TranscriptProtocol.Tag

                let reversed =
                    t.Searches
                    |> Array.rev
                    |> Array.map (fun search ->
                        { search with
                            Passages = Array.rev search.Passages
                        })

                parts rule { t with Searches = reversed } = parts rule t)
        }

        test "constants outside [0, 1] are errors that name them" {
            for value in [ -0.1; 1.1; nan ] do
                let error =
                    throws<System.ArgumentException>(fun () ->
                        SearchR1.reward
                            { SearchR1.withRetrieval with
                                Retrieval = value
                            }
                            TranscriptProtocol.Tag
                        |> ignore)

                error.Message |> containsText "Retrieval"
        }
    ]
