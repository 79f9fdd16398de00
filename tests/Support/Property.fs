namespace David.Grpo.Tests

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open Expecto
open FsCheck
open FsCheck.FSharp

/// Laws, checked on many generated inputs; a failing law shows the smallest counterexample found, and how to replay it.
[<AutoOpen>]
module Property =

    let private config =
        { FsCheckConfig.defaultConfig with
            maxTest = 200
            replay =
                match Environment.GetEnvironmentVariable "DAVID_REPLAY" with
                | null
                | "" -> None
                | seed ->
                    let parts = seed.Split ','
                    Some(uint64 parts[0], uint64 parts[1], Some(int parts[2]))
        }

    let private check (property: Property) =
        match testPropertyWithConfig config "law" property with
        | TestLabel(_, TestCase(AsyncFsCheck(_, _, run), _), _) ->
            try
                run config |> Async.RunSynchronously
            with :? FailedException as failure ->
                // Expecto says how to focus a test of its own; ours is a statement within one.
                Regex.Replace(
                    failure.Message,
                    @"Focus on error:\s+\w+ \((\d+)UL, (\d+)UL, Some (\d+)\).*",
                    "Replay with DAVID_REPLAY=$1,$2,$3"
                )
                |> failtest
        | other -> failwith $"Expecto.FsCheck made no property but {other}"

    /// The law holds for 200 inputs of the default generator.
    let law (property: 'input -> bool) : unit = check (Prop.ofTestable property)

    /// The law holds for 200 inputs of `generator`.
    let lawFor (generator: Gen<'input>) (property: 'input -> bool) : unit =
        check (Prop.forAll (Arb.fromGen generator) property)

    /// The law holds for 200 inputs of `generator`; with each input it says what was seen there, and of each of `kinds`
    /// there must be ten at least: a law that never comes to what it is about holds for nothing.
    let lawSeeing (kinds: string list) (generator: Gen<'input>) (property: 'input -> bool * string list) : unit =
        let seen = Dictionary<string, int>()

        lawFor generator (fun input ->
            let holds, own = property input

            for kind in own do
                seen[kind] <- seen.GetValueOrDefault(kind, 0) + 1

            holds)

        for kind in kinds do
            Expect.isGreaterThan (seen.GetValueOrDefault(kind, 0)) 9 $"inputs with {kind}"
