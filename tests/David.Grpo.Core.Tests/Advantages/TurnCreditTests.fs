module David.Grpo.Tests.TurnCreditTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private scales =
    [ Scale.One; Scale.PopulationDeviation 1e-6; Scale.SampleDeviation 1e-6 ]

let private sample = Scale.SampleDeviation 1e-6

/// Potentials, [G][turns + 1], and an outcome for each member.
let private shaped =
    gen {
        let! gains = RewardSamples.steps
        let! outcomes = RewardSamples.ofSize gains.Length
        return outcomes, gains |> Array.map (Array.scan (fun sum gain -> sum + max 0.0 gain) 0.0)
    }

/// A group whose members took one turn each.
let private single =
    gen {
        let! outcomes = RewardSamples.group
        let! potentials = RewardSamples.ofSize outcomes.Length
        return outcomes, potentials
    }

[<Tests>]
let tests =
    testList "TurnCreditTests" [
        test "gains add up to the last potential less the first" {
            lawFor RewardSamples.group (fun potentials ->
                Golden.close 1e-12 (Array.last potentials - potentials[0]) (Array.sum (TurnCredit.gains potentials)))
        }

        test "paying the gains moves no undiscounted return of the first turn" {
            lawFor shaped (fun (_, potentials) ->
                potentials
                |> Array.forall (fun own ->
                    let paid = TurnCredit.gains own
                    let late = Returns.atEnd paid.Length (Array.last own - own[0])
                    let atFirst rewards = Array.head (Returns.toGo 1.0 rewards)
                    Golden.close 1e-12 (atFirst late) (atFirst paid)))
        }

        test "one turn each gives the group-relative advantage" {
            lawFor single (fun (outcomes, gains) ->
                let columns = Array.map Array.singleton

                scales
                |> List.forall (fun scale ->
                    let outcome = Advantage.groupRelative scale outcomes
                    let evidence = Advantage.groupRelative scale gains
                    let potentials = gains |> Array.map (fun gain -> [| 0.0; gain |])
                    let both = Array.map2 (fun o e -> o + 0.5 * e) outcome evidence

                    RewardSamples.sameRows (columns outcome) (TurnCredit.sameTurn scale 0.9 (columns outcomes))
                    && RewardSamples.sameRows (columns both) (TurnCredit.untilFound scale 0.5 outcomes potentials)))
        }

        test "outcomes on the last of equally many turns give the group-relative advantage on each" {
            lawFor RewardSamples.group (fun outcomes ->
                outcomes
                |> Array.map (Returns.atEnd 3)
                |> TurnCredit.sameTurn sample 1.0
                |> RewardSamples.sameRows (Advantage.groupRelative sample outcomes |> Array.map (Array.replicate 3)))
        }

        test "turn credit follows the members through a permutation" {
            lawFor shaped (fun (outcomes, potentials) ->
                let rewards = potentials |> Array.map TurnCredit.gains

                RewardSamples.sameRows
                    (Array.rev (TurnCredit.sameTurn sample 0.9 rewards))
                    (TurnCredit.sameTurn sample 0.9 (Array.rev rewards))
                && RewardSamples.sameRows
                    (Array.rev (TurnCredit.untilFound sample 0.5 outcomes potentials))
                    (TurnCredit.untilFound sample 0.5 (Array.rev outcomes) (Array.rev potentials)))
        }

        test "a constant changes nothing: in a turn's reward, in an outcome, in a potential" {
            lawFor shaped (fun (outcomes, potentials) ->
                let rewards = potentials |> Array.map TurnCredit.gains

                let bonus =
                    rewards |> Array.map (Array.mapi (fun turn reward -> if turn = 0 then reward + 0.5 else reward))

                RewardSamples.sameRows (TurnCredit.sameTurn sample 0.9 rewards) (TurnCredit.sameTurn sample 0.9 bonus)
                && RewardSamples.sameRows
                    (TurnCredit.untilFound sample 0.5 outcomes potentials)
                    (TurnCredit.untilFound
                        sample
                        0.5
                        (RewardSamples.shifted 0.5 outcomes)
                        (potentials |> Array.map (RewardSamples.shifted 0.25))))
        }

        test "equal rewards give zeros, and so does a turn that only one member reached" {
            let equal = Array.replicate 3 [| 0.7; 0.7 |]
            TurnCredit.sameTurn sample 0.9 equal |> equals (Array.replicate 3 [| 0.0; 0.0 |])
            TurnCredit.untilFound sample 1.0 [| 1.0; 1.0; 1.0 |] equal |> equals (Array.replicate 3 [| 0.0 |])

            TurnCredit.sameTurn Scale.One 1.0 [| [| 0.0; 1.0 |]; [| 0.0 |] |]
            |> equals [| [| 0.5; 0.0 |]; [| -0.5 |] |]

            TurnCredit.sameTurn sample 1.0 [||] |> equals [||]
        }

        test "evidence is credited up to the turn that found the last of it" {
            // The first finds both passages by its second turn of three, the second finds nothing in two, the third one at once.
            let potentials =
                [| [| 0.0; 0.5; 1.0; 1.0 |]; [| 0.0; 0.0; 0.0 |]; [| 0.0; 0.5; 0.5 |] |]

            TurnCredit.untilFound Scale.One 1.0 [| 1.0; 1.0; 1.0 |] potentials
            |> equals [| [| 0.5; 0.5; 0.0 |]; [| -0.5; -0.5 |]; [| 0.0; 0.0 |] |]
        }

        test "evidence counts from what there was before the first turn, and who found none bears it on all turns" {
            let potentials = [| [| 0.5; 0.5; 1.0; 1.0 |]; [| 0.25; 0.25; 0.25 |] |]

            // Gains of 0.5 and 0 are ± 0.25 of their mean; twice that on the turns that led there.
            TurnCredit.untilFound Scale.One 2.0 [| 1.0; 0.0 |] potentials
            |> equals [| [| 1.0; 1.0; 0.5 |]; [| -1.0; -1.0 |] |]
        }

        test "a trajectory without potentials, or with too few outcomes, is refused" {
            GoldenCase.refusal (fun () -> TurnCredit.gains [||] |> ignore) |> containsText "No potentials"

            GoldenCase.refusal (fun () -> TurnCredit.untilFound sample 1.0 [| 0.0; 1.0 |] [| [| 0.0 |] |] |> ignore)
            |> containsText "potentials has 1 entries; expected 2"
        }
    ]
