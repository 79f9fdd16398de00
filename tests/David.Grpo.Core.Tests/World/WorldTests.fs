module David.Grpo.Tests.WorldTests

open System
open FsCheck.FSharp
open Xunit
open David.Grpo
open David.Grpo.Tests.WorldReader

[<Fact>]
let ``the vocabulary has different words, special words first, and at most 512`` () =
    Assert.Equal(World.vocabulary.Length, (Array.distinct World.vocabulary).Length)
    Assert.InRange(World.vocabulary.Length, 1, 512)

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
        Assert.Equal(word, World.vocabulary[id])

[<Fact>]
let ``the vocabulary and a world stay as the shipped policy knows them`` () =
    let hash (texts: string seq) =
        texts
        |> Seq.collect (fun text -> Text.Encoding.UTF8.GetBytes(text + "\n"))
        |> Seq.fold (fun hash byte -> (hash ^^^ uint64 byte) * 0x100000001B3UL) 0xCBF29CE484222325UL

    let world, _ = firstWorld ()
    Assert.Equal("1dc98e550bd5d9ca", $"{hash World.vocabulary:x16}")

    Assert.Equal(
        "e131a6f35816dbb4",
        hash (world.Passages |> Seq.collect (fun passage -> [ passage.Title; passage.Text ]))
        |> sprintf "%016x"
    )

[<Fact>]
let ``content words are those of names, countries, languages and years`` () =
    let content =
        World.vocabulary |> Array.indexed |> Array.filter (fst >> World.isContent) |> Array.map snd

    Assert.Equal(240 + 40 + 24 + 30, content.Length)
    Assert.True(content |> Array.forall (fun word -> Char.IsUpper word[0] || Char.IsDigit word[0]))
    Assert.Equal(30, World.vocabulary |> Array.indexed |> Array.filter (fst >> World.isYear) |> Array.length)

[<Fact>]
let ``tokens and words go back and forth`` () =
    lawFor (Gen.arrayOf (Gen.choose (0, World.vocabulary.Length - 1))) (fun ids ->
        World.tokenize (World.render ids) = ids)

[<Fact>]
let ``a word or token outside the vocabulary is named`` () =
    let word =
        Assert.Throws<ArgumentException>(fun () -> World.tokenize "what is Paris" |> ignore)

    Assert.Contains("'Paris'", word.Message)

    let id =
        Assert.Throws<ArgumentException>(fun () -> World.render [| 512 |] |> ignore)

    Assert.Contains("512", id.Message)

[<Fact>]
let ``the same seed gives the same world and questions`` () =
    lawFor seeds (fun seed ->
        let world = World.generate seed
        world = World.generate seed && WorldQuestions.draw world 8 seed = WorldQuestions.draw world 8 seed)

[<Fact>]
let ``worlds of pretraining, training and evaluation differ`` () =
    let titles =
        [|
            for branch in [ World.pretrainingSeed; World.trainingSeed; World.evaluationSeed ] do
                for number in 0L .. 9L -> (World.generate (branch number)).Passages |> Array.map _.Title |> Set.ofArray
        |]

    for i in 0 .. titles.Length - 1 do
        for j in 0 .. i - 1 do
            // Two of 28,680 possible names a world are alike by chance 5 times; countries share 16 of 40 words.
            Assert.InRange((Set.intersect titles[i] titles[j]).Count, 0, 16 + 30)

[<Fact>]
let ``a world has 406 passages of entities whose names share words but differ as sets of words`` () =
    for world, _ in worlds.Value do
        Assert.Equal(406, world.Passages.Length)
        Assert.Equal(406, world.Passages |> Array.distinctBy _.Id |> Array.length)
        Assert.Equal(406, world.Passages |> Array.distinctBy (_.Title >> wordsOf >> Set.ofArray) |> Array.length)
        Assert.Equal<int[]>([| 0..405 |], world.Passages |> Array.map World.entityOf)

        for entity in world.Entities do
            Assert.Equal(
                (if entity.Kind = WorldKind.Country then 1 else 2),
                (wordsOf entity.Name |> Array.distinct).Length
            )

[<Fact>]
let ``passages say every fact once, in words of the vocabulary`` () =
    for world, _ in worlds.Value do
        let facts = factsByText world
        Assert.Equal(world.Entities |> Array.sumBy _.Facts.Length, facts.Length)

        Assert.Equal(
            facts.Length,
            facts |> Array.distinctBy (fun (_, (relation, subject, _)) -> relation, subject) |> Array.length
        )

        for passage, (_, subject, _) in facts do
            Assert.Equal(passage.Title, subject)

        for passage in world.Passages do
            Assert.Equal(
                $"{passage.Title} | {passage.Text}",
                World.render (World.tokenize $"{passage.Title} | {passage.Text}")
            )

[<Fact>]
let ``a relation that an entity lacks is an error that names both`` () =
    let world, _ = firstWorld ()

    let error =
        Assert.Throws<ArgumentException>(fun () -> World.objectOf world 0 WorldRelation.Maker |> ignore)

    Assert.Contains("Country", error.Message)
    Assert.Contains("Maker", error.Message)
