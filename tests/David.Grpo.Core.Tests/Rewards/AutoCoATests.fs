module David.Grpo.Tests.AutoCoATests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests
open David.Grpo.Tests.SearchR1Tests

let private total rule t =
    match Reward.scoreOf rule t with
    | RewardOutcome.Scored parts ->
        parts.Answer |> equals parts.Total
        parts.Total
    | RewardOutcome.Failed reason -> failwith reason

[<Tests>]
let tests =
    testList "AutoCoATests" [
        test "each reward logs its terms by name, weight and value, and pays their sum" {
            let read =
                trajectory [ "a"; "b" ] [ [ "a"; "x" ]; [ "x" ] ] (Ending.Answered "right wrong")

            let textOf = System.Func<PassageId, string | null>(fun id -> $"text {id.Value}")

            let rules =
                [
                    Reward.gated 0.25
                    Reward.sum "own" [| Reward.f1 0.5; Reward.exactMatch 2.0; Reward.coverage 1.0 |]
                    Reward.authors 0.25
                    SearchR1.reward SearchR1.withRetrieval TranscriptProtocol.Tag
                    SearchR1.reward SearchR1.withoutRetrieval TranscriptProtocol.Tag
                    StepSearch.reward StepSearch.releasedScale textOf
                    AutoCoA.reward
                ]

            [
                for rule in rules do
                    match Reward.scoreOf rule read with
                    | RewardOutcome.Failed reason -> failtest reason
                    | RewardOutcome.Scored parts ->
                        parts.Terms |> Array.sumBy (fun term -> term.Weight * term.Value) |> isNear 1e-12 parts.Total

                        let terms =
                            parts.Terms
                            |> Array.map (fun term -> $"%.3f{term.Weight} {term.Name} %.3f{term.Value}")
                            |> String.concat ", "

                        $"{rule.Name}: {terms}; answer %.3f{parts.Answer}, coverage %.3f{parts.Coverage}"
            ]
            |> equals [
                "gated: 0.250 coverage 0.500, 0.750 exact_match 0.000; answer 0.000, coverage 0.500"
                "own: 0.500 f1 0.667, 2.000 exact_match 0.000, 1.000 coverage 0.500; answer 0.000, coverage 0.500"
                "authors: 0.250 coverage 0.000, 0.750 answer 0.000; answer 0.000, coverage 0.500"
                "search_r1: 1.000 exact_match 0.000, 0.200 structure 1.000, 0.100 retrieval 0.000, 0.100 final_format 0.000; answer 0.000, coverage 0.500"
                "search_r1: 1.000 exact_match 0.000, 0.200 structure 1.000, 0.000 retrieval 0.000, 0.100 final_format 0.000; answer 0.000, coverage 0.500"
                "step_search: 1.600 gain 0.000, -1.600 redundancy 1.000, 1.000 f1 0.667, -1.000 unanswered 0.000; answer 0.667, coverage 0.500"
                "auto_coa: 1.000 auto_coa 0.000; answer 0.000, coverage 0.500"
            ]
        }

        test "an answer is right with seven tenths of the words, in any order" {
            let gold = [| "one two three four five six seven eight nine ten" |]
            isTrue (AutoCoA.isRight "seven six x five four three two one" gold)
            isFalse (AutoCoA.isRight "seven six x five four three two" gold)
            isFalse (AutoCoA.isRight "" gold)
            // Any gold answer will do, but an empty one accepts nothing.
            isTrue (AutoCoA.isRight "Paris!" [| "Rome"; "paris" |])
            isFalse (AutoCoA.isRight "Paris" [| "" |])
        }

        test "equal answers are right" {
            law (fun (answer: string | null) ->
                match answer with
                | null
                | "" -> true
                | answer -> AutoCoA.isRight answer [| answer |])
        }

        test "in the tag protocol the answer alone decides" {
            let reward found ending =
                total AutoCoA.reward (trajectory [ "a" ] found ending)

            reward [] (Ending.Answered "the right") |> equals 1.0
            reward [ [ "x" ]; [ "a" ] ] (Ending.Answered "right") |> equals 1.0
            reward [ [ "a" ] ] (Ending.Answered "wrong") |> equals 0.0
            reward [ [ "right" ] ] Ending.Unanswered |> equals 0.0
            reward [ [ "right" ] ] Ending.Truncated |> equals 0.0
        }

        test "in the text protocol a box decides, and a search after thinking loses it" {
            let search =
                Asks("Hm. <begin_search> x </end_search>", [ passage "a" "France" "The capital is Paris." ])

            let reward turns =
                total AutoCoA.reward (textTrajectory turns)

            reward [ search; Ends "So. </think> It is \\boxed{Paris}" ] |> equals 1.0
            reward [ Ends "</think> \\boxed{Paris}" ] |> equals 1.0
            reward [ search; Ends "So. </think> \\boxed{Rome}" ] |> equals 0.0
            reward [ Ends "</think> \\boxed{Paris} <begin_search>" ] |> equals 0.0
            // The released code takes an announcement or a last sentence, too.
            reward [ search; Ends "So. </think> The answer is Paris." ] |> equals 0.0
            reward [ search; Ends "So. </think> Paris." ] |> equals 0.0
            reward [ search; Ends "It is Paris." ] |> equals 0.0
        }

        // The authors validate with AutoCoA's score, in which a contained answer has half a point and not 0; their
        // gates for searches and tags are closer.
        test "the rewards of the authors' transcripts are those of their validation" {
            let rows =
                [| yield! (Golden.json "golden/david/trajectories.json.gz").EnumerateArray() |]

            let judged =
                [|
                    for row in rows do
                        let text (name: string) =
                            string (row.GetProperty(name).GetString())

                        let golds = (text "ground_truth").Split "<ans_split>"
                        let answer = AuthorsReward.strictAnswer (text "prompt") (text "response")

                        let written =
                            match answer with
                            | null -> trajectory [] [] Ending.Unanswered
                            | answer -> trajectory [] [] (Ending.Answered answer)

                        let gate =
                            (AuthorsReward.training (text "prompt") (text "response") golds [||]).Gate

                        let isShared =
                            [
                                AuthorsGate.Passed
                                AuthorsGate.RepeatedQuery
                                AuthorsGate.NoBox
                                AuthorsGate.NoGold
                            ]
                            |> List.contains gate

                        if isShared then
                            let ours =
                                total
                                    AutoCoA.reward
                                    { written with
                                        Response = text "prompt" + text "response"
                                        Question =
                                            { written.Question with
                                                Answers = golds
                                            }
                                    }

                            let theirs = row.GetProperty("validation_score").GetDouble()
                            Expect.equal ours (if theirs = 1.0 then 1.0 else 0.0) $"{gate}: {answer} for %A{golds}"
                            ours
                |]

            judged |> contains 1.0
            judged |> contains 0.0
        }

        test "boxes score as in the released code" {
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

                total
                    AutoCoA.reward
                    { t with
                        Question =
                            { t.Question with
                                Answers = [| "Paris France" |]
                            }
                    }
                |> equals score
        }
    ]
