module David.Grpo.Tests.ConfidenceTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo

let private token top second entropy =
    {
        TopLogProb = log top
        SecondLogProb = log second
        Entropy = entropy
    }

let private someTokens =
    gen {
        let! pairs =
            Gen.zip (Gen.choose (50, 99)) (Gen.choose (0, 100)) |> Gen.nonEmptyListOf

        return
            pairs
            |> List.map (fun (top, entropy) ->
                token (float top / 100.0) ((1.0 - float top / 100.0) / 2.0) (float entropy / 100.0))
            |> Array.ofList
    }

let private trial answer : Trial =
    {
        Answer = answer
        Tokens = [| token 0.9 0.05 0.2; token 0.5 0.3 1.0 |]
        Votes = [| answer; "The " + answer + "!"; "other" |]
        LogProbsWith = [| -0.1; -0.2 |]
        LogProbsWithout = [| -1.1; -2.2 |]
        Retrieval = { Best = 2.0; Gap = 0.5; Fresh = 1.0 }
    }

[<Tests>]
let tests =
    testList "ConfidenceTests" [
        test "token confidences of a hand-made answer" {
            let tokens = [| token 0.2 0.1 3.0; token 0.9 0.05 0.5; token 0.4 0.3 1.5 |]

            let skipped measure =
                Confidence.ofTokens measure FirstToken.Skipped tokens

            GoldenCase.assertClose "least" 1e-12 0.4 (skipped TokenMeasure.Least)
            GoldenCase.assertClose "least" 1e-12 0.2 (Confidence.ofTokens TokenMeasure.Least FirstToken.Counted tokens)
            GoldenCase.assertClose "arithmetic" 1e-12 0.65 (skipped TokenMeasure.ArithmeticMean)
            GoldenCase.assertClose "geometric" 1e-12 0.6 (skipped TokenMeasure.GeometricMean)
            GoldenCase.assertClose "margin" 1e-12 0.475 (skipped TokenMeasure.Margin)
            GoldenCase.assertClose "entropy" 1e-12 (1.0 - 1.0 / log 8.0) (skipped (TokenMeasure.NormalizedEntropy 8))
        }

        test "the least is at most the geometric mean, that at most the arithmetic one" {
            lawFor someTokens (fun tokens ->
                let confidence measure =
                    Confidence.ofTokens measure FirstToken.Counted tokens

                let least, geometric, arithmetic =
                    confidence TokenMeasure.Least,
                    confidence TokenMeasure.GeometricMean,
                    confidence TokenMeasure.ArithmeticMean

                0.0 <= least
                && least <= geometric + 1e-12
                && geometric <= arithmetic + 1e-12
                && arithmetic <= 1.0
                && confidence TokenMeasure.Margin <= arithmetic)
        }

        test "a certain answer has confidence 1 by every token measure, an even one 1 / V" {
            let certain =
                [|
                    {
                        TopLogProb = 0.0
                        SecondLogProb = -infinity
                        Entropy = 0.0
                    }
                |]

            let even = [| token 0.25 0.25 (log 4.0) |]

            for measure in
                [
                    TokenMeasure.Least
                    TokenMeasure.ArithmeticMean
                    TokenMeasure.GeometricMean
                    TokenMeasure.Margin
                    TokenMeasure.NormalizedEntropy 4
                ] do
                Confidence.ofTokens measure FirstToken.Counted certain |> equals 1.0

            for measure, expected in
                [
                    TokenMeasure.Least, 0.25
                    TokenMeasure.GeometricMean, 0.25
                    TokenMeasure.Margin, 0.0
                    TokenMeasure.NormalizedEntropy 4, 0.0
                ] do
                GoldenCase.assertClose $"{measure}" 1e-12 expected (Confidence.ofTokens measure FirstToken.Counted even)
        }

        test "no token left is no confidence" {
            Confidence.ofTokens TokenMeasure.Least FirstToken.Counted [||] |> equals 0.0

            Confidence.ofTokens TokenMeasure.GeometricMean FirstToken.Skipped [| token 0.9 0.1 0.3 |]
            |> equals 0.0
        }

        test "votes agree after normalisation, and empty answers never win" {
            Confidence.voteShare [| "Paris"; "the paris."; "Rome"; "PARIS" |] |> equals 0.75
            Confidence.voteShare [| ""; "the"; ""; "Rome" |] |> equals 0.25
            Confidence.voteShare [||] |> equals 0.0
            Confidence.voteShare [| "" |] |> equals 0.0
        }

        test "an answer is as old as its last change" {
            Confidence.turnsAlike [| "Paris"; "Rome"; "Paris"; "paris" |] |> equals 2
            Confidence.turnsAlike [| "Rome"; "Paris" |] |> equals 1
            Confidence.turnsAlike [| "Paris"; "" |] |> equals 0
            Confidence.turnsAlike [||] |> equals 0
        }

        test "evidence reliance is a log-likelihood ratio" {
            GoldenCase.assertClose "nats" 1e-12 3.0 (Confidence.evidenceReliance [| -0.1; -0.2 |] [| -1.1; -2.2 |])
            Confidence.evidenceReliance [| -1.0 |] [| -1.0 |] |> equals 0.0
            Confidence.evidenceReliance [||] [||] |> equals 0.0
        }

        test "a measure reads its own fields of the last trial" {
            let trials = [| trial "Rome"; trial "Paris"; trial "Paris" |]
            let after measure = Confidence.afterTrials measure trials
            after ConfidenceMeasure.VoteShare |> equals (2.0 / 3.0)
            after (ConfidenceMeasure.Stability 4) |> equals 0.5
            after (ConfidenceMeasure.Stability 2) |> equals 1.0
            GoldenCase.assertClose "reliance" 1e-12 3.0 (after ConfidenceMeasure.EvidenceReliance)

            GoldenCase.assertClose
                "tokens"
                1e-12
                0.5
                (after (ConfidenceMeasure.Tokens(TokenMeasure.ArithmeticMean, FirstToken.Skipped)))

            let even: SufficiencyWeights =
                {
                    Bias = 0.0
                    Best = 0.0
                    Gap = 0.0
                    Fresh = 0.0
                }

            after (ConfidenceMeasure.Sufficiency even) |> equals 0.5
        }

        test "a distribution's top, second and entropy are read off its log-probabilities" {
            let token =
                Confidence.ofDistribution (ReadOnlySpan [| float32 (log 0.25); float32 (log 0.5); float32 (log 0.25) |])

            token.TopLogProb |> isNear 1e-6 (log 0.5)
            token.SecondLogProb |> isNear 1e-6 (log 0.25)
            token.Entropy |> isNear 1e-6 (1.5 * log 2.0)
        }

        test "a certain token has no entropy, and equal ones have the same probability" {
            let certain = Confidence.ofDistribution (ReadOnlySpan [| 1e-7f; -infinityf |])
            certain.TopLogProb |> equals 0.0
            certain.SecondLogProb |> equals (-infinity)
            certain.Entropy |> equals 0.0
            let equal = Confidence.ofDistribution (ReadOnlySpan [| -1.0f; -1.0f |])
            equal.SecondLogProb |> equals equal.TopLogProb

            GoldenCase.refusal (fun () -> Confidence.ofDistribution (ReadOnlySpan [| 0.0f |]) |> ignore)
            |> containsText "logProbs is 1"
        }

        test "sufficiency is the logistic function of the weighted features" {
            let weights: SufficiencyWeights =
                {
                    Bias = -3.0
                    Best = 1.0
                    Gap = 0.0
                    Fresh = 0.0
                }

            Confidence.sufficiency weights { Best = 3.0; Gap = 0.5; Fresh = 0.75 } |> equals 0.5
        }

        test "wrong arguments are refused by name" {
            let refusal (call: unit -> 'result) =
                GoldenCase.refusal (fun () -> call () |> ignore)

            let least = Confidence.ofTokens TokenMeasure.Least FirstToken.Counted
            refusal (fun () -> least [| token 1.5 0.1 0.1 |]) |> containsText "tokens[0] is"
            refusal (fun () -> least [| token 0.1 0.2 0.1 |]) |> containsText "tokens[0] is"

            refusal (fun () ->
                Confidence.ofTokens (TokenMeasure.NormalizedEntropy 1) FirstToken.Counted [| token 0.5 0.1 0.1 |])
            |> containsText "vocabulary is 1"

            refusal (fun () -> Confidence.evidenceReliance [| -1.0 |] [||])
            |> containsText "logProbsWithout has 0"

            refusal (fun () -> Confidence.afterTrials (ConfidenceMeasure.Stability 0) [| trial "" |])
            |> containsText "turns is 0"

            refusal (fun () -> Confidence.afterTrials ConfidenceMeasure.VoteShare [||])
            |> containsText "No trial answer"
        }
    ]
