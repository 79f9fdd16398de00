module David.Grpo.Tests.TrajectoryTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

[<Tests>]
let tests =
    testList "TrajectoryTests" [
        test "tokens are counted by who wrote them" {
            let searching =
                trajectory [ "a" ] [ [ "a" ]; [ "x"; "a" ] ] (Ending.Answered "right")

            let own =
                { searching with
                    Segments = Array.append searching.Segments [| Segment.Expert [| 8; 9 |] |]
                }

            // Prompt of 2; twice an action of 2 and an observation of 1; an action of 1; the expert's 2.
            Trajectory.tokens own |> equals [| 1; 2; 3; 4; 5; 3; 4; 5; 7; 8; 9 |]
            Trajectory.length own |> equals 11
            Trajectory.generatedTokens own |> equals 5
            Trajectory.trainedTokens own |> equals 7
            Trajectory.observedTokens own |> equals 2
            Trajectory.trainedPositions own |> equals [| 2; 3; 5; 6; 8; 9; 10 |]
            Trajectory.behaviourLogProbsOrNull own |> isNull |> isTrue

            match Trajectory.behaviourLogProbsOrNull searching with
            | null -> failtest "all of it was sampled"
            | found -> found |> equals [| -1.0; -1.0; -1.0; -1.0; -0.5 |]

            Trajectory.answerOrNull own |> equals "right"
            Trajectory.answerOrNull { own with Ending = Ending.Truncated } |> isNull |> isTrue
        }

        test "what was found after so many searches is a set of passages" {
            let own = trajectory [ "a" ] [ [ "b"; "a" ]; [ "x"; "a" ] ] Ending.Unanswered

            let found searches =
                Trajectory.foundAfter searches own |> Seq.map _.Value |> List.ofSeq

            List.map found [ 0; 1; 2; 3 ] |> equals [ []; [ "a"; "b" ]; [ "a"; "b"; "x" ]; [ "a"; "b"; "x" ] ]
        }

        test "titles are compared without case, marks and the entities of HTML" {
            for written, normalized in
                [
                    "Tom &amp; Jerry", "tom jerry"
                    "a&lt;b&gt;c", "abc"
                    "&quot;Heroes&quot;", "heroes"
                    "Rock&#39;n&apos;Roll", "rocknroll"
                    "one&nbsp;two", "one two"
                    "x&copy;&reg;&trade;y", "xy"
                    "&amp;lt;b", "b"
                ] do
                Evidence.normalizeTitle written |> equals normalized
        }

        test "evidence counts by id, or by title where a question has titles alone" {
            let found = [ [ "A"; "x" ]; [ "b" ]; [ "a" ] ]
            let own = trajectory [ "a"; "b" ] found Ending.Unanswered
            Evidence.size own.Question |> equals 2
            Evidence.foundBySearch own |> equals [| 0; 0; 1; 2 |]

            let byTitle =
                { own with
                    Question =
                        { own.Question with
                            Gold = [||]
                            GoldTitles = [| "a"; "B"; "A" |]
                        }
                }

            Evidence.size byTitle.Question |> equals 2
            Evidence.foundBySearch byTitle |> equals [| 0; 1; 2; 2 |]
            Evidence.coverage byTitle |> equals 1.0
        }
    ]
