module David.Grpo.Tests.ExplorationTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

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

        // The authors' own decisions on 300 groups: best, worst and whether the group is expanded.
        testCase "triggers and choices are the authors'" (fun () ->
            let groups = Golden.json "golden/david/groups.json.gz"
            let mutable compared = 0

            for case in groups.EnumerateArray() do
                let rewards =
                    [|
                        for reward in case.GetProperty("rewards").EnumerateArray() -> reward.GetDouble()
                    |]

                // Trajectories that found nothing: the cut is compared elsewhere, on text.
                let group = rewards |> Array.map (fun _ -> trajectory [ "a" ] [] Ending.Unanswered)

                match Exploration.planContinuation rewards group with
                | ContinuationPlan.NotNeeded -> isFalse (case.GetProperty("expand").GetBoolean())
                | ContinuationPlan.From(best, worst, _, _) ->
                    isTrue (case.GetProperty("expand").GetBoolean())
                    best |> equals (case.GetProperty("best").GetInt32())
                    worst |> equals (case.GetProperty("worst").GetInt32())

                compared <- compared + 1

            compared |> equals 300)
    ]
