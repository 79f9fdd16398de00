module David.Grpo.Tests.MultiplierTests

open System.Text.Json
open FsCheck.FSharp
open Expecto
open David.Grpo

let private ascent: DualAscentOptions =
    {
        Budget = 4.0
        StepSize = 0.25
        Initial = 0.0
        Ceiling = 10.0
    }

let private pid: PidOptions =
    {
        Budget = 4.0
        Proportional = 0.0
        Integral = 0.0
        Derivative = 0.0
        ProportionalSmoothing = 0.0
        DerivativeSmoothing = 0.0
        Delay = 1
        Initial = 0.0
        Ceiling = 10.0
    }

let private full: PidOptions =
    { pid with
        Proportional = 0.5
        Integral = 0.125
        Derivative = 0.25
        ProportionalSmoothing = 0.5
        DerivativeSmoothing = 0.75
        Delay = 3
        Initial = 0.5
    }

/// Mean costs of batches, in sixteenths from 0 to 16.
let private costs =
    Gen.choose (0, 256) |> Gen.map (fun k -> float k / 16.0) |> Gen.listOf |> Gen.map Array.ofList

let private multipliers step (value: 'state -> float) start (costs: float[]) =
    costs |> Array.scan step start |> Array.tail |> Array.map value

let private ofPid options =
    multipliers (Multiplier.stepPid options) (fun state -> state.Multiplier) (Multiplier.startPid options)

let private ofAscent options =
    multipliers (Multiplier.ascend options) (fun state -> state.Multiplier) (Multiplier.startAscent options)

let private again<'state when 'state: not null and 'state: not struct> (state: 'state) : 'state =
    match JsonSerializer.Deserialize<'state>(JsonSerializer.Serialize state) with
    | null -> failwith "nothing came back"
    | state -> state

[<Tests>]
let tests =
    testList "MultiplierTests" [
        test "with its proportional gain alone a controller is proportional to the excess" {
            lawFor costs (fun costs ->
                ofPid { pid with Proportional = 0.5 } costs =
                    (costs |> Array.map (fun cost -> max 0.0 (min 10.0 (0.5 * (cost - 4.0))))))
        }

        test "with its integral gain alone a controller is dual ascent" {
            // Below any ceiling: dual ascent's is on λ, the controller's on the output alone.
            let unbounded = { ascent with Ceiling = infinity }

            lawFor costs (fun costs ->
                ofPid
                    { pid with
                        Integral = 0.25
                        Ceiling = infinity
                    }
                    costs
                    =
                    ofAscent unbounded costs)
        }

        test "with its derivative gain alone a controller answers to rises over the delay" {
            lawFor costs (fun costs ->
                let before back index =
                    if index - back < 0 then 0.0 else costs[index - back]

                [ 1; 2; 3 ]
                |> List.forall (fun delay ->
                    ofPid
                        { pid with
                            Derivative = 0.5
                            Delay = delay
                        }
                        costs
                        =
                        (costs |> Array.mapi (fun index cost -> min 10.0 (0.5 * max 0.0 (cost - before delay index))))))
        }

        test "without gains a controller stays at what it began with" {
            lawFor costs (fun costs -> ofPid { pid with Initial = 0.75 } costs |> Array.forall ((=) 0.75))
        }

        test "multipliers stay between zero and the ceiling" {
            lawFor costs (fun costs ->
                Array.append (ofPid full costs) (ofAscent ascent costs)
                |> Array.forall (fun multiplier -> multiplier >= 0.0 && multiplier <= 10.0))
        }

        test "a controller follows a hand-made run" {
            // δ: 4, 0, −4. I: 1, 1, 0.5. P: 2, 1, −1.5. J: 2, 2.5, 1.875; looked back at: 0, 0, 0 (a queue of 3 fills first).
            let states =
                [| 8.0; 4.0; 0.0 |] |> Array.scan (Multiplier.stepPid full) (Multiplier.startPid full)

            states
            |> Array.map _.Multiplier
            |> GoldenCase.assertAllClose "λ" 1e-15 [| 0.5; 2.5; 2.125; 0.21875 |]

            states[3].Recent |> equals [| 2.0; 2.5; 1.875 |]
            // The next step looks back at 2: J' = 0.75 · 1.875 + 2 = 3.40625, P' = −0.75 + 1, I' = 1.
            let next = Multiplier.stepPid full states[3] 8.0
            GoldenCase.assertClose "next" 1e-15 (0.5 * (-0.75 + 2.0) + 1.0 + 0.25 * 1.40625) next.Multiplier
        }

        test "dual ascent rises above the budget, falls below it and rests on it" {
            lawFor (Gen.choose (0, 256)) (fun k ->
                let cost = float k / 16.0
                let next = Multiplier.ascend ascent { Multiplier = 5.0 } cost
                let relative = Multiplier.ascendOneSided ascent { Multiplier = 5.0 } cost

                compare next.Multiplier 5.0 = compare cost 4.0
                && compare relative.Multiplier 5.0 = compare cost 4.0
                && Golden.close 1e-12 (5.0 + 0.25 * (cost - 4.0)) next.Multiplier
                && Golden.close 1e-12 (5.0 + 0.25 * (cost - 4.0) / 4.0) relative.Multiplier)
        }

        test "a one-sided cost never pays for being under budget" {
            lawFor (Gen.zip costs (Gen.choose (0, 64))) (fun (uses, k) ->
                let multiplier = float k / 16.0
                let charged = Multiplier.oneSidedCosts 4.0 uses
                let rewards = Array.replicate uses.Length 1.0
                let penalised = Multiplier.penalise Penalty.Plain multiplier rewards charged

                Array.forall2 (fun used reward -> if used <= 4.0 then reward = 1.0 else reward <= 1.0) uses penalised
                && charged |> Array.forall (fun cost -> cost >= 0.0))
        }

        test "a one-sided cost is the relative excess" {
            Multiplier.oneSidedCosts 4.0 [| 0.0; 4.0; 6.0; 12.0 |] |> equals [| 0.0; 0.0; 0.5; 2.0 |]
        }

        test "a multiplier's state comes back from its record, and the run goes on as if never stopped" {
            lawFor (Gen.zip costs costs) (fun (before, after) ->
                let run state =
                    Array.fold (Multiplier.stepPid full) state

                let stopped = run (Multiplier.startPid full) before

                let ascended =
                    Array.fold (Multiplier.ascend ascent) (Multiplier.startAscent ascent) before

                again stopped = stopped
                && again ascended = ascended
                && run (again stopped) after = run (Multiplier.startPid full) (Array.append before after))
        }

        test "normalised rewards keep their size, and their order is the plain one" {
            lawFor (Gen.zip costs (Gen.choose (0, 64))) (fun (costs, k) ->
                let multiplier = float k / 16.0
                let rewards = costs |> Array.mapi (fun index _ -> float (index % 2))
                let plain = Multiplier.penalise Penalty.Plain multiplier rewards costs
                let normalised = Multiplier.penalise Penalty.Normalised multiplier rewards costs
                let most = Array.append [| 1.0 |] costs |> Array.max

                Array.forall2 (fun a b -> Golden.close 1e-12 a (b * (1.0 + multiplier))) plain normalised
                && normalised |> Array.forall (fun reward -> abs reward <= most)
                && Multiplier.penalise Penalty.Plain 0.0 rewards costs = rewards
                && Multiplier.penalise Penalty.Normalised 0.0 rewards costs = rewards)
        }

        test "dual ascent meets the budget where cost answers to the multiplier" {
            // A policy that uses 10 / (1 + λ): at λ = 1.5 it meets the budget of 4.
            let used (state: DualAscentState) = 10.0 / (1.0 + state.Multiplier)

            let final =
                Seq.init 400 ignore
                |> Seq.fold
                    (fun state () -> Multiplier.ascend ascent state (used state))
                    (Multiplier.startAscent ascent)

            GoldenCase.assertClose "λ" 1e-9 1.5 final.Multiplier
        }

        test "wrong options, costs and states are refused" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> Multiplier.startAscent { ascent with Budget = 0.0 })
            |> containsText "Budget is 0"

            refusal (fun () -> Multiplier.startAscent { ascent with Ceiling = -1.0 })
            |> containsText "Ceiling is -1"

            refusal (fun () -> Multiplier.startPid { pid with Initial = 11.0 }) |> containsText "Initial is 11"
            refusal (fun () -> Multiplier.startPid { pid with Delay = 0 }) |> containsText "Delay is 0"

            refusal (fun () -> Multiplier.startPid { pid with DerivativeSmoothing = 1.0 })
            |> containsText "DerivativeSmoothing is 1;"

            refusal (fun () -> Multiplier.ascend ascent { Multiplier = 0.0 } nan)
            |> containsText "meanCost is NaN"

            let long =
                Array.fold (Multiplier.stepPid full) (Multiplier.startPid full) [| 1.0; 2.0; 3.0 |]

            refusal (fun () -> Multiplier.stepPid pid long 1.0)
            |> containsText "state.Recent has 3 costs; expected 1 to Delay, 1"

            refusal (fun () -> Multiplier.oneSidedCosts 0.0 [| 1.0 |]) |> containsText "budget is 0"
        }
    ]
