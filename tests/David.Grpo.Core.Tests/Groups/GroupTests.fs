module David.Grpo.Tests.GroupTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RewardTests

let private term name weight value =
    {
        Name = name
        Weight = weight
        Value = value
    }

/// Every number is another, so that none can stand for its neighbour.
let private parts =
    {
        Total = 0.75
        Answer = 0.25
        Coverage = 0.5
        Terms = [| term "answer" 0.5 0.25; term "coverage" 1.25 0.5 |]
        Turns = [| 0.25; 0.5 |]
    }

let private question = (trajectory [ "a" ] [] Ending.Unanswered).Question

let private answering answer total =
    scored total (trajectory [ "a" ] [ [ "a" ] ] (Ending.Answered answer))

[<Tests>]
let tests =
    testList "GroupTests" [
        test "another total is a term of its own, paid at the end" {
            let spent = [| yield! parts.Terms; term "spending" 1.0 -0.25 |]

            parts.Paying("spending", 0.5)
            |> equals
                { parts with
                    Total = 0.5
                    Terms = spent
                    Turns = [| 0.25; 0.25 |]
                }

            { parts with Turns = [||] }.Paying("spending", 0.5)
            |> equals
                { parts with
                    Total = 0.5
                    Terms = spent
                    Turns = [||]
                }

            parts.Paying("spending", 0.75) |> equals parts
        }

        test "a closed gate pays nothing, term by term, and says what was found" {
            parts.Closed
            |> equals
                {
                    Total = 0.0
                    Answer = 0.25
                    Coverage = 0.5
                    Terms = [| term "answer" 0.5 0.0; term "coverage" 1.25 0.0 |]
                    Turns = [||]
                }
        }

        test "what a member took over are the trained tokens of the segments that it keeps" {
            let rollout = answering "wrong" 0.0
            let expert = Segment.Expert [| 1; 2; 3 |]

            let from origin =
                { rollout with
                    Origin = origin
                    Trajectory =
                        { rollout.Trajectory with
                            Segments = Array.append rollout.Trajectory.Segments [| expert |]
                        }
                }

            let kept rollout =
                (from rollout).KeptSegments, (from rollout).KeptTrained

            // Prompt, action of 2, observation, action of 1, the expert's 3.
            for segments, tokens in [ 0, 0; 1, 0; 2, 2; 3, 2; 4, 3; 5, 6 ] do
                kept (Origin.Continued segments) |> equals (segments, tokens)

            kept Origin.Sampled |> equals (0, 0)
            kept Origin.Expert |> equals (0, 0)
        }

        test "questions of training and of experts have keys of their own" {
            for isExperts, index, key in [ false, 0, 0L; false, 3, 3L; true, 0, -1L; true, 3, -4L ] do
                let group = Group.Open(index, isExperts, question)
                (group.Key, group.Index) |> equals (key, index)
                (group.Members.Length, group.Rollouts, group.SolveRate) |> equals (0, 0, 0.0)
                isTrue group.IsDead
        }

        test "a group says what was right, how often, and whether it teaches" {
            let right, wrong = answering "right" 0.5, answering "wrong" 0.5
            let group = groupOf [| right; wrong; { wrong with Reward = parts }; wrong |]
            group.Correct |> equals [| true; false; false; false |]
            group.SolveRate |> equals 0.25
            group.Rewards |> equals [| 0.5; 0.5; 0.75; 0.5 |]
            isFalse group.IsDead
            // Equal totals, whatever they are for.
            isTrue
                (groupOf [|
                    right
                    { wrong with
                        Reward = { parts with Total = 0.5 }
                    }
                |])
                    .IsDead

            (group.At [| 2; 0 |]).Rewards |> equals [| 0.75; 0.5 |]
        }

        test "a group grows by those that could be scored, and counts all that were sampled" {
            let group =
                (groupOf [| answering "right" 1.0 |]).Grown([| answering "wrong" 0.0 |], 3)

            (group.Rewards, group.Rollouts) |> equals ([| 1.0; 0.0 |], 4)

            (group.WithValues [| [| 1.0 |]; [||] |]).Members
            |> Array.map _.Values
            |> equals [| [| 1.0 |]; [||] |]

            (group.Paying("spending", [| 0.5; 0.0 |])).Members
            |> Array.map _.Reward.Terms.Length
            |> equals [| 2; 1 |]

            GoldenCase.refusal (fun () -> group.Paying("spending", [| 0.5 |]) |> ignore)
            |> containsText "totals has 1 entries; expected 2"
        }
    ]
