module David.Grpo.Tests.RewardTests

open Expecto
open David.Grpo

/// A trajectory that searched for `found` (ids, search by search) and ended so.
let trajectory (gold: string list) (found: string list list) (ending: Ending) : Trajectory =
    let passage id =
        {
            Id = { Value = id }
            Title = id
            Text = ""
        }

    {
        Question =
            {
                Id = "q"
                Text = "?"
                Answers = [| "right" |]
                Gold = gold |> List.map (fun id -> { Value = id }) |> Array.ofList
                GoldTitles = [||]
                Kind = ""
                Hops = gold.Length
            }
        Segments =
            [|
                yield Segment.Prompt [| 1; 2 |]
                for _ in found do
                    yield Segment.Action([| 3; 4 |], [| -1.0; -1.0 |], 0)
                    yield Segment.Observation [| 5 |]
                yield Segment.Action([| 7 |], [| -0.5 |], 0)
            |]
        Searches =
            found
            |> List.mapi (fun i ids ->
                {
                    Query = string i
                    Passages = ids |> List.map passage |> Array.ofList
                    SegmentsThrough = 3 + 2 * i
                })
            |> Array.ofList
        RefusedSearches = 0
        Ending = ending
        Response = ""
        PromptText = ""
    }

/// A sampled member with this total.
let scored (total: float) (trajectory: Trajectory) : Member =
    {
        Trajectory = trajectory
        Reward =
            {
                Total = total
                Answer = total
                Coverage = 0.0
                Terms =
                    [|
                        {
                            Name = "answer"
                            Weight = 1.0
                            Value = total
                        }
                    |]
                Turns = [||]
            }
        Tree = 0
        Origin = Origin.Sampled
        Values = [||]
    }

/// A group of these members.
let groupOf (members: Member[]) : Group =
    (Group.Open(0, false, (trajectory [ "a" ] [] Ending.Unanswered).Question)).Grown(members, members.Length)

let private total rule t =
    match Reward.scoreOf rule t with
    | RewardOutcome.Scored parts -> parts.Total
    | RewardOutcome.Failed reason -> failwith reason

[<Tests>]
let tests =
    testList "RewardTests" [
        test "coverage is the share of the gold passages found" {
            let t =
                trajectory [ "a"; "b"; "c" ] [ [ "a"; "x" ]; [ "b"; "a" ] ] Ending.Unanswered

            Evidence.coverage t |> equals (2.0 / 3.0)
            Evidence.foundBySearch t |> equals [| 0; 1; 2 |]
        }

        test "the authors' reward by name is theirs, and weighs evidence against the answer" {
            let rows =
                [| yield! (Golden.json "golden/david/trajectories.json.gz").EnumerateArray() |]

            let weighed =
                [|
                    for row in rows do
                        let text (name: string) =
                            string (row.GetProperty(name).GetString())

                        let titles =
                            [|
                                for title in row.GetProperty("gold_titles").EnumerateArray() ->
                                    string (title.GetString())
                            |]

                        let bare = trajectory [] [] Ending.Unanswered

                        let own =
                            { bare with
                                PromptText = text "prompt"
                                Response = text "response"
                                Question =
                                    { bare.Question with
                                        Answers = (text "ground_truth").Split "<ans_split>"
                                        GoldTitles = titles
                                    }
                            }

                        total (Reward.authors 0.5) own |> equals (row.GetProperty("training_reward").GetDouble())

                        let parts =
                            AuthorsReward.training own.PromptText own.Response own.Question.Answers titles

                        let expected = 0.25 * parts.Coverage + 0.75 * 2.0 * parts.Answer
                        total (Reward.authors 0.25) own |> isNear 1e-12 expected
                        expected
                |]

            (Array.distinct weighed).Length |> isBetween 5 rows.Length
        }

        test "by turn, a question without evidence is paid at its end" {
            match
                Reward.scoreOf
                    (Reward.creditTurns 0.5 (Reward.gated 0.5))
                    (trajectory [] [ [ "a" ] ] (Ending.Answered "right"))
            with
            | RewardOutcome.Scored parts -> parts.Turns |> equals [| 0.0; 0.5 |]
            | RewardOutcome.Failed reason -> failtest reason
        }

        test "coverage is 0 where there is no gold" {
            Evidence.coverage (trajectory [] [ [ "a" ] ] Ending.Unanswered) |> equals 0.0
        }

        test "coverage never falls with another search" {
            law (fun (first: byte list, more: byte list) ->
                let ids = List.map (fun (b: byte) -> string (b % 5uy))
                let before = trajectory [ "1"; "2"; "3" ] [ ids first ] Ending.Unanswered
                let after = trajectory [ "1"; "2"; "3" ] [ ids first; ids more ] Ending.Unanswered
                Evidence.coverage after >= Evidence.coverage before)
        }

        test "titles stand in for ids where a question names its evidence by title" {
            let t = trajectory [] [ [ "The Honest Company" ] ] Ending.Unanswered

            let t =
                { t with
                    Question =
                        { t.Question with
                            GoldTitles = [| "the honest company"; "Brian Lee" |]
                        }
                }

            Evidence.coverage t |> equals 0.5
        }

        test "the gated reward pays coverage and answer by lambda" {
            let t = trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "right")
            total (Reward.gated 0.5) t |> equals (0.5 * 0.5 + 0.5)
            total (Reward.gated 0.0) t |> equals 1.0
        }

        test "who does not answer gets nothing, however much was found" {
            for ending in [ Ending.Unanswered; Ending.Truncated ] do
                let t = trajectory [ "a"; "b" ] [ [ "a"; "b" ] ] ending
                total (Reward.gated 0.5) t |> equals 0.0
        }

        test "rewards lie in [0, 1] and never fall with lambda fixed and evidence added" {
            law (fun (found: byte list, right: bool, share: byte) ->
                let lambda = float share / 255.0
                let ids = found |> List.map (fun b -> string (b % 4uy))
                let ending = Ending.Answered(if right then "right" else "wrong")
                let less = total (Reward.gated lambda) (trajectory [ "1"; "2" ] [ ids ] ending)

                let more =
                    total (Reward.gated lambda) (trajectory [ "1"; "2" ] [ ids; [ "1"; "2" ] ] ending)

                less >= 0.0 && more <= 1.0 + 1e-12 && more >= less)
        }

        test "lambda one half is the authors' reward" {
            let t = trajectory [] [] Ending.Unanswered

            let t =
                { t with
                    Question =
                        { t.Question with
                            Answers = [| "Paris" |]
                            GoldTitles = [| "France"; "Paris" |]
                        }
                    PromptText = "Think inside <think></think>.\n"
                    Response =
                        "<begin_search>capital</end_search>\n\n<search_result> result 1: \"France\"\nx </search_result>\n\n</think> \\boxed{Paris}"
                }

            let theirs =
                AuthorsReward.training t.PromptText t.Response t.Question.Answers t.Question.GoldTitles

            theirs.Total |> equals 0.75
            total (Reward.authors 0.5) t |> equals theirs.Total
            total (Reward.authors 0.0) t |> equals 1.0
        }

        test "a question without an accepted answer has no reward" {
            let t = trajectory [ "a" ] [] (Ending.Answered "right")

            let t =
                { t with
                    Question = { t.Question with Answers = [||] }
                }

            match Reward.scoreOf (Reward.gated 0.5) t with
            | RewardOutcome.Failed reason -> reason |> containsText "no accepted answer"
            | RewardOutcome.Scored _ -> failtest "it was scored"
        }

        test "a closed gate pays no term and no turn, and leaves what was found and answered to the log" {
            let t = trajectory [ "a"; "b" ] [ [ "a"; "b" ] ] (Ending.Answered "right")

            let parts rule =
                match Reward.scoreOf rule t with
                | RewardOutcome.Scored parts -> parts
                | RewardOutcome.Failed reason -> failwith reason

            let closed =
                parts (Reward.gated 0.5 |> Reward.gatedBy (fun _ -> false) |> Reward.creditTurns 0.5)

            closed.Total |> equals 0.0
            closed.Terms |> Seq.iter (fun term -> term.Value |> equals 0.0)
            isEmpty closed.Turns
            (closed.Answer, closed.Coverage) |> equals (1.0, 1.0)
        }

        test "another total is a term, paid at the end, and what is paid adds up" {
            law (fun (found: byte list, total: byte) ->
                let t =
                    trajectory
                        [ "1"; "2" ]
                        (found |> List.map (fun b -> [ string (b % 4uy) ]))
                        (Ending.Answered "right")

                match Reward.scoreOf (Reward.gated 0.5 |> Reward.creditTurns 0.5) t with
                | RewardOutcome.Failed _ -> false
                | RewardOutcome.Scored parts ->
                    let paid = parts.Paying("extra", float total / 64.0)

                    paid.Total = float total / 64.0
                    && Golden.close 1e-12 paid.Total (paid.Terms |> Array.sumBy (fun term -> term.Weight * term.Value))
                    && Golden.close 1e-12 paid.Total (Array.sum paid.Turns)
                    && Array.truncate t.Searches.Length paid.Turns = Array.truncate t.Searches.Length parts.Turns)
        }
    ]
