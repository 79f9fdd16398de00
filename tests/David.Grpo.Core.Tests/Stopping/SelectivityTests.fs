module David.Grpo.Tests.SelectivityTests

open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

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

[<Tests>]
let tests =
    testList "SelectivityTests" [
        test "over- and under-search are shares of their own kind of step" {
            let steps =
                [|
                    JudgedStep.Searched true
                    JudgedStep.Searched false
                    JudgedStep.Searched false
                    JudgedStep.Recalled false
                    JudgedStep.Recalled true
                |]

            Selectivity.overSearch steps |> equals { Hits = 1; Total = 3 }
            Selectivity.underSearch steps |> equals { Hits = 1; Total = 2 }
            Selectivity.overSearch [||] |> equals { Hits = 0; Total = 0 }
        }

        test "a search pays while its gain exceeds its price" {
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
            isTrue (Selectivity.searchPays 0.5 0.5 gain)
            isFalse (Selectivity.searchPays 2.0 0.5 gain)
            isFalse (Selectivity.searchPays 1.0 0.0 0.0)
        }

        test "a higher price never opens the gate" {
            law (fun (gain: int, price: byte, more: byte) ->
                let pays price =
                    Selectivity.searchPays 0.5 (float price) (float gain)

                pays (int price) || not (pays (int price + int more)))
        }

        test "a gate answers where a search does not pay or was made before, and never without an answer" {
            let judge price cut trial query =
                Selectivity.judgeSearch (gate price cut) trial [| "the birthplace of Ann"; "Ann" |] query

            judge 0.1 1.0 (doubtful 0.6) "Bob" |> equals GateDecision.Search
            judge 0.1 1.0 (doubtful 0.3) "Bob" |> equals GateDecision.Answer
            judge 0.1 1.0 (doubtful 0.6) "of Ann birthplace" |> equals GateDecision.Answer
            judge 0.1 infinity (doubtful 0.6) "of Ann birthplace" |> equals GateDecision.Search
            judge 9.0 1.0 noTrial "Ann" |> equals GateDecision.Search

            GoldenCase.refusal (fun () -> judge 0.1 0.0 noTrial "Ann" |> ignore)
            |> containsText "Redundancy is 0"
        }

        test "redundancy of the last query is that of the trajectory" {
            let queries = [| "a b"; "b c"; "c d" |]

            Selectivity.queryRedundancy QuerySimilarity.Jaccard queries[..1] queries[2] |> equals (1.0 / 3.0)
            Selectivity.queryRedundancy QuerySimilarity.Jaccard [||] "a" |> equals 0.0
        }

        test "fitted weights are those that made the gains" {
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
            fitted.Redundancy |> equals 0.0
        }
    ]
