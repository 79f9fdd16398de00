module David.Grpo.Tests.AutoCoATests

open System.Text.Json
open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests
open David.Grpo.Tests.SearchR1Tests

let private total rule t =
    match Reward.scoreOf rule t with
    | RewardOutcome.Scored parts ->
        Assert.Equal(parts.Total, parts.Answer)
        parts.Total
    | RewardOutcome.Failed reason -> failwith reason

[<Fact>]
let ``answers and scores of texts are the released code's`` () =
    // What its extract_solution (normalised) and compute_score gave, for the gold answer "Paris France".
    let cases: (string * (string | null) * float) list =
        [
            "x </think> The answer is: Paris.", "paris", 0.0
            "x</think>So,  . more", "", 0.0
            "x</think>It is in France. Paris", "it is in france", 0.0
            "x</think>It is in France. Paris.", "paris", 0.0
            "x </think>  ", null, 0.0
            "x</think>\\boxed{Paris France}", "paris france", 1.0
            "x</think>\\boxed{Paris}", "paris", 0.0
            "x</think>\\boxed{Paris, France of}", "paris france of", 0.0
            "<begin_search>a</end_search></think>\\boxed{France, Paris}", "france paris", 1.0
            "</think><begin_search>a</end_search>\\boxed{Paris France}", "paris france", 0.0
            "\\boxed{Paris France}", "paris france", 0.0
            "</think>HENCE, : \u001cParis France. No", "paris france", 1.0
            "</think>Paris France", "paris france", 1.0
        ]

    for text, answer, score in cases do
        let normalized =
            match AutoCoA.answerOrNull text with
            | null -> null
            | found -> AuthorsReward.normalizeAnswer found

        Assert.Equal(answer, normalized)
        Assert.Equal(score, AutoCoA.score text [| "Paris France" |])

[<Fact>]
let ``scores of the authors' transcripts are the released code's`` () =
    // Its compute_score on prompt and response of each case, told by two sums: of the scores, and of number · score.
    let rows =
        [| yield! (Golden.json "golden/david/trajectories.json.gz").EnumerateArray() |]

    let text (row: JsonElement) (name: string) =
        string (row.GetProperty(name).GetString())

    Assert.Equal(1500, rows.Length)

    for prefix, rewarded, weighted in
        [
            (fun row -> text row "prompt"), 645.0, 496584.0
            (fun _ -> ""), 641.0, 492713.0
        ] do
        let scores =
            rows
            |> Array.map (fun row ->
                AutoCoA.score (prefix row + text row "response") ((text row "ground_truth").Split "<ans_split>"))

        Assert.Equal(rewarded, Array.sum scores)
        Assert.Equal(weighted, scores |> Array.mapi (fun i score -> float (i + 1) * score) |> Array.sum)

[<Fact>]
let ``an answer is right with seven tenths of the words, in any order`` () =
    let gold = [| "one two three four five six seven eight nine ten" |]
    Assert.True(AutoCoA.isRight "seven six x five four three two one" gold)
    Assert.False(AutoCoA.isRight "seven six x five four three two" gold)
    Assert.False(AutoCoA.isRight "" gold)
    // Any gold answer will do, but an empty one accepts nothing.
    Assert.True(AutoCoA.isRight "Paris!" [| "Rome"; "paris" |])
    Assert.False(AutoCoA.isRight "Paris" [| "" |])

[<Fact>]
let ``equal answers are right`` () =
    law (fun (answer: string | null) ->
        match answer with
        | null
        | "" -> true
        | answer -> AutoCoA.isRight answer [| answer |])

[<Fact>]
let ``in the tag protocol the answer alone decides`` () =
    let reward found ending =
        total AutoCoA.reward (trajectory [ "a" ] found ending)

    Assert.Equal(1.0, reward [] (Ending.Answered "the right"))
    Assert.Equal(1.0, reward [ [ "x" ]; [ "a" ] ] (Ending.Answered "right"))
    Assert.Equal(0.0, reward [ [ "a" ] ] (Ending.Answered "wrong"))
    Assert.Equal(0.0, reward [ [ "right" ] ] Ending.Unanswered)
    Assert.Equal(0.0, reward [ [ "right" ] ] Ending.Truncated)

[<Fact>]
let ``in the text protocol a box decides, and a search after thinking loses it`` () =
    let search =
        Asks("Hm. <begin_search> x </end_search>", [ passage "a" "France" "The capital is Paris." ])

    let rewards turns =
        let t = textTrajectory turns
        total AutoCoA.reward t, total AutoCoA.released t

    Assert.Equal((1.0, 1.0), rewards [ search; Ends "So. </think> It is \\boxed{Paris}" ])
    Assert.Equal((1.0, 1.0), rewards [ Ends "</think> \\boxed{Paris}" ])
    Assert.Equal((0.0, 0.0), rewards [ search; Ends "So. </think> \\boxed{Rome}" ])
    Assert.Equal((0.0, 0.0), rewards [ Ends "</think> \\boxed{Paris} <begin_search>" ])
    // The released code takes an announcement or a last sentence, too.
    Assert.Equal((0.0, 1.0), rewards [ search; Ends "So. </think> The answer is Paris." ])
    Assert.Equal((0.0, 1.0), rewards [ search; Ends "So. </think> Paris." ])
    Assert.Equal((0.0, 0.0), rewards [ search; Ends "It is Paris." ])
