namespace David.Grpo.Tests

open FsCheck
open FsCheck.FSharp

/// Laws, checked on many generated inputs; a failing law shows the smallest counterexample found.
[<AutoOpen>]
module Property =

    let private config =
        Config.QuickThrowOnFailure.WithMaxTest(200).WithQuietOnSuccess(true)

    /// The law holds for 200 inputs of the default generator.
    let law (property: 'input -> bool) : unit = Check.One(config, property)

    /// The law holds for 200 inputs of `generator`.
    let lawFor (generator: Gen<'input>) (property: 'input -> bool) : unit =
        Check.One(config, Prop.forAll (Arb.fromGen generator) property)
