namespace David.Grpo.Tests

open System
open System.Collections
open Expecto

/// What a test expects, said after what it has: `cost.Rollouts |> equals 1`. A failure shows both sides; the test's name
/// and the line, which the program prints, say the rest. Where a line stands for many cases, Expecto's `Expect` takes
/// a message that names the case.
[<AutoOpen>]
module Expectations =

    let private check (holds: bool) (message: unit -> string) =
        if not holds then
            failtest (message ())

    /// Structural; NaN equals NaN.
    let private areEqual (one: 'a) (other: 'a) =
        LanguagePrimitives.GenericEqualityERComparer.Equals(one, other)

    // A long text or sequence is printed in part only, so the first place where two differ is told.
    let private firstDifference (expected: objnull) (actual: objnull) =
        match expected, actual with
        | (:? IEnumerable as expected), (:? IEnumerable as actual) ->
            let padded (items: IEnumerable) =
                Seq.append (items |> Seq.cast<objnull> |> Seq.map Some) (Seq.initInfinite (fun _ -> None))

            let show = Option.fold (fun _ item -> $"%A{item}") "the end"

            Seq.zip (padded expected) (padded actual)
            |> Seq.indexed
            |> Seq.tryFind (fun (_, (expected, actual)) -> not (areEqual expected actual))
            |> Option.fold (fun _ (i, (expected, actual)) -> $"\nat [{i}]: {show expected}, got {show actual}") ""
        | _ -> ""

    let equals (expected: 'a) (actual: 'a) : unit =
        check (areEqual expected actual) (fun () ->
            $"expected %A{expected}\ngot      %A{actual}{firstDifference expected actual}")

    let differsFrom (other: 'a) (actual: 'a) : unit =
        check (not (areEqual other actual)) (fun () -> $"got %A{actual} again")

    /// |actual − expected| ≤ tolerance.
    let isNear (tolerance: float) (expected: float) (actual: float) : unit =
        check (abs (actual - expected) <= tolerance) (fun () -> $"expected {expected} ± {tolerance}\ngot      {actual}")

    /// Both ends belong to it.
    let isBetween (low: 'a) (high: 'a) (actual: 'a) : unit =
        check (low <= actual && actual <= high) (fun () -> $"expected {low} to {high}\ngot      {actual}")

    let isTrue (condition: bool) : unit =
        check condition (fun () -> "expected true, got false")

    let isFalse (condition: bool) : unit =
        check (not condition) (fun () -> "expected false, got true")

    let containsText (part: string) (text: string) : unit =
        check (text.Contains(part, StringComparison.Ordinal)) (fun () -> $"expected text with {part}\ngot      {text}")

    let lacksText (part: string) (text: string) : unit =
        check (not (text.Contains(part, StringComparison.Ordinal))) (fun () ->
            $"expected text without {part}\ngot      {text}")

    let startsWith (part: string) (text: string) : unit =
        check (text.StartsWith(part, StringComparison.Ordinal)) (fun () -> $"expected {part} …\ngot      {text}")

    let endsWith (part: string) (text: string) : unit =
        check (text.EndsWith(part, StringComparison.Ordinal)) (fun () -> $"expected … {part}\ngot      {text}")

    let contains (item: 'a) (items: 'a seq) : unit =
        check (Seq.contains item items) (fun () -> $"expected some %A{item}\ngot      %A{items}")

    let lacks (item: 'a) (items: 'a seq) : unit =
        check (not (Seq.contains item items)) (fun () -> $"expected no %A{item}\ngot      %A{items}")

    let containsAny (isMeant: 'a -> bool) (items: 'a seq) : unit =
        check (Seq.exists isMeant items) (fun () -> $"none is meant of %A{items}")

    let hasLength (length: int) (items: 'a seq) : unit =
        check (Seq.length items = length) (fun () -> $"expected {length} items\ngot      %A{items}")

    let isEmpty (items: 'a seq) : unit = hasLength 0 items

    let isNotEmpty (items: 'a seq) : unit =
        check (not (Seq.isEmpty items)) (fun () -> "expected items, got none")

    /// The exception, of just this type, that `action` raises.
    let throws<'e when 'e :> exn> (action: unit -> unit) : 'e =
        let raised =
            try
                action ()
                None
            with error ->
                Some error

        match raised with
        | Some(:? 'e as error) when error.GetType() = typeof<'e> -> error
        | Some error -> failtest $"expected {typeof<'e>.Name}\ngot      {error}"
        | None -> failtest $"expected {typeof<'e>.Name}, nothing was raised"
