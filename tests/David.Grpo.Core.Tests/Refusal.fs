namespace David.Grpo.Tests

open System
open System.Text.RegularExpressions
open FSharp.Linq.RuntimeHelpers
open FSharp.Quotations
open FSharp.Quotations.Patterns
open FSharp.Reflection
open Expecto

/// What a function does not take. A call stands for all that are spoiled in one place.
[<RequireQualifiedAccess>]
module Refusal =

    let rec private isOfRecords (kind: Type) =
        match kind.GetElementType() with
        | null -> false
        | element -> FSharpType.IsRecord element || isOfRecords element

    /// The same call with one of its numbers, or of those in its options, replaced: where, and its arguments.
    let rec private changed
        (change: string -> obj -> objnull list)
        (name: string)
        (value: objnull)
        : (string * objnull) list =
        let within make (fields: (string * objnull)[]) =
            [
                for i in 0 .. fields.Length - 1 do
                    for where, other in changed change (fst fields[i]) (snd fields[i]) do
                        where, make (fields |> Array.map snd |> Array.updateAt i other)
            ]

        match value with
        | null -> []
        | value ->
            let kind = value.GetType()

            if kind.IsPrimitive || kind.IsArray then
                [
                    for other in change name value do
                        name, other

                    match value with
                    | :? Array as own when own.Length > 0 && isOfRecords kind ->
                        for where, other in changed change name (own.GetValue 0) do
                            let copy = own.Clone() :?> Array
                            copy.SetValue(other, 0)
                            where, box copy
                    | _ -> ()
                ]
            elif FSharpType.IsRecord kind then
                FSharpType.GetRecordFields kind
                |> Array.map (fun field -> field.Name, field.GetValue value)
                |> within (fun fields -> FSharpValue.MakeRecord(kind, fields))
            elif FSharpType.IsUnion kind then
                let case, values = FSharpValue.GetUnionFields(value, kind)

                Array.zip (case.GetFields() |> Array.map _.Name) values
                |> within (fun fields -> FSharpValue.MakeUnion(case, fields))
            else
                []

    let private spoiled (length: int) (_: string) (value: obj) : objnull list =
        match value with
        | :? float -> [ nan ]
        | :? (float[]) as own when own.Length > 0 ->
            [
                Array.updateAt (own.Length - 1) nan own
                if length > 1 then
                    own.[1..]
            ]
        | :? (float[][]) as own when own.Length > 0 && own[0].Length > 0 ->
            [
                Array.updateAt 0 (Array.updateAt 0 nan own.[0]) own
                if own.Length > 1 then
                    Array.updateAt 0 own.[0].[1..] own
            ]
        | :? Array as own when length > 1 && own.Length > 1 ->
            let shorter =
                Array.CreateInstance(Option.get (Option.ofObj (own.GetType().GetElementType())), own.Length - 1)

            Array.Copy(own, shorter, shorter.Length)
            [ shorter ]
        | _ -> []

    /// A call's target, method and arguments. A curried member is quoted as lambdas around its call, applied to these.
    let private (|CallOf|_|) (call: Expr) =
        match call with
        | Call(target, method, arguments) -> Some(target, method, arguments)
        | DerivedPatterns.Applications(DerivedPatterns.Lambdas(_, Call(None, method, _)), arguments) ->
            Some(None, method, List.concat arguments)
        | _ -> None

    /// A call with one value replaced: where, by what, the names of all that it takes, and what it raised.
    type private Attempt =
        {
            Where: string
            Value: objnull
            Names: string list
            Found: exn option
        }

    /// Names of what a function makes of its arguments.
    let private aliases =
        [ "log-odds"; "meanCost"; "rates"; "rewards"; "runs"; "values" ]

    /// What a value is made of: its fields and cases.
    let rec private namesIn (value: objnull) : string list =
        match value with
        | null -> []
        | :? Array as own -> if own.Length > 0 then namesIn (own.GetValue 0) else []
        | value ->
            let kind = value.GetType()

            if FSharpType.IsRecord kind then
                [
                    for field in FSharpType.GetRecordFields kind do
                        field.Name
                        yield! namesIn (field.GetValue value)
                ]
            elif FSharpType.IsUnion kind then
                let case, values = FSharpValue.GetUnionFields(value, kind)

                [
                    case.Name
                    for field in case.GetFields() do
                        field.Name
                    for value in values do
                        yield! namesIn value
                ]
            else
                []

    let private tried (call: Expr) (changes: int -> string -> obj -> objnull list) =
        match call with
        | CallOf(target, method, arguments) ->
            let target =
                target |> Option.map LeafExpressionConverter.EvaluateQuotation |> Option.toObj

            let values =
                arguments |> List.map LeafExpressionConverter.EvaluateQuotation |> List.toArray

            let names = method.GetParameters() |> Array.map (fun own -> string own.Name)

            // Arrays of one length go together.
            let lengthOf (value: objnull) =
                match value with
                | :? Array as own ->
                    values
                    |> Array.filter (function
                        | :? Array as other -> other.Length = own.Length
                        | _ -> false)
                    |> Array.length
                | _ -> 0

            let invoke (values: objnull[]) =
                try
                    method.Invoke(target, values) |> ignore
                    None
                with :? Reflection.TargetInvocationException as found ->
                    Option.ofObj found.InnerException

            invoke values |> Option.iter (fun found -> failtest $"{method.Name} as it is: {found.Message}")

            [
                for i in 0 .. values.Length - 1 do
                    for where, other in changed (changes (lengthOf values[i])) names[i] values[i] do
                        {
                            Where = where
                            Value = other
                            Names = List.ofArray names @ List.collect namesIn (List.ofArray values)
                            Found = invoke (Array.updateAt i other values)
                        }
            ]
        | other -> failtest $"no call of a function: {other}"

    /// The message begins with the name of what is refused, the number itself where it is one, and says what was wanted;
    /// that of F#'s own functions, of arrays of unequal length, does not. Of two arrays of unequal length either is named.
    let private isRefused (expectation: string) (attempt: Attempt) =
        let begins (message: string) =
            let found =
                Regex.Match(message, @"^(?:\w+(?:\[\d+\])*\.)*([\w-]+)(?:\[\d+\])* (?:is|has) ")

            found.Success
            && List.contains found.Groups[1].Value (attempt.Names @ aliases)
            && (match attempt.Value with
                | :? float as number -> message.Contains(string number, StringComparison.OrdinalIgnoreCase)
                | :? int as number -> message.Contains(string number, StringComparison.OrdinalIgnoreCase)
                | _ -> true)

        match attempt.Found with
        | Some found when
            found.GetType() = typeof<ArgumentException>
            && begins found.Message
            && found.Message.Contains expectation
            ->
            ()
        | Some found -> failtest $"{attempt.Where} = %A{attempt.Value}: {found}"
        | None -> failtest $"{attempt.Where} = %A{attempt.Value} was taken"

    /// Whatever is no number, or an array of another length than its fellows, is refused. `ranges` are the numbers, by
    /// name, of which the first are refused by that name and the last are taken; a name without any is that of what is not checked.
    let holds (call: Expr) (ranges: (string * float list * float list) list) : unit =
        let isSpared name = ranges |> List.contains (name, [], [])

        let found =
            tried call (fun length name value -> if isSpared name then [] else spoiled length name value)

        Expect.isTrue (found.Length > 0 || ranges.Length > 0) $"{call} has nothing to refuse"
        found |> List.iter (isRefused "expected")

        for range, refused, taken in ranges do
            let replaced (numbers: float list) _ (name: string) (value: obj) : objnull list =
                match value with
                | _ when name <> range -> []
                | :? float -> numbers |> List.map box
                | :? int -> numbers |> List.map (int >> box)
                | _ -> []

            let outside, inside = tried call (replaced refused), tried call (replaced taken)
            (outside.Length, inside.Length) |> equals (refused.Length, taken.Length)
            outside |> List.iter (isRefused "")

            for attempt in inside do
                attempt.Found
                |> Option.iter (fun found -> failtest $"{attempt.Where} = %A{attempt.Value}: {found.Message}")
