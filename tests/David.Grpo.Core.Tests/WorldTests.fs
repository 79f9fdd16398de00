module David.Grpo.Tests.WorldTests

open System
open System.Collections.Generic
open FsCheck.FSharp
open Xunit
open David.Grpo

let internal worlds =
    lazy
        (Array.init 4 (fun i ->
            let world = World.generate (World.evaluationSeed (int64 i))
            world, WorldSearch.index world.Passages))

let internal firstWorld () = worlds.Value[0]

let private seeds = Gen.choose (0, 1_000_000) |> Gen.map (int64 >> Seed.ofInt64)

let internal evenMix =
    { World.defaultMix with
        OneHop = 1.0
        TwoHop = 1.0
        ThreeHop = 1.0
        Comparison = 1.0
    }

let private wordsOf (text: string) =
    text.Split(' ', StringSplitOptions.RemoveEmptyEntries)

// An evaluator that knows nothing of the generator's relations: it reads the passages' text by the sentences' wordings.

/// (phrases in questions, before the subject, between, before the object if it comes first, between)
let private readings =
    [
        "born in", [ "birthplace of"; "native city of" ], [ "S is a native of O"; "O is the birthplace of S" ]
        "year", [ "birth year of"; "year of birth of" ], [ "S was born in the year O"; "O is the birth year of S" ]
        "country", [ "country of"; "land around" ], [ "S lies in O"; "O is the country of S" ]
        "language", [ "language of"; "tongue of" ], [ "people in S speak O"; "O is the language of S" ]
        "seat", [ "headquarters of"; "main office of" ], [ "S has headquarters in O"; "O hosts the main office of S" ]
        "founder", [ "founder of"; "creator of" ], [ "S was founded by O"; "O is the founder of S" ]
        "director", [ "director of"; "filmmaker behind" ], [ "S was directed by O"; "O is the director of S" ]
        "release", [ "release year of"; "premiere year of" ], [ "S was released in O"; "O is the release year of S" ]
        "maker", [ "maker of"; "producer of" ], [ "S is made by O"; "O is the maker of S" ]
        "depot", [ "warehouse of"; "depot of" ], [ "S is stored in O"; "O holds S" ]
        "site", [ "site of"; "location of" ], [ "S stands in O"; "O is the site of S" ]
    ]

/// (relation, subject, object) of every sentence of the world, by matching all wordings.
let private factsByText (world: EmbeddedWorld) =
    let wordings =
        [
            for relation, _, templates in readings do
                for template in templates ->
                    relation,
                    System.Text.RegularExpressions.Regex(
                        "^"
                        + template
                            .Replace("S", "(?<S>[A-Z]\w+( [A-Z]\w+)?)")
                            .Replace("O", "(?<O>[A-Z]\w+( [A-Z]\w+)?|\d+)")
                        + "$"
                    )
        ]

    [|
        for passage in world.Passages do
            for sentence in passage.Text.Split(" .", StringSplitOptions.RemoveEmptyEntries) do
                let matches =
                    [
                        for relation, wording in wordings do
                            let found = wording.Match(sentence.Trim())

                            if found.Success then
                                relation, found.Groups["S"].Value, found.Groups["O"].Value
                    ]

                Assert.True(matches.Length = 1, $"'{sentence}' matches {matches.Length} wordings")
                passage, matches[0]
    |]

/// All answers that the passages allow, and the passages used, by brute force over all facts.
let private evaluate (facts: (Passage * (string * string * string))[]) (text: string) =
    let objects relation subject =
        [
            for passage, (r, s, o) in facts do
                if r = relation && s = subject then
                    o, passage.Id
        ]

    let rec value (asked: string) =
        let opening =
            [
                for relation, phrases, _ in readings do
                    for phrase in phrases do
                        if asked.StartsWith $"the {phrase} " then
                            relation, asked.Substring(phrase.Length + 5)
            ]

        match opening with
        | [] -> [ asked, [] ]
        | [ relation, rest ] ->
            [
                for subject, used in value rest do
                    for object, passage in objects relation subject -> object, used @ [ passage ]
            ]
        | several -> failwith $"'{asked}' can be read in {several.Length} ways"

    if text.StartsWith "what is " then
        value (text.Substring 8)
    else
        let parts = text.Substring("which is in ".Length).Split(" , ")

        let inside, used =
            parts[1].Split(" or ")
            |> Array.map (fun city -> city, objects "country" city)
            |> Array.partition (fun (_, countries) -> List.exists (fun (country, _) -> country = parts[0]) countries)
            |> fun (inside, outside) ->
                inside, Array.append inside outside |> Array.collect (snd >> List.map snd >> Array.ofList)

        [ for city, _ in inside -> city, List.ofArray used ]

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
        world = World.generate seed && World.questions world 8 seed = World.questions world 8 seed)

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

[<Fact>]
let ``a brute-force reader of the passages finds the one answer, and needs the gold passages for it`` () =
    for world, _ in worlds.Value do
        let facts = factsByText world

        for question in World.questionsOfMix evenMix world 120 (Seed.ofInt64 3L) do
            match evaluate facts question.Question.Text with
            | [ answer, used ] ->
                Assert.Equal<string[]>([| answer |], question.Question.Answers)
                Assert.Equal<Set<PassageId>>(Set.ofList used, Set.ofArray question.Question.Gold)

                if question.Question.Kind <> "comparison" then
                    Assert.Equal<PassageId list>(used, List.ofArray question.Question.Gold)
            | several -> Assert.Fail $"{several.Length} answers to '{question.Question.Text}'"

[<Fact>]
let ``the last gold passage, and one of a comparison's, holds the answer`` () =
    let world, _ = firstWorld ()

    let textOf (id: PassageId) =
        (world.Passages |> Array.find (fun passage -> passage.Id = id)).Text

    for question in World.questions world 200 (Seed.ofInt64 4L) do
        let gold = question.Question.Gold |> Array.map textOf
        let answer = question.Question.Answers[0]

        let candidates =
            if question.Question.Kind = "comparison" then
                gold
            else
                [| Array.last gold |]

        Assert.True(candidates |> Array.exists (fun text -> $" {text} ".Contains $" {answer} "))

[<Fact>]
let ``hops are the searches needed, one for each gold passage`` () =
    let world, _ = firstWorld ()

    for question in World.questions world 200 (Seed.ofInt64 5L) do
        let hops =
            match question.Question.Kind with
            | "1-hop" -> 1
            | "2-hop"
            | "comparison" -> 2
            | "3-hop" -> 3
            | kind -> failwith kind

        Assert.Equal(hops, question.Question.Hops)
        Assert.Equal(hops, question.Queries.Length)
        Assert.Equal(hops, (Array.distinct question.Question.Gold).Length)
        Assert.Equal<string[]>(question.Queries, question.Question.GoldTitles)

[<Fact>]
let ``exactly one city of a comparison lies in its country, either as often`` () =
    let world, _ = firstWorld ()

    let mix =
        { evenMix with
            OneHop = 0.0
            TwoHop = 0.0
            ThreeHop = 0.0
        }

    let first =
        World.questionsOfMix mix world 400 (Seed.ofInt64 6L)
        |> Array.sumBy (fun question ->
            match question.Reasoning with
            | WorldReasoning.Comparison(country, first, second) ->
                let inside =
                    [| first; second |]
                    |> Array.filter (fun city ->
                        World.objectOf world city WorldRelation.Country = WorldObject.Entity country)

                Assert.Equal(1, inside.Length)
                Assert.Equal<string[]>([| world.Entities[inside[0]].Name |], question.Question.Answers)
                if inside[0] = first then 1 else 0
            | WorldReasoning.Chain _ -> failwith "a chain in a mix of comparisons")

    // 400 fair coins: 200 ± 10 (one standard deviation); five of these allowed.
    Assert.InRange(first, 150, 250)

[<Fact>]
let ``questions of a call differ, whatever their wording, and share the kinds out exactly`` () =
    let world, _ = firstWorld ()
    let questions = World.questions world 1000 (Seed.ofInt64 7L)

    let identities =
        questions
        |> Array.map (fun question ->
            match question.Reasoning with
            | WorldReasoning.Comparison(country, first, second) -> $"{country} {min first second} {max first second}"
            | WorldReasoning.Chain(start, path) -> $"%d{start} %A{path}")

    Assert.Equal(1000, (Array.distinct identities).Length)
    Assert.Equal(1000, (questions |> Array.distinctBy _.Question.Id).Length)

    let kinds = questions |> Array.countBy _.Question.Kind |> Map.ofArray
    Assert.Equal<Map<string, int>>(Map [ "1-hop", 250; "2-hop", 300; "3-hop", 300; "comparison", 150 ], kinds)

[<Fact>]
let ``four questions of the default mix are one of each kind`` () =
    lawFor seeds (fun seed ->
        let world, _ = firstWorld ()
        (World.questions world 4 seed |> Array.distinctBy _.Question.Kind).Length = 4)

[<Fact>]
let ``asking for more questions than a world has, or for none of any kind, is an error`` () =
    let world, _ = firstWorld ()

    let onlyLanguages =
        { evenMix with
            TwoHop = 0.0
            ThreeHop = 0.0
            Comparison = 0.0
        }

    let tooMany =
        Assert.Throws<ArgumentException>(fun () ->
            World.questionsOfMix onlyLanguages world 617 (Seed.ofInt64 8L) |> ignore)

    Assert.Contains("617", tooMany.Message)

    for mix in
        [
            { onlyLanguages with OneHop = 0.0 }
            { evenMix with TwoHop = -0.1 }
            { evenMix with TwoHop = nan }
            { evenMix with
                RelationWeights =
                    [|
                        {
                            Relation = WorldRelation.Site
                            Weight = 0.0
                        }
                    |]
            }
        ] do
        Assert.Throws<ArgumentException>(fun () -> World.ask mix world (Seed.ofInt64 9L) |> ignore)
        |> ignore

    Assert.Throws<ArgumentException>(fun () -> World.questions world -1 (Seed.ofInt64 9L) |> ignore)
    |> ignore

[<Fact>]
let ``a mix is met by single questions too, and relation weights shift its chains`` () =
    let world, _ = firstWorld ()

    let mix =
        { World.defaultMix with
            RelationWeights =
                [|
                    {
                        Relation = WorldRelation.BirthYear
                        Weight = 5.0
                    }
                |]
        }

    let questions =
        Array.init 4000 (fun i -> World.ask mix world (Seed.child (int64 i) (Seed.ofInt64 10L)))

    let share condition =
        float (questions |> Array.filter condition |> Array.length) / 4000.0

    // Standard deviations are at most .008; five of these allowed.
    for kind, expected in [ "1-hop", 0.25; "2-hop", 0.3; "3-hop", 0.3; "comparison", 0.15 ] do
        Assert.InRange(share (fun question -> question.Question.Kind = kind), expected - 0.04, expected + 0.04)

    let birthYear =
        share (fun question ->
            match question.Reasoning with
            | WorldReasoning.Chain(_, [| WorldRelation.BirthYear |]) -> true
            | _ -> false)

    Assert.InRange(birthYear, 0.25 * 5.0 / 15.0 - 0.03, 0.25 * 5.0 / 15.0 + 0.03)

[<Fact>]
let ``a full name finds its passage first, in either order of its words`` () =
    for world, index in worlds.Value do
        for passage in world.Passages do
            for query in [ passage.Title; passage.Title |> wordsOf |> Array.rev |> String.concat " " ] do
                let best = WorldSearch.search index WorldLimit.TopK query |> Array.head
                Assert.Equal(passage.Id, best.Id)

[<Fact>]
let ``half a name is ambiguous: its passage is among the first two for about half of the halves`` () =
    let found =
        [|
            for world, index in worlds.Value do
                for passage in world.Passages do
                    match wordsOf passage.Title with
                    | [| first; second |] ->
                        for half in [ first; second ] do
                            let results = WorldSearch.search index WorldLimit.TopK half

                            if results |> Array.exists (fun result -> result.Id = passage.Id) then
                                1.0
                            else
                                0.0
                    | _ -> ()
        |]

    // A name word is in 3.25 titles on average, so that its two best places go to a given one of them with probability
    // about .55; a prototype of this world measured .56.
    Assert.InRange(Array.average found, 0.45, 0.70)

[<Fact>]
let ``scores are BM25's, with the title counted three times`` () =
    let passages =
        [|
            {
                Id = { Value = "0" }
                Title = "Badon"
                Text = "Badon is the site of Belin ."
            }
            {
                Id = { Value = "1" }
                Title = "Belin"
                Text = "Belin lies in Almaria ."
            }
        |]

    // Lengths 5 and 5, N = 2. "Badon": f = 4, 0. "Belin": f = 1 and 4 with n = 2, so passage 1 leads; both match.
    let order query =
        WorldSearch.search (WorldSearch.index passages) 2 query |> Array.map _.Id.Value

    Assert.Equal<string[]>([| "1"; "0" |], order "Belin")
    Assert.Equal<string[]>([| "0" |], order "Badon")
    // ln(1 + .5 / 2.5) (4 · 2.2 / 5.2 − 1) = .126 for Belin's lead, ln(1 + 1.5 / 1.5) · 4 · 2.2 / 5.2 = 1.17 for Badon's.
    Assert.Equal<string[]>([| "0"; "1" |], order "Belin Badon")
    // A repeated word counts once: ten times .126 would win.
    Assert.Equal<string[]>([| "0"; "1" |], order (String.replicate 12 "Belin " + "Badon"))

[<Fact>]
let ``equal scores keep the corpus's order`` () =
    let passages =
        [|
            for number in 0..4 ->
                {
                    Id = { Value = string number }
                    Title = "Badon"
                    Text = "Badon lies in Almaria ."
                }
        |]

    let found =
        WorldSearch.search (WorldSearch.index passages) 3 "Almaria" |> Array.map _.Id.Value

    Assert.Equal<string[]>([| "0"; "1"; "2" |], found)

[<Fact>]
let ``a query without content words finds nothing, and unknown words are passed over`` () =
    let world, index = firstWorld ()

    for query in [ ""; "   "; "birthplace of the"; "<search> ? . |"; "unheard-of" ] do
        Assert.Empty(WorldSearch.search index 2 query)

    let name = world.Entities[100].Name

    Assert.Equal<Passage[]>(
        WorldSearch.search index 2 name,
        WorldSearch.search index 2 ("the unheard-of " + name + " ?")
    )

    Assert.Throws<ArgumentException>(fun () -> WorldSearch.search index 0 name |> ignore) |> ignore
    Assert.Empty(WorldSearch.search (WorldSearch.index Array.empty) 2 name)

[<Fact>]
let ``a passage in other words than the world's cannot be indexed`` () =
    let passage =
        {
            Id = { Value = "0" }
            Title = "Paris"
            Text = "Paris lies in Almaria ."
        }

    let error =
        Assert.Throws<ArgumentException>(fun () -> WorldSearch.index [| passage |] |> ignore)

    Assert.Contains("'Paris'", error.Message)
