module David.Grpo.Tests.ExplorationTests

open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Fact>]
let ``the expert takes the first of the worst, unless the group is solved`` () =
    Assert.Equal(ExpertPlacement.At 1, Exploration.placeExpert [| 0.5; 0.0; 0.0; 0.25 |])
    Assert.Equal(ExpertPlacement.NotNeeded, Exploration.placeExpert [| 0.0; 1.0 |])
    Assert.Equal(ExpertPlacement.At 0, Exploration.placeExpert [| 0.0; 0.0 |])

[<Fact>]
let ``the cut is the earliest search at which the final number of gold passages was reached`` () =
    let cut found =
        Exploration.cut (trajectory [ "a"; "b" ] found Ending.Unanswered)

    Assert.Equal(0, cut [])
    Assert.Equal(0, cut [ [ "x" ]; [ "y" ] ])
    Assert.Equal(2, cut [ [ "x" ]; [ "a" ]; [ "a" ]; [ "x" ] ])
    Assert.Equal(3, cut [ [ "a" ]; [ "x" ]; [ "b"; "a" ]; [ "y" ] ])
    Assert.Equal(1, cut [ [ "b"; "a" ]; [ "x" ] ])

[<Fact>]
let ``a prefix up to the cut has all the evidence of the whole`` () =
    law (fun (found: byte list list) ->
        let t =
            trajectory [ "1"; "2"; "3" ] (found |> List.map (List.map (fun b -> string (b % 6uy)))) Ending.Unanswered

        let counts = Evidence.foundBySearch t
        let cut = Exploration.cut t
        counts[cut] = Array.last counts && (cut = 0 || counts[cut - 1] < counts[cut]))

[<Fact>]
let ``a group is continued from its first best, to replace its first worst`` () =
    let group =
        [|
            trajectory [ "a"; "b" ] [] Ending.Unanswered
            trajectory [ "a"; "b" ] [ [ "x" ]; [ "a" ]; [ "y" ] ] (Ending.Answered "wrong")
            trajectory [ "a"; "b" ] [ [ "a" ] ] (Ending.Answered "wrong")
        |]

    Assert.Equal(ContinuationPlan.From(1, 0, 5, 2), Exploration.planContinuation [| 0.0; 0.25; 0.25 |] group)

[<Fact>]
let ``without evidence the continuation starts at the prompt`` () =
    let group = [| trajectory [ "a" ] [ [ "x" ] ] (Ending.Answered "wrong") |]
    Assert.Equal(ContinuationPlan.From(0, 0, 1, 0), Exploration.planContinuation [| 0.0 |] group)

[<Fact>]
let ``a solved group is left alone`` () =
    let group = [| trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered "right") |]
    Assert.Equal(ContinuationPlan.NotNeeded, Exploration.planContinuation [| 1.0 |] group)

[<Fact>]
let ``only a continuation strictly better than the best replaces the worst`` () =
    Assert.Equal(Replacement.Keep, Exploration.replacement [| 0.5; 0.1 |] [| 0.5; 0.2 |])
    Assert.Equal(Replacement.Keep, Exploration.replacement [| 0.5; 0.1 |] [||])
    Assert.Equal(Replacement.Replace(1, 1), Exploration.replacement [| 0.5; 0.1 |] [| 0.2; 0.75; 0.75 |])

[<Fact>]
let ``the paper's example: worst 0.1 is dropped, best 0.8, new best 1.0`` () =
    Assert.Equal(Replacement.Replace(2, 0), Exploration.replacement [| 0.4; 0.8; 0.1 |] [| 1.0 |])

/// The authors' own decisions on 300 groups: best, worst and whether the group is expanded.
[<Fact>]
let ``triggers and choices are the authors'`` () =
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
        | ContinuationPlan.NotNeeded -> Assert.False(case.GetProperty("expand").GetBoolean())
        | ContinuationPlan.From(best, worst, _, _) ->
            Assert.True(case.GetProperty("expand").GetBoolean())
            Assert.Equal(case.GetProperty("best").GetInt32(), best)
            Assert.Equal(case.GetProperty("worst").GetInt32(), worst)

        compared <- compared + 1

    Assert.Equal(300, compared)
