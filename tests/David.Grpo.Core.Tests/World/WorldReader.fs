/// Some worlds, and a reader of their passages.
module internal David.Grpo.Tests.WorldReader

open System
open FsCheck.FSharp
open Expecto
open David.Grpo.Tests
open David.Grpo

let worlds =
    lazy
        (Array.init 4 (fun i ->
            let world = World.generate (World.evaluationSeed (int64 i))
            world, WorldSearch.index world.Passages))

let firstWorld () = worlds.Value[0]

let seeds = Gen.choose (0, 1_000_000) |> Gen.map (int64 >> Seed.ofInt64)

let evenMix =
    { WorldQuestions.defaultMix with
        OneHop = 1.0
        TwoHop = 1.0
        ThreeHop = 1.0
        Comparison = 1.0
    }

let wordsOf (text: string) =
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
let factsByText (world: EmbeddedWorld) =
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

                Expect.isTrue (matches.Length = 1) $"'{sentence}' matches {matches.Length} wordings"
                passage, matches[0]
    |]

/// All answers that the passages allow, and the passages used, by brute force over all facts.
let evaluate (facts: (Passage * (string * string * string))[]) (text: string) =
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
