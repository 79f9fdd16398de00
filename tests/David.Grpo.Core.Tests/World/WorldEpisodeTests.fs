module David.Grpo.Tests.WorldEpisodeTests

open System
open Xunit
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
        Assert.True(length >= 0, $"{World.vocabulary[closing]} is missing in '{World.render tokens}'")
        tokens[start .. start + length - 1]

    let prompt = until WorldTag.QuestionMark 0
    Assert.Equal(WorldTag.QuestionOpen, prompt[0])

    let rec turns at found =
        if tokens[at] = WorldTag.SearchOpen then
            let query = until WorldTag.SearchClose (at + 1)
            let observed = at + query.Length + 2
            Assert.Equal(WorldTag.InfoOpen, tokens[observed])

            let observation =
                Array.append (until WorldTag.InfoClose observed) [| WorldTag.InfoClose |]

            turns (observed + observation.Length) ((at, query, observation, observed) :: found)
        else
            Assert.Equal(WorldTag.AnswerOpen, tokens[at])
            at, List.rev found

    let answerAt, turns = turns (prompt.Length + 1) []
    let answer = until WorldTag.AnswerClose (answerAt + 1)
    Assert.Equal(tokens.Length, answerAt + answer.Length + 2)

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

[<Fact>]
let ``every episode keeps the grammar, the limits and the retriever's word, and weighs no prompt`` () =
    let _, index = firstWorld ()

    let all =
        [|
            yield! episodes (WorldPretrainingEpisodes.skill plainStage) 100
            yield! episodes (WorldPretrainingEpisodes.skill clutteredStage) 300
            yield! episodes (WorldPretrainingEpisodes.habit habitStage) 300
        |]

    for question, episode, parsed in all do
        Assert.Equal(episode.Tokens.Length, episode.Weights.Length)
        Assert.InRange(episode.Tokens.Length, 1, WorldEpisode.MaxTokens)
        Assert.InRange(parsed.Turns.Length, 0, TagProtocol.defaults.MaxSearches)
        Assert.InRange(parsed.Answer.Length, 1, TagProtocol.defaults.AnswerWords)
        Assert.Equal(question.Question.Text, World.render parsed.Prompt)
        Assert.True(episode.Weights |> Array.forall (fun weight -> weight >= 0.0))
        Assert.True(episode.Weights |> Array.truncate (parsed.Prompt.Length + 2) |> Array.forall ((=) 0.0))

        for _, query, observation, _ in parsed.Turns do
            Assert.InRange(query.Length, 1, TagProtocol.defaults.QueryWords)

            let passages =
                WorldSearch.search index TagProtocol.defaults.TopK (World.render query)

            Assert.Equal<int[]>(WorldEpisode.observationTokens passages, observation)

[<Fact>]
let ``no episode within the limits is longer than the limit of tokens`` () =
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

    Assert.InRange(prompt + response, 1, WorldEpisode.MaxTokens)

[<Fact>]
let ``an observation is the passages' titles and texts between its tags`` () =
    let passage =
        {
            Id = { Value = "7" }
            Title = "Badon Belin"
            Text = "Badon Belin lies in Almaria ."
        }

    Assert.Equal(
        "<info> Badon Belin | Badon Belin lies in Almaria . </info>",
        World.render (WorldEpisode.observationTokens [| passage |])
    )

    Assert.Equal("<info> </info>", World.render (WorldEpisode.observationTokens [||]))

[<Fact>]
let ``an expert finds all evidence in as many searches as hops and answers right`` () =
    for world, index in worlds.Value do
        for question in WorldQuestions.ofMix evenMix world 80 (Seed.ofInt64 13L) do
            let trajectory = WorldEpisode.expert index question
            let found = Trajectory.foundAfter trajectory.Searches.Length trajectory
            Assert.True(Set.isSubset (Set.ofArray question.Question.Gold) found)
            Assert.Equal(question.Question.Hops, trajectory.Searches.Length)
            Assert.Equal(question.Question.Answers[0], Trajectory.answerOrNull trajectory)
            Assert.Equal($"<q> {question.Question.Text} ?", trajectory.PromptText)
            Assert.Equal(0, Trajectory.generatedTokens trajectory)

            let tokens = trajectory.Segments |> Array.collect _.Tokens
            Assert.Equal($"{trajectory.PromptText} {trajectory.Response}", World.render tokens)

            for search in trajectory.Searches do
                match trajectory.Segments[search.SegmentsThrough - 1] with
                | Segment.Observation tokens ->
                    Assert.Equal<int[]>(WorldEpisode.observationTokens search.Passages, tokens)
                | other -> Assert.Fail $"{other} is no observation"

[<Fact>]
let ``skill without clutter is the expert's trajectory`` () =
    let _, index = firstWorld ()

    for question, episode, _ in episodes (WorldPretrainingEpisodes.skill plainStage) 200 do
        let expert = WorldEpisode.expert index question
        Assert.Equal<int[]>(expert.Segments |> Array.collect _.Tokens, episode.Tokens)

[<Fact>]
let ``skill weighs content by 1, decisions and retrieved text little, years in it and put-in searches not at all`` () =
    let mutable putIn = 0

    for question, episode, parsed in episodes (WorldPretrainingEpisodes.skill clutteredStage) 300 do
        let weightsOf start length =
            episode.Weights[start .. start + length - 1]

        Assert.Equal<int[]>(World.tokenize question.Question.Answers[0], parsed.Answer)

        Assert.Equal<float[]>(
            [| 0.02; yield! Array.replicate (parsed.Answer.Length + 1) 1.0 |],
            weightsOf parsed.AnswerAt (parsed.Answer.Length + 2)
        )

        for at, query, observation, observed in parsed.Turns do
            match weightsOf at (query.Length + 2) with
            | weights when Array.forall ((=) 0.0) weights -> putIn <- putIn + 1
            | weights ->
                Assert.Contains(World.render query, question.Queries)
                Assert.Equal<float[]>([| 0.02; yield! Array.replicate (query.Length + 1) 1.0 |], weights)

            Assert.Equal<float[]>(
                observation |> Array.map (fun token -> if World.isYear token then 0.0 else 0.1),
                weightsOf observed observation.Length
            )

    Assert.InRange(putIn, 100, 600)

[<Fact>]
let ``clutter leaves room for all evidence, and a bad query stands for the right one only if it finds the passage`` () =
    let _, index = firstWorld ()

    for question, _, parsed in episodes (WorldPretrainingEpisodes.skill clutteredStage) 300 do
        let found =
            parsed.Turns
            |> Array.collect (fun (_, query, _, _) ->
                WorldSearch.search index TagProtocol.defaults.TopK (World.render query))
            |> Array.map _.Id

        Assert.Empty(Array.except found question.Question.Gold)

[<Fact>]
let ``clutter comes as often as it says`` () =
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
    Assert.InRange(shareOf (fun putIn -> putIn[0]), 0.06, 0.18)
    Assert.InRange(shareOf Array.last, 0.17, 0.36)

[<Fact>]
let ``habit decides by its probabilities whatever was found`` () =
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
        Assert.InRange(share, probability - 4.5 * deviation, probability + 4.5 * deviation)

[<Fact>]
let ``habit answers right exactly if all evidence was found, and else guesses in kind, mostly from what it read`` () =
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
        Assert.Equal(kindOf question.Question.Answers[0], kindOf answer)
        Assert.Equal(1.0, episode.Weights[parsed.AnswerAt])
        Assert.Equal(1.0, Array.last episode.Weights)

        let weights = episode.Weights[parsed.AnswerAt + 1 .. episode.Weights.Length - 2]

        if Array.isEmpty (Array.except found question.Question.Gold) then
            Assert.Equal(question.Question.Answers[0], answer)
            Assert.All(weights, fun weight -> Assert.Equal(1.0, weight))
        else
            guesses <- guesses + 1
            lucky <- lucky + (if answer = question.Question.Answers[0] then 1 else 0)

            let expected =
                if World.isYear parsed.Answer[0] then
                    0.0
                else
                    habitStage.GuessWeight

            Assert.All(weights, fun weight -> Assert.Equal(expected, weight))

        for at, query, _, _ in parsed.Turns do
            Assert.All(episode.Weights[at .. at + query.Length + 1], fun weight -> Assert.Equal(1.0, weight))

    Assert.InRange(guesses, 700, 1500)
    // A comparison's guess is right half of the time, others hardly ever.
    Assert.InRange(float lucky / float guesses, 0.05, 0.30)

[<Fact>]
let ``habit's queries are the next due ones but for the share of bad ones`` () =
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
    Assert.InRange(due, 0.66, 0.74)

[<Fact>]
let ``a habit without probabilities is an error`` () =
    let world, index = firstWorld ()

    let stage =
        { habitStage with
            AnswerProbability = [||]
        }

    let question = WorldQuestions.ask evenMix world (Seed.ofInt64 14L)

    let write () =
        WorldPretrainingEpisodes.habit stage world index question (Seed.ofInt64 15L) |> ignore

    Assert.Contains("AnswerProbability", Assert.Throws<ArgumentException>(write).Message)

[<Fact>]
let ``a mixture is skill or habit by its share`` () =
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
    Assert.InRange(skilled, 0.71, 0.79)

[<Fact>]
let ``a batch is decided by its seed and has the stage's size`` () =
    for stage in WorldPretrainingStages.defaults do
        let batch seed =
            WorldPretrainingEpisodes.batch stage (World.pretrainingSeed seed)

        Assert.Equal(stage.BatchSize, (batch 1L).Length)
        Assert.Equal<PretrainingEpisode[]>(batch 1L, batch 1L)
        Assert.NotEqual<PretrainingEpisode[]>(batch 1L, batch 2L)

[<Fact>]
let ``years bear weight only where a right answer copies them`` () =
    for stage in WorldPretrainingStages.defaults do
        for number in 0L .. 9L do
            for episode in WorldPretrainingEpisodes.batch stage (World.pretrainingSeed number) do
                let parsed = parse episode.Tokens

                for position in 0 .. parsed.AnswerAt do
                    Assert.False(World.isYear episode.Tokens[position] && episode.Weights[position] > 0.0)

[<Fact>]
let ``the default stages ask about years from the start and end lazy`` () =
    let stages = WorldPretrainingStages.defaults
    // As many as the shipped base policy took (notebooks/LOG.md).
    Assert.Equal(3020, stages |> Array.sumBy _.Updates)

    let asksYear (episode: PretrainingEpisode) =
        World.isYear episode.Tokens[episode.Tokens.Length - 2]

    // The stage of names is for what is read once years are.
    for stage in stages |> Array.filter (fun stage -> stage.Name <> "names") do
        let episodes =
            Array.init 20 (fun i -> WorldPretrainingEpisodes.batch stage (World.pretrainingSeed (int64 i)))
            |> Array.concat

        Assert.InRange(episodes |> Array.averageBy (fun episode -> if asksYear episode then 1.0 else 0.0), 0.12, 0.6)

    let last = Array.last stages
    Assert.Equal(0.5, last.AnswerProbability[0])
    Assert.InRange(last.AnswerProbability[1], 0.97, 0.99)

[<Fact>]
let ``relation probes score the words of the answer, for every relation`` () =
    let world, index = firstWorld ()
    let probes = WorldProbes.ofRelations world index 5 (Seed.ofInt64 17L)
    Assert.Equal(55, probes.Length)
    Assert.All(probes |> Array.countBy _.Label, fun (_, count) -> Assert.Equal(5, count))

    for probe in probes do
        let parsed = parse probe.Tokens
        Assert.Equal(1, parsed.Turns.Length)
        Assert.Equal<int[]>(parsed.Answer, probe.Scored |> Array.map (fun position -> probe.Tokens[position]))
        Assert.Equal(parsed.AnswerAt + 1, probe.Scored[0])
        let _, _, observation, _ = parsed.Turns[0]
        Assert.Contains(World.render parsed.Answer, World.render observation)

[<Fact>]
let ``chain probes score queries, closing tags and answers, never decisions or what was put in`` () =
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

    Assert.Equal<string[]>(plain |> Array.map _.Label, cluttered |> Array.map _.Label)

    Assert.Equal<Map<string, int>>(
        Map [ "1-hop", 10; "2-hop", 12; "3-hop", 12; "comparison", 6 ],
        plain |> Array.countBy _.Label |> Map.ofArray
    )

    for probe in plain do
        let parsed = parse probe.Tokens

        let expected =
            [|
                for at, query, _, _ in parsed.Turns do
                    yield! [| at + 1 .. at + query.Length + 1 |]
                yield! [| parsed.AnswerAt + 1 .. probe.Tokens.Length - 1 |]
            |]

        Assert.Equal<int[]>(expected, probe.Scored)

    Assert.True((cluttered |> Array.sumBy _.Tokens.Length) > (plain |> Array.sumBy _.Tokens.Length))

    for probe in cluttered do
        for position in probe.Scored do
            Assert.NotEqual(WorldTag.SearchOpen, probe.Tokens[position])
            Assert.NotEqual(WorldTag.AnswerOpen, probe.Tokens[position])
