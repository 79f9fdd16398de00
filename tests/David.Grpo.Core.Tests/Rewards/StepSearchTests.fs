module David.Grpo.Tests.StepSearchTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests
open David.Grpo.Tests.SearchR1Tests

let private close expected actual =
    Expect.isTrue (Golden.close 1e-12 expected actual) $"expected {expected}, got {actual}"

/// Passages are as equal as their texts.
let private found (texts: string list list) : Passage[][] =
    texts
    |> List.map (List.map (fun text -> passage text "a title" text) >> Array.ofList)
    |> Array.ofList

let private tower = "The tower stands in Paris"
let private france = "Paris lies in France."

let private words =
    Gen.elements [ "paris"; "tower"; "france"; "lies"; "in"; "rome"; "é1" ]

let private sentences = Gen.listOf words |> Gen.map (String.concat " ")

/// Gold paragraphs, and the texts that searches found: gold ones among others.
let private findings =
    gen {
        let! size = Gen.choose (1, 3)
        let! golds = Gen.arrayOfLength size sentences
        let texts = Gen.oneof [ sentences; Gen.elements golds ]
        let! searches = Gen.listOf (Gen.listOf texts)
        return golds, searches
    }
    |> Gen.resize 8

let private texts = Map.ofList [ "a", tower; "b", france ]

let private textOf =
    Func<PassageId, string | null>(fun id ->
        match texts.TryFind id.Value with
        | Some text -> text
        | None -> null)

let private parts scale t =
    match Reward.scoreOf (StepSearch.reward scale textOf) t with
    | RewardOutcome.Scored parts -> parts
    | RewardOutcome.Failed reason -> failwith reason

/// A trajectory of the embedded world's kind; passages "a" and "b" are gold and have their texts.
let private asked searches ending =
    let t = trajectory [ "a"; "b" ] searches ending

    { t with
        Searches =
            t.Searches
            |> Array.map (fun search ->
                { search with
                    Passages =
                        search.Passages
                        |> Array.map (fun found ->
                            { found with
                                Text = texts |> Map.tryFind found.Id.Value |> Option.defaultValue "none of it"
                            })
                })
    }

[<Tests>]
let tests =
    testList "StepSearchTests" [
        test "similarity is the cosine of counts times idf" {
            // Terms without articles: paris hosts tower; tower stands in paris; paris lies in france. Of n = 3 texts "paris" is in
            // all, "tower" and "in" are in two, the others in one: idf = ln((1 + n) / (1 + df)) + 1.
            let one, two, three =
                log (4.0 / 2.0) + 1.0, log (4.0 / 3.0) + 1.0, log (4.0 / 4.0) + 1.0

            let norm weights =
                sqrt (List.sumBy (fun weight -> weight * weight) weights)

            let query = norm [ three; one; two ]

            let similarities =
                StepSearch.similarities [| tower; france |] "Paris hosts the tower"

            similarities.Length |> equals 2
            close ((three * three + two * two) / (query * norm [ two; one; two; three ])) similarities[0]
            close (three * three / (query * norm [ three; one; two; one ])) similarities[1]
            // The same as numbers.
            close 0.4219504250373843 similarities[0]
            close 0.1468642084305929 similarities[1]
        }

        test "a term counts as often as it occurs, and words of one letter never" {
            // Two texts, a in both: idf 1; b only in one: ln(3/2) + 1. "x" has one letter.
            let rare = log 1.5 + 1.0

            close (2.0 / (sqrt (4.0 + rare * rare))) (StepSearch.similarities [| "word x" |] "Word word other x").[0]

            StepSearch.similarities [| "x y" |] "x y" |> equals [| 0.0 |]
            StepSearch.similarities [| "some words" |] "" |> equals [| 0.0 |]
            StepSearch.similarities [||] "some words" |> equals [||]
        }

        test "steps are those of the released code" {
            // The numbers of its `step_information_gain`, run with a vectoriser written from the formula.
            let steps =
                StepSearch.steps
                    [| tower; france |]
                    (found [
                        [ "Paris hosts the tower"; "France" ]
                        [ "Paris lies in France"; "Paris hosts the tower" ]
                        []
                        [ "x y"; "x y" ]
                    ])

            let gains = [| 0.4409019768981096; 0.27007323562058266; 0.0; 0.0 |]
            steps.Gains.Length |> equals gains.Length
            Array.iter2 close gains steps.Gains
            steps.Redundancies |> equals [| 0.0; 0.5; 0.0; 0.5 |]
        }

        test "gains add up to at most 1, redundancies lie in [0, 1], and known passages bring nothing" {
            lawFor findings (fun (golds, searches) ->
                let again = searches @ [ List.concat searches ]
                let steps = StepSearch.steps golds (found again)

                steps.Gains.Length = again.Length
                && steps.Redundancies.Length = again.Length
                && Array.forall (fun gain -> gain >= 0.0) steps.Gains
                && Array.sum steps.Gains <= 1.0 + 1e-12
                && steps.Redundancies |> Array.forall (fun share -> share >= 0.0 && share <= 1.0)
                && Array.last steps.Gains = 0.0
                && Array.last steps.Redundancies = (if List.isEmpty (List.concat searches) then 0.0 else 1.0))
        }

        test "the order of passages in a search changes nothing" {
            lawFor findings (fun (golds, searches) ->
                let reversed = StepSearch.steps golds (found (List.map List.rev searches))
                StepSearch.steps golds (found searches) = reversed)
        }

        test "all gold paragraphs found word for word bring 1" {
            lawFor findings (fun (golds, searches) ->
                let golds = golds |> Array.map (fun gold -> gold + " some")
                let steps = StepSearch.steps golds (found (searches @ [ List.ofArray golds ]))
                Golden.close 1e-12 1.0 (Array.sum steps.Gains))
        }

        test "yes against no has no rule of its own" {
            let t = asked [] (Ending.Answered "yes sir")

            let t =
                { t with
                    Question =
                        { t.Question with
                            Answers = [| "yes" |]
                        }
                }

            close (2.0 / 3.0) (parts 0.6 t).Total
        }

        test "who does not answer gets -1 and nothing for searches" {
            for ending in [ Ending.Unanswered; Ending.Truncated ] do
                let parts = parts 0.6 (asked [ [ "a" ]; [ "b"; "a" ] ] ending)
                parts.Turns |> equals [| 0.0; 0.0; -1.0 |]
                parts.Total |> equals -1.0
        }

        test "the text protocol is rewarded alike" {
            let turns found =
                Asks("<begin_search> x </end_search>", [ passage found found (texts[found]) ])

            let answered =
                textTrajectory [ turns "a"; turns "b"; Ends "So. </think> \\boxed{Paris}" ]

            close (0.6 + 1.0) (parts 0.6 answered).Total

            let unanswered = textTrajectory [ turns "a"; turns "b"; Ends "So. </think> Paris" ]
            (parts 0.6 unanswered).Total |> equals -1.0
        }

        test "turns add up to the total, which is the sum of the terms where there is an answer" {
            let trajectories =
                gen {
                    let! searches = Gen.listOf (Gen.listOf (Gen.elements [ "a"; "b"; "c"; "d" ]))

                    let! ending =
                        Gen.elements [
                            Ending.Answered "right"
                            Ending.Answered "so right"
                            Ending.Answered "x"
                            Ending.Unanswered
                        ]

                    return asked searches ending
                }

            lawFor trajectories (fun t ->
                let parts = parts StepSearch.releasedScale t
                let sum = parts.Terms |> Array.sumBy (fun term -> term.Weight * term.Value)

                let onlyKnown =
                    t.Searches
                    |> Array.mapi (fun i search ->
                        search.Passages
                        |> Array.forall (fun passage -> (Trajectory.foundAfter i t).Contains passage.Id))

                parts.Turns.Length = t.Searches.Length + 1
                && Golden.close 1e-12 parts.Total (Array.sum parts.Turns)
                && (not t.Ending.IsAnswered || Golden.close 1e-12 parts.Total sum)
                && Array.forall2
                    (fun known paid -> not known || paid <= 0.0)
                    onlyKnown
                    (Array.truncate t.Searches.Length parts.Turns))
        }

        test "without gold passages only the answer is paid" {
            let t = trajectory [] [ [ "a" ]; [ "a" ] ] (Ending.Answered "right")
            (parts 0.6 t).Turns |> equals [| 0.0; 0.0; 1.0 |]
        }

        test "a gold passage without a text leaves the trajectory without a reward" {
            match
                Reward.scoreOf (StepSearch.reward 0.6 textOf) (trajectory [ "a"; "z" ] [] (Ending.Answered "right"))
            with
            | RewardOutcome.Failed reason -> reason |> containsText "the gold passage z"
            | RewardOutcome.Scored _ -> failtest "it was scored"
        }

        test "a negative scale is an error that names it" {
            for scale in [ -0.6; nan; infinity ] do
                let error =
                    throws<ArgumentException>(fun () -> StepSearch.reward scale textOf |> ignore)

                error.ParamName |> equals "scale"
        }

        test "each search is paid when it was made, the answer at the end" {
            for scale in [ 1.0; StepSearch.releasedScale ] do
                let t = asked [ [ "a" ]; [ "a"; "c" ]; [ "b" ] ] (Ending.Answered "right here")

                let steps =
                    StepSearch.steps [| tower; france |] (t.Searches |> Array.map _.Passages)

                let parts = parts scale t

                parts.Turns.Length |> equals 4
                close (scale * steps.Gains[0]) parts.Turns[0]
                close (scale * -0.5) parts.Turns[1]
                close (scale * steps.Gains[2]) parts.Turns[2]
                close (2.0 / 3.0) parts.Turns[3]
                // Both gold paragraphs were found.
                close (scale * (1.0 - 0.5) + 2.0 / 3.0) parts.Total
                parts.Coverage |> equals 1.0
                close (2.0 / 3.0) parts.Answer
        }
    ]
