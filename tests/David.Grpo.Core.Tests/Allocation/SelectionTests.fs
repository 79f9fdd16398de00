module David.Grpo.Tests.SelectionTests

open FsCheck.FSharp
open Xunit
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

[<Fact>]
let ``a group has a signal where its rewards differ`` () =
    Assert.Equal<int[]>(
        [| 2; 4 |],
        Selection.informative [| [||]; [| 0.0; 0.0 |]; [| 0.0; 1.0 |]; [| 1.0 |]; [| 0.5; 0.5; 0.25 |] |]
    )

[<Fact>]
let ``a group has a signal exactly where its advantages are not all zero`` () =
    law (fun (values: byte list) ->
        let rewards = values |> List.map (fun value -> float (value % 3uy)) |> Array.ofList

        Selection.hasSignal rewards = (Advantage.groupRelative Scale.One rewards |> Array.exists ((<>) 0.0)))

[<Fact>]
let ``a round samples what is missing, by the share that had a signal`` () =
    let ledger = Ledger.openFor (Limits.OfRollouts 1000)
    Assert.Equal(Refill.Sample 10, Selection.refill refill 0 0 0 ledger)
    // 6 missing · 10/4 · 1.25 = 18.75.
    Assert.Equal(Refill.Sample 19, Selection.refill refill 1 10 4 ledger)
    Assert.Equal(Refill.Sample 32, Selection.refill refill 1 10 1 ledger)
    Assert.Equal(Refill.Sample 32, Selection.refill refill 1 10 0 ledger)
    Assert.Equal(Refill.Full, Selection.refill refill 1 10 10 ledger)
    Assert.Equal(Refill.Settle, Selection.refill refill 3 30 9 ledger)

[<Fact>]
let ``with little budget left a round is smaller, with none the batch settles`` () =
    Assert.Equal(Refill.Sample 2, Selection.refill refill 1 10 4 (Ledger.openFor (Limits.OfRollouts 11)))
    Assert.Equal(Refill.Settle, Selection.refill refill 1 10 4 (Ledger.openFor (Limits.OfRollouts 3)))
    Assert.Equal(Refill.Settle, Selection.refill refill 0 0 0 (Ledger.openFor (Limits.OfRollouts 0)))

[<Fact>]
let ``refilling ends, never overspends, never fails, and is full exactly if it kept enough`` () =
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
                    Seq.init groups (fun i -> Seed.uniform (Seed.path [| int64 rounds; int64 i |] seed) < signal)
                    |> Seq.filter id
                    |> Seq.length

                let cost =
                    { Cost.zero with
                        Rollouts = groups * options.GroupSize
                    }

                groups >= 1
                && groups <= options.MostAtOnce
                && run (rounds + 1) (sampled + groups) (kept + gave) (Ledger.spend cost ledger)
            | Refill.Full -> kept >= options.Groups
            | Refill.Settle ->
                kept < options.Groups && (rounds = options.Rounds || ledger.RolloutsLeft < options.GroupSize)

        run 0 0 0 (Ledger.openFor (Limits.OfRollouts budget)))

[<Fact>]
let ``a question is skipped the more, the longer it was easy or hard without a break`` () =
    let probability = Selection.skipProbability skip { Easy = 0.5; Hard = 0.75 }
    Assert.Equal(0.0, probability [||])
    Assert.Equal(0.0, probability [| 1.0; 0.5 |])
    Assert.Equal(0.5, probability [| 0.5; 1.0 |])
    Assert.Equal(0.75, probability [| 0.5; 1.0; 0.98 |])
    Assert.Equal(0.25, probability [| 1.0; 0.0 |])
    Assert.Equal(1.0 - 0.75 * 0.75, probability [| 1.0; 0.11; 0.0 |])
    // However long, one in a hundred is sampled.
    Assert.Equal(0.99, probability (Array.replicate 50 1.0))

[<Fact>]
let ``questions are skipped as often as the probability says`` () =
    let skipped =
        Array.init 4000 (fun i -> Selection.skips skip half (Seed.child (int64 i) (Seed.ofInt64 5L)) [| 1.0; 1.0 |])
        |> Array.filter id

    // 0.75, and four of its standard errors of 0.0068.
    Assert.InRange(float skipped.Length / 4000.0, 0.722, 0.778)
    Assert.False(Selection.skips skip half (Seed.ofInt64 1L) [| 0.5 |])

[<Fact>]
let ``keep bases move towards the target share and stay in their range`` () =
    let next = Selection.adapt skip half 0.2 0.1
    GoldenCase.assertClose "easy: too many" 1e-15 0.49 next.Easy
    GoldenCase.assertClose "hard: too few" 1e-15 0.51 next.Hard

    let run easy hard =
        Seq.init 200 ignore |> Seq.fold (fun state () -> Selection.adapt skip state easy hard) half

    Assert.Equal({ Easy = 0.05; Hard = 0.95 }, run 1.0 0.0)
    Assert.Equal({ Easy = 0.95; Hard = 0.05 }, run 0.0 1.0)

[<Fact>]
let ``a question that gave a signal is not drawn again in its pass, one that gave none is`` () =
    let state = Selection.startRecycling 4
    Assert.Equal<float[]>(Array.replicate 4 0.25, Selection.weights state)
    let state = Selection.recycle state [| 1; 3 |] [| true; false |]
    Assert.Equal<bool[]>([| false; true; false; false |], state.Spent)
    Assert.Equal(0.0, (Selection.weights state)[1])
    Assert.DoesNotContain(1, Selection.draw (Seed.ofInt64 3L) 4 state)
    Assert.Equal(3, (Selection.draw (Seed.ofInt64 3L) 4 state).Length)
    // All spent: a new pass.
    let state = Selection.recycle state [| 0; 2; 3 |] [| true; true; true |]
    Assert.Equal<bool[]>(Array.replicate 4 false, state.Spent)

[<Fact>]
let ``draws are without repetition, weights add up to one, and what is spent stays spent within a pass`` () =
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
                && Golden.close 1e-12 1.0 (Array.sum (Selection.weights state))
                && (Array.forall2 (<=) state.Spent next.Spent || not (Array.exists id next.Spent))

            holds && isRight, next

        steps |> List.fold step (true, Selection.startRecycling questions) |> fst)

[<Fact>]
let ``wrong options and counts are refused`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    let ledger = Ledger.openFor (Limits.OfRollouts 10)
    Assert.Contains("GroupSize is 1", refusal (fun () -> Selection.refill { refill with GroupSize = 1 } 0 0 0 ledger))
    Assert.Contains("kept is 3 of 2 sampled", refusal (fun () -> Selection.refill refill 1 2 3 ledger))

    Assert.Contains(
        "HardUpTo is 1",
        refusal (fun () -> Selection.skipProbability { skip with HardUpTo = 1.0 } half [||])
    )

    Assert.Contains("means[0] is NaN", refusal (fun () -> Selection.skipProbability skip half [| nan |]))
    Assert.Contains("easyShare is 2", refusal (fun () -> Selection.adapt skip half 2.0 0.0))

    Assert.Contains(
        "question 4 is none of the pass's 4",
        refusal (fun () -> Selection.recycle (Selection.startRecycling 4) [| 4 |] [| true |])
    )
