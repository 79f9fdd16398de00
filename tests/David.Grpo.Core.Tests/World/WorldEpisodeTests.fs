module David.Grpo.Tests.WorldEpisodeTests

open System
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

let private plainStage =
    { WorldPretrainingStages.defaults[0] with
        Clutter = WorldPretrainingEpisodes.noClutter
        DecisionWeight = 0.02
    }

let private clutteredStage =
    { plainStage with
        Clutter = { BadQuery = 0.5; Redundant = 0.5 }
    }

let private habitStage =
    { plainStage with
        AnswerProbability = [| 0.4; 0.7; 0.6; 0.5 |]
    }

/// An episode taken apart by the grammar of episodes, with the position of every part; fails where the grammar does not
/// hold.
type private Parsed =
    {
        Prompt: int[]
        /// The position of `<search>`, the query's words, the observation with its tags and its position.
        Turns: (int * int[] * int[] * int)[]
        AnswerAt: int
        Answer: int[]
    }

let private parse (tokens: int[]) =
    let until closing start =
        let length = Array.IndexOf(tokens, closing, start) - start
        Expect.isTrue (length >= 0) $"{World.vocabulary[closing]} is missing in '{World.render tokens}'"
        tokens[start .. start + length - 1]

    let prompt = until WorldTag.QuestionMark 0
    prompt[0] |> equals WorldTag.QuestionOpen

    let rec turns at found =
        if tokens[at] = WorldTag.SearchOpen then
            let query = until WorldTag.SearchClose (at + 1)
            let observed = at + query.Length + 2
            tokens[observed] |> equals WorldTag.InfoOpen

            let observation =
                Array.append (until WorldTag.InfoClose observed) [| WorldTag.InfoClose |]

            turns (observed + observation.Length) ((at, query, observation, observed) :: found)
        else
            tokens[at] |> equals WorldTag.AnswerOpen
            at, List.rev found

    let answerAt, turns = turns (prompt.Length + 1) []
    let answer = until WorldTag.AnswerClose (answerAt + 1)
    answerAt + answer.Length + 2 |> equals tokens.Length

    {
        Prompt = prompt[1..]
        Turns = Array.ofList turns
        AnswerAt = answerAt
        Answer = answer
    }

/// Episodes of a stage's skill or habit with their questions.
let private episodes write count =
    let world, index = firstWorld ()

    [|
        for i in 0 .. count - 1 do
            let seed = Seed.child (int64 i) (Seed.ofInt64 11L)
            let question = WorldQuestions.ask evenMix world (Seed.named "question" seed)

            let episode: PretrainingEpisode =
                write world index question (Seed.named "episode" seed)

            question, episode, parse episode.Tokens
    |]

[<Tests>]
let tests =
    testList "WorldEpisodeTests" [
        test "every episode keeps the grammar, the limits and the retriever's word, and weighs no prompt" {
            let _, index = firstWorld ()

            let all =
                [|
                    yield! episodes (WorldPretrainingEpisodes.skill plainStage) 100
                    yield! episodes (WorldPretrainingEpisodes.skill clutteredStage) 300
                    yield! episodes (WorldPretrainingEpisodes.habit habitStage) 300
                |]

            for question, episode, parsed in all do
                episode.Weights.Length |> equals episode.Tokens.Length
                episode.Tokens.Length |> isBetween 1 WorldEpisode.MaxTokens
                parsed.Turns.Length |> isBetween 0 TagProtocol.defaults.MaxSearches
                parsed.Answer.Length |> isBetween 1 TagProtocol.defaults.AnswerWords
                World.render parsed.Prompt |> equals question.Question.Text
                isTrue (episode.Weights |> Array.forall (fun weight -> weight >= 0.0))
                isTrue (episode.Weights |> Array.truncate (parsed.Prompt.Length + 2) |> Array.forall ((=) 0.0))

                for _, query, observation, _ in parsed.Turns do
                    query.Length |> isBetween 1 TagProtocol.defaults.QueryWords

                    let passages =
                        WorldSearch.search index TagProtocol.defaults.TopK (World.render query)

                    observation |> equals (WorldEpisode.observationTokens passages)
        }

        test "no episode within the limits is longer than the limit of tokens" {
            let longest lengths = Seq.max lengths
            let world, _ = firstWorld ()

            let pair (world: EmbeddedWorld) =
                2
                * longest (world.Passages |> Seq.map (fun p -> (WorldEpisode.observationTokens [| p |]).Length - 2))
                + 2

            let observation = worlds.Value |> Seq.map (fst >> pair) |> longest

            let prompt =
                longest (
                    WorldQuestions.draw world 1000 (Seed.ofInt64 12L)
                    |> Seq.map (fun q -> (WorldEpisode.promptTokens q.Question).Length)
                )

            let response =
                TagProtocol.defaults.MaxSearches * (TagProtocol.defaults.QueryWords + 2 + observation)
                + TagProtocol.defaults.AnswerWords
                + 2

            prompt + response |> isBetween 1 WorldEpisode.MaxTokens
        }

        test "an observation is the passages' titles and texts between its tags" {
            let passage =
                {
                    Id = { Value = "7" }
                    Title = "Badon Belin"
                    Text = "Badon Belin lies in Almaria ."
                }

            World.render (WorldEpisode.observationTokens [| passage |])
            |> equals "<info> Badon Belin | Badon Belin lies in Almaria . </info>"

            World.render (WorldEpisode.observationTokens [||]) |> equals "<info> </info>"
        }

        test "an expert finds all evidence in as many searches as hops and answers right" {
            for world, index in worlds.Value do
                for question in WorldQuestions.ofMix evenMix world 80 (Seed.ofInt64 13L) do
                    let trajectory = WorldEpisode.expert index question
                    let found = Trajectory.foundAfter trajectory.Searches.Length trajectory
                    isTrue (Set.isSubset (Set.ofArray question.Question.Gold) found)
                    trajectory.Searches.Length |> equals question.Question.Hops
                    Trajectory.answerOrNull trajectory |> equals question.Question.Answers[0]
                    trajectory.PromptText |> equals $"<q> {question.Question.Text} ?"
                    Trajectory.generatedTokens trajectory |> equals 0

                    let tokens = trajectory.Segments |> Array.collect _.Tokens
                    World.render tokens |> equals $"{trajectory.PromptText} {trajectory.Response}"

                    for search in trajectory.Searches do
                        match trajectory.Segments[search.SegmentsThrough - 1] with
                        | Segment.Observation tokens ->
                            tokens |> equals (WorldEpisode.observationTokens search.Passages)
                        | other -> failtest $"{other} is no observation"
        }

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

        test "relation probes score the words of the answer, for every relation" {
            let world, index = firstWorld ()
            let probes = WorldProbes.ofRelations world index 5 (Seed.ofInt64 17L)
            probes.Length |> equals 55
            probes |> Array.countBy _.Label |> Seq.iter (fun (_, count) -> count |> equals 5)

            for probe in probes do
                let parsed = parse probe.Tokens
                parsed.Turns.Length |> equals 1
                probe.Scored |> Array.map (fun position -> probe.Tokens[position]) |> equals parsed.Answer
                probe.Scored[0] |> equals (parsed.AnswerAt + 1)
                let _, _, observation, _ = parsed.Turns[0]
                World.render observation |> containsText (World.render parsed.Answer)
        }

        test "chain probes score queries, closing tags and answers, never decisions or what was put in" {
            let world, index = firstWorld ()

            let plain =
                WorldProbes.ofChains
                    WorldQuestions.defaultMix
                    WorldPretrainingEpisodes.noClutter
                    world
                    index
                    40
                    (Seed.ofInt64 18L)

            let cluttered =
                WorldProbes.ofChains WorldQuestions.defaultMix clutteredStage.Clutter world index 40 (Seed.ofInt64 18L)

            cluttered |> Array.map _.Label |> equals (plain |> Array.map _.Label)

            plain
            |> Array.countBy _.Label
            |> Map.ofArray
            |> equals (Map [ "1-hop", 10; "2-hop", 12; "3-hop", 12; "comparison", 6 ])

            for probe in plain do
                let parsed = parse probe.Tokens

                let expected =
                    [|
                        for at, query, _, _ in parsed.Turns do
                            yield! [| at + 1 .. at + query.Length + 1 |]
                        yield! [| parsed.AnswerAt + 1 .. probe.Tokens.Length - 1 |]
                    |]

                probe.Scored |> equals expected

            isTrue ((cluttered |> Array.sumBy _.Tokens.Length) > (plain |> Array.sumBy _.Tokens.Length))

            for probe in cluttered do
                for position in probe.Scored do
                    probe.Tokens[position] |> differsFrom WorldTag.SearchOpen
                    probe.Tokens[position] |> differsFrom WorldTag.AnswerOpen
        }
    ]
