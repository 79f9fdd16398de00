module David.Grpo.Tests.AllocationTests

open FsCheck.FSharp
open Expecto
open David.Grpo

/// Solve rates in twelfths, 0 and 1 among them, with bounds and a total that these allow.
let private problem mostQuestions mostRollouts =
    gen {
        let! questions = Gen.choose (1, mostQuestions)
        let! rates = Gen.choose (0, 12) |> Gen.listOfLength questions
        let! least = Gen.choose (1, 3)
        let! most = Gen.choose (least, mostRollouts)
        let! total = Gen.choose (questions * least, questions * most)

        return
            { Least = least; Most = most },
            total,
            rates |> List.map (fun twelfths -> float twelfths / 12.0) |> Array.ofList
    }

let private isWithin (bounds: RolloutBounds) total (counts: int[]) =
    Array.sum counts = total
    && counts |> Array.forall (fun count -> count >= bounds.Least && count <= bounds.Most)

/// What the knapsack maximises, Σ q(pₓ, Nₓ) · pₓ (1 − pₓ)² with q(p, N) = 1 − pᴺ − (1 − p)ᴺ. Source: Knapsack-RL.
let private value (rates: float[]) (counts: int[]) =
    Array.map2 (fun p count -> (1.0 - p ** float count - (1.0 - p) ** float count) * p * (1.0 - p) ** 2.0) rates counts
    |> Array.sum

/// The largest value by dynamic programming over questions and rollouts: the oracle.
let private bestValue (bounds: RolloutBounds) total (rates: float[]) =
    let start = Array.init (total + 1) (fun used -> if used = 0 then 0.0 else -infinity)

    let withQuestion (best: float[]) rate =
        Array.init (total + 1) (fun used ->
            seq { bounds.Least .. min bounds.Most used }
            |> Seq.map (fun count -> best[used - count] + value [| rate |] [| count |])
            |> Seq.fold max -infinity)

    (Array.fold withQuestion start rates)[total]

let private pilot =
    {
        Pilot = 8
        Additional = 24
        SkipAbove = 0.75
        DeferBelow = 0.125
    }

[<Tests>]
let tests =
    testList "AllocationTests" [
        test "the chance of an informative group" {
            [
                0.5, 0, 0.0
                0.5, 1, 0.0
                0.5, 2, 0.5
                0.5, 8, 0.9921875
                0.0, 8, 0.0
                1.0, 8, 0.0
            ]
            |> List.iter (fun (rate, size, chance) -> Allocation.informative rate size |> equals chance)
        }

        test "the chance of an informative group rises, by less with every rollout, and is the same for p and 1 − p" {
            lawFor (Gen.zip (Gen.choose (0, 64)) (Gen.choose (1, 40))) (fun (k, size) ->
                let rate = float k / 64.0
                let chance = Allocation.informative rate

                let first, second =
                    chance (size + 1) - chance size, chance (size + 2) - chance (size + 1)

                first >= -1e-15
                && second <= first + 1e-15
                && Golden.close 1e-12 (chance size) (Allocation.informative (1.0 - rate) size))
        }

        test "allocations add up to the total and stay within the bounds" {
            lawFor (problem 12 40) (fun (bounds, total, rates) ->
                Allocation.knapsack bounds total rates |> isWithin bounds total
                && Allocation.inverseRoot bounds 0.05 total rates |> isWithin bounds total)
        }

        test "a batch of the paper's size is allocated in full" {
            let bounds = { Least = 2; Most = 128 }
            let rates = Array.init 256 (fun x -> float (x % 17) / 16.0)
            let counts = Allocation.knapsack bounds 2048 rates
            isTrue (isWithin bounds 2048 counts)
            // Solve rates of 1 teach nothing, and here others still gain.
            counts[16] |> equals 2
            Expect.isTrue (counts[2] > counts[14]) "hard questions are worth more than easy ones"
        }

        test "what nothing gains from goes to the unsolved, then to the others" {
            let bounds = { Least = 2; Most = 6 }
            // 0.5 can hold 6, the two zeros share what is left.
            Allocation.knapsack bounds 17 [| 0.0; 0.5; 1.0; 0.0 |] |> equals [| 5; 6; 2; 4 |]
            Allocation.knapsack bounds 22 [| 0.0; 0.5; 1.0; 0.0 |] |> equals [| 6; 6; 4; 6 |]
            Allocation.knapsack bounds 6 [| 0.0; 0.0 |] |> equals [| 3; 3 |]
            isEmpty (Allocation.knapsack bounds 0 [||])
        }

        test "rollouts are in proportion to the inverse root of the solve rate" {
            let bounds = { Least = 1; Most = 100 }
            Allocation.inverseRoot bounds 0.01 30 [| 0.25; 1.0 |] |> equals [| 20; 10 |]
            // A rate of 0 counts as the smallest rate, here 1/16: 4 to 1.
            Allocation.inverseRoot bounds (1.0 / 16.0) 30 [| 0.0; 1.0 |] |> equals [| 24; 6 |]

            lawFor (problem 12 40) (fun (bounds, total, rates) ->
                let counts = Allocation.inverseRoot bounds 0.05 total rates

                Array.allPairs (Array.zip rates counts) (Array.zip rates counts)
                |> Array.forall (fun ((p, n), (q, m)) -> p >= q || n >= m))
        }

        test "a pilot decides between skipping, deferring and committing" {
            let decisions =
                [| 0..8 |]
                |> Array.map (fun solved -> Allocation.afterPilot pilot (Array.init 8 (fun i -> i < solved)))

            decisions
            |> equals [|
                PilotDecision.Defer
                yield! Array.replicate 6 (PilotDecision.Commit 24)
                PilotDecision.Skip
                PilotDecision.Skip
            |]
        }

        test "the most varied groups grow, by exactly the total" {
            let groups =
                gen {
                    let! questions = Gen.choose (1, 8)
                    let! rewards = Gen.choose (0, 2) |> Gen.listOfLength 4 |> Gen.listOfLength questions
                    let! share = Gen.choose (1, 8)
                    let! total = Gen.choose (0, 50)

                    return
                        rewards |> List.map (List.map float >> Array.ofList) |> Array.ofList, float share / 8.0, total
                }

            lawFor groups (fun (rewards, share, total) ->
                let added = Allocation.byVariance share total rewards
                let spread = rewards |> Array.map (Numerics.deviation 0)

                Array.sum added = total
                && Array.allPairs (Array.zip spread added) (Array.zip spread added)
                   |> Array.forall (fun ((a, n), (b, m)) -> a <= b || n >= m))
        }

        test "a quarter of the groups grows fourfold" {
            let rewards =
                [|
                    [| 0.0; 0.0; 0.0; 0.0 |]
                    [| 0.0; 1.0; 1.0; 0.0 |]
                    [| 0.0; 1.0; 0.0; 0.0 |]
                    [| 1.0; 1.0; 1.0; 1.0 |]
                |]

            Allocation.byVariance 0.25 16 rewards |> equals [| 0; 16; 0; 0 |]
            Allocation.byVariance 1.0 17 rewards |> equals [| 0; 9; 8; 0 |]
            isEmpty (Allocation.byVariance 0.5 4 [||])
        }

        test "impossible totals, bounds and rates are refused" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let bounds = { Least = 2; Most = 4 }

            refusal (fun () -> Allocation.knapsack bounds 9 [| 0.5; 0.5 |])
            |> containsText "total is 9; 2 questions of 2 to 4 rollouts take 4 to 8"

            refusal (fun () -> Allocation.inverseRoot bounds 0.1 3 [| 0.5; 0.5 |]) |> containsText "total is 3;"

            refusal (fun () -> Allocation.knapsack { bounds with Least = 0 } 4 [| 0.5 |])
            |> containsText "bounds are 0 to 4"

            refusal (fun () -> Allocation.knapsack bounds 4 [| 0.5; nan |]) |> containsText "rates[1] is NaN"

            refusal (fun () -> Allocation.inverseRoot bounds 0.0 2 [| 0.5 |])
            |> containsText "smallestRate is 0"

            refusal (fun () -> Allocation.afterPilot pilot [| true; true; true |])
            |> containsText "correct has 3 entries; expected 8"

            refusal (fun () -> Allocation.byVariance 0.0 1 [| [| 1.0 |] |]) |> containsText "share is 0"
        }

        test "the greedy knapsack is as good as dynamic programming" {
            lawFor (problem 5 9) (fun (bounds, total, rates) ->
                let ours = value rates (Allocation.knapsack bounds total rates)
                abs (ours - bestValue bounds total rates) < 1e-12)
        }

        test "the knapsack is never worth less than the same number for every question" {
            lawFor (problem 12 40) (fun (bounds, total, rates) ->
                let uniform =
                    Array.init rates.Length (fun x ->
                        total / rates.Length + (if x < total % rates.Length then 1 else 0))

                isWithin bounds total uniform
                && value rates (Allocation.knapsack bounds total rates) >= value rates uniform - 1e-12)
        }

        test "a group is worth most at a solve rate of a third" {
            // With groups so large that they are informative for sure.
            let worth rate = value [| rate |] [| 4000 |]
            let best = worth (1.0 / 3.0)
            GoldenCase.assertClose "at a third" 1e-12 (4.0 / 27.0) best

            for k in 1..99 do
                isTrue (worth (float k / 100.0) <= best)
        }
    ]
