module David.Grpo.Tests.WorldEpisodeTests

open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader
open David.Grpo.Tests.WorldEpisodeSamples

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
    ]
