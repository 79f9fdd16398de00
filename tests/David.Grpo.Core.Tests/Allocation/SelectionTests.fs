module David.Grpo.Tests.SelectionTests

open FsCheck.FSharp
open Expecto
open David.Grpo

let private refill =
    {
        Groups = 10
        GroupSize = 4
        MostAtOnce = 32
        Rounds = 3
        Surplus = 1.25
    }

let private skip =
    {
        EasyFrom = 0.98
        HardUpTo = 0.11
        Target = 0.25
        Step = 0.01
        Lowest = 0.05
        Highest = 0.95
        LeastKept = 0.01
    }

let private half = { Easy = 0.5; Hard = 0.5 }

/// 1 to 9 rewards in quarters, often tied, and how many to keep.
let private keptGroup =
    gen {
        let! size = Gen.choose (1, 9)
        let! rewards = Gen.choose (-8, 8) |> Gen.listOfLength size
        let! count = Gen.choose (1, size)
        return count, rewards |> List.map (fun k -> float k / 4.0) |> Array.ofList
    }

let private variance (rewards: float[]) (places: int[]) =
    Numerics.deviation 0 (places |> Array.map (fun i -> rewards[i])) ** 2.0

/// All sets of `count` places of `size`.
let private subsets count size =
    [ 0 .. (1 <<< size) - 1 ]
    |> List.filter (fun bits -> System.Numerics.BitOperations.PopCount(uint32 bits) = count)
    |> List.map (fun bits -> [| 0 .. size - 1 |] |> Array.filter (fun i -> (bits >>> i) &&& 1 = 1))

[<Tests>]
let tests =
    testList "SelectionTests" [
        test "a group has a signal where its rewards differ" {
            Selection.informative [| [||]; [| 0.0; 0.0 |]; [| 0.0; 1.0 |]; [| 1.0 |]; [| 0.5; 0.5; 0.25 |] |]
            |> equals [| 2; 4 |]
        }

        test "a group has a signal exactly where its advantages are not all zero" {
            law (fun (values: byte list) ->
                let rewards = values |> List.map (fun value -> float (value % 3uy)) |> Array.ofList

                Selection.hasSignal rewards = (Advantage.groupRelative Scale.One rewards |> Array.exists ((<>) 0.0)))
        }

        test "a round samples what is missing, by the share that had a signal" {
            let ledger = Ledger.openFor (Limits.OfRollouts 1000)
            Selection.refill refill 0 0 0 ledger |> equals (Refill.Sample 10)
            // 6 missing · 10/4 · 1.25 = 18.75.
            Selection.refill refill 1 10 4 ledger |> equals (Refill.Sample 19)
            Selection.refill refill 1 10 1 ledger |> equals (Refill.Sample 32)
            Selection.refill refill 1 10 0 ledger |> equals (Refill.Sample 32)
            Selection.refill refill 1 10 10 ledger |> equals Refill.Full
            Selection.refill refill 3 30 9 ledger |> equals Refill.Settle
        }

        test "with little budget left a round is smaller, with none the batch settles" {
            Selection.refill refill 1 10 4 (Ledger.openFor (Limits.OfRollouts 11)) |> equals (Refill.Sample 2)
            Selection.refill refill 1 10 4 (Ledger.openFor (Limits.OfRollouts 3)) |> equals Refill.Settle
            Selection.refill refill 0 0 0 (Ledger.openFor (Limits.OfRollouts 0)) |> equals Refill.Settle
        }

        test "refilling ends, never overspends, never fails, and is full exactly if it kept enough" {
            let runs =
                gen {
                    let! budget = Gen.choose (0, 400)
                    let! groups = Gen.choose (1, 12)
                    let! size = Gen.choose (2, 6)
                    let! most = Gen.choose (1, 20)
                    let! rounds = Gen.choose (1, 5)
                    let! tenths = Gen.choose (0, 10)
                    let! key = Gen.choose (0, 100000)

                    return
                        {
                            Groups = groups
                            GroupSize = size
                            MostAtOnce = most
                            Rounds = rounds
                            Surplus = 1.25
                        },
                        budget,
                        float tenths / 10.0,
                        Seed.ofInt64 (int64 key)
                }

            lawFor runs (fun (options, budget, signal, seed) ->
                let rec run rounds sampled kept ledger =
                    match Selection.refill options rounds sampled kept ledger with
                    | Refill.Sample groups ->
                        let gave =
                            Seq.init groups (fun i ->
                                Seed.uniform (Seed.path [| int64 rounds; int64 i |] seed) < signal)
                            |> Seq.filter id
                            |> Seq.length

                        let cost =
                            { Cost.Zero with
                                Rollouts = groups * options.GroupSize
                            }

                        groups >= 1
                        && groups <= options.MostAtOnce
                        && run (rounds + 1) (sampled + groups) (kept + gave) (Ledger.spend cost ledger)
                    | Refill.Full -> kept >= options.Groups
                    | Refill.Settle ->
                        kept < options.Groups && (rounds = options.Rounds || ledger.RolloutsLeft < options.GroupSize)

                run 0 0 0 (Ledger.openFor (Limits.OfRollouts budget)))
        }

        test "a question is skipped the more, the longer it was easy or hard without a break" {
            let probability = Selection.skipProbability skip { Easy = 0.5; Hard = 0.75 }
            probability [||] |> equals 0.0
            probability [| 1.0; 0.5 |] |> equals 0.0
            probability [| 0.5; 1.0 |] |> equals 0.5
            probability [| 0.5; 1.0; 0.98 |] |> equals 0.75
            probability [| 1.0; 0.0 |] |> equals 0.25
            probability [| 1.0; 0.11; 0.0 |] |> equals (1.0 - 0.75 * 0.75)
            // However long, one in a hundred is sampled.
            probability (Array.replicate 50 1.0) |> equals 0.99
        }

        test "questions are skipped as often as the probability says" {
            let skipped =
                Array.init 4000 (fun i ->
                    Selection.skips skip half (Seed.child (int64 i) (Seed.ofInt64 5L)) [| 1.0; 1.0 |])
                |> Array.filter id

            // 0.75, and four of its standard errors of 0.0068.
            float skipped.Length / 4000.0 |> isBetween 0.722 0.778
            isFalse (Selection.skips skip half (Seed.ofInt64 1L) [| 0.5 |])
        }

        test "keep bases move towards the target share and stay in their range" {
            let next = Selection.adapt skip half 0.2 0.1
            GoldenCase.assertClose "easy: too many" 1e-15 0.49 next.Easy
            GoldenCase.assertClose "hard: too few" 1e-15 0.51 next.Hard

            let run easy hard =
                Seq.init 200 ignore |> Seq.fold (fun state () -> Selection.adapt skip state easy hard) half

            run 1.0 0.0 |> equals { Easy = 0.05; Hard = 0.95 }
            run 0.0 1.0 |> equals { Easy = 0.95; Hard = 0.05 }
        }

        test "wrong options and counts are refused" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let ledger = Ledger.openFor (Limits.OfRollouts 10)

            refusal (fun () -> Selection.refill { refill with GroupSize = 1 } 0 0 0 ledger)
            |> containsText "GroupSize is 1"

            refusal (fun () -> Selection.refill refill 1 2 3 ledger) |> containsText "kept is 3 of 2 sampled"

            refusal (fun () -> Selection.skipProbability { skip with HardUpTo = 1.0 } half [||])
            |> containsText "HardUpTo is 1"

            refusal (fun () -> Selection.skipProbability skip half [| nan |]) |> containsText "means[0] is NaN"
            refusal (fun () -> Selection.adapt skip half 2.0 0.0) |> containsText "easyShare is 2"

            refusal (fun () -> Selection.recycle (Selection.startRecycling 4) [| 4 |] [| true |])
            |> containsText "question 4 is none of the pass's 4"
        }

        test "a question that gave a signal is not drawn again in its pass, one that gave none is" {
            let state = Selection.startRecycling 4
            let state = Selection.recycle state [| 1; 3 |] [| true; false |]
            state.Spent |> equals [| false; true; false; false |]
            Selection.draw (Seed.ofInt64 3L) 4 state |> lacks 1
            (Selection.draw (Seed.ofInt64 3L) 4 state).Length |> equals 3
            // All spent: a new pass.
            let state = Selection.recycle state [| 0; 2; 3 |] [| true; true; true |]
            state.Spent |> equals (Array.replicate 4 false)
        }

        test "draws are without repetition, and what is spent stays spent within a pass" {
            let steps =
                Gen.listOf (Gen.zip (Gen.choose (0, 5)) (Gen.choose (0, 63))) |> Gen.zip (Gen.choose (1, 9))

            lawFor steps (fun (questions, steps) ->
                let step (holds, state: RecyclingState) (count, bits) =
                    let drawn = Selection.draw (Seed.ofInt64 (int64 bits)) count state
                    let gave = drawn |> Array.mapi (fun i _ -> (bits >>> i) &&& 1 = 1)
                    let next = Selection.recycle state drawn gave

                    let isRight =
                        drawn.Length = (drawn |> Array.distinct |> Array.length)
                        && drawn |> Array.forall (fun x -> not state.Spent[x])
                        && (Array.forall2 (<=) state.Spent next.Spent || not (Array.exists id next.Spent))

                    holds && isRight, next

                steps |> List.fold step (true, Selection.startRecycling questions) |> fst)
        }

        test "no other subset has a larger variance" {
            lawFor keptGroup (fun (count, rewards) ->
                let chosen = variance rewards (Selection.maximalVariance count rewards)

                let best = subsets count rewards.Length |> List.map (variance rewards) |> List.max

                abs (best - chosen) < 1e-12)
        }

        test "the subset has its size, in order and without repetition" {
            lawFor keptGroup (fun (count, rewards) ->
                let chosen = Selection.maximalVariance count rewards

                chosen.Length = count
                && Array.pairwise chosen |> Array.forall (fun (a, b) -> a < b)
                && chosen |> Array.forall (fun i -> i >= 0 && i < rewards.Length))
        }

        test "the subset does not change when rewards are shifted, scaled or far from zero" {
            lawFor keptGroup (fun (count, rewards) ->
                let chosen = Selection.maximalVariance count rewards

                chosen = Selection.maximalVariance count (rewards |> Array.map (fun reward -> 4.0 * reward + 3.0))
                && chosen = Selection.maximalVariance count (rewards |> Array.map ((+) 1048576.0)))
        }

        test "of right and wrong answers it keeps as many of each as there are" {
            Selection.maximalVariance 4 [| 0.0; 0.0; 0.0; 1.0; 0.0; 1.0; 0.0 |] |> equals [| 0; 1; 3; 5 |]
            Selection.maximalVariance 2 [| 0.0; 0.0; 0.0; 1.0; 0.0 |] |> equals [| 0; 3 |]
            Selection.maximalVariance 4 [| 0.0; 0.5; 0.5; 1.0; 1.0 |] |> equals [| 0; 1; 3; 4 |]
        }

        test "none, all and equal rewards" {
            isEmpty (Selection.maximalVariance 0 [||])
            isEmpty (Selection.maximalVariance 0 [| 1.0 |])
            Selection.maximalVariance 3 [| 2.0; 1.0; 3.0 |] |> equals [| 0; 1; 2 |]
            Selection.maximalVariance 2 (Array.replicate 4 0.7) |> equals [| 0; 3 |]
        }

        test "large groups are no slower than sorting" {
            // A quadratic search over 200,000 would take minutes.
            let rewards = Array.init 200_000 (fun i -> float (i * 7919 % 100_003))
            let chosen = Selection.maximalVariance 1000 rewards
            chosen.Length |> equals 1000
            chosen |> Array.filter (fun i -> rewards[i] < 50_000.0) |> Array.length |> equals 500
        }

        test "wrong counts and rewards are refused" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            refusal (fun () -> Selection.maximalVariance 3 [| 1.0; 2.0 |])
            |> containsText "count is 3; expected 0 to the size of the group, 2"

            refusal (fun () -> Selection.maximalVariance 1 [| nan |]) |> containsText "rewards[0] is NaN"
        }
    ]
