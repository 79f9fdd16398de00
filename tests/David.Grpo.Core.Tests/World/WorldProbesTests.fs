module David.Grpo.Tests.WorldProbesTests

open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader
open David.Grpo.Tests.WorldEpisodeSamples

[<Tests>]
let tests =
    testList "WorldProbesTests" [
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
