module David.Grpo.Tests.WorldQuestionsTests

open System
open FsCheck.FSharp
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

[<Tests>]
let tests =
    testList "WorldQuestionsTests" [
        test "a brute-force reader of the passages finds the one answer, and needs the gold passages for it" {
            for world, _ in worlds.Value do
                let facts = factsByText world

                for question in WorldQuestions.ofMix evenMix world 120 (Seed.ofInt64 3L) do
                    match evaluate facts question.Question.Text with
                    | [ answer, used ] ->
                        question.Question.Answers |> equals [| answer |]
                        Set.ofArray question.Question.Gold |> equals (Set.ofList used)

                        if question.Question.Kind <> "comparison" then
                            List.ofArray question.Question.Gold |> equals used
                    | several -> failtest $"{several.Length} answers to '{question.Question.Text}'"
        }

        test "the last gold passage, and one of a comparison's, holds the answer" {
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

                isTrue (candidates |> Array.exists (fun text -> $" {text} ".Contains $" {answer} "))
        }

        test "hops are the searches needed, one for each gold passage" {
            let world, _ = firstWorld ()

            for question in WorldQuestions.draw world 200 (Seed.ofInt64 5L) do
                let hops =
                    match question.Question.Kind with
                    | "1-hop" -> 1
                    | "2-hop"
                    | "comparison" -> 2
                    | "3-hop" -> 3
                    | kind -> failwith kind

                question.Question.Hops |> equals hops
                question.Queries.Length |> equals hops
                (Array.distinct question.Question.Gold).Length |> equals hops
                question.Question.GoldTitles |> equals question.Queries
        }

        test "exactly one city of a comparison lies in its country, either as often" {
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

                        inside.Length |> equals 1
                        question.Question.Answers |> equals [| world.Entities[inside[0]].Name |]
                        if inside[0] = first then 1 else 0
                    | WorldReasoning.Chain _ -> failwith "a chain in a mix of comparisons")

            // 400 fair coins: 200 ± 10 (one standard deviation); five of these allowed.
            first |> isBetween 150 250
        }

        test "questions of a call differ, whatever their wording, and share the kinds out exactly" {
            let world, _ = firstWorld ()
            let questions = WorldQuestions.draw world 1000 (Seed.ofInt64 7L)

            let identities =
                questions
                |> Array.map (fun question ->
                    match question.Reasoning with
                    | WorldReasoning.Comparison(country, first, second) ->
                        $"{country} {min first second} {max first second}"
                    | WorldReasoning.Chain(start, path) -> $"%d{start} %A{path}")

            (Array.distinct identities).Length |> equals 1000
            (questions |> Array.distinctBy _.Question.Id).Length |> equals 1000

            let kinds = questions |> Array.countBy _.Question.Kind |> Map.ofArray
            kinds |> equals (Map [ "1-hop", 250; "2-hop", 300; "3-hop", 300; "comparison", 150 ])
        }

        test "four questions of the default mix are one of each kind" {
            lawFor seeds (fun seed ->
                let world, _ = firstWorld ()
                (WorldQuestions.draw world 4 seed |> Array.distinctBy _.Question.Kind).Length = 4)
        }

        test "asking for more questions than a world has, or for none of any kind, is an error" {
            let world, _ = firstWorld ()

            let onlyLanguages =
                { evenMix with
                    TwoHop = 0.0
                    ThreeHop = 0.0
                    Comparison = 0.0
                }

            let tooMany =
                throws<ArgumentException>(fun () ->
                    WorldQuestions.ofMix onlyLanguages world 617 (Seed.ofInt64 8L) |> ignore)

            tooMany.Message |> containsText "617"

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
                throws<ArgumentException>(fun () -> WorldQuestions.ask mix world (Seed.ofInt64 9L) |> ignore)
                |> ignore

            throws<ArgumentException>(fun () -> WorldQuestions.draw world -1 (Seed.ofInt64 9L) |> ignore)
            |> ignore
        }

        test "a relation of half the weight is asked half as often" {
            let world, _ = firstWorld ()

            let mix weight =
                { evenMix with
                    TwoHop = 0.0
                    ThreeHop = 0.0
                    Comparison = 0.0
                    RelationWeights =
                        [|
                            {
                                Relation = WorldRelation.Site
                                Weight = weight
                            }
                        |]
                }

            let share weight =
                Array.init 2000 (fun i ->
                    WorldQuestions.ask (mix weight) world (Seed.child (int64 i) (Seed.ofInt64 5L)))
                |> Array.averageBy (fun question ->
                    match question.Reasoning with
                    | WorldReasoning.Chain(_, [| WorldRelation.Site |]) -> 1.0
                    | _ -> 0.0)

            // Of 11 relations; five standard deviations.
            share 0.5 |> isBetween (0.5 / 10.5 - 0.024) (0.5 / 10.5 + 0.024)
            share 1.0 |> isBetween (1.0 / 11.0 - 0.032) (1.0 / 11.0 + 0.032)
        }

        test "a mix is met by single questions too, and relation weights shift its chains" {
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
                share (fun question -> question.Question.Kind = kind)
                |> isBetween (expected - 0.04) (expected + 0.04)

            let birthYear =
                share (fun question ->
                    match question.Reasoning with
                    | WorldReasoning.Chain(_, [| WorldRelation.BirthYear |]) -> true
                    | _ -> false)

            birthYear |> isBetween (0.25 * 5.0 / 15.0 - 0.03) (0.25 * 5.0 / 15.0 + 0.03)
        }
    ]
