module David.Grpo.Tests.EvaluationTests

open Xunit
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Fact>]
let ``an outcome holds what the trajectory did`` () =
    let outcome =
        Evaluation.outcome (trajectory [ "a"; "b" ] [ [ "a" ]; [ "x" ] ] (Ending.Answered "Right!"))

    Assert.Equal(1.0, outcome.ExactMatch)
    Assert.Equal(1.0, outcome.F1)
    Assert.Equal(0.5, outcome.Coverage)
    Assert.Equal(2.0, outcome.Searches)
    Assert.Equal(5.0, outcome.GeneratedTokens)
    Assert.Equal(1.0, outcome.Answered)

[<Fact>]
let ``who does not answer scores nothing`` () =
    let outcome = Evaluation.outcome (trajectory [ "a" ] [ [ "a" ] ] Ending.Truncated)
    Assert.Equal((0.0, 0.0, 0.0, 1.0), (outcome.ExactMatch, outcome.F1, outcome.Answered, outcome.Coverage))

[<Fact>]
let ``a summary's intervals hold its means`` () =
    let outcomes =
        [|
            for i in 0..39 ->
                Evaluation.outcome (
                    trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered(if i % 4 = 0 then "right" else "wrong"))
                )
        |]

    let summary = Evaluation.summarize 0.95 (Seed.ofInt64 1L) outcomes
    Assert.Equal(0.25, summary.ExactMatch.Mean)

    match summary.ExactMatch.Interval with
    // ± 1.96 √(.25 · .75 / 40) = ± 0.134
    | Interval.Between(low, high) ->
        Assert.InRange(low, 0.05, 0.2)
        Assert.InRange(high, 0.3, 0.45)
    | Interval.Undefined -> Assert.Fail "no interval"

[<Fact>]
let ``a curve is linear between its points and level outside them`` () =
    let at = Evaluation.interpolate [| 10.0; 20.0; 40.0 |] [| 1.0; 2.0; 0.0 |]

    Assert.Equal<float list>(
        [ 1.0; 1.0; 1.5; 2.0; 1.0; 0.0; 0.0 ],
        List.map at [ 0.0; 10.0; 15.0; 20.0; 30.0; 40.0; 90.0 ]
    )
