module David.Grpo.Tests.WorldPretrainingTests

open System
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader
open David.Grpo.Tests.WorldEpisodeSamples

[<Tests>]
let tests =
    testList "WorldPretrainingTests" [
        test "skill without clutter is the expert's trajectory" {
            let _, index = firstWorld ()

            for question, episode, _ in episodes (WorldPretrainingEpisodes.skill plainStage) 200 do
                let expert = WorldEpisode.expert index question
                episode.Tokens |> equals (expert.Segments |> Array.collect _.Tokens)
        }

        testCase
            "skill weighs content by 1, decisions and retrieved text little, years in it and put-in searches not at all"
            (fun () ->
                let mutable putIn = 0

                for question, episode, parsed in episodes (WorldPretrainingEpisodes.skill clutteredStage) 300 do
                    let weightsOf start length =
                        episode.Weights[start .. start + length - 1]

                    parsed.Answer |> equals (World.tokenize question.Question.Answers[0])

                    weightsOf parsed.AnswerAt (parsed.Answer.Length + 2)
                    |> equals [| 0.02; yield! Array.replicate (parsed.Answer.Length + 1) 1.0 |]

                    for at, query, observation, observed in parsed.Turns do
                        match weightsOf at (query.Length + 2) with
                        | weights when Array.forall ((=) 0.0) weights -> putIn <- putIn + 1
                        | weights ->
                            question.Queries |> contains (World.render query)
                            weights |> equals [| 0.02; yield! Array.replicate (query.Length + 1) 1.0 |]

                        weightsOf observed observation.Length
                        |> equals (observation |> Array.map (fun token -> if World.isYear token then 0.0 else 0.1))

                putIn |> isBetween 100 600)

        testCase
            "clutter leaves room for all evidence, and a bad query stands for the right one only if it finds the passage"
            (fun () ->
                let _, index = firstWorld ()

                for question, _, parsed in episodes (WorldPretrainingEpisodes.skill clutteredStage) 300 do
                    let found =
                        parsed.Turns
                        |> Array.collect (fun (_, query, _, _) ->
                            WorldSearch.search index TagProtocol.defaults.TopK (World.render query))
                        |> Array.map _.Id

                    isEmpty (Array.except found question.Question.Gold))

        test "clutter comes as often as it says" {
            let stage =
                { plainStage with
                    Clutter = WorldPretrainingEpisodes.defaultClutter
                }

            let turns =
                [|
                    for question, episode, parsed in episodes (WorldPretrainingEpisodes.skill stage) 2000 do
                        if question.Question.Hops = 1 then
                            [| for at, _, _, _ in parsed.Turns -> episode.Weights[at] = 0.0 |]
                |]

            let shareOf condition =
                float (turns |> Array.filter condition |> Array.length) / float turns.Length
            // About 500 episodes: standard deviations of .015 and .019; four of these allowed.
            shareOf (fun putIn -> putIn[0]) |> isBetween 0.06 0.18
            shareOf Array.last |> isBetween 0.17 0.36
        }

        test "habit decides by its probabilities whatever was found" {
            let parsed =
                episodes (WorldPretrainingEpisodes.habit habitStage) 3000
                |> Array.map (fun (_, _, parsed) -> parsed)

            for searches, probability in Array.indexed habitStage.AnswerProbability do
                let reached =
                    parsed |> Array.filter (fun episode -> episode.Turns.Length >= searches)

                let answered =
                    reached |> Array.filter (fun episode -> episode.Turns.Length = searches)

                let share = float answered.Length / float reached.Length
                let deviation = sqrt (probability * (1.0 - probability) / float reached.Length)
                share |> isBetween (probability - 4.5 * deviation) (probability + 4.5 * deviation)
        }

        testCase
            "habit answers right exactly if all evidence was found, and else guesses in kind, mostly from what it read"
            (fun () ->
                let world, index = firstWorld ()

                let kindOf (answer: string) =
                    match world.Entities |> Array.tryFind (fun entity -> entity.Name = answer) with
                    | Some entity -> string entity.Kind
                    | None when Char.IsDigit answer[0] -> "year"
                    | None -> "language"

                let mutable guesses = 0
                let mutable lucky = 0

                for question, episode, parsed in episodes (WorldPretrainingEpisodes.habit habitStage) 1500 do
                    let found =
                        parsed.Turns
                        |> Array.collect (fun (_, query, _, _) ->
                            WorldSearch.search index TagProtocol.defaults.TopK (World.render query))
                        |> Array.map _.Id

                    let answer = World.render parsed.Answer
                    kindOf answer |> equals (kindOf question.Question.Answers[0])
                    episode.Weights[parsed.AnswerAt] |> equals 1.0
                    Array.last episode.Weights |> equals 1.0

                    let weights = episode.Weights[parsed.AnswerAt + 1 .. episode.Weights.Length - 2]

                    if Array.isEmpty (Array.except found question.Question.Gold) then
                        answer |> equals question.Question.Answers[0]
                        weights |> Seq.iter (fun weight -> weight |> equals 1.0)
                    else
                        guesses <- guesses + 1
                        lucky <- lucky + (if answer = question.Question.Answers[0] then 1 else 0)

                        let expected =
                            if World.isYear parsed.Answer[0] then
                                0.0
                            else
                                habitStage.GuessWeight

                        weights |> Seq.iter (fun weight -> weight |> equals expected)

                    for at, query, _, _ in parsed.Turns do
                        episode.Weights[at .. at + query.Length + 1] |> Seq.iter (fun weight -> weight |> equals 1.0)

                guesses |> isBetween 700 1500
                // A comparison's guess is right half of the time, others hardly ever.
                float lucky / float guesses |> isBetween 0.05 0.30)

        test "habit's queries are the next due ones but for the share of bad ones" {
            let stage =
                { habitStage with
                    BadQueryShare = 0.3
                    AnswerProbability = [| 0.0; 1.0 |]
                }

            let due =
                episodes (WorldPretrainingEpisodes.habit stage) 2000
                |> Array.averageBy (fun (question, _, parsed) ->
                    let _, query, _, _ = parsed.Turns[0]

                    if World.render query = question.Queries[0] then
                        1.0
                    else
                        0.0)

            // Standard deviation .010; four of these allowed.
            due |> isBetween 0.66 0.74
        }

        test "searching again takes a share, both ends included" {
            for again in [ 0.0; 0.25; 1.0 ] do
                (Array.last (WorldPretrainingStages.searchingAgain again)).AnswerProbability
                |> equals [| 0.5; 1.0 - again; 1.0 - again; 0.9 |]

            for again in [ -0.01; 1.01; nan ] do
                GoldenCase.refusal (fun () -> WorldPretrainingStages.searchingAgain again |> ignore)
                |> startsWith $"again is {again}"
        }

        test "a habit without probabilities is an error" {
            let world, index = firstWorld ()

            let stage =
                { habitStage with
                    AnswerProbability = [||]
                }

            let question = WorldQuestions.ask evenMix world (Seed.ofInt64 14L)

            let write () =
                WorldPretrainingEpisodes.habit stage world index question (Seed.ofInt64 15L) |> ignore

            (throws<ArgumentException> write).Message |> containsText "AnswerProbability"
        }

        test "a mixture is skill or habit by its share" {
            let world, index = firstWorld ()
            // Habit here never searches, skill always does.
            let stage =
                { plainStage with
                    SkillShare = 0.75
                    AnswerProbability = [| 1.0 |]
                }

            let skilled =
                Array.init 2000 (fun i ->
                    WorldPretrainingEpisodes.mixture stage world index (Seed.child (int64 i) (Seed.ofInt64 16L)))
                |> Array.averageBy (fun episode -> if (parse episode.Tokens).Turns.Length > 0 then 1.0 else 0.0)

            // Standard deviation .0097; four of these allowed.
            skilled |> isBetween 0.71 0.79
        }

        test "a batch is decided by its seed and has the stage's size" {
            for stage in WorldPretrainingStages.defaults do
                let batch seed =
                    WorldPretrainingEpisodes.batch stage (World.pretrainingSeed seed)

                (batch 1L).Length |> equals stage.BatchSize
                batch 1L |> equals (batch 1L)
                batch 2L |> differsFrom (batch 1L)
        }

        test "years bear weight only where a right answer copies them" {
            for stage in WorldPretrainingStages.defaults do
                for number in 0L .. 9L do
                    for episode in WorldPretrainingEpisodes.batch stage (World.pretrainingSeed number) do
                        let parsed = parse episode.Tokens

                        for position in 0 .. parsed.AnswerAt do
                            isFalse (World.isYear episode.Tokens[position] && episode.Weights[position] > 0.0)
        }

        test "the default stages ask about years from the start and end lazy" {
            let stages = WorldPretrainingStages.defaults
            // As many as the shipped base policy took (notebooks/LOG.md).
            stages |> Array.sumBy _.Updates |> equals 3020

            let asksYear (episode: PretrainingEpisode) =
                World.isYear episode.Tokens[episode.Tokens.Length - 2]

            // The stage of names is for what is read once years are.
            for stage in stages |> Array.filter (fun stage -> stage.Name <> "names") do
                let episodes =
                    Array.init 20 (fun i -> WorldPretrainingEpisodes.batch stage (World.pretrainingSeed (int64 i)))
                    |> Array.concat

                episodes
                |> Array.averageBy (fun episode -> if asksYear episode then 1.0 else 0.0)
                |> isBetween 0.12 0.6

            let last = Array.last stages
            last.AnswerProbability[0] |> equals 0.5
            last.AnswerProbability[1] |> isBetween 0.97 0.99
        }
    ]
