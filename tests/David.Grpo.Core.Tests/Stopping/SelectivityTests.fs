module David.Grpo.Tests.SelectivityTests

open FsCheck.FSharp
open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

let private asking queries (trajectory: Trajectory) =
    { trajectory with
        Searches = Array.map2 (fun query search -> { search with Query = query }) queries trajectory.Searches
    }

let private someSearches =
    Gen.elements [ "a"; "b"; "c"; "d" ] |> Gen.listOf |> Gen.listOf

[<Fact>]
let ``redundancy is the share of passages already seen`` () =
    let t =
        trajectory [ "a" ] [ [ "a"; "x" ]; [ "x"; "y" ]; []; [ "a"; "y"; "y" ]; [ "z" ] ] Ending.Unanswered

    Assert.Equal<float[]>([| 0.0; 0.5; 0.0; 1.0; 0.0 |], Selectivity.documentRedundancy t)

[<Fact>]
let ``fresh passages add up to all that was found`` () =
    lawFor someSearches (fun found ->
        let t = trajectory [ "a"; "b" ] found Ending.Unanswered

        let fresh =
            Array.map2
                (fun redundancy (search: SearchTurn) ->
                    (1.0 - redundancy) * float (search.Passages |> Array.distinctBy _.Id).Length)
                (Selectivity.documentRedundancy t)
                t.Searches

        Golden.close 1e-9 (float (Trajectory.foundAfter found.Length t).Count) (Array.sum fresh))

[<Fact>]
let ``marginal recalls are never negative and sum to the coverage`` () =
    lawFor someSearches (fun found ->
        let t = trajectory [ "a"; "b"; "e" ] found Ending.Unanswered
        let gains = Selectivity.marginalRecall t

        Array.forall (fun gain -> gain >= 0.0) gains
        && Golden.close 1e-12 (Evidence.coverage t) (Array.sum gains)
        // What an earlier search returned in full cannot be new evidence.
        && Array.forall2
            (fun redundancy gain -> redundancy < 1.0 || gain = 0.0)
            (Selectivity.documentRedundancy t)
            gains)

[<Fact>]
let ``queries are compared by their words`` () =
    let t =
        trajectory [ "a" ] [ []; []; []; [] ] Ending.Unanswered
        |> asking [| "Who wrote Hamlet"; "hamlet: who wrote it"; "the"; "?" |]

    Assert.Equal<float[]>([| 0.0; 0.75; 0.0; 1.0 |], Selectivity.lexicalRedundancy QuerySimilarity.Jaccard t)
    let f1 = Selectivity.lexicalRedundancy QuerySimilarity.TokenF1 t
    GoldenCase.assertAllClose "f1" 1e-12 [| 0.0; 6.0 / 7.0; 0.0; 1.0 |] f1

[<Fact>]
let ``embeddings are compared by their cosines`` () =
    let redundancy =
        Selectivity.embeddingRedundancy
            [|
                [| 1.0; 0.0 |]
                [| 0.0; 2.0 |]
                [| 3.0; 3.0 |]
                [| 0.0; 0.0 |]
                [| -1.0; 0.0 |]
                [| 5.0; 0.0 |]
            |]

    GoldenCase.assertAllClose "cosines" 1e-12 [| 0.0; 0.0; sqrt 0.5; 0.0; 0.0; 1.0 |] redundancy
    Assert.Equal<float[]>([||], Selectivity.embeddingRedundancy [||])

[<Fact>]
let ``leaving a search out costs what it was worth`` () =
    Assert.Equal<float[]>([| 1.0; 0.0; -0.5 |], Selectivity.leaveOneOut 1.0 [| 0.0; 1.0; 1.5 |])

[<Fact>]
let ``over- and under-search are shares of their own kind of step`` () =
    let steps =
        [|
            JudgedStep.Searched true
            JudgedStep.Searched false
            JudgedStep.Searched false
            JudgedStep.Recalled false
            JudgedStep.Recalled true
        |]

    Assert.Equal({ Hits = 1; Total = 3 }, Selectivity.overSearch steps)
    Assert.Equal({ Hits = 1; Total = 2 }, Selectivity.underSearch steps)
    Assert.Equal({ Hits = 0; Total = 0 }, Selectivity.overSearch [||])

[<Fact>]
let ``blank and repeated queries are wasted, within a trajectory`` () =
    let t queries =
        trajectory [ "a" ] (queries |> List.map (fun _ -> [ "a" ])) Ending.Unanswered
        |> asking (Array.ofList queries)

    let tally =
        Selectivity.wastedQueries [| t [ "Hamlet"; "the Hamlet!"; "" ]; t [ "hamlet" ] |]

    Assert.Equal({ Hits = 2; Total = 4 }, tally)

[<Fact>]
let ``productivity counts right answers over calls, refused ones included`` () =
    let right = trajectory [ "a" ] [ [ "a" ]; [ "b" ] ] (Ending.Answered "right")

    let wrong =
        { trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered "wrong") with
            RefusedSearches = 2
        }

    let free = trajectory [ "a" ] [] (Ending.Answered "Right")
    Assert.Equal({ Hits = 2; Total = 5 }, Selectivity.toolProductivity [| right; wrong; free |])

[<Fact>]
let ``a right answer pays only with searches that were meant`` () =
    let reward right calls =
        Selectivity.confidentSearchReward 0.5 right (calls |> Array.map (Array.map log))

    Assert.Equal(1.0, reward true [| [| 0.9; 0.5 |]; [| 0.8 |] |])
    Assert.Equal(0.0, reward true [| [| 0.9 |]; [| 0.8; 0.4 |] |])
    Assert.Equal(0.0, reward false [| [| 0.9 |] |])
    Assert.Equal(1.0, reward true [||])

[<Fact>]
let ``a search pays while its gain exceeds its price`` () =
    let weights: GateWeights =
        {
            Bias = 0.1
            ScoreGap = -0.2
            AnswerEntropy = 0.5
            HopsLeft = 0.3
            Redundancy = -0.4
        }

    let gain =
        Selectivity.expectedGain
            weights
            {
                ScoreGap = 1.0
                AnswerEntropy = 0.4
                HopsLeft = 1.0
                Redundancy = 0.0
            }

    GoldenCase.assertClose "gain" 1e-12 0.4 gain
    Assert.True(Selectivity.searchPays 0.5 0.5 gain)
    Assert.False(Selectivity.searchPays 2.0 0.5 gain)
    Assert.False(Selectivity.searchPays 1.0 0.0 0.0)

[<Fact>]
let ``a higher price never opens the gate`` () =
    law (fun (gain: int, price: byte, more: byte) ->
        let pays price =
            Selectivity.searchPays 0.5 (float price) (float gain)

        pays (int price) || not (pays (int price + int more)))

let private noTrial: Trial =
    {
        Answer = ""
        Tokens = [||]
        Votes = [||]
        LogProbsWith = [||]
        LogProbsWithout = [||]
        Retrieval = { Best = 0.0; Gap = 0.0; Fresh = 0.0 }
    }

let private doubtful entropy =
    { noTrial with
        Answer = "word"
        Tokens =
            [|
                {
                    TopLogProb = -0.5
                    SecondLogProb = -1.0
                    Entropy = entropy
                }
            |]
    }

let private gate price redundancy =
    {
        Weights =
            {
                Bias = 0.0
                ScoreGap = 0.0
                AnswerEntropy = 0.5
                HopsLeft = 0.0
                Redundancy = 0.0
            }
        Multiplier = 2.0
        Price = price
        Redundancy = redundancy
    }

[<Fact>]
let ``a gate answers where a search does not pay or was made before, and never without an answer`` () =
    let judge price cut trial query =
        Selectivity.judgeSearch (gate price cut) trial [| "the birthplace of Ann"; "Ann" |] query

    Assert.Equal(GateDecision.Search, judge 0.1 1.0 (doubtful 0.6) "Bob")
    Assert.Equal(GateDecision.Answer, judge 0.1 1.0 (doubtful 0.3) "Bob")
    Assert.Equal(GateDecision.Answer, judge 0.1 1.0 (doubtful 0.6) "of Ann birthplace")
    Assert.Equal(GateDecision.Search, judge 0.1 infinity (doubtful 0.6) "of Ann birthplace")
    Assert.Equal(GateDecision.Search, judge 9.0 1.0 noTrial "Ann")
    Assert.Contains("Redundancy is 0", GoldenCase.refusal (fun () -> judge 0.1 0.0 noTrial "Ann" |> ignore))

[<Fact>]
let ``redundancy of the last query is that of the trajectory`` () =
    let queries = [| "a b"; "b c"; "c d" |]

    Assert.Equal(1.0 / 3.0, Selectivity.queryRedundancy QuerySimilarity.Jaccard queries[..1] queries[2])
    Assert.Equal(0.0, Selectivity.queryRedundancy QuerySimilarity.Jaccard [||] "a")

[<Fact>]
let ``fitted weights are those that made the gains`` () =
    let states =
        Array.init 40 (fun i ->
            let uniform j =
                Seed.uniform (Seed.path [| int64 i; int64 j |] (Seed.ofInt64 5L))

            {
                ScoreGap = uniform 0
                AnswerEntropy = 3.0 * uniform 1
                HopsLeft = -floor(4.0 * uniform 2)
                Redundancy = 0.25
            })

    let weights: GateWeights =
        {
            Bias = 0.3
            ScoreGap = -0.2
            AnswerEntropy = 0.4
            HopsLeft = 0.1
            Redundancy = 0.0
        }

    let fitted =
        Selectivity.fitGate states (states |> Array.map (Selectivity.expectedGain weights))

    // The ridge leaves them 1e-8 off.
    GoldenCase.assertClose "bias" 1e-6 weights.Bias fitted.Bias
    GoldenCase.assertClose "score gap" 1e-6 weights.ScoreGap fitted.ScoreGap
    GoldenCase.assertClose "entropy" 1e-6 weights.AnswerEntropy fitted.AnswerEntropy
    GoldenCase.assertClose "hops" 1e-6 weights.HopsLeft fitted.HopsLeft
    Assert.Equal(0.0, fitted.Redundancy)

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    Assert.Contains(
        "embeddings[1] has 1",
        refusal (fun () -> Selectivity.embeddingRedundancy [| [| 1.0; 2.0 |]; [| 1.0 |] |])
    )

    Assert.Contains("beta is 0", refusal (fun () -> Selectivity.confidentSearchReward 0.0 true [||]))
    Assert.Contains("price[0] is -1", refusal (fun () -> Selectivity.searchPays 1.0 -1.0 0.0))
    Assert.Contains("scoresWithout[0] is NaN", refusal (fun () -> Selectivity.leaveOneOut 1.0 [| nan |]))
