module David.Grpo.Tests.SelectiveAnswerTests

open System
open Expecto
open David.Grpo

/// Answers whose chance to be right is their confidence to the power `hardness`.
let private answers hardness count seed =
    Array.init count (fun i ->
        let seed = Seed.child (int64 i) seed
        let confidence = Seed.uniform (Seed.child 0L seed)

        {
            Confidence = confidence
            IsRight = Seed.uniform (Seed.child 1L seed) < Math.Pow(confidence, hardness)
        })

/// The share of answers of at least this confidence that are wrong, in the limit: the mean of 1 − cʰ over [τ, 1].
let private trueError hardness tau =
    if tau >= 1.0 then
        0.0
    else
        1.0 - (1.0 - Math.Pow(tau, hardness + 1.0)) / ((hardness + 1.0) * (1.0 - tau))

[<Tests>]
let tests =
    testList "SelectiveAnswerTests" [
        test "the error among given answers is held with the promised probability" {
            let risk, delta, splits = 0.15, 0.1, 400

            for hardness in [ 0.2; 0.5; 1.0 ] do
                let missed, given =
                    Array.init splits (fun split ->
                        match
                            SelectiveAnswer.pick
                                risk
                                delta
                                (answers hardness 300 (Seed.path [| 9L; int64 split |] (Seed.ofInt64 3L)))
                        with
                        | Threshold.At(_, tau) -> trueError hardness tau > risk, true
                        | Threshold.NoneSafe -> false, false)
                    |> Array.unzip

                let share outcomes =
                    float (outcomes |> Array.filter id |> Array.length) / float splits

                // Three standard deviations of 400 splits at delta.
                share missed |> isBetween 0.0 (delta + 3.0 * sqrt (delta * (1.0 - delta) / float splits))
                // And it is worth something: where 300 answers can vouch for a threshold, it mostly finds one.
                Expect.isTrue
                    (hardness > 0.2 || share given > 0.9)
                    $"hardness {hardness}: given in {share given} of the splits"
        }

        test
            "where every threshold is too bold, one is picked as rarely as promised, and without its share for each start too often" {
            let risk, delta, splits = 0.15, 0.1, 400

            let drawn split =
                Array.init 300 (fun i ->
                    let seed = Seed.path [| int64 split; int64 i |] (Seed.ofInt64 8L)

                    {
                        Confidence = Seed.uniform (Seed.child 0L seed)
                        IsRight = Seed.uniform (Seed.child 1L seed) >= 0.1501
                    })

            // Six tests, each at the whole of delta.
            let isUncorrectedSafe (answers: JudgedAnswer[]) =
                [ 0.95; 0.8; 0.6; 0.4; 0.2; 0.0 ]
                |> List.exists (fun start ->
                    let given = answers |> Array.filter (fun answer -> answer.Confidence >= start)
                    let wrong = given |> Array.filter (fun answer -> not answer.IsRight)
                    SelectiveAnswer.pValue risk given.Length wrong.Length <= delta)

            let shareOf isMissed =
                Array.init splits drawn |> Array.averageBy (fun answers -> if isMissed answers then 1.0 else 0.0)

            let allowed = delta + 3.0 * sqrt (delta * (1.0 - delta) / float splits)

            shareOf (fun answers -> SelectiveAnswer.pick risk delta answers <> Threshold.NoneSafe)
            |> isBetween 0.0 allowed

            shareOf isUncorrectedSafe |> isBetween allowed 1.0
        }

        test "a start is begun from where its own share of delta lets it" {
            let sure count =
                Array.replicate count { Confidence = 1.0; IsRight = true }

            // 0.9³⁹ ≤ 0.1 / 6 < 0.9³⁸.
            SelectiveAnswer.pick 0.1 0.1 (sure 38) |> equals Threshold.NoneSafe
            SelectiveAnswer.pick 0.1 0.1 (sure 39) |> equals (Threshold.At(0, 0.0))

            // Sure at 0.9 and wrong below: the walk from 0.95 ends there.
            let mixed =
                Array.append
                    (Array.replicate 60 { Confidence = 0.9; IsRight = true })
                    (Array.replicate 60 { Confidence = 0.7; IsRight = false })

            SelectiveAnswer.pick 0.1 0.1 mixed |> equals (Threshold.At(71, 0.71))
        }

        test "the p value is that of a binomial test" {
            // 20 of 20 right at a risk of 0.2: 0.8²⁰.
            SelectiveAnswer.pValue 0.2 20 0 |> isNear 0.5e-12 (Math.Pow(0.8, 20.0))
            SelectiveAnswer.pValue 0.2 0 0 |> equals 1.0
            // R: pbinom(3, 50, 0.1) = 0.2502939
            SelectiveAnswer.pValue 0.1 50 3 |> isNear 0.5e-6 0.2502939
        }

        test "too few answers, or wrong ones, vouch for nothing" {
            let all right count =
                Array.replicate count { Confidence = 1.0; IsRight = right }

            SelectiveAnswer.pick 0.1 0.1 (all true 10) |> equals Threshold.NoneSafe
            SelectiveAnswer.pick 0.1 0.1 (all false 1000) |> equals Threshold.NoneSafe
            SelectiveAnswer.pick 0.1 0.1 [||] |> equals Threshold.NoneSafe
            SelectiveAnswer.pick 0.1 0.1 (all true 100) |> equals (Threshold.At(0, 0.0))
        }

        test "a lower risk asks for a higher threshold" {
            let answers = answers 0.3 4000 (Seed.ofInt64 5L)

            let tau risk =
                match SelectiveAnswer.pick risk 0.1 answers with
                | Threshold.At(_, tau) -> tau
                | Threshold.NoneSafe -> infinity

            isTrue (tau 0.05 > tau 0.1 && tau 0.1 > tau 0.2)
        }

        test "rules give what they say" {
            isTrue (SelectiveAnswer.isGiven (AnswerThreshold.AtLeast 0.6) 0.0 0.6)
            isFalse (SelectiveAnswer.isGiven (AnswerThreshold.AtLeast 0.6) 1.0 0.59)
            isFalse (SelectiveAnswer.isGiven AnswerThreshold.Never 1.0 1.0)
            isTrue (SelectiveAnswer.isGiven (AnswerThreshold.Uncalibrated(0.75, 0.5)) 0.75 0.5)
            isFalse (SelectiveAnswer.isGiven (AnswerThreshold.Uncalibrated(0.75, 0.5)) 1.0 0.49)
            isFalse (SelectiveAnswer.isGiven (AnswerThreshold.Uncalibrated(0.75, 0.0)) 0.5 1.0)
            SelectiveAnswer.rule Threshold.NoneSafe |> equals AnswerThreshold.Never
        }

        test "a summary counts what is given, and bounds its error" {
            let answers =
                Array.init 60 (fun i ->
                    {
                        Confidence = if i < 50 then 0.9 else 0.1
                        IsRight = i >= 3
                    })

            let summary = SelectiveAnswer.summarize 0.5 answers
            (summary.Questions, summary.Given, summary.Wrong) |> equals (60, 50, 3)
            summary.Error |> isNear 0.5e-12 0.06
            // R: qbeta(0.95, 4, 47) = 0.1477
            summary.ErrorBound |> isNear 0.5e-3 0.1477
            summary.Coverage |> isNear 1e-12 (5.0 / 6.0)

            let lost = SelectiveAnswer.summarize 0.5 [| { Confidence = 0.5; IsRight = false } |]
            (lost.Given, lost.Error, lost.ErrorBound) |> equals (1, 1.0, 1.0)

            let none = SelectiveAnswer.summarize 0.5 [||]
            (none.Coverage, none.Error, none.ErrorBound) |> equals (0.0, 0.0, 1.0)
        }

        test "a quote is right that holds the answer as words" {
            isTrue (SelectiveAnswer.isRight "A room may cost up to 140 Euro a night." [| "140 euro" |])
            isFalse (SelectiveAnswer.isRight "A room may cost 1140 euro." [| "140 euro" |])
            isFalse (SelectiveAnswer.isRight "" [| "140 euro" |])
        }
    ]
