module David.Grpo.Tests.AutoCoATests

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

    let reward turns =
        total AutoCoA.reward (textTrajectory turns)

    Assert.Equal(1.0, reward [ search; Ends "So. </think> It is \\boxed{Paris}" ])
    Assert.Equal(1.0, reward [ Ends "</think> \\boxed{Paris}" ])
    Assert.Equal(0.0, reward [ search; Ends "So. </think> \\boxed{Rome}" ])
    Assert.Equal(0.0, reward [ Ends "</think> \\boxed{Paris} <begin_search>" ])
    // The released code takes an announcement or a last sentence, too.
    Assert.Equal(0.0, reward [ search; Ends "So. </think> The answer is Paris." ])
    Assert.Equal(0.0, reward [ search; Ends "So. </think> Paris." ])
    Assert.Equal(0.0, reward [ search; Ends "It is Paris." ])

[<Fact>]
let ``boxes score as in the released code`` () =
    // What its compute_score gave, for the gold answer "Paris France".
    for written, score in
        [
            "x</think>\\boxed{Paris France}", 1.0
            "x</think>\\boxed{Paris}", 0.0
            "x</think>\\boxed{Paris, France of}", 0.0
            "<begin_search>a</end_search></think>\\boxed{France, Paris}", 1.0
            "</think><begin_search>a</end_search>\\boxed{Paris France}", 0.0
        ] do
        let t = textTrajectory [ Ends written ]

        Assert.Equal(
            score,
            total
                AutoCoA.reward
                { t with
                    Question =
                        { t.Question with
                            Answers = [| "Paris France" |]
                        }
                }
        )
