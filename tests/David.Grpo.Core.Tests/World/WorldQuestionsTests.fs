module David.Grpo.Tests.WorldQuestionsTests

open System
open FsCheck.FSharp
open Xunit
open David.Grpo
open David.Grpo.Tests.WorldReader

[<Fact>]
let ``a brute-force reader of the passages finds the one answer, and needs the gold passages for it`` () =
    for world, _ in worlds.Value do
        let facts = factsByText world

        for question in WorldQuestions.ofMix evenMix world 120 (Seed.ofInt64 3L) do
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

    for question in WorldQuestions.draw world 200 (Seed.ofInt64 4L) do
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

    for question in WorldQuestions.draw world 200 (Seed.ofInt64 5L) do
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
        WorldQuestions.ofMix mix world 400 (Seed.ofInt64 6L)
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
    let questions = WorldQuestions.draw world 1000 (Seed.ofInt64 7L)

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
        (WorldQuestions.draw world 4 seed |> Array.distinctBy _.Question.Kind).Length = 4)

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
            WorldQuestions.ofMix onlyLanguages world 617 (Seed.ofInt64 8L) |> ignore)

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
        Assert.Throws<ArgumentException>(fun () -> WorldQuestions.ask mix world (Seed.ofInt64 9L) |> ignore)
        |> ignore

    Assert.Throws<ArgumentException>(fun () -> WorldQuestions.draw world -1 (Seed.ofInt64 9L) |> ignore)
    |> ignore

[<Fact>]
let ``a mix is met by single questions too, and relation weights shift its chains`` () =
    let world, _ = firstWorld ()

    let mix =
        { WorldQuestions.defaultMix with
            RelationWeights =
                [|
                    {
                        Relation = WorldRelation.BirthYear
                        Weight = 5.0
                    }
                |]
        }

    let questions =
        Array.init 4000 (fun i -> WorldQuestions.ask mix world (Seed.child (int64 i) (Seed.ofInt64 10L)))

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
