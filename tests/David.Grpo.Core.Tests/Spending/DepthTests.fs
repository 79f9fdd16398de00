module David.Grpo.Tests.DepthTests

open FsCheck.FSharp
open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

let private someSearches =
    Gen.elements [ "a"; "b"; "c" ] |> Gen.listOf |> Gen.listOf

[<Fact>]
let ``the cheap mode pays while it loses less than delta`` () =
    let reward isCheap accuracy =
        Depth.adaptThink 0.05 0.8 isCheap accuracy

    GoldenCase.assertClose "dear" 1e-12 0.2 (reward false 1.0)
    GoldenCase.assertClose "cheap" 1e-12 0.25 (reward true 1.0)
    Assert.True(reward true 0.76 > reward false 0.8)
    Assert.True(reward true 0.74 < reward false 0.8)
    GoldenCase.assertClose "forced" 1e-12 0.5 (exp (Depth.forcedModeLogProb 0.5))

[<Fact>]
let ``caps grow stage by stage`` () =
    let stages =
        [|
            { FromStep = 0; Cap = 1 }
            { FromStep = 100; Cap = 3 }
            { FromStep = 250; Cap = 4 }
        |]

    Assert.Equal<int list>([ 1; 1; 3; 3; 4; 4 ], List.map (Depth.capAt stages) [ 0; 99; 100; 249; 250; 9999 ])

    lawFor (Gen.zip (Gen.choose (0, 400)) (Gen.choose (0, 400))) (fun (a, b) ->
        Depth.capAt stages (min a b) <= Depth.capAt stages (max a b))

[<Fact>]
let ``the right members with the fewest searches share a bonus`` () =
    // Searches of the right members: 1, 3, 1; variance 8/9.
    let bonus eta =
        Depth.fewestSearchesBonus 2.0 eta [| true; true; false; true |] [| 1; 3; 0; 1 |]

    GoldenCase.assertAllClose "below the ceiling" 1e-12 [| 16.0 / 9.0; 0.0; 0.0; 16.0 / 9.0 |] (bonus 5.0)
    Assert.Equal<float[]>([| 0.5; 0.0; 0.0; 0.5 |], bonus 0.5)

[<Fact>]
let ``no bonus is paid for wrong answers, or where right ones agree`` () =
    lawFor (Gen.zip (Gen.elements [ true; false ]) (Gen.choose (0, 5)) |> Gen.listOf) (fun members ->
        let isRight, searches = members |> Array.ofList |> Array.unzip
        let bonus = Depth.fewestSearchesBonus 1.0 1.0 isRight searches

        let same =
            Depth.fewestSearchesBonus 1.0 1.0 isRight (Array.map (fun _ -> 2) searches)

        Array.forall2 (fun right paid -> paid >= 0.0 && (right || paid = 0.0)) isRight bonus
        && Array.forall ((=) 0.0) same)

[<Fact>]
let ``a question needs as many searches as its best trajectory`` () =
    let slow =
        trajectory [ "a"; "b" ] [ [ "a" ]; [ "x" ]; [ "b" ]; [ "x" ] ] Ending.Unanswered

    let quick = trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] (Ending.Answered "wrong")
    let lost = trajectory [ "a"; "b" ] [ [ "a" ] ] Ending.Unanswered
    Assert.Equal(NeededSearches.Known 3, Depth.neededSearches [| slow; lost |])
    Assert.Equal(NeededSearches.Known 2, Depth.neededSearches [| slow; quick; lost |])
    Assert.Equal(NeededSearches.Unknown, Depth.neededSearches [| lost |])
    Assert.Equal(NeededSearches.Unknown, Depth.neededSearches [||])
    Assert.Equal(NeededSearches.Unknown, Depth.neededSearches [| trajectory [] [ [ "a" ] ] Ending.Unanswered |])
    Assert.Equal<int list>([ 2; 0; -1 ], List.map (Depth.regret 2) [ slow; quick; lost ])

[<Fact>]
let ``regret is never negative at full coverage, and depth* only falls`` () =
    lawFor (Gen.zip someSearches someSearches) (fun (one, other) ->
        let one = trajectory [ "a"; "b" ] one Ending.Unanswered
        let other = trajectory [ "a"; "b" ] other Ending.Unanswered

        match Depth.neededSearches [| one |], Depth.neededSearches [| one; other |] with
        | NeededSearches.Known alone, NeededSearches.Known both ->
            both <= alone
            && [ one; other ] |> List.forall (fun t -> Evidence.coverage t < 1.0 || Depth.regret both t >= 0)
        | NeededSearches.Known _, NeededSearches.Unknown -> false
        | NeededSearches.Unknown, _ -> Evidence.coverage one < 1.0)

[<Fact>]
let ``gaps are means by hops, unknown hops left out`` () =
    let t gold searches =
        trajectory gold (List.replicate searches [ "a" ]) Ending.Unanswered

    let gaps =
        Depth.gapByHops [| t [ "a"; "b" ] 5; t [ "a" ] 1; t [ "a"; "b" ] 0; t [] 4 |]

    Assert.Equal<DepthGap[]>(
        [|
            {
                Hops = 1
                Trajectories = 1
                MeanAbsoluteGap = 0.0
            }
            {
                Hops = 2
                Trajectories = 2
                MeanAbsoluteGap = 2.5
            }
        |],
        gaps
    )

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains("accuracy is 2", refusal (fun () -> Depth.adaptThink 0.1 0.5 true 2.0))
    Assert.Contains("share is 0", refusal (fun () -> Depth.forcedModeLogProb 0.0))
    Assert.Contains("stages is empty", refusal (fun () -> Depth.capAt [||] 0))

    Assert.Contains(
        "never fall",
        refusal (fun () -> Depth.capAt [| { FromStep = 0; Cap = 2 }; { FromStep = 5; Cap = 1 } |] 0)
    )

    Assert.Contains("searches has 1", refusal (fun () -> Depth.fewestSearchesBonus 1.0 1.0 [||] [| 1 |]))

    let other =
        let t = trajectory [ "a" ] [] Ending.Unanswered

        { t with
            Question = { t.Question with Id = "other" }
        }

    Assert.Contains(
        "of 2 questions",
        refusal (fun () -> Depth.neededSearches [| other; trajectory [] [] Ending.Unanswered |])
    )
