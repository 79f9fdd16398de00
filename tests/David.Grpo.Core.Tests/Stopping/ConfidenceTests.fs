module David.Grpo.Tests.ConfidenceTests

open System
open FsCheck.FSharp
open Xunit
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

[<Fact>]
let ``token confidences of a hand-made answer`` () =
    let tokens = [| token 0.2 0.1 3.0; token 0.9 0.05 0.5; token 0.4 0.3 1.5 |]

    let skipped measure =
        Confidence.ofTokens measure FirstToken.Skipped tokens

    GoldenCase.assertClose "least" 1e-12 0.4 (skipped TokenMeasure.Least)
    GoldenCase.assertClose "least" 1e-12 0.2 (Confidence.ofTokens TokenMeasure.Least FirstToken.Counted tokens)
    GoldenCase.assertClose "arithmetic" 1e-12 0.65 (skipped TokenMeasure.ArithmeticMean)
    GoldenCase.assertClose "geometric" 1e-12 0.6 (skipped TokenMeasure.GeometricMean)
    GoldenCase.assertClose "margin" 1e-12 0.475 (skipped TokenMeasure.Margin)
    GoldenCase.assertClose "entropy" 1e-12 (1.0 - 1.0 / log 8.0) (skipped (TokenMeasure.NormalizedEntropy 8))

[<Fact>]
let ``the least is at most the geometric mean, that at most the arithmetic one`` () =
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

[<Fact>]
let ``a certain answer has confidence 1 by every token measure, an even one 1 / V`` () =
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
        Assert.Equal(1.0, Confidence.ofTokens measure FirstToken.Counted certain)

    for measure, expected in
        [
            TokenMeasure.Least, 0.25
            TokenMeasure.GeometricMean, 0.25
            TokenMeasure.Margin, 0.0
            TokenMeasure.NormalizedEntropy 4, 0.0
        ] do
        GoldenCase.assertClose $"{measure}" 1e-12 expected (Confidence.ofTokens measure FirstToken.Counted even)

[<Fact>]
let ``no token left is no confidence`` () =
    Assert.Equal(0.0, Confidence.ofTokens TokenMeasure.Least FirstToken.Counted [||])
    Assert.Equal(0.0, Confidence.ofTokens TokenMeasure.GeometricMean FirstToken.Skipped [| token 0.9 0.1 0.3 |])

[<Fact>]
let ``votes agree after normalisation, and empty answers never win`` () =
    Assert.Equal(0.75, Confidence.voteShare [| "Paris"; "the paris."; "Rome"; "PARIS" |])
    Assert.Equal(0.25, Confidence.voteShare [| ""; "the"; ""; "Rome" |])
    Assert.Equal(0.0, Confidence.voteShare [||])
    Assert.Equal(0.0, Confidence.voteShare [| "" |])

[<Fact>]
let ``an answer is as old as its last change`` () =
    Assert.Equal(2, Confidence.turnsAlike [| "Paris"; "Rome"; "Paris"; "paris" |])
    Assert.Equal(1, Confidence.turnsAlike [| "Rome"; "Paris" |])
    Assert.Equal(0, Confidence.turnsAlike [| "Paris"; "" |])
    Assert.Equal(0, Confidence.turnsAlike [||])

[<Fact>]
let ``evidence reliance is a log-likelihood ratio`` () =
    GoldenCase.assertClose "nats" 1e-12 3.0 (Confidence.evidenceReliance [| -0.1; -0.2 |] [| -1.1; -2.2 |])
    Assert.Equal(0.0, Confidence.evidenceReliance [| -1.0 |] [| -1.0 |])
    Assert.Equal(0.0, Confidence.evidenceReliance [||] [||])

[<Fact>]
let ``a measure reads its own fields of the last trial`` () =
    let trials = [| trial "Rome"; trial "Paris"; trial "Paris" |]
    let after measure = Confidence.afterTrials measure trials
    Assert.Equal(2.0 / 3.0, after ConfidenceMeasure.VoteShare)
    Assert.Equal(0.5, after (ConfidenceMeasure.Stability 4))
    Assert.Equal(1.0, after (ConfidenceMeasure.Stability 2))
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

    Assert.Equal(0.5, after (ConfidenceMeasure.Sufficiency even))

[<Fact>]
let ``a distribution's top, second and entropy are read off its log-probabilities`` () =
    let token =
        Confidence.ofDistribution (ReadOnlySpan [| float32 (log 0.25); float32 (log 0.5); float32 (log 0.25) |])

    Assert.Equal(log 0.5, token.TopLogProb, 1e-6)
    Assert.Equal(log 0.25, token.SecondLogProb, 1e-6)
    Assert.Equal(1.5 * log 2.0, token.Entropy, 1e-6)

[<Fact>]
let ``a certain token has no entropy, and equal ones have the same probability`` () =
    let certain = Confidence.ofDistribution (ReadOnlySpan [| 1e-7f; -infinityf |])
    Assert.Equal(0.0, certain.TopLogProb)
    Assert.Equal(-infinity, certain.SecondLogProb)
    Assert.Equal(0.0, certain.Entropy)
    let equal = Confidence.ofDistribution (ReadOnlySpan [| -1.0f; -1.0f |])
    Assert.Equal(equal.TopLogProb, equal.SecondLogProb)

    Assert.Contains(
        "logProbs is 1",
        GoldenCase.refusal (fun () -> Confidence.ofDistribution (ReadOnlySpan [| 0.0f |]) |> ignore)
    )

[<Fact>]
let ``sufficiency is the logistic function of the weighted features`` () =
    let weights: SufficiencyWeights =
        {
            Bias = -3.0
            Best = 1.0
            Gap = 0.0
            Fresh = 0.0
        }

    Assert.Equal(0.5, Confidence.sufficiency weights { Best = 3.0; Gap = 0.5; Fresh = 0.75 })

[<Fact>]
let ``wrong arguments are refused by name`` () =
    let refusal (call: unit -> 'result) =
        GoldenCase.refusal (fun () -> call () |> ignore)

    let least = Confidence.ofTokens TokenMeasure.Least FirstToken.Counted
    Assert.Contains("tokens[0] is", refusal (fun () -> least [| token 1.5 0.1 0.1 |]))
    Assert.Contains("tokens[0] is", refusal (fun () -> least [| token 0.1 0.2 0.1 |]))

    Assert.Contains(
        "vocabulary is 1",
        refusal (fun () ->
            Confidence.ofTokens (TokenMeasure.NormalizedEntropy 1) FirstToken.Counted [| token 0.5 0.1 0.1 |])
    )

    Assert.Contains("logProbsWithout has 0", refusal (fun () -> Confidence.evidenceReliance [| -1.0 |] [||]))

    Assert.Contains(
        "turns is 0",
        refusal (fun () -> Confidence.afterTrials (ConfidenceMeasure.Stability 0) [| trial "" |])
    )

    Assert.Contains("No trial answer", refusal (fun () -> Confidence.afterTrials ConfidenceMeasure.VoteShare [||]))
