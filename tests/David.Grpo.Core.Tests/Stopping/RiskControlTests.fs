module David.Grpo.Tests.RiskControlTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private grid = Array.init 21 (fun i -> float i / 20.0)

/// Loss 1 up to a cut drawn uniformly, then 0: the risk at τ is 1 − τ.
let private uniformLosses count seed =
    Array.init count (fun question ->
        let cut = Seed.uniform (Seed.child (int64 question) seed)
        grid |> Array.map (fun tau -> if cut > tau then 1.0 else 0.0))

let private someLosses =
    gen {
        let! count = Gen.choose (1, 30)
        let! cells = Gen.choose (0, 8) |> Gen.listOfLength (count * 5)

        return
            cells
            |> List.map (fun k -> float k / 8.0)
            |> List.chunkBySize 5
            |> List.map Array.ofList
            |> Array.ofList
    }

let private index threshold =
    match threshold with
    | Threshold.At(index, _) -> index
    | Threshold.NoneSafe -> 5

[<Tests>]
let tests =
    testList "RiskControlTests" [
        test "risk control, p values and the fixed sequence are those of the formulas" {
            let cases = GoldenCase.all "golden/stats/conformal_risk_control.json"
            isNotEmpty cases

            for case in cases do
                let losses = GoldenCase.matrix "losses" case.Inputs
                let taus = GoldenCase.numbers "lambdas" case.Inputs
                let alpha = GoldenCase.number "alpha" case.Inputs
                let delta = GoldenCase.number "delta" case.Inputs

                let expected (name: string) =
                    if GoldenCase.has name case.Outputs then
                        let tau = GoldenCase.number name case.Outputs
                        Threshold.At(System.Array.IndexOf(taus, tau), tau)
                    else
                        Threshold.NoneSafe

                RiskControl.conformalRiskControl alpha (GoldenCase.number "B" case.Inputs) taus losses
                |> equals (expected "lambda_hat")

                let risks = Array.transpose losses |> Array.map Statistics.mean
                GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "mean_loss" case.Outputs) risks

                risks
                |> Array.map (RiskControl.hoeffdingBentkus alpha losses.Length)
                |> GoldenCase.assertAllClose case.Name 1e-9 (GoldenCase.numbers "hoeffding_bentkus" case.Outputs)

                RiskControl.learnThenTest alpha delta taus losses |> equals (expected "fixed_sequence")
        }

        test "conformal risk control holds the risk in the mean" {
            let alpha = 0.15

            let risks =
                Array.init 1000 (fun split ->
                    let losses = uniformLosses 40 (Seed.path [| 2L; int64 split |] (Seed.ofInt64 7L))

                    match RiskControl.conformalRiskControl alpha 1.0 grid losses with
                    | Threshold.At(_, tau) -> 1.0 - tau
                    | Threshold.NoneSafe -> 0.0)

            // 0.003 is three standard errors of the mean risk; the grid's step of 0.05 keeps it below alpha, yet within a step.
            Statistics.mean risks |> isBetween (alpha - 0.06) (alpha + 0.003)
        }

        test "learn then test holds the risk with the promised probability" {
            let epsilon, delta, splits = 0.2, 0.1, 1000

            let above =
                Seq.init splits (fun split ->
                    let losses = uniformLosses 100 (Seed.path [| 3L; int64 split |] (Seed.ofInt64 7L))

                    match RiskControl.learnThenTest epsilon delta grid losses with
                    | Threshold.At(_, tau) -> 1.0 - tau > epsilon + 1e-9
                    | Threshold.NoneSafe -> false)
                |> Seq.filter id
                |> Seq.length

            // At most 0.1, plus three standard errors of 1,000 splits.
            Expect.isTrue (float above / float splits <= delta + 0.03) $"{above} of {splits}"
        }

        test "a higher risk allowed never asks for more caution" {
            let taus = [| 0.5; 0.6; 0.7; 0.8; 0.9 |]

            lawFor someLosses (fun losses ->
                let falling = RiskControl.monotone losses

                let controlled alpha =
                    index (RiskControl.conformalRiskControl alpha 1.0 taus falling)

                let tested epsilon =
                    index (RiskControl.learnThenTest epsilon 0.1 taus losses)

                controlled 0.5 <= controlled 0.2
                && tested 0.6 <= tested 0.3
                && index (RiskControl.learnThenTest 0.5 0.2 taus losses)
                   <= index (RiskControl.learnThenTest 0.5 0.1 taus losses))
        }

        test "monotone losses never rise, never undercut, and leave falling ones alone" {
            lawFor someLosses (fun losses ->
                let falling = RiskControl.monotone losses

                falling |> Array.forall (Array.pairwise >> Array.forall (fun (before, after) -> after <= before))
                && Array.forall2 (Array.forall2 (<=)) losses falling
                && RiskControl.monotone falling = falling)
        }

        test "no loss at all among enough questions makes the boldest threshold safe" {
            // CRC needs 1/(n + 1) ≤ 0.1; learn then test (1 − 0.1)ⁿ ≤ 0.1.
            let none count = Array.create count [| 0.0; 0.0 |]
            let taus = [| 0.5; 0.9 |]
            RiskControl.conformalRiskControl 0.1 1.0 taus (none 9) |> equals (Threshold.At(0, 0.5))
            RiskControl.conformalRiskControl 0.1 1.0 taus (none 8) |> equals Threshold.NoneSafe
            RiskControl.learnThenTest 0.1 0.1 taus (none 22) |> equals (Threshold.At(0, 0.5))
            RiskControl.learnThenTest 0.1 0.1 taus (none 21) |> equals Threshold.NoneSafe
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let control = RiskControl.conformalRiskControl 0.1 1.0

            refusal (fun () -> control [| 0.5; 0.5 |] [| [| 0.0; 0.0 |] |])
            |> containsText "taus is empty or does not ascend"

            refusal (fun () -> control [| 0.5; 0.9 |] [| [| 0.0; 1.0 |] |]) |> containsText "rises from 0 to 1"
            refusal (fun () -> control [| 0.5 |] [| [| 2.0 |] |]) |> containsText "has the loss 2"

            refusal (fun () -> RiskControl.learnThenTest 0.1 0.1 [| 0.5 |] [||])
            |> containsText "No calibration question"

            refusal (fun () -> RiskControl.hoeffdingBentkus 0.1 10 1.5) |> containsText "risk is 1.5"

            refusal (fun () -> RiskControl.fixedSequence 0.1 grid [| 0.5 |])
            |> containsText "pValues has 1 entries"
        }
    ]
