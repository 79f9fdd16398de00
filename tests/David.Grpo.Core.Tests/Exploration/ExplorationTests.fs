module David.Grpo.Tests.ExplorationTests

open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

/// A response in the authors' protocol as the trajectory of its result blocks: an observation for each `<search_result>` that
/// begins in the response, with the titles that it names.
let private ofResponse (prompt: string) (response: string) (goldTitles: string[]) : Trajectory =
    let found =
        [
            for block in Regex.Matches(prompt + response, "(?s)<search_result>.*?</search_result>") do
                if block.Index >= prompt.Length then
                    [
                        for title in Regex.Matches(block.Value, "result\\s+\\d+:\\s*\"([^\"]+)\"") ->
                            title.Groups[1].Value
                    ]
        ]

    let t = trajectory [] found Ending.Unanswered

    { t with
        Question =
            { t.Question with
                GoldTitles = goldTitles
            }
    }

let private text (row: JsonElement) (name: string) =
    string (row.GetProperty(name).GetString())

let private texts (row: JsonElement) (name: string) =
    [|
        for item in row.GetProperty(name).EnumerateArray() -> string (item.GetString())
    |]

[<Tests>]
let tests =
    testList "ExplorationTests" [
        test "the expert takes the first of the worst, unless the group is solved" {
            Exploration.placeExpert [| 0.5; 0.0; 0.0; 0.25 |] |> equals (ExpertPlacement.At 1)
            Exploration.placeExpert [| 0.0; 1.0 |] |> equals ExpertPlacement.NotNeeded
            Exploration.placeExpert [| 0.0; 0.0 |] |> equals (ExpertPlacement.At 0)
        }

        test "the cut is the earliest search at which the final number of gold passages was reached" {
            let cut found =
                Exploration.cut (trajectory [ "a"; "b" ] found Ending.Unanswered)

            cut [] |> equals 0
            cut [ [ "x" ]; [ "y" ] ] |> equals 0
            cut [ [ "x" ]; [ "a" ]; [ "a" ]; [ "x" ] ] |> equals 2
            cut [ [ "a" ]; [ "x" ]; [ "b"; "a" ]; [ "y" ] ] |> equals 3
            cut [ [ "b"; "a" ]; [ "x" ] ] |> equals 1
        }

        test "a prefix up to the cut has all the evidence of the whole" {
            law (fun (found: byte list list) ->
                let t =
                    trajectory
                        [ "1"; "2"; "3" ]
                        (found |> List.map (List.map (fun b -> string (b % 6uy))))
                        Ending.Unanswered

                let counts = Evidence.foundBySearch t
                let cut = Exploration.cut t
                counts[cut] = Array.last counts && (cut = 0 || counts[cut - 1] < counts[cut]))
        }

        test "a group is continued from its first best, to replace its first worst" {
            let group =
                [|
                    trajectory [ "a"; "b" ] [] Ending.Unanswered
                    trajectory [ "a"; "b" ] [ [ "x" ]; [ "a" ]; [ "y" ] ] (Ending.Answered "wrong")
                    trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "wrong")
                |]

            Exploration.planContinuation [| 0.0; 0.25; 0.25 |] group
            |> equals (ContinuationPlan.From(1, 0, 5, 2))
        }

        test "without evidence the continuation starts at the prompt" {
            let group = [| trajectory [ "a" ] [ [ "x" ] ] (Ending.Answered "wrong") |]
            Exploration.planContinuation [| 0.0 |] group |> equals (ContinuationPlan.From(0, 0, 1, 0))
        }

        test "a solved group is left alone" {
            let group = [| trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered "right") |]
            Exploration.planContinuation [| 1.0 |] group |> equals ContinuationPlan.NotNeeded
        }

        test "only a continuation strictly better than the best replaces the worst" {
            Exploration.replacement [| 0.5; 0.1 |] [| 0.5; 0.2 |] |> equals Replacement.Keep
            Exploration.replacement [| 0.5; 0.1 |] [||] |> equals Replacement.Keep
            Exploration.replacement [| 0.5; 0.1 |] [| 0.2; 0.75; 0.75 |] |> equals (Replacement.Replace(1, 1))
        }

        test "the paper's example: worst 0.1 is dropped, best 0.8, new best 1.0" {
            Exploration.replacement [| 0.4; 0.8; 0.1 |] [| 1.0 |] |> equals (Replacement.Replace(2, 0))
        }

        test "an expert's member is worth 1 by definition, and says what of it was earned" {
            let found = trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "right")
            let own = Exploration.expert (Reward.gated 0.5) found
            (own.Origin, own.Tree, own.Reward.Total, own.Reward.Answer) |> equals (Origin.Expert, 0, 1.0, 1.0)
            own.Reward.Coverage |> equals 0.5

            own.Reward.Terms
            |> Array.map (fun term -> term.Name, term.Weight * term.Value)
            |> equals [| "coverage", 0.25; "exact_match", 0.5; "expert", 0.25 |]

            // What cannot be scored is an expert's all the same.
            let unscored = RewardRule.Create("nan", (fun _ -> nan))
            let own = Exploration.expert unscored found
            (own.Reward.Total, own.Reward.Answer, own.Reward.Coverage) |> equals (1.0, 1.0, 0.5)
            isEmpty own.Reward.Terms
        }

        test "a continuation forks the best at its cut, as often as was asked for, or at random places" {
            let searching =
                trajectory [ "a"; "b" ] [ [ "a" ]; [ "x" ]; [ "y" ] ] (Ending.Answered "wrong")

            let group =
                groupOf [|
                    scored 0.0 (trajectory [ "a"; "b" ] [] Ending.Unanswered)
                    scored 0.25 searching
                |]

            let forks cut =
                let rule = ExplorationRules.continuation 40 cut ReplacementCriterion.BetterThanBest
                (rule.Name, rule.MaxForks) |> equals ("continuation", 40)
                rule.Forks(Seed.ofInt64 1L, group)

            let at kept = { Member = 1; KeptSegments = kept }
            forks CutPoint.EvidenceOfBest |> equals (Array.replicate 40 (at 3))
            // After the prompt, or any search.
            forks CutPoint.RandomOfBest |> Array.distinct |> Array.sort |> equals [| at 1; at 3; at 5; at 7 |]

            forks CutPoint.RandomOfAny
            |> Array.distinct
            |> Array.sort
            |> equals [| { Member = 0; KeptSegments = 1 }; at 1; at 3; at 5; at 7 |]

            (groupOf [| scored 1.0 searching |], Seed.ofInt64 1L)
            |> fun (solved, seed) ->
                ExplorationRules.continuation 1 CutPoint.EvidenceOfBest ReplacementCriterion.BetterThanBest
                |> fun rule -> rule.Forks(seed, solved)
            |> isEmpty

            (ExplorationRules.continuation 0 CutPoint.RandomOfBest ReplacementCriterion.BetterThanBest)
                .Forks(Seed.ofInt64 1L, group)
            |> isEmpty

            GoldenCase.refusal (fun () ->
                ExplorationRules.continuation -1 CutPoint.EvidenceOfBest ReplacementCriterion.BetterThanBest
                |> ignore)
            |> containsText "-1 continuations"
        }

        test "nothing is forked behind the last segment" {
            let whole = trajectory [ "a" ] [ [ "x" ] ] Ending.Unanswered
            // The search was the last that was written.
            let cutOff =
                { whole with
                    Segments = whole.Segments[..2]
                }

            let rule = ExplorationRules.tree 1 30

            rule.Forks(Seed.ofInt64 1L, groupOf [| scored 0.0 cutOff |])
            |> Array.distinct
            |> equals [| { Member = 0; KeptSegments = 1 } |]
        }

        test "who stays: the best continuation for the worst member where it is better, all leaves of a tree" {
            let select replacement =
                (ExplorationRules.continuation 2 CutPoint.EvidenceOfBest replacement).Select

            select ReplacementCriterion.BetterThanBest [| 0.5; 0.25; 0.25 |] [| 0.5; 0.75 |]
            |> equals [| 0; 4; 2 |]

            select ReplacementCriterion.BetterThanBest [| 0.5; 0.25; 0.25 |] [| 0.5; 0.5 |]
            |> equals [| 0; 1; 2 |]

            select ReplacementCriterion.BetterThanWorst [| 0.5; 0.25; 0.25 |] [| 0.25; 0.5 |]
            |> equals [| 0; 4; 2 |]

            select ReplacementCriterion.BetterThanWorst [| 0.5; 0.25 |] [| 0.25 |] |> equals [| 0; 1 |]
            ExplorationRules.independent.Select [| 0.5; 0.25 |] [||] |> equals [| 0; 1 |]
            (ExplorationRules.tree 2 2).Select [| 0.5; 0.25 |] [| 0.0; 0.0 |] |> equals [| 0; 1; 2; 3 |]
        }

        test "a tree forks each of its first members so often" {
            let member' = scored 0.0 (trajectory [ "a" ] [ [ "a" ]; [ "x" ] ] Ending.Unanswered)
            let rule = ExplorationRules.tree 2 30
            (rule.Name, rule.MaxForks) |> equals ("tree", 60)
            let forks = rule.Forks(Seed.ofInt64 1L, groupOf (Array.replicate 3 member'))

            forks |> Array.countBy _.Member |> equals [| 0, 30; 1, 30 |]
            // From the prompt and after each search.
            forks |> Array.map _.KeptSegments |> Array.distinct |> Array.sort |> equals [| 1; 3; 5 |]

            let own =
                forks |> Array.groupBy _.Member |> Array.map (snd >> Array.map _.KeptSegments)

            own[0] |> differsFrom own[1]

            let independent = ExplorationRules.independent
            (independent.Name, independent.MaxForks) |> equals ("independent", 0)
        }

        testCase "cuts are the authors'" (fun () ->
            let rows =
                [| yield! (Golden.json "golden/david/trajectories.json.gz").EnumerateArray() |]

            let mutable cut = 0

            for row in rows do
                // Without gold titles theirs keeps the whole response; ours does not cut such a question (`planContinuation`).
                match texts row "gold_titles" with
                | [||] -> ()
                | titles ->
                    let kept =
                        Exploration.cut (ofResponse (text row "prompt") (text row "response") titles)

                    max 0 (10 - kept) |> equals (row.GetProperty("searches_left_of_10_after_cut").GetInt32())
                    cut <- cut + 1

            Expect.isTrue (cut > 1000) $"{cut} of {rows.Length} responses have gold titles")

        // The authors' own decisions on 300 groups: whether one is expanded, its best, its worst and the searches that are kept.
        test "triggers, choices and cuts of groups are the authors'" {
            let rows = [| yield! (Golden.json "golden/david/groups.json.gz").EnumerateArray() |]
            isNotEmpty rows

            for row in rows do
                let rewards =
                    [|
                        for reward in row.GetProperty("rewards").EnumerateArray() -> reward.GetDouble()
                    |]

                let group =
                    texts row "responses"
                    |> Array.map (fun response -> ofResponse (text row "prompt") response (texts row "gold_titles"))

                match Exploration.planContinuation rewards group with
                | ContinuationPlan.NotNeeded -> isFalse (row.GetProperty("expand").GetBoolean())
                | ContinuationPlan.From(best, worst, _, kept) ->
                    isTrue (row.GetProperty("expand").GetBoolean())
                    best |> equals (row.GetProperty("best").GetInt32())
                    worst |> equals (row.GetProperty("worst").GetInt32())
                    max 0 (10 - kept) |> equals (row.GetProperty("searches_left_of_10").GetInt32())
        }
    ]
