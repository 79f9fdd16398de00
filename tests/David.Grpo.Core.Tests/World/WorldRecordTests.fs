/// The base policy was taught, and the log's figures were measured, on the worlds of these seeds.
module David.Grpo.Tests.WorldRecordTests

open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

let private worlds =
    [
        World.pretrainingSeed 3L
        World.trainingSeed 7L
        World.evaluationSeed 0L
        World.evaluationSeed 1L
    ]

let private words (items: 'item seq) =
    items |> Seq.map string |> String.concat " "

let private episode (own: PretrainingEpisode) =
    $"{words own.Tokens} / {words own.Weights}"

[<Tests>]
let tests =
    testList "WorldRecordTests" [
        test "worlds are those that were recorded" {
            [
                words World.vocabulary

                for seed in worlds do
                    let world = World.generate seed

                    for passage, entity in Array.zip world.Passages world.Entities do
                        $"{passage.Id.Value} {entity.Kind} {passage.Title}: {passage.Text}"
            ]
            |> areRecorded "ac26a1e47316dd62"
        }

        test "their questions, searches and expert trajectories are those that were recorded" {
            [
                for seed in worlds do
                    let world = World.generate seed
                    let index = WorldSearch.index world.Passages

                    for question in
                        Array.append
                            (WorldQuestions.draw world 50 seed)
                            (WorldQuestions.ofMix evenMix world 30 (Seed.child 1L seed)) do
                        let own = question.Question
                        let gold = own.Gold |> Array.map _.Value
                        $"{own.Id} {own.Kind} {own.Hops} {own.Text} {words own.Answers} {words gold} {words question.Queries}"
                        let expert = WorldEpisode.expert index question
                        $"{words (Trajectory.tokens expert)} {expert.Response}"

                        for query in own.Text :: List.ofArray question.Queries do
                            WorldSearch.search index 3 query |> Array.map _.Id.Value |> words
            ]
            |> areRecorded "928c1ed060b71c77"
        }

        test "the stages of pretraining and their episodes are those that were recorded" {
            let world = World.generate worlds[0]
            let index = WorldSearch.index world.Passages

            [
                for stage in Array.append WorldPretrainingStages.defaults (WorldPretrainingStages.searchingAgain 0.5) do
                    $"%A{stage}"

                    for i in 0L .. 40L do
                        WorldPretrainingEpisodes.mixture stage world index (Seed.ofInt64 i) |> episode

                WorldPretrainingEpisodes.batch
                    { WorldPretrainingStages.defaults[1] with
                        BatchSize = 3
                    }
                    worlds[0]
                |> Array.map episode
                |> words
            ]
            |> areRecorded "2d0535ea4c2966de"
        }

        test "the probes of reading are those that were recorded" {
            let world = World.generate worlds[0]
            let index = WorldSearch.index world.Passages

            [
                for probe in
                    Array.append
                        (WorldProbes.ofRelations world index 3 worlds[0])
                        (WorldProbes.ofChains evenMix WorldPretrainingEpisodes.defaultClutter world index 30 worlds[1]) do
                    $"{probe.Label} {words probe.Tokens} / {words probe.Scored}"
            ]
            |> areRecorded "fa92b76c7d1620ab"
        }
    ]
