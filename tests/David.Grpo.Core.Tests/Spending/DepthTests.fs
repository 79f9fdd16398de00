module David.Grpo.Tests.DepthTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private someSearches =
    Gen.elements [ "a"; "b"; "c" ] |> Gen.listOf |> Gen.listOf

[<Tests>]
let tests =
    testList "DepthTests" [
        test "a question needs as many searches as its best trajectory" {
            let slow =
                trajectory [ "a"; "b" ] [ [ "a" ]; [ "x" ]; [ "b" ]; [ "x" ] ] Ending.Unanswered

            let quick = trajectory [ "a"; "b" ] [ [ "a" ]; [ "b" ] ] (Ending.Answered "wrong")
            let lost = trajectory [ "a"; "b" ] [ [ "a" ] ] Ending.Unanswered
            Depth.neededSearches [| slow; lost |] |> equals (NeededSearches.Known 3)
            Depth.neededSearches [| slow; quick; lost |] |> equals (NeededSearches.Known 2)
            Depth.neededSearches [| lost |] |> equals NeededSearches.Unknown
            Depth.neededSearches [||] |> equals NeededSearches.Unknown

            Depth.neededSearches [| trajectory [] [ [ "a" ] ] Ending.Unanswered |]
            |> equals NeededSearches.Unknown
        }

        test "depth* only falls as more trajectories come" {
            lawFor (Gen.zip someSearches someSearches) (fun (one, other) ->
                let one = trajectory [ "a"; "b" ] one Ending.Unanswered
                let other = trajectory [ "a"; "b" ] other Ending.Unanswered

                match Depth.neededSearches [| one |], Depth.neededSearches [| one; other |] with
                | NeededSearches.Known alone, NeededSearches.Known both -> both <= alone
                | NeededSearches.Known _, NeededSearches.Unknown -> false
                | NeededSearches.Unknown, _ -> Evidence.coverage one < 1.0)
        }
    ]
