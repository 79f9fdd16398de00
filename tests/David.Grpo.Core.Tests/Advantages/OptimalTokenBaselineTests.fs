module David.Grpo.Tests.OptimalTokenBaselineTests

open FsCheck.FSharp
open Xunit
open David.Grpo

let private advantages = OptimalTokenBaseline.advantages
let private byToken = TokenAlignment.ByTrainedToken

let private energiesLike (rewards: float[][]) =
    rewards |> Array.mapi (fun g -> Array.mapi (fun t _ -> 0.25 * float (1 + (g + 2 * t) % 3)))

/// ε / W of these energies is at most 4e-8, times returns of at most 10.
let private near = Golden.close 1e-6

[<Fact>]
let ``a constant added to every outcome changes nothing but the guard's share, where all end together`` () =
    let square =
        gen {
            let! length = Gen.choose (1, 5)
            let! members = Gen.choose (2, 5)
            let! rewards = RewardSamples.ofSize length |> Gen.listOfLength members
            return Array.ofList rewards
        }

    lawFor square (fun rewards ->
        let shifted =
            rewards |> Array.map (fun own -> Array.map2 (+) own (Returns.atEnd own.Length 0.5))

        let estimate = advantages byToken Lone.Zero (energiesLike rewards)

        Array.forall2 (Array.forall2 near) (estimate rewards).Advantages (estimate shifted).Advantages)

[<Fact>]
let ``equal energies make the mean return of those who are there the baseline`` () =
    let rewards = [| [| 0.0; 1.0 |]; [| 0.0; 0.0 |]; [| 0.5 |] |]
    let energies = [| [| 1.0; 1.0 |]; [| 1.0; 1.0 |]; [| 1.0 |] |]

    let ours = (advantages byToken Lone.Zero energies rewards).Advantages
    GoldenCase.assertAllClose "first" 1e-7 [| 0.5; 0.5 |] ours[0]
    GoldenCase.assertAllClose "second" 1e-7 [| -0.5; -0.5 |] ours[1]
    GoldenCase.assertAllClose "third" 1e-7 [| 0.0 |] ours[2]

[<Fact>]
let ``the tail beyond all others has its return or nearly nothing, as asked`` () =
    let rewards = [| [| 0.0; 0.0; 1.0 |]; [| 0.0 |] |]
    let energies = [| [| 1.0; 1.0; 1.0 |]; [| 1.0 |] |]

    let tail lone =
        (advantages byToken lone energies rewards).Advantages[0][1..]

    Assert.Equal<float[]>([| 1.0; 1.0 |], tail Lone.Reward)
    GoldenCase.assertAllClose "tail" 1e-7 [| 0.0; 0.0 |] (tail Lone.Zero)

[<Fact>]
let ``equal positions and trained tokens are the same alignment where nothing stands between`` () =
    lawFor RewardSamples.steps (fun rewards ->
        let positions = rewards |> Array.map (fun own -> [| 0 .. own.Length - 1 |])
        let energies = energiesLike rewards

        [ Lone.Zero; Lone.Reward ]
        |> List.forall (fun lone ->
            advantages byToken lone energies rewards =
                advantages (TokenAlignment.ByPosition positions) lone energies rewards))

[<Fact>]
let ``the energy of a sure token is zero and of a coin flip one half`` () =
    GoldenCase.assertAllClose
        "energies"
        1e-12
        [| 0.0; 0.5 |]
        (OptimalTokenBaseline.logitEnergies [| 0.0; log 0.5 |] [| 1.0; 0.5 |])

    Assert.Equal<float[]>([| 2.0; 0.5 |], OptimalTokenBaseline.importanceWeighted [| 2.0; 1.0 |] [| 0.5; 0.5 |])

[<Fact>]
let ``positions out of order are refused`` () =
    Assert.Contains(
        "positions[0] does not rise",
        GoldenCase.refusal (fun () ->
            advantages (TokenAlignment.ByPosition [| [| 1; 1 |] |]) Lone.Zero [| [| 1.0; 1.0 |] |] [| [| 0.0; 1.0 |] |]
            |> ignore)
    )

let private assertVerl name alignmentOf =
    for batch in VerlBatch.all 96 name do
        let energies =
            Array.map2
                OptimalTokenBaseline.logitEnergies
                (VerlBatch.input "old_log_prob" batch)
                (VerlBatch.input "sum_pi_squared" batch)

        let energies =
            if GoldenCase.has "rollout_is_weights" batch.Case.Inputs then
                Array.map2 OptimalTokenBaseline.importanceWeighted (VerlBatch.input "rollout_is_weights" batch) energies
            else
                energies

        let rewards = VerlBatch.input "rewards" batch

        let ours =
            batch.Groups
            |> Array.collect (fun rows ->
                let pick (values: 'value[]) =
                    rows |> Array.map (fun row -> values[row])

                let lone =
                    if rows.Length = 1 || VerlBatch.flag "handle_zero_tail" batch then
                        Lone.Reward
                    else
                        Lone.Zero

                let result =
                    advantages (alignmentOf (pick batch.Mask)) lone (pick energies) (pick rewards)

                Array.zip3 rows result.Advantages result.Returns)
            |> Array.sortBy (fun (row, _, _) -> row)

        ours
        |> Array.map (fun (_, advantages, _) -> advantages)
        |> VerlBatch.assertByToken 1e-9 "advantages" batch

        ours |> Array.map (fun (_, _, returns) -> returns) |> VerlBatch.assertByToken 1e-9 "returns" batch

[<Fact>]
let ``by trained token it is verl's for several turns`` () =
    assertVerl "tir_optimal_token_baseline" (fun _ -> byToken)

[<Fact>]
let ``by position it is verl's`` () =
    assertVerl "optimal_token_baseline" (fun mask ->
        mask
        |> Array.map (fun row -> [| 0 .. row.Length - 1 |] |> Array.filter (fun column -> row[column] > 0.0))
        |> TokenAlignment.ByPosition)
