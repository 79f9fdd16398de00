module David.Grpo.Tests.WorldTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

[<Tests>]
let tests =
    testList "WorldTests" [
        test "the vocabulary has different words, special words first, and at most 512" {
            (Array.distinct World.vocabulary).Length |> equals World.vocabulary.Length
            World.vocabulary.Length |> isBetween 1 512

            let special =
                [|
                    "<pad>", WorldTag.Padding
                    "<q>", WorldTag.QuestionOpen
                    "?", WorldTag.QuestionMark
                    "<search>", WorldTag.SearchOpen
                    "</search>", WorldTag.SearchClose
                    "<info>", WorldTag.InfoOpen
                    "</info>", WorldTag.InfoClose
                    "<answer>", WorldTag.AnswerOpen
                    "</answer>", WorldTag.AnswerClose
                    "|", WorldTag.TitleEnd
                    ".", WorldTag.SentenceEnd
                    ",", WorldTag.Comma
                |]

            for word, id in special do
                World.vocabulary[id] |> equals word
        }

        test "the vocabulary and a world stay as the shipped policy knows them" {
            let hash (texts: string seq) =
                texts
                |> Seq.collect (fun text -> Text.Encoding.UTF8.GetBytes(text + "\n"))
                |> Seq.fold (fun hash byte -> (hash ^^^ uint64 byte) * 0x100000001B3UL) 0xCBF29CE484222325UL

            let world, _ = firstWorld ()
            $"{hash World.vocabulary:x16}" |> equals "1dc98e550bd5d9ca"

            hash (world.Passages |> Seq.collect (fun passage -> [ passage.Title; passage.Text ]))
            |> sprintf "%016x"
            |> equals "e131a6f35816dbb4"
        }

        test "content words are those of names, countries, languages and years" {
            let content =
                World.vocabulary |> Array.indexed |> Array.filter (fst >> World.isContent) |> Array.map snd

            content.Length |> equals (240 + 40 + 24 + 30)
            isTrue (content |> Array.forall (fun word -> Char.IsUpper word[0] || Char.IsDigit word[0]))
            World.vocabulary |> Array.indexed |> Array.filter (fst >> World.isYear) |> Array.length |> equals 30
        }

        test "tokens and words go back and forth" {
            lawFor (Gen.arrayOf (Gen.choose (0, World.vocabulary.Length - 1))) (fun ids ->
                World.tokenize (World.render ids) = ids)
        }

        test "a word or token outside the vocabulary is named" {
            let word =
                throws<ArgumentException>(fun () -> World.tokenize "what is Paris" |> ignore)

            word.Message |> containsText "'Paris'"

            let id = throws<ArgumentException>(fun () -> World.render [| 512 |] |> ignore)

            id.Message |> containsText "512"
        }

        test "the same seed gives the same world and questions" {
            lawFor seeds (fun seed ->
                let world = World.generate seed
                world = World.generate seed && WorldQuestions.draw world 8 seed = WorldQuestions.draw world 8 seed)
        }

        test "worlds of pretraining, training and evaluation differ" {
            let titles =
                [|
                    for branch in [ World.pretrainingSeed; World.trainingSeed; World.evaluationSeed ] do
                        for number in 0L .. 9L ->
                            (World.generate (branch number)).Passages |> Array.map _.Title |> Set.ofArray
                |]

            for i in 0 .. titles.Length - 1 do
                for j in 0 .. i - 1 do
                    // Two of 28,680 possible names a world are alike by chance 5 times; countries share 16 of 40 words.
                    (Set.intersect titles[i] titles[j]).Count |> isBetween 0 (16 + 30)
        }

        test "a world has 406 passages of entities whose names share words but differ as sets of words" {
            for world, _ in worlds.Value do
                world.Passages.Length |> equals 406
                world.Passages |> Array.distinctBy _.Id |> Array.length |> equals 406
                world.Passages |> Array.distinctBy (_.Title >> wordsOf >> Set.ofArray) |> Array.length |> equals 406
                world.Passages |> Array.map World.entityOf |> equals [| 0..405 |]

                for entity in world.Entities do
                    (wordsOf entity.Name |> Array.distinct).Length
                    |> equals (if entity.Kind = WorldKind.Country then 1 else 2)
        }

        test "passages say every fact once, in words of the vocabulary" {
            for world, _ in worlds.Value do
                let facts = factsByText world
                facts.Length |> equals (world.Entities |> Array.sumBy _.Facts.Length)

                facts
                |> Array.distinctBy (fun (_, (relation, subject, _)) -> relation, subject)
                |> Array.length
                |> equals facts.Length

                for passage, (_, subject, _) in facts do
                    subject |> equals passage.Title

                for passage in world.Passages do
                    World.render (World.tokenize $"{passage.Title} | {passage.Text}")
                    |> equals $"{passage.Title} | {passage.Text}"
        }

        test "a relation that an entity lacks is an error that names both" {
            let world, _ = firstWorld ()

            let error =
                throws<ArgumentException>(fun () -> World.objectOf world 0 WorldRelation.Maker |> ignore)

            error.Message |> containsText "Country"
            error.Message |> containsText "Maker"
        }
    ]
