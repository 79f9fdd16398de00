module David.Grpo.Tests.ScheduleTests

open FsCheck.FSharp
open Expecto
open David.Grpo

/// The rates of a case up to step `last`, and all of them before.
let private assertEqual (case: GoldenCase.Case) (schedule: Schedule) (last: int) =
    let expected = GoldenCase.numbers "lr" case.Outputs |> Array.truncate (last + 1)
    let peak = GoldenCase.number "lr" case.Inputs

    Array.init expected.Length (Schedule.rate peak schedule)
    |> Array.iteri2
        (fun step theirs ours ->
            Expect.isTrue
                (abs (ours - theirs) <= 1e-12 * peak)
                $"{case.Name} step {step}: expected {theirs}, got {ours}")
        expected

[<Tests>]
let tests =
    testList "ScheduleTests" [
        test "a rate stays between zero and the peak, rises in the warm-up and falls after it" {
            let cases =
                gen {
                    let! warmup = Gen.choose (0, 20)
                    let! decay = Gen.choose (0, 50)
                    let! floor = Gen.choose (0, 10) |> Gen.map (fun k -> float k / 10.0)
                    return warmup, warmup + decay, floor
                }

            lawFor cases (fun (warmup, total, floor) ->
                [
                    Schedule.Constant
                    Schedule.ConstantWithWarmup warmup
                    Schedule.LinearWithWarmup(warmup, total)
                    Schedule.CosineWithWarmup(warmup, total, floor)
                ]
                |> List.forall (fun schedule ->
                    let rates = Array.init (total + 10) (Schedule.rate 2.0 schedule)

                    rates |> Array.forall (fun rate -> rate >= 0.0 && rate <= 2.0)
                    && Array.pairwise rates
                       |> Array.indexed
                       |> Array.forall (fun (step, (now, next)) -> if step < warmup then next >= now else next <= now)))
        }

        test "a warm-up of no steps and a floor of one are the constant" {
            for step in 0..30 do
                Schedule.rate 3e-5 (Schedule.ConstantWithWarmup 0) step |> equals 3e-5
                Schedule.rate 3e-5 (Schedule.CosineWithWarmup(0, 20, 1.0)) step |> equals 3e-5
        }

        test "after its last step a cosine stays at its floor" {
            // transformers' and verl's cosine would rise again.
            for step in 100..250 do
                GoldenCase.assertClose
                    $"step {step}"
                    1e-15
                    0.1
                    (Schedule.rate 1.0 (Schedule.CosineWithWarmup(5, 100, 0.1)) step)
        }

        test "wrong steps, peaks and floors are refused" {
            let refusal peak schedule step =
                GoldenCase.refusal (fun () -> Schedule.rate peak schedule step |> ignore)

            refusal 1.0 Schedule.Constant -1 |> containsText "step is -1"
            refusal nan Schedule.Constant 0 |> containsText "peak is NaN"
            refusal 1.0 (Schedule.ConstantWithWarmup -2) 0 |> containsText "warmupSteps is -2"

            refusal 1.0 (Schedule.LinearWithWarmup(4, 3)) 0
            |> containsText "totalSteps is 3; expected at least warmupSteps, 4"

            refusal 1.0 (Schedule.CosineWithWarmup(0, 3, 1.5)) 0 |> containsText "floor is 1.5"
        }

        testCase "constant, linear and cosine rates are transformers'" (fun () ->
            let mutable covered = 0

            for case in GoldenCase.all "golden/rl/transformers_schedules.json" do
                let warmup = int (GoldenCase.number "num_warmup_steps" case.Inputs)
                let total = int (GoldenCase.number "num_training_steps" case.Inputs)
                let kind = string (case.Inputs.GetProperty "kind")

                let check schedule last =
                    covered <- covered + 1
                    assertEqual case schedule last

                match kind with
                | "constant" -> check Schedule.Constant 199
                | "constant_with_warmup" -> check (Schedule.ConstantWithWarmup warmup) 199
                | "linear" -> check (Schedule.LinearWithWarmup(warmup, total)) 199
                // Several cycles are not built; after the last step ours stays.
                | "cosine" when not (GoldenCase.has "num_cycles" case.Inputs) ->
                    check (Schedule.CosineWithWarmup(warmup, total, 0.0)) total
                | "cosine_with_min_lr" ->
                    let floor =
                        if GoldenCase.has "min_lr_rate" case.Inputs then
                            GoldenCase.number "min_lr_rate" case.Inputs
                        else
                            GoldenCase.number "min_lr" case.Inputs / GoldenCase.number "lr" case.Inputs

                    check (Schedule.CosineWithWarmup(warmup, total, floor)) total
                | _ -> ()

            covered |> equals 8)

        testCase "constant and cosine rates are verl's" (fun () ->
            let mutable covered = 0

            for case in GoldenCase.all "golden/rl/verl_schedules.json" do
                let warmup = int (GoldenCase.number "num_warmup_steps" case.Inputs)

                let check schedule last =
                    covered <- covered + 1
                    assertEqual case schedule last

                match case.Name with
                | "constant" -> check (Schedule.ConstantWithWarmup warmup) 199
                | "cosine"
                | "cosine_min" ->
                    let total = int (GoldenCase.number "num_training_steps" case.Inputs)

                    let floor =
                        if GoldenCase.has "min_lr_ratio" case.Inputs then
                            GoldenCase.number "min_lr_ratio" case.Inputs
                        else
                            0.0

                    check (Schedule.CosineWithWarmup(warmup, total, floor)) total
                // A warm-up from above 0, and warm-up, stable, decay are not built.
                | _ -> ()

            covered |> equals 3)
    ]
